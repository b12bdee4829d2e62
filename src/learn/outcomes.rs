//! Which clients asked for each operation, and how the engine answered. This is for people and does
//! not affect rules, so the digest of the evidence does not cover it.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use super::Known;
use super::asked::{Asked, AskedIn, Asking, MOST_CLIENTS, Target};
use super::client_name::ClientName;

/// Counts by operation. There are few clients and few statuses, so each list is searched linearly.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    of: BTreeMap<usize, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    clients: Vec<(u8, u64)>,
    statuses: Vec<(u16, u64)>,
}

impl Outcomes {
    /// Counts the requests of a session.
    pub(super) fn add(&mut self, session: &AskedIn, targets: &[Target]) {
        for Asking { target, count, unrouted, client, status, seq, .. } in &session.askings {
            let Some(Target::Known(Asked { operation, .. })) = targets.get(*target) else {
                continue;
            };
            if *unrouted {
                continue;
            }
            let counts = self.of.entry(operation.index).or_default();
            bump(&mut counts.clients, *client, *count);
            bump(&mut counts.statuses, *status, 1);
            for (status, count) in session.repeated.get(seq).into_iter().flatten() {
                bump(&mut counts.statuses, *status, *count);
            }
        }
    }

    /// Moves the counts into their operations.
    pub(super) fn put_into(
        self,
        known: &mut BTreeMap<usize, Known>,
        clients: &IndexSet<ClientName>,
    ) {
        for (index, mut counts) in self.of {
            let Some(known) = known.get_mut(&index) else { continue };
            let name = |place: u8| {
                let place = usize::from(place).checked_sub(1).filter(|at| *at < MOST_CLIENTS)?;
                clients.get_index(place)
            };
            let mut named: BTreeMap<Option<String>, u64> = BTreeMap::new();
            let mut places: BTreeMap<String, u64> = BTreeMap::new();
            for (place, count) in counts.clients {
                let name = name(place);
                *named.entry(name.map(ToString::to_string)).or_default() += count;
                if let Some(name) = name.filter(|name| !name.place.is_empty()) {
                    *places.entry(name.place.to_string()).or_default() += count;
                }
            }
            known.clients = named.into_iter().collect();
            known.clients.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            known.places = places.into_iter().collect();
            known.places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            counts.statuses.retain(|(status, _)| *status > 0);
            counts.statuses.sort_unstable();
            known.statuses = counts.statuses;
        }
    }
}

/// Adds to the count of `key`.
fn bump<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K, by: u64) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += by,
        None => counts.push((key, by)),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::EngineKind;
    use crate::learn::{Evidence, Gathering};
    use crate::recording::Event;

    fn evidence(lines: &[String]) -> Evidence {
        let mut gathering = Gathering::default();
        for line in lines {
            gathering.absorb(serde_json::from_str::<Event<'_>>(line).unwrap());
        }
        gathering.finish(EngineKind::Docker)
    }

    fn request(seq: u64, path: &str, agent: &str) -> String {
        format!(
            "{{\"request\":{{\"session\":\"s\",\"seq\":{seq},\"time\":\"2026-01-01T00:00:00Z\",\
             \"connection\":1,\"method\":\"GET\",\"path\":\"{path}\",\"agent\":\"{agent}\"}}}}"
        )
    }

    fn response(seq: u64, status: u16) -> String {
        format!(
            "{{\"response\":{{\"session\":\"s\",\"seq\":{seq},\"status\":{status},\
             \"milliseconds\":1,\"received\":0,\"sent\":0}}}}"
        )
    }

    fn repeat(seq: u64, count: u64, statuses: &str) -> String {
        format!(
            "{{\"repeat\":{{\"session\":\"s\",\"seq\":{seq},\"count\":{count},\
             \"statuses\":{{{statuses}}}}}}}"
        )
    }

    #[test]
    fn clients_and_answers_are_counted_once_each() {
        let lines = [
            request(1, "/info", "a"),
            response(1, 200),
            repeat(1, 2, "\"200\":2"),
            repeat(1, 4, "\"200\":3,\"500\":1"),
            request(2, "/info", "b"),
            response(2, 404),
            request(3, "/version", "a"),
        ];
        let twice = [lines.clone(), lines.clone()].concat();
        for lines in [&lines[..], &twice[..]] {
            let evidence = evidence(lines);
            let known: Vec<_> = evidence.known().collect();
            let client = |name: &str, count| (Some(name.to_owned()), count);
            assert_eq!(known[0].clients, [client("a", 5), client("b", 1)]);
            assert_eq!(known[0].statuses, [(200, 4), (404, 1), (500, 1)]);
            assert_eq!((known[1].clients.len(), known[1].statuses.len()), (1, 0));
        }
        let digest = |lines: &[String]| evidence(lines).digest();
        let renamed: Vec<String> =
            lines.iter().map(|line| line.replace("\"b\"", "\"c\"").replace("404", "200")).collect();
        assert_eq!(digest(&lines), digest(&renamed));
    }

    #[test]
    fn clients_are_named_by_where_they_run_too() {
        let of = |seq, agent: &str, client: &str| {
            request(seq, "/info", agent).replace("\"method\"", &format!("{client}\"method\""))
        };
        let container = r#""client":{"container":{"id":"1","name":"web"}},"#;
        let evidence = evidence(&[
            of(1, "a", container),
            of(2, "b", container),
            of(3, "a", r#""client":{"unit":"x.service"},"#),
            of(4, "a", r#""client":{"pod":"later"},"#),
        ]);
        let known = evidence.known().next().unwrap();
        let names: Vec<_> = known.clients.iter().flat_map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "container web, a", "container web, b", "unit x.service, a"]);
        let places = [("container web".to_owned(), 2), ("unit x.service".to_owned(), 1)];
        assert_eq!(known.places, places);
    }

    #[test]
    fn a_client_that_changes_its_name_does_not_fill_the_memory() {
        let lines: Vec<String> = (1..=200)
            .map(|seq| request(seq, "/info", &format!("{seq}{}", "x".repeat(500))))
            .collect();
        let evidence = evidence(&lines);
        let clients = &evidence.known().next().unwrap().clients;
        assert_eq!(clients.len(), super::MOST_CLIENTS + 1);
        assert_eq!(clients[0], (None, 200 - 64));
        assert!(clients.iter().flat_map(|(name, _)| name).all(|name| name.len() == 100));
    }
}
