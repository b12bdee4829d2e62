//! Requests in groups: how many of each operation, client or session.

use indexmap::IndexMap;

use super::table::cut;
use super::{Exchange, Fate};
use crate::api::Risk;
use crate::explain;
use crate::text::{printable, words};

/// What requests are grouped by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The operation, or the request itself if the catalogue does not have it.
    Operation,
    /// Who asked.
    Client,
    /// The session.
    Session,
}

words!(By, () = (), {
    Operation = "operation",
    Client = "client",
    Session = "session",
});

/// How many groups are told apart. Everything after that is one group.
const MOST: usize = 10_000;

/// What groups beyond the last are called.
const OTHERS: &str = "others";

/// Requests in groups.
#[derive(Debug)]
pub struct Groups {
    by: By,
    groups: IndexMap<String, Group>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Group {
    requests: u64,
    denied: u64,
    failed: u64,
    /// The longest time of an answer that ended, in milliseconds.
    longest: u64,
    risk: Option<Risk>,
}

impl Groups {
    /// No requests yet.
    #[must_use]
    pub fn new(by: By) -> Self {
        Self { by, groups: IndexMap::new() }
    }

    /// Counts a request.
    pub fn add(&mut self, exchange: &Exchange) {
        let key = match self.by {
            By::Operation => exchange.operation.map_or_else(
                || format!("{} {}", exchange.request.method, exchange.request.path),
                ToString::to_string,
            ),
            By::Client => exchange.client(),
            By::Session => {
                let session = &exchange.session;
                let subject = session.container.as_ref().or(session.program.as_ref());
                let subject = subject.map_or_else(String::new, |subject| format!(" {subject}"));
                format!("{}{subject}", session.id)
            }
        };
        let is_full = self.groups.len() >= MOST && !self.groups.contains_key(&key);
        let group = self.groups.entry(if is_full { OTHERS.to_owned() } else { key }).or_default();
        group.requests += exchange.times;
        group.denied += if exchange.fate() == Fate::Denied { exchange.times } else { 0 };
        let answer = exchange.answer.unwrap_or_default();
        group.failed += u64::from(answer.status.is_some_and(|status| status >= 400));
        group.longest = group.longest.max(answer.milliseconds);
        group.risk = group.risk.max(exchange.risk());
    }

    /// A table, the largest group first, cut at `width` columns, if any. The text is styled and safe for a
    /// terminal.
    #[must_use]
    pub fn table(mut self, width: Option<usize>) -> String {
        self.groups.sort_by(|one, a, other, b| b.requests.cmp(&a.requests).then(one.cmp(other)));
        let title = self.by.as_str().to_uppercase();
        let mut text = format!("REQUESTS   DENIED   FAILED  LONGEST MS  RISK     {title}\n");
        for (key, group) in &self.groups {
            let Group { requests, denied, failed, longest, risk } = group;
            let style = risk.map(explain::style).unwrap_or_default();
            let risk = risk.map_or("-", Risk::as_str);
            let before = format!("{requests:>8} {denied:>8} {failed:>8}  {longest:>10}  ");
            let room = width.map(|width| width.saturating_sub(before.len() + 9));
            let key = printable(key);
            let key = room.map_or_else(|| key.clone(), |room| cut(&key, room));
            text += &format!("{before}{style}{risk:7}{style:#}  {key}\n");
        }
        text
    }
}
