//! Byte streams, and the buffers between them.

pub(super) mod closing;
pub(super) mod hang_up;
pub(super) mod outbox;
pub(super) mod scratch;
pub(super) mod timer;
