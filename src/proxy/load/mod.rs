//! What clients can use of this process: how connections, threads, memory and turns are divided.

pub(super) mod control;
pub(super) mod eviction;
pub(super) mod limits;
pub(super) mod memory;
pub(super) mod party;
pub(super) mod registry;
pub(super) mod turns;
pub(super) mod workers;
