use crate::support::{World, dsp_binary};

/// What bash would offer for a line that is typed up to here.
fn offered(world: &World, line: &str) -> Vec<String> {
    let script = r#"
        source <(dsp completions bash)
        read -ra COMP_WORDS <<<"$LINE"
        [ "${LINE: -1}" != " " ] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_TYPE=9
        function=$(complete -p dsp | sed 's/.*-F \([^ ]*\).*/\1/')
        compopt() { :; }
        "$function" dsp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = world.command("bash", &["-c", script]);
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = dsp_binary().parent().unwrap().display().to_string();
    command.env("PATH", format!("{ours}:{path}")).env("LINE", line);
    let done = world.finish(command);
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{line}");
    done.out.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn bash_offers_commands_options_files_and_profiles() {
    let world = World::without_engine();
    world.write("build.yaml", "");
    let shipped = dsp::profile::SHIPPED.iter().map(|shipped| shipped.name);
    assert_eq!(offered(&world, "dsp enf"), ["enforce"]);
    assert!(offered(&world, "dsp check --fail").contains(&"--fail-on".to_owned()));
    let files = std::iter::once("build.yaml".to_owned());
    let all: Vec<String> = files.chain(shipped.map(|name| format!("builtin:{name}"))).collect();
    assert_eq!(offered(&world, "dsp enforce bui"), all);
    assert_eq!(
        offered(&world, "dsp explain builtin:m"),
        ["monitor"],
        "only what follows the colon"
    );
    assert_eq!(offered(&world, "dsp profiles show mon"), ["monitor"]);
    let shells = ["bash", "zsh", "fish"];
    assert_eq!(
        offered(&world, "dsp completions ")
            .iter()
            .filter(|word| shells.contains(&word.as_str()))
            .count(),
        3
    );
}

#[test]
fn bash_completes_after_a_colon() {
    let world = World::without_engine();
    let mut command = std::process::Command::new("bash");
    command.arg("--norc").current_dir(world.folder.path());
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = dsp_binary().parent().unwrap().display().to_string();
    command.env("PATH", format!("{ours}:{path}")).env("PS1", "> ").env("TERM", "dumb");
    let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    session.exp_string("> ").unwrap();
    session.send_line("source <(dsp completions bash)").unwrap();
    for typed in ["builtin:mon", "builtin:moni"] {
        session.send(&format!("dsp explain {typed}\t 'GET /info'; echo done-$?")).unwrap();
        session.send_line("").unwrap();
        session.exp_string("allowed by builtin:monitor: GET /info").unwrap();
        session.exp_string("done-0").unwrap();
    }
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn each_shell_takes_its_script() {
    let world = World::without_engine();
    for shell in ["bash", "zsh", "fish"] {
        let done = world.dsp(&["completions", shell]);
        assert_eq!((done.status, done.err.as_str()), (0, ""));
        assert!(done.out.contains("DSP_COMPLETE"), "{shell}");
        world.write("script", &done.out);
        if world.shell(&format!("command -v {shell}")).status == 0 {
            let checked = world.shell(&format!("{shell} -n script"));
            assert_eq!((checked.status, checked.err.as_str()), (0, ""), "{shell}");
        }
    }
    assert_eq!(world.dsp(&["completions", "tcsh"]).status, 2);
}

#[test]
fn every_command_has_a_page() {
    let world = World::without_engine();
    let first = world.dsp(&["man"]);
    assert!(
        first.out.contains(".TH dsp 1") && first.out.contains("dsp\\-record(1)"),
        "{}",
        first.out
    );
    assert_eq!(world.dsp(&["man", "-o", "man/man1"]).status, 0);
    let help = world.dsp(&["--help"]).out;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> =
        commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 10, "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let page = world.read(&format!("man/man1/dsp-{name}.1"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Examples:"), "{name}");
        if world.shell("command -v mandoc").status == 0 {
            let done = world.shell(&format!("mandoc -T lint -W error man/man1/dsp-{name}.1"));
            assert_eq!(done.status, 0, "{}", done.out);
        }
    }
}
