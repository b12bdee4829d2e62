//! Every argument of every command: which others it cannot be used with, and what `-` is for it.
//!
//! [`ARGUMENTS`] has to name each argument that clap knows, so a new option fails the first test until
//! somebody has decided on both questions. An option that would do nothing next to another one is
//! refused with status 2, and the message names both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use crate::generate::recording;
use crate::support::{Done, World};

/// What `-` is for an argument.
enum Dash {
    /// Standard input; in the line, `@` is the file.
    Input(&'static str),
    /// Standard output; in the line, `@` is the file.
    Output(&'static str),
    /// Standard output of a command that serves, which this test looks at.
    Elsewhere(&'static str),
    /// Refused: dsp reads the file again, changes it, or needs a folder.
    Refused(&'static str),
    /// It names no file that dsp reads or writes.
    No,
}

use Dash::{Elsewhere, Input, No, Output, Refused};

/// The command, the argument as clap calls it, how it is written in a line, what `-` is for it, and the
/// arguments that it cannot be used with. Each pair is named once.
type Row = (&'static str, &'static str, &'static str, Dash, &'static [&'static str]);

const ARGUMENTS: &[Row] = &[
    (
        "record",
        "output",
        "--output new.jsonl",
        Elsewhere("record::a_listener_can_record_to_stdout"),
        &[],
    ),
    ("record", "host", "--host unix:///e.sock", No, &[]),
    ("record", "listen", "--listen unix:///l.sock", No, &[]),
    ("record", "insecure_tcp", "--insecure-tcp", No, &[]),
    ("record", "allow_host", "--allow-host web", No, &[]),
    ("record", "mode", "--mode 660", No, &[]),
    ("record", "owner", "--owner root", No, &[]),
    ("record", "group", "--group root", No, &[]),
    ("record", "allow_uid", "--allow-uid root", No, &[]),
    ("record", "allow_gid", "--allow-gid root", No, &[]),
    ("record", "allow_container", "--allow-container web", No, &[]),
    ("record", "allow_unit", "--allow-unit web", No, &[]),
    ("record", "allow_address", "--allow-address 127.0.0.1", No, &[]),
    ("record", "tls_cert", "--tls-cert c.pem", Refused("record --tls-cert @ --tls-key k.pem"), &[]),
    ("record", "tls_key", "--tls-key k.pem", Refused("record --tls-cert c.pem --tls-key @"), &[]),
    (
        "record",
        "tls_client_ca",
        "--tls-client-ca ca.pem",
        Refused("record --tls-cert c.pem --tls-key k.pem --tls-client-ca @"),
        &[],
    ),
    ("record", "allow_cert", "--allow-cert ci.example", No, &[]),
    ("record", "max_connections", "--max-connections 9", No, &[]),
    ("record", "grace", "--grace 3", No, &["command", "command_line", "intercept"]),
    ("record", "follow", "--follow", No, &[]),
    ("record", "split", "--split d", Refused("record --follow --split @ -- true"), &[]),
    ("record", "intercept", "--intercept=/x.sock", Refused("record --intercept=@ -- true"), &[]),
    ("record", "whole_host", "--whole-host", No, WHOLE_HOST),
    ("record", "restore", "--restore", No, RESTORE),
    ("record", "labels", "--label a=b", No, &[]),
    ("record", "command_line", "--command-line full", No, &[]),
    ("record", "command", "-- true", No, &[]),
    ("generate", "recordings", "recording.jsonl", Input("generate @"), &[]),
    ("generate", "output", "--output new.yaml", Output("generate --name p -o @"), &["update"]),
    (
        "generate",
        "whole_host",
        "--whole-host",
        No,
        &["update", "name", "schema", "program", "client", "sessions", "commands", "containers"],
    ),
    ("generate", "replace", "--replace", No, &["update"]),
    ("generate", "update", "--update p.yaml", Refused("generate --update @"), &["name", "schema"]),
    ("generate", "name", "--name p", No, &[]),
    ("generate", "schema", "--schema s.json", Refused("generate --schema @"), &[]),
    ("generate", "names", "--names exact", No, &[]),
    ("generate", "contents", "--contents any", No, &[]),
    ("generate", "hide", "--hide environment", No, &[]),
    ("generate", "accept_unknown", "--accept-unknown", No, &[]),
    ("generate", "denied", "--denied", No, &[]),
    ("generate", "allow_lossy", "--allow-lossy", No, &[]),
    ("generate", "engine", "--engine docker", No, &[]),
    ("generate", "min_api", "--min-api none", No, &[]),
    ("generate", "program", "--from nginx", No, LOG),
    ("generate", "client", "--client 10.0.0.1", No, LOG),
    ("generate", "sessions", "--session 1", No, &[]),
    ("generate", "commands", "--command docker", No, &[]),
    ("generate", "containers", "--container web", No, &[]),
    ("generate", "labels", "--label a=b", No, &[]),
    ("review", "profile", "p.yaml", Refused("review @"), &[]),
    (
        "review",
        "recordings",
        "--recording recording.jsonl",
        Input("review p.yaml --recording @"),
        &["keep", "deny", "narrow"],
    ),
    ("review", "keep", "--keep read", No, &[]),
    ("review", "deny", "--deny 'GET /info'", No, &[]),
    ("review", "narrow", "--narrow 'GET /info'", No, &[]),
    ("review", "list", "--list", No, &["keep", "deny", "narrow"]),
    ("review", "plain", "--plain", No, &["keep", "deny", "narrow", "list"]),
    ("review", "program", "--from nginx", No, &["keep", "deny", "narrow"]),
    ("review", "client", "--client 10.0.0.1", No, &["keep", "deny", "narrow"]),
    ("enforce", "profile", "p.yaml", Refused("enforce @"), &[]),
    ("enforce", "host", "--host unix:///e.sock", No, &[]),
    ("enforce", "listen", "--listen unix:///l.sock", No, &[]),
    ("enforce", "insecure_tcp", "--insecure-tcp", No, &[]),
    ("enforce", "allow_host", "--allow-host web", No, &[]),
    ("enforce", "mode", "--mode 660", No, &[]),
    ("enforce", "owner", "--owner root", No, &[]),
    ("enforce", "group", "--group root", No, &[]),
    ("enforce", "allow_uid", "--allow-uid root", No, &[]),
    ("enforce", "allow_gid", "--allow-gid root", No, &[]),
    ("enforce", "allow_container", "--allow-container web", No, &[]),
    ("enforce", "allow_unit", "--allow-unit web", No, &[]),
    ("enforce", "allow_address", "--allow-address 127.0.0.1", No, &[]),
    (
        "enforce",
        "tls_cert",
        "--tls-cert c.pem",
        Refused("enforce p.yaml --tls-cert @ --tls-key k.pem"),
        &[],
    ),
    (
        "enforce",
        "tls_key",
        "--tls-key k.pem",
        Refused("enforce p.yaml --tls-cert c.pem --tls-key @"),
        &[],
    ),
    (
        "enforce",
        "tls_client_ca",
        "--tls-client-ca ca.pem",
        Refused("enforce p.yaml --tls-cert c.pem --tls-key k.pem --tls-client-ca @"),
        &[],
    ),
    ("enforce", "allow_cert", "--allow-cert ci.example", No, &[]),
    ("enforce", "max_connections", "--max-connections 9", No, &[]),
    ("enforce", "grace", "--grace 3", No, &["command", "intercept"]),
    ("enforce", "intercept", "--intercept=/x.sock", Refused("enforce p.yaml --intercept=@"), &[]),
    ("enforce", "format", "--log-format json", No, &[]),
    ("enforce", "audit", "--audit", No, &["drop_denied", "body_timeout"]),
    ("enforce", "require_reviewed", "--require-reviewed", No, &[]),
    ("enforce", "own", "--own ci", No, &["audit"]),
    ("enforce", "drop_denied", "--drop-denied", No, &["command", "intercept"]),
    (
        "enforce",
        "audit_log",
        "--audit-log a.jsonl",
        Elsewhere("audit_log::the_log_may_go_to_stdout_of_a_listener"),
        &[],
    ),
    ("enforce", "audit_log_optional", "--audit-log-optional", No, &[]),
    ("enforce", "body_timeout", "--body-timeout 9", No, &[]),
    ("enforce", "command", "-- true", No, &[]),
    ("check", "profile", "p.yaml", Input("check @ recording.jsonl"), &[]),
    ("check", "recordings", "recording.jsonl", Input("check p.yaml @"), &[]),
    (
        "check",
        "against",
        "--against p.yaml",
        Input("check p.yaml recording.jsonl --against @"),
        &[],
    ),
    ("check", "require_reviewed", "--require-reviewed", No, &["severities"]),
    ("check", "fail_on", "--fail-on note", No, &[]),
    ("check", "review", "--review", No, &[]),
    ("check", "plain", "--plain", No, &[]),
    ("check", "severities", "--severity unreviewed=off", No, &[]),
    (
        "check",
        "formats",
        "--format json",
        Output("check p.yaml recording.jsonl --format json=@"),
        &[],
    ),
    ("check", "program", "--from nginx", No, LOG),
    ("check", "client", "--client 10.0.0.1", No, LOG),
    ("check", "sessions", "--session 1", No, &[]),
    ("check", "commands", "--command docker", No, &[]),
    ("check", "containers", "--container web", No, &[]),
    ("check", "labels", "--label a=b", No, &[]),
    ("accept", "profile", "p.yaml", Refused("accept @ unused-rule --because x"), &[]),
    ("accept", "findings", "unused-rule", No, &[]),
    ("accept", "because", "--because x", No, &[]),
    ("accept", "until", "--until 2999-01-31", No, &[]),
    (
        "accept",
        "recordings",
        "--recording recording.jsonl",
        Input("accept wide.yaml unused-rule --because x --recording @"),
        &[],
    ),
    ("accept", "program", "--from nginx", No, LOG),
    ("accept", "client", "--client 10.0.0.1", No, LOG),
    ("accept", "sessions", "--session 1", No, &[]),
    ("accept", "commands", "--command docker", No, &[]),
    ("accept", "containers", "--container web", No, &[]),
    ("accept", "labels", "--label a=b", No, &[]),
    ("match", "profile", "p.yaml", Input("match @ 'GET /info'"), &[]),
    ("match", "requests", "requests.txt", Input("match p.yaml @"), &[]),
    ("match", "body", "--body {}", No, &[]),
    ("match", "own", "--own web", No, &[]),
    ("match", "format", "--format json", No, &[]),
    ("validate", "files", "p.yaml", Input("validate @"), &[]),
    ("validate", "require_reviewed", "--require-reviewed", No, &[]),
    (
        "verify",
        "profile",
        "p.yaml",
        Elsewhere("verify::the_profile_and_the_report_may_be_standard_input_and_output"),
        &[],
    ),
    ("verify", "host", "--host unix:///e.sock", No, &[]),
    ("verify", "fail_on", "--fail-on note", No, &[]),
    (
        "verify",
        "formats",
        "--format json",
        Elsewhere("verify::the_profile_and_the_report_may_be_standard_input_and_output"),
        &[],
    ),
    ("diff", "old", "p.yaml", Input("diff @ wide.yaml"), &[]),
    ("diff", "new", "wide.yaml", Input("diff p.yaml @"), &[]),
    ("diff", "fail_on", "--fail-on any", No, &[]),
    ("diff", "formats", "--format json", Output("diff p.yaml wide.yaml --format markdown=@"), &[]),
    ("show", "subjects", "recording.jsonl", Input("show @"), &[]),
    ("show", "follow", "--follow", No, &["by"]),
    ("show", "by", "--by operation", No, &["format"]),
    ("show", "format", "--format json", No, &[]),
    ("coverage", "recordings", "recording.jsonl", Input("coverage @"), &[]),
    ("coverage", "format", "--format json", No, &[]),
    ("coverage", "sessions", "--session 1", No, &[]),
    ("coverage", "commands", "--command docker", No, &[]),
    ("coverage", "containers", "--container web", No, &[]),
    ("coverage", "labels", "--label a=b", No, &[]),
    ("explain", "subjects", "'GET /info'", Input("explain @ 'GET /info'"), &[]),
    (
        "explain",
        "recordings",
        "--recording recording.jsonl",
        Input("explain 'GET /info' --recording @"),
        &[],
    ),
    (
        "escapes",
        "profile",
        "p.yaml",
        Elsewhere("escapes::a_profile_without_any_says_so_and_may_be_standard_input"),
        &[],
    ),
    ("escapes", "closed_by", "--closed-by contents", No, &[]),
    ("escapes", "format", "--format json", No, &[]),
    ("adopt", "file", "flags", Input("adopt @ --from wollomatic --name x"), &[]),
    ("adopt", "program", "--from wollomatic", No, &[]),
    ("adopt", "service", "--service x", No, &[]),
    ("adopt", "engine", "--engine docker", No, &[]),
    (
        "adopt",
        "recordings",
        "--recording recording.jsonl",
        Input("adopt flags --from wollomatic --recording @"),
        &[],
    ),
    (
        "adopt",
        "output",
        "--output new.yaml",
        Output("adopt flags --from wollomatic --name x -o @"),
        &[],
    ),
    ("adopt", "name", "--name x", No, &[]),
    ("adopt", "format", "--format text", No, &[]),
    ("adopt", "sessions", "--session 1", No, &[]),
    ("adopt", "commands", "--command x", No, &[]),
    ("adopt", "containers", "--container x", No, &[]),
    ("adopt", "labels", "--label a=b", No, &[]),
    ("export", "profile", "p.yaml", Input("export @ --format nginx"), &[]),
    ("export", "format", "--format nginx", No, &[]),
    ("export", "output", "--output new.conf", Output("export p.yaml --format nginx -o @"), &[]),
    ("report", "profile", "p.yaml", Input("report @"), &[]),
    ("report", "recordings", "recording.jsonl", Input("report p.yaml @"), &[]),
    ("report", "against", "--against p.yaml", Input("report wide.yaml --against @"), &[]),
    ("report", "output", "--output new.html", Output("report p.yaml -o @"), &[]),
    ("report", "program", "--from nginx", No, &[]),
    ("report", "client", "--client 10.0.0.1", No, &[]),
    ("profiles show", "name", "monitor", No, &[]),
    ("demo", "host", "--host unix:///e.sock", No, &["sample"]),
    ("demo", "sample", "--sample", No, &[]),
    ("demo", "dir", "--dir d", Refused("demo --dir @"), &[]),
    ("health", "host", "--host unix:///e.sock", No, &[]),
    ("serve", "file", "dsp.yaml", Refused("serve @"), &[]),
    ("serve", "check", "--check", No, &[]),
    ("serve", "format", "--log-format json", No, &[]),
    ("reload", "socket", "control.sock", No, &[]),
    ("schema", "output", "--output new.json", Output("schema -o @"), &[]),
    ("schema", "host", "--host", No, &[]),
    ("completions", "shell", "bash", No, &[]),
    ("man", "output", "--output d", Refused("man -o @"), &[]),
];

/// What a log does not say of its sessions.
const LOG: &[&str] = &["commands", "containers", "labels"];

/// What has no effect on a recording of a whole host: its socket is as open as the engine's, and its clients
/// are all that there are.
const WHOLE_HOST: &[&str] = &[
    "listen",
    "insecure_tcp",
    "allow_host",
    "mode",
    "owner",
    "group",
    "allow_uid",
    "allow_gid",
    "allow_container",
    "allow_unit",
    "allow_address",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "allow_cert",
    "follow",
    "split",
    "intercept",
    "command_line",
    "command",
];

/// Nothing is recorded.
const RESTORE: &[&str] = &[
    "listen",
    "insecure_tcp",
    "allow_host",
    "mode",
    "owner",
    "group",
    "allow_uid",
    "allow_gid",
    "allow_container",
    "allow_unit",
    "allow_address",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "allow_cert",
    "follow",
    "split",
    "intercept",
    "command_line",
    "command",
    "output",
    "labels",
    "max_connections",
    "grace",
];

/// Arguments that do nothing without another one.
const NEEDS: &[(&str, &str, &str)] = &[
    ("record", "restore", "whole_host"),
    ("generate", "whole_host", "output"),
    ("report", "client", "program"),
    ("check", "client", "program"),
    ("accept", "client", "program"),
    ("accept", "program", "recordings"),
    ("check", "plain", "review"),
    ("review", "client", "program"),
    ("generate", "client", "program"),
    ("record", "split", "follow"),
    ("record", "intercept", "command"),
    ("record", "command_line", "command"),
    ("generate", "program", "recordings"),
    ("generate", "replace", "output"),
    ("review", "program", "recordings"),
    ("report", "program", "recordings"),
    ("record", "tls_cert", "tls_key"),
    ("record", "tls_key", "tls_cert"),
    ("record", "tls_client_ca", "tls_cert"),
    ("record", "allow_cert", "tls_client_ca"),
    ("enforce", "tls_cert", "tls_key"),
    ("enforce", "tls_key", "tls_cert"),
    ("enforce", "tls_client_ca", "tls_cert"),
    ("enforce", "allow_cert", "tls_client_ca"),
    ("enforce", "intercept", "command"),
    ("enforce", "audit_log_optional", "audit_log"),
];

/// Lines in which an argument would do nothing, or could not be, because of the values that it and
/// another one have; and what the message names.
const IDLE: &[(&str, [&str; 2])] = &[
    ("adopt flags --from wollomatic --session 1", ["--session", "--recording"]),
    ("adopt flags --from wollomatic --format json -o -", ["--format", "--output"]),
    ("record --insecure-tcp", ["--insecure-tcp", "--listen"]),
    ("record --insecure-tcp --listen unix:///l.sock", ["--insecure-tcp", "--listen"]),
    ("record --insecure-tcp --listen tcp://127.0.0.1:0", ["--insecure-tcp", "--listen"]),
    ("record --allow-host web", ["--allow-host", "--listen"]),
    ("record --allow-host web --listen unix:///l.sock", ["--allow-host", "--listen"]),
    ("record --mode 660 --listen tcp://127.0.0.1:0", ["--mode", "--listen"]),
    ("record --mode 660 -- true", ["--mode", "command"]),
    ("record --output - -- true", ["--output", "command"]),
    ("enforce p.yaml --insecure-tcp", ["--insecure-tcp", "--listen"]),
    ("enforce p.yaml --insecure-tcp -- true", ["--insecure-tcp", "--listen"]),
    ("enforce p.yaml --insecure-tcp --listen tcp://localhost:0", ["--insecure-tcp", "--listen"]),
    ("enforce p.yaml --allow-host web", ["--allow-host", "--listen"]),
    ("enforce p.yaml --mode 660 --listen tcp://127.0.0.1:0", ["--mode", "--listen"]),
    ("enforce p.yaml --owner root --listen tcp://127.0.0.1:0", ["--owner", "--listen"]),
    ("enforce p.yaml --group root --listen tcp://127.0.0.1:0", ["--group", "--listen"]),
    ("enforce p.yaml --owner root -- true", ["--owner", "command"]),
    ("enforce p.yaml --group root -- true", ["--group", "command"]),
    ("enforce p.yaml --allow-uid 0 --listen tcp://127.0.0.1:0", ["--allow-uid", "--listen"]),
    ("enforce p.yaml --allow-gid 0 --listen tcp://127.0.0.1:0", ["--allow-gid", "--listen"]),
    (
        "enforce p.yaml --allow-container a --listen tcp://[::1]:0",
        ["--allow-container", "--listen"],
    ),
    (
        "enforce p.yaml --allow-unit a --listen tcp://127.0.0.1:0",
        ["--allow-unit", "--allow-address"],
    ),
    ("enforce p.yaml --allow-address ::1", ["--allow-address", "--listen"]),
    ("enforce p.yaml --allow-address ::1 --listen unix:///s", ["--allow-address", "--listen"]),
    (
        "enforce p.yaml --allow-address ::1 --allow-uid 0 --listen tcp://[::1]:0",
        ["--allow-uid", "--listen"],
    ),
    (
        "enforce p.yaml --allow-address ::1 --listen tcp://[::1]:0 --listen unix:///s",
        ["--allow-address", "--listen unix:///s"],
    ),
    ("record --tls-cert c --tls-key k", ["--tls-cert", "--listen"]),
    ("enforce p.yaml --tls-cert c --tls-key k --listen unix:///s", ["--tls-cert", "--listen"]),
    (
        "enforce p.yaml --tls-cert c --tls-key k --tls-client-ca a --allow-cert n \
         --listen tcp://[::1]:0 --listen unix:///s",
        ["--allow-cert", "--listen unix:///s"],
    ),
    ("enforce p.yaml --audit-log - -- true", ["--audit-log", "command"]),
    ("enforce builtin:monitor --drop-denied", ["--drop-denied", "builtin:monitor"]),
    ("generate --output - --replace", ["--replace", "--output"]),
    ("generate --from nginx --denied='GET /info' recording.jsonl", ["--denied", "--from nginx"]),
    ("generate --from dockerd --denied recording.jsonl", ["--denied", "--from dockerd"]),
    ("explain p.yaml --recording recording.jsonl", ["--recording", "METHOD /path"]),
    ("check p.yaml - --severity risk-rose=note --require-reviewed", ["--severity", "--require-r"]),
];

/// Standard input, twice.
const TWICE: &[&str] = &[
    "show - -",
    "match - -",
    "validate - -",
    "adopt - --recording -",
    "generate - -",
    "check - -",
    "check p.yaml - -",
    "check p.yaml - --against -",
    "check - recording.jsonl --against -",
    "review p.yaml --recording - --recording -",
    "diff - -",
    "coverage - -",
    "explain - 'GET /info' --recording -",
    "explain 'GET /info' --recording - --recording -",
    "report - -",
    "report p.yaml - -",
    "report p.yaml - --against -",
    "report - --against -",
    "accept p.yaml unused-rule --because x --recording - --recording -",
];

/// The commands that run, by the words that name them.
fn commands() -> BTreeMap<String, clap::Command> {
    fn walk(name: &str, command: &clap::Command, found: &mut BTreeMap<String, clap::Command>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let name = format!("{name} {}", inner.get_name()).trim().to_owned();
            walk(&name, inner, found);
            found.insert(name, inner.clone());
        }
    }
    let mut root = dsp::cli::command();
    root.build();
    let mut found = BTreeMap::new();
    walk("", &root, &mut found);
    found
}

/// The arguments of a command, but for those that every command has.
fn arguments(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    let is_own = |argument: &&clap::Arg| {
        !argument.is_global_set() && !matches!(argument.get_id().as_str(), "help" | "version")
    };
    command.get_arguments().filter(is_own)
}

fn argument<'a>(command: &'a clap::Command, id: &str) -> &'a clap::Arg {
    arguments(command).find(|argument| argument.get_id() == id).unwrap()
}

/// What a message calls an argument.
fn called(argument: &clap::Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_value_names().unwrap()[0].to_string(),
    }
}

fn row(command: &str, id: &str) -> &'static Row {
    ARGUMENTS.iter().find(|row| (row.0, row.1) == (command, id)).unwrap()
}

/// What arguments need, and what that needs.
fn needed(command: &str, ids: [&'static str; 2]) -> Vec<&'static str> {
    let mut all = ids.to_vec();
    let mut at = 0;
    while let Some(id) = all.get(at).copied() {
        at += 1;
        let need = NEEDS.iter().find(|need| (need.0, need.1) == (command, id));
        all.extend(need.map(|need| need.2).filter(|id| !all.contains(id)));
    }
    all.split_off(ids.len())
}

/// A line with these arguments, and those that the command has to have.
fn line(name: &str, command: &clap::Command, ids: &[&str]) -> String {
    let required = arguments(command).filter(|argument| argument.is_required_set());
    let required = required.map(|argument| argument.get_id().as_str());
    let all: BTreeSet<&str> = required.chain(ids.iter().copied()).collect();
    // What comes last is of the program; the profile comes before the recordings.
    let place = |id: &&str| match *id {
        "profile" | "old" => 0,
        "command" => 2,
        _ => 1,
    };
    let mut all: Vec<&str> = all.into_iter().collect();
    all.sort_by_key(place);
    let words: Vec<&str> = all.iter().map(|id| row(name, id).2).collect();
    format!("{name} {}", words.join(" "))
}

fn world() -> World {
    world_with(World::without_engine())
}

/// A world with a profile, a wider one, and a recording.
fn world_with(world: World) -> World {
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    world.write("flags", "-allowGET=/info\n");
    world.write("wide.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /build\n");
    world.write("requests.txt", "GET /info\n");
    recording(&world, "recording.jsonl", &["GET /v1.41/info"]);
    world
}

fn run(world: &World, line: &str, input: Option<&str>) -> Done {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = world.dsp_command(&words);
    if let Some(input) = input {
        command.stdin(File::open(world.path(input)).unwrap());
    }
    world.finish(command)
}

/// The words of a line; quotes keep spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

fn assert_refused(world: &World, line: &str, names: &[String]) {
    let done = run(world, line, None);
    assert_eq!(done.status, 2, "{line}: {}{}", done.out, done.err);
    assert!(done.err.starts_with("error: ") && done.out.is_empty(), "{line}: {}", done.err);
    let text = done.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in names {
        assert!(text.contains(name.as_str()), "{line}: no word of {name}: {text}");
    }
}

#[test]
fn every_argument_is_classified() {
    let known: BTreeSet<(String, String)> = commands()
        .iter()
        .flat_map(|(name, command)| {
            arguments(command).map(|argument| (name.clone(), argument.get_id().to_string()))
        })
        .collect();
    let listed: Vec<(String, String)> =
        ARGUMENTS.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    let unique: BTreeSet<(String, String)> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "an argument is named twice");
    let missing: Vec<_> = known.difference(&unique).collect();
    assert!(missing.is_empty(), "which arguments can these not be used with? {missing:?}");
    assert_eq!(unique.difference(&known).next(), None, "there is no such argument");
}

#[test]
fn what_would_do_nothing_together_is_refused_and_nothing_else_is() {
    let world = world();
    for (name, command) in commands() {
        let rows: Vec<&Row> = ARGUMENTS.iter().filter(|row| row.0 == name).collect();
        for (place, one) in rows.iter().enumerate() {
            for other in rows.iter().skip(place + 1) {
                let (one, other) = (one.1, other.1);
                let refuses = |one: &str, other: &str| row(&name, one).4.contains(&other);
                let both = [one, other];
                if refuses(one, other) || refuses(other, one) {
                    // What one of them needs is there if the other one can be used with it, so that
                    // the pair is refused for itself.
                    let goes =
                        |id: &&str| both.iter().all(|one| !refuses(one, id) && !refuses(id, one));
                    let needs = needed(&name, both).into_iter().filter(goes);
                    let ids: Vec<&str> = both.into_iter().chain(needs).collect();
                    let names = both.map(|id| called(argument(&command, id)));
                    assert_refused(&world, &line(&name, &command, &ids), &names);
                    continue;
                }
                let ids: Vec<&str> = both.into_iter().chain(needed(&name, both)).collect();
                let line = format!("dsp {}", line(&name, &command, &ids));
                if let Err(error) = dsp::cli::command().try_get_matches_from(words(&line)) {
                    panic!("{line}: {error}");
                }
            }
        }
    }
    for (name, id, needed) in NEEDS {
        let command = &commands()[*name];
        let names = [*id, needed].map(|id| called(argument(command, id)));
        assert_refused(&world, &line(name, command, &[id]), &names);
    }
    // Whether only this machine reaches an address is known when dsp listens on it, after it has found
    // the engine.
    let world = world_with(World::sample());
    for (line, names) in IDLE {
        assert_refused(&world, line, &names.map(str::to_owned));
    }
}

#[test]
fn a_dash_is_standard_input_or_output_or_refused() {
    let world = world();
    for (command, id, written, dash, _) in ARGUMENTS {
        match dash {
            Input(line) => {
                let file = written.split(' ').next_back().unwrap();
                let file = if file.contains('/') { "p.yaml" } else { file };
                let named = run(&world, &line.replace('@', file), None);
                let piped = run(&world, &line.replace('@', "-"), Some(file));
                assert!(named.status == 0 || named.status == 3, "{line}: {}", named.err);
                // Only a file can be named in advice.
                let without_name = |done: &Done| {
                    let text = done.out.replace("standard input", file);
                    let text = text.replace("dsp review, on the file of this profile", "REVIEW");
                    (done.status, text.replace("dsp review p.yaml", "REVIEW"))
                };
                let (named, piped) = (without_name(&named), without_name(&piped));
                assert_eq!(named, piped, "{line}");
            }
            Output(line) => {
                let file = "written";
                let named = run(&world, &line.replace('@', file), None);
                let piped = run(&world, &line.replace('@', "-"), None);
                assert_eq!(named.status, piped.status, "{line}: {}{}", named.err, piped.err);
                assert_eq!(piped.out, world.read(file), "{line}: {}", piped.err);
                std::fs::remove_file(world.path(file)).unwrap();
            }
            Refused(line) => {
                let argument = called(argument(&commands()[*command], id));
                assert_refused(
                    &world,
                    &line.replace('@', "-"),
                    &[argument, "'-'".to_owned(), "write ./-".to_owned()],
                );
            }
            Elsewhere(test) => {
                let (module, name) = test.split_once("::").unwrap();
                let path = format!("{}/tests/it/{module}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(path).unwrap();
                assert!(text.contains(&format!("#[test]\nfn {name}()")), "{test}");
            }
            No => {}
        }
        assert!(!world.path("-").exists(), "{command} {id}");
    }
    let readers = ARGUMENTS.iter().filter(|row| matches!(row.3, Input(_))).map(|row| row.0);
    for command in readers.filter(|command| *command != "export") {
        let is_listed = |line: &&str| line.split(' ').next() == Some(command);
        assert!(TWICE.iter().any(is_listed), "{command}");
    }
    for line in TWICE {
        assert_refused(&world, line, &["standard input".to_owned(), "given twice".to_owned()]);
    }
}
