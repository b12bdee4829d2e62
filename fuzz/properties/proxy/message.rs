//! Parses messages in the form in which dsp writes them; any other form is a violation.

/// The first line of a message and its header lines.
#[derive(Debug)]
pub struct Head {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    /// In bytes, with the empty line.
    pub length: usize,
}

/// How a message ends.
enum Body {
    Length(usize),
    Chunked,
    UntilEnd,
}

impl Head {
    /// The first line, without its end.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The first value of a header.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// The first word of the first line.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(own, _)| own == name).count()
    }

    /// Parses the head at the start of the bytes, if it is complete.
    fn read(bytes: &[u8]) -> Result<Option<Self>, String> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = Vec::new();
        let mut rest = &bytes[..end + 2];
        while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
            lines.push(&rest[..at]);
            rest = &rest[at + 2..];
        }
        let is_sound = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        if let Some(line) = lines.iter().find(|line| !line.iter().all(is_sound)) {
            return Err(format!("a line with control characters: {}", line.escape_ascii()));
        }
        let (line, lines) = lines.split_first().ok_or("no line")?;
        let headers = lines.iter().map(|line| header(line)).collect::<Result<Vec<_>, String>>()?;
        let line = String::from_utf8_lossy(line).into_owned();
        let head = Self { line, headers, length: end + 4 };
        for name in ["content-length", "transfer-encoding"] {
            if head.count(name) > 1 {
                return Err(format!("{name} more than once: {head:?}"));
            }
        }
        if head.count("content-length") + head.count("transfer-encoding") > 1 {
            return Err(format!("two lengths: {head:?}"));
        }
        Ok(Some(head))
    }

    /// How the answer with this status to a request with this method ends (RFC 9112 section 6.3).
    fn answer_body(&self, status: u16, method: &str) -> Result<Body, String> {
        match method == "HEAD" || status == 204 || status == 304 {
            true => Ok(Body::Length(0)),
            false => self.body(Body::UntilEnd),
        }
    }

    fn body(&self, otherwise: Body) -> Result<Body, String> {
        if let Some(value) = self.value("transfer-encoding") {
            return match value.eq_ignore_ascii_case(b"chunked") {
                true => Ok(Body::Chunked),
                false => Err(format!("an unknown coding: {self:?}")),
            };
        }
        let Some(value) = self.value("content-length") else { return Ok(otherwise) };
        let is_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        match std::str::from_utf8(value) {
            Ok(digits) if is_digits => Ok(Body::Length(digits.parse().unwrap_or(usize::MAX))),
            _ => Err(format!("a length that is not a number: {self:?}")),
        }
    }
}

fn header(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let bad = || format!("a line that is not a header: {}", line.escape_ascii());
    let colon = line.iter().position(|byte| *byte == b':').ok_or_else(bad)?;
    let name = &line[..colon];
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) {
        return Err(bad());
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok((name, line[colon + 1..].trim_ascii().to_vec()))
}

/// Parses the request at the start of the bytes: its head, if complete, and the length of the whole
/// request, if complete.
pub fn request(bytes: &[u8]) -> Result<Option<(Head, Option<usize>)>, String> {
    let Some(head) = Head::read(bytes)? else { return Ok(None) };
    let words: Vec<&str> = head.line.split(' ').collect();
    match words[..] {
        [method, target, "HTTP/1.1"]
            if !method.is_empty()
                && method.bytes().all(|byte| byte.is_ascii_uppercase())
                && target.starts_with('/')
                && target.bytes().all(|byte| byte.is_ascii_graphic()) => {}
        _ => return Err(format!("a malformed request line: {}", head.line)),
    }
    if head.count("host") != 1 {
        return Err(format!("not one host: {head:?}"));
    }
    let length = whole(bytes, &head, &head.body(Body::Length(0))?)?;
    Ok(Some((head, length)))
}

/// Whether the bytes start with a head that has ended for a parser that accepts bare line feeds,
/// but not for this one, which would wait for the rest.
pub fn ends_in_line_feeds(bytes: &[u8]) -> bool {
    let is_end = |at: usize| {
        let next = &bytes[at + 1..];
        bytes[at] == b'\n' && (next.starts_with(b"\n") || next.starts_with(b"\r\n"))
    };
    matches!(Head::read(bytes), Ok(None)) && (0..bytes.len()).any(is_end)
}

/// Parses the answer to a request with this method at the start of the bytes, and the interim
/// answers before it: the status and the length of everything, if complete.
pub fn answer(bytes: &[u8], method: &str) -> Result<Option<(u16, usize)>, String> {
    let mut at = 0;
    loop {
        let Some(head) = Head::read(&bytes[at..])? else { return Ok(None) };
        let status = match head.line.split(' ').collect::<Vec<_>>()[..] {
            ["HTTP/1.1" | "HTTP/1.0", status, ..] if status.len() == 3 => status.parse::<u16>(),
            _ => return Err(format!("a malformed status line: {}", head.line)),
        };
        let status = status.map_err(|_| format!("no status: {}", head.line))?;
        if status == 101 {
            return Ok(Some((status, at + head.length)));
        }
        if (100..200).contains(&status) {
            at += head.length;
            continue;
        }
        let length = whole(&bytes[at..], &head, &head.answer_body(status, method)?)?;
        return Ok(length.map(|length| (status, at + length)));
    }
}

/// Whether the bytes are exactly one answer that does not end with its connection.
pub fn ends_itself(bytes: &[u8], method: &str) -> bool {
    let Ok(Some((status, length))) = answer(bytes, method) else { return false };
    let Ok(Some(head)) = Head::read(bytes) else { return false };
    length == bytes.len()
        && status != 101
        && !matches!(head.answer_body(status, method), Ok(Body::UntilEnd) | Err(_))
}

/// The length of a message with its body, if complete.
fn whole(bytes: &[u8], head: &Head, body: &Body) -> Result<Option<usize>, String> {
    match body {
        Body::UntilEnd => Ok(Some(bytes.len())),
        Body::Length(length) => {
            let end = head.length.saturating_add(*length);
            Ok((end <= bytes.len()).then_some(end))
        }
        Body::Chunked => chunks(bytes, head.length),
    }
}

/// The end of the chunks that start here, with their trailers, if complete.
fn chunks(bytes: &[u8], mut at: usize) -> Result<Option<usize>, String> {
    loop {
        let rest = &bytes[at..];
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
        let bad = || format!("a malformed chunk: {}", rest[..end].escape_ascii());
        let size = size.ok_or_else(bad)?;
        if size == 0 {
            if rest[end..].starts_with(b"\r\n\r\n") {
                return Ok(Some(at + end + 4));
            }
            let trailers = rest.windows(4).position(|window| window == b"\r\n\r\n");
            return Ok(trailers.map(|end| at + end + 4));
        }
        at = at.saturating_add(end + 2).saturating_add(size);
        match bytes.get(at..at.saturating_add(2)) {
            Some(b"\r\n") => at += 2,
            Some(_) => return Err("a chunk that does not end where it says".to_owned()),
            None => return Ok(None),
        }
    }
}
