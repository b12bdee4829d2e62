//! The path of an operation: literals and parameters by position.

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;

/// The range of segments for each parameter of a path; few paths have more than two.
pub type Parameters = SmallVec<[Range<usize>; 2]>;

/// One part of a template.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// A literal segment. Sorts first, because literals are tried before parameters.
    Literal(&'static str),
    /// A parameter of one segment: `{id}`.
    One(&'static str),
    /// A parameter of one or more segments whose stars match within a segment: `{id+}` of a
    /// container, which may be a link alias such as `web/db`. The engine's own routes accept any
    /// number of segments.
    Several(&'static str),
    /// A parameter of one or more segments whose stars match slashes too: `{name...}`, for names of
    /// images and plugins.
    Many(&'static str),
}

impl Part {
    /// Whether it is a parameter that may span segments.
    #[must_use]
    pub fn spans(self) -> bool {
        matches!(self, Self::Several(_) | Self::Many(_))
    }
}

/// A path template, such as `/exec/{id}/json` or `/images/{name...}/json`. At most two parameters
/// may span segments. The first of two takes as many as possible, as in podman's routes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Template {
    parts: Vec<Part>,
    /// The number of parameters that may span segments.
    spanning: usize,
}

impl Template {
    /// Parses the catalogue's spelling; `None` if it is not a template.
    pub(super) fn parse(text: &'static str) -> Option<Self> {
        let parts: Vec<Part> = text
            .strip_prefix('/')?
            .split('/')
            .map(|segment| match segment.strip_prefix('{').map(|rest| rest.strip_suffix('}')) {
                None => Some(Part::Literal(segment)),
                Some(None) => None,
                Some(Some(name)) => {
                    let many = name.strip_suffix("...").map(Part::Many);
                    let several = || name.strip_suffix('+').map(Part::Several);
                    Some(many.or_else(several).unwrap_or(Part::One(name)))
                }
            })
            .collect::<Option<_>>()?;
        let spanning = parts.iter().filter(|part| part.spans()).count();
        (spanning <= 2).then_some(Self { parts, spanning })
    }

    /// The parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names of the parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::One(name) | Part::Several(name) | Part::Many(name) => Some(*name),
        })
    }

    /// For each parameter, in order, whether it may contain slashes that stars do not match.
    pub fn stars_stop_at_slashes(&self) -> impl Iterator<Item = bool> + '_ {
        let parameters = self.parts.iter().filter(|part| !matches!(part, Part::Literal(_)));
        parameters.map(|part| matches!(part, Part::Several(_)))
    }

    /// A quick check of the number of segments and of the last one, which excludes most templates.
    pub(super) fn can_match<S: AsRef<str>>(&self, segments: &[S]) -> bool {
        let fits = match self.spanning {
            0 => segments.len() == self.parts.len(),
            _ => segments.len() >= self.parts.len(),
        };
        fits && match self.parts.last() {
            Some(Part::Literal(word)) => segments.last().is_some_and(|last| last.as_ref() == *word),
            Some(Part::One(_) | Part::Several(_) | Part::Many(_)) | None => true,
        }
    }

    /// The segments of each parameter if this template matches all of `segments`.
    ///
    /// A parameter never matches an empty segment. The engine's router does (`DELETE /volumes/`
    /// reaches a handler with an empty name, docs/engine-api.md#empty-names), but no client means
    /// that.
    pub(super) fn captures<S: AsRef<str>>(&self, segments: &[S]) -> Option<Parameters> {
        let extra = segments.len().checked_sub(self.parts.len())?;
        match self.spanning {
            0 | 1 => self.split(segments, [extra, 0]),
            _ => (0..=extra).rev().find_map(|first| self.split(segments, [first, extra - first])),
        }
    }

    /// Matches with `extra` additional segments for each spanning parameter in turn. Literals are
    /// compared first, so that a long path costs only one check for each way to distribute its
    /// segments.
    fn split<S: AsRef<str>>(&self, segments: &[S], extra: [usize; 2]) -> Option<Parameters> {
        let mut extra = extra.into_iter();
        let mut parameters = Parameters::new();
        let mut at = 0;
        for part in &self.parts {
            match part {
                Part::Literal(word) => {
                    (segments.get(at)?.as_ref() == *word).then_some(())?;
                    at += 1;
                }
                Part::One(_) => {
                    parameters.push(at..at + 1);
                    at += 1;
                }
                Part::Several(_) | Part::Many(_) => {
                    let end = at + 1 + extra.next()?;
                    parameters.push(at..end);
                    at = end;
                }
            }
        }
        let filled = |range: &Range<usize>| {
            let taken = segments.get(range.clone()).unwrap_or_default();
            !taken.is_empty() && taken.iter().all(|segment| !segment.as_ref().is_empty())
        };
        (at == segments.len() && parameters.iter().all(filled)).then_some(parameters)
    }

    /// A sort key for the order in which an engine tries templates: longest first, and among equal
    /// lengths by their last literals.
    pub(super) fn precedence(&self) -> (Reverse<usize>, Vec<Part>) {
        (Reverse(self.parts.len()), self.parts.iter().rev().copied().collect())
    }

    /// The path with each parameter replaced by the result of `fill` for its index.
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
        assert_eq!(captured("/services/{id}/logs", "/services/web/logs"), Some(vec!["web".into()]));
        assert_eq!(captured("/services/{id}/logs", "/services/a/b/logs"), None);
        assert_eq!(
            captured("/images/{name...}/json", "/images/host:5000/a/b/json"),
            Some(vec!["host:5000/a/b".into()])
        );
        assert_eq!(captured("/images/{name...}", "/images"), None);
    }

    #[test]
    fn the_first_of_two_spanning_parameters_takes_as_much_as_it_can() {
        let template = "/m/{name...}/registry/{to...}";
        assert_eq!(captured(template, "/m/a/b/registry/c"), Some(vec!["a/b".into(), "c".into()]));
        assert_eq!(captured(template, "/m/a/registry/b/c"), Some(vec!["a".into(), "b/c".into()]));
        assert_eq!(
            captured(template, "/m/a/registry/b/registry/c"),
            Some(vec!["a/registry/b".into(), "c".into()])
        );
        assert_eq!(captured(template, "/m/registry/c"), None);
        assert_eq!(captured(template, "/m/a/registry"), None);
    }

    #[test]
    fn no_parameter_is_empty_and_the_whole_path_must_match() {
        assert_eq!(captured("/volumes/{name+}", "/volumes/"), None);
        assert_eq!(captured("/images/{name...}/json", "/images//json"), None);
        assert_eq!(captured("/containers/json", "/containers/json/exec"), None);
        assert_eq!(captured("/_ping", "/"), None);
    }

    #[test]
    fn other_text_is_not_a_template() {
        for text in ["containers", "/{a...}/x/{b...}/y/{c...}", "/{a"] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }
}
