//! Paths as text.

use std::fmt;
use std::path::Path;

use super::printable;

/// A path as people see it.
#[must_use]
pub fn shown<P: AsRef<Path> + ?Sized>(path: &P) -> Shown<'_> {
    Shown(path.as_ref())
}

/// A path as it is spelled, for files that programs read and for code that escapes it itself.
#[must_use]
pub fn spelled<P: AsRef<Path> + ?Sized>(path: &P) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

/// See [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&printable(&spelled(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_on_one_line() {
        let path = Path::new("a\n::error::x\u{9b}");
        assert_eq!(shown(path).to_string(), "a\\u{a}::error::x\\u{9b}");
        assert_eq!(format!("{:>4}", shown("a")), "   a");
    }
}
