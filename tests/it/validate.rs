use crate::support::World;

fn world() -> World {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /build\n");
    world.write("typo.yaml", "version: 1\nname: p\nallow:\n  - GET /inof\n");
    world.write(
        "dsp.yaml",
        "version: 1\nprograms:\n  d:\n    profile: p.yaml\n    listen: unix:///run/d.sock\n",
    );
    world.write(
        "broken.yaml",
        "version: 1\nprograms:\n  d:\n    profile: typo.yaml\n    listen: unix:///run/d.sock\n",
    );
    world.write("odd.yaml", "version: 1\nprograms:\n  d:\n    profle: p.yaml\n");
    world
}

#[test]
fn each_file_is_valid_or_what_is_wrong_is_shown() {
    let world = world();
    let all = [
        "validate",
        "p.yaml",
        "builtin:monitor",
        "typo.yaml",
        "dsp.yaml",
        "broken.yaml",
        "odd.yaml",
    ];
    let done = world.dsp(&all);
    assert_eq!(done.status, 3);
    insta::assert_snapshot!(format!("{}\n{}", done.out, done.err));
    let done = world.dsp(&["validate", "-q", "p.yaml", "dsp.yaml"]);
    assert_eq!((done.status, done.out.as_str(), done.err.as_str()), (0, "", ""));
}

#[test]
fn a_file_that_cannot_be_read_is_not_a_verdict() {
    let world = world();
    let done = world.dsp(&["validate", "typo.yaml", "none.yaml", "p.yaml"]);
    assert_eq!(done.status, 1, "{}", done.err);
    assert!(done.out.contains("\np.yaml     profile \"p\"     2 rules"), "{}", done.out);
    assert!(done.out.contains("\nnone.yaml  cannot be read"), "{}", done.out);
}

#[test]
fn a_host_file_has_to_be_a_file() {
    let done = world().shell("dsp validate - <dsp.yaml");
    assert_eq!(done.status, 3);
    assert!(
        done.err.contains("is a host file") && done.err.contains("name the file"),
        "{}",
        done.err
    );
}

#[test]
fn a_review_can_be_required() {
    let world = world();
    for line in
        ["dsp validate --require-reviewed p.yaml", "dsp validate --require-reviewed - <p.yaml"]
    {
        let done = world.shell(line);
        assert_eq!(done.status, 3, "{line}");
        assert!(done.out.ends_with("  not reviewed\n"), "{}", done.out);
        assert!(done.err.contains("review"), "{}", done.err);
    }
    let done = world.shell("dsp review p.yaml --keep read --keep root; dsp validate --require-reviewed builtin:monitor");
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains(" reviewed"), "{}", done.out);
}
