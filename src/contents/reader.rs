//! How a value becomes facts.

use super::mark::{IMAGE_OWNER_LABEL, OWNER_LABEL, is_mark};
use super::mounts::{bind, checked_path, mount, volume, volumes_from};
use super::reading::{Reading, Subject, odd};
use super::{Json, Unreadable, filters, host, image, libpod, network, process};

/// What makes facts of a value. The data file names one for each value that gives something away.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    /// A text is a fact, with a word before it: `pid=host`.
    Text(&'static str),
    /// A value that is true is a fact of this word.
    Flag(&'static str),
    /// Each key of a map is a fact, with a word before it.
    Keys(&'static str),
    /// Any value but null is a fact of this word, also an empty list.
    Set(&'static str),
    /// A value that says something is a fact of this word.
    Filled(&'static str),
    /// A namespace of podman's: a mode and a value, with a word before them.
    Namespace(&'static str),
    /// The filters of a list or a prune. Without them, it is about everything. The label is that by which the
    /// engine can tell the objects of an owner apart.
    Filters(Option<&'static str>),
    /// The namespaces of a build. Without them, podman takes the network of the host.
    BuildNamespaces,
    /// A value of its own kind.
    Special(Special),
}

/// A reader of one kind of value: adds what the value gives away, and may take out of it what only
/// the engine could compare.
type Special = fn(&mut Reading<'_>, &Subject, &mut Json, &str) -> Result<(), Unreadable>;

impl Reader {
    /// Parses the word of the data file.
    pub(super) fn parse(text: &'static str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let special: Special = match word {
            "text" => return Some(Self::Text(rest)),
            "flag" => return Some(Self::Flag(rest)),
            "keys" => return Some(Self::Keys(rest)),
            "set" => return Some(Self::Set(rest)),
            "filled" => return Some(Self::Filled(rest)),
            "bind" => bind,
            "mount" => mount,
            "volume" => volume,
            "volumes-from" => volumes_from,
            "path" => checked_path,
            "network-mode" => network::mode,
            "endpoints" => network::endpoints,
            "endpoint" => network::endpoint_of_connection,
            "port-bindings" => network::port_binding,
            "capability" => process::capability,
            "security-opt" => process::security_option,
            "device" => host::device,
            "device-request" => host::device_request,
            "log-config" => host::log_config,
            "image" => image::image,
            "tagged-image" => image::tagged_image,
            "url" => image::url,
            "prune" | "list" => return Some(Self::Filters(owner_filter(rest))),
            "link" => network::link,
            "container" => network::container,
            "cgroup-parent" => host::cgroup_parent,
            "registry" => image::registry,
            "changes" => image::changes,
            "service-ports" => network::service_port,
            "assignment" => image::assignment,
            "libpod-mount" => libpod::mount,
            "libpod-volume" => libpod::volume,
            "libpod-overlay" => libpod::overlay,
            "libpod-device-rule" => libpod::device_rule,
            "libpod-ports" => libpod::port,
            "libpod-networks" => libpod::networks,
            "nsoptions" => return Some(Self::BuildNamespaces),
            "build-output" => libpod::build_output,
            "libpod-namespace" => return Some(Self::Namespace(rest)),
            _ => return None,
        };
        Some(Self::Special(special))
    }

    /// Whether it reads a list or a map as a whole, and not each item.
    pub(super) fn reads_whole(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Filled(_) | Self::Keys(_) | Self::Filters(_))
    }

    /// Whether a value that is missing says something, too.
    pub(super) fn reads_absent(&self) -> bool {
        matches!(self, Self::Filters(_) | Self::BuildNamespaces)
    }
}

/// The label by which the engine can tell the objects of an owner apart, in the word of the data file.
fn owner_filter(word: &str) -> Option<&'static str> {
    match word {
        "own" => Some(OWNER_LABEL),
        "own-image" => Some(IMAGE_OWNER_LABEL),
        _ => None,
    }
}

/// How a value becomes facts.
#[derive(Clone, Debug)]
pub(super) struct Reads {
    /// What the facts are about.
    pub(super) subject: Subject,
    /// What makes facts of it.
    pub(super) reader: Reader,
}

impl Reading<'_> {
    /// Adds what a value gives away. `field` is its path.
    pub(super) fn apply(
        &mut self,
        reads: &Reads,
        value: &mut Json,
        field: &str,
    ) -> Result<(), Unreadable> {
        let subject = &reads.subject;
        if let Reader::Filters(_) = reads.reader {
            // Engines take null for no filters.
            return filters::read(self, subject.facet, value, field);
        }
        if *value == Json::Null {
            return Ok(());
        }
        match &reads.reader {
            Reader::Text(prefix) => match value {
                Json::Text(text) if !text.is_empty() && !subject.is_harmless(text) => {
                    let text = text.clone();
                    self.add_named(subject.facet, prefix, &text, field)
                }
                _ => Ok(()),
            },
            Reader::Flag(word) if *value == Json::Flag(true) => self.add_word(subject, word, field),
            Reader::Filled(word) if !value.is_empty() => self.add_word(subject, word, field),
            Reader::Set(word) => {
                // Clients that copy an inspection send the engine's own list.
                let has = |one: &&str| value.items().iter().any(|item| item.text() == Some(one));
                match !subject.harmless.is_empty() && subject.harmless.iter().all(has) {
                    true => Ok(()),
                    false => self.add_word(subject, word, field),
                }
            }
            Reader::Namespace(word) => libpod::namespace(self, subject, word, value, field),
            Reader::BuildNamespaces => libpod::build_namespaces(self, subject, value, field),
            Reader::Keys(prefix) => {
                // podman joins keys and values with "=" and takes them apart again.
                if value.entries().iter().any(|(key, _)| key.contains('=')) {
                    return Err(odd(field, "a map whose keys have no \"=\""));
                }
                let of_map = value.entries().iter().map(|(key, _)| key.as_str());
                // A query spells a map as a list of keys and values.
                let of_list = value.items().iter().filter_map(Json::text);
                let of_list = of_list.map(|item| item.split_once('=').map_or(item, |(key, _)| key));
                for key in of_map.chain(of_list) {
                    // dsp itself sets the value of these, but not on the volumes that a create makes.
                    let is_of_object = !field.contains("VolumeOptions");
                    let is_set = self.context.owner.is_some() && is_mark(key) && is_of_object;
                    if !subject.is_harmless(key) && !is_set {
                        self.add_named(subject.facet, prefix, key, field)?;
                    }
                }
                Ok(())
            }
            Reader::Flag(_) | Reader::Filled(_) | Reader::Filters(_) => Ok(()),
            // A query spells a list as JSON.
            Reader::Special(read) => match value {
                Json::List(items) => {
                    items.iter_mut().try_for_each(|item| read(self, subject, item, field))
                }
                value => read(self, subject, value, field),
            },
        }
    }
}
