//! The settings of an engine that change what its operations do, as `GET /info` reports them
//! (moby `api/types/system/info.go`, docs/engine-api.md).

use std::time::Duration;

use serde_json::{Map, Value};

use super::ask;
use crate::wire::EngineAddress;

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

impl Settings {
    /// Reads them from the engine's answer. What is missing or has another type is off.
    fn of(info: &Map<String, Value>) -> Self {
        let flag = |name: &str| info.get(name).and_then(Value::as_bool).unwrap_or_default();
        let inner = |object: &str, name: &str| info.get(object)?.as_object()?.get(name);
        let texts = |value: Option<&Value>| -> Vec<String> {
            let items = value.and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let options = texts(info.get("SecurityOptions"));
        // `name=seccomp,profile=default`: the name is the first of the options.
        let has = |name: &str| {
            options.iter().any(|option| {
                option.split(',').next().and_then(|first| first.strip_prefix("name=")) == Some(name)
            })
        };
        Self {
            experimental: flag("ExperimentalBuild"),
            debug: flag("Debug"),
            live_restore: flag("LiveRestoreEnabled"),
            rootless: has("rootless"),
            user_namespaces: has("userns"),
            authorization: texts(inner("Plugins", "Authorization")),
            swarm_manager: inner("Swarm", "ControlAvailable")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        }
    }
}

/// The settings of the engine at this address; `None` if it does not tell them in time.
pub async fn settings(address: &EngineAddress, timeout: Duration) -> Option<Settings> {
    ask::json(address, "/info", timeout).await.map(|info| Settings::of(&info))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Settings {
        Settings::of(&serde_json::from_str(text).unwrap())
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
        for text in ["{}", r#"{"SecurityOptions":null,"Plugins":[],"Swarm":1,"Debug":null}"#] {
            assert_eq!(read(text), Settings::default(), "{text}");
        }
        // A profile's name is not an option of its own.
        let odd = r#"{"SecurityOptions":["name=seccomp,name=rootless","rootless"]}"#;
        assert_eq!(read(odd), Settings::default());
    }
}
