//! Paths of the host in a body, wherever they are.
//!
//! An engine mounts more than the lists of mounts say: a volume's driver binds a folder, a log driver
//! connects to a socket, a root file system is a folder. And podman 6 knows the keys of small objects
//! by a hash alone, so that a key of any spelling may be the one that counts. What is found here is not
//! replaced, for nobody knows what it is for; but it is told.

use super::json::{Unreadable, entries, is_key, items, text};

/// Deeper than any body that an engine reads.
const DEEPEST: usize = 16;

/// Fields whose text is the program's own, or a path in the container, in every engine.
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

/// A text that may be, or hold, a path of the host.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Named {
    /// The path.
    pub path: String,
    /// The keys on the way to it.
    pub field: String,
}

/// All paths in a body but those in values that `is_known`.
///
/// # Errors
/// A body that the engine may read otherwise, or that has more than `most` paths.
pub(super) fn paths(
    body: &str,
    most: usize,
    is_known: &impl Fn(&str) -> bool,
) -> Result<Vec<Named>, Unreadable> {
    let mut sweep = Sweep { found: Vec::new(), most, is_known };
    sweep.value(body, "", DEEPEST)?;
    Ok(sweep.found)
}

/// The paths in a text: what begins with a slash after what separates words in options of drivers, in
/// addresses and in files of people.
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
        // Without a slash, or what may be one, there is no path.
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
    fn paths_are_found_wherever_they_are_and_what_is_the_programs_own_is_not_looked_at() {
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
    fn what_is_too_much_or_broken_is_told() {
        assert_eq!(found("[\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\"]"), Err(Unreadable::Much));
        let deep = format!("{}\"/x\"{}", "[".repeat(20), "]".repeat(20));
        assert_eq!(found(&deep), Err(Unreadable::Much));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(found(&deep), Ok(Vec::new()));
        assert_eq!(found("{\"a\":\"/\\udce9\"}"), Err(Unreadable::Json));
        assert_eq!(found("{\"Labels\":{\"a\":\"/\\udce9\"}}"), Ok(Vec::new()));
    }
}
