//! A host file as written, before its values are checked.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::yaml::{FileKind, Spanned};

/// How errors speak of a host file.
pub(super) const KIND: FileKind = FileKind {
    name: "a host file",
    the_name: "the host file",
    parts: "programs",
    twice: "join the two",
    list: "write one item per line, each after \"- \"",
    origin: "dsp serve --help",
    keys: &[
        "version",
        "engine",
        "control",
        "metrics",
        "grace",
        "body_timeout",
        "max_connections",
        "require_reviewed",
        "programs",
    ],
    keys_inside: &[
        "profile",
        "listen",
        "clients",
        "own",
        "audit",
        "require_reviewed",
        "drop_denied",
        "audit_log",
        "audit_log_optional",
        "address",
        "mode",
        "owner",
        "group",
        "allow_host",
        "insecure_tcp",
        "tls_cert",
        "tls_key",
        "tls_client_ca",
        "user",
        "container",
        "unit",
        "login",
        "certificate",
    ],
    needed: &[
        ("programs", "programs: { traefik: { profile: builtin:traefik } }"),
        ("profile", "profile: builtin:traefik"),
        ("address", "address: unix:///run/dsp/traefik.sock"),
    ],
};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "version")]
    _version: u64,
    pub(super) engine: Option<Spanned<String>>,
    pub(super) control: Option<Spanned<String>>,
    pub(super) metrics: Option<Spanned<String>>,
    pub(super) grace: Option<u64>,
    pub(super) body_timeout: Option<u64>,
    pub(super) max_connections: Option<Spanned<usize>>,
    #[serde(default)]
    pub(super) require_reviewed: bool,
    pub(super) programs: Spanned<Programs>,
}

/// The programs, by their names.
pub(super) type Programs = IndexMap<Spanned<String>, ProgramFile>;

/// A program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramFile {
    pub(super) profile: Spanned<String>,
    pub(super) listen: Option<Spanned<Listen>>,
    pub(super) clients: Option<Spanned<Vec<Spanned<ClientFile>>>>,
    pub(super) own: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) audit: bool,
    pub(super) require_reviewed: Option<bool>,
    pub(super) drop_denied: Option<Spanned<bool>>,
    pub(super) audit_log: Option<Spanned<String>>,
    pub(super) audit_log_optional: Option<Spanned<bool>>,
}

/// A rule about clients. It has one of the keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientFile {
    pub(super) user: Option<Spanned<String>>,
    pub(super) group: Option<Spanned<String>>,
    pub(super) container: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) login: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<String>>,
    pub(super) certificate: Option<Spanned<String>>,
}

/// Where a program connects.
pub(super) enum Listen {
    /// One socket, without a list around it.
    One(SocketFile),
    /// A list.
    Many(Vec<Spanned<SocketFile>>),
}

/// A socket: an address, or an address with who may use it.
pub(super) enum SocketFile {
    Address(String),
    Settings(Box<SocketSettingsFile>),
}

/// A socket with who may use it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SocketSettingsFile {
    pub(super) address: Spanned<String>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) owner: Option<Spanned<String>>,
    pub(super) group: Option<Spanned<String>>,
    pub(super) allow_host: Option<Vec<Spanned<String>>>,
    pub(super) insecure_tcp: Option<Spanned<bool>>,
    pub(super) tls_cert: Option<Spanned<String>>,
    pub(super) tls_key: Option<Spanned<String>>,
    pub(super) tls_client_ca: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListenVisitor)
    }
}

struct ListenVisitor;

impl<'de> Visitor<'de> for ListenVisitor {
    type Value = Listen;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an address such as unix:///run/dsp/app.sock, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listen, E> {
        SocketVisitor.visit_str(text).map(Listen::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
        SocketVisitor.visit_map(map).map(Listen::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listen, A::Error> {
        let mut sockets = Vec::new();
        while let Some(socket) = list.next_element()? {
            sockets.push(socket);
        }
        Ok(Listen::Many(sockets))
    }
}

impl<'de> Deserialize<'de> for SocketFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SocketVisitor)
    }
}

struct SocketVisitor;

impl<'de> Visitor<'de> for SocketVisitor {
    type Value = SocketFile;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an address, or { address: unix:///run/dsp/app.sock, mode: \"660\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SocketFile, E> {
        Ok(SocketFile::Address(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SocketFile, A::Error> {
        let settings = SocketSettingsFile::deserialize(MapAccessDeserializer::new(map))?;
        Ok(SocketFile::Settings(Box::new(settings)))
    }
}
