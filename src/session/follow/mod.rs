//! `record --follow`: each container that mounts the engine's socket gets a recording socket of its
//! own in its place.
//!
//! [`Follower`] knows all containers and what went wrong. [`Followed`] is the sink for one client, the
//! command or a container: it reads what creates containers and opens their sockets.

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
pub use follower::{FollowError, FollowOptions, Follower};
pub use sink::{Followed, LONGEST_BODY};
pub use unfollowed::{FollowFailure, Unfollowed, WhyUnread};
