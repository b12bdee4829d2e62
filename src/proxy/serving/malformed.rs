//! Requests whose head is malformed: they are denied, or forwarded as they are if the gate only watches.

use std::time::Instant;

use super::connection::Connection;
use super::local_response::Form;
use super::next::Next;
use crate::api::{is_method, length};
use crate::http1::Flaw;
use crate::policy::{Request, Stray};
use crate::proxy::observe::Fault;
use crate::proxy::record::Record;
use crate::proxy::relaying::relay::Relay;
use crate::proxy::relaying::tunnel::Tunnel;

/// The longest method or target, in bytes, that is reported for a malformed head.
const LONGEST_WORD: usize = 1024;

impl<R: Record> Connection<R> {
    /// Answers a malformed request. If the gate only watches, the request is forwarded unchanged,
    /// together with everything that follows on this connection, because it is unknown where the
    /// next request begins. `bytes` are all bytes that have arrived.
    pub(super) async fn malformed(&mut self, flaw: Flaw, bytes: Vec<u8>) -> Next {
        let (method, target) = words(&bytes);
        let asked = Request::new(&method, &target).with_flaw(flaw).from_peer(self.client.peer);
        let is_unread = self.client.door.is_some() && !self.is_strict;
        let stray = is_unread.then_some(Stray::Unread);
        let (at, decision) = (Instant::now(), self.ask(&asked));
        let (verdict, mut exchange) = self.report(at, &asked, None, decision, stray);
        match verdict {
            Err(denial) => {
                let form = Form { is_head: method == "HEAD", closes: true, ..Form::default() };
                self.deny(&denial, form, &mut exchange).await;
            }
            Ok(_) if !self.control.begin(false) => return Next::End,
            Ok(_) => match self.relay.upstream.take(&self.service.engine).await {
                Ok((engine, _)) => {
                    self.forwards_unread(Fault::Head(flaw));
                    exchange.outcome.upgraded = true;
                    // No body can be read from it.
                    let _ = exchange.rewrite(None);
                    let Relay { client, share, .. } = &mut self.relay;
                    let (exchange, held) = (&mut exchange, bytes.capacity());
                    let tunnel = Tunnel { engine, exchange, share, held };
                    tunnel.run(client, &bytes, &[]).await;
                }
                Err(error) => {
                    let form = Form { closes: true, ..Form::default() };
                    self.respond(502, &format!("dsp: {error}"), form, &mut exchange).await;
                }
            },
        }
        drop(exchange);
        self.control.end();
        Next::Linger
    }
}

/// Returns what can be reported of a malformed head, which may in fact be a body or a line with
/// credentials: the method if HTTP defines it, and then the target up to the query if it is a path. For
/// anything else, only the length is reported.
fn words(head: &[u8]) -> (String, String) {
    let line = head.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let text = |word: &[u8]| match std::str::from_utf8(word) {
        Ok(text) => text.to_owned(),
        Err(_) => length(word.len()),
    };
    let end = target.iter().position(|byte| b"?#".contains(byte)).unwrap_or(target.len());
    let path = target.get(..end).unwrap_or_default();
    let method = text(method);
    if method.is_empty() || is_method(&method) {
        let is_shown = path.is_empty() || (path.starts_with(b"/") && path.len() <= LONGEST_WORD);
        let path = if is_shown { text(path) } else { length(target.len()) };
        return (method, path);
    }
    let target = Some(target).filter(|target| !target.is_empty());
    (length(method.len()), target.map(|target| length(target.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_may_be_a_body_only_lengths_are_shown() {
        for (head, method, target) in [
            ("GET /v1.41/info HTTP/1.1", "GET", "/v1.41/info"),
            ("GET /v1.41/info?token=pw HTTP/1.1", "GET", "/v1.41/info"),
            ("GET /v1.41/info#token=pw HTTP/1.1", "GET", "/v1.41/info"),
            ("GET http://u:pw@d/v1.41/info HTTP/1.1", "GET", "[24 bytes]"),
            ("CONNECT u:pw@d:443 HTTP/1.1", "CONNECT", "[10 bytes]"),
            ("{\"password\":\"pw\"}", "[17 bytes]", ""),
            ("password=pw /x HTTP/1.1", "[11 bytes]", "[2 bytes]"),
            ("X-Registry-Auth: pw", "[16 bytes]", "[2 bytes]"),
            ("", "", ""),
            (" pw", "", "[2 bytes]"),
            ("\u{0}\u{7f}", "[2 bytes]", ""),
        ] {
            for rest in ["", "\r\npw", "\npw"] {
                let (found, path) = words(format!("{head}{rest}").as_bytes());
                assert_eq!((found.as_str(), path.as_str()), (method, target), "{head}");
            }
        }
        assert_eq!(words(b"GET /\xff").1, "[2 bytes]");
        let long = format!("GET /{}", "a".repeat(5000));
        assert_eq!(words(long.as_bytes()).1, "[5001 bytes]");
    }
}
