//! The profiles that are built into dsp.

/// A profile that is built into dsp.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name after `builtin:`.
    pub name: &'static str,
    /// The text of its file.
    pub text: &'static str,
}

/// The prefix for the name of a built-in profile where a file is expected.
pub const BUILTIN: &str = "builtin:";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../../profiles/", $name, ".yaml")) }),*]
    };
}

/// Every built-in profile, by name: one for each `profiles/NAME.yaml`.
pub const SHIPPED: &[Shipped] = &shipped![
    "act",
    "autoheal",
    "buildx",
    "cadvisor",
    "compose",
    "ctop",
    "ctop-actions",
    "diun",
    "docker-cli-monitoring",
    "docker-py-monitoring",
    "dozzle",
    "dozzle-actions",
    "glances",
    "lazydocker",
    "lazydocker-actions",
    "monitor",
    "netdata",
    "portainer",
    "portainer-actions",
    "prometheus",
    "telegraf",
    "telegraf-disk-usage",
    "telegraf-docker-log",
    "testcontainers-go",
    "testcontainers-node",
    "testcontainers-python",
    "traefik",
    "watchtower",
    "woodpecker",
];

/// The words that start a part of a profile's header.
const PARTS: [&str; 5] =
    ["Program: ", "Exercised: ", "Not exercised: ", "Engines: ", "Left open: "];

impl Shipped {
    /// The profile with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|shipped| shipped.name == name)
    }

    /// The description in its header, as one line.
    #[must_use]
    pub fn about(&self) -> String {
        let lines = self.head().map(str::trim_start);
        let lines = lines.take_while(|line| PARTS.iter().all(|part| !line.starts_with(part)));
        let text = lines.collect::<Vec<_>>().join(" ");
        let first = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
        first.trim_end_matches('.').to_owned()
    }

    /// The program that was recorded for it, with its version; `None` for a profile written for a
    /// purpose.
    #[must_use]
    pub fn program(&self) -> Option<String> {
        self.part(0)
    }

    /// What the program did while it was recorded.
    #[must_use]
    pub fn exercised(&self) -> Option<String> {
        self.part(1)
    }

    /// What the program can do but did not, so that the profile may deny it.
    #[must_use]
    pub fn not_exercised(&self) -> Option<String> {
        self.part(2)
    }

    /// The engines on which the program was recorded, with their versions.
    #[must_use]
    pub fn engines(&self) -> Option<String> {
        self.part(3)
    }

    /// The escapes that contents could close and that are left open, by name, each with the reason: as
    /// `NAME, NAME: REASON; NAME: REASON.`
    #[must_use]
    pub fn left_open(&self) -> Option<String> {
        self.part(4)
    }

    /// A part of the header as one line. Continuation lines are indented by two spaces.
    fn part(&self, number: usize) -> Option<String> {
        let part = PARTS.get(number)?;
        let mut lines = self.head().skip_while(|line| !line.starts_with(part));
        let first = lines.next()?.strip_prefix(part)?;
        let rest = lines.map_while(|line| line.strip_prefix("  "));
        Some(std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" "))
    }

    fn head(&self) -> impl Iterator<Item = &'static str> {
        let line = |line: &'static str| line.strip_prefix('#');
        self.text.lines().map_while(line).map(|line| line.strip_prefix(' ').unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    #[test]
    fn every_file_is_built_in_and_named_after_its_profile() {
        let files = std::fs::read_dir("profiles").unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .map(|file| file.strip_suffix(".yaml").unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, SHIPPED.iter().map(|shipped| shipped.name).collect::<Vec<_>>());
        for shipped in SHIPPED {
            let profile = parse(shipped.text).map_err(|problem| problem.message).unwrap();
            assert_eq!(profile.name.as_str(), shipped.name);
            assert!(!shipped.about().is_empty());
        }
    }

    #[test]
    fn a_profile_of_a_program_says_what_was_recorded() {
        for shipped in SHIPPED {
            let parts = [
                shipped.program(),
                shipped.engines(),
                shipped.exercised(),
                shipped.not_exercised(),
            ];
            let given = parts.iter().flatten().filter(|part| !part.trim().is_empty()).count();
            assert_eq!(given, if shipped.program().is_some() { 4 } else { 0 }, "{}", shipped.name);
            let is_wide = |line: &&str| line.chars().count() > 100;
            // What dsp review writes has one line for each rule.
            let mut written =
                shipped.text.lines().take_while(|line| !line.starts_with("reviewed:"));
            assert_eq!(written.find(is_wide), None, "{}", shipped.name);
        }
    }

    #[test]
    fn the_head_is_read_part_by_part() {
        let text = "# Follows: all\n#   of it. And more.\n# Program: it 1.0\n# Engines: Docker 1,\n#   2\n# Exercised: a,\n#   b.\n# Not exercised: c.\nversion: 1\n# Program: no\n";
        let shipped = Shipped { name: "it", text };
        assert_eq!(shipped.about(), "Follows: all of it");
        assert_eq!(shipped.program().as_deref(), Some("it 1.0"));
        assert_eq!(shipped.engines().as_deref(), Some("Docker 1, 2"));
        assert_eq!(shipped.exercised().as_deref(), Some("a, b."));
        assert_eq!(shipped.not_exercised().as_deref(), Some("c."));
    }
}
