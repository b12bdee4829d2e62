//! What the processes of a container may do: capabilities and protections.

use super::reading::{Reading, Subject};
use super::{Facet, Json, Unreadable, fact};

/// An item of `CapAdd`, in any case and with or without `CAP_`. The data says which ones an engine gives
/// to every container.
pub(super) fn capability(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let name = value.text().unwrap_or_default().to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    if subject.is_harmless(name) {
        return Ok(());
    }
    reading.add_named(Facet::Capabilities, "", name, field)
}

/// An item of `SecurityOpt`: a word, or a key and a value with `=` or `:` between them (moby
/// `daemon/daemon_unix.go`, `parseSecurityOpt`).
pub(super) fn security_option(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default();
    let (key, value) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((text, ""));
    let option = match (key, value) {
        ("no-new-privileges", "" | "true" | "1" | "t" | "T" | "TRUE" | "True") => return Ok(()),
        ("seccomp", "builtin") => return Ok(()),
        // A whole profile, which may be long.
        ("seccomp", value) if value.trim_start().starts_with('{') => "seccomp=profile".to_owned(),
        ("disable", "") => "label=disable".to_owned(),
        (key, "") => fact::escaped(key, &[]),
        (key, value) => format!("{}={}", fact::escaped(key, &['=']), fact::escaped(value, &[])),
    };
    reading.add(Facet::Security, option, field)
}
