//! What is mounted: folders of the host, volumes, images, and what volume drivers mount
//! (docs/engine-api.md#mounts).

use super::fact::escaped;
use super::path::clean;
use super::reading::{Reading, Subject, odd};
use super::sockets::{Mounted, SOCKET};
use super::{Facet, Json, Unreadable, image};
use crate::text::is_unsafe;

/// Options of a mount that give nothing away: they are the default, or narrow it.
const HARMLESS: [&str; 16] = [
    "",
    "rw",
    "nocopy",
    "copy",
    "consistent",
    "cached",
    "delegated",
    "default",
    "private",
    "rprivate",
    "bind",
    "rbind",
    "exec",
    "noexec",
    "nodev",
    "nosuid",
];

/// The order in which options are spelled. Others come last, sorted.
const ORDER: [&str; 7] = ["ro", "shared", "rshared", "slave", "rslave", "z", "Z"];

/// Characters that end the name in a value.
const ENDS: [char; 2] = [':', ','];

/// An item of `HostConfig.Binds`: `source:target[:options]`, or only a target (moby
/// `volume/mounts/linux_parser.go`).
pub(super) fn bind(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    // podman reads the keys of `Volumes` in the same way.
    if let Json::Object(entries) = value {
        for (key, _) in entries {
            match reading.bound(key, field)? {
                Mounted::AsAsked => {}
                Mounted::Instead(bind) => *key = bind,
                Mounted::Beside(..) => {
                    return Err(odd(field, "a mount of the socket itself, not of its folder"));
                }
            }
        }
        return Ok(());
    }
    match reading.bound(value.text().unwrap_or_default(), field)? {
        Mounted::AsAsked => {}
        Mounted::Instead(bind) => *value = Json::Text(bind),
        Mounted::Beside(path, targets) => {
            let binds = targets.iter().map(|target| Json::Text(format!("{path}:{target}")));
            reading.more.extend(binds);
        }
    }
    Ok(())
}

/// An item of `Mounts`.
pub(super) fn mount(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    // podman joins these texts with commas and takes them apart again.
    let is_odd = |text: &str| text.contains(|one: char| ",\"".contains(one) || is_unsafe(one));
    if texts(value).any(is_odd) {
        return Err(odd(field, "a mount without commas and quotes in it"));
    }
    let source = value.text_of("Source");
    let mut options: Vec<&str> = Vec::new();
    if let Some(bind) = value.field("BindOptions") {
        options.push(bind.text_of("Propagation"));
        if value.is_set("ReadOnly") && !bind.is_set("ReadOnlyNonRecursive") {
            options.push("ro");
        }
    } else if value.is_set("ReadOnly") {
        options.push("ro");
    }
    let volume = value.field("VolumeOptions");
    if let Some(driver) = volume.and_then(|volume| volume.field("DriverConfig")) {
        let entries = driver.field("Options").map(Json::entries).unwrap_or_default();
        reading.driver(driver.text_of("Name"), entries, field)?;
    }
    match value.text_of("Type") {
        "bind" if !source.starts_with('/') => Err(odd(field, "a mount of an absolute path")),
        "bind" => {
            match reading.mounted_at(source, &options, value.text_of("Target"), field)? {
                Mounted::AsAsked => {}
                Mounted::Instead(path) => value.set_text("Source", path),
                Mounted::Beside(path, targets) => {
                    reading.more.extend(targets.into_iter().map(|target| {
                        object([("Type", "bind"), ("Source", &path), ("Target", &target)])
                    }))
                }
            }
            Ok(())
        }
        "volume" | "npipe" if source.is_empty() => Ok(()),
        "volume" if source.starts_with('/') => Err(odd(field, "a mount of a volume by its name")),
        "volume" => reading.mounted(source, &options, field),
        "tmpfs" => Ok(()),
        "image" => {
            let name = image::familiar(source).ok_or_else(|| odd(field, "an image"))?;
            reading.add(Facet::Mounts, format!("image={name}"), field)
        }
        "cluster" => {
            reading.add_named(Facet::Mounts, "type", "cluster", field)?;
            reading.mounted(source, &options, field)
        }
        _ => Err(odd(field, "a mount of a type that dsp knows, in lower case")),
    }
}

/// The body of `POST /volumes/create`: the driver and its options.
pub(super) fn volume(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let name = value.text_of("Driver");
    for options in ["DriverOpts", "Options"] {
        let entries = value.field(options).map(Json::entries).unwrap_or_default();
        reading.driver(name, entries, field)?;
    }
    Ok(())
}

/// An item of `VolumesFrom`: `container[:options]`. All mounts of the other container come with it.
pub(super) fn volumes_from(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default();
    let (container, options) = text.split_once(':').unwrap_or((text, ""));
    let options = options.split(',').collect::<Vec<_>>();
    let value = format!("from={}{}", escaped(container, &ENDS), suffix(&options));
    reading.add(Facet::Mounts, value, field)
}

/// A path in a container, or one that the engine opens on the host.
pub(super) fn checked_path(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value.text() {
        None | Some("") => Ok(()),
        // A path in a container is relative to its root.
        Some(path) => reading.add(subject.facet, escaped(&clean(path), &ENDS), field),
    }
}

impl Reading<'_> {
    /// Adds a mount that is spelled as one text. The path that is mounted instead is the whole text.
    fn bound(&mut self, text: &str, field: &str) -> Result<Mounted, Unreadable> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(odd(field, "a mount such as /source:/target:ro"));
        }
        let (source, target, options) = match parts.as_slice() {
            [_] => return Ok(Mounted::AsAsked),
            [source, target] => (*source, *target, Vec::new()),
            [source, target, options] => (*source, *target, options.split(',').collect()),
            _ => return Err(odd(field, "a mount such as /source:/target:ro")),
        };
        Ok(match self.mounted_at(source, &options, target, field)? {
            Mounted::Instead(path) => {
                Mounted::Instead(path + text.strip_prefix(source).unwrap_or_default())
            }
            other => other,
        })
    }

    /// Adds a mount of a host path or a volume.
    pub(super) fn mounted(
        &mut self,
        source: &str,
        options: &[&str],
        field: &str,
    ) -> Result<(), Unreadable> {
        let name = if source.starts_with('/') {
            let path = clean(source);
            match self.context.sockets.is_some_and(|sockets| sockets.is_own(&path)) {
                true => SOCKET.to_owned(),
                false => escaped(&path, &ENDS),
            }
        } else if is_volume_name(source) {
            source.to_owned()
        } else {
            return Err(odd(field, "a mount of an absolute path or a volume"));
        };
        let suffix = if name == SOCKET { String::new() } else { suffix(options) };
        self.add(Facet::Mounts, name + &suffix, field)
    }

    /// Adds what a volume driver mounts. The local driver passes `type`, `device` and `o` to mount(2)
    /// as root (moby `volume/local/local_unix.go`).
    fn driver(
        &mut self,
        name: &str,
        options: &[(String, Json)],
        field: &str,
    ) -> Result<(), Unreadable> {
        if !matches!(name, "" | "local") {
            return self.add_named(Facet::Mounts, "driver", name, field);
        }
        let option = |key: &str| {
            let found = options.iter().find(|(other, _)| other == key);
            found.and_then(|(_, value)| value.text()).unwrap_or_default()
        };
        let (kind, device) = (option("type"), option("device"));
        let flags: Vec<&str> = option("o").split(',').collect();
        let is_bind = flags.iter().any(|flag| matches!(flag.trim(), "bind" | "rbind"));
        if is_bind && device.starts_with('/') {
            let named = |flag: &&&str| ORDER.contains(*flag);
            let named: Vec<&str> = flags.iter().filter(named).copied().collect();
            let value = escaped(&clean(device), &ENDS) + &suffix(&named);
            return self.add(Facet::Mounts, value, field);
        }
        match (kind, device) {
            ("", "") => Ok(()),
            ("tmpfs", _) if !is_bind => Ok(()),
            ("", _) => self.add_named(Facet::Mounts, "type", "none", field),
            (kind, _) => self.add_named(Facet::Mounts, "type", kind, field),
        }
    }
}

/// An object of texts.
pub(super) fn object(fields: [(&str, &str); 3]) -> Json {
    let field = |(key, text): (&str, &str)| (key.to_owned(), Json::Text(text.to_owned()));
    Json::Object(fields.into_iter().map(field).collect())
}

/// The texts of an object, with those of the objects in it.
fn texts(value: &Json) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Json::Text(text) => Box::new(std::iter::once(text.as_str())),
        Json::Object(entries) => {
            // The options of a driver are not joined with the rest.
            let others = entries.iter().filter(|(key, _)| key != "DriverConfig" && key != "Labels");
            Box::new(others.flat_map(|(_, value)| texts(value)))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// The end of a value: `:ro,rshared`, or nothing.
fn suffix(options: &[&str]) -> String {
    let rank = |option: &&str| ORDER.iter().position(|other| other == option);
    let matters = |option: &&&str| !HARMLESS.contains(*option);
    let mut left: Vec<&str> = options.iter().filter(matters).copied().collect();
    left.sort_by_key(|option| (rank(option).unwrap_or(ORDER.len()), (*option).to_owned()));
    left.dedup();
    if left.is_empty() {
        return String::new();
    }
    let spelled: Vec<String> = left.iter().map(|option| escaped(option, &ENDS)).collect();
    format!(":{}", spelled.join(","))
}

/// Whether a text is the name of a volume (moby `volume/names/names.go`). Other texts start with a
/// word of dsp's own, such as `from=`, or are refused.
fn is_volume_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric()) && bytes.all(is_plain)
}
