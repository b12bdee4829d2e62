//! A request that is being read, and what has been found in it.

use super::{Context, Facet, Facts, Json, Unreadable, fact};

/// A request that is being read.
pub(super) struct Reading<'a> {
    /// What is known besides the request.
    pub(super) context: &'a Context<'a>,
    /// What has been found so far.
    pub(super) facts: &'a mut Facts,
    /// Whether this is the query, which is not written again.
    pub(super) is_query: bool,
    /// What is to be added to the list that is being read.
    pub(super) more: Vec<Json>,
}

/// What the facts of a value are about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Their facet.
    pub(super) facet: Facet,
    /// The texts that give nothing away, besides values that say nothing.
    pub(super) harmless: Vec<&'static str>,
}

impl<'a> Reading<'a> {
    /// Starts to read a part of a request: its query or its body.
    pub(super) fn new(context: &'a Context<'a>, facts: &'a mut Facts, is_query: bool) -> Self {
        Self { context, facts, is_query, more: Vec::new() }
    }

    /// Adds a fact whose value is in canonical spelling.
    pub(super) fn add(
        &mut self,
        facet: Facet,
        value: String,
        field: &str,
    ) -> Result<(), Unreadable> {
        self.facts.add(facet, value, field)
    }

    /// Adds the fact `WORD=VALUE`, or only the value if there is no word.
    pub(super) fn add_named(
        &mut self,
        facet: Facet,
        word: &str,
        value: &str,
        field: &str,
    ) -> Result<(), Unreadable> {
        // Without a word, nothing in a value may look like one.
        let value = match word {
            "" => fact::escaped(value, &['=']),
            word => format!("{word}={}", fact::escaped(value, &[])),
        };
        self.add(facet, value, field)
    }

    /// Adds a fact that is a word.
    pub(super) fn add_word(
        &mut self,
        subject: &Subject,
        word: &str,
        field: &str,
    ) -> Result<(), Unreadable> {
        let word = if word.is_empty() { "true" } else { word };
        self.add(subject.facet, word.to_owned(), field)
    }
}

impl Subject {
    /// Whether a text gives nothing away.
    pub(super) fn is_harmless(&self, text: &str) -> bool {
        self.harmless.contains(&text)
    }
}

/// The error for a value that no engine takes, or that engines read in different ways.
pub(super) fn odd(field: &str, expected: &'static str) -> Unreadable {
    Unreadable::Value { field: field.to_owned(), expected }
}
