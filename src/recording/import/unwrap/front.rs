//! What other programs put before a line: line numbers, times, the heads of syslog, Compose, kubectl and
//! the container runtimes, quote marks.
//!
//! Only known shapes are removed, each from the front and of a bounded length, so that a line begins where
//! its own program began it.

/// The most pieces that are removed.
const MOST_PIECES: usize = 8;

/// The longest name before a bar or a colon, in bytes.
const LONGEST_NAME: usize = 256;

/// Programs whose name may precede a colon without a process number.
const PROGRAMS: [&str; 6] = ["caddy", "docker", "dockerd", "haproxy", "nginx", "socket-proxy"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A line without the text before and after it.
pub(super) fn peel(text: &str) -> &str {
    let mut text = trim(text);
    for _ in 0..MOST_PIECES {
        let Some(rest) = without_one(text) else { break };
        text = trim(rest);
    }
    text
}

fn trim(text: &str) -> &str {
    text.trim().trim_start_matches('\u{feff}').trim_start()
}

fn without_one(text: &str) -> Option<&str> {
    let pieces = [quote_mark, priority, dated, container, label, numbered, process, journal_field];
    pieces.into_iter().find_map(|piece| piece(text))
}

/// `> `, `- `, `* ` and `| `, as in a mail, a list and a table.
fn quote_mark(text: &str) -> Option<&str> {
    text.strip_prefix('>')
        .or_else(|| ["- ", "* ", "| "].iter().find_map(|mark| text.strip_prefix(mark)))
}

/// The head of syslog with a priority: `<134>`, and for RFC 5424 everything up to the message.
fn priority(text: &str) -> Option<&str> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_priority = matches!(digits.len(), 1..=3) && is_number(digits);
    let rest = is_priority.then_some(rest)?;
    Some(rest.strip_prefix("1 ").and_then(structured).unwrap_or(rest))
}

/// The text after time, host, program, process, message id and structured data.
fn structured(text: &str) -> Option<&str> {
    let mut rest = text;
    for _ in 0..5 {
        let (word, after) = rest.split_once(' ')?;
        is_plain(word).then_some(())?;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('-') {
        return Some(after);
    }
    while rest.starts_with('[') {
        rest = behind_data(rest)?;
    }
    Some(rest)
}

/// The text after `[id name="value"]`, in whose values `"`, `\` and `]` are escaped.
fn behind_data(text: &str) -> Option<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b']' if !is_quoted => return text.get(place + 1..),
            _ => {}
        }
    }
    None
}

/// A time, in brackets or not, and what syslog and the container runtimes put after it.
fn dated(text: &str) -> Option<&str> {
    let rest = match text.strip_prefix('[') {
        Some(inside) => time(inside)?.strip_prefix(']')?,
        None => time(text)?,
    };
    // Some formats separate columns with a tab, others end the time with a colon.
    let rest =
        rest.strip_prefix([' ', '\t', ':']).or(rest.is_empty().then_some(rest))?.trim_start();
    let stream = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "));
    if let Some(rest) = stream {
        // P marks a part of a line that was split, so its request is incomplete as well.
        return Some(["F ", "P "].iter().find_map(|tag| rest.strip_prefix(tag)).unwrap_or(rest));
    }
    Some(host_and_program(rest).unwrap_or(rest))
}

/// The text after `host program[7]: `.
fn host_and_program(text: &str) -> Option<&str> {
    let (host, rest) = text.split_once(' ')?;
    let (program, rest) = rest.trim_start().split_once(' ')?;
    let program = program.strip_suffix(':')?;
    (is_plain(host) && is_plain(program)).then_some(rest)
}

/// The text after a time in one of the usual forms.
fn time(text: &str) -> Option<&str> {
    let day = shaped(text, "0000-00-00").or_else(|| shaped(text, "0000/00/00"));
    let clock = match day {
        Some(rest) => rest.strip_prefix(['T', 't', ' '])?,
        None => match text.get(..3).filter(|month| MONTHS.contains(month)) {
            Some(_) => {
                let rest = text.get(3..)?.trim_start();
                let day = rest.bytes().take_while(u8::is_ascii_digit).count();
                matches!(day, 1..=2).then(|| rest.get(day..)?.strip_prefix(' '))??
            }
            None => text,
        },
    };
    let Some(rest) = shaped(clock, "00:00:00") else {
        return day.is_none().then(|| since_1970(text)).flatten();
    };
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => rest,
    };
    let zone = rest.strip_prefix(['Z', 'z']).or_else(|| {
        let offset = rest.strip_prefix(['+', '-'])?;
        shaped(offset, "00:00").or_else(|| shaped(offset, "0000"))
    });
    Some(zone.unwrap_or(rest))
}

/// The text after a number of seconds since 1970, with or without a fraction.
fn since_1970(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let is_time = matches!(text.len() - rest.len(), 10..=19);
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    is_time.then(|| fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// The text after a prefix of this shape, in which 0 matches any digit.
fn shaped<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let head = text.as_bytes().get(..shape.len())?;
    let fits =
        |(byte, kind): (&u8, u8)| if kind == b'0' { byte.is_ascii_digit() } else { *byte == kind };
    head.iter().zip(shape.bytes()).all(fits).then(|| text.get(shape.len()..))?
}

/// `web-1  | ` from Compose, `svc.1.id@node    | ` from a service, `12 | ` from a pager.
fn container(text: &str) -> Option<&str> {
    let end = name_end(text)?;
    let rest = text.get(end..)?.trim_start_matches(' ').strip_prefix('|')?;
    (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
}

/// `[pod/web-1/proxy] ` from kubectl, `[web]` from others. A time in brackets contains colons and is not a
/// label.
fn label(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let end =
        inside.bytes().take(LONGEST_NAME).position(|byte| !is_of_name(byte) && byte != b' ')?;
    let (name, rest) = inside.split_at_checked(end)?;
    let has_letter = name.bytes().any(|byte| byte.is_ascii_alphabetic());
    rest.strip_prefix("] ").filter(|_| has_letter)
}

/// `12:` and `docker.log:12:` from grep, `docker.log:`, or `12` and a tab from others.
fn numbered(text: &str) -> Option<&str> {
    let end = name_end(text)?;
    let (name, rest) = text.split_at_checked(end)?;
    if is_number(name) {
        return rest.strip_prefix([':', '\t']);
    }
    let rest = rest.strip_prefix(':')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest.get(digits..)?.strip_prefix(':').filter(|_| digits > 0);
    after.or_else(|| name.ends_with(".log").then_some(rest))
}

/// `dockerd[7]: `, and the names of some programs without a number.
fn process(text: &str) -> Option<&str> {
    let end = text.bytes().take(LONGEST_NAME).position(|byte| !is_of_name(byte))?;
    let (name, rest) = text.split_at_checked(end)?;
    let number = rest.strip_prefix('[').and_then(|inside| inside.split_once(']'));
    match number {
        Some((digits, rest)) if is_number(digits) => rest.strip_prefix(": "),
        Some(_) => None,
        None => rest.strip_prefix(": ").filter(|_| PROGRAMS.contains(&name)),
    }
}

/// `MESSAGE=` from journald's own format.
fn journal_field(text: &str) -> Option<&str> {
    text.strip_prefix("MESSAGE=")
}

fn name_end(text: &str) -> Option<usize> {
    let end = text.bytes().take(LONGEST_NAME).position(|byte| !is_of_name(byte))?;
    (end > 0).then_some(end)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word can be a host or a program: it contains no quotes, and no brackets except those around a
/// process number.
fn is_plain(word: &str) -> bool {
    word.len() <= LONGEST_NAME
        && !word.is_empty()
        && word
            .bytes()
            .all(|byte| is_of_name(byte) || matches!(byte, b'[' | b']' | b':' | b'+' | b'(' | b')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fronts_are_taken_off() {
        for front in [
            "",
            "\u{feff}",
            "   ",
            "> ",
            "> > ",
            "- ",
            "12:",
            "docker.log:12:",
            "docker.log:",
            "    12\t",
            "12 | ",
            "web-1  | ",
            "\u{feff}web-1 | ",
            "proxy_web.1.k3x@node    | ",
            "[pod/web-1/proxy] ",
            "2026-11-24T20:00:00.123456789Z ",
            "2026-11-24T20:00:00+01:00 stdout F ",
            "2026-11-24T20:00:00.1Z stderr P ",
            "[2026-11-24 20:00:00,123] ",
            "2026/11/24 20:00:00 ",
            "20:00:00 ",
            "1795556068.4336593 ",
            "1795556068433659300\t",
            "Nov 24 20:00:00 host dockerd[123]: ",
            "Nov  4 20:00:00 host dockerd: ",
            "<134>Nov 24 20:00:00 host haproxy[7]: ",
            "<134>1 2026-11-24T20:00:00Z host haproxy 7 - - ",
            "<134>1 2026-11-24T20:00:00Z host haproxy 7 ID [a b=\"c\\\"]\"][d] \u{feff}",
            "2026-11-24T20:00:00Z host haproxy[7]: ",
            "haproxy[7]: ",
            "haproxy: ",
            "MESSAGE=",
            "web-1  | 2026-11-24T20:00:00Z ",
            "> 12:web-1  | <29>Nov 24 20:00:00 host dockerd: ",
        ] {
            assert_eq!(
                peel(&format!("{front}front back/server \r")),
                "front back/server",
                "{front}"
            );
        }
    }

    #[test]
    fn nothing_else_is_taken_off() {
        for line in [
            "form data: time=x",
            "error: time=x",
            "a \"b | c",
            "[24/Nov/2026:20:00:00 +0000] \"GET",
            "127.0.0.1:5 [24/Nov/2026:20:00:00.1] f",
            "[1, 2]",
            "{\"a\": 1}",
            "time=\"2026\" level=debug",
            "front back/server 0/0/0/1/1",
        ] {
            assert_eq!(peel(line), line);
        }
    }
}
