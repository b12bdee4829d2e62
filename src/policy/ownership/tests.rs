//! Decisions on own objects, each with what the engine says.

use crate::api::{Object, ObjectKind};
use crate::policy::{Body, Enforcer, Found, Gate, Owners, Request, Verdict};
use crate::profile::parse;

const FULL: &str = "1c627f98a082240af6e222a2d022240aac9e45f4755608df864efa16aa63f2df";

fn gate(rules: &str) -> Enforcer {
    let text = format!("version: 1\nname: ci\nallow:\n{rules}");
    Enforcer::new(&parse(&text).unwrap_or_else(|problem| panic!("{}", problem.message)))
}

/// What becomes of a request, if the engine says this about the objects that the gate asks about.
fn asked(
    gate: &Enforcer,
    (method, target, body): (&str, &str, &str),
    found: &[(&str, &str, &str)],
) -> String {
    let body = if body.is_empty() { Body::Absent } else { Body::Whole(body.as_bytes()) };
    let mut owners = Owners::default();
    let mut questions = Vec::new();
    loop {
        let request = Request { body, owners: &owners, ..Request::new(method, target) };
        let objects = match gate.decide(&request).verdict {
            Verdict::Forward(permit) => {
                let body = permit.body().map(String::from_utf8_lossy).unwrap_or_default();
                return format!("{} forward {} {body}", questions.join(","), permit.target())
                    .trim()
                    .to_owned();
            }
            Verdict::Deny(denial) => {
                return format!("{} {} {denial}", questions.join(","), denial.status())
                    .trim()
                    .to_owned();
            }
            Verdict::FindOwners(objects) => objects,
            Verdict::MakeVolumes(volumes) => {
                for volume in volumes {
                    questions.push(format!("make {}", volume.object.name));
                    let body: serde_json::Value = serde_json::from_slice(&volume.body).unwrap();
                    let owner = body["Labels"]["dsp.owner"].as_str().unwrap();
                    let made = Found::object(volume.object.name.clone(), owner);
                    owners.add(volume.object, made);
                }
                continue;
            }
            Verdict::ReadBody { .. } => panic!("the body is there"),
        };
        for object in objects {
            questions.push(object.name.clone());
            let found = found.iter().find(|(name, ..)| *name == object.name);
            let found = match found {
                Some((_, "?", _)) => Found::Unknown,
                Some((_, id, owner)) => Found::object(*id, *owner),
                None => Found::Absent,
            };
            owners.add(object, found);
        }
    }
}

#[test]
fn the_full_id_of_an_own_object_goes_upstream() {
    let gate = gate("  - POST /containers/@own/stop\n  - POST /containers/prod/stop\n");
    let stop = |name: &str, found: &[_]| {
        asked(&gate, ("POST", &format!("/v1.41/containers/{name}/stop?t=1"), ""), found)
    };
    let web = [("web", FULL, "ci")];
    assert_eq!(stop("web", &web), format!("web forward /v1.41/containers/{FULL}/stop?t=1"));
    assert_eq!(stop("prod", &[]), "forward /v1.41/containers/prod/stop?t=1");
    let other = stop("web", &[("web", FULL, "other")]);
    assert_eq!(
        other,
        "web 404 POST /containers/web/stop is allowed by profile \"ci\" for own objects only, and this \
         container is not one; to allow it: - POST /containers/web/stop"
    );
    for found in [&[("web", FULL, "")][..], &[]] {
        assert_eq!(stop("web", found), other, "nobody learns whether it exists");
    }
    assert!(stop("web", &[("web", "?", "")]).starts_with("web 503 "));
    assert!(stop("%01", &[]).contains(" 400 ") || stop("%01", &[]).starts_with("400 "));
    assert!(stop("@own", &[]).starts_with("@own 404 "));
}

/// An engine says that a missing volume is removed, if that is forced. What is not own is missing.
#[test]
fn a_forced_removal_of_what_is_not_own_changes_nothing_and_tells_nothing() {
    let gate = gate("  - DELETE /volumes/@own\n  - DELETE /containers/@own\n");
    let remove = |target: &str, found: &[_]| asked(&gate, ("DELETE", target, ""), found);
    for found in [&[("v", "v", "other")][..], &[("v", "v", "")], &[]] {
        let denied = remove("/volumes/v?force=1", found);
        assert!(denied.starts_with("v 204 DELETE /volumes/v "), "{denied}");
        for target in ["/volumes/v", "/volumes/v?force=0", "/containers/v?force=1"] {
            assert!(remove(target, found).starts_with("v 404 "), "{target}");
        }
    }
    assert!(remove("/volumes/v?force=1", &[("v", "?", "")]).starts_with("v 503 "));
    let own = remove("/volumes/v?force=1", &[("v", "v", "ci")]);
    assert_eq!(own, "v forward /volumes/v?force=1");
}

#[test]
fn what_does_not_exist_is_answered_as_the_engine_does() {
    let gate = gate("  - DELETE /volumes/@own\n  - GET /volumes/@own\n");
    let denial = |method: &str, target: &str, found: Found| {
        let mut owners = Owners::default();
        owners.add(Object::new(ObjectKind::Volume, "data"), found);
        let request = Request { owners: &owners, ..Request::new(method, target) };
        let Verdict::Deny(denial) = gate.decide(&request).verdict else { panic!("{target}") };
        (denial.status(), denial.is_of_absent())
    };
    let others = || Found::object("data", "other");
    assert_eq!(denial("GET", "/volumes/data?force=1", Found::Absent), (404, true));
    assert_eq!(denial("DELETE", "/volumes/data", Found::Absent), (404, true));
    assert_eq!(denial("DELETE", "/volumes/data", others()), (404, false));
    for force in ["force=1", "force=true", "force=yes"] {
        let target = format!("/volumes/data?{force}");
        assert_eq!(denial("DELETE", &target, Found::Absent), (204, true), "{force}");
        assert_eq!(denial("DELETE", &target, others()), (204, false), "{force}");
    }
    assert_eq!(denial("DELETE", "/volumes/data?force=0", others()), (404, false));
}

/// A name of digits may be the beginning of another object's ID by the time that the engine looks at it.
#[test]
fn a_name_like_an_id_is_own_if_no_other_id_begins_with_it() {
    let gate = gate("  - POST /containers/create:\n      network: [\"@own\"]\n");
    let body = Body::Whole(b"{\"HostConfig\":{\"NetworkMode\":\"beefbeefbeef\"}}");
    let is_forwarded = |is_alone: bool| {
        let mut owners = Owners::default();
        let found = Found::Object { id: FULL.to_owned(), owner: "ci".to_owned(), is_alone };
        owners.add(Object::new(ObjectKind::Network, "beefbeefbeef"), found);
        let asked = Request::new("POST", "/containers/create");
        let verdict = gate.decide(&Request { body, owners: &owners, ..asked }).verdict;
        matches!(verdict, Verdict::Forward(_))
    };
    assert_eq!((is_forwarded(false), is_forwarded(true)), (false, true));
}

/// A rule that allows any contents allows those that dsp cannot read. What they create stays nobody's.
#[test]
fn contents_that_cannot_be_read_are_not_marked() {
    let gate = gate("  - POST /containers/create\n  - POST /containers/@own/stop\n");
    let create = |body: &str| asked(&gate, ("POST", "/containers/create", body), &[]);
    assert_eq!(
        create("{\"Image\":\"x\"}"),
        "forward /containers/create {\"Image\":\"x\",\"Labels\":{\"dsp.owner\":\"ci\"}}"
    );
    for body in ["{\"Image\":\"x\",\"image\":\"y\"}", "no JSON", "{\"New\":1}"] {
        assert_eq!(create(body), "forward /containers/create");
    }
}

#[test]
fn contents_name_own_objects() {
    let gate = gate(
        "  - POST /containers/create:\n      image: [x:1]\n      mounts: [\"@own\", \"from=@own\"]\n      \
         network: [\"@own\", \"container:@own\", front]\n",
    );
    let create = |config: &str, found: &[_]| {
        let body = format!("{{\"Image\":\"x:1\",\"HostConfig\":{{{config}}}}}");
        asked(&gate, ("POST", "/containers/create", &body), found)
    };
    let label = "\"Labels\":{\"dsp.owner\":\"ci\"}";
    for (config, found, questions) in [
        ("\"NetworkMode\":\"net\"", &[("net", FULL, "ci")][..], "net"),
        ("\"NetworkMode\":\"container:web\"", &[("web", FULL, "ci")], "web"),
        ("\"NetworkMode\":\"front\"", &[], ""),
        ("\"VolumesFrom\":[\"web:ro\"]", &[("web", FULL, "ci")], "web"),
        ("\"Binds\":[\"data:/d\",\"log:/l:ro\"]", &[("data", "data", "ci")], "data,log,make log"),
        (
            "\"NetworkMode\":\"1c627f98a082240af6e222a2d022240aac9e45f4755608df864efa16aa63f2df\"",
            &[(FULL, FULL, "ci")],
            FULL,
        ),
    ] {
        let decided = create(config, found);
        let expected = format!("{questions} forward /containers/create ");
        assert!(decided.starts_with(expected.trim_start()), "{config}: {decided}");
        assert!(decided.contains(label), "{decided}");
    }
    for (config, found) in [
        ("\"NetworkMode\":\"net\"", &[("net", FULL, "other")][..]),
        ("\"NetworkMode\":\"net\"", &[]),
        ("\"VolumesFrom\":[\"web\"]", &[]),
        ("\"Binds\":[\"data:/d\"]", &[("data", "data", "")]),
        ("\"PidMode\":\"container:web\"", &[("web", FULL, "ci")]),
        // The beginning of an ID means another container when the own one is renamed.
        ("\"NetworkMode\":\"container:1c627f\"", &[("1c627f", FULL, "ci")]),
    ] {
        let decided = create(config, found);
        assert!(decided.contains("403 "), "{config}: {decided}");
    }
    let both = create("\"NetworkMode\":\"net\",\"Privileged\":true", &[("net", FULL, "ci")]);
    assert!(both.starts_with("403 ") && both.contains("privileged true"), "{both}");
    assert!(create("\"NetworkMode\":\"net\"", &[("net", "?", "")]).starts_with("net 503 "));
}

#[test]
fn what_is_created_is_marked_if_a_rule_asks_for_owners() {
    let create = ("POST", "/volumes/create", "{\"Name\":\"v\",\"Labels\":{\"dsp.owner\":\"x\"}}");
    let marked = "v forward /volumes/create {\"Labels\":{\"dsp.owner\":\"ci\"},\"Name\":\"v\"}";
    let plain = gate("  - POST /volumes/create\n");
    assert_eq!(asked(&plain, create, &[]), "forward /volumes/create");
    let own = "  - POST /volumes/create\n  - DELETE /volumes/@own\n";
    assert_eq!(asked(&gate(own), create, &[]), marked);
    let confined = "  - POST /volumes/create: {}\n  - DELETE /volumes/@own\n";
    assert_eq!(asked(&gate(confined), create, &[]), marked);
    let other = plain.with_owner("team");
    assert_eq!(asked(&other, create, &[]), marked.replace("\"ci\"", "\"team\""));
}

/// A client could otherwise make the services of others its own, or lose the label of its own.
#[test]
fn a_change_keeps_the_owner() {
    let gate = gate(
        "  - POST /services/*/update\n  - POST /secrets/*/update: {}\n  - POST /configs/@own/update: {}\n",
    );
    let body = "{\"Labels\":{\"dsp.owner\":\"x\"}}";
    let update = |target: &str, found: &[_]| asked(&gate, ("POST", target, body), found);
    let template = |owner: &str| {
        format!(
            "\"TaskTemplate\":{{\"ContainerSpec\":{{\"Labels\":{{\"dsp.owner\":\"{owner}\"}}}}}}"
        )
    };
    for owner in ["ci", "other"] {
        let labels = format!("\"Labels\":{{\"dsp.owner\":\"{owner}\"}}");
        assert_eq!(
            update("/services/web/update?version=1", &[("web", "id", owner)]),
            format!("web forward /services/web/update?version=1 {{{labels},{}}}", template(owner))
        );
        assert_eq!(
            update("/secrets/s/update?version=1", &[("s", "id", owner)]),
            format!("s forward /secrets/s/update?version=1 {{{labels}}}")
        );
    }
    for found in [&[("web", "id", "")][..], &[]] {
        assert_eq!(
            update("/services/web/update?version=1", found),
            "web forward /services/web/update?version=1 {\"Labels\":{}}"
        );
    }
    assert!(update("/services/web/update?version=1", &[("web", "?", "")]).starts_with("web 503 "));
    assert_eq!(
        update("/configs/c/update?version=1", &[("c", "id", "ci")]),
        "c forward /configs/id/update?version=1 {\"Labels\":{\"dsp.owner\":\"ci\"}}"
    );
    assert!(update("/configs/c/update?version=1", &[("c", "id", "other")]).starts_with("c 404 "));
    // What no rule allows is not asked about.
    assert!(asked(&gate, ("POST", "/services/create", "{}"), &[]).starts_with("403 "));
}

/// An engine answers the creation of a volume with the one that is there, whoever made it.
#[test]
fn a_name_of_others_is_taken() {
    for rule in ["  - POST /volumes/create\n", "  - POST /volumes/create: {}\n"] {
        let gate = gate(&format!("{rule}  - DELETE /volumes/@own\n"));
        let create =
            |found: &[_]| asked(&gate, ("POST", "/volumes/create", "{\"Name\":\"v\"}"), found);
        let made = "v forward /volumes/create {\"Name\":\"v\",\"Labels\":{\"dsp.owner\":\"ci\"}}";
        assert_eq!(create(&[]), made);
        assert_eq!(create(&[("v", "v", "ci")]), made);
        for owner in ["", "other"] {
            assert_eq!(
                create(&[("v", "v", owner)]),
                "v 409 Conflict. The name of the volume is in use: POST /volumes/create is allowed by \
                 profile \"ci\" for own objects only"
            );
        }
        assert!(create(&[("v", "?", "")]).starts_with("v 503 "));
        let nameless = asked(&gate, ("POST", "/volumes/create", "{}"), &[]);
        assert!(nameless.starts_with("forward "), "{nameless}");
    }
}

#[test]
fn services_name_own_secrets_configs_and_networks() {
    let gate = gate(
        "  - POST /services/create:\n      image: [x:1]\n      mounts: [\"secret=@own\", \"config=@own\"]\n      \
         network: [\"@own\"]\n",
    );
    let create = |spec: &str, found: &[_]| {
        let spec = format!("\"Image\":\"x:1\",{spec}");
        let body = format!("{{\"TaskTemplate\":{{\"ContainerSpec\":{{{spec}}}}}}}");
        asked(&gate, ("POST", "/services/create", &body), found)
    };
    let id = "s1xk4kvbvyvpkoqjrgc5xcgzo";
    let secret = format!("\"Secrets\":[{{\"SecretID\":\"{id}\",\"SecretName\":\"s\"}}]");
    let config = "\"Configs\":[{\"ConfigID\":\"c\",\"ConfigName\":\"c\"}]";
    let own = [(id, id, "ci"), ("s", id, "ci"), ("c", "c", "ci")];
    let decided = create(&secret, &own);
    assert!(decided.starts_with(&format!("s,{id} forward ")), "{decided}");
    assert!(create(config, &own).starts_with("c forward "), "{}", create(config, &own));
    for found in [[(id, id, "other"), ("s", id, "ci")], [(id, id, "ci"), ("s", "x", "")]] {
        assert!(create(&secret, &found).contains(" 403 "), "{}", create(&secret, &found));
    }
    assert!(create(config, &[]).contains(" 403 "));
}

#[test]
fn lists_prunes_and_events_are_filtered_by_owner() {
    let rules = "  - GET /containers/json: {filters: [\"@own\"]}\n  \
                 - POST /images/prune: {filters: [\"@own\"]}\n  \
                 - POST /volumes/create\n  - GET /networks\n";
    let own = gate(rules);
    let list = |gate: &Enforcer, query: &str| {
        asked(gate, ("GET", &format!("/v1.41/containers/json{query}"), ""), &[])
    };
    let label = "filters=%7B%22label%22%3A%7B%22dsp.owner%3Dci%22%3Atrue%7D%7D";
    assert_eq!(list(&own, ""), format!("forward /v1.41/containers/json?{label}"));
    assert_eq!(list(&own, "?all=1"), format!("forward /v1.41/containers/json?all=1&{label}"));
    let team = gate(rules).with_owner("team");
    assert!(list(&team, "").contains("dsp.owner%3Dteam"));
    let label = label.replace("dsp.owner", "dsp.image.owner");
    let prune = asked(&own, ("POST", "/images/prune", ""), &[]);
    assert_eq!(prune, format!("forward /images/prune?{label}"));
    // What has no such rule stays as it is, and what is made is marked.
    assert_eq!(asked(&own, ("GET", "/networks", ""), &[]), "forward /networks");
    let create = asked(&own, ("POST", "/volumes/create", "{}"), &[]);
    assert!(create.contains("\"dsp.owner\":\"ci\""), "{create}");

    for (query, status) in [
        ("?filters=%7B%22label%22%3A%5B%22dsp.owner%3Dother%22%5D%7D", "400 "),
        ("?filters=null", "400 "),
        ("?filters=%7B%7D&filters=%7B%7D", "400 "),
        ("?Filters=%7B%7D", "403 "),
        ("?since=web", "403 "),
        ("?filters=%7B%22before%22%3A%5B%22web%22%5D%7D", "403 "),
    ] {
        let decided = list(&own, query);
        assert!(decided.starts_with(status), "{query}: {decided}");
    }
    // Another rule may allow more.
    let both = gate(&format!("{rules}  - GET /containers/json\n"));
    assert_eq!(list(&both, ""), "forward /v1.41/containers/json");
    let named = gate("  - GET /containers/json: {filters: [\"@own\", \"label=app\"]}\n");
    let app = "?filters=%7B%22label%22%3A%5B%22app%3D1%22%5D%7D";
    assert_eq!(list(&named, app), format!("forward /v1.41/containers/json{app}"));
    assert!(list(&named, "").contains("dsp.owner"));
    // A list always shows something, so a rule has to say what.
    let nothing = gate("  - GET /containers/json: {}\n");
    assert!(list(&nothing, "").starts_with("403 "), "{}", list(&nothing, ""));
}

#[test]
fn no_filters_are_not_taken_for_harmless_ones() {
    let harmless = gate("  - POST /containers/prune: {}\n");
    for query in ["", "?filters=", "?filters=null", "?filters=%7B%7D"] {
        let decided = asked(&harmless, ("POST", &format!("/containers/prune{query}"), ""), &[]);
        assert!(decided.starts_with('4'), "{query}: {decided}");
    }
}
