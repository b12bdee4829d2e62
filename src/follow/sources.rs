//! Finds the mounted paths in a body, in every field that an engine reads.

use std::collections::BTreeSet;

use super::json::{Unreadable, entries, is_key, items, text, under};

/// The other keys of a mount. podman 6 may take any further key for a known one, by its hash.
const SETTINGS: [&str; 10] = [
    "BindOptions",
    "ClusterOptions",
    "Consistency",
    "gidMappings",
    "ImageOptions",
    "options",
    "ReadOnly",
    "TmpfsOptions",
    "uidMappings",
    "VolumeOptions",
];

/// The kind of body, which determines the fields with mounts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A container in Docker's API: `Binds` and `Mounts` in `HostConfig`. Engines up to 26.1 also
    /// read them from the body itself if `HostConfig` is missing or null.
    Container,
    /// A container in podman's own API: `mounts`.
    Libpod,
    /// A podman pod, whose `mounts` apply to all of its containers.
    Pod,
    /// A swarm service: `TaskTemplate.ContainerSpec.Mounts`.
    Service,
    /// A volume, whose driver may bind a folder.
    Volume,
}

/// A mounted path.
pub(super) struct Source<'a> {
    pub(super) path: String,
    /// The JSON text that contains it.
    pub(super) value: &'a str,
    /// What follows the path in the decoded text: nothing, or a colon and more.
    pub(super) rest: String,
    /// The JSON text of the whole mount.
    pub(super) item: &'a str,
    /// Its target in the container.
    pub(super) target: Option<String>,
    /// Whether mounts below it do not appear on the host, and every engine reads this mount and its
    /// neighbours the same way, at the same index of the list.
    is_plain: bool,
}

impl Source<'_> {
    /// The folder in the container in which more can be mounted, without a trailing slash.
    pub(super) fn inside(&self) -> Option<String> {
        let target = self.target.as_deref().filter(|target| target.starts_with('/'));
        target.filter(|_| self.is_plain).map(trimmed)
    }
}

/// A path without redundant components at its end.
pub(super) fn trimmed(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// The name in the body for the new object, for requests whose query does not have it.
#[must_use]
pub fn name(body: &[u8], form: Form) -> Option<String> {
    let key = match form {
        // Docker takes it from the query.
        Form::Container => return None,
        Form::Libpod | Form::Pod | Form::Service | Form::Volume => "name",
    };
    let body = std::str::from_utf8(body).ok()?;
    let names = under(body, key).ok()?;
    text(names.last()?).ok()?.filter(|name| !name.is_empty())
}

/// The contents of the lists of mounts.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// In the order of the body.
    pub(super) sources: Vec<Source<'a>>,
    /// Where the text of each fully understood value starts.
    pub(super) known: BTreeSet<usize>,
}

/// Examines the lists that a body of this form has.
pub(super) fn find(body: &str, form: Form) -> Result<Found<'_>, Unreadable> {
    let mut found = Found::default();
    // Whether some engines read mounts that others do not.
    let mut differs = false;
    match form {
        Form::Container => {
            let mut hosts = under(body, "HostConfig")?;
            hosts.push(body);
            differs = is_read_differently(body, &hosts)?;
            found.binds(&hosts)?;
            found.mounts(&hosts, "Mounts", "Target", false)?;
        }
        Form::Libpod | Form::Pod => found.mounts(&[body], "mounts", "Destination", true)?,
        Form::Service => {
            let mut specs = Vec::new();
            for task in under(body, "TaskTemplate")? {
                specs.extend(under(task, "ContainerSpec")?);
            }
            found.mounts(&specs, "Mounts", "Target", false)?;
        }
        Form::Volume => {}
    }
    if differs {
        // A mount that covers the socket for one engine may be missing for another one.
        for source in &mut found.sources {
            source.is_plain = false;
        }
    }
    found.sources.sort_by_key(|source| source.value.as_ptr());
    let values = found.sources.iter().map(|source| source.value.as_ptr().addr());
    found.known.extend(values);
    Ok(found)
}

impl<'a> Found<'a> {
    fn binds(&mut self, objects: &[&'a str]) -> Result<(), Unreadable> {
        let (items, is_one) = all(objects, "Binds")?;
        for value in items {
            self.sources.extend(bind(value, is_one)?);
            self.known.insert(value.as_ptr().addr());
        }
        Ok(())
    }

    /// The sources of all mounts that the objects have under a name, where `target` is the key of
    /// the target. The type is ignored, because the options of a mount can make it a bind.
    fn mounts(
        &mut self,
        objects: &[&'a str],
        name: &str,
        target: &str,
        is_any: bool,
    ) -> Result<(), Unreadable> {
        let (items, is_one) = all(objects, name)?;
        for value in items {
            self.sources.extend(mount(value, target, is_one, is_any)?);
        }
        Ok(())
    }
}

/// Whether more than one of the objects has mounts, or has them under a key that only some engines
/// take for the field.
fn is_read_differently(body: &str, hosts: &[&str]) -> Result<bool, Unreadable> {
    let is_odd = |key: &str, name: &str| !key.is_ascii() && is_key(key, name);
    let mut is_odd_key = entries(body)?.iter().any(|(key, _)| is_odd(key, "HostConfig"));
    let mut with_mounts = 0;
    for host in hosts {
        let mut has_mounts = false;
        for (key, value) in entries(host)? {
            if ["Binds", "Mounts"].iter().any(|name| is_key(&key, name)) {
                has_mounts |= !items(value)?.is_empty();
                is_odd_key |= !key.is_ascii();
            }
        }
        with_mounts += usize::from(has_mounts);
    }
    Ok(is_odd_key || with_mounts > 1)
}

/// The items of the lists that the objects have under a name, and whether there is only one list.
/// If an item of a second list omits a field, the engine keeps the value from the first.
fn all<'a>(objects: &[&'a str], name: &str) -> Result<(Vec<&'a str>, bool), Unreadable> {
    let (mut all, mut lists) = (Vec::new(), 0);
    for object in objects {
        for list in under(object, name)? {
            let items = items(list)?;
            lists += usize::from(!items.is_empty());
            all.extend(items);
        }
    }
    Ok((all, lists <= 1))
}

/// `SOURCE:DESTINATION[:OPTIONS]`. A source that is not a path is the name of a volume.
fn bind(value: &str, is_one: bool) -> Result<Option<Source<'_>>, Unreadable> {
    let Some(bind) = text(value)? else { return Ok(None) };
    let parts = bind.find(':').and_then(|colon| bind.split_at_checked(colon));
    let paths = parts.filter(|(path, _)| path.starts_with('/'));
    Ok(paths.map(|(path, rest)| {
        let mut words = rest.split(':').skip(1);
        let target = words.next().map(str::to_owned);
        let is_plain = is_one && !words.any(|options| options.contains("shared"));
        let (path, rest) = (path.to_owned(), rest.to_owned());
        Source { path, value, rest, item: value, target, is_plain }
    }))
}

/// `{"Type": "bind", "Source": ..., "Target": ...}`, where `target` is the key of the target.
/// Engines disagree on which of several equal keys counts, so the type is a bind if any of them
/// says so. A mount without a type may inherit it from the same index of another list.
fn mount<'a>(
    value: &'a str,
    at: &str,
    is_one: bool,
    is_any: bool,
) -> Result<Vec<Source<'a>>, Unreadable> {
    let (mut kinds, mut targets, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sources, mut is_known) = (0, true);
    let item = value.trim_ascii();
    for (key, value) in entries(value)? {
        // Only some engines fold other letters into the names of fields.
        is_known &= key.is_ascii();
        if is_key(&key, "Type") {
            kinds.push(text(value)?);
        } else if is_key(&key, at) {
            targets.push(text(value)?);
        } else if is_key(&key, "Source") {
            sources += 1;
            let rest = String::new();
            found.extend(text(value)?.map(|path| Source {
                path,
                value,
                rest,
                item,
                target: None,
                is_plain: false,
            }));
        } else {
            is_known &= SETTINGS.iter().any(|name| is_key(&key, name));
        }
    }
    let is_shared = item.contains('\\') || item.to_ascii_lowercase().contains("shared");
    let is_bind = matches!(&*kinds, [Some(kind)] if kind == "bind");
    let is_plain = is_one && is_bind && sources == 1 && is_known && !is_shared;
    for source in &mut found {
        // With several targets, none is certain.
        source.target = if let [target] = &*targets { target.clone() } else { None };
        source.is_plain = is_plain;
    }
    let kinds: Vec<&str> = kinds.iter().flatten().map(String::as_str).collect();
    let is_bind = is_any || !is_one || kinds.is_empty() || kinds.contains(&"bind");
    Ok(if is_bind { found } else { Vec::new() })
}
