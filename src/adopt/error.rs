//! Why a configuration cannot be read.

use super::program::Program;
use crate::text::printable;
use crate::yaml::Problem;

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It is not clear which program the file is for.
    #[error("the file does not show which proxy it is for")]
    NotRecognized {
        /// The programs that it could be for; empty if it looks like none of them.
        candidates: Vec<Program>,
    },
    /// The file has nothing that the program reads.
    #[error("the file contains nothing that decides on requests to an engine")]
    Nothing,
    /// There are several of what can be read.
    #[error("the file has several {what}: {}", printable(&names.join(", ")))]
    Several {
        /// What there are several of: "services".
        what: &'static str,
        /// Their names.
        names: Vec<String>,
    },
    /// There is none with the wanted name.
    #[error("the file has no {:?}; it has {}", printable(name), listed(names))]
    NoService {
        /// The wanted name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// The rules are in another file.
    #[error("the rules of {} are in a file of its own, which the service mounts", program.name())]
    Elsewhere {
        /// The program.
        program: Program,
    },
    /// A brace is missing.
    #[error("line {line}: a brace is missing, or there is one too many")]
    Structure {
        /// The line, from 1.
        line: usize,
    },
    /// It is not YAML that dsp reads.
    #[error("line {}, column {}: {}", .0.line, .0.column, .0.message)]
    Yaml(Box<Problem>),
    /// An expression of the program itself is too large.
    #[error("dsp cannot evaluate an expression of {}", .0.name())]
    Expression(Program),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { printable(&names.join(", ")) }
}
