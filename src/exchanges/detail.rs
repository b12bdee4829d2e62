//! A request in full, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::table::contents;
use super::{Exchange, SessionOf};
use crate::contents::Facts;
use crate::text::printable;

/// The width of the names of what is said.
const NAME: usize = 10;

/// Everything that is known about a request, a line for each thing. The text is styled and safe for a
/// terminal.
#[must_use]
pub fn detail(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:NAME$}  {}", printable(value));
        }
    };
    line("request", &format!("{} {}", request.method, request.path));
    for (key, value) in &request.query {
        let value = value.as_deref().unwrap_or("[hidden]");
        line("query", &format!("{key}={value}"));
    }
    if request.unread > 0 {
        line("", &format!("and {} that the operation does not have", request.unread));
    }
    line("contents", &contents(exchange));
    line("", request.unreadable.as_deref().unwrap_or_default());
    line("time", &request.time.to_string());
    let SessionOf { id, container, program, labels, .. } = &*exchange.session;
    let subject = container.as_deref().or(program.as_deref()).unwrap_or("a listener");
    line("session", &format!("{id}, {subject}"));
    for (key, value) in labels {
        line("label", &format!("{key}={value}"));
    }
    line("client", &exchange.place().unwrap_or_default());
    line("agent", request.agent.as_deref().unwrap_or_default());
    line("connection", &request.connection.to_string());
    line("verdict", exchange.fate().as_str());
    line("reason", exchange.reason().unwrap_or_default());
    match exchange.answer {
        None => line("answer", "none yet"),
        Some(answer) => {
            let status = answer.status.map_or("none".to_owned(), |status| status.to_string());
            let tunnel = if answer.upgraded { ", a tunnel" } else { "" };
            let took = answer.milliseconds;
            line("answer", &format!("{status} after {took} ms{tunnel}"));
            line("bytes", &format!("{} received, {} sent", answer.received, answer.sent));
        }
    }
    if exchange.times > 1 {
        line("times", &exchange.times.to_string());
    }
    if let Some((operation, risk)) = exchange.operation.zip(exchange.risk()) {
        line("operation", &format!("{}: {}", operation.name, operation.permits));
        line("risk", risk.as_str());
        line("", &format!("see dsp explain '{operation}'"));
    }
    text
}

/// A request for programs.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    line: usize,
    time: String,
    session: &'a str,
    client: String,
    agent: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    query: &'a [(std::borrow::Cow<'static, str>, Option<std::borrow::Cow<'static, str>>)],
    operation: Option<&'static str>,
    risk: Option<&'static str>,
    contents: Option<&'a Facts>,
    verdict: &'static str,
    reason: Option<&'a str>,
    status: Option<u16>,
    milliseconds: Option<u64>,
    received: Option<u64>,
    sent: Option<u64>,
    times: u64,
}

impl<'a> Json<'a> {
    /// What is known about a request.
    #[must_use]
    pub fn of(exchange: &'a Exchange) -> Self {
        let (request, answer) = (&exchange.request, exchange.answer);
        Self {
            line: exchange.line,
            time: request.time.to_string(),
            session: &exchange.session.id,
            client: exchange.client(),
            agent: request.agent.as_deref(),
            method: &request.method,
            path: &request.path,
            query: &request.query,
            operation: exchange.operation.map(|operation| operation.name),
            risk: exchange.risk().map(crate::api::Risk::as_str),
            contents: exchange.facts(),
            verdict: exchange.fate().as_str(),
            reason: exchange.reason(),
            status: answer.and_then(|answer| answer.status),
            milliseconds: answer.map(|answer| answer.milliseconds),
            received: answer.map(|answer| answer.received),
            sent: answer.map(|answer| answer.sent),
            times: exchange.times,
        }
    }
}
