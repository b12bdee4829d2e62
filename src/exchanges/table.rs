//! A request as a row of a table.

use anstyle::{AnsiColor, Style};

use super::{Exchange, Fate};
use crate::explain;
use crate::text::{beginning, printable};

/// The columns of [`row`].
pub const HEADER: &str = "TIME      STATUS       MS  RISK     CLIENT            REQUEST";

/// The longest client that a row shows whole, in characters.
const CLIENT: usize = 16;

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
    let before = format!("{time}  {status:>6}  {took:>7}  {risk:7}  {client:CLIENT$}  ");
    let mut request = printable(&format!("{} {}", exchange.request.method, exchange.request.path));
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
        "{time}  {style}{status:>6}{style:#}  {took:>7}  {risk_style}{risk:7}{risk_style:#}  {client:CLIENT$}  {request}"
    )
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
