//! Values as people write them in rules, compared with what requests can hold.

use super::path::clean;
use super::{Facet, OWN, image, network, profile_of_socket};
use crate::text::is_unsafe;

/// The length limit of a value in bytes.
const LONGEST: usize = 1024;

/// Why no request could hold a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// It is empty, too long, or has characters that values spell with escapes.
    #[error(
        "a value has 1 to {LONGEST} characters, and spaces at its ends, \"#\" and what cannot be shown are escaped with %XX"
    )]
    Text,
    /// The facet has one value.
    #[error("the only value of {0} is true")]
    Flag(Facet),
    /// It is a star alone.
    #[error("a star alone is any value")]
    Any,
    /// It has another spelling.
    #[error("no request holds this spelling")]
    Spelling {
        /// The right one.
        right: String,
    },
    /// It is not a value of the facet.
    #[error("it is not {0}")]
    Kind(&'static str),
}

impl Facet {
    /// Checks a value as a rule spells it. In a value with stars only its parts can be checked.
    ///
    /// # Errors
    /// [`ValueError`].
    pub fn check(self, value: &str) -> Result<(), ValueError> {
        let is_odd = |character: char| character == '#' || is_unsafe(character);
        if value.is_empty()
            || value.len() > LONGEST
            || value.contains(is_odd)
            || value != value.trim()
        {
            return Err(ValueError::Text);
        }
        if value == OWN {
            let kind = "a value of this facet, which names no objects";
            let has_owners = self.names_objects() || self == Self::Filters;
            return if has_owners { Ok(()) } else { Err(ValueError::Kind(kind)) };
        }
        if self == Self::Mounts
            && let Some(profile) = profile_of_socket(value)
        {
            let is_one = !profile.is_empty() && !profile.contains('*');
            let kind = "@socket:FILE or @socket:builtin:NAME, with the profile of the socket";
            return if is_one { Ok(()) } else { Err(ValueError::Kind(kind)) };
        }
        if self.is_flag() {
            return if value == "true" { Ok(()) } else { Err(ValueError::Flag(self)) };
        }
        if self != Self::Ports && value.contains('*') {
            // `*_*` is what compose calls the networks and volumes of every project.
            let is_fixed = |character: char| character.is_alphanumeric() || character == '_';
            return if value.contains(is_fixed) { Ok(()) } else { Err(ValueError::Any) };
        }
        match self {
            Self::Image => same(value, image::familiar(value), "the name of an image"),
            Self::Mounts if value.starts_with('/') => {
                let (path, rest) = value.split_once(':').unwrap_or((value, ""));
                let path = clean(path);
                let right = if rest.is_empty() { path } else { format!("{path}:{rest}") };
                same(value, Some(right), "a path")
            }
            Self::Path => same(value, Some(clean(value)), "a path"),
            Self::Ports => same(value, network::port_of_rule(value), "ADDRESS:PORT"),
            Self::Capabilities => {
                let upper = value.to_ascii_uppercase();
                let right = upper.strip_prefix("CAP_").unwrap_or(&upper);
                same(value, Some(right.to_owned()), "a capability")
            }
            _ => Ok(()),
        }
    }
}

fn same(value: &str, right: Option<String>, kind: &'static str) -> Result<(), ValueError> {
    match right {
        None => Err(ValueError::Kind(kind)),
        Some(right) if right == value => Ok(()),
        Some(right) => Err(ValueError::Spelling { right }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_star_needs_a_constant_part() {
        for fixed in ["ci-*", "*_*", "a*b", "alias=*"] {
            assert_eq!(Facet::Network.check(fixed), Ok(()), "{fixed}");
        }
        for any in ["*", "*-*", "**", "*:*", "/*"] {
            assert_eq!(Facet::Mounts.check(any), Err(ValueError::Any), "{any}");
        }
    }
}
