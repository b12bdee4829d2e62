//! What the keys do, in words.

use super::Item;
use super::rows::Body;

/// The keys of a question, and what they do.
const ANSWERS: [(&str, &str); 10] = [
    ("k", "keep: accepts it, and records that under reviewed:"),
    ("d", "deny: moves it to deny:, where generate --update leaves it"),
    ("n", "names: a rule for each name that was recorded, and for no other"),
    ("g", "pattern: one rule, such as ci-*, which has to match all recorded names"),
    ("c", "comment: is written after the rule in the file"),
    ("v", "values: looks at what requests may contain, one by one"),
    ("l", "look at each: asks about the rules of a list one by one"),
    ("s", "skip: leaves it open for later"),
    ("u", "undo: takes back the last step, in the file too"),
    ("q", "quit: every answer is saved already; dsp review continues there"),
];

/// The other keys.
const OTHERS: [(&str, &str); 10] = [
    ("K, D", "keeps or denies the rest of the same kind too, after showing the list"),
    ("S", "skips the rest of the same kind too"),
    ("e", "explain: everything that is known about the question"),
    ("o", "overview: a row for each operation; Enter shows its question"),
    ("/", "search: a text, or conditions such as risk>=change name=web-*"),
    ("], [", "the next or previous question, of those that the search matches"),
    (
        "arrows",
        "mark an answer or a row, and Enter takes what is marked; without a mark, Enter only keeps what reads",
    ),
    ("PgDn", "or Space shows more, PgUp goes back up, Home and End move in the overview"),
    ("b", "the same as u"),
    ("Ctrl-C", "leaves at once; Ctrl-Z stops dsp until it is continued"),
];

/// The keys of the list of values.
const VALUES: [(&str, &str); 5] = [
    ("x", "in the values: no longer allow the marked one"),
    ("f", "in the values: no longer allow any of this kind"),
    ("d", "in the values: deny the marked one"),
    ("o", "in the values: allow any of this kind"),
    ("g", "in the values: narrow the marked one"),
];

impl Body {
    /// Explains the keys of a question.
    pub(super) fn keys(&mut self, item: &Item) {
        self.blank();
        let is_one = matches!(item, Item::Rule { .. } | Item::Unknown(_));
        let has = |key: &str| match key {
            "n" | "g" | "c" => is_one,
            "d" => is_one || matches!(item, Item::Group { .. }),
            "v" => item.has_values(),
            "l" => item.is_several(),
            _ => true,
        };
        let own = ANSWERS.iter().filter(|(key, _)| has(key));
        own.for_each(|(key, text)| self.field(key, text));
    }

    /// Explains all keys.
    pub(super) fn help(&mut self) {
        for (key, text) in ANSWERS.iter().chain(&OTHERS).chain(&VALUES) {
            self.field(key, text);
        }
    }
}
