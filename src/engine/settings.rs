//! The settings of an engine that change what its operations do, as `GET /info` reports them
//! (moby `api/types/system/info.go`, docs/engine-api.md).

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::ask;
use crate::api::Address;

/// The settings of an engine. podman reports most of them in the same fields.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Whether experimental features are on.
    pub experimental: bool,
    /// Whether debug mode is on, without which the routes below `/debug` do not exist.
    pub debug: bool,
    /// Whether containers go on running while the engine is stopped.
    pub live_restore: bool,
    /// Whether the engine runs as an unprivileged user.
    pub rootless: bool,
    /// Whether root in a container is another user on the host.
    pub user_namespaces: bool,
    /// The names of the plugins that decide on requests, in the engine's own words.
    pub authorization: Vec<String>,
    /// Whether the engine manages a swarm.
    pub swarm_manager: bool,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "ExperimentalBuild", default)]
    experimental: bool,
    #[serde(rename = "Debug", default)]
    debug: bool,
    #[serde(rename = "LiveRestoreEnabled", default)]
    live_restore: bool,
    #[serde(rename = "SecurityOptions", default, deserialize_with = "or_default")]
    security: Vec<String>,
    #[serde(rename = "Plugins", default, deserialize_with = "or_default")]
    plugins: Plugins,
    #[serde(rename = "Swarm", default, deserialize_with = "or_default")]
    swarm: Swarm,
}

#[derive(Default, Deserialize)]
struct Plugins {
    #[serde(rename = "Authorization", default, deserialize_with = "or_default")]
    authorization: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Swarm {
    #[serde(rename = "ControlAvailable", default)]
    control_available: bool,
}

/// Engines write null for an empty list.
fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl From<Info> for Settings {
    fn from(info: Info) -> Self {
        // `name=seccomp,profile=default`: the name is the first of the options.
        let has = |name: &str| {
            info.security.iter().any(|option| {
                option.split(',').next().and_then(|first| first.strip_prefix("name=")) == Some(name)
            })
        };
        Self {
            experimental: info.experimental,
            debug: info.debug,
            live_restore: info.live_restore,
            rootless: has("rootless"),
            user_namespaces: has("userns"),
            authorization: info.plugins.authorization,
            swarm_manager: info.swarm.control_available,
        }
    }
}

/// The settings of the engine at this address; `None` if it does not tell them in time.
pub async fn settings(address: &Address, timeout: Duration) -> Option<Settings> {
    ask::json::<Info>(address, "/info", timeout).await.map(Settings::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Settings {
        serde_json::from_str::<Info>(text).unwrap().into()
    }

    #[test]
    fn settings_are_read_from_what_engines_send() {
        let docker = r#"{"ID":"x","ExperimentalBuild":false,"Debug":true,"LiveRestoreEnabled":true,
            "SecurityOptions":["name=seccomp,profile=default","name=userns"],
            "Plugins":{"Volume":["local"],"Authorization":["opa-docker-authz"],"Log":["local"]},
            "Swarm":{"NodeID":"","LocalNodeState":"active","ControlAvailable":true,"Error":""}}"#;
        let expected = Settings {
            debug: true,
            live_restore: true,
            user_namespaces: true,
            authorization: vec!["opa-docker-authz".to_owned()],
            swarm_manager: true,
            ..Settings::default()
        };
        assert_eq!(read(docker), expected);
        let podman = r#"{"SecurityOptions":["name=rootless"],"Plugins":{"Authorization":null},
            "ExperimentalBuild":true,"Swarm":{}}"#;
        let expected = Settings { rootless: true, experimental: true, ..Settings::default() };
        assert_eq!(read(podman), expected);
    }

    #[test]
    fn missing_and_null_fields_are_off() {
        for text in ["{}", r#"{"SecurityOptions":null,"Plugins":null,"Swarm":null}"#] {
            assert_eq!(read(text), Settings::default(), "{text}");
        }
        // A profile's name is not an option of its own.
        let odd = r#"{"SecurityOptions":["name=seccomp,name=rootless","rootless"]}"#;
        assert_eq!(read(odd), Settings::default());
    }
}
