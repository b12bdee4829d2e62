//! The file of a profile, as errors speak of it.

use crate::yaml::FileKind;

/// How errors speak of a profile.
pub(super) const KIND: FileKind = FileKind {
    name: "a profile",
    the_name: "the profile",
    parts: "rules",
    twice: "join the two lists",
    list: "write one rule per line, each after \"- \"",
    origin: "dsp generate --help",
    keys: &[
        "version", "name", "engine", "min_api", "allow", "deny", "unknown", "accept", "reviewed",
    ],
    keys_inside: &[
        "code", "rule", "reason", "until", "digest", "marks", "min_api", "deny", "root", "change",
        "secrets", "read", "info", "unknown",
    ],
    needed: &[("name", "name: my-program")],
};
