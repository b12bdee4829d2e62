//! What podman's own API gives away: its fields have forms of their own (podman `pkg/specgen`).

use super::mounts::object;
use super::reading::{Reading, Subject, odd};
use super::sockets::Mounted;
use super::unreadable::NAMEABLE;
use super::{Facet, Json, Unreadable, fact, network};

/// An item of `mounts`: what the runtime mounts (OCI runtime specification, `mounts`).
pub(super) fn mount(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let options = options_of(value, "options");
    let kind = value.text_of("type");
    let is_bind =
        kind == "bind" || options.iter().any(|option| matches!(*option, "bind" | "rbind"));
    for list in ["uidMappings", "gidMappings"] {
        if value.field(list).is_some_and(|list| !list.is_empty()) {
            reading.add(Facet::Mounts, "mapped".to_owned(), field)?;
        }
    }
    match kind {
        _ if is_bind || kind.is_empty() => {
            let (source, target) = (value.text_of("source"), value.text_of("destination"));
            match reading.mounted_at(source, &options, target, field)? {
                Mounted::AsAsked => {}
                Mounted::Instead(path) => value.set_text("source", path),
                Mounted::Beside(path, targets) => {
                    reading.more.extend(targets.into_iter().map(|target| {
                        object([("type", "bind"), ("source", &path), ("destination", &target)])
                    }))
                }
            }
            Ok(())
        }
        "tmpfs" | "ramfs" => Ok(()),
        kind => reading.add_named(Facet::Mounts, "type", kind, field),
    }
}

/// An item of `volumes`.
pub(super) fn volume(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value.text_of("Name") {
        "" => Ok(()),
        name => reading.mounted(name, &options_of(value, "Options"), field),
    }
}

/// An item of `overlay_volumes`: a folder below a layer that takes the changes, perhaps in folders of the
/// host.
pub(super) fn overlay(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let mut further = Vec::new();
    for option in options_of(value, "options") {
        match option.split_once('=') {
            Some(("upperdir" | "workdir", path)) => reading.mounted(path, &[], field)?,
            _ => further.push(option),
        }
    }
    further.push("ro");
    reading.mounted(value.text_of("source"), &further, field)
}

/// An item of `device_cgroup_rule`, in the spelling of Docker's API.
pub(super) fn device_rule(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    if !value.is_set("allow") {
        return Ok(());
    }
    let number = |name: &str| match value.field(name) {
        Some(Json::Integer(number)) if *number >= 0 => number.to_string(),
        _ => "*".to_owned(),
    };
    let kind = match value.text_of("type") {
        "" => "a",
        kind => kind,
    };
    let (kind, access) = (fact::escaped(kind, &[]), fact::escaped(value.text_of("access"), &[]));
    let rule = format!("rule={kind} {}:{} {access}", number("major"), number("minor"));
    reading.add(Facet::Devices, rule.trim().to_owned(), field)
}

/// An item of `portmappings`.
pub(super) fn port(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let number = |name: &str| match value.field(name) {
        Some(Json::Integer(number)) => *number,
        _ => 0,
    };
    let (first, more) = (number("host_port"), number("range"));
    let ports = match more {
        0 | 1 => first.to_string(),
        more => format!("{first}-{}", first.saturating_add(more - 1)),
    };
    let fact = network::port(value.text_of("host_ip"), &ports, field)?;
    reading.add(Facet::Ports, fact, field)
}

/// `Networks`: networks by name, with what the container is in each.
pub(super) fn networks(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    for (name, options) in value.entries() {
        if !subject.is_harmless(name) {
            reading.joined(name, field)?;
        }
        for (list, word) in [("aliases", "alias"), ("static_ips", "address")] {
            for item in options.field(list).map(Json::items).unwrap_or_default() {
                reading.add_named(Facet::Network, word, item.text().unwrap_or_default(), field)?;
            }
        }
        for (key, _) in options.field("options").map(Json::entries).unwrap_or_default() {
            reading.add_named(Facet::Network, "option", key, field)?;
        }
        match options.text_of("static_mac") {
            "" => {}
            address => reading.add_named(Facet::Network, "mac", address, field)?,
        }
    }
    Ok(())
}

/// A namespace: `{"nsmode": "container", "value": "web"}` is `pid=container:web`.
pub(super) fn namespace(
    reading: &mut Reading<'_>,
    subject: &Subject,
    word: &str,
    value: &Json,
    field: &str,
) -> Result<(), Unreadable> {
    let (mode, target) = (value.text_of("nsmode"), value.text_of("value"));
    let is_harmless = mode.is_empty() || subject.is_harmless(mode);
    match (is_harmless, target) {
        (true, "") => Ok(()),
        (_, "") if word.is_empty() => reading.joined(mode, field),
        (_, "") => reading.add_named(subject.facet, word, mode, field),
        (_, target) => {
            let word = if word.is_empty() { "mode" } else { word };
            reading.add_named(subject.facet, word, &format!("{mode}:{target}"), field)
        }
    }
}

/// `nsoptions` of a build, a list; an object stands for a query without it, as Docker's clients send it. podman
/// then runs the steps in the network of the host (podman `pkg/api/handlers/compat/images_build.go`).
pub(super) fn build_namespaces(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value {
        Json::List(items) => {
            items.iter().try_for_each(|item| namespace_option(reading, subject, item, field))
        }
        Json::Object(entries) if entries.is_empty() => {
            reading.add_named(subject.facet, "network", "host", field)
        }
        _ => Err(odd(field, "a list of namespaces")),
    }
}

/// An item of `nsoptions`: a namespace of the host, or of a file.
fn namespace_option(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &Json,
    field: &str,
) -> Result<(), Unreadable> {
    let name = value.text_of("Name");
    if name.is_empty() {
        return Err(odd(field, "a namespace with its name"));
    }
    let target = match (value.is_set("Host"), value.text_of("Path")) {
        (true, _) => "host".to_owned(),
        (false, "") => return Ok(()),
        (false, path) => format!("path:{path}"),
    };
    reading.add_named(subject.facet, &fact::escaped(name, &['=']), &target, field)
}

/// The attributes of a build's result that a rule can name. Others may be credentials for a registry.
const OUTPUT_ATTRIBUTES: [&str; 4] = ["dest", "name", "push", "type"];

/// Where the result of a build goes: a path, or attributes such as `type=local,dest=/srv`.
pub(super) fn build_output(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default();
    let mut attributes = text.split(',').filter(|_| text.contains('='));
    let is_named = |attribute: &str| {
        let (key, _) = attribute.split_once('=').unwrap_or((attribute, ""));
        OUTPUT_ATTRIBUTES.contains(&key)
    };
    if !attributes.all(is_named) {
        return Err(odd(field, NAMEABLE));
    }
    match text {
        "" => Ok(()),
        text => reading.add_named(subject.facet, "output", text, field),
    }
}

/// The texts of a list.
fn options_of<'a>(value: &'a Json, list: &str) -> Vec<&'a str> {
    value.field(list).map(Json::items).unwrap_or_default().iter().filter_map(Json::text).collect()
}
