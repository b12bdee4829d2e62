//! What clients can use of this process: how connections, threads, memory and turns are divided.

use std::collections::HashMap;

pub(super) mod control;
pub(super) mod eviction;
pub(super) mod limits;
pub(super) mod memory;
pub(super) mod party;
pub(super) mod registry;
pub(super) mod turns;
pub(super) mod workers;

/// A map by client. Each connection looks its client up a dozen times, and a hash of the standard library
/// takes a hundred instructions. A client can choose its address and its process number, but not the seed.
type ByClient<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
