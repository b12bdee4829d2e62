//! How much a value gives away.

use super::{Facet, OWN, SOCKET, profile_of_socket};
use crate::api::Risk;

/// Folders in which everything controls the host or has its secrets. So do the folders that they are in.
const SENSITIVE: [&str; 19] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/run",
    "/var/spool/cron",
    "/home/*",
];

/// Capabilities that do not lead to the host by themselves.
const MILD_CAPABILITIES: [&str; 8] = [
    "IPC_LOCK",
    "LEASE",
    "NET_BROADCAST",
    "SETFCAP",
    "SYS_NICE",
    "SYS_RESOURCE",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
];

/// Devices that programs in containers use, and that are made for programs without rights.
const MILD_DEVICES: [&str; 6] =
    ["/dev/dri", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/snd", "/dev/null"];

impl Facet {
    /// The risk of allowing every value of the facet.
    #[must_use]
    pub fn risk_of_any(self) -> Risk {
        match self {
            Self::Mounts
            | Self::Network
            | Self::Privileged
            | Self::Capabilities
            | Self::Devices
            | Self::Security
            | Self::Namespaces
            | Self::Runtime => Risk::Root,
            _ => Risk::Change,
        }
    }

    /// The risk of allowing a value, in the spelling of rules.
    #[must_use]
    pub fn risk_of(self, value: &str) -> Risk {
        let is_mild = match self {
            Self::Mounts => return mount(value),
            // The engine shows what the profile made.
            Self::Filters if value == OWN => return Risk::Info,
            Self::Network => value != "host" && !value.starts_with("ns:"),
            Self::Capabilities => MILD_CAPABILITIES.contains(&value),
            Self::Devices => {
                let is_in = |device: &str| is_below(value, device);
                value.starts_with("request=gpu") || MILD_DEVICES.iter().any(|one| is_in(one))
            }
            Self::Security => {
                matches!(value, "no-new-privileges=false" | "apparmor=docker-default")
            }
            Self::Namespaces => {
                matches!(value, "ipc=shareable" | "uts=host") || value.starts_with("cgroup-parent=")
            }
            Self::Runtime => value == "runc" || value == "crun",
            Self::Privileged => false,
            _ => true,
        };
        if is_mild { Risk::Change } else { Risk::Root }
    }
}

fn mount(value: &str) -> Risk {
    if value == SOCKET || profile_of_socket(value).is_some() {
        return Risk::Change;
    }
    let (source, options) = value.split_once(':').unwrap_or((value, ""));
    let is_spread = options.split(',').any(|option| option.ends_with("shared"));
    if !source.starts_with('/') {
        let is_volume = !source.contains('=') || source.starts_with("image=");
        return if is_volume && !is_spread { Risk::Change } else { Risk::Root };
    }
    // A star stands for any name in its folder, so the folder counts.
    let fixed = source.split('*').next().unwrap_or_default();
    let folder = match source.contains('*') {
        true => fixed.rfind('/').and_then(|end| fixed.get(..end)).unwrap_or_default(),
        false => source,
    };
    let is_near = |one: &str| is_below(folder, one) || is_below(one, folder);
    // A person's own folder, or what it hides, such as keys.
    let mut of_home = folder.strip_prefix("/home/").unwrap_or_default().split('/');
    let is_home = of_home.clone().count() == 1 && folder.starts_with("/home/");
    let is_hidden = of_home.any(|part| part.starts_with('.'));
    let is_socket = source.ends_with(".sock");
    let is_sensitive = SENSITIVE.iter().any(|one| is_near(one)) || is_home || is_hidden;
    match is_sensitive || is_socket || is_spread {
        false => Risk::Change,
        // What can only be read can still be a socket.
        true if options.split(',').any(|option| option == "ro")
            && !is_socket
            && !is_spread
            && !["/run", "/var/run", "/"].iter().any(|one| is_below(one, folder)) =>
        {
            Risk::Secrets
        }
        true => Risk::Root,
    }
}

/// Whether a path is a folder or in it.
fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_host_are_worse_than_those_of_a_program() {
        for (value, risk) in [
            ("/", Risk::Root),
            ("/:ro", Risk::Root),
            ("/var", Risk::Root),
            ("/etc/passwd", Risk::Root),
            ("/etc:ro", Risk::Secrets),
            ("/var/run/docker.sock:ro", Risk::Root),
            ("/run/x.sock:ro", Risk::Root),
            ("/srv/data", Risk::Change),
            ("/var/lib/grafana", Risk::Change),
            ("/var/lib", Risk::Root),
            ("/home", Risk::Root),
            ("/home/ann", Risk::Root),
            ("/home/ann/shop", Risk::Change),
            ("/home/ann/.ssh:ro", Risk::Secrets),
            ("/srv/data:ro", Risk::Change),
            ("/srv/data:ro,rshared", Risk::Root),
            ("/*", Risk::Root),
            ("/srv/job-*", Risk::Change),
            ("pgdata", Risk::Change),
            ("@socket", Risk::Change),
            ("@socket:shared", Risk::Change),
            ("type=ext4", Risk::Root),
            ("driver=x", Risk::Root),
            ("from=web", Risk::Root),
            ("image=x:1", Risk::Change),
        ] {
            assert_eq!(Facet::Mounts.risk_of(value), risk, "{value}");
        }
        assert_eq!(Facet::Capabilities.risk_of("SYS_ADMIN"), Risk::Root);
        assert_eq!(Facet::Network.risk_of("container:x"), Risk::Change);
        assert_eq!(Facet::Devices.risk_of("/dev/sda"), Risk::Root);
        assert_eq!(Facet::Devices.risk_of("/dev/dri/card0"), Risk::Change);
    }
}
