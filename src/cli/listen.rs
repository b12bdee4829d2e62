//! Where dsp listens, and which clients it admits.

use anyhow::{Context, bail};
use nix::unistd::{Group, User};

use super::misuse::misuse;
use crate::api::Address;
use crate::proxy::{Access, Limits};
use crate::session::ListenOptions;
use crate::text::printable;

/// The largest number of a user or group. The next one, -1, means "leave it as it is" (chown(2)).
const LARGEST: u32 = u32::MAX - 1;

/// Options on sockets and clients.
#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// Where to listen: unix:///path or tcp://host:port; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Vec<String>,
    /// Allow TCP addresses that other machines can reach: any client has the profile's rights
    #[arg(long)]
    pub(super) insecure_tcp: bool,
    /// Accept TCP requests for this host, as sent by clients of tcp://NAME:port, besides localhost and
    /// the address itself; may be given several times
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub(super) allow_host: Vec<String>,
    /// The mode of unix sockets, in octal
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(super) mode: Option<u32>,
    /// The user who owns unix sockets, by name or number
    #[arg(long, value_name = "USER")]
    pub(super) owner: Option<String>,
    /// The group that owns unix sockets, by name or number
    #[arg(long, value_name = "GROUP")]
    pub(super) group: Option<String>,
    /// Let only processes of this user connect; may be given several times. With --allow-gid, one of
    /// the two is enough
    #[arg(long, value_name = "USER")]
    pub(super) allow_uid: Vec<String>,
    /// Let only processes with this primary group connect; may be given several times. With --allow-uid,
    /// one of the two is enough
    #[arg(long, value_name = "GROUP")]
    pub(super) allow_gid: Vec<String>,
    /// The maximum number of connections, if the limit on open files allows that many; beyond it, a
    /// new connection replaces an idle one
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::DEFAULT.connections)]
    pub(super) max_connections: usize,
    /// Seconds that open requests get to finish at the end; a second signal ends dsp at once
    #[arg(long, value_name = "SECONDS", default_value_t = 10, conflicts_with = "command")]
    pub(super) grace: u64,
}

impl Listen {
    /// Parses the options, and looks up the names of users and groups.
    pub(super) fn options(&self) -> anyhow::Result<ListenOptions> {
        let limits = Limits { connections: self.max_connections, body: None };
        Ok(ListenOptions { addresses: self.addresses()?, access: self.access()?, limits })
    }

    /// The addresses to listen on, if any are given.
    fn addresses(&self) -> anyhow::Result<Vec<Address>> {
        Ok(self.listen.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
    }

    /// Refuses options that apply to none of the sockets. Without an address, dsp listens on a unix
    /// socket. The socket for a command is in a private folder, unless the command is intercepted.
    pub(super) fn check(&self, has_command: bool, intercepts: bool) -> anyhow::Result<()> {
        let addresses = self.addresses()?;
        let is_tcp = |address: &&Address| matches!(address, Address::Tcp { .. });
        let tcp = addresses.iter().find(is_tcp);
        let of_tcp =
            [("--insecure-tcp", self.insecure_tcp), ("--allow-host", !self.allow_host.is_empty())];
        if let (None, Some(option)) = (tcp, given(&of_tcp)) {
            misuse!("{option} is for TCP, but no --listen is a tcp:// address");
        }
        let of_files = [
            ("--mode", self.mode.is_some()),
            ("--owner", self.owner.is_some()),
            ("--group", self.group.is_some()),
        ];
        if let Some(option) = given(&of_files) {
            if !addresses.is_empty() && addresses.iter().all(|address| is_tcp(&address)) {
                misuse!("{option} is for unix sockets, but each --listen is a tcp:// address");
            }
            if addresses.is_empty() && has_command && !intercepts {
                misuse!(
                    "{option} has no effect on the socket of a command, whose folder nobody else \
                     can enter; add --listen unix:///path, or --intercept"
                );
            }
        }
        let of_clients = !self.allow_uid.is_empty() || !self.allow_gid.is_empty();
        if let Some(address) = tcp.filter(|_| of_clients) {
            misuse!(
                "--allow-uid and --allow-gid are for unix sockets, because dsp cannot tell the \
                 clients of --listen {address} apart"
            );
        }
        Ok(())
    }

    /// Who may connect.
    fn access(&self) -> anyhow::Result<Access> {
        let all = |names: &[String], kind| -> anyhow::Result<Vec<u32>> {
            names.iter().map(|name| number(name, kind)).collect()
        };
        let one = |name: &Option<String>, kind| {
            name.as_deref().map(|name| number(name, kind)).transpose()
        };
        Ok(Access {
            anywhere: self.insecure_tcp,
            hosts: self.allow_host.clone(),
            mode: self.mode,
            owner: one(&self.owner, Kind::User).context("--owner is wrong")?,
            group: one(&self.group, Kind::Group).context("--group is wrong")?,
            users: all(&self.allow_uid, Kind::User).context("--allow-uid is wrong")?,
            groups: all(&self.allow_gid, Kind::Group).context("--allow-gid is wrong")?,
        })
    }
}

/// The first option that was given.
fn given(options: &[(&'static str, bool)]) -> Option<&'static str> {
    options.iter().find_map(|(option, is_given)| is_given.then_some(*option))
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "a mode is three octal digits, such as 660".to_owned())
}

fn host(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_name { Ok(text.to_owned()) } else { Err("write a host name without a port".to_owned()) }
}

/// What to look up a name as.
#[derive(Clone, Copy, Debug)]
enum Kind {
    User,
    Group,
}

impl Kind {
    /// Asks the system, which also knows users and groups from other sources than files, such as LDAP.
    fn look_up(self, name: &str) -> nix::Result<Option<u32>> {
        match self {
            Self::User => User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())),
            Self::Group => {
                Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw()))
            }
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// Returns the number of a user or group, which may be given as a number or a name.
fn number(name: &str, kind: Kind) -> anyhow::Result<u32> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = name.parse().ok().filter(|number| *number <= LARGEST);
        return number.with_context(|| format!("{name} is too large; the largest is {LARGEST}"));
    }
    let (shown, word) = (printable(name), kind.word());
    match kind.look_up(name) {
        Ok(Some(number)) if number <= LARGEST => Ok(number),
        Ok(Some(number)) => bail!("{word} \"{shown}\" has number {number}, which means no {word}"),
        Ok(None) => bail!("this system has no {word} \"{shown}\"; use a number instead"),
        Err(error) => bail!("cannot look up {word} \"{shown}\": {error}; use a number instead"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_alone() {
        assert_eq!(host("socket-proxy.example"), Ok("socket-proxy.example".to_owned()));
        for text in ["", "a:2375", "http://a", "*", "a b"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_numbers_are_taken() {
        assert_eq!(number("17", Kind::User).unwrap(), 17);
        assert_eq!(number("root", Kind::User).unwrap(), 0);
        assert_eq!(number("root", Kind::Group).unwrap(), 0);
        assert_eq!(number("4294967294", Kind::User).unwrap(), LARGEST);
        for wrong in ["4294967295", "4294967296", "99999999999999999999", "-1", "+5", "", "a\0b"] {
            for kind in [Kind::User, Kind::Group] {
                assert!(number(wrong, kind).is_err(), "{wrong}");
            }
        }
        let error = number("no such\u{1b}\u{202e}", Kind::User).unwrap_err().to_string();
        assert_eq!(
            error,
            "this system has no user \"no such\\u{1b}\\u{202e}\"; use a number instead"
        );
    }

    /// `getent` lists entries from all of the system's sources, not only from files.
    #[test]
    fn each_name_that_the_system_knows_has_its_number() {
        for (database, kind) in [("passwd", Kind::User), ("group", Kind::Group)] {
            let ask = |arguments: &[&str]| {
                let asked = std::process::Command::new("getent").args(arguments).output().unwrap();
                String::from_utf8(asked.stdout).unwrap()
            };
            // systemd resolves these names, but does not list them.
            let listed = [&[database][..], &[database, "nobody"], &[database, "nogroup"]];
            let listed = listed.map(ask).concat();
            assert!(listed.lines().count() > 1, "{listed}");
            for line in listed.lines() {
                let fields: Vec<&str> = line.split(':').collect();
                assert_eq!(number(fields[0], kind).unwrap().to_string(), fields[2], "{line}");
            }
        }
    }
}
