//! How a value becomes facts.

use super::mounts::{bind, checked_path, mount, volume, volumes_from};
use super::node::Reads;
use super::{
    Context, Facet, Facts, Json, Unreadable, fact, host, image, libpod, network, process, prune,
};

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
    /// The filters of a prune. Without them, it is about everything.
    Prune,
    /// A value of its own kind.
    Special(Special),
}

/// A reader of one kind of value: adds what the value gives away, and may take out of it what only
/// the engine could compare.
type Special = fn(&mut Reading<'_>, &Reads, &mut Json, &str) -> Result<(), Unreadable>;

/// A request that is being read.
pub(super) struct Reading<'a> {
    /// What is known besides the request.
    pub(super) context: &'a Context<'a>,
    /// What has been found so far.
    pub(super) facts: &'a mut Facts,
}

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
            "prune" => return Some(Self::Prune),
            "link" => network::link,
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
            "nsoptions" => libpod::namespace_option,
            "build-output" => libpod::build_output,
            "libpod-namespace" => return Some(Self::Namespace(rest)),
            _ => return None,
        };
        Some(Self::Special(special))
    }

    /// Whether it reads a list or a map as a whole, and not each item.
    pub(super) fn reads_whole(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Filled(_) | Self::Keys(_) | Self::Prune)
    }

    /// Whether a value that is missing says something, too.
    pub(super) fn reads_absent(&self) -> bool {
        matches!(self, Self::Prune)
    }
}

impl Reading<'_> {
    /// Adds what a value gives away. `field` is its path.
    pub(super) fn apply(
        &mut self,
        reads: &Reads,
        value: &mut Json,
        field: &str,
    ) -> Result<(), Unreadable> {
        if *value == Json::Null {
            return Ok(());
        }
        match &reads.reader {
            Reader::Text(prefix) => match value {
                Json::Text(text) if !text.is_empty() && !reads.is_harmless(text) => {
                    let text = text.clone();
                    self.add_named(reads.facet, prefix, &text, field)
                }
                _ => Ok(()),
            },
            Reader::Flag(word) if *value == Json::Flag(true) => self.add_word(reads, word, field),
            Reader::Filled(word) if !value.is_empty() => self.add_word(reads, word, field),
            Reader::Set(word) => {
                // Clients that copy an inspection send the engine's own list.
                let has = |one: &&str| value.items().iter().any(|item| item.text() == Some(one));
                match !reads.harmless.is_empty() && reads.harmless.iter().all(|one| has(one)) {
                    true => Ok(()),
                    false => self.add_word(reads, word, field),
                }
            }
            Reader::Namespace(word) => libpod::namespace(self, reads, word, value, field),
            Reader::Prune => prune::filters(self, reads.facet, value, field),
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
                    if !reads.is_harmless(key) {
                        self.add_named(reads.facet, prefix, key, field)?;
                    }
                }
                Ok(())
            }
            Reader::Flag(_) | Reader::Filled(_) => Ok(()),
            // A query spells a list as JSON.
            Reader::Special(read) => match value {
                Json::List(items) => {
                    items.iter_mut().try_for_each(|item| read(self, reads, item, field))
                }
                value => read(self, reads, value, field),
            },
        }
    }

    /// Adds a fact whose value is in canonical spelling.
    pub(super) fn add(
        &mut self,
        facet: Facet,
        value: String,
        field: &str,
    ) -> Result<(), Unreadable> {
        self.facts.add(facet, value, field)
    }

    /// Adds the fact `WORD=VALUE`, or only the value if there is no word.
    pub(super) fn add_named(
        &mut self,
        facet: Facet,
        word: &str,
        value: &str,
        field: &str,
    ) -> Result<(), Unreadable> {
        // Without a word, nothing in a value may look like one.
        let value = match word {
            "" => fact::escaped(value, &['=']),
            word => format!("{word}={}", fact::escaped(value, &[])),
        };
        self.add(facet, value, field)
    }

    fn add_word(&mut self, reads: &Reads, word: &str, field: &str) -> Result<(), Unreadable> {
        let word = if word.is_empty() { "true" } else { word };
        self.add(reads.facet, word.to_owned(), field)
    }
}

impl Reads {
    /// Whether a text gives nothing away.
    pub(super) fn is_harmless(&self, text: &str) -> bool {
        self.harmless.contains(&text)
    }
}

/// The error for a value that no engine takes, or that engines read in different ways.
pub(super) fn odd(field: &str, expected: &'static str) -> Unreadable {
    Unreadable::Value { field: field.to_owned(), expected }
}
