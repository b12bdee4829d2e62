//! The path of an operation: literals and parameters by position.

use std::fmt;
use std::ops::Range;

/// One position of a template.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Exactly this segment. Sorted first, because a literal is always tried before a parameter.
    Literal(&'static str),
    /// A parameter of one segment: `{id}`.
    One(&'static str),
    /// A parameter that may span several segments: `{name...}`, as image and plugin names do.
    Many(&'static str),
}

/// A path template, such as `/containers/{id}/json` or `/images/{name...}/json`. At most one
/// parameter spans segments, so that the literals behind it decide and a match is unambiguous.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Parses the catalogue's spelling; `None` when it is not a template.
    pub(super) fn parse(text: &'static str) -> Option<Self> {
        let parts: Vec<Part> = text
            .strip_prefix('/')?
            .split('/')
            .map(|segment| match segment.strip_prefix('{').map(|rest| rest.strip_suffix('}')) {
                None => Some(Part::Literal(segment)),
                Some(None) => None,
                Some(Some(name)) => Some(match name.strip_suffix("...") {
                    Some(name) => Part::Many(name),
                    None => Part::One(name),
                }),
            })
            .collect::<Option<_>>()?;
        let spanning = parts.iter().filter(|part| matches!(part, Part::Many(_))).count();
        (spanning <= 1).then_some(Self { parts })
    }

    /// The positions, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names of the parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::One(name) | Part::Many(name) => Some(*name),
        })
    }

    /// Which segments each parameter takes when this template matches all of `segments`.
    ///
    /// A parameter never takes an empty segment: the engine's router would (`DELETE /volumes/`
    /// reaches a handler with an empty name, ENGINE_API 2.2), and no client means it.
    pub(super) fn captures<S: AsRef<str>>(&self, segments: &[S]) -> Option<Vec<Range<usize>>> {
        let extra = segments.len().checked_sub(self.parts.len())?;
        let mut captured = Vec::new();
        let mut at = 0;
        for part in &self.parts {
            let width = if matches!(part, Part::Many(_)) { 1 + extra } else { 1 };
            let taken = segments.get(at..at + width)?;
            match part {
                Part::Literal(word) => {
                    taken.iter().all(|segment| segment.as_ref() == *word).then_some(())?;
                }
                Part::One(_) | Part::Many(_) => {
                    taken.iter().all(|segment| !segment.as_ref().is_empty()).then_some(())?;
                    captured.push(at..at + width);
                }
            }
            at += width;
        }
        (at == segments.len()).then_some(captured)
    }

    /// The path with each parameter replaced by what `fill` gives for its place.
    pub fn fill<'a>(&self, mut fill: impl FnMut(usize) -> std::borrow::Cow<'a, str>) -> String {
        let mut path = String::new();
        let mut place = 0;
        for part in &self.parts {
            path.push('/');
            if let Part::Literal(word) = part {
                path.push_str(word);
            } else {
                path.push_str(&fill(place));
                place += 1;
            }
        }
        path
    }
}

/// The template as rules spell it: `/containers/*/json`.
impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.fill(|_| "*".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(template: &'static str, path: &str) -> Option<Vec<String>> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let ranges = Template::parse(template).unwrap().captures(&segments)?;
        Some(ranges.into_iter().map(|range| segments[range].join("/")).collect())
    }

    #[test]
    fn a_parameter_takes_one_segment_and_a_spanning_one_takes_the_rest() {
        assert_eq!(
            captured("/containers/{id}/json", "/containers/web/json"),
            Some(vec!["web".into()])
        );
        assert_eq!(captured("/containers/{id}/json", "/containers/a/b/json"), None);
        assert_eq!(
            captured("/images/{name...}/json", "/images/host:5000/a/b/json"),
            Some(vec!["host:5000/a/b".into()])
        );
        assert_eq!(captured("/images/{name...}", "/images"), None);
    }

    #[test]
    fn no_parameter_is_empty_and_the_whole_path_counts() {
        assert_eq!(captured("/volumes/{name}", "/volumes/"), None);
        assert_eq!(captured("/images/{name...}/json", "/images//json"), None);
        assert_eq!(captured("/containers/json", "/containers/json/exec"), None);
        assert_eq!(captured("/_ping", "/"), None);
    }

    #[test]
    fn what_is_no_template_does_not_parse() {
        for text in ["containers", "/{a...}/{b...}", "/{a"] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }
}
