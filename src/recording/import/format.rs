//! The formats that can be read, one row each.

use super::{Line, Unreadable, caddy, dockerd, haproxy, nginx, unwrap, wollomatic};
use crate::text::words;

/// The format of a log.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Caddy's debug log.
    Caddy,
    /// The engine's own debug log.
    Dockerd,
    /// HAProxy's HTTP log.
    Haproxy,
    /// nginx's combined access log.
    Nginx,
    /// The debug log of wollomatic's socket-proxy.
    Wollomatic,
}

/// Which requests the log of a program contains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holds {
    /// Those that had arrived.
    Begun,
    /// Those whose answer had begun.
    Answered,
    /// Those that had ended.
    Ended,
}

impl Holds {
    /// What a profile made from such a log may lack, in words. A log may begin and end anywhere.
    #[must_use]
    pub const fn missing(self) -> &'static str {
        match self {
            Self::Begun => "what the log does not contain",
            Self::Answered => {
                "what the log does not contain, such as requests without an answer yet"
            }
            Self::Ended => "what the log does not contain, such as requests that were still open",
        }
    }
}

words!(Format, () = (), {
    Caddy = "caddy",
    Dockerd = "dockerd",
    Haproxy = "haproxy",
    Nginx = "nginx",
    Wollomatic = "wollomatic",
});

impl Format {
    /// The name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Caddy => "Caddy",
            Self::Dockerd => "dockerd",
            Self::Haproxy => "HAProxy",
            Self::Nginx => "nginx",
            Self::Wollomatic => "wollomatic's socket-proxy",
        }
    }

    /// When the program logs a request. `other_proxies::held` keeps a request open in the real Caddy,
    /// HAProxy and nginx, and `real_engine::log` does so in dockerd. For wollomatic's socket-proxy, the
    /// source (`handlehttprequest.go`) shows that it logs before it forwards.
    #[must_use]
    pub const fn holds(self) -> Holds {
        match self {
            Self::Dockerd | Self::Wollomatic => Holds::Begun,
            Self::Caddy => Holds::Answered,
            Self::Haproxy | Self::Nginx => Holds::Ended,
        }
    }

    /// What makes the program write such a log.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Caddy => "`debug` among Caddy's global options",
            Self::Dockerd => "`dockerd --debug`, or \"debug\": true in its daemon.json",
            Self::Haproxy => "`option httplog` in HAProxy's configuration",
            Self::Nginx => "`access_log FILE combined` in nginx's configuration",
            Self::Wollomatic => "`-loglevel DEBUG` of wollomatic's socket-proxy",
        }
    }

    /// Reads the requests in a line without its line break, however it is wrapped. Most lines contain one;
    /// a batch of a log drain contains many. Lines about other things are left out.
    pub fn lines(self, line: &str) -> Vec<Result<Line, Unreadable>> {
        unwrap::lines(self, line)
    }

    /// Reads a line as its program wrote it, with or without a known front.
    ///
    /// # Errors
    /// [`Unreadable`], if the line should be a request and is not.
    pub fn read(self, line: &str) -> Result<Line, Unreadable> {
        match self {
            Self::Caddy => caddy::read(line),
            Self::Dockerd => dockerd::read(line),
            Self::Haproxy => haproxy::read(line),
            Self::Nginx => nginx::read(line),
            Self::Wollomatic => wollomatic::read(line),
        }
    }

    /// Like [`read`](Self::read), for a line that is only a JSON object.
    pub(super) fn read_json(self, json: &str) -> Result<Line, Unreadable> {
        if self.is_json() { self.read(json) } else { Ok(Line::Other) }
    }

    /// Whether the program itself writes JSON.
    pub(super) const fn is_json(self) -> bool {
        match self {
            Self::Caddy | Self::Dockerd | Self::Wollomatic => true,
            Self::Haproxy | Self::Nginx => false,
        }
    }

    /// Whether the program writes `key=value`.
    pub(super) const fn is_logfmt(self) -> bool {
        match self {
            Self::Dockerd | Self::Wollomatic => true,
            Self::Caddy | Self::Haproxy | Self::Nginx => false,
        }
    }

    /// Whether a text begins as the program's lines do, even if its time was cut off.
    pub(super) fn begins(self, text: &str) -> bool {
        match self {
            Self::Caddy => caddy::begins(text),
            Self::Dockerd => dockerd::begins(text),
            Self::Haproxy => haproxy::begins(text),
            Self::Nginx => nginx::begins(text),
            Self::Wollomatic => wollomatic::begins(text),
        }
    }

    /// The format in which a line is a request.
    pub(super) fn of(line: &str) -> Option<Self> {
        let is_request = |line: &Result<Line, Unreadable>| matches!(line, Ok(Line::Request(_)));
        Self::ALL.into_iter().find(|format| format.lines(line).iter().any(is_request))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line of each format, and parts that are hard to parse.
    const PARTS: &str = r#"(time=|msg="Calling |"|\\|\\x2|\\u00|\{"msg":"|upstream roundtrip|allowed request| \[24/Nov/2026:20:00:00\]| f b/s 0/0/0/0/0 200 |GET /a?b HTTP/1\.1|\{|\}|DEBU\[0\] | =|\x1b\[|é|#|\t|[ -~])"#;

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC*|.*", parts in prop::collection::vec(PARTS, 0..20)) {
            for format in Format::ALL {
                let _ = format.read(&line);
                let _ = format.read(&parts.concat());
            }
        }

        #[test]
        fn no_two_formats_take_the_same_line(parts in prop::collection::vec(PARTS, 0..20)) {
            let line = parts.concat();
            let takes = |format: &Format| matches!(format.read(&line), Ok(Line::Request(_)));
            let takers: Vec<Format> = Format::ALL.into_iter().filter(takes).collect();
            prop_assert!(takers.len() <= 1, "{takers:?}");
        }
    }
}
