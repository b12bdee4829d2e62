//! Turns what the proxy reports into lines of a recording and of the log.

use std::borrow::Cow;
use std::fmt;

use crate::api::{redacted_method, redacted_path};
use crate::engine;
use crate::http1::Arrival;
use crate::policy::{Decision, Verdict};
use crate::proxy::Decided;
use crate::recording::{self, Makes, Observation, Ticket, Writer};
use crate::text::printable;

/// The longest denial or path, in bytes, that the log shows. Denials that differ only after this many
/// bytes are counted as one.
const LONGEST_SHOWN: usize = 512;

/// The method of a request, made safe for the log. The text is built only when it is shown.
pub(super) struct ShownMethod<'a>(&'a str);

/// The path of a request, made safe for the log. The text is built only when it is shown.
pub(super) struct ShownPath<'a>(&'a str, &'a Decision);

/// What a recording says about an engine.
pub(super) fn about_engine(engine: &engine::Engine) -> recording::Engine {
    let version = &engine.version;
    recording::Engine {
        kind: version.kind,
        version: printable(&version.version),
        api: printable(&version.api),
        min_api: version.min_api.as_deref().map(printable),
    }
}

/// Writes a request and the decision on it.
pub(super) fn write_request(writer: &Writer, decided: &Decided<'_>) -> Ticket {
    let decision = decided.decision;
    // A request for what does not exist is not denied: an engine answers it in the same way.
    let is_denied = matches!(&decision.verdict, Verdict::Deny(denial) if !denial.is_of_absent());
    let is_told = is_denied || !matches!(&decision.verdict, Verdict::Deny(_));
    let denial = decided.denial.filter(|_| is_told).map(|denial| format!("dsp: {denial}"));
    let (denied, would_deny) = if is_denied { (denial, None) } else { (None, denial) };
    writer.request(&Observation {
        arrival: decided.arrival,
        request: decision.request.as_ref(),
        located: decision.located.as_ref(),
        contents: decision.contents.as_deref(),
        refusal: decision.refusal.as_ref(),
        denied: denied.as_deref(),
        would_deny: would_deny.as_deref(),
    })
}

/// What a request creates.
pub(super) fn makes(decided: &Decided<'_>) -> Option<Makes> {
    let decision = decided.decision;
    Makes::of(&Observation {
        arrival: decided.arrival,
        request: decision.request.as_ref(),
        located: decision.located.as_ref(),
        contents: decision.contents.as_deref(),
        refusal: decision.refusal.as_ref(),
        denied: None,
        would_deny: None,
    })
}

/// The method and the path of a request, made safe for the log. The query is left out because it may
/// contain secrets.
pub(super) fn shown<'a>(decided: &Decided<'a>) -> (ShownMethod<'a>, ShownPath<'a>) {
    let Arrival { method, target, .. } = decided.arrival;
    (ShownMethod(method), ShownPath(target, decided.decision))
}

/// Who asks, for the log.
pub(super) fn client<'a>(arrival: &Arrival<'a>) -> Cow<'a, str> {
    match arrival.client {
        Some(client) => client.as_str().into(),
        None => arrival.peer.to_string().into(),
    }
}

/// The beginning of a text that a client can make as long as a request head.
pub(super) fn beginning(text: &str) -> &str {
    let mut ends = (0..=LONGEST_SHOWN.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

impl fmt::Display for ShownMethod<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&printable(&redacted_method(self.0)))
    }
}

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { request, located, .. } = self.1;
        let path = redacted_path(self.0, request.as_ref(), located.as_ref(), LONGEST_SHOWN);
        to.write_str(&printable(beginning(&path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        assert_eq!(beginning("short"), "short");
        let long = "é".repeat(LONGEST_SHOWN);
        assert_eq!(beginning(&long).len(), LONGEST_SHOWN);
        let odd = format!("x{long}");
        assert_eq!(beginning(&odd).len(), LONGEST_SHOWN - 1);
    }
}
