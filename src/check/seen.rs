//! What the evidence for a finding is: how often, from whom, and where a person finds it.

use super::Check;
use crate::learn::{First, Known, Use};
use crate::report::{Finding, Recorded, count};

/// The number of clients that a finding names.
const EXAMPLES: usize = 3;

impl Check<'_> {
    /// The finding with its evidence: how often, and where it was recorded first.
    pub(super) fn with_evidence(
        &self,
        finding: Finding,
        seen: String,
        first: Option<First>,
    ) -> Finding {
        let first = first.map(|first| self.evidence.first_seen(first));
        let told = first.as_ref().map(ToString::to_string).filter(|told| !told.is_empty());
        let seen = match told {
            Some(told) => format!("{seen}; first: {told}"),
            None => seen,
        };
        let recorded = first.and_then(|first| {
            Some(Recorded {
                file: first.file?,
                line: first.line?.get(),
                subject: first.subject,
                client: first.client,
            })
        });
        Finding { seen: Some(seen), recorded, ..finding }
    }
}

pub(super) fn seen(used: &Use) -> String {
    format!("{}, {}", count(used.requests, "request"), count(used.sessions.len(), "session"))
}

/// The same for an operation, with those who asked for it if the recording names them.
pub(super) fn seen_from(known: &Known) -> String {
    let seen = seen(&known.seen);
    let named = known.places.iter().take(EXAMPLES).map(|(place, _)| place.as_str());
    let named: Vec<&str> = named.collect();
    let more = match known.places.len().saturating_sub(EXAMPLES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if named.is_empty() { seen } else { format!("{seen}, from {}{more}", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;
    use crate::learn::Gathering;

    #[test]
    fn a_denied_request_names_the_containers_that_sent_it() {
        let mut gathering = Gathering::default();
        for (seq, name) in ["web", "db", "web", "ci", "cron"].into_iter().enumerate() {
            let line = format!(
                r#"{{"request":{{"session":"s","seq":{seq},"time":"2026-01-01T00:00:00Z","connection":1,
                "client":{{"container":{{"id":"1","name":"{name}"}}}},"method":"GET","path":"/info"}}}}"#
            );
            gathering.absorb(serde_json::from_str(&line).unwrap());
        }
        let evidence = gathering.finish(EngineKind::Docker);
        let seen = seen_from(evidence.known().next().unwrap());
        assert_eq!(
            seen,
            "5 requests, 1 session, from container web, container ci, container cron and 1 more"
        );
        let none = crate::learn::told::evidence(&[&["GET /info"]]);
        assert_eq!(seen_from(none.known().next().unwrap()), "1 request, 1 session");
    }
}
