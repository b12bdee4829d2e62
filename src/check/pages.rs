//! What a kind of finding means, from `docs/findings.md`.

/// The document.
const TEXT: &str = include_str!("../../docs/findings.md");

/// The section about a kind of finding, without its heading; `None` if there is no such kind.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    pages().find(|(known, _)| *known == code).map(|(_, text)| text)
}

/// The codes of all kinds of findings.
pub fn codes() -> impl Iterator<Item = &'static str> {
    pages().map(|(code, _)| code)
}

fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXT.split("\n### ").skip(1).filter_map(|section| {
        let (code, text) = section.split_once('\n')?;
        let text = text.split("\n## ").next().unwrap_or(text);
        Some((code.trim(), text.trim()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::check::{CHANGES, KINDS};

    #[test]
    fn each_kind_of_finding_has_a_page_and_each_page_a_kind() {
        let kinds: BTreeSet<&str> = KINDS.iter().chain(&CHANGES).map(|kind| kind.code).collect();
        assert_eq!(codes().collect::<BTreeSet<_>>(), kinds);
        assert_eq!(codes().count(), kinds.len());
        for code in codes() {
            let page = page(code).unwrap();
            assert!(page.ends_with('.') && !page.contains('#'), "{code}: {page}");
        }
        assert_eq!(page("nothing"), None);
    }
}
