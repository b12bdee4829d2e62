//! The body of `POST /networks/{id}/connect` of Docker's API.
//!
//! The network in it takes precedence over the one in the path (moby daemon/network.go,
//! `getNetworkID`; docs/engine-api.md#body-of-a-network-connection).

use super::json::{Json, Unreadable};
use super::schema::{Field, Kind, field};

const IPAM: &[Field] = &[
    field("IPv4Address", Kind::Text),
    field("IPv6Address", Kind::Text),
    field("LinkLocalIPs", Kind::List(&Kind::Text)),
];

/// moby `api/types/network/endpoint.go`, `EndpointSettings`.
const ENDPOINT: &[Field] = &[
    field("IPAMConfig", Kind::Object(IPAM)),
    field("Links", Kind::List(&Kind::Text)),
    field("Aliases", Kind::List(&Kind::Text)),
    field("DriverOpts", Kind::Map(&Kind::Text)),
    field("GwPriority", Kind::Integer),
    field(NETWORK_ID, Kind::Text),
    field("EndpointID", Kind::Text),
    field("Gateway", Kind::Text),
    field("IPAddress", Kind::Text),
    field("MacAddress", Kind::Text),
    field("IPPrefixLen", Kind::Integer),
    field("IPv6Gateway", Kind::Text),
    field("GlobalIPv6Address", Kind::Text),
    field("GlobalIPv6PrefixLen", Kind::Integer),
    field("DNSNames", Kind::List(&Kind::Text)),
];

/// moby `api/types/network/network.go`, `ConnectRequest`.
const BODY: Kind =
    Kind::Object(&[field("Container", Kind::Text), field(ENDPOINT_CONFIG, Kind::Object(ENDPOINT))]);

const ENDPOINT_CONFIG: &str = "EndpointConfig";
const NETWORK_ID: &str = "NetworkID";

/// The body of a request that connects a container to a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkConnect(Json);

impl NetworkConnect {
    /// Reads the body.
    ///
    /// # Errors
    /// If the body could be read in two ways, or has an unknown field.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        match BODY.read(Json::read(body)?, "")? {
            body @ Json::Object(_) => Ok(Self(body)),
            _ => Err(Unreadable::Type { field: String::new(), expected: "an object" }),
        }
    }

    /// The network that the engine would connect to instead of the one in the path; `None` if the
    /// body names none.
    #[must_use]
    pub fn network(&self) -> Option<&str> {
        match self.endpoint()?.iter().find(|(key, _)| key == NETWORK_ID)? {
            (_, Json::Text(network)) if !network.is_empty() => Some(network),
            _ => None,
        }
    }

    /// The same body without a network of its own, so that the path decides.
    #[must_use]
    pub fn without_network(mut self) -> Self {
        if let Json::Object(entries) = &mut self.0 {
            for (_, value) in entries.iter_mut().filter(|(key, _)| key == ENDPOINT_CONFIG) {
                if let Json::Object(endpoint) = value {
                    endpoint.retain(|(key, _)| key != NETWORK_ID);
                }
            }
        }
        self
    }

    /// The body as dsp sends it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.0.write(&mut out);
        out
    }

    fn endpoint(&self) -> Option<&[(String, Json)]> {
        let Json::Object(entries) = &self.0 else { return None };
        match entries.iter().find(|(key, _)| key == ENDPOINT_CONFIG)? {
            (_, Json::Object(endpoint)) => Some(endpoint),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> NetworkConnect {
        NetworkConnect::read(body.as_bytes()).unwrap()
    }

    fn written(body: &NetworkConnect) -> String {
        String::from_utf8(body.to_bytes()).unwrap()
    }

    /// What the docker CLI, compose and Watchtower send.
    #[test]
    fn clients_are_understood() {
        let cli = r#"{"Container":"web","EndpointConfig":{"IPAMConfig":{},"Links":null,"Aliases":[],"MacAddress":"","DriverOpts":{},"GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}"#;
        assert_eq!(read(cli).network(), None);
        for body in [r#"{"Container":"web"}"#, r#"{"Container":"web","EndpointConfig":null}"#, "{}"]
        {
            assert_eq!(read(body).network(), None, "{body}");
        }
        let copied = r#"{"Container":"web","EndpointConfig":{"Aliases":["a"],"NetworkID":"3f","Gateway":"172.18.0.1","IPPrefixLen":16}}"#;
        let body = read(copied);
        assert_eq!(body.network(), Some("3f"));
        let expected = r#"{"Container":"web","EndpointConfig":{"Aliases":["a"],"Gateway":"172.18.0.1","IPPrefixLen":16}}"#;
        assert_eq!(written(&body.without_network()), expected);
    }

    #[test]
    fn a_network_is_found_however_it_is_spelled_or_the_body_is_refused() {
        for (body, expected) in [
            (r#"{"endpointconfig":{"networkid":"x"}}"#, Some("x")),
            (r#"{"EndpointConfig":{"NetworkID":null}}"#, None),
            (r#"{"EndpointConfig":{"\u004eetworkID":"x"}}"#, Some("x")),
        ] {
            assert_eq!(read(body).network(), expected, "{body}");
        }
        for body in [
            r#"{"EndpointConfig":{},"endpointConfig":{"NetworkID":"x"}}"#,
            r#"{"EndpointConfig":{"NetworkID":"","NetworkId":"x"}}"#,
            r#"{"EndpointConfig":{"Network\u0130D":"x"}}"#,
            r#"{"EndpointConfig":{"NetworkID":["x"]}}"#,
            r#"{"EndpointConfig":{"NetworkID":"x"}}}"#,
            r#"{"EndpointConfig":{"NetworkName":"x"}}"#,
            "",
            "null",
        ] {
            assert!(NetworkConnect::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
