//! What a release consists of. `scripts/try-package` installs it, which a test of its own would need root
//! and nfpm for.

use std::path::Path;
use std::process::Command;

use crate::support::left_out;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const UNITS: [&str; 2] = ["dsp.service", "dsp@.service"];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

#[test]
fn every_file_of_the_packages_is_there() {
    let text = read("packaging/nfpm.yaml");
    let named = text.lines().filter_map(|line| {
        let (key, value) = line.trim().trim_start_matches("- ").split_once(": ")?;
        (matches!(key, "src" | "postinstall" | "preremove" | "postremove")).then_some(value)
    });
    let mut seen = 0;
    for path in named.filter(|path| !path.contains("${BUILT}")) {
        assert!(Path::new(ROOT).join(path).exists(), "{path}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

/// The options of the units are those of dsp.
#[test]
fn the_units_start_dsp_with_options_that_it_has() {
    for unit in UNITS {
        let text = read(&format!("packaging/systemd/{unit}"));
        let starts = text.lines().filter_map(|line| line.split_once("/usr/bin/dsp "));
        for (_, line) in starts.filter(|(key, _)| key.starts_with("Exec")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let help =
                Command::new(crate::support::dsp_binary()).args([words[0], "--help"]).output();
            let help = String::from_utf8(help.unwrap().stdout).unwrap();
            for option in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "{unit}: {option}");
            }
        }
    }
}

#[test]
fn the_units_leave_little_to_attack() {
    for unit in UNITS {
        let path = Path::new(ROOT).join("packaging/systemd").join(unit);
        // The threshold is in tenths.
        let checked = Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true", "--threshold=20"])
            .arg(path)
            .output();
        let Ok(checked) = checked else { return left_out("systemd-analyze is not installed") };
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(
            checked.status.success(),
            "{unit}: {said}{}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}

/// The archive that the release, the action and cargo binstall name is the one that is built.
#[test]
fn the_archive_has_one_name() {
    assert!(read("scripts/package").contains("name=dsp-$version-$machine-linux"));
    assert!(read("action.yml").contains("name=dsp-$VERSION-$(uname -m)-linux"));
    let cargo = read("Cargo.toml");
    assert!(cargo.contains("/dsp-{ version }-{ target-arch }-linux.tar.gz\""));
    assert!(cargo.contains("bin-dir = \"dsp-{ version }-{ target-arch }-linux/{ bin }\""));
}
