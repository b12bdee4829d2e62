//! The profiles that are part of dsp.

/// A profile that is part of dsp.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name behind `builtin:`.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// What stands before the name of such a profile where a file is expected.
pub const BUILTIN: &str = "builtin:";

/// Every profile that is part of dsp, by name.
pub const SHIPPED: [Shipped; 1] =
    [Shipped { name: "monitor", text: include_str!("../../profiles/monitor.yaml") }];

impl Shipped {
    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        static ALL: &[Shipped] = &SHIPPED;
        ALL.iter().find(|shipped| shipped.name == name)
    }

    /// What it says of itself at its head, as one line.
    #[must_use]
    pub fn about(&self) -> String {
        let head = self.text.lines().take_while(|line| line.starts_with('#'));
        let lines: Vec<&str> = head.map(|line| line.trim_start_matches(['#', ' '])).collect();
        let text = lines.join(" ");
        text.split_once(". ").map_or_else(|| text.clone(), |(first, _)| first.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    #[test]
    fn every_file_is_shipped_and_is_a_profile_of_its_name() {
        let files = std::fs::read_dir("profiles").unwrap().count();
        assert_eq!(files, SHIPPED.len());
        for shipped in SHIPPED {
            let profile = parse(shipped.text).map_err(|problem| problem.message).unwrap();
            assert_eq!(profile.name.as_str(), shipped.name);
            let file = std::fs::read_to_string(format!("profiles/{}.yaml", shipped.name)).unwrap();
            assert_eq!(file, shipped.text);
            assert!(!shipped.about().is_empty());
        }
    }
}
