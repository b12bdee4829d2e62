//! Adds to the requests of all sessions whose objects they were about.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;

use super::{Gathered, numbered};
use crate::api::EngineKind;
use crate::learn::asked::{Asked, Target};
use crate::learn::owners::{Life, Owners, has_objects, made_by_the_way, of_path};
use crate::learn::{ObjectNames, Whose};
use crate::recording::Request;

/// The status for an object that does not exist.
const NOT_FOUND: u16 = 404;

/// The new name that a request gives to the object in its path: of a container, or of an image.
pub(super) fn new_name(request: &Request<'_>) -> Option<String> {
    let value = |wanted: &str| {
        let mut found = request.query.iter().filter(|(key, _)| key == wanted);
        found.next()?.1.as_deref().filter(|value| !value.is_empty())
    };
    if request.path.ends_with("/rename") {
        return value("name").map(|name| name.trim_start_matches('/').to_owned());
    }
    let repository = request.path.ends_with("/tag").then(|| value("repo"))??;
    Some(value("tag").map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}")))
}

/// Adds to each request which of its objects the recording made. Requests that were the same so far may
/// differ in that, and get targets of their own. Returns the names of the objects.
pub(super) fn tell_owners(
    engine: EngineKind,
    targets: &mut Vec<Target>,
    sessions: &mut [(String, Gathered)],
) -> ObjectNames {
    let tells = |(_, gathered): &(String, Gathered)| gathered.state.tells_owners;
    let all_tell = sessions.iter().all(tells);
    for target in &mut *targets {
        if let Target::Known(asked) = target {
            asked.whose.is_known = all_tell || !has_objects(asked);
        }
    }
    let known = |targets: &'_ [Target], place: usize| match targets.get(place)? {
        Target::Known(asked) => Some(asked.clone()),
        _ => None,
    };
    let owners = {
        let done: Vec<_> = sessions.iter().map(|(_, gathered)| done(gathered, targets)).collect();
        let made = sessions.iter().zip(&done).map(|((_, gathered), done)| {
            let mut seqs: Vec<u64> = gathered.requests.keys().copied().collect();
            seqs.sort_unstable();
            made_by_the_way(seqs.into_iter().filter_map(|seq| Some((seq, done(seq)?))))
        });
        let made: Vec<BTreeMap<String, u64>> = made.collect();
        let lives = sessions.iter().zip(&done).zip(&made);
        let lives = lives.map(|(((_, gathered), done), made_by_the_way)| Life {
            made: &gathered.made,
            made_by_the_way,
            named: &gathered.named,
            done,
        });
        let lives: Vec<Life<'_, '_>> = lives.collect();
        Owners::of(engine, &lives)
    };
    if owners.is_empty() && all_tell {
        return ObjectNames::default();
    }
    let mut others: HashMap<(usize, Whose), usize> = HashMap::new();
    for (session, (_, gathered)) in sessions.iter_mut().enumerate() {
        if !gathered.state.tells_owners {
            continue;
        }
        let Gathered { requests, repeated, .. } = gathered;
        for (seq, slot) in requests {
            let Some(place) = slot.place() else { continue };
            let Some(mut asked) = known(targets, place).filter(has_objects) else { continue };
            let mut repeated = repeated.get(seq).into_iter().flat_map(IndexMap::keys);
            let was_missing = slot.status == NOT_FOUND;
            let is_missing = was_missing && repeated.all(|status| *status == NOT_FOUND);
            // If it was there later, the repeated requests were about what had been made in between.
            let at = if was_missing && !is_missing { u64::MAX } else { *seq };
            let own = owners.own_objects(&asked, (session, at));
            let is_absent = is_missing && own.is_empty() && of_path(&asked).is_some();
            let Whose { is_filtered, .. } = asked.whose;
            let whose = Whose { own, is_known: true, is_absent, is_filtered };
            if whose == asked.whose {
                continue;
            }
            let other = *others.entry((place, whose.clone())).or_insert_with(|| {
                asked.whose = whose;
                targets.push(Target::Known(asked));
                targets.len() - 1
            });
            slot.asked = numbered(other).or(slot.asked);
        }
    }
    owners.names()
}

/// What the requests of a session asked for, by number, unless the engine refused them each time. A create
/// whose image is missing, for example, is sent again after a pull.
fn done<'a>(gathered: &'a Gathered, targets: &'a [Target]) -> impl Fn(u64) -> Option<&'a Asked> {
    |seq| {
        let slot = gathered.requests.get(&seq)?;
        let repeated = gathered.repeated.get(&seq).into_iter().flat_map(IndexMap::keys);
        std::iter::once(&slot.status).chain(repeated).find(|status| **status < 400)?;
        match targets.get(slot.place()?)? {
            Target::Known(asked) => Some(asked),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::api::EngineKind;
    use crate::learn::told::{ID, OTHER, evidence, of_version};
    use crate::learn::{Demand, Evidence};

    /// The own objects of each demand on an operation, as `names: objects`.
    fn own(evidence: &Evidence, operation: &str) -> Vec<String> {
        let operation = EngineKind::Docker.catalogue().named(operation).unwrap();
        let demands = evidence.of_operation(operation).unwrap().demands.keys();
        let told = demands.map(|demand| {
            let own = demand.whose.own.iter();
            let own = own.map(|object| format!("{} {}", object.kind, object.name));
            let names = demand.names.join(" ");
            format!("{names}: {}", own.collect::<Vec<_>>().join(", "))
                .replace(ID, "ID")
                .replace(OTHER, "OTHER")
        });
        told.collect()
    }

    const CREATE: [&str; 2] = ["POST /containers/create?name=web", "+container ID web"];

    fn after_create(lines: &[&'static str]) -> Evidence {
        evidence(&[&[&CREATE, lines].concat()])
    }

    #[test]
    fn objects_are_own_by_id_prefix_and_name() {
        let made = after_create(&[
            "POST /containers/ID/start",
            "POST /containers/4f5ce1b0a3d2/start",
            "POST /containers/web/start",
            "POST /containers/4f5/start",
            "POST /containers/9a5ce1b0a3d2/start",
            "POST /containers/webs/start",
        ]);
        assert_eq!(
            own(&made, "ContainerStart"),
            [
                "4f5: ",
                "4f5ce1b0a3d2: container 4f5ce1b0a3d2",
                "ID: container ID",
                "9a5ce1b0a3d2: ",
                "web: container web",
                "webs: ",
            ]
        );
    }

    #[test]
    fn a_name_is_nobodys_before_it_is_given() {
        let before = evidence(&[&[
            "GET /containers/web/json",
            "POST /containers/create?name=web",
            "+container ID web",
            "POST /containers/web/start",
        ]]);
        assert_eq!(own(&before, "ContainerInspect"), ["web: "]);
        assert_eq!(own(&before, "ContainerStart"), ["web: container web"]);
        let absent = |evidence: &Evidence| {
            let inspect = EngineKind::Docker.catalogue().named("ContainerInspect").unwrap();
            let demands = evidence.of_operation(inspect).unwrap().demands.keys();
            demands.map(Demand::is_absent).collect::<Vec<_>>()
        };
        assert_eq!(absent(&before), [false]);
        // It is looked up before it is there. In the second session it is one that the first has made.
        let lines: &[&str] = &["GET /containers/web/json 404", CREATE[0], CREATE[1]];
        let twice = evidence(&[lines, lines]);
        assert_eq!(own(&twice, "ContainerInspect"), ["web: ", "web: container web"]);
        assert_eq!(absent(&twice), [true, false]);
    }

    /// As clients do whose image is missing at first.
    #[test]
    fn what_the_engine_makes_at_the_second_try_is_own() {
        let made = evidence(&[&[
            "POST /containers/create?name=web mounts=cache 404",
            "POST /images/create?fromImage=busybox",
            "POST /containers/web/wait",
            "DELETE /volumes/cache",
        ]]);
        assert_eq!(own(&made, "ContainerWait"), ["web: "]);
        assert_eq!(own(&made, "VolumeDelete"), ["cache: "]);
        let made = evidence(&[&[
            "POST /containers/create?name=web mounts=cache 404",
            "again 404",
            "again 201",
            "+container ID web",
            "POST /containers/web/wait",
            "DELETE /volumes/cache",
        ]]);
        assert_eq!(own(&made, "ContainerWait"), ["web: container web"]);
        assert_eq!(own(&made, "VolumeDelete"), ["cache: volume cache"]);
    }

    #[test]
    fn a_volume_that_a_create_makes_by_the_way_is_own_if_it_is_removed() {
        let made = after_create(&[
            "POST /containers/create mounts=cache mounts=data mounts=kept",
            "GET /volumes/cache",
            "DELETE /volumes/cache",
            "DELETE /volumes/kept 409",
        ]);
        assert_eq!(own(&made, "VolumeDelete"), ["cache: volume cache", "kept: "]);
        let found = after_create(&[
            "GET /volumes/cache",
            "POST /containers/create mounts=cache",
            "DELETE /volumes/cache",
        ]);
        assert_eq!(own(&found, "VolumeDelete"), ["cache: "]);
        assert_eq!(own(&made, "ContainerCreate"), [": ", ": volume cache"]);
    }

    /// enforce cannot mark what it cannot read, and does not mark what has no labels.
    #[test]
    fn what_cannot_be_marked_is_nobodys() {
        let unread = after_create(&[
            "POST /images/load",
            "+image sha256:OTHER app:1",
            "GET /images/app:1/json",
            "POST /containers/create?name=odd unread",
            "+container OTHER odd",
            "POST /containers/odd/start",
        ]);
        assert_eq!(own(&unread, "ImageInspect"), ["app:1: "]);
        assert_eq!(own(&unread, "ContainerStart"), ["odd: "]);
    }

    #[test]
    fn a_container_that_is_renamed_has_only_its_new_name() {
        let renamed = after_create(&[
            "POST /containers/web/rename?name=old",
            "POST /containers/old/start",
            "POST /containers/web/start",
            "POST /containers/ID/start",
        ]);
        assert_eq!(own(&renamed, "ContainerRename"), ["web: container web"]);
        assert_eq!(
            own(&renamed, "ContainerStart"),
            ["ID: container ID", "old: container old", "web: "]
        );
        let refused = after_create(&[
            "POST /containers/web/rename?name=old 409",
            "POST /containers/old/start",
            "POST /containers/web/start",
        ]);
        assert_eq!(own(&refused, "ContainerStart"), ["old: ", "web: container web"]);
        // Nor is an own name that somebody else's object has got, in any session.
        let lines: &[&str] = &[
            "POST /images/busybox/tag?repo=app&tag=1",
            "POST /images/app:1/tag?repo=app&tag=2",
            "POST /build?t=app:1",
            "+image sha256:ID app:1",
            "POST /images/app:1/tag?repo=app&tag=3",
        ];
        let tags = own(&evidence(&[lines, lines]), "ImageTag");
        assert_eq!(tags, ["app:1: ", "app:1: image app:1", "busybox: "]);
        // Somebody else's container does not become own by a name.
        let others =
            evidence(&[&["POST /containers/db/rename?name=old", "POST /containers/old/start"]]);
        assert_eq!(own(&others, "ContainerStart"), ["old: "]);
    }

    #[test]
    fn an_exec_belongs_to_its_container() {
        let made = after_create(&[
            "POST /containers/web/exec",
            "+exec e1",
            "POST /exec/e1/start",
            "POST /containers/db/exec",
            "+exec e2",
            "POST /exec/e2/start",
        ]);
        assert_eq!(own(&made, "ExecStart"), ["e1: exec e1", "e2: "]);
    }

    #[test]
    fn objects_in_contents_are_own_too() {
        let made = after_create(&[
            "POST /networks/create",
            "+network n1 back",
            "POST /volumes/create",
            "+volume data",
            "POST /build?t=app:1",
            "+image sha256:ID app:1",
            "POST /images/app:1/tag?repo=docker.io/library/app&tag=2",
            "POST /containers/create network=back network=web network=front mounts=data:ro \
             mounts=other mounts=from=web namespaces=pid=container:web image=app:2",
        ]);
        assert_eq!(
            own(&made, "ContainerCreate"),
            [": ", ": container web, network back, volume data, image app:2",]
        );
        assert_eq!(own(&made, "ImageTag"), ["app:1: image app:1"]);
    }

    #[test]
    fn sessions_count_together_unless_they_do_not_tell() {
        let two = evidence(&[&CREATE, &["POST /containers/web/stop", "POST /containers/ID/stop"]]);
        assert_eq!(own(&two, "ContainerStop"), ["ID: container ID", "web: container web"]);
        let old = of_version(2, &[&["POST /containers/web/stop", "GET /info"]]);
        let unknown = |evidence: &Evidence| {
            let demands = evidence.known().flat_map(|known| known.demands.keys());
            demands.filter(|demand| !demand.whose.is_known).count()
        };
        assert_eq!((unknown(&old), unknown(&two)), (1, 0));
    }

    #[test]
    fn ids_have_names_for_people() {
        use crate::api::ObjectKind::{Container, Network};
        let made = after_create(&["POST /containers/ID/rename?name=db"]);
        let names = made.object_names();
        assert_eq!(names.of(Container, ID), Some("db"));
        assert_eq!(names.of(Container, "4f5ce1b0a3d2"), Some("db"));
        assert_eq!(names.of(Container, OTHER), None);
        assert_eq!(names.of(Container, "web"), None);
        assert_eq!(names.of(Network, ID), None);
    }

    proptest! {
        /// Containers of one name, one after another, each renamed or removed before the next: all are own,
        /// and never one that was not made.
        #[test]
        fn names_are_own_while_an_own_object_has_them(
            steps in prop::collection::vec(("[ab]", "[ab]", 0..4u8), 1..12),
        ) {
            let mut lines = Vec::new();
            // The names that own containers have now.
            let mut own_now = std::collections::BTreeSet::new();
            let mut expected = Vec::new();
            for (number, (name, other, step)) in steps.iter().enumerate() {
                match step {
                    0 if !own_now.contains(name) => {
                        lines.push(format!("POST /containers/create?name={name}"));
                        lines.push(format!("+container {number:064x} {name}"));
                        own_now.insert(name.clone());
                    }
                    1 if own_now.contains(name) && !own_now.contains(other) => {
                        lines.push(format!("POST /containers/{name}/rename?name={other}"));
                        own_now.remove(name);
                        own_now.insert(other.clone());
                    }
                    2 => {
                        let status = if own_now.contains(name) { "204" } else { "404" };
                        lines.push(format!("GET /containers/{name}/json {status}"));
                        expected.push((name.clone(), own_now.contains(name)));
                    }
                    _ => {}
                }
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let made = evidence(&[&lines]);
            let inspect = EngineKind::Docker.catalogue().named("ContainerInspect").unwrap();
            let demands = made.of_operation(inspect);
            let seen: Vec<(String, bool)> = demands
                .into_iter()
                .flat_map(|known| known.demands.keys())
                .map(|demand| (demand.names[0].clone(), demand.has_own_path(inspect)))
                .collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(seen, expected);
        }
    }
}
