use crate::support::World;

const OLD: &str = "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - GET /containers/json\n  \
    - GET /containers/web/json\n  - GET /images/*/json\n  - GET /events\ndeny:\n  - POST /build\n";

const NEW: &str = "version: 1\nname: p\nallow:\n  - GET /containers/json\n  \
    - GET /containers/*/json\n  - GET /images/app/json\n  - POST /containers/*/exec\n  \
    - GET /images/app/json\nunknown:\n  - GET /extension\n";

fn world() -> World {
    let world = World::without_engine();
    world.write("old.yaml", OLD);
    world.write("new.yaml", NEW);
    world
}

#[test]
fn a_change_is_described_by_what_it_allows() {
    let world = world();
    let done = world.dsp(&["diff", "old.yaml", "new.yaml"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    insta::assert_snapshot!(done.out);
    let back = world.dsp(&["diff", "new.yaml", "old.yaml"]);
    insta::assert_snapshot!("and_back", back.out);
}

#[test]
fn a_change_of_contents_is_named_in_every_format() {
    let world = World::without_engine();
    let create =
        |rest: &str| format!("version: 1\nname: p\nallow:\n  - POST /containers/create{rest}\n");
    world.write("old.yaml", &create(":\n      image:\n        - alpine:3\n        - postgres:16"));
    world.write(
        "new.yaml",
        &create(":\n      image:\n        - postgres:16\n      mounts:\n        - /etc\n        - /srv\n      privileged: true"),
    );
    world.write("plain.yaml", &create(""));
    let diff =
        |old: &str, new: &str, format: &str| world.dsp(&["diff", old, new, "--format", format]).out;
    insta::assert_snapshot!(
        [
            diff("old.yaml", "new.yaml", "text"),
            diff("old.yaml", "new.yaml", "markdown"),
            diff("new.yaml", "plain.yaml", "text"),
            diff("plain.yaml", "new.yaml", "text"),
        ]
        .join("\n")
    );
    let json = diff("old.yaml", "new.yaml", "json");
    assert!(json.contains("mounts gains /etc, /srv, privileged gains true"), "{json}");
    let page = world.dsp(&["report", "new.yaml", "--against", "old.yaml"]).out;
    assert!(page.contains("mounts gains /etc, /srv, privileged gains true"), "{page}");
    assert!(page.contains("image loses alpine:3"), "{page}");
}

#[test]
fn the_same_profile_in_another_spelling_is_not_a_change() {
    let world = world();
    let other = "# mine\nname: q\nversion: 1\nallow:\n- GET /events # all\n- GET /images/*/json\n\
        - GET /containers/json\n- GET /containers/web/json\ndeny: [POST /build]\nmin_api: '1.41'\n";
    world.write("new.yaml", other);
    let done = world.dsp(&["diff", "old.yaml", "new.yaml", "--fail-on", "any"]);
    assert_eq!(done.out, "allows the same, highest risk secrets as before: 0 errors, 0 warnings\n");
    assert_eq!(done.status, 0);
}

#[test]
fn the_status_says_what_was_asked_for() {
    let world = world();
    let status = |old: &str, new: &str, fail_on: &str| {
        world.dsp(&["diff", old, new, "--fail-on", fail_on]).status
    };
    assert_eq!(status("old.yaml", "new.yaml", "widened"), 3);
    assert_eq!(status("old.yaml", "new.yaml", "any"), 3);
    world.write("less.yaml", &OLD.replace("  - GET /events\n", ""));
    assert_eq!(status("old.yaml", "less.yaml", "widened"), 0);
    assert_eq!(status("old.yaml", "less.yaml", "any"), 3);
    assert_eq!(status("old.yaml", "old.yaml", "any"), 0);
    assert_eq!(status("old.yaml", "none.yaml", "any"), 1);
    assert_eq!(status("old.yaml", "new.yaml", "all"), 2);
}

#[test]
fn a_revision_is_read_through_git() {
    let world = world();
    let git =
        "git -c user.name=t -c user.email=t@t -c init.defaultBranch=main -c commit.gpgsign=false";
    let done = world.shell(&format!(
        "mkdir sub && cp old.yaml sub/p.yaml && {git} init -q . && {git} add sub old.yaml && \
         {git} commit -qm old && cp new.yaml sub/p.yaml && cp new.yaml old.yaml"
    ));
    assert_eq!(done.status, 0, "{}", done.err);
    let plain = world.dsp(&["diff", "main:sub/p.yaml", "new.yaml"]);
    assert!(
        plain.out.contains("highest risk root, previously secrets"),
        "{}{}",
        plain.out,
        plain.err
    );
    let removed = world.dsp(&["diff", "HEAD:old.yaml", "old.yaml", "--fail-on", "widened"]);
    assert_eq!(removed.status, 3);
    assert!(removed.out.contains("--> HEAD:old.yaml:8:5"), "{}", removed.out);
    let below = world.shell("cd sub && dsp diff main:./p.yaml p.yaml");
    assert_eq!((below.status, below.out.contains("newly allowed")), (0, true), "{}", below.err);
    let said = |args: &str| {
        let done = world.shell(args);
        format!("{args}\n{} {}", done.status, done.err)
    };
    insta::with_settings!({filters => vec![(r"git: .*", "git: [what git says]")]}, {
        insta::assert_snapshot!([
            said("cd sub && dsp diff main:p.yaml p.yaml"),
            said("dsp diff nowhere:p.yaml new.yaml"),
            said("dsp diff -- --output=x:p.yaml new.yaml"),
            said("dsp diff none.yaml new.yaml"),
        ].join("\n"));
    });
}
