//! The profile: a short YAML file that says which operations a program may use.
//!
//! Each rule is one line, so that a pull request shows one line for each new permission. Parsing is
//! strict, and every error has a line, a column and, where possible, a hint.

mod accept;
mod accept_edit;
mod ambiguity;
mod change;
mod check_code;
mod constraints;
mod decisions;
mod diff;
mod edit;
mod emit;
mod entry;
mod file_kind;
mod globs;
mod hide;
mod index;
mod insert;
mod items;
mod keywords;
mod layout;
mod model;
mod overlap;
mod parse;
mod pattern;
mod review_diff;
mod reviewed;
mod rule;
mod rule_diff;
mod schema;
mod shipped;
mod standing;
mod unknown;
mod value_pattern;
mod values;
mod written;

pub use crate::yaml::{Problem, value as spelled_value};
pub use accept::{Acceptance, Subject};
pub use accept_edit::{add_acceptance, remove_acceptances};
pub use ambiguity::{Ambiguity, AmbiguityKind};
pub use change::{Change, ChangeKind, ContentChange, Effect};
pub use check_code::CheckCode;
pub use constraints::{Allowed, ConstraintError, Constraints, Given};
pub use diff::Diff;
pub use edit::{
    comment, key_span, remove, remove_all, replace, set_comment, set_min_api, set_part,
};
pub use emit::{Comments, acceptance, emit, emit_reviewed, rule_lines};
pub use entry::Entry;
pub use hide::HideError;
pub use index::RuleIndex;
pub use insert::{Insertion, insert};
pub use model::{Name, NameError, Profile};
pub use overlap::shared;
pub use parse::{LoadError, MAX_BYTES, load, load_text, parse, parse_bytes, parse_from};
pub use pattern::{AN_OWN_OBJECT, Glob, Pattern, looks_like_id};
pub use reviewed::{Accepted, Kept, Marks, Reviewed};
pub use rule::{Rule, RuleError};
pub use schema::{TITLE as SCHEMA_TITLE, schema};
pub use shipped::{BUILTIN, SHIPPED, Shipped};
pub use standing::{Open, Since, Standing, Widened};
pub use unknown::UnknownOperation;
pub use value_pattern::ValuePattern;
pub use values::{add_value, close_facet, open_facet, remove_value};
