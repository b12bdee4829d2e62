//! Where dsp listens, and which clients it admits.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::builder::TypedValueParser;

use super::misuse::misuse;
use super::standard;
use crate::api::Address;
use crate::peer::{AddressRange, Clients, ContainerRule, UnitRule};
use crate::proxy::{Access, Limits};
use crate::session::{Account, ListenOptions};
use crate::wire::{ListenerFiles, ListenerTls};

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
    /// Let only processes of this user connect; may be given several times. Of all --allow options
    /// about clients, one is enough
    #[arg(long, value_name = "USER")]
    pub(super) allow_uid: Vec<String>,
    /// Let only processes in this group connect; all groups of a process count
    #[arg(long, value_name = "GROUP")]
    pub(super) allow_gid: Vec<String>,
    /// Let only processes of this container connect: its name, 12 or more digits of its ID, or
    /// PROJECT/SERVICE of Compose
    #[arg(long, value_name = "CONTAINER")]
    pub(super) allow_container: Vec<ContainerRule>,
    /// Let only processes of this service of systemd connect
    #[arg(long, value_name = "UNIT")]
    pub(super) allow_unit: Vec<UnitRule>,
    /// Let only TCP clients with these addresses connect, such as 10.0.0.0/8
    #[arg(long, value_name = "RANGE")]
    pub(super) allow_address: Vec<AddressRange>,
    /// The certificate of TCP addresses, in PEM form, for TLS 1.3; read again with the profile
    #[arg(long, value_name = "FILE", requires = "tls_key", value_parser = certificate_file())]
    pub(super) tls_cert: Option<PathBuf>,
    /// The private key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_parser = certificate_file())]
    pub(super) tls_key: Option<PathBuf>,
    /// Let only TCP clients with a certificate of these CAs connect, from other machines, too
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_parser = certificate_file())]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Let only TCP clients connect that have this name in their certificate (DNS name, e-mail address
    /// or URI); may be given several times
    #[arg(long, value_name = "NAME", requires = "tls_client_ca", value_parser = certificate_name)]
    pub(super) allow_cert: Vec<String>,
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
        let (access, clients) = (self.access()?, self.clients()?);
        Ok(ListenOptions { addresses: self.addresses()?, access, clients, limits })
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
        let of_tcp = [
            ("--insecure-tcp", self.insecure_tcp),
            ("--allow-host", !self.allow_host.is_empty()),
            ("--tls-cert", self.tls_cert.is_some()),
        ];
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
        self.check_clients(&addresses)
    }

    /// Refuses options by which no client of one of the sockets could be admitted.
    fn check_clients(&self, addresses: &[Address]) -> anyhow::Result<()> {
        let of_processes = [
            ("--allow-uid", !self.allow_uid.is_empty()),
            ("--allow-gid", !self.allow_gid.is_empty()),
            ("--allow-container", !self.allow_container.is_empty()),
            ("--allow-unit", !self.allow_unit.is_empty()),
        ];
        let of_machines = !self.allow_address.is_empty() || !self.allow_cert.is_empty();
        let tcp = addresses.iter().find(|address| matches!(address, Address::Tcp { .. }));
        let unix = addresses.iter().find(|address| matches!(address, Address::Unix(_)));
        let of_processes = given(&of_processes);
        if let (Some(option), Some(address), false) = (of_processes, tcp, of_machines) {
            misuse!(
                "{option} is for unix sockets, so no client of --listen {address} could connect; add \
                 --allow-address or --allow-cert for those that may"
            );
        }
        if let (Some(option), Some(_), None) = (of_processes, tcp, unix) {
            misuse!("{option} is for unix sockets, but each --listen is a tcp:// address");
        }
        let option = if self.allow_cert.is_empty() { "--allow-address" } else { "--allow-cert" };
        if of_machines && tcp.is_none() {
            misuse!("{option} is for TCP, but no --listen is a tcp:// address");
        }
        if let (None, Some(address), true) = (of_processes, unix, of_machines) {
            misuse!(
                "{option} is for TCP, so no client of --listen {address} could connect; add \
                 --allow-uid, --allow-gid, --allow-container or --allow-unit for those that may"
            );
        }
        Ok(())
    }

    /// Which clients may connect.
    fn clients(&self) -> anyhow::Result<Clients> {
        let all = |names: &[String], kind: Account| {
            names.iter().map(|name| kind.number(name)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Clients {
            users: all(&self.allow_uid, Account::User).context("--allow-uid is wrong")?,
            groups: all(&self.allow_gid, Account::Group).context("--allow-gid is wrong")?,
            containers: self.allow_container.clone(),
            units: self.allow_unit.clone(),
            logins: Vec::new(),
            addresses: self.allow_address.clone(),
            certificates: self.allow_cert.clone(),
        })
    }

    /// The files of TLS.
    fn tls(&self) -> anyhow::Result<Option<Arc<ListenerTls>>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let (certificate, key) = (certificate.clone(), key.clone());
        let files = ListenerFiles { certificate, key, clients: self.tls_client_ca.clone() };
        Ok(Some(Arc::new(ListenerTls::load(files)?)))
    }

    /// Who may open the sockets.
    fn access(&self) -> anyhow::Result<Access> {
        let one = |name: &Option<String>, kind: Account| {
            name.as_deref().map(|name| kind.number(name)).transpose()
        };
        Ok(Access {
            anywhere: self.insecure_tcp,
            hosts: self.allow_host.clone(),
            mode: self.mode,
            owner: one(&self.owner, Account::User).context("--owner is wrong")?,
            group: one(&self.group, Account::Group).context("--group is wrong")?,
            tls: self.tls()?,
        })
    }
}

/// Parses the path of a file for TLS.
fn certificate_file() -> impl TypedValueParser<Value = PathBuf> {
    standard::not("certificates are read again on HUP, so they have to be files")
}

/// A name as it can be in a certificate.
fn certificate_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(text.to_owned()) } else { Err("a name has no spaces".to_owned()) }
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
}
