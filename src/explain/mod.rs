//! What operations, requests and profiles mean, in words for a person. Pure; styled for a terminal,
//! and the same without styles.

mod operation;
mod profile;
mod request;

pub use operation::{about, operation};
pub use profile::{profile, worst, worst_in_short};
pub use request::request;

use anstyle::{AnsiColor, Style};

use crate::api::Risk;

const LABEL: Style = AnsiColor::Cyan.on_default();
const STRONG: Style = Style::new().bold();

/// How a risk stands out; what can only be read stays plain.
#[must_use]
pub fn style(risk: Risk) -> Style {
    match risk {
        Risk::Root => AnsiColor::Red.on_default().bold(),
        Risk::Change => AnsiColor::Magenta.on_default(),
        Risk::Secrets => AnsiColor::Yellow.on_default(),
        Risk::Read | Risk::Info => Style::new(),
    }
}
