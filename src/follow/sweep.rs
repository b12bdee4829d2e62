//! Finds paths of the host anywhere in a body.
//!
//! An engine mounts more than the lists of mounts: a volume driver binds a folder, a log driver
//! connects to a socket, a root file system is a folder. And podman 6 recognizes the keys of small
//! objects by a hash alone, so a key of any spelling may count. Paths found here are not replaced,
//! because their use is unknown, but they are reported.

use super::json::{Unreadable, entries, is_key, items, text};

/// Deeper than any body that an engine reads.
const DEEPEST: usize = 16;

/// Fields that in every engine contain the program's own text or a path in the container.
const HARMLESS: [&str; 34] = [
    "Annotations",
    "Args",
    "Cmd",
    "Command",
    "containerCreateCommand",
    "Dest",
    "Destination",
    "Dir",
    "Domainname",
    "Entrypoint",
    "Env",
    "healthconfig",
    "Healthcheck",
    "Hostname",
    "Image",
    "Labels",
    "mask",
    "MaskedPaths",
    "Name",
    "OnBuild",
    "PathInContainer",
    "pod_create_command",
    "raw_image_name",
    "ReadonlyPaths",
    "secret_env",
    "Shell",
    "startupHealthConfig",
    "StopSignal",
    "Target",
    "unmask",
    "User",
    "Volumes",
    "work_dir",
    "WorkingDir",
];

/// A text that is, or may contain, a path of the host.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Named {
    /// The path.
    pub path: String,
    /// The keys that lead to it.
    pub field: String,
}

/// All paths in a body, except in values for which `is_known` returns true.
///
/// # Errors
/// If the engine might read the body differently, or if there are more than `most` paths.
pub(super) fn paths(
    body: &str,
    most: usize,
    is_known: &impl Fn(&str) -> bool,
) -> Result<Vec<Named>, Unreadable> {
    let mut sweep = Sweep { found: Vec::new(), most, is_known };
    sweep.value(body, "", DEEPEST)?;
    Ok(sweep.found)
}

/// The paths in a text: everything that starts with a slash at the beginning or after a character
/// that separates words in driver options, addresses and hand-written files.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| letter.is_whitespace() || ":=,;\"'[]{}".contains(letter));
    words.filter(|word| word.starts_with('/'))
}

struct Sweep<'a, F> {
    found: Vec<Named>,
    most: usize,
    is_known: &'a F,
}

impl<F: Fn(&str) -> bool> Sweep<'_, F> {
    fn value(&mut self, value: &str, field: &str, depth: usize) -> Result<(), Unreadable> {
        // Without a slash or a backslash there is no path.
        if !value.contains(['/', '\\']) || (self.is_known)(value) {
            return Ok(());
        }
        let depth = depth.checked_sub(1).ok_or(Unreadable::Much)?;
        for (key, value) in entries(value)? {
            if !HARMLESS.iter().any(|name| is_key(&key, name)) {
                let field = if field.is_empty() { key } else { format!("{field}.{key}") };
                self.value(value, &field, depth)?;
            }
        }
        for item in items(value)? {
            self.value(item, field, depth)?;
        }
        for path in text(value)?.iter().flat_map(|text| words(text)) {
            if self.found.len() >= self.most {
                return Err(Unreadable::Much);
            }
            self.found.push(Named { path: path.to_owned(), field: field.to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Result<Vec<String>, Unreadable> {
        let named = paths(body, 5, &|value| value == "\"/known\"")?;
        Ok(named.into_iter().map(|one| format!("{} {}", one.field, one.path)).collect())
    }

    #[test]
    fn paths_are_found_anywhere_except_in_the_programs_own_fields() {
        let body = r#"{"Image":"/i","Cmd":["/c"],"HostConfig":{"Devices":[{"PathOnHost":"/d",
            "PathInContainer":"/e"}],"LogConfig":{"Config":{"syslog-address":"unix:///run/s"}},
            "Mounts":[{"VolumeOptions":{"DriverConfig":{"Options":{"device":"\/run","o":"lowerdir=/a:/b"}}}}],
            "Known":"/known"}} {"Else":"/x"}"#;
        let expected = [
            "HostConfig.Devices.PathOnHost /d",
            "HostConfig.LogConfig.Config.syslog-address ///run/s",
            "HostConfig.Mounts.VolumeOptions.DriverConfig.Options.device /run",
            "HostConfig.Mounts.VolumeOptions.DriverConfig.Options.o /a",
            "HostConfig.Mounts.VolumeOptions.DriverConfig.Options.o /b",
        ];
        assert_eq!(found(body).unwrap(), expected);
    }

    #[test]
    fn too_many_paths_and_broken_text_are_errors() {
        assert_eq!(found("[\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\"]"), Err(Unreadable::Much));
        let deep = format!("{}\"/x\"{}", "[".repeat(20), "]".repeat(20));
        assert_eq!(found(&deep), Err(Unreadable::Much));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(found(&deep), Ok(Vec::new()));
        assert_eq!(found("{\"a\":\"/\\udce9\"}"), Err(Unreadable::Json));
        assert_eq!(found("{\"Labels\":{\"a\":\"/\\udce9\"}}"), Ok(Vec::new()));
    }
}
