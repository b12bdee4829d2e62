//! The exit statuses of every command, as a matrix of commands and outcomes.
//!
//! Each cell is a run. A missing cell means that the command cannot have this outcome: without
//! evidence no verdict can be missing, and without a program there is no status of a program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::generate::recording;
use crate::support::World;

/// The possible outcomes of a command, with their statuses.
const OUTCOMES: [(&str, i32); 10] = [
    ("done", 0),
    ("failed", 1),
    ("usage", 2),
    ("findings", 3),
    ("no verdict", 4),
    ("the command's", 7),
    ("failed before it", 125),
    ("may not be run", 126),
    ("is not there", 127),
    ("ended by TERM", 143),
];

/// The runs: command, outcome, and the arguments after `dsp COMMAND`.
const RUNS: &[(&str, &str, &str)] = &[
    ("record", "done", "-o new -- true"),
    ("record", "failed", "-o new --listen unix:///none/p.sock"),
    ("record", "usage", "--label x"),
    ("record", "the command's", "-o new -- sh -c 'exit 7'"),
    ("record", "failed before it", "-o none/new -- true"),
    ("record", "may not be run", "-o new -- ./p.yaml"),
    ("record", "is not there", "-o new -- ./nothing"),
    ("record", "ended by TERM", "-o new -- sh -c 'kill -TERM $$'"),
    ("generate", "done", "r"),
    ("generate", "failed", "none"),
    ("generate", "usage", "--names all"),
    ("generate", "findings", "unknown"),
    ("generate", "no verdict", "empty"),
    ("enforce", "done", "p.yaml -- true"),
    ("enforce", "failed", "none.yaml --listen tcp://127.0.0.1:0"),
    ("enforce", "usage", ""),
    ("enforce", "findings", "p.yaml --require-reviewed --listen tcp://127.0.0.1:0"),
    ("enforce", "the command's", "p.yaml -- sh -c 'exit 7'"),
    ("enforce", "failed before it", "none.yaml -- true"),
    ("enforce", "may not be run", "p.yaml -- ./p.yaml"),
    ("enforce", "is not there", "p.yaml -- ./nothing"),
    ("enforce", "ended by TERM", "p.yaml -- sh -c 'kill -TERM $$'"),
    ("serve", "done", "dsp.yaml --check"),
    ("serve", "failed", "none.yaml"),
    ("serve", "usage", ""),
    ("serve", "findings", "reviewed.yaml --check"),
    (
        "reload",
        "done",
        "$( (dsp serve dsp.yaml >/dev/null 2>&1 & echo $! >pid); \
         until [ -S control.sock ] && [ -S d.sock ]; do sleep 0.01; done; echo control.sock ); \
         status=$?; kill $(cat pid); exit $status",
    ),
    ("reload", "failed", "none.sock"),
    ("reload", "usage", ""),
    ("review", "done", "p.yaml --keep read"),
    ("review", "failed", "none.yaml"),
    ("review", "usage", ""),
    ("review", "findings", "p.yaml"),
    (
        "accept",
        "done",
        "$(cp p.yaml a.yaml; echo a.yaml) new-operation --because x --recording other",
    ),
    ("accept", "failed", "p.yaml lossy-recording --because x --recording other"),
    ("accept", "usage", "p.yaml"),
    ("accept", "no verdict", "p.yaml unused-rule --because x --recording empty"),
    ("check", "done", "p.yaml r"),
    ("check", "failed", "p.yaml none"),
    ("check", "usage", "p.yaml"),
    ("check", "findings", "p.yaml other"),
    ("check", "no verdict", "p.yaml cut"),
    ("match", "done", "p.yaml 'GET /info'"),
    ("match", "failed", "p.yaml none"),
    ("match", "usage", "p.yaml"),
    ("match", "findings", "p.yaml 'GET /events'"),
    ("match", "no verdict", "own.yaml 'DELETE /containers/x'"),
    ("validate", "done", "p.yaml"),
    ("validate", "failed", "none.yaml"),
    ("validate", "usage", ""),
    ("validate", "findings", "r"),
    ("verify", "done", "p.yaml"),
    ("verify", "failed", "p.yaml -H unix:///none.sock"),
    ("verify", "usage", ""),
    ("verify", "findings", "new.yaml"),
    ("diff", "done", "p.yaml wide.yaml"),
    ("diff", "failed", "p.yaml none.yaml"),
    ("diff", "usage", "p.yaml"),
    ("diff", "findings", "p.yaml wide.yaml --fail-on widened"),
    ("coverage", "done", "r"),
    ("coverage", "failed", "none"),
    ("coverage", "usage", "--format xml r"),
    ("coverage", "no verdict", "empty"),
    ("show", "done", "r"),
    ("show", "failed", "none"),
    ("show", "usage", "r risc=root"),
    ("explain", "done", "p.yaml 'GET /events'"),
    ("explain", "failed", "none.yaml"),
    ("explain", "usage", ""),
    ("escapes", "done", "p.yaml"),
    ("escapes", "failed", "none.yaml"),
    ("escapes", "usage", ""),
    ("escapes", "findings", "wide.yaml"),
    ("adopt", "done", "flags --from wollomatic"),
    ("adopt", "failed", "none"),
    ("adopt", "usage", ""),
    ("adopt", "findings", "unreadable --from wollomatic"),
    ("export", "done", "--format nginx p.yaml"),
    ("export", "failed", "--format nginx none.yaml"),
    ("export", "usage", "--format squid p.yaml"),
    ("report", "done", "p.yaml r -o r.html"),
    ("report", "failed", "p.yaml none"),
    ("report", "usage", ""),
    ("report", "no verdict", "p.yaml empty"),
    ("profiles", "done", "show monitor"),
    ("profiles", "failed", "show monitor >/dev/full"),
    ("profiles", "usage", "show nothing"),
    ("demo", "done", ""),
    ("demo", "failed", "-H unix:///none.sock"),
    ("demo", "usage", "--fast"),
    ("health", "done", ""),
    ("health", "failed", "-H unix:///none.sock"),
    ("health", "usage", "x"),
    ("schema", "done", ""),
    ("schema", "failed", "-o none/s.json"),
    ("schema", "usage", "x"),
    ("completions", "done", "bash"),
    ("completions", "failed", "bash >/dev/full"),
    ("completions", "usage", "tcsh"),
    ("man", "done", "-o man"),
    ("man", "failed", "-o p.yaml/man"),
    ("man", "usage", "x"),
];

/// The commands that `dsp --help` names.
fn commands(world: &World) -> BTreeSet<String> {
    let help = world.dsp(&["--help"]).out;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn world() -> World {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    world.write("own.yaml", "version: 1\nname: p\nallow:\n  - DELETE /containers/@own\n");
    world.write("flags", "-allowGET=/info\n");
    world.write("unreadable", "-allowGET=(?=/info)\n");
    world.write("wide.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /build\n");
    world.write("new.yaml", "version: 1\nname: p\nmin_api: \"1.55\"\nallow:\n  - GET /info\n");
    let folder = world.folder.path().display();
    let host = format!(
        "version: 1\ncontrol: unix://{folder}/control.sock\nprograms:\n  d:\n    profile: p.yaml\n    \
         listen: unix://{folder}/d.sock\n"
    );
    world.write("dsp.yaml", &host);
    world.write("reviewed.yaml", &host.replace("control:", "require_reviewed: true\ncontrol:"));
    recording(&world, "r", &["GET /v1.41/info"]);
    recording(&world, "other", &["GET /v1.41/events"]);
    recording(&world, "unknown", &["GET /v1.41/extension"]);
    recording(&world, "empty", &[]);
    let whole = world.read("r");
    world.write("cut", &whole.lines().take(2).collect::<Vec<_>>().join("\n"));
    world
}

#[test]
fn every_command_ends_with_the_documented_status() {
    let all = commands(&world());
    let mut cells: BTreeMap<(&str, i32), ()> = BTreeMap::new();
    for (command, outcome, args) in RUNS {
        let status = OUTCOMES.iter().find(|(name, _)| name == outcome).unwrap().1;
        let world = world();
        let done = world.shell(&format!("dsp {command} {args}"));
        assert_eq!(
            done.status, status,
            "dsp {command} {args}: {outcome}\n{}{}",
            done.out, done.err
        );
        if status != 0 && status != 7 && status != 143 {
            assert!(
                !done.err.is_empty() || !done.out.is_empty(),
                "dsp {command} {args} says nothing"
            );
        }
        assert_eq!(cells.insert((command, status), ()), None, "{command} {outcome} appears twice");
    }
    let listed: BTreeSet<String> = RUNS.iter().map(|(command, ..)| (*command).to_owned()).collect();
    assert_eq!(listed, all, "the commands of dsp --help");
    let mut table = format!("{:12}", "");
    OUTCOMES.iter().for_each(|(_, status)| {
        let _ = write!(table, "{status:>5}");
    });
    for command in &all {
        let _ = write!(table, "\n{command:12}");
        for (_, status) in OUTCOMES {
            let is_there = cells.contains_key(&(command.as_str(), status));
            let _ = write!(table, "{:>5}", if is_there { "yes" } else { "-" });
        }
        // Every command can succeed, fail, and be used wrongly.
        for status in 0..3 {
            assert!(
                cells.contains_key(&(command.as_str(), status)),
                "{command} has no run for {status}"
            );
        }
    }
    insta::assert_snapshot!(table);
}
