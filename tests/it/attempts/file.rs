//! Parses the files of `tests/attempts` strictly. The README there describes the format.

use std::path::Path;

/// The contents of a file.
#[derive(Debug)]
pub struct Attempt {
    /// Its path below `tests/attempts`.
    pub name: String,
    /// Its profile as YAML.
    pub profile: String,
    pub is_podman: bool,
    /// The proxy that was vulnerable.
    pub proxy: Option<String>,
    /// The engine's answers instead of a plain 200, one per request.
    pub answers: Vec<Vec<u8>>,
    /// The number of bytes per write.
    pub pieces: Option<usize>,
    /// The expected statuses with a real engine.
    pub real: Option<Vec<u16>>,
    pub steps: Vec<Step>,
    pub seen: Vec<Expected>,
}

/// The steps of the client, in order. The last four end the connection, and the next step opens
/// another one.
#[derive(Debug)]
pub enum Step {
    Send(Vec<u8>),
    /// The client ends its direction.
    EndSending,
    Answer(Answer),
    /// The connection has been closed.
    Closed,
    /// The connection serves another request.
    Open,
    /// The connection is a tunnel, and exactly these bytes come out of it.
    Tunnel(Vec<u8>),
    /// The client leaves.
    Gone,
}

/// An expected answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub has_body: bool,
    /// Whether the answer is required; otherwise the connection may be closed without it.
    pub is_certain: bool,
    pub contains: Vec<String>,
    pub lacks: Vec<String>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        let (contains, lacks) = (Vec::new(), Vec::new());
        Self { status, has_body: true, is_certain: true, contains, lacks }
    }
}

/// What the engine is expected to receive.
#[derive(Debug)]
pub enum Expected {
    /// A request with this line, optionally byte for byte, and what came through the tunnel after
    /// it.
    Request { line: String, message: Option<Vec<u8>>, tunnel: Option<Vec<u8>> },
    /// A request with this line that never ends, or nothing of it.
    Cut(String),
}

const KEYS: [&str; 9] =
    ["answer", "deny", "engine", "min_api", "pieces", "profile", "proxy", "real", "unknown"];

/// The profile of most attempts.
const PROFILE: &str = "HEAD /_ping, GET /version, GET /containers/json, GET /containers/*/json, \
    POST /containers/*/start, GET /images/*/json, POST /images/create, POST /build, \
    PUT /containers/*/archive, POST /containers/*/attach, POST /exec/*/start, GET /events, \
    GET /networks, DELETE /volumes/*";

/// The operations that podman does not have.
const BUILDKIT: &str = ", POST /session, POST /grpc";

struct Reader {
    attempt: Attempt,
    allow: Option<String>,
    deny: String,
    unknown: String,
    min_api: Option<String>,
    sees_nothing: bool,
}

/// Reads a file.
pub fn read(path: &Path, name: &str) -> Result<Attempt, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    parse(name, &text)
}

/// Parses the text of a file. An error names the file and the line.
pub fn parse(name: &str, text: &str) -> Result<Attempt, String> {
    let mut reader = Reader {
        attempt: Attempt {
            name: name.to_owned(),
            profile: String::new(),
            is_podman: false,
            proxy: None,
            answers: Vec::new(),
            pieces: None,
            real: None,
            steps: Vec::new(),
            seen: Vec::new(),
        },
        allow: None,
        deny: String::new(),
        unknown: String::new(),
        min_api: None,
        sees_nothing: false,
    };
    if !text.starts_with("# why: ") {
        return Err(format!("{name}:1: the first line says \"# why: \""));
    }
    for (number, line) in text.lines().enumerate() {
        reader.line(line).map_err(|error| format!("{name}:{}: {error}", number + 1))?;
    }
    reader.finish().map_err(|error| format!("{name}: {error}"))
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.ends_with(char::is_whitespace) {
            return Err("a blank at the end of a line is written \\x20".to_owned());
        }
        if line.is_empty() || line == "#" || line.starts_with("# ") {
            return Ok(());
        }
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            ">>>" => self.send(&line_of(rest)?),
            ">>*" => {
                let (times, text) = rest.split_once(' ').ok_or("a number and a text")?;
                let times: usize = times.parse().map_err(|_| "the first word is a number")?;
                self.send(&line_of(text)?.repeat(times));
            }
            ">>end" if rest.is_empty() => self.attempt.steps.push(Step::EndSending),
            ">>gone" if rest.is_empty() => self.attempt.steps.push(Step::Gone),
            "<<<" => self.answer(rest)?,
            "<<?" => {
                self.answer(rest)?;
                self.last_answer()?.is_certain = false;
            }
            "<<+" => self.last_answer()?.contains.push(rest.to_owned()),
            "<<-" => self.last_answer()?.lacks.push(rest.to_owned()),
            "===" => self.seen(rest)?,
            "|" => {
                let Some(Expected::Request { message, .. }) = self.attempt.seen.last_mut() else {
                    return Err("a line of no request".to_owned());
                };
                message.get_or_insert_default().extend(line_of(rest)?);
            }
            _ => match line.split_once(": ") {
                Some((key, value)) if KEYS.contains(&key) => self.setting(key, value)?,
                _ => return Err(format!("\"{mark}\" is neither a mark nor a setting")),
            },
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(Step::Send(before)) = self.attempt.steps.last_mut() {
            before.extend_from_slice(bytes);
        } else {
            self.attempt.steps.push(Step::Send(bytes.to_vec()));
        }
    }

    fn answer(&mut self, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let step = match word {
            "closed" if rest.is_empty() => Step::Closed,
            "open" if rest.is_empty() => Step::Open,
            "tunnel" => Step::Tunnel(unescaped(rest)?.0),
            _ => {
                let status = word.parse().map_err(|_| format!("\"{word}\" is not a status"))?;
                let mut answer = Answer::new(status);
                match rest {
                    "" => {}
                    "(no body)" => answer.has_body = false,
                    text => answer.contains.push(text.to_owned()),
                }
                Step::Answer(answer)
            }
        };
        self.attempt.steps.push(step);
        Ok(())
    }

    fn last_answer(&mut self) -> Result<&mut Answer, String> {
        match self.attempt.steps.last_mut() {
            Some(Step::Answer(answer)) => Ok(answer),
            _ => Err("it does not stand below an answer".to_owned()),
        }
    }

    fn seen(&mut self, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "nothing" if rest.is_empty() => self.sees_nothing = true,
            "cut" => self.attempt.seen.push(Expected::Cut(rest.to_owned())),
            "tunnel" => match self.attempt.seen.last_mut() {
                Some(Expected::Request { tunnel, .. }) => *tunnel = Some(unescaped(rest)?.0),
                _ => return Err("a tunnel of no request".to_owned()),
            },
            _ if text.ends_with(" HTTP/1.1") => {
                let line = text.to_owned();
                self.attempt.seen.push(Expected::Request { line, message: None, tunnel: None });
            }
            _ => return Err(format!("\"{text}\" is nothing that the engine can see")),
        }
        Ok(())
    }

    fn setting(&mut self, key: &str, value: &str) -> Result<(), String> {
        let attempt = &mut self.attempt;
        match key {
            "answer" => attempt.answers.push(unescaped(value)?.0),
            "deny" => value.clone_into(&mut self.deny),
            "engine" if value == "podman" => attempt.is_podman = true,
            "min_api" => self.min_api = Some(value.to_owned()),
            "pieces" => attempt.pieces = Some(value.parse().map_err(|_| "not a number")?),
            "profile" => self.allow = Some(value.to_owned()),
            "proxy" => attempt.proxy = Some(value.to_owned()),
            "real" if value != "same" => {
                let statuses = value.split(' ').map(str::parse).collect::<Result<_, _>>();
                attempt.real = Some(statuses.map_err(|_| "statuses, or \"same\"")?);
            }
            "real" => attempt.real = Some(Vec::new()),
            "unknown" => value.clone_into(&mut self.unknown),
            _ => return Err(format!("{key} cannot be {value}")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Attempt, String> {
        let mut attempt = self.attempt;
        match attempt.steps.last() {
            None | Some(Step::Send(_) | Step::EndSending | Step::Answer(_)) => {
                return Err("it does not say how the connection ends".to_owned());
            }
            Some(Step::Closed | Step::Open | Step::Tunnel(_) | Step::Gone) => {}
        }
        if self.sees_nothing != attempt.seen.is_empty() {
            return Err("it says what the engine sees, or \"=== nothing\"".to_owned());
        }
        let statuses = attempt.steps.iter().filter_map(|step| match step {
            Step::Answer(answer) => Some(answer.status),
            _ => None,
        });
        if attempt.real.as_ref().is_some_and(Vec::is_empty) {
            attempt.real = Some(statuses.collect());
        } else if attempt.real.as_ref().is_some_and(|real| real.len() != statuses.count()) {
            return Err("\"real\" has one status for each answer".to_owned());
        }
        let mut profile = "version: 1\nname: p\n".to_owned();
        if attempt.is_podman {
            profile.push_str("engine: podman\n");
        }
        if let Some(version) = self.min_api {
            profile.push_str(&format!("min_api: \"{version}\"\n"));
        }
        let buildkit = if attempt.is_podman { "" } else { BUILDKIT };
        let allow = self.allow.unwrap_or_else(|| [PROFILE, buildkit].concat());
        let allow = format!("GET /_ping, {allow}");
        for (key, rules) in [("allow", &allow), ("deny", &self.deny), ("unknown", &self.unknown)] {
            if !rules.is_empty() {
                let rules = rules.split(',').map(|rule| format!("  - {}\n", rule.trim()));
                profile.push_str(&format!("{key}:\n{}", rules.collect::<String>()));
            }
        }
        attempt.profile = profile;
        Ok(attempt)
    }
}

/// A line with its end, unless it ends in a lone `\`.
fn line_of(text: &str) -> Result<Vec<u8>, String> {
    let (mut bytes, goes_on) = unescaped(text)?;
    if !goes_on {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(bytes)
}

/// The bytes that a text represents, and whether it ends in a lone `\`.
fn unescaped(text: &str) -> Result<(Vec<u8>, bool), String> {
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        bytes.push(match characters.next() {
            None => return Ok((bytes, true)),
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits} is not a byte"))?
            }
            Some(other) => return Err(format!("\\{other} is not an escape")),
        });
    }
    Ok((bytes, false))
}
