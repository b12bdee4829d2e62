//! What `record --follow` says of what it does not follow.

use crate::follow::{Form, Uncovered, Unreadable};
use crate::report::printable;

/// What a body of this form makes.
pub(super) fn noun(form: Form) -> &'static str {
    match form {
        Form::Container | Form::Libpod => "container",
        Form::Pod => "pod",
        Form::Service => "service",
        Form::Volume => "volume",
    }
}

/// What is said of a request that cannot be read as the engine may read it.
pub(super) fn reason(why: Unreadable) -> &'static str {
    match why {
        Unreadable::Bytes => "has bytes that are not UTF-8, which engines read differently",
        Unreadable::Json => "is not JSON that all engines read alike",
        Unreadable::Much => "has more mounts, or deeper ones, than dsp looks at",
    }
}

/// What is said of a path that is not replaced, after the name of what has it.
pub(super) fn consequence(uncovered: &Uncovered) -> String {
    match uncovered {
        Uncovered::Folder(path) => format!(
            "mounts {}, which holds the engine's socket; what it asks through that is not recorded",
            printable(path)
        ),
        Uncovered::Unknown(path) => format!(
            "mounts {}, which dsp may not look at, or which is another file for the engine; if it is \
             the engine's socket, what it asks through that is not recorded",
            printable(path)
        ),
        Uncovered::Named { path, field } => format!(
            "has {} in {}, which is the engine's socket or its folder, and dsp does not replace it \
             there; what it asks through that is not recorded",
            printable(path),
            printable(field)
        ),
    }
}
