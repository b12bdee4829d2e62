//! Usage errors that involve several arguments, which clap cannot find.

/// A command line that asks for something impossible or without effect. The exit status is 2, as for
/// usage errors that clap finds.
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
