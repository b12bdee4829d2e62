//! A request as a row of a table.

use anstyle::{AnsiColor, Style};

use super::{Exchange, Fate};
use crate::explain;
use crate::profile::looks_like_id;
use crate::text::{beginning, printable};

/// The columns of [`row`].
pub const HEADER: &str = "TIME     STATUS      MS  RISK    CLIENT       REQUEST";

/// The longest client that a row shows whole, in characters.
const CLIENT: usize = 12;

/// The number of digits of an ID that a narrow row shows, as the docker CLI does.
const SHORT_ID: usize = 12;

const BAD: Style = AnsiColor::Red.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();

/// A row: when, how it was answered, how long that took, the risk, who asked, and for what. Cut at `width`
/// columns, if any. The text is styled and safe for a terminal.
#[must_use]
pub fn row(exchange: &Exchange, width: Option<usize>) -> String {
    let time = exchange.request.time.strftime("%T");
    let (status, style) = status(exchange);
    let took = exchange.answer.map_or_else(String::new, |answer| answer.milliseconds.to_string());
    let risk = exchange.risk();
    let (risk, risk_style) =
        (risk.map_or("-", |risk| risk.as_str()), risk.map(explain::style).unwrap_or_default());
    let client = cut(&printable(&exchange.client()), CLIENT);
    let before = format!("{time} {status:>6} {took:>7}  {risk:7} {client:CLIENT$} ");
    let path = match width {
        Some(_) => short(&exchange.request.path),
        None => exchange.request.path.clone().into_owned(),
    };
    let mut request = printable(&format!("{} {path}", exchange.request.method));
    if exchange.times > 1 {
        request += &format!("  ×{}", exchange.times);
    }
    let contents = contents(exchange);
    if !contents.is_empty() {
        request += &format!("  {}", printable(&contents));
    }
    let request = match width {
        Some(width) => cut(&request, width.saturating_sub(before.chars().count())),
        None => request,
    };
    format!(
        "{time} {style}{status:>6}{style:#} {took:>7}  {risk_style}{risk:7}{risk_style:#} {client:CLIENT$} {request}"
    )
}

/// Whether the first segment of a path is a version, such as `v1.41`.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A path without its version, in which IDs are short.
fn short(path: &str) -> String {
    let segments =
        path.split('/').enumerate().filter(|(place, segment)| *place != 1 || !is_version(segment));
    let shown = segments.map(|(_, segment)| match looks_like_id(segment) {
        true => beginning(segment, SHORT_ID),
        false => segment,
    });
    shown.collect::<Vec<_>>().join("/")
}

/// The status, or what stands in its place.
fn status(exchange: &Exchange) -> (String, Style) {
    match (exchange.fate(), exchange.answer) {
        (Fate::Denied, _) => ("denied".to_owned(), BAD),
        (fate, answer) => {
            let style = match fate {
                Fate::WouldDeny | Fate::Refused => ODD,
                Fate::Allowed | Fate::Denied => Style::new(),
            };
            match answer.map(|answer| answer.status) {
                None => ("open".to_owned(), style),
                Some(None) => ("none".to_owned(), BAD),
                Some(Some(status)) if status >= 400 => (status.to_string(), BAD),
                Some(Some(status)) => (status.to_string(), style),
            }
        }
    }
}

/// What the contents gave away, as `image=app:1 privileged`.
pub(super) fn contents(exchange: &Exchange) -> String {
    let facts = exchange.facts().into_iter().flat_map(|facts| facts.iter());
    let told = facts.map(|fact| match fact.facet.is_flag() {
        true => fact.facet.to_string(),
        false => format!("{}={}", fact.facet, fact.value),
    });
    told.collect::<Vec<_>>().join(" ")
}

/// At most this many characters, the last of which is a sign if something is left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}…", beginning(text, most.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_into_a_narrow_row() {
        let id = "4f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c";
        assert_eq!(
            short(&format!("/v1.41/containers/{id}/start")),
            "/containers/4f5ce1b0a3d2/start"
        );
        assert_eq!(short("/containers/web/json"), "/containers/web/json");
        assert_eq!(short("/v4.3.1/libpod/info"), "/libpod/info");
        assert_eq!([cut("été", 3), cut("étés", 3)], ["été", "ét…"]);
    }
}
