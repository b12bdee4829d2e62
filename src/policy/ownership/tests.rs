//! Decisions on own objects, each with what the engine says.

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
            Verdict::MakeVolumes { volumes, owner } => {
                for volume in volumes {
                    questions.push(format!("make {}", volume.name));
                    let made = Found::object(volume.name.clone(), &*owner);
                    owners.add(volume, made);
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
        "web 404 No such container: POST /containers/web/stop is allowed by profile \"ci\" for own \
         objects only; to allow it: - POST /containers/web/stop"
    );
    for found in [&[("web", FULL, "")][..], &[]] {
        assert_eq!(stop("web", found), other, "nobody learns whether it exists");
    }
    assert!(stop("web", &[("web", "?", "")]).starts_with("web 503 "));
    assert!(stop("%01", &[]).contains(" 400 ") || stop("%01", &[]).starts_with("400 "));
    assert!(stop("@own", &[]).starts_with("@own 404 "));
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
    let marked = "forward /volumes/create {\"Labels\":{\"dsp.owner\":\"ci\"},\"Name\":\"v\"}";
    let plain = gate("  - POST /volumes/create\n");
    assert_eq!(asked(&plain, create, &[]), "forward /volumes/create");
    let own = "  - POST /volumes/create\n  - DELETE /volumes/@own\n";
    assert_eq!(asked(&gate(own), create, &[]), marked);
    let confined = "  - POST /volumes/create: {}\n  - DELETE /volumes/@own\n";
    assert_eq!(asked(&gate(confined), create, &[]), marked);
    let other = plain.with_owner("team");
    assert_eq!(asked(&other, create, &[]), marked.replace("\"ci\"", "\"team\""));
}
