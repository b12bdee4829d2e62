//! Networks that are joined, names and addresses in them, and ports of the host.

use std::net::IpAddr;

use super::reading::{Reading, Subject, odd};
use super::{Facet, Json, Unreadable};

/// Networks and modes that every container gets, or fewer than that.
const HARMLESS: [&str; 4] = ["", "default", "bridge", "none"];

/// `HostConfig.NetworkMode`.
pub(super) fn mode(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    reading.joined(value.text().unwrap_or_default(), field)
}

/// `NetworkingConfig.EndpointsConfig`: networks by name, with what the container is in each.
pub(super) fn endpoints(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let Json::Object(entries) = value else { return Ok(()) };
    for (network, endpoint) in entries {
        reading.joined(network, field)?;
        if let Some(other) = other_network(network, endpoint) {
            reading.joined(&other, field)?;
        }
        reading.endpoint(endpoint, field)?;
    }
    Ok(())
}

/// `EndpointConfig` of a connection to the network that the path names.
pub(super) fn endpoint_of_connection(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let network = reading.context.names.first().map(String::as_str).unwrap_or_default();
    if let Some(other) = other_network(network, value) {
        // No network is harmless here: the rule is about the one in the path.
        match is_plain(&other) {
            true => reading.add(Facet::Network, other, field)?,
            false => reading.add_named(Facet::Network, "mode", &other, field)?,
        }
    }
    reading.endpoint(value, field)
}

/// An item of `HostConfig.PortBindings`: `HostIp` and `HostPort`. No address means all addresses, and no
/// port or 0 a free one.
pub(super) fn port_binding(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let fact = port(value.text_of("HostIp"), value.text_of("HostPort"), field)?;
    reading.add(Facet::Ports, fact, field)
}

/// An item of `EndpointSpec.Ports` of a service.
pub(super) fn service_port(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let port = match value.field("PublishedPort") {
        Some(Json::Integer(port)) => *port,
        _ => 0,
    };
    reading.add(Facet::Ports, format!("*:{port}"), field)
}

/// A link to another container: its name, perhaps with an alias.
pub(super) fn link(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let text = value.text().unwrap_or_default();
    let name = text.split(':').next().unwrap_or_default();
    reading.add_named(Facet::Network, "link", name.trim_start_matches('/'), field)
}

/// A container that the request is about: its name, which engines take with a slash before it too, or its ID.
pub(super) fn container(
    reading: &mut Reading<'_>,
    subject: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value.text().unwrap_or_default().trim_start_matches('/') {
        "" => Ok(()),
        name => reading.add_named(subject.facet, "", name, field),
    }
}

/// A published port as `ADDRESS:PORT`, with `*` for all addresses and 0 for a free port.
pub(super) fn port(address: &str, port: &str, field: &str) -> Result<String, Unreadable> {
    let address = match address {
        "" => "*".to_owned(),
        address => match address.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if ip.is_unspecified() => "*".to_owned(),
            Ok(IpAddr::V4(ip)) => ip.to_string(),
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            Err(_) => return Err(odd(field, "an address")),
        },
    };
    let number = |text: &str| text.parse::<u16>().map_err(|_| odd(field, "a port"));
    let port = match port.split_once('-') {
        _ if port.is_empty() => "0".to_owned(),
        None => number(port)?.to_string(),
        Some((first, last)) => format!("{}-{}", number(first)?, number(last)?),
    };
    Ok(format!("{address}:{port}"))
}

/// The right spelling of a port in a rule; `None` if it is none. A star stands for all addresses, or for
/// any port.
pub(super) fn port_of_rule(value: &str) -> Option<String> {
    let (address, number) = value.rsplit_once(':')?;
    let is_any = number == "*";
    let spelled =
        port(if address == "*" { "" } else { address }, if is_any { "0" } else { number }, "")
            .ok()?;
    match spelled.rsplit_once(':') {
        Some((address, _)) if is_any => Some(format!("{address}:*")),
        _ => Some(spelled),
    }
}

impl Reading<'_> {
    /// Adds a network that is joined, or a mode such as `host`.
    pub(super) fn joined(&mut self, network: &str, field: &str) -> Result<(), Unreadable> {
        if HARMLESS.contains(&network) {
            return Ok(());
        }
        let name = network.strip_prefix("container:").unwrap_or(network);
        // Other spellings are modes with options of their own, such as "ns:/proc/1/ns/net", or several
        // names for podman. No star matches them.
        match is_plain(name) {
            true => self.add(Facet::Network, network.to_owned(), field),
            false => self.add_named(Facet::Network, "mode", network, field),
        }
    }

    /// Adds what an endpoint gives away besides its network.
    fn endpoint(&mut self, endpoint: &Json, field: &str) -> Result<(), Unreadable> {
        for alias in endpoint.field("Aliases").map(Json::items).unwrap_or_default() {
            self.add_named(Facet::Network, "alias", alias.text().unwrap_or_default(), field)?;
        }
        for link in endpoint.field("Links").map(Json::items).unwrap_or_default() {
            let name = link.text().unwrap_or_default().split(':').next().unwrap_or_default();
            self.add_named(Facet::Network, "link", name.trim_start_matches('/'), field)?;
        }
        for (key, _) in endpoint.field("DriverOpts").map(Json::entries).unwrap_or_default() {
            self.add_named(Facet::Network, "option", key, field)?;
        }
        if let Some(addresses) = endpoint.field("IPAMConfig") {
            let single = ["IPv4Address", "IPv6Address"].map(|key| addresses.text_of(key));
            let local = addresses.field("LinkLocalIPs").map(Json::items).unwrap_or_default();
            let local = local.iter().filter_map(Json::text);
            for address in single.into_iter().chain(local).filter(|address| !address.is_empty()) {
                self.add_named(Facet::Network, "address", address, field)?;
            }
        }
        match endpoint.text_of("MacAddress") {
            "" => Ok(()),
            address => self.add_named(Facet::Network, "mac", address, field),
        }
    }
}

/// The network that an engine would join instead of the named one: it prefers `NetworkID` to the name
/// (docs/engine-api.md#body-of-a-network-connection). Clients copy the full ID from the description of
/// the network that they name. Only the engine knows whether it is that one, so the full ID is taken
/// out of the body, and the name decides.
fn other_network(network: &str, endpoint: &mut Json) -> Option<String> {
    let id = endpoint.text_of("NetworkID").to_owned();
    if is_full_id(&id) {
        if let Json::Object(entries) = endpoint {
            entries.retain(|(key, _)| key != "NetworkID");
        }
        return None;
    }
    (!id.is_empty() && id != network).then_some(id)
}

/// Whether a text is spelled as the name of a network or a container.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain)
}

/// Whether a text is a full ID, as engines write it.
fn is_full_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
