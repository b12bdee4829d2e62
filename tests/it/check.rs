use crate::generate::recording;
use crate::support::World;

const PROFILE: &str = "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  \
    - GET /containers/json\n  - GET /containers/web*/json\ndeny:\n  - POST /containers/*/exec\n";

#[test]
fn what_is_allowed_passes() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(
        &world,
        "r",
        &["HEAD /_ping", "GET /v1.41/containers/json", "GET /v1.41/containers/web1/json"],
    );
    let done = world.dsp(&["check", "p.yaml", "r"]);
    let last = done.out.lines().last().unwrap();
    assert_eq!(last, "checked 3 operations, 3 requests, 1 session: 0 errors, 0 warnings, 1 note");
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}

#[test]
fn drift_is_reported_with_a_way_to_resolve_it() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(
        &world,
        "r",
        &[
            "GET /v1.41/images/json",
            "GET /v1.41/containers/db/json",
            "GET /v1.40/containers/web/json",
            "POST /v1.41/containers/web/exec",
            "GET /v1.41/extension",
            "GET /info/../json",
        ],
    );
    let done = world.dsp(&["check", "p.yaml", "r"]);
    assert_eq!(done.status, 3);
    insta::assert_snapshot!(done.out);
}

#[test]
fn an_unused_rule_counts_when_asked() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "r", &["HEAD /_ping", "GET /v1.41/containers/json"]);
    assert_eq!(world.dsp(&["check", "p.yaml", "r"]).status, 0);
    let done = world.dsp(&["check", "p.yaml", "r", "--fail-on", "warning"]);
    assert_eq!(done.status, 3);
    assert!(done.out.contains("p.yaml:8"), "{}", done.out);
}

#[test]
fn nothing_passes_vacuously() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "empty", &[]);
    assert_eq!(world.dsp(&["check", "p.yaml", "empty"]).status, 4);
    world.write("nothing", "");
    assert_eq!(world.dsp(&["check", "p.yaml", "nothing"]).status, 4);
    recording(&world, "r", &["GET /v1.41/containers/json"]);
    let whole = world.read("r");
    let cut = whole.lines().take(2).collect::<Vec<_>>().join("\n");
    world.write("cut", &cut);
    let done = world.dsp(&["check", "p.yaml", "cut"]);
    assert_eq!(done.status, 4, "{}", done.out);
    assert!(done.out.contains("incomplete-recording"), "{}", done.out);
    world.write("lossy", &whole.replace("\"dropped\":0", "\"dropped\":2"));
    assert_eq!(world.dsp(&["check", "p.yaml", "lossy"]).status, 4);
    // Drift is a failure, however incomplete the recording is.
    world.write("both", &cut.replace("containers/json", "images/json"));
    assert_eq!(world.dsp(&["check", "p.yaml", "both"]).status, 3);
}

/// A profile whose three rules were accepted as they are, with a valid digest.
fn reviewed(world: &World, change: impl Fn(String) -> String) {
    let rules = "version: 1\nname: p\nallow:\n  - GET /containers/json\n  - GET /info\n  \
        - POST /containers/create\ndeny:\n  - POST /build\n";
    let list = "reviewed:\n  digest: DIGEST\n  root:\n    - POST /containers/create\n  \
        read:\n    - GET /containers/json\n    - GET /info\n";
    let text = format!("{rules}{list}");
    let profile = dsp::profile::parse(&text).unwrap();
    let digest = profile.digest_of(profile.reviewed.as_ref().unwrap());
    world.write("p.yaml", &change(text.replace("DIGEST", &digest)));
    recording(
        world,
        "r",
        &["GET /v1.41/containers/json", "GET /v1.41/info", "POST /v1.41/containers/create"],
    );
}

#[test]
fn a_review_is_valid_until_the_profile_is_widened() {
    let world = World::without_engine();
    let checked = |change: &dyn Fn(String) -> String| {
        reviewed(&world, change);
        let done = world.dsp(&["check", "p.yaml", "r", "--severity", "unused-rule=off"]);
        (done.status, done.out)
    };
    let (status, out) = checked(&|text| text);
    assert_eq!(out, "checked 3 operations, 3 requests, 1 session: 0 errors, 0 warnings\n");
    assert_eq!(status, 0);
    let added = checked(&|text| text.replace("deny:", "  - POST /commit\ndeny:"));
    // Accepted when it was only a read, as with an older dsp.
    let risen = checked(&|text| {
        text.replace("  root:\n    - POST /containers/create\n", "")
            + "    - POST /containers/create\n"
    });
    let undenied = checked(&|text| text.replace("deny:\n  - POST /build\n", ""));
    let removed = checked(&|text| text.replacen("  - GET /info\n", "", 1));
    assert_eq!((added.0, risen.0, undenied.0, removed.0), (3, 3, 3, 3));
    assert!(!removed.1.contains("unreviewed"), "less is no news: {}", removed.1);
    insta::assert_snapshot!([added.1, risen.1, undenied.1].join("\n"));
}

#[test]
fn a_removed_review_is_an_error_if_one_is_required() {
    let world = World::without_engine();
    let checked = |change: &dyn Fn(String) -> String, options: &[&str]| {
        reviewed(&world, change);
        world.dsp(&[&["check", "p.yaml", "r"], options].concat())
    };
    let required = ["--require-reviewed"];
    assert_eq!(checked(&|text| text, &required).status, 0);
    let draft = |text: String| text.split("reviewed:").next().unwrap().to_owned();
    let taken_note_of = checked(&draft, &[]);
    assert_eq!(taken_note_of.status, 0);
    assert!(taken_note_of.out.contains("0 errors, 0 warnings, 1 note"), "{}", taken_note_of.out);
    let done = checked(&draft, &required);
    assert_eq!(done.status, 3, "{}", done.out);
    assert!(
        done.out.contains("error[unreviewed]: nobody has reviewed this profile (3 rules)"),
        "{}",
        done.out
    );
    // A profile that allows nothing, and one with only entries under unknown.
    for rest in ["allow: []\n", "allow: []\nunknown:\n  - GET /x\n"] {
        let nothing = format!("version: 1\nname: p\n{rest}");
        assert!(
            checked(&|_| nothing.clone(), &required).out.contains("error[unreviewed]"),
            "{rest}"
        );
    }
    // Where enforce --require-reviewed refuses, check --require-reviewed fails, and the other way round.
    let half = |text: String| text.replace("    - POST /containers/create\n", "");
    for (name, change) in [("draft", &draft as &dyn Fn(String) -> String), ("half", &half)] {
        assert_eq!(checked(change, &required).status, 3, "{name}");
        let line = ["enforce", "p.yaml", "--require-reviewed", "--listen", "tcp://127.0.0.1:0"];
        assert_eq!(world.dsp(&line).status, 3, "{name}");
    }
    // Neither an entry under accept nor another severity resolves it.
    let accepted = |text| draft(text) + "accept:\n  - code: unused-rule\n    reason: x\n";
    assert_eq!(checked(&accepted, &required).status, 3);
    for code in ["unreviewed", "risk-rose"] {
        let weight = format!("{code}=off");
        let done = checked(&draft, &["--require-reviewed", "--severity", &weight]);
        assert_eq!(done.status, 2, "{}", done.err);
        let names = |option: &str| done.err.contains(option);
        assert!(names("--require-reviewed") && names("--severity"), "{}", done.err);
    }
}

#[test]
fn accepted_findings_do_not_count_until_they_expire() {
    let world = World::without_engine();
    let accept = "accept:\n  - code: new-operation\n    rule: GET /images/json\n    reason: old\n    \
        until: 2001-01-31\n  - code: new-operation\n    rule: GET /networks/*\n    \
        reason: it asks once and goes on without\n  - code: unused-rule\n    reason: yearly\n  \
        - code: lossy-recording\n    reason: a full disk in March\n  - code: unknown-operation\n    \
        rule: GET /extension\n    reason: goes away with 2.0\n    until: 9999-12-31\n";
    world.write("p.yaml", &format!("{PROFILE}{accept}"));
    recording(
        &world,
        "r",
        &["GET /v1.41/images/json", "GET /v1.41/networks/web", "GET /v1.41/extension"],
    );
    let done = world.dsp(&["check", "p.yaml", "r", "-v", "--severity", "unreviewed=off"]);
    assert_eq!(done.status, 3);
    insta::assert_snapshot!(done.out);
    // Without the entry that has expired, and with the entry valid for ever.
    world.write("p.yaml", &world.read("p.yaml").replace("    until: 2001-01-31\n", ""));
    let done = world.dsp(&["check", "p.yaml", "r"]);
    assert_eq!(done.status, 0, "{}", done.out);
    assert!(done.out.contains("0 errors, 1 warning, 1 note, 7 accepted"), "{}", done.out);
}

#[test]
fn weights_can_be_given_to_codes() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "r", &["GET /v1.41/images/json"]);
    let status = |args: &[&str]| world.dsp(&[&["check", "p.yaml", "r"], args].concat()).status;
    assert_eq!(status(&[]), 3);
    assert_eq!(status(&["--severity", "new-operation=warning"]), 0);
    assert_eq!(status(&["--severity", "new-operation=warning", "--fail-on", "warning"]), 3);
    assert_eq!(status(&["--severity", "new-operation=off", "--severity", "unused-rule=off"]), 0);
    assert_eq!(
        status(&[
            "--severity",
            "new-operation=off",
            "--severity",
            "unused-rule=off",
            "--fail-on",
            "note"
        ]),
        3
    );
    for wrong in ["new-operation", "new=off", "new-operation=fatal"] {
        assert_eq!(status(&["--severity", wrong]), 2, "{wrong}");
    }
}

#[test]
fn accepted_gaps_are_a_verdict_and_others_are_none() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "r", &["GET /v1.41/containers/json"]);
    let whole = world.read("r");
    world.write("cut", &whole.lines().take(2).collect::<Vec<_>>().join("\n"));
    let status = |args: &[&str]| world.dsp(&[&["check", "p.yaml", "cut"], args].concat()).status;
    assert_eq!(status(&[]), 4);
    assert_eq!(status(&["--severity", "incomplete-recording=error"]), 4);
    assert_eq!(status(&["--severity", "incomplete-recording=off"]), 0);
    let accept = "accept:\n  - code: incomplete-recording\n    reason: it never ends\n";
    world.write("p.yaml", &format!("{PROFILE}{accept}"));
    assert_eq!(status(&[]), 0);
}

/// Rules with names that are also prefixes of IDs, and a denial that another spelling evades.
#[test]
fn a_name_that_is_not_unique_is_found_and_can_be_accepted() {
    let world = World::without_engine();
    let profile = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - DELETE /containers/db\n  \
                   - GET /images/*/json\n  - GET /networks/ci-*\ndeny:\n  - GET /images/busybox/json\n";
    world.write("p.yaml", profile);
    recording(&world, "r", &["GET /_ping"]);
    let done = world.dsp(&["check", "p.yaml", "r", "--severity", "unused-rule=off"]);
    insta::assert_snapshot!(done.out);
    assert_eq!(done.status, 0);
    let strict = ["check", "p.yaml", "r", "--severity", "ambiguous-name=error"];
    assert_eq!(world.dsp(&strict).status, 3);
    let accept = "accept:\n  - code: ambiguous-name\n    rule: DELETE /containers/db\n    reason: it stays\n  \
                  - code: ambiguous-name\n    rule: GET /images/busybox/json\n    reason: a hint only\n";
    world.write("p.yaml", &format!("{profile}{accept}"));
    let done = world.dsp(&strict);
    assert_eq!(done.status, 0, "{}", done.out);
    assert!(!done.out.contains("unmatched"), "{}", done.out);
}
