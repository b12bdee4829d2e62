//! The engines on which an escape works.

/// Where an escape works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Works {
    /// The releases of the engine.
    pub releases: Releases,
    /// What the engine needs besides.
    pub needs: Needs,
}

/// What an escape needs of its engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Needs {
    /// Nothing: a new engine will do.
    Nothing,
    /// The engine manages a swarm.
    Swarm,
    /// Something that engines of tests do not have, such as a plugin, a registry or a disk. The
    /// source of the escape says what.
    More,
}

/// Releases of an engine, from the first to the last, each as its first two numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Releases {
    first: (u32, u32),
    last: (u32, u32),
}

impl Releases {
    const ALL: Self = Self { first: (0, 0), last: (u32::MAX, u32::MAX) };

    /// Whether a release is one of these.
    #[must_use]
    pub fn contain(&self, release: (u32, u32)) -> bool {
        (self.first..=self.last).contains(&release)
    }

    /// Parses `20.10-26.1`, `28.0-` or `-24.0`. A last release without a second number means all
    /// that begin with the first.
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let numbers = |text: &str, of_all: u32, missing: u32| match text.split_once('.') {
            _ if text.is_empty() => Some((of_all, of_all)),
            Some((major, minor)) => Some((major.parse().ok()?, minor.parse().ok()?)),
            None => Some((text.parse().ok()?, missing)),
        };
        Some(Self { first: numbers(first, 0, 0)?, last: numbers(last, u32::MAX, u32::MAX)? })
    }
}

impl Works {
    /// Whether it works on an engine of this release, when what it needs is there.
    #[must_use]
    pub fn on(&self, release: (u32, u32)) -> bool {
        self.releases.contain(release)
    }

    /// Parses the column of the data files.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (needs, releases) = match text.split_once(' ').unwrap_or((text, "all")) {
            ("swarm", releases) => (Needs::Swarm, releases),
            ("none-here", releases) => (Needs::More, releases),
            _ => (Needs::Nothing, text),
        };
        let releases = match releases {
            "all" => Releases::ALL,
            releases => Releases::parse(releases)?,
        };
        Some(Self { releases, needs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_a_range_by_number() {
        let works = |text: &str, release| Works::parse(text).unwrap().on(release);
        for (text, release, expected) in [
            ("all", (20, 10), true),
            ("20.10-26.1", (9, 0), false),
            ("20.10-26.1", (20, 10), true),
            ("20.10-26.1", (26, 1), true),
            ("20.10-26.1", (26, 2), false),
            ("28.0-", (27, 5), false),
            ("28.0-", (29, 0), true),
            ("-24.0", (20, 10), true),
            ("-5", (5, 8), true),
            ("-5", (6, 0), false),
            ("swarm 25.0-", (20, 10), false),
        ] {
            assert_eq!(works(text, release), expected, "{text} {release:?}");
        }
        assert_eq!(Works::parse("swarm").unwrap().needs, Needs::Swarm);
        for text in ["", "28", "x-", "20.x-", "swarm x"] {
            assert_eq!(Works::parse(text), None, "{text}");
        }
    }
}
