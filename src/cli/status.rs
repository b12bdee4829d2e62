//! The exit statuses, the same for every command.

/// An exit status. What each number means is part of the interface and tested for every command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    /// The status of the program that was run, by its own number.
    Child(u8),
    /// Done, and nothing to report.
    Done,
    /// dsp could not do its job. Never a verdict.
    Failed,
    /// dsp could not do its job, and the status belongs to a program that it was to run: 125, as
    /// `docker run` has it.
    FailedForChild,
    /// Something was found: drift, or requests that no rule can be made for.
    Findings,
    /// No verdict is possible on empty, incomplete or lossy evidence.
    NoVerdict,
    /// A signal, or the key for it, ended a dialogue; the number of the signal.
    Signal(u8),
    /// The command line is wrong.
    Usage,
}

impl Status {
    /// The number.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Child(code) => code,
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::FailedForChild => 125,
            Self::Findings => 3,
            Self::NoVerdict => 4,
            Self::Signal(number) => 128 + number,
        }
    }
}
