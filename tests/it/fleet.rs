//! The files of `docs/fleet.md` start dsp with valid options.

use crate::support::World;

const DOCUMENT: &str = include_str!("../../docs/fleet.md");

/// The arguments of `dsp` in the unit, and in each list of arguments in YAML.
fn commands() -> Vec<Vec<&'static str>> {
    let (_, unit) = DOCUMENT.split_once("ExecStart=/usr/local/bin/dsp ").unwrap();
    let (unit, _) = unit.split_once("\nExecReload").unwrap();
    let mut found = vec![unit.split_whitespace().filter(|word| *word != "\\").collect()];
    for list in DOCUMENT.split("- enforce\n").skip(1) {
        let items = list.lines().map_while(|line| line.trim_start().strip_prefix("- "));
        found.push(["enforce"].into_iter().chain(items).collect());
    }
    found
}

#[test]
fn every_option_is_one_of_dsp() {
    let world = World::without_engine();
    let commands = commands();
    assert_eq!(commands.len(), 3);
    for mut command in commands {
        assert!(command.len() > 6, "{command:?}");
        // Options are parsed first, so an error about a missing profile shows that they are valid.
        command[1] = "missing.yaml";
        let done = world.dsp(&command);
        assert_eq!(done.status, 1, "{command:?}: {}", done.err);
        assert!(done.err.contains("cannot read the profile missing.yaml"), "{}", done.err);
        command.push("--not-an-option");
        assert_eq!(world.dsp(&command).status, 2);
    }
}
