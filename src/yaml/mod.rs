//! YAML: how the files that people write are read, strictly and with positions, and how texts are spelled
//! in it. The one place that names the YAML crate.

mod foreign;
mod problem;
mod spelling;

pub use foreign::{Node, Placed, from_foreign};
pub use problem::{FileKind, Problem, at, hint, nearest, span};
/// A value with its position.
pub use serde_saphyr::Spanned;
pub use spelling::{double_quoted, quoted_if_needed, value};

use serde::Deserialize;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{budget, options};

use problem::explain;

/// The only version of the formats so far.
const VERSION: u64 = 1;

/// The version is read first, because a later version may have keys that this one rejects.
#[derive(Deserialize)]
struct Versioned {
    version: Spanned<u64>,
}

/// Reads a file of this kind, which says its version.
///
/// # Errors
/// The first [`Problem`].
pub fn from_versioned<'de, T: Deserialize<'de>>(
    text: &'de str,
    kind: &FileKind,
) -> Result<T, Problem> {
    let version = from_yaml::<Versioned>(text, kind)?.version;
    let wrong = |message: String, help: &str| at(text, span(text, &version), message, hint(help));
    match version.value {
        VERSION => from_yaml(text, kind),
        0 => Err(wrong("version 0 does not exist".to_owned(), "version: 1")),
        newer => {
            let name = kind.the_name;
            let message =
                format!("{name} has format version {newer}, and this dsp reads version {VERSION}");
            Err(wrong(message, "use a newer dsp"))
        }
    }
}

/// Reads a text as one document without anything that hides what it says.
///
/// # Errors
/// The first [`Problem`].
pub fn from_yaml<'de, T: Deserialize<'de>>(text: &'de str, kind: &FileKind) -> Result<T, Problem> {
    let options = options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 16,
            max_documents: 1,
            max_nodes: 200_000,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(text, &error, kind))
}
