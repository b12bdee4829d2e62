//! The paths that a body asks to be mounted, in each place where an engine looks for them.

use std::collections::BTreeSet;

use super::json::{Unreadable, entries, is_key, items, text, under};

/// What else a mount has. podman 6 may take any other key for one that counts, by its hash.
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

/// The body that a request has, which says where in it the mounts are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A container of Docker's API: `Binds` and `Mounts` of `HostConfig`, or of the body itself, where
    /// engines up to 26.1 have them too when `HostConfig` is missing or null.
    Container,
    /// A container of podman's own API: `mounts`.
    Libpod,
    /// A pod of podman, whose containers all have its `mounts`.
    Pod,
    /// A service of a swarm: `TaskTemplate.ContainerSpec.Mounts`.
    Service,
    /// A volume, whose driver may bind a folder.
    Volume,
}

/// A path that is mounted.
pub(super) struct Source<'a> {
    pub(super) path: String,
    /// The JSON text that holds it.
    pub(super) value: &'a str,
    /// What follows the path in that text, once it is read: nothing, or a colon and more.
    pub(super) rest: String,
    /// The JSON text of the whole mount.
    pub(super) item: &'a str,
    /// Where it is mounted.
    pub(super) target: Option<String>,
    /// What is mounted below it is not mounted on the host too, and no engine reads anything else in its
    /// place, or has another one at its number in the list.
    is_plain: bool,
}

impl Source<'_> {
    /// The place in the container into which more can be mounted, without a slash at its end.
    pub(super) fn inside(&self) -> Option<String> {
        let target = self.target.as_deref().filter(|target| target.starts_with('/'));
        target.filter(|_| self.is_plain).map(trimmed)
    }
}

/// A path without what says nothing at its end.
pub(super) fn trimmed(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// The name that the body gives to what is made, where its query does not.
#[must_use]
pub fn name(body: &[u8], form: Form) -> Option<String> {
    let key = match form {
        // Docker has it in the query.
        Form::Container => return None,
        Form::Libpod | Form::Pod | Form::Service | Form::Volume => "name",
    };
    let body = std::str::from_utf8(body).ok()?;
    let names = under(body, key).ok()?;
    text(names.last()?).ok()?.filter(|name| !name.is_empty())
}

/// What is in the lists of mounts.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// In the order of the body.
    pub(super) sources: Vec<Source<'a>>,
    /// Where the values are of which all is known: where their text begins.
    pub(super) known: BTreeSet<usize>,
}

/// Looks into the lists that such a body has.
pub(super) fn find(body: &str, form: Form) -> Result<Found<'_>, Unreadable> {
    let mut found = Found::default();
    match form {
        Form::Container => {
            let mut hosts = under(body, "HostConfig")?;
            hosts.push(body);
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

    /// The sources of all mounts that objects have under a name; `target` is the key that says where. Of
    /// any kind, where a mount's options may make it a bind.
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

/// The items of the lists that objects have under a name, and whether it is one list. What an item of a
/// second one does not say, an engine leaves as it is in the first.
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

/// `{"Type": "bind", "Source": ..., "Target": ...}`, with the key that says where. Which of equal keys
/// counts, engines do not agree on: one of them may say that it is a bind. A mount without a type may
/// have it from the same place in another list.
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
        // Of several targets none is sure.
        source.target = if let [target] = &*targets { target.clone() } else { None };
        source.is_plain = is_plain;
    }
    let kinds: Vec<&str> = kinds.iter().flatten().map(String::as_str).collect();
    let is_bind = is_any || !is_one || kinds.is_empty() || kinds.contains(&"bind");
    Ok(if is_bind { found } else { Vec::new() })
}
