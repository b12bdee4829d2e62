//! What a rule that creates containers allows, in the words of Kubernetes' Pod Security Standards
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).

use std::fmt;

use crate::api::{Made, Operation, Risk};
use crate::contents::Facet;
use crate::profile::{Allowed, Rule};

/// The capabilities that *baseline* lets a container add.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The kernel parameters that *baseline* lets a container set.
const BASELINE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

/// The facets whose values *baseline* limits.
const LIMITED: [Facet; 10] = [
    Facet::Privileged,
    Facet::Mounts,
    Facet::Network,
    Facet::Namespaces,
    Facet::Capabilities,
    Facet::Devices,
    Facet::Security,
    Facet::Runtime,
    Facet::Sysctls,
    Facet::Ports,
];

/// The level that every container has which a rule lets a client create. None is *restricted*: for that,
/// a container has to drop capabilities and root, which a rule cannot demand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PodSecurity {
    /// *Baseline*.
    Baseline,
    /// Neither of the two levels, because of this.
    Neither(String),
}

impl PodSecurity {
    /// The level of a rule; `None` if it creates no containers.
    #[must_use]
    pub fn of(rule: &Rule) -> Option<Self> {
        if !makes_containers(rule.operation()) {
            return None;
        }
        let Some(contents) = rule.contents() else {
            return Some(Self::Neither("any contents".to_owned()));
        };
        for facet in LIMITED {
            match contents.of_facet(facet) {
                None => {}
                Some(Allowed::Any) => return Some(Self::Neither(format!("any {facet}"))),
                Some(Allowed::Values(values)) => {
                    let mut values = values.iter().map(|value| value.as_str());
                    if let Some(value) = values.find(|value| !is_baseline(facet, value)) {
                        return Some(Self::Neither(format!("{facet} {value}")));
                    }
                }
            }
        }
        Some(Self::Baseline)
    }
}

impl fmt::Display for PodSecurity {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Baseline => to.write_str(
                "baseline in Kubernetes' Pod Security, not restricted: a rule cannot demand that a container drops \
                 capabilities and root",
            ),
            Self::Neither(why) => write!(
                to,
                "neither baseline nor restricted in Kubernetes' Pod Security, because of {why}"
            ),
        }
    }
}

fn makes_containers(operation: &Operation) -> bool {
    matches!(operation.traits.makes, Some(Made::Container | Made::LibpodContainer))
        || operation.name == "ServiceCreate"
        || operation.name == "ServiceUpdate"
}

/// Whether *baseline* allows a value, in the spelling of rules. What pods do not have counts by its risk.
fn is_baseline(facet: Facet, value: &str) -> bool {
    match facet {
        Facet::Privileged | Facet::Ports | Facet::Devices => false,
        // A folder of the host, whatever is in it. dsp's own socket gives no more than the profile.
        Facet::Mounts => !value.starts_with('/') && facet.risk_of(value) < Risk::Root,
        Facet::Capabilities => BASELINE_CAPABILITIES.contains(&value),
        Facet::Sysctls => BASELINE_SYSCTLS.contains(&value),
        Facet::Security => {
            matches!(value, "seccomp=profile" | "no-new-privileges=false")
                || value.starts_with("group=")
                || (value.starts_with("apparmor=") && value != "apparmor=unconfined")
        }
        Facet::Namespaces => {
            matches!(value, "ipc=shareable") || value.starts_with("cgroup-parent=")
        }
        _ => facet.risk_of(value) < Risk::Root,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn level(rule: &str) -> Option<PodSecurity> {
        let profile = parse(&format!("version: 1\nname: x\nallow:\n  - {rule}\n")).unwrap();
        PodSecurity::of(&profile.allow[0].value)
    }

    #[test]
    fn what_the_standards_forbid_is_not_baseline() {
        let create = |contents: &str| level(&format!("POST /containers/create: {{{contents}}}"));
        for fine in [
            "",
            "image: any, labels: any, user: any",
            "mounts: [data, \"@socket\"], network: [own]",
            "capabilities: [NET_BIND_SERVICE]",
            "sysctls: [net.ipv4.tcp_syncookies]",
            "security: [seccomp=profile, \"no-new-privileges=false\"]",
        ] {
            assert_eq!(create(fine), Some(PodSecurity::Baseline), "{fine}");
        }
        for (wrong, why) in [
            ("privileged: true", "privileged true"),
            ("mounts: [/srv]", "mounts /srv"),
            ("mounts: [\"driver=x\"]", "mounts driver=x"),
            ("mounts: any", "any mounts"),
            ("network: [host]", "network host"),
            ("namespaces: [pid=host]", "namespaces pid=host"),
            ("namespaces: [\"pid=container:x\"]", "namespaces pid=container:x"),
            ("capabilities: [SYS_NICE]", "capabilities SYS_NICE"),
            ("devices: [/dev/fuse]", "devices /dev/fuse"),
            ("security: [seccomp=unconfined]", "security seccomp=unconfined"),
            ("security: [masked-paths]", "security masked-paths"),
            ("sysctls: [kernel.msgmax]", "sysctls kernel.msgmax"),
            ("ports: [\"*:80\"]", "ports *:80"),
        ] {
            assert_eq!(create(wrong), Some(PodSecurity::Neither(why.to_owned())), "{wrong}");
        }
        let any = Some(PodSecurity::Neither("any contents".to_owned()));
        assert_eq!(level("POST /containers/create"), any);
        assert_eq!(level("POST /build: {}"), None);
    }
}
