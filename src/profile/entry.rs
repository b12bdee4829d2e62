//! The entries of a profile's lists.

use std::ops::Range;

/// A value and its position in the file. Two entries are equal if their values are.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The value.
    pub value: T,
    /// The byte range of its first line in the file; `None` if it did not come from one.
    pub span: Option<Range<usize>>,
    /// Where it ends in the file: a rule with contents has several lines.
    pub end: Option<usize>,
}

impl<T> Entry<T> {
    /// An entry that is not in a file yet.
    pub fn new(value: T) -> Self {
        Self { value, span: None, end: None }
    }

    /// Another value at the same position.
    pub fn with<U>(&self, value: U) -> Entry<U> {
        Entry { value, span: self.span.clone(), end: self.end }
    }
}

impl<T: Eq> Eq for Entry<T> {}

impl<T: PartialEq> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
