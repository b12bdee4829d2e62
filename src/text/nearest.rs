//! Names that are spelled nearly like a word.

/// How similar a known word has to be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.8;

/// The known name that a word is most like, if it is like one.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let small = word.to_ascii_lowercase();
    let alike = |name: &str| strsim::jaro_winkler(&small, &name.to_ascii_lowercase());
    let scored = known.into_iter().map(|name| (alike(name), name));
    let best = scored.filter(|(score, _)| *score > ALIKE);
    best.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        let known = ["traefik", "portainer", "monitor"];
        assert_eq!(nearest("traefk", known), Some("traefik"));
        assert_eq!(nearest("Monitor", known), Some("monitor"));
        assert_eq!(nearest("xyz", known), None);
    }
}
