//! A value of a facet as a rule spells it, and which values of requests it matches.

use crate::contents::{Facet, Fact, OWN, SOCKET, ValueError, profile_of_socket};

/// A value of a facet: a fact, or a text in which `*` stands for a part of one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ValuePattern {
    facet: Facet,
    text: String,
}

impl ValuePattern {
    /// Parses a value of a facet.
    ///
    /// # Errors
    /// [`ValueError`].
    pub fn parse(facet: Facet, text: &str) -> Result<Self, ValueError> {
        facet.check(text)?;
        Ok(Self { facet, text: text.to_owned() })
    }

    /// The value that a fact spells.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        Self { facet: fact.facet, text: fact.value.clone() }
    }

    /// Its facet.
    #[must_use]
    pub fn facet(&self) -> Facet {
        self.facet
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it asks whose an object is: `@own`, or `pid=container:@own`.
    #[must_use]
    pub fn is_of_owner(&self) -> bool {
        match self.facet {
            Facet::Filters => self.text == OWN,
            Facet::Namespaces | Facet::Devices => self.text.contains(OWN),
            facet => facet.names_objects() && self.text.contains(OWN),
        }
    }

    /// Whether it gives containers a socket of dsp.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.matches(SOCKET)
    }

    /// The profile that such a socket is held to; `None` is that of the rule.
    #[must_use]
    pub fn profile_of_socket(&self) -> Option<&str> {
        profile_of_socket(&self.text).filter(|_| self.facet == Facet::Mounts)
    }

    /// Whether it matches a value of its facet.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        if self.profile_of_socket().is_some() {
            return value == SOCKET;
        }
        let separators = self.facet.separators();
        if is_match(&self.text, value, separators) && !self.is_only_in_words(value) {
            return true;
        }
        // Who may write may read.
        self.facet == Facet::Mounts
            && without_read_only(value)
                .is_some_and(|value| is_match(&self.text, &value, separators))
    }

    /// Whether it allows everything that `other` allows. The stars of `other` are matched as if they were
    /// letters, which only stars match. Sockets under two profiles are not the same.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.facet == other.facet && self.profile_of_socket().is_some() {
            return self.text == other.text;
        }
        self.facet == other.facet && self.matches(&other.text)
    }

    /// A star stands for a part of a name, never for a word such as `host`.
    fn is_only_in_words(&self, value: &str) -> bool {
        self.facet == Facet::Network && value == "host" && self.text != value
    }
}

/// A mount without `ro` in its options.
fn without_read_only(value: &str) -> Option<String> {
    match value.strip_suffix(":ro") {
        Some(rest) => Some(rest.to_owned()),
        None => value.contains(":ro,").then(|| value.replacen(":ro,", ":", 1)),
    }
}

/// Whether a pattern matches a value; a star does not match a separator.
fn is_match(pattern: &str, value: &str, separators: &[char]) -> bool {
    if !pattern.contains('*') {
        return pattern == value;
    }
    let (mut pattern, mut value) = (pattern, value);
    loop {
        let split = |text: &str| {
            let end = text.find(separators);
            end.map(|end| (end, text.get(end..).and_then(|rest| rest.chars().next())))
        };
        match (split(pattern), split(value)) {
            (None, None) => return is_part_match(pattern, value),
            (Some((end, one)), Some((other_end, other))) if one == other => {
                let parts = (pattern.split_at_checked(end), value.split_at_checked(other_end));
                let (Some((part, rest)), Some((other_part, other_rest))) = parts else {
                    return false;
                };
                if !is_part_match(part, other_part) {
                    return false;
                }
                // Every separator is one byte.
                (pattern, value) =
                    (rest.get(1..).unwrap_or_default(), other_rest.get(1..).unwrap_or_default());
            }
            _ => return false,
        }
    }
}

/// The same for parts without separators.
fn is_part_match(pattern: &str, value: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == value };
    let Some(mut value) = value.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match value.find(piece) {
            Some(at) => value = value.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    value.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(facet: Facet, text: &str) -> ValuePattern {
        ValuePattern::parse(facet, text).unwrap()
    }

    #[test]
    fn a_star_stays_in_its_part() {
        for (facet, pattern, fits, other) in [
            (Facet::Mounts, "/srv/job-*/data", "/srv/job-1/data", "/srv/job-1/x/data"),
            (Facet::Mounts, "/srv/job-*", "/srv/job-1:ro", "/srv/job-1:rshared"),
            (Facet::Mounts, "/srv/data", "/srv/data:ro", "/srv/data/x"),
            (Facet::Mounts, "/srv/data:z", "/srv/data:ro,z", "/srv/data"),
            (Facet::Mounts, "job*", "job1", "from=job1"),
            (Facet::Image, "postgres:*", "postgres:16", "postgres:16/x"),
            (Facet::Image, "reg/app-*:1", "reg/app-a:1", "reg/app-a/b:1"),
            (Facet::Network, "hos*", "hosts", "host"),
            (Facet::Network, "container*", "container1", "container:x"),
            (Facet::Network, "host", "host", "hosts"),
            (Facet::Ports, "*:8080", "127.0.0.1:8080", "127.0.0.1:80"),
            (Facet::Ports, "127.0.0.1:*", "127.0.0.1:0", "*:0"),
            (Facet::Ports, "*:0", "*:0", "*:80"),
            (Facet::Labels, "com.docker.compose.*", "com.docker.compose.project", "traefik.x"),
        ] {
            assert!(value(facet, pattern).matches(fits), "{pattern} {fits}");
            assert!(!value(facet, pattern).matches(other), "{pattern} {other}");
        }
    }

    #[test]
    fn sockets_under_two_profiles_are_not_the_same() {
        let mounts = |text| value(Facet::Mounts, text);
        let [own, other] = ["@socket", "@socket:q.yaml"].map(mounts);
        for socket in [&own, &other] {
            assert!(socket.is_socket() && socket.matches("@socket"), "{socket:?}");
            assert!(socket.covers(socket) && !socket.matches("/run/docker.sock"), "{socket:?}");
        }
        assert!(!own.covers(&other) && !other.covers(&own));
        assert_eq!((own.profile_of_socket(), other.profile_of_socket()), (None, Some("q.yaml")));
        let builtin = mounts("@socket:builtin:monitor");
        assert_eq!(builtin.profile_of_socket(), Some("builtin:monitor"));
        assert!(!value(Facet::Labels, "@socket:q.yaml").is_socket());
    }

    #[test]
    fn values_that_no_request_holds_are_refused() {
        for (facet, text) in [
            (Facet::Image, "alpine"),
            (Facet::Image, "docker.io/library/alpine:3"),
            (Facet::Image, "*"),
            (Facet::Image, "*:*"),
            (Facet::Mounts, "/srv/"),
            (Facet::Mounts, "/srv/../etc"),
            (Facet::Mounts, "/*"),
            (Facet::Mounts, "@socket:"),
            (Facet::Mounts, "@socket:q*"),
            (Facet::Ports, "8080"),
            (Facet::Ports, "0.0.0.0:80"),
            (Facet::Ports, "127.0.0.1:99999"),
            (Facet::Capabilities, "cap_net_admin"),
            (Facet::Privileged, "yes"),
            (Facet::Labels, ""),
            (Facet::Labels, "a#b"),
            (Facet::Labels, "a\u{202e}"),
        ] {
            assert!(ValuePattern::parse(facet, text).is_err(), "{facet} {text}");
        }
        assert!(ValuePattern::parse(Facet::Ports, "*:*").is_ok());
    }

    fn any_value() -> impl Strategy<Value = ValuePattern> {
        let network = "[ab*]{1,3}(=[ab*]{1,2})?".prop_map(|text| (Facet::Network, text));
        let mounts = "(/[ab*]{1,2}){1,2}(:ro|:z|:ro,z)?".prop_map(|text| (Facet::Mounts, text));
        prop_oneof![network, mounts]
            .prop_filter_map("a value", |(facet, text)| ValuePattern::parse(facet, &text).ok())
    }

    proptest! {
        #[test]
        fn what_covers_matches_all_of_it(
            one in any_value(),
            other in any_value(),
            fact in "([ab]{1,3}(=[ab]{1,2})?)|(/[ab]{1,2}){1,2}(:ro|:z|:ro,z)?",
        ) {
            if one.covers(&other) && other.matches(&fact) {
                prop_assert!(one.matches(&fact), "{:?} {:?} {}", one, other, fact);
            }
            prop_assert!(one.covers(&one));
        }
    }
}
