//! Wrong first steps: dsp says what was probably meant.

use crate::support::World;

#[test]
fn wrong_first_steps_say_what_was_meant() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - POST /containers/web/restart\n");
    for (line, status, hint) in [
        ("record docker ps", 2, "put -- before it: dsp record -- docker ps"),
        (
            "record -o r.jsonl docker ps -a",
            2,
            "put -- before it: dsp record -o r.jsonl -- docker ps -a",
        ),
        ("enforce p.yaml docker ps", 2, "put -- before it: dsp enforce p.yaml -- docker ps"),
        ("record --host", 2, "all programs of this host: dsp record --whole-host"),
        ("record --host -o x", 2, "all programs of this host: dsp record --whole-host"),
        ("generate .", 1, "a whole host: dsp generate --whole-host . -o policy"),
        ("record --", 2, "no program follows --"),
        ("enforce p.yaml --", 2, "no program follows --"),
        ("generate", 1, "record a program first: dsp record -- "),
        ("coverage", 1, "record a program first: dsp record -- "),
        ("enforce traefik", 1, "builtin:traefik"),
        ("explain traefk", 1, "builtin:traefik"),
        ("explain builtin:traefk", 1, "did you mean builtin:traefik?"),
        ("explain ContainerCrate", 1, "did you mean ContainerCreate?"),
        ("explain /containers/json", 1, "did you mean 'GET /containers/json'?"),
        ("check p.yaml r --severity unused-rul=error", 2, "did you mean unused-rule?"),
        ("check p.yaml r --severity unused-rule=eror", 2, "did you mean error?"),
        ("check p.yaml r --format sarrif", 2, "did you mean sarif?"),
        ("generate --from hproxy x", 2, "'haproxy'"),
        ("profiles show traefk", 2, "'traefik'"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let done = world.dsp(&words);
        assert_eq!(done.status, status, "{line}: {}", done.err);
        assert!(done.err.contains(hint), "{line}: {}", done.err);
    }
}

#[test]
fn an_operation_is_explained_by_its_name() {
    let world = World::without_engine();
    for (name, rule) in [
        ("ContainerCreate", "POST /containers/create"),
        ("containerexec", "POST /containers/*/exec"),
        ("LibpodContainerList", "GET /libpod/containers/json"),
    ] {
        let done = world.dsp(&["explain", name]);
        assert_eq!(done.status, 0, "{name}: {}", done.err);
        assert!(done.out.starts_with(rule), "{name}: {}", done.out);
    }
}

#[test]
fn a_denial_names_what_was_asked_for() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - POST /containers/web/restart\n");
    for (asked, hint) in [
        ("POST /containers/db/restart", "to allow it: - POST /containers/db/restart"),
        ("POST /containers/0123456789abcdef/restart", "to allow it: - POST /containers/*/restart"),
        ("POST /containers/db/stop", "to allow it: - POST /containers/*/stop"),
        ("GET /v4.6.1/libpod/containers/json", "engine: podman"),
    ] {
        let done = world.dsp(&["explain", "p.yaml", asked]);
        assert!(done.out.contains(hint), "{asked}: {}", done.out);
    }
    world.write("q.yaml", "version: 1\nname: q\nallow:\n  - GET /info?x=1\n");
    let done = world.dsp(&["explain", "q.yaml"]);
    assert!(
        done.err.contains("rules have no query") && done.err.contains("write GET /info"),
        "{}",
        done.err
    );
}
