//! Conditions that a person types, such as `risk>=change` and `name=web*`: how they are written, and how
//! values are compared. What their fields mean is up to those who ask for conditions.

/// How values are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `<`
    Less,
}

/// The signs, with those first that begin like others.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::Unequal),
    ("=", Comparison::Equal),
    (">", Comparison::More),
    ("<", Comparison::Less),
];

impl Comparison {
    /// Whether it only makes sense for values that have an order.
    #[must_use]
    pub fn needs_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }

    /// Whether a value is to another one as the sign says.
    pub fn compares<T: Ord>(self, found: &T, wanted: &T) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Unequal => found != wanted,
            Self::AtLeast => found >= wanted,
            Self::AtMost => found <= wanted,
            Self::More => found > wanted,
            Self::Less => found < wanted,
        }
    }
}

/// The field, the sign and the value of a condition; `None` if the text is not written as one.
#[must_use]
pub fn condition(text: &str) -> Option<(&str, Comparison, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_lowercase())?;
    let (field, rest) = text.split_at_checked(end)?;
    let sign = |(sign, how): &(&str, Comparison)| Some((*how, rest.strip_prefix(sign)?));
    let (how, value) = SIGNS.iter().find_map(sign)?;
    (!field.is_empty()).then_some((field, how, value))
}

/// Whether a text is the wanted one, in which a star stands for any characters and case does not matter. The
/// time is proportional to the product of the lengths at most.
#[must_use]
pub fn is_like(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_condition_is_a_word_and_a_sign() {
        assert_eq!(condition("risk>=change"), Some(("risk", Comparison::AtLeast, "change")));
        assert_eq!(condition("name!=a=b"), Some(("name", Comparison::Unequal, "a=b")));
        assert_eq!(condition("name="), Some(("name", Comparison::Equal, "")));
        for text in ["", "=", "=b", "a", "A=b", "/a=b", "a.b=c", "é=1"] {
            assert_eq!(condition(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_star_stands_for_anything(start in "[ab]{0,4}", middle in "[ab*]{0,4}", end in "[aB]{0,4}") {
            let text = format!("{start}{middle}{end}");
            let wanted = format!("{start}*{end}");
            prop_assert!(is_like(&text, &wanted));
            prop_assert!(is_like(&text, "*"));
            let plain = text.replace('*', "");
            prop_assert!(is_like(&plain, &plain.to_uppercase()));
            let longer = format!("{plain}c");
            prop_assert!(!is_like(&plain, &longer));
        }
    }
}
