//! Sockets that systemd has opened for dsp, so that clients can connect while dsp is restarted.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use crate::api::Address;
use crate::proxy::{Access, ListenError, Listener};

/// Sockets that were opened by whatever started dsp, and that are not used yet.
#[derive(Debug, Default)]
pub struct OpenedSockets {
    /// Unix sockets.
    pub unix: Vec<UnixListener>,
    /// TCP sockets.
    pub tcp: Vec<TcpListener>,
}

impl OpenedSockets {
    /// Takes the socket with this address; `None` if there is none.
    pub(super) fn take(
        &mut self,
        address: &Address,
        access: &Access,
    ) -> Option<Result<Listener, ListenError>> {
        match address {
            Address::Unix(path) => {
                let is_this = |listener: &UnixListener| {
                    let bound = listener.local_addr().ok();
                    bound.is_some_and(|bound| bound.as_pathname() == Some(path))
                };
                let listener = self.unix.swap_remove(self.unix.iter().position(is_this)?);
                let opened = Listener::opened_unix(listener, path);
                Some(opened.map_err(|source| ListenError::Io { address: address.clone(), source }))
            }
            Address::Tcp { host, port } => {
                let ip: std::net::IpAddr = match host.as_str() {
                    "localhost" => std::net::Ipv4Addr::LOCALHOST.into(),
                    host => host.parse().ok()?,
                };
                let meant = SocketAddr::new(ip, *port);
                let is_this = |listener: &TcpListener| {
                    listener.local_addr().is_ok_and(|bound| bound == meant)
                };
                let listener = self.tcp.swap_remove(self.tcp.iter().position(is_this)?);
                Some(Listener::opened_tcp(listener, address, access))
            }
        }
    }

    /// The addresses of those that nobody has taken.
    pub(super) fn addresses(&self) -> Vec<String> {
        let unix = self.unix.iter().map(|listener| match listener.local_addr() {
            Ok(bound) => format!("{:?}", bound.as_pathname().unwrap_or("without a path".as_ref())),
            Err(_) => "unknown".to_owned(),
        });
        let tcp = self.tcp.iter().map(|listener| match listener.local_addr() {
            Ok(bound) => bound.to_string(),
            Err(_) => "unknown".to_owned(),
        });
        unix.chain(tcp).collect()
    }
}
