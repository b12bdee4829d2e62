//! Images by name, and where their content comes from.
//!
//! A name is spelled as the docker CLI shows it: without the default registry, and with its tag or
//! digest (distribution/reference, `ParseNormalizedNamed` and `FamiliarString`).

use super::reading::{Reading, Subject, odd};
use super::{Facet, Json, Unreadable};

/// The length of an ID in hexadecimal digits.
const ID_DIGITS: usize = 64;

/// A value that names an image.
pub(super) fn image(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value.text() {
        None | Some("") => Ok(()),
        Some(text) => {
            // podman's own API takes the name of a transport, too.
            let text = text.strip_prefix("docker://").unwrap_or(text);
            let name = familiar(text).ok_or_else(|| odd(field, "the name of an image"))?;
            reading.add(subject.facet, name, field)
        }
    }
}

/// A query whose parameters name an image together: `fromImage` or `repo`, and `tag`.
pub(super) fn tagged_image(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let tag = value.text_of("tag");
    for parameter in ["fromImage", "repo"] {
        let name = value.text_of(parameter);
        let whole = match (name, tag) {
            ("", _) => continue,
            // Without a tag, an engine pulls every tag (moby `distribution/pull_v2.go`).
            (name, "")
                if parameter == "fromImage" && name == without_tag(name) && !name.contains('@') =>
            {
                let name = familiar(name).ok_or_else(|| odd(parameter, "the name of an image"))?;
                let every = name.strip_suffix(":latest").unwrap_or(&name);
                reading.add(Facet::Image, format!("{every}:*"), field)?;
                continue;
            }
            (name, "") => name.to_owned(),
            (name, digest) if digest.contains(':') => format!("{name}@{digest}"),
            (name, tag) if is_tag(tag) => format!("{}:{tag}", without_tag(name)),
            _ => return Err(odd("tag", "a tag or a digest")),
        };
        let name = familiar(&whole).ok_or_else(|| odd(parameter, "the name of an image"))?;
        reading.add(Facet::Image, name, field)?;
    }
    Ok(())
}

/// Where content comes from: `https://host`, or `body`. The rest of an address may be a secret.
pub(super) fn url(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let value = match value.text() {
        None | Some("") => return Ok(()),
        Some("-") => "body".to_owned(),
        Some(text) => origin(text).ok_or_else(|| odd(field, "an address"))?,
    };
    reading.add(subject.facet, value, field)
}

/// The registry that gets a password; none for Docker Hub.
pub(super) fn registry(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = match value.text() {
        None | Some("") => return Ok(()),
        Some(text) => text,
    };
    let origin = origin(text).ok_or_else(|| odd(field, "an address"))?;
    let host = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
    reading.add_named(subject.facet, "registry", host, field)
}

/// An instruction of a Dockerfile that changes an image. Only labels give something away: containers of
/// the image have them.
pub(super) fn changes(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default().trim();
    if text.contains(['\n', '\r']) {
        return Err(odd(field, "an instruction on one line"));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !word.eq_ignore_ascii_case("label") {
        return Ok(());
    }
    // Quotes, escapes and several labels on a line have rules of their own.
    let (key, value) = rest.trim().split_once('=').unwrap_or((rest, ""));
    let is_odd = |one: char| "\"'\\=$`".contains(one) || one.is_whitespace();
    if key.is_empty() || key.contains(is_odd) || value.contains(is_odd) {
        return Err(odd(field, "a label such as LABEL key=value"));
    }
    reading.add_named(subject.facet, "", key, field)
}

/// `KEY=VALUE`: the key.
pub(super) fn assignment(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default();
    let key = text.split_once('=').map_or(text, |(key, _)| key);
    if key.is_empty() { Ok(()) } else { reading.add_named(subject.facet, "", key, field) }
}

/// The scheme and the host of an address. Without a scheme, engines take HTTP, or git over SSH for
/// `user@host:path`.
fn origin(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None if text.contains('@') => ("ssh".to_owned(), text),
        None => ("http".to_owned(), text),
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match scheme.as_str() {
        "ssh" if !host.starts_with('[') => host.split(':').next().unwrap_or_default(),
        _ => host,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+');
    let is_good = is_scheme && !scheme.is_empty() && !host.is_empty() && host.bytes().all(is_plain);
    is_good.then(|| format!("{scheme}://{}", host.to_ascii_lowercase()))
}

/// The spelling of an image; `None` if no engine takes the name.
#[must_use]
pub fn familiar(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("sha256:") {
        let is_id = digits.len() <= ID_DIGITS && is_hex(digits);
        return is_id.then(|| text.to_owned());
    }
    // An engine may take the beginning of an ID for it. dsp cannot tell which, so it stays as it is.
    if is_hex(text) {
        return Some(text.to_owned());
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) if is_digest(digest) => (name, Some(digest)),
        Some(_) => return None,
        None => (text, None),
    };
    let bare = without_tag(name);
    let tag = name.get(bare.len()..)?.strip_prefix(':');
    let (registry, path) = match bare.split_once('/') {
        Some((first, rest)) if is_registry(first) => (Some(first), rest),
        _ => (None, bare),
    };
    let is_component = |part: &str| {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        !part.is_empty() && part.bytes().all(is_plain)
    };
    if !path.split('/').all(is_component) || !registry.is_none_or(is_host) {
        return None;
    }
    let registry = registry.filter(|host| !matches!(*host, "docker.io" | "index.docker.io"));
    let path = match registry {
        None => path.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(path),
        Some(_) => path,
    };
    let name = registry.map_or_else(|| path.to_owned(), |host| format!("{host}/{path}"));
    match (tag, digest) {
        (Some(tag), _) if !is_tag(tag) => None,
        // An engine that has a digest does not look at the tag.
        (_, Some(digest)) => Some(format!("{name}@{digest}")),
        (Some(tag), None) => Some(format!("{name}:{tag}")),
        (None, None) => Some(format!("{name}:latest")),
    }
}

/// A name without its tag. A colon before a slash is that of a port.
fn without_tag(name: &str) -> &str {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(last..).and_then(|rest| rest.find(':')) {
        Some(colon) => name.get(..last + colon).unwrap_or(name),
        None => name,
    }
}

/// Whether the first part of a name is a registry and not a part of the path.
fn is_registry(part: &str) -> bool {
    part == "localhost"
        || part.contains(['.', ':'])
        || part.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_host(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn is_tag(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let first =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first && text.len() <= 128 && text.bytes().all(is_plain)
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte);
        !algorithm.is_empty()
            && algorithm.bytes().all(is_plain)
            && digits.len() >= 32
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_one_spelling() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, expected) in [
            ("alpine", "alpine:latest"),
            ("docker.io/library/alpine:3", "alpine:3"),
            ("library/alpine", "alpine:latest"),
            ("docker.io/grafana/k6", "grafana/k6:latest"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
            ("localhost/a", "localhost/a:latest"),
            ("Evil/x", "Evil/x:latest"),
            ("reg.local/library/a", "reg.local/library/a:latest"),
            ("cafe", "cafe"),
        ] {
            assert_eq!(familiar(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(familiar(&digest), Some(digest.clone()));
        assert_eq!(familiar(&format!("alpine:3@{digest}")), Some(format!("alpine@{digest}")));
        for text in ["", "a b", "UPPER", "a//b", "a:b:c", "a@sha256:zz", "a:", "*", "a*", "/"] {
            assert_eq!(familiar(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_cut_to_its_host() {
        for (text, expected) in [
            ("https://bob:secret@Git.Example/x?token=y", "https://git.example"),
            ("git@github.com:a/b.git", "ssh://github.com"),
            ("github.com/a/b", "http://github.com"),
            ("http://h:80/x", "http://h:80"),
        ] {
            assert_eq!(origin(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["://x", "https://", "https://a b/", "https://\u{e9}/"] {
            assert_eq!(origin(text), None, "{text}");
        }
    }
}
