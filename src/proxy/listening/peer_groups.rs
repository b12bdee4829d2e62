//! The socket option `SO_PEERGROUPS` (Linux 4.13), which nix has no name for: the groups of the process that
//! connected, as they were when it did.

use std::ffi::OsString;

use nix::sys::socket::sockopt::GetOsString;

/// How many bytes of groups are read: 1024 groups. The kernel refuses to report only some of them, and a
/// process with more counts as one with unknown groups.
const MOST: usize = 4096;

/// The option. Its value is an array of numbers, which nix reads as bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerGroups;

nix::getsockopt_impl!(
    PeerGroups,
    libc::SOL_SOCKET,
    libc::SO_PEERGROUPS,
    OsString,
    GetOsString<[u8; MOST]>
);
