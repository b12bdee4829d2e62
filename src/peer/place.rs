//! Where a process runs: in a container, in a unit of systemd, or in neither, as its control groups say
//! (cgroups(7)).
//!
//! The path of a control group is a claim. Whoever may create groups below some group, such as a container,
//! a unit with `Delegate=` or a user's session, chooses the names there, but not those above. So the names
//! nearest to the root decide: the outermost ID is the container, and the outermost service is the unit.
//! A process of a container can still look as if it ran in one whose ID it writes into a group that nobody
//! has named before, for example in a session of a user. That is why a container counts only after its
//! engine has confirmed that its first process is in the same group ([`ContainerPlace`] compares equal).

use std::fmt;

/// The number of digits of a container's full ID.
pub(super) const ID_DIGITS: usize = 64;

/// How many of them people read.
const SHORT_ID: usize = 12;

/// What engines write before the ID in the name of a container's group.
const OF_CONTAINERS: [&str; 6] =
    ["docker-", "libpod-", "libpod-payload-", "cri-containerd-", "crio-", "nerdctl-"];

/// The group in which podman, without systemd, makes a group for each pod, whose name is the pod's ID.
const OF_PODS: &str = "libpod_parent";

/// The full ID of a container: 64 hexadecimal digits in lower case.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContainerId(Box<str>);

/// Where a process runs, as its control groups say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The container that the groups name. Its engine has to confirm it.
    pub container: Option<ContainerPlace>,
    /// The unit; `None` for a process of a container.
    pub unit: Option<Unit>,
    /// Whether it runs on the host itself, in what a person started: in a session of a user or the user's own
    /// systemd, or, on a system without units, outside of all groups.
    pub is_login: bool,
}

/// The groups of a container. All of its processes have equal ones.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ContainerPlace {
    /// Its ID.
    pub id: ContainerId,
    /// In each hierarchy that names it: the hierarchy, and the path as far as the ID.
    groups: Vec<(Box<str>, Box<str>)>,
}

/// A service of systemd.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Unit {
    /// Its name, such as `traefik.service`, or `user@1000.service` for all that runs in a user's own systemd.
    pub name: Box<str>,
    /// The service of that user's systemd. The user can make any of them.
    pub of_user: Option<Box<str>>,
}

impl ContainerId {
    /// Reads a full ID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == ID_DIGITS && text.bytes().all(is_digit)).then(|| Self(text.into()))
    }

    /// All of its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that people read.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..SHORT_ID).unwrap_or(&self.0)
    }
}

impl Place {
    /// Reads the control groups of a process, in the form of `/proc/PID/cgroup`. `None` if they do not say
    /// where it runs: a line is malformed, a group has been removed, a group is outside of those that this
    /// process can see, or two hierarchies name different containers.
    #[must_use]
    pub fn parse(cgroups: &str) -> Option<Self> {
        let hierarchies: Vec<_> = cgroups.lines().map(Hierarchy::parse).collect::<Option<_>>()?;
        let mut container: Option<ContainerPlace> = None;
        for hierarchy in &hierarchies {
            let Some((id, path)) = hierarchy.container() else { continue };
            let group = (hierarchy.name.into(), path.into());
            match &mut container {
                None => container = Some(ContainerPlace { id, groups: vec![group] }),
                Some(known) if known.id == id => known.groups.push(group),
                Some(_) => return None,
            }
        }
        let mentions_id = hierarchies.iter().any(Hierarchy::mentions_id);
        let unit = if mentions_id { None } else { unit(&hierarchies) };
        let is_login = !mentions_id && is_login(&hierarchies);
        Some(Self { container, unit, is_login })
    }
}

/// A line of the file: a hierarchy, and the group of the process in it.
struct Hierarchy<'a> {
    /// Its controllers or its name; empty for the unified one (version 2).
    name: &'a str,
    path: &'a str,
}

impl<'a> Hierarchy<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (_number, name, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_known = path.starts_with('/') && !path.ends_with(" (deleted)");
        let hierarchy = Self { name, path };
        let is_visible = hierarchy.names().all(|name| name != "..");
        (is_known && is_visible).then_some(hierarchy)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.path.split('/').filter(|name| !name.is_empty())
    }

    /// The outermost container, and the path as far as its name.
    fn container(&self) -> Option<(ContainerId, &'a str)> {
        let (mut above, mut end) = ("", 0);
        for name in self.path.split('/') {
            end += name.len();
            if let Some(id) = container(name).filter(|id| above != OF_PODS || name != id.as_str()) {
                return Some((id, self.path.get(..end)?));
            }
            above = name;
            end += 1;
        }
        None
    }

    /// Whether a name in the path contains something like the ID of a container.
    fn mentions_id(&self) -> bool {
        self.names().any(|name| {
            let runs = name.split(|letter: char| !letter.is_ascii_hexdigit());
            runs.into_iter().any(|run| run.len() >= ID_DIGITS)
        })
    }
}

/// The container whose group has this name.
fn container(name: &str) -> Option<ContainerId> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let ids = OF_CONTAINERS.iter().filter_map(|before| name.strip_prefix(before));
    ids.chain([name]).find_map(ContainerId::parse)
}

/// The hierarchy that systemd uses.
fn of_systemd<'a, 'b>(hierarchies: &'a [Hierarchy<'b>]) -> Option<&'a Hierarchy<'b>> {
    let named = |name: &str| hierarchies.iter().find(|hierarchy| hierarchy.name == name);
    named("name=systemd").or_else(|| named(""))
}

/// Whether the group is one of a user's, or the root of all groups. What other managers of containers and
/// services make is neither.
fn is_login(hierarchies: &[Hierarchy<'_>]) -> bool {
    let outermost = of_systemd(hierarchies).map(|hierarchy| hierarchy.names().next());
    matches!(outermost, Some(None | Some("user.slice")))
}

/// The outermost service in the hierarchy that systemd uses.
fn unit(hierarchies: &[Hierarchy<'_>]) -> Option<Unit> {
    let hierarchy = of_systemd(hierarchies)?;
    let mut names = hierarchy.names().peekable();
    let name = service(&mut names)?;
    let is_of_user = name.starts_with("user@");
    let of_user = is_of_user.then(|| service_of_user(&mut names)).flatten();
    Some(Unit { name: name.into(), of_user: of_user.map(Into::into) })
}

/// The service within slices, of which there is at least one.
fn service<'a>(names: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut is_in_slice = false;
    for name in names.map(unescaped) {
        if name.ends_with(".slice") {
            is_in_slice = true;
        } else {
            return Some(name).filter(|name| is_in_slice && name.ends_with(".service"));
        }
    }
    None
}

fn service_of_user<'a>(names: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = names.map(unescaped).find(|name| !name.ends_with(".slice"))?;
    first.ends_with(".service").then_some(first)
}

/// The name of a unit, from the name of its group. systemd adds an underscore to names that would have
/// another meaning there.
fn unescaped(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

impl fmt::Display for ContainerId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.name)?;
        match &self.of_user {
            Some(of_user) => write!(to, "/{of_user}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "4f1c0a7e5b8d42c9a6e3f1d0b7c85a294f1c0a7e5b8d42c9a6e3f1d0b7c85a29";
    const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// The container and the unit of a process with these control groups.
    fn found(cgroups: &str) -> Option<(Option<String>, Option<String>)> {
        let cgroups = cgroups.replace("ID", ID).replace("OTHER", OTHER);
        let Place { container, unit, is_login: _ } = Place::parse(&cgroups)?;
        Some((
            container.map(|container| container.id.to_string()),
            unit.map(|unit| unit.to_string()),
        ))
    }

    #[test]
    fn a_login_is_in_a_slice_of_a_user_or_in_no_group() {
        let is_login = |cgroups: &str| {
            Place::parse(&cgroups.replace("ID", ID)).is_some_and(|place| place.is_login)
        };
        for login in [
            "0::/",
            "0::/user.slice/user-1000.slice/session-3.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service",
            "3:memory:/limits/x\n1:name=systemd:/\n0::/",
        ] {
            assert!(is_login(login), "{login}");
        }
        for other in [
            "",
            "0::/system.slice/backup.service",
            "0::/system.slice/docker-ID.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
            "0::/user.slice/xID/y",
            "0::/lxc.payload.web/user.slice/session-1.scope",
            "0::/kubepods/pod1",
            "0::/../user.slice/x",
            "0::/init.scope",
            "3:memory:/",
        ] {
            assert!(!is_login(other), "{other}");
        }
    }

    fn container(path: &str) -> Option<String> {
        found(path).and_then(|(container, unit)| {
            assert!(container.is_none() || unit.is_none(), "{path}");
            container
        })
    }

    #[test]
    fn each_engine_names_the_group_of_a_container_in_its_way() {
        for path in [
            "0::/system.slice/docker-ID.scope",
            "0::/docker/ID",
            "0::/some/parent/ID",
            "0::/docker/ID/init",
            "0::/docker/ID/docker/OTHER",
            "0::/system.slice/docker-ID.scope/system.slice/inner.service",
            "0::/machine.slice/libpod-ID.scope/container",
            "0::/libpod_parent/libpod-ID",
            "0::/libpod_parent/OTHER/libpod-ID",
            "0::/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            "0::/system.slice/web.service/libpod-payload-ID",
            "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
            "0::/kubepods/besteffort/podda1/ID",
            "4:memory:/docker/ID\n1:name=systemd:/docker/ID",
            "9:name=systemd:/\n4:memory:/docker/ID\n0::/",
        ] {
            assert_eq!(container(path).as_deref(), Some(ID), "{path}");
        }
    }

    #[test]
    fn what_is_not_the_group_of_a_container_names_none() {
        for path in [
            "",
            "0::/",
            "0::/machine.slice/libpod-conmon-ID.scope",
            "0::/docker/IDa",
            "0::/docker/abc",
            "0::/libpod_parent/OTHER",
            "0::/x-ID.slice",
        ] {
            assert_eq!(container(path), None, "{path}");
        }
        assert_eq!(ContainerId::parse(&ID.to_uppercase()), None);
        assert_eq!(ContainerId::parse(ID).unwrap().short(), "4f1c0a7e5b8d");
    }

    #[test]
    fn what_is_not_certain_is_not_known() {
        for path in [
            "x",
            "0::relative",
            "0::/../docker-ID.scope",
            "0::/docker/ID (deleted)",
            "4:memory:/docker/ID\n1:name=systemd:/docker/OTHER",
            "0::/system.slice/a.service\nx",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn the_outermost_service_within_slices_is_the_unit() {
        let unit = |path: &str| found(path).unwrap().1;
        for (path, name) in [
            ("0::/system.slice/traefik.service", Some("traefik.service")),
            ("0::/system.slice/traefik.service/other.service", Some("traefik.service")),
            ("0::/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service")),
            ("0::/system.slice/a\\x2db.service", Some("a\\x2db.service")),
            ("0::/system.slice/_cgroup.service", Some("cgroup.service")),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service",
                Some("user@1000.service/backup.service"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/init.scope",
                Some("user@1000.service"),
            ),
            (
                "1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service",
                Some("a.service"),
            ),
            ("0::/user.slice/user-1000.slice/session-3.scope", None),
            ("0::/user.slice/user-1000.slice/session-3.scope/traefik.service", None),
            ("0::/traefik.service", None),
            ("0::/init.scope", None),
            ("0::/", None),
            ("4:memory:/system.slice/a.service", None),
            // A container whose parent somebody chose.
            ("0::/system.slice/traefik.service/ID", None),
            ("0::/system.slice/traefik.service/libpod-conmon-ID", None),
        ] {
            assert_eq!(unit(path).as_deref(), name, "{path}");
        }
    }

    #[test]
    fn places_are_equal_as_far_as_the_id() {
        let place = |path: &str| Place::parse(&path.replace("ID", ID)).unwrap().container.unwrap();
        let first = place("0::/docker/ID/init");
        assert_eq!(first, place("0::/docker/ID/docker/other"));
        assert_ne!(first, place("0::/user.slice/docker/ID"));
        assert_ne!(first, place("4:memory:/docker/ID"));
    }

    proptest! {
        #[test]
        fn names_below_a_container_change_nothing(below in "(/[^/\n]{1,80}){0,4}") {
            // The kernel adds this when a group was removed.
            prop_assume!(!below.ends_with(" (deleted)") && !below.split('/').any(|name| name == ".."));
            let place = Place::parse(&format!("0::/docker/{ID}{below}")).unwrap();
            prop_assert_eq!(place.container, Place::parse(&format!("0::/docker/{ID}")).unwrap().container);
            prop_assert_eq!(place.unit, None);
        }

        #[test]
        fn names_below_a_unit_never_make_another_one(below in "(/[a-z0-9@._-]{1,20}(\\.service|\\.slice)?){0,4}") {
            prop_assume!(!below.split('/').any(|name| name == ".."));
            let place = Place::parse(&format!("0::/system.slice/a.service{below}")).unwrap();
            prop_assert_eq!(place.unit.unwrap().to_string(), "a.service");
        }

        #[test]
        fn any_text_is_read_without_panic(text in "([0-9]?:?[a-z=,]*:?/?[ -~]*\n?){0,6}") {
            let _ = Place::parse(&text);
        }
    }
}
