//! Tells constants from variables.
//!
//! A value that was the same in several sessions is a constant. Values that differ in each session and
//! are otherwise spelled alike are one name with a part that varies, such as `job-1` and `job-2`. With
//! one session nobody knows, so every value is taken as it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::contents::{Facet, Fact};
use crate::learn::SeenContents;
use crate::profile::ValuePattern;

/// The fewest characters of a part that have to be constant next to the part that varies.
const FEWEST_CONSTANT: usize = 3;

/// The fewest keys of labels that are allowed by what they share.
const FEWEST_LABELS: usize = 3;

/// The first words of keys that are names of domains in reverse order.
const DOMAINS: [&str; 7] = ["com", "dev", "io", "net", "org", "de", "sh"];

/// The values for facts of one operation.
pub(super) fn generalised<'a>(
    facts: impl Iterator<Item = &'a Fact>,
    seen: &SeenContents,
) -> BTreeSet<ValuePattern> {
    let mut values = BTreeSet::new();
    let mut alike: BTreeMap<Likeness, Vec<&Fact>> = BTreeMap::new();
    let mut labels: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        if fact.facet == Facet::Labels
            && let Some(domain) = domain(&fact.value)
        {
            labels.entry(domain).or_default().push(fact);
            continue;
        }
        match seen.facts.get(fact).map(BTreeSet::len) {
            Some(1) if seen.sessions.len() > 1 => {
                alike.entry(Likeness::of(fact)).or_default().push(fact);
            }
            _ => {
                values.insert(ValuePattern::of(fact));
            }
        }
    }
    for (domain, keys) in labels {
        let shared = ValuePattern::parse(Facet::Labels, &format!("{domain}.*"));
        match shared {
            Ok(shared) if keys.len() >= FEWEST_LABELS => {
                values.insert(shared);
            }
            _ => values.extend(keys.into_iter().map(ValuePattern::of)),
        }
    }
    for facts in alike.into_values() {
        let sessions: BTreeSet<usize> =
            facts.iter().filter_map(|fact| seen.facts.get(*fact)).flatten().copied().collect();
        let is_in_each = facts.len() > 1 && sessions == seen.sessions;
        match is_in_each.then(|| pattern(&facts)).flatten() {
            Some(pattern) => {
                values.insert(pattern);
            }
            None => values.extend(facts.into_iter().map(ValuePattern::of)),
        }
    }
    values
}

/// What the spellings of a name have in common if only a part of it varies.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Likeness {
    facet: Facet,
    /// The beginning of each part, and the separator after it.
    parts: Vec<(String, Option<char>)>,
}

impl Likeness {
    fn of(fact: &Fact) -> Self {
        let parts = parts(fact.facet, &fact.value);
        let last = parts.len().saturating_sub(1);
        let beginning = |(place, (part, end)): (usize, (&str, Option<char>))| {
            // Ports and tags vary as a whole.
            let is_whole = fact.facet == Facet::Ports || (fact.facet == Facet::Image && last > 0);
            let length = if is_whole && place == last { 0 } else { FEWEST_CONSTANT };
            (part.chars().take(length).collect(), end)
        };
        Self { facet: fact.facet, parts: parts.into_iter().enumerate().map(beginning).collect() }
    }
}

/// The parts of a value, each with the separator after it.
fn parts(facet: Facet, value: &str) -> Vec<(&str, Option<char>)> {
    if facet == Facet::Ports {
        let (address, port) = value.rsplit_once(':').unwrap_or((value, ""));
        return vec![(address, Some(':')), (port, None)];
    }
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some(end) = rest.find(facet.separators()) {
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        parts.push((part, after.chars().next()));
        rest = after.get(1..).unwrap_or_default();
    }
    parts.push((rest, None));
    parts
}

/// The pattern of values that are alike; `None` if nothing constant is left of a part that varies.
fn pattern(facts: &[&Fact]) -> Option<ValuePattern> {
    let facet = facts.first()?.facet;
    let split: Vec<Vec<(&str, Option<char>)>> =
        facts.iter().map(|fact| parts(facet, &fact.value)).collect();
    let first = split.first()?;
    let mut text = String::new();
    for (place, (_, end)) in first.iter().enumerate() {
        let spellings: BTreeSet<&str> =
            split.iter().filter_map(|parts| parts.get(place)).map(|(part, _)| *part).collect();
        let is_whole = place + 1 == first.len() && matches!(facet, Facet::Ports | Facet::Image);
        text.push_str(&part_pattern(&spellings, is_whole)?);
        text.extend(*end);
    }
    ValuePattern::parse(facet, &text).ok()
}

/// What the spellings of a part share, with a star for the rest.
fn part_pattern(spellings: &BTreeSet<&str>, is_whole: bool) -> Option<String> {
    let (first, last) = (spellings.first()?, spellings.last()?);
    if first == last {
        return Some((*first).to_owned());
    }
    // In sorted order, what the first and the last one share at the beginning all share.
    let shared = |one: &str, other: &str| {
        let pairs = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
        pairs.map(|(character, _)| character.len_utf8()).sum::<usize>()
    };
    let front = first.get(..shared(first, last))?;
    // Random parts may begin alike by chance, so what people chose ends at a separator, if there is one.
    let front = match front.rfind(['-', '_', '.']) {
        Some(last) => front.get(..=last)?,
        // A digit next to the part that varies belongs to it.
        None => front.trim_end_matches(|character: char| character.is_ascii_digit()),
    };
    let is_enough = is_whole || front.chars().count() >= FEWEST_CONSTANT;
    is_enough.then(|| format!("{front}*"))
}

/// The domain of a label's key: `com.docker.compose` of `com.docker.compose.project`.
fn domain(key: &str) -> Option<&str> {
    let words: Vec<&str> = key.split('.').collect();
    let is_domain = words.len() > 3 && words.first().is_some_and(|first| DOMAINS.contains(first));
    let length = words.iter().take(3).map(|word| word.len() + 1).sum::<usize>();
    if is_domain { key.get(..length.checked_sub(1)?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values for what each session saw.
    fn learned(facet: Facet, sessions: &[&[&str]]) -> Vec<String> {
        let mut seen = SeenContents::default();
        for (place, values) in sessions.iter().enumerate() {
            seen.sessions.insert(place);
            for value in *values {
                seen.facts.entry(Fact::new(facet, *value)).or_default().insert(place);
            }
        }
        let values = generalised(seen.facts.keys(), &seen);
        values.iter().map(|value| value.as_str().to_owned()).collect()
    }

    #[test]
    fn what_differs_in_each_session_varies() {
        let mounts = |sessions: &[&[&str]]| learned(Facet::Mounts, sessions);
        assert_eq!(mounts(&[&["/srv/a"], &["/srv/a"]]), ["/srv/a"]);
        assert_eq!(mounts(&[&["/tmp/tmp.AbC/data:ro"]]), ["/tmp/tmp.AbC/data:ro"]);
        assert_eq!(
            mounts(&[&["/tmp/tmp.AbC/data:ro"], &["/tmp/tmp.XyZ/data:ro"]]),
            ["/tmp/tmp.*/data:ro"]
        );
        assert_eq!(mounts(&[&["job-1"], &["job-2", "pgdata"]]), ["job-*", "pgdata"]);
        assert_eq!(mounts(&[&["job-a86e"], &["job-a01c"]]), ["job-*"], "alike by chance");
        assert_eq!(mounts(&[&["/srv/a"], &["/srv/b"]]), ["/srv/a", "/srv/b"], "nothing constant");
        assert_eq!(mounts(&[&["ab1"], &["ab2"]]), ["ab1", "ab2"], "too little is constant");
        assert_eq!(mounts(&[&["job-1"], &["job-2"], &["x"]]), ["job-1", "job-2", "x"]);
        assert_eq!(mounts(&[&["/a:ro"], &["/a:rshared"]]), ["/a:ro", "/a:rshared"]);
    }

    #[test]
    fn ports_and_tags_vary_as_a_whole() {
        assert_eq!(learned(Facet::Ports, &[&["*:32768"], &["*:49153"]]), ["*:*"]);
        assert_eq!(learned(Facet::Ports, &[&["127.0.0.1:81"], &["127.0.0.1:92"]]), ["127.0.0.1:*"]);
        assert_eq!(learned(Facet::Image, &[&["app:1.2"], &["app:2.0"]]), ["app:*"]);
        assert_eq!(learned(Facet::Image, &[&["app:1"], &["db:1"]]), ["app:1", "db:1"]);
        assert_eq!(learned(Facet::Image, &[&["x-1:a"], &["x-2:a"]]), ["x-1:a", "x-2:a"]);
    }

    #[test]
    fn words_never_vary() {
        assert_eq!(
            learned(Facet::Network, &[&["host", "alias=web-1"], &["alias=web-2", "net"]]),
            ["alias=web-*", "host", "net"]
        );
    }

    #[test]
    fn keys_of_labels_are_allowed_by_their_domain() {
        let compose = [
            "com.docker.compose.project",
            "com.docker.compose.service",
            "com.docker.compose.version",
            "mine",
        ];
        assert_eq!(learned(Facet::Labels, &[&compose]), ["com.docker.compose.*", "mine"]);
        assert_eq!(learned(Facet::Labels, &[&compose[..2]]), compose[..2]);
    }
}
