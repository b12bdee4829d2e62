//! Changes what a rule in a profile's text says about contents, value by value, and leaves
//! everything else as it was written.

use std::ops::Range;

use super::layout::{FacetPlace, Form, Layout, line_end, line_start, quoted};
use super::{Entry, Rule, ValuePattern};
use crate::contents::Facet;
use crate::yaml::{double_quoted, value as spelled};

/// What a new facet allows.
enum Given<'a> {
    Any,
    Value(&'a ValuePattern),
}

/// A text with changes that are made all at once, so that positions stay true.
struct Edit<'a> {
    text: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

/// Lets the rule of an entry, which was parsed from `text`, allow a value, too. `None` if it has no
/// contents, or if they are written in a way that has to be edited by hand.
#[must_use]
pub fn add_value(text: &str, entry: &Entry<Rule>, value: &ValuePattern) -> Option<String> {
    let layout = Layout::of(text, entry)?;
    let mut edit = Edit { text, changes: Vec::new() };
    match layout.place(value.facet()) {
        None => edit.add_facet(entry, &layout, value.facet(), &Given::Value(value))?,
        Some(place) if place.is_any() || place.has(value) => {}
        Some(place) => edit.add_to(place, value)?,
    }
    Some(edit.done())
}

/// Lets the rule of an entry no longer allow a value. The facet goes with its last value, and `{}`
/// stays of the last facet.
#[must_use]
pub fn remove_value(text: &str, entry: &Entry<Rule>, value: &ValuePattern) -> Option<String> {
    let layout = Layout::of(text, entry)?;
    let Some(place) = layout.place(value.facet()).filter(|place| !place.is_any()) else {
        return Some(text.to_owned());
    };
    if !place.has(value) {
        return Some(text.to_owned());
    }
    if place.items.iter().all(|(item, _)| item == value.as_str()) {
        return close_facet(text, entry, value.facet());
    }
    let mut edit = Edit { text, changes: Vec::new() };
    match &place.form {
        Form::Brackets(brackets) => {
            let kept = place.items.iter().map(|(item, _)| item != value.as_str());
            let items = place.items.iter().map(|(_, range)| range.clone()).zip(kept);
            edit.drop_from_flow(brackets, &items.collect::<Vec<_>>())?;
        }
        Form::One | Form::Lines => {
            for (_, range) in place.items.iter().filter(|(item, _)| item == value.as_str()) {
                edit.change(line_start(text, range.start)?..line_end(text, range.end)?, "");
            }
        }
    }
    Some(edit.done())
}

/// Lets the rule of an entry allow every value of a facet.
#[must_use]
pub fn open_facet(text: &str, entry: &Entry<Rule>, facet: Facet) -> Option<String> {
    let layout = Layout::of(text, entry)?;
    let mut edit = Edit { text, changes: Vec::new() };
    match layout.place(facet) {
        None => edit.add_facet(entry, &layout, facet, &Given::Any)?,
        Some(place) if place.is_any() => {}
        Some(place) => match &place.form {
            Form::Brackets(brackets) => edit.change(brackets.clone(), "any"),
            Form::One => edit.change(place.items.first()?.1.clone(), "any"),
            Form::Lines => {
                edit.change(place.colon..place.colon, " any");
                edit.change(line_end(text, place.colon)?..line_end(text, place.end())?, "");
            }
        },
    }
    Some(edit.done())
}

/// Lets the rule of an entry allow only harmless values of a facet.
#[must_use]
pub fn close_facet(text: &str, entry: &Entry<Rule>, facet: Facet) -> Option<String> {
    let layout = Layout::of(text, entry)?;
    let mut edit = Edit { text, changes: Vec::new() };
    let Some(place) = layout.place(facet) else { return Some(text.to_owned()) };
    let mut others = layout.facets.iter().filter(|other| other.facet != Some(facet));
    if others.clone().next().is_some() && others.all(|other| other.facet.is_none()) {
        // What only hides something allows any contents.
        let start = place.colon;
        edit.change(start..place.end(), " []");
        return Some(edit.done());
    }
    if let Some(braces) = &layout.braces {
        let range = |place: &FacetPlace| place.key.start..place.end();
        let items = layout.facets.iter().map(|place| (range(place), place.facet != Some(facet)));
        edit.drop_from_flow(braces, &items.collect::<Vec<_>>())?;
        return Some(edit.done());
    }
    edit.change(own_line(text, place.key.start)?..line_end(text, place.end())?, "");
    if layout.facets.len() == 1 {
        edit.change(layout.colon..layout.colon, " {}");
    }
    Some(edit.done())
}

impl Layout {
    fn place(&self, facet: Facet) -> Option<&FacetPlace> {
        self.facets.iter().find(|place| place.facet == Some(facet))
    }
}

impl FacetPlace {
    fn is_any(&self) -> bool {
        self.form == Form::One && self.items.iter().any(|(item, _)| item == "any")
    }

    fn has(&self, value: &ValuePattern) -> bool {
        self.items.iter().any(|(item, _)| item == value.as_str())
    }
}

impl Edit<'_> {
    fn change(&mut self, range: Range<usize>, to: &str) {
        self.changes.push((range, to.to_owned()));
    }

    fn done(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| range.start);
        let (mut edited, mut done) = (String::with_capacity(self.text.len()), 0);
        for (range, to) in self.changes {
            edited.push_str(self.text.get(done..range.start).unwrap_or_default());
            edited.push_str(&to);
            done = range.end;
        }
        edited.push_str(self.text.get(done..).unwrap_or_default());
        edited
    }

    /// Adds whole lines at the start of a line.
    fn add_lines(&mut self, at: usize, lines: &str) {
        let is_in_line = at == self.text.len() && !self.text.ends_with('\n');
        let before = if is_in_line { "\n" } else { "" };
        self.change(at..at, &format!("{before}{lines}"));
    }

    /// Adds a value to a facet that is written already.
    fn add_to(&mut self, place: &FacetPlace, value: &ValuePattern) -> Option<()> {
        let line = spelled(value.as_str());
        match &place.form {
            Form::Brackets(brackets) => {
                let quoted = double_quoted(value.as_str());
                match place.items.last() {
                    Some((_, last)) => self.change(last.end..last.end, &format!(", {quoted}")),
                    None => self.change(brackets.start + 1..brackets.start + 1, &quoted),
                }
            }
            Form::One => {
                let (_, old) = place.items.first()?;
                let key = own_line(self.text, place.key.start)?;
                let indent = self.text.get(key..place.key.start)?;
                let written = self.text.get(old.clone())?;
                let lines = format!("{indent}  - {written}\n{indent}  - {line}\n");
                let end = line_end(self.text, old.end)?;
                self.change(place.colon..old.end, "");
                self.add_lines(end, &lines);
            }
            Form::Lines => {
                let (_, first) = place.items.first()?;
                let dash = line_start(self.text, first.start)?;
                let indent = self.text.get(dash..)?.split('-').next()?;
                // A sorted list stays sorted.
                let is_sorted = place.items.is_sorted_by_key(|(item, _)| item);
                let before =
                    |(item, _): &&(String, _)| !is_sorted || item.as_str() < value.as_str();
                let last = place.items.iter().take_while(before).last();
                let at = last.map_or(place.colon, |(_, last)| last.end);
                self.add_lines(line_end(self.text, at)?, &format!("{indent}- {line}\n"));
            }
        }
        Some(())
    }

    /// Writes a facet that is not written yet.
    fn add_facet(
        &mut self,
        entry: &Entry<Rule>,
        layout: &Layout,
        facet: Facet,
        given: &Given<'_>,
    ) -> Option<()> {
        let is_before = |place: &&FacetPlace| place.order() < (false, Some(facet));
        let is_sorted = layout.facets.is_sorted_by_key(FacetPlace::order);
        let before = match is_sorted {
            true => layout.facets.iter().take_while(is_before).last(),
            false => layout.facets.last(),
        };
        if let Some(braces) = layout.braces.as_ref().filter(|braces| !self.is_bare(braces)) {
            let line = match given {
                Given::Any => format!("{facet}: any"),
                Given::Value(_) if facet.is_flag() => format!("{facet}: true"),
                Given::Value(value) => format!("{facet}: [{}]", double_quoted(value.as_str())),
            };
            match (before, layout.facets.first()) {
                (Some(before), _) => self.change(before.end()..before.end(), &format!(", {line}")),
                (None, Some(first)) => {
                    self.change(first.key.start..first.key.start, &format!("{line}, "));
                }
                (None, None) => self.change(braces.start + 1..braces.start + 1, &line),
            }
            return Some(());
        }
        let indent = match layout.facets.first() {
            Some(first) => {
                self.text.get(own_line(self.text, first.key.start)?..first.key.start)?.to_owned()
            }
            None => {
                let span = entry.span.as_ref()?;
                let start = line_start(self.text, span.start)?;
                " ".repeat(quoted(self.text, span).start - start + 2)
            }
        };
        let lines = match given {
            Given::Any => format!("{indent}{facet}: any\n"),
            Given::Value(_) if facet.is_flag() => format!("{indent}{facet}: true\n"),
            Given::Value(value) => {
                format!("{indent}{facet}:\n{indent}  - {}\n", spelled(value.as_str()))
            }
        };
        let at = match (&layout.braces, before) {
            (Some(braces), _) => {
                line_start(self.text, entry.span.as_ref()?.start)?;
                self.change(layout.colon..braces.end, "");
                braces.end
            }
            (None, Some(before)) => before.end(),
            (None, None) => layout.colon,
        };
        self.add_lines(line_end(self.text, at)?, &lines);
        Some(())
    }

    /// Whether braces have nothing in them.
    fn is_bare(&self, braces: &Range<usize>) -> bool {
        let inside = self.text.get(braces.start + 1..braces.end - 1).unwrap_or("x");
        inside.chars().all(|character| character == ' ')
    }

    /// Removes the items of a list or mapping in brackets that are not kept.
    fn drop_from_flow(
        &mut self,
        brackets: &Range<usize>,
        items: &[(Range<usize>, bool)],
    ) -> Option<()> {
        let inside = brackets.start + 1..brackets.end - 1;
        let kept: Vec<&Range<usize>> =
            items.iter().filter(|(_, kept)| *kept).map(|(range, _)| range).collect();
        let Some(last) = kept.last() else {
            self.change(inside, "");
            return Some(());
        };
        for (place, (range, _)) in items.iter().enumerate().filter(|(_, (_, kept))| !kept) {
            // An item goes with the comma and the space before the next one, and what comes after all
            // kept ones goes with the comma before it.
            match items.get(place + 1) {
                Some((next, _)) if range.start < last.start => {
                    self.change(range.start..next.start, "");
                }
                _ => {
                    let (before, _) = items.get(place.checked_sub(1)?)?;
                    self.change(before.end..range.end, "");
                }
            }
        }
        Some(())
    }
}

/// The start of the line of a key; `None` if anything but space precedes it.
fn own_line(text: &str, at: usize) -> Option<usize> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    text.get(start..at)?.trim().is_empty().then_some(start)
}

#[cfg(test)]
mod tests;
