//! The formats that can be read, one row each.

use super::{
    Line, Unreadable, caddy, cetusguard, dockerd, eleven_notes, haproxy, knrdl, nginx, sockguard,
    trace, unwrap, urllib3, wollomatic,
};
use crate::text::words;

/// The format of a log.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Caddy's debug log.
    Caddy,
    /// CetusGuard's debug log.
    Cetusguard,
    /// The trace of `curl -v`.
    Curl,
    /// The engine's own debug log.
    Dockerd,
    /// The log of 11notes' docker-socket-proxy.
    ElevenNotes,
    /// HAProxy's HTTP log.
    Haproxy,
    /// The log of knrdl's docker-socket-protector.
    Knrdl,
    /// A list of requests.
    List,
    /// nginx's combined access log.
    Nginx,
    /// The trace of `socat -v`.
    Socat,
    /// sockguard's access log.
    Sockguard,
    /// The debug log of Python's urllib3.
    Urllib3,
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
    Cetusguard = "cetusguard",
    Curl = "curl",
    Dockerd = "dockerd",
    ElevenNotes = "11notes",
    Haproxy = "haproxy",
    Knrdl = "knrdl",
    List = "list",
    Nginx = "nginx",
    Socat = "socat",
    Sockguard = "sockguard",
    Urllib3 = "urllib3",
    Wollomatic = "wollomatic",
});

impl Format {
    /// The name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Caddy => "Caddy",
            Self::Cetusguard => "CetusGuard",
            Self::Curl => "curl",
            Self::Dockerd => "dockerd",
            Self::ElevenNotes => "11notes' docker-socket-proxy",
            Self::Haproxy => "HAProxy",
            Self::Knrdl => "docker-socket-protector",
            Self::List => "a list",
            Self::Nginx => "nginx",
            Self::Socat => "socat",
            Self::Sockguard => "sockguard",
            Self::Urllib3 => "urllib3",
            Self::Wollomatic => "wollomatic's socket-proxy",
        }
    }

    /// When the program logs a request. `other_proxies::held` keeps a request open in the real Caddy,
    /// HAProxy and nginx, and `real_engine::log` does so in dockerd. For the others, the source shows it:
    /// wollomatic's socket-proxy, CetusGuard and docker-socket-protector log before they forward, sockguard
    /// when everything is over, urllib3 when it has the head of the answer.
    #[must_use]
    pub const fn holds(self) -> Holds {
        match self {
            Self::Cetusguard
            | Self::Curl
            | Self::Dockerd
            | Self::ElevenNotes
            | Self::Knrdl
            | Self::List
            | Self::Socat
            | Self::Wollomatic => Holds::Begun,
            Self::Caddy | Self::Urllib3 => Holds::Answered,
            Self::Haproxy | Self::Nginx | Self::Sockguard => Holds::Ended,
        }
    }

    /// Whether the log tells which requests the program denied.
    #[must_use]
    pub const fn tells_denied(self) -> bool {
        match self {
            Self::Caddy
            | Self::Cetusguard
            | Self::ElevenNotes
            | Self::Haproxy
            | Self::Knrdl
            | Self::Nginx
            | Self::Sockguard
            | Self::Wollomatic => true,
            Self::Curl | Self::Dockerd | Self::List | Self::Socat | Self::Urllib3 => false,
        }
    }

    /// Whether the log names the address of each client.
    #[must_use]
    pub const fn names_clients(self) -> bool {
        matches!(
            self,
            Self::Caddy | Self::Haproxy | Self::Nginx | Self::Sockguard | Self::Wollomatic
        )
    }

    /// Whether the program logs a request before it decides on it, so that a denial follows.
    pub(super) const fn decides_later(self) -> bool {
        matches!(self, Self::Knrdl)
    }

    /// What makes the program write such a log.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Caddy => "`debug` among Caddy's global options",
            Self::Cetusguard => "`-log-level 7` of CetusGuard",
            Self::Curl => "`curl -v`, whose trace goes to stderr",
            Self::Dockerd => "`dockerd --debug`, or \"debug\": true in its daemon.json",
            Self::Haproxy => "`option httplog` in HAProxy's configuration",
            Self::ElevenNotes => {
                "no option: docker-socket-proxy of 11notes logs only what it denies"
            }
            Self::Knrdl => "LOG_REQUESTS=true of docker-socket-protector",
            Self::List => "METHOD /path, one on each line",
            Self::Socat => "`socat -v`, whose trace goes to stderr",
            Self::Sockguard => "`access_log: true` under log in sockguard's configuration",
            Self::Urllib3 => "`logging.basicConfig(level=logging.DEBUG)` in the program",
            Self::Nginx => "`access_log FILE combined` in nginx's configuration",
            Self::Wollomatic => "`-loglevel DEBUG` of wollomatic's socket-proxy",
        }
    }

    /// Reads the requests in a line without its line break, however it is wrapped. Most lines contain one;
    /// a batch of a log drain contains many. Lines about other things are left out.
    ///
    /// Traces and lists are not wrapped: in them, the place of a line says who wrote it.
    pub fn lines(self, line: &str) -> Vec<Result<Line, Unreadable>> {
        match self {
            Self::Curl | Self::List => match self.read(line) {
                Ok(Line::Other) => Vec::new(),
                read => vec![read],
            },
            _ => unwrap::lines(self, line),
        }
    }

    /// Reads a line as its program wrote it, with or without a known front.
    ///
    /// # Errors
    /// [`Unreadable`], if the line should be a request and is not.
    pub fn read(self, line: &str) -> Result<Line, Unreadable> {
        match self {
            Self::Caddy => caddy::read(line),
            Self::Cetusguard => cetusguard::read(line),
            Self::Curl => trace::curl(line),
            Self::Dockerd => dockerd::read(line),
            Self::ElevenNotes => eleven_notes::read(line),
            Self::Haproxy => haproxy::read(line),
            Self::Knrdl => knrdl::read(line),
            Self::List => trace::listed(line),
            Self::Nginx => nginx::read(line),
            // What a line means depends on the one before it, which `log` knows.
            Self::Socat => Ok(Line::Other),
            Self::Sockguard => sockguard::read(line),
            Self::Urllib3 => urllib3::read(line),
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
            Self::Caddy | Self::Dockerd | Self::Sockguard | Self::Wollomatic => true,
            Self::Cetusguard
            | Self::Curl
            | Self::ElevenNotes
            | Self::Haproxy
            | Self::Knrdl
            | Self::List
            | Self::Nginx
            | Self::Socat
            | Self::Urllib3 => false,
        }
    }

    /// Whether the program writes `key=value`.
    pub(super) const fn is_logfmt(self) -> bool {
        self.is_json() && !matches!(self, Self::Caddy)
    }

    /// Whether a text begins as the program's lines do, even if its time was cut off.
    pub(super) fn begins(self, text: &str) -> bool {
        match self {
            Self::Caddy => caddy::begins(text),
            Self::Cetusguard => cetusguard::begins(text),
            Self::Dockerd => dockerd::begins(text),
            Self::ElevenNotes => eleven_notes::begins(text),
            Self::Haproxy => haproxy::begins(text),
            Self::Knrdl => knrdl::begins(text),
            Self::Nginx => nginx::begins(text),
            Self::Sockguard => sockguard::begins(text),
            Self::Urllib3 => urllib3::begins(text),
            // They are never inside another line.
            Self::Curl | Self::List | Self::Socat => false,
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
