//! `record --follow` gives each container that mounts the engine's socket its own recording socket
//! instead.
//!
//! `Follower` keeps track of all containers and of what went wrong. `Followed` is the sink for one
//! client, which is the command or a container. It reads requests that create containers, and opens
//! their sockets.

mod adopt;
mod asks;
mod container;
mod end;
mod follower;
mod sink;
#[cfg(test)]
mod tests;
mod unfollowed;

pub use end::{FollowEnd, FollowedContainer, Recorded};
pub use follower::{ContainerSessions, FollowError};
pub(super) use follower::{FollowOptions, Follower};
pub(super) use sink::Followed;
pub use unfollowed::{FollowFailure, Unfollowed, WhyUnread};
