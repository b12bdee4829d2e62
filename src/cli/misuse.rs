//! Wrong usage that shows only when arguments are looked at together.

/// A command line that asks for what cannot be, or for what would do nothing. The exit status is 2, as
/// for what clap refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);

/// Returns a [`Misuse`] with this message.
macro_rules! misuse {
    ($($message:tt)*) => {
        return Err($crate::cli::misuse::Misuse(format!($($message)*)).into())
    };
}

pub(super) use misuse;
