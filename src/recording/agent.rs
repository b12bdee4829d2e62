//! The name that a client gives itself, as a recording contains it.

use std::borrow::Cow;

use super::secret::is_secret;
use crate::api::{is_length, length};

/// The longest client name that is kept, in bytes, and the longest word and version in it.
const LONGEST_AGENT: usize = 256;
const LONGEST_WORD: usize = 32;
const LONGEST_VERSION: usize = 64;

/// The name that the client gives itself: its products with their versions, and comments of one word.
/// Anything else in it, such as a token, is left out.
pub(super) fn agent(text: &str) -> Cow<'_, str> {
    if is_length(text) {
        return text.into();
    }
    let words = || text.split(' ').filter(|word| !word.is_empty());
    let is_kept = |(place, word): (usize, &str)| is_product(word, place == 0);
    if text.len() <= LONGEST_AGENT && words().enumerate().all(is_kept) {
        return text.into();
    }
    let mut kept = String::new();
    for (place, word) in words().enumerate() {
        if is_kept((place, word)) && kept.len() + word.len() < LONGEST_AGENT {
            kept.push_str(if kept.is_empty() { "" } else { " " });
            kept.push_str(word);
        }
    }
    if kept.is_empty() { length(text.len()).into() } else { kept.into() }
}

/// Whether a word is a product, such as `docker/28.1`, or a comment, such as `(linux)`. Only the first word
/// can be a product without a version.
fn is_product(word: &str, is_first: bool) -> bool {
    let is_word = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte))
    };
    if let Some(comment) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
        return is_word(comment, LONGEST_WORD / 2);
    }
    match word.split_once('/') {
        Some((name, version)) => {
            is_word(name, LONGEST_WORD) && is_word(version, LONGEST_VERSION) && !is_secret(name)
        }
        None => is_first && is_word(word, LONGEST_WORD),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_client_is_named_by_its_products() {
        for (agent, kept) in [
            ("Docker-Client/28.2.2 (linux)", "Docker-Client/28.2.2 (linux)"),
            ("curl/7.88.1", "curl/7.88.1"),
            ("watchtower", "watchtower"),
            ("tool/1 token=hunter2", "tool/1"),
            ("tool/1 Bearer hunter2", "tool/1"),
            ("token/hunter2 tool/1", "tool/1"),
            ("tool/1 (key hunter2)", "tool/1"),
            ("docker/24.0 UpstreamClient(x/1 \\(linux\\))", "docker/24.0"),
            ("a=hunter2", "[9 bytes]"),
            ("[9 bytes]", "[9 bytes]"),
        ] {
            assert_eq!(self::agent(agent), kept);
        }
        let long = format!("tool/1 {}", "a/1 ".repeat(500));
        assert!(self::agent(&long).len() <= LONGEST_AGENT);
    }

    proptest! {
        #[test]
        fn what_is_kept_of_a_name_is_kept_again_as_it_is(
            text in "(a|u:|pw@|https://|\\?|#|=|token=|\\{|\\}|\\[|\\]|\"|,|%40|[é/ ]){0,9}",
        ) {
            let once = agent(&text);
            prop_assert_eq!(agent(&once), once.clone());
        }
    }
}
