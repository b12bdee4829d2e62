//! Explains operations, requests and profiles to people. Pure; the text is the same with and
//! without styles for a terminal.

mod contents;
mod operation;
mod pod_security;
mod profile;
mod request;

pub use contents::{Given, about_contents, gain, given, permits};
pub use operation::{about, operation};
pub use pod_security::PodSecurity;
pub use profile::{in_short, profile, worst, worst_in_short};
pub use request::request;

use anstyle::{AnsiColor, Style};

use crate::api::Risk;

const LABEL: Style = AnsiColor::Cyan.on_default();
const STRONG: Style = Style::new().bold();

/// The style of a risk; levels that only read have none.
#[must_use]
pub fn style(risk: Risk) -> Style {
    match risk {
        Risk::Root => AnsiColor::Red.on_default().bold(),
        Risk::Change => AnsiColor::Magenta.on_default(),
        Risk::Secrets => AnsiColor::Yellow.on_default(),
        Risk::Read | Risk::Info => Style::new(),
    }
}
