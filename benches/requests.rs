//! The requests and rules of both kinds of benchmarks.

// Included by both, which use different parts of it.
#![allow(dead_code)]

use crate::api::EngineKind;
use crate::profile::{Entry, Name, Profile, Rule};

/// A request.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Its name in tables.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
}

impl std::fmt::Display for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name)
    }
}

const fn case(name: &'static str, method: &'static str, target: &'static str) -> Case {
    Case { name, method, target }
}

/// A list, as the docker CLI asks for one.
pub(crate) const LIST: Case = case("list", "GET", "/v1.41/containers/json?all=1");

/// One container, by its ID.
pub(crate) const NAMED: Case = case(
    "named",
    "GET",
    "/v1.41/containers/4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c0123/json",
);

/// An image whose name has slashes.
pub(crate) const SPANNING: Case =
    case("spanning", "GET", "/v1.41/images/registry.local:5000/team/app:1.2.3/json");

/// The containers of a project, as compose lists them.
pub(crate) const FILTERED: Case = case(
    "filtered",
    "GET",
    "/v1.41/containers/json?all=1&filters=%7B%22label%22%3A%7B%22com.docker.compose.project%3Dweb\
     %22%3Atrue%7D%7D",
);

/// With escapes in the path and in the query, so that the canonical form differs from the sent one.
pub(crate) const UNUSUAL: Case = case(
    "unusual",
    "GET",
    "/v1.41/%63ontainers/json?filters=%7b%22label%22%3A%5B%22a=b%22%5D%7d&limit=10&all",
);

/// Not allowed by [`hundred_rules`].
pub(crate) const DENIED: Case = case("denied", "POST", "/v1.41/containers/web/exec");

/// Allowed by the last of [`ten_thousand_rules`].
pub(crate) const START: Case = case("start", "POST", "/v1.41/containers/name-9998/start");

/// Allowed by the last of [`ten_thousand_globs`].
pub(crate) const GLOB: Case = case("glob", "POST", "/v1.41/containers/name-9998-web/start");

/// A container that is created, with a body of 8 KiB such as compose sends.
pub(crate) const CREATE: Case = case("create", "POST", "/v1.47/containers/create?name=shop-web-1");

/// The body of [`CREATE`]: every field that clients send, and a long environment.
pub(crate) fn create_body() -> Vec<u8> {
    let fields = r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"ExposedPorts":{"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Cmd":["serve","--port","80"],"Image":"registry.local:5000/shop/web:1.2.3","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web","com.docker.compose.config-hash":"0123456789abcdef","com.docker.compose.container-number":"1","com.docker.compose.oneoff":"False"},"HostConfig":{"Binds":["/srv/shop/data:/data:ro","shop_cache:/cache"],"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},"NetworkMode":"shop_default","PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]},"RestartPolicy":{"Name":"always","MaximumRetryCount":0},"AutoRemove":false,"VolumeDriver":"","VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","Memory":67108864,"NanoCpus":0,"Mounts":[{"Type":"bind","Source":"/srv/shop/etc","Target":"/etc/shop","ReadOnly":true}],"MaskedPaths":null,"ReadonlyPaths":null},"NetworkingConfig":{"EndpointsConfig":{"shop_default":{"IPAMConfig":null,"Links":null,"Aliases":["shop-web-1","web"],"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"MacAddress":"","DriverOpts":null}}},"Env":["#;
    let mut body = fields.to_owned();
    for number in 0..120 {
        let comma = if number > 0 { "," } else { "" };
        body.push_str(&format!("{comma}\"SETTING_{number}=the value of this one, {number}\""));
    }
    body.push_str("]}");
    body.into_bytes()
}

/// A profile with one rule about contents, which allows [`CREATE`].
pub(crate) fn confined() -> Profile {
    const CONTENTS: &str = r#"{image: ["registry.local:5000/shop/web:*"], mounts: ["/srv/shop/data:ro", "/srv/shop/etc:ro", "shop_cache"], network: ["shop_default", "alias=shop-web-1", "alias=web"], ports: ["127.0.0.1:8080"], labels: ["com.docker.compose.*"]}"#;
    let rule = Rule::parse(EngineKind::Docker, &format!("POST /containers/create: {CONTENTS}"));
    let rule = rule.unwrap_or_else(|error| panic!("{CONTENTS}: {error}"));
    profile(vec![rule])
}

/// The heads of `docker ps` and of the first request of `docker exec`.
pub(crate) const HEADS: [(&str, &str); 2] = [
    (
        "get",
        "GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: docker\r\n\
         User-Agent: Docker-Client/20.10.24+dfsg1 (linux)\r\n\r\n",
    ),
    (
        "post",
        "POST /v1.41/containers/web/exec HTTP/1.1\r\nHost: docker\r\n\
         User-Agent: Docker-Client/20.10.24+dfsg1 (linux)\r\nContent-Length: 164\r\n\
         Content-Type: application/json\r\n\r\n",
    ),
];

/// A profile that allows a hundred operations, but not that of [`DENIED`] and some others.
pub(crate) fn hundred_rules() -> Profile {
    let operations = EngineKind::Docker.catalogue().operations().iter();
    let allowed = operations.filter(|operation| operation.name != "ContainerExec").take(100);
    profile(allowed.map(Rule::any).collect())
}

/// A profile with a rule for each of ten thousand containers that may be started.
pub(crate) fn ten_thousand_rules() -> Profile {
    many_rules(|number| format!("POST /containers/name-{number}/start"))
}

/// The same profile with a glob in each rule.
pub(crate) fn ten_thousand_globs() -> Profile {
    many_rules(|number| format!("POST /containers/name-{number}-*/start"))
}

fn many_rules(start: fn(u32) -> String) -> Profile {
    let parse = |text: String| {
        let rule = Rule::parse(EngineKind::Docker, &text);
        rule.unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let texts = ["GET /containers/json".to_owned()].into_iter().chain((0..9_999).map(start));
    profile(texts.map(parse).collect())
}

fn profile(rules: Vec<Rule>) -> Profile {
    Profile {
        allow: rules.into_iter().map(Entry::new).collect(),
        ..Profile::empty(Name::fallback(), EngineKind::Docker)
    }
}
