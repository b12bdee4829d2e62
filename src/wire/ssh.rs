//! An engine on another machine, reached as the docker CLI does it: the program `ssh` runs
//! `docker system dial-stdio` there (docker/cli `cli/connhelper/connhelper.go`).
//!
//! `ssh` gets one end of a pair of sockets as its input and output. It ends when dsp closes the other
//! one.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::str::FromStr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::{ChildStderr, Command};
use tokio::sync::oneshot;

use crate::text::{beginning, one_line, printable};

/// How much of what `ssh` says about an error is kept, in bytes.
const MOST_WORDS: u64 = 4 << 10;

/// How long to wait for the last of it after `ssh` has ended.
const LAST_WORDS_TIME: Duration = Duration::from_millis(200);

/// How much of it a message repeats, in characters.
const LONGEST_QUOTE: usize = 300;

/// Where `ssh` connects to. All parts are checked, so that neither `ssh` nor the shell of the other
/// machine reads any of them as something else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SshHost {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// The engine's socket on the other machine, if it is not the usual one.
    socket: Option<String>,
}

/// Why a text is not `ssh://[user@]host[:port][/path]`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "\"{}\" is not an ssh address ({reason}); write ssh://user@host or ssh://user@host:port",
    printable(text)
)]
pub struct SshHostError {
    text: String,
    reason: &'static str,
}

/// Why the program `ssh` failed, mostly in its own words. It is the inner error of an [`io::Error`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("ssh: {0}")]
pub struct SshError(String);

/// The connection of one `ssh`.
#[derive(Debug)]
pub(crate) struct SshStream {
    socket: UnixStream,
    /// How `ssh` ended, and what it said.
    end: Option<oneshot::Receiver<(io::Result<ExitStatus>, String)>>,
}

impl SshHost {
    /// The arguments of `ssh`. `BatchMode` has it fail where it would ask for a password, which nobody
    /// would see.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"].map(str::to_owned).to_vec();
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        arguments.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            arguments.push(format!("--host=unix://{socket}"));
        }
        arguments.extend(["system", "dial-stdio"].map(str::to_owned));
        arguments
    }

    /// Starts `ssh`.
    pub(super) fn connect(&self) -> io::Result<SshStream> {
        let (own, theirs) = std::os::unix::net::UnixStream::pair()?;
        own.set_nonblocking(true)?;
        let socket = UnixStream::from_std(own)?;
        let input = OwnedFd::from(theirs.try_clone()?);
        // In a process group of its own, so that Ctrl-C ends dsp, and dsp its connections.
        let mut child = Command::new("ssh")
            .args(self.arguments())
            .process_group(0)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::other(SshError(format!("it does not start: {error}"))))?;
        let (sender, end) = oneshot::channel();
        tokio::spawn(async move {
            let mut words = Vec::new();
            let output = child.stderr.take();
            let status = {
                let mut listening = std::pin::pin!(listen(output, &mut words));
                let mut has_heard_all = false;
                let status = loop {
                    tokio::select! {
                        status = child.wait() => break status,
                        () = &mut listening, if !has_heard_all => has_heard_all = true,
                    }
                };
                // A shared connection (ControlPersist) may go on, and keep the output open.
                if !has_heard_all {
                    let _ = tokio::time::timeout(LAST_WORDS_TIME, listening).await;
                }
                status
            };
            let _ = sender.send((status, String::from_utf8_lossy(&words).into_owned()));
        });
        Ok(SshStream { socket, end: Some(end) })
    }
}

/// Keeps the beginning of what a program says, and reads the rest.
async fn listen(output: Option<ChildStderr>, words: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let _ = (&mut output).take(MOST_WORDS).read_to_end(words).await;
    let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
}

impl FromStr for SshHost {
    type Err = SshHostError;

    fn from_str(text: &str) -> Result<Self, SshHostError> {
        let wrong = |reason| SshHostError { text: text.to_owned(), reason };
        let rest = text.strip_prefix("ssh://").ok_or_else(|| wrong("it begins otherwise"))?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => {
                (host, Some(port.strip_prefix(':').ok_or_else(|| wrong("its port"))?))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let is_bracketed = place.starts_with('[');
        let is_host = match is_bracketed {
            true => host.parse::<std::net::Ipv6Addr>().is_ok(),
            false => is_word(host, b"._-"),
        };
        if !is_host {
            return Err(wrong("its host"));
        }
        if user.is_some_and(|user| !is_word(user, b"._-+")) {
            return Err(wrong("its user; a password cannot be part of it"));
        }
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
                Ok(0) | Err(_) => return Err(wrong("its port")),
                Ok(port) => Some(port),
            },
            Some(_) => return Err(wrong("its port")),
        };
        let socket = (!path.trim_matches('/').is_empty()).then(|| path.to_owned());
        if socket.as_deref().is_some_and(|path| !is_path(path)) {
            return Err(wrong("its path"));
        }
        let (user, host) = (user.map(str::to_owned), host.to_owned());
        Ok(Self { user, host, port, socket })
    }
}

/// Whether a text consists of letters, digits and these other characters, and cannot be an option.
fn is_word(text: &str, others: &[u8]) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && text.bytes().all(is_allowed)
}

/// Whether a path means itself to every shell.
fn is_path(path: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.len() <= 255 && path.bytes().all(is_allowed)
}

impl fmt::Display for SshHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(formatter, "[{}]", self.host)?,
            false => formatter.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

impl SshStream {
    /// The socket that `ssh` has the other end of.
    pub(super) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Waits for the end of `ssh`, and says why it ended if it failed.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(end) = &mut self.end else { return Poll::Ready(Ok(())) };
        let ended = ready!(Pin::new(end).poll(context));
        self.end = None;
        Poll::Ready(match ended {
            Ok((Ok(status), words)) if !status.success() => {
                let words = words.trim();
                let words = match words.strip_prefix("ssh: ").unwrap_or(words) {
                    "" => status.to_string(),
                    words => one_line(beginning(words, LONGEST_QUOTE)),
                };
                Err(io::Error::other(SshError(words)))
            }
            // Without a status, the program is being ended.
            _ => Ok(()),
        })
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut stream.socket).poll_read(context, buffer));
        let has_ended = match &read {
            Ok(()) => buffer.filled().len() == before && buffer.remaining() > 0,
            // `ssh` has ended with bytes unread.
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        };
        if has_ended { stream.poll_end(context) } else { Poll::Ready(read) }
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        match ready!(Pin::new(&mut stream.socket).poll_write(context, bytes)) {
            // `ssh` has ended.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                ready!(stream.poll_end(context))?;
                Poll::Ready(Err(error))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> String {
        text.parse::<SshHost>().unwrap().arguments().join(" ")
    }

    #[test]
    fn ssh_is_started_as_by_the_docker_cli() {
        let options = "-o ConnectTimeout=30 -o BatchMode=yes -T";
        for (text, rest) in [
            ("ssh://h", "-- h docker system dial-stdio"),
            ("ssh://h/", "-- h docker system dial-stdio"),
            ("ssh://me@h.example:22", "-l me -p 22 -- h.example docker system dial-stdio"),
            ("ssh://[fe80::1]:2222", "-p 2222 -- fe80::1 docker system dial-stdio"),
            (
                "ssh://me@h/run/user/1/docker.sock",
                "-l me -- h docker --host=unix:///run/user/1/docker.sock system dial-stdio",
            ),
        ] {
            assert_eq!(arguments(text), format!("{options} {rest}"), "{text}");
            assert_eq!(text.parse::<SshHost>().unwrap().to_string(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn nothing_is_read_as_an_option_or_by_a_shell() {
        for text in [
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://h:-1",
            "ssh://h:0",
            "ssh://h:70000",
            "ssh://h:+22",
            "ssh://h:",
            "ssh://@h",
            "ssh://-l@h",
            "ssh://me:secret@h",
            "ssh://a@b@h",
            "ssh://h h",
            "ssh://h;id",
            "ssh://$(id)",
            "ssh://h%0a",
            "ssh://h\n",
            "ssh://h?x",
            "ssh://h#x",
            "ssh://[::1",
            "ssh://[::1]x",
            "ssh://[-x]",
            "ssh://::1",
            "ssh://h/run/$(id)",
            "ssh://h/run/a b",
            "ssh://h/run/a;b",
            "ssh:h",
            "unix:///x",
        ] {
            assert!(text.parse::<SshHost>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_consists_of_plain_words(text in "ssh://[a-z@:/.$;` \\[\\]%\\n-]{0,20}") {
            if let Ok(host) = text.parse::<SshHost>() {
                let words = host.arguments();
                let end = words.iter().position(|word| word == "--").unwrap();
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@:/._+=-".contains(&byte);
                proptest::prop_assert!(words.iter().all(|word| word.bytes().all(is_plain)), "{words:?}");
                proptest::prop_assert!(!words[end + 1].starts_with('-'), "{words:?}");
                // Each option is dsp's own, or the word after one of them.
                let user = words.iter().position(|word| word == "-l");
                proptest::prop_assert!(user.is_none_or(|user| !words[user + 1].starts_with('-')));
            }
        }
    }
}
