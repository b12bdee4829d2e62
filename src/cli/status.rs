//! The exit statuses, the same for every command.

/// An exit status. What each number means is part of the interface and tested for every command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    /// The exit status of the program that dsp ran.
    Child(u8),
    /// Done, and nothing to report.
    Done,
    /// dsp failed. Never a verdict.
    Failed,
    /// dsp itself failed, in a command that returns the status of a program: 125, as with
    /// `docker run`.
    FailedForChild,
    /// Something was found: drift, or requests that no rule can be made for.
    Findings,
    /// No verdict is possible on empty, incomplete or lossy evidence.
    NoVerdict,
    /// A signal with this number, or the key for it, ended a dialogue.
    Signal(u8),
    /// The command line is wrong.
    Usage,
}

impl Status {
    /// The exit status as a number.
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
