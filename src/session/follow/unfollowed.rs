//! What `record --follow` does not follow, and why.

use crate::follow::{Form, Uncovered, Unreadable};
use crate::report::count;
use crate::text::printable;

/// Something that may use the engine without being recorded. The workload continues.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unfollowed {
    /// A request that creates something was forwarded unread.
    #[error(
        "the request that creates {} {why}; if it asks for the engine's socket, it is not followed",
        created(noun, name.as_deref())
    )]
    Unread {
        /// What the request creates.
        noun: &'static str,
        /// Its name, if it has one.
        name: Option<String>,
        /// Why dsp did not read it.
        why: WhyUnread,
    },
    /// A path that leads, or may lead, to the engine's socket and that dsp does not replace.
    #[error("{noun} {} {}", called(name.as_deref()), consequence(path))]
    Uncovered {
        /// What the request creates.
        noun: &'static str,
        /// Its name, if it has one.
        name: Option<String>,
        /// The path.
        path: Uncovered,
    },
    /// Something other than a container mounts the engine's socket.
    #[error(
        "{noun} {} mounts the engine's socket; containers of a {noun} are not followed",
        called(name.as_deref())
    )]
    Group {
        /// What the request creates.
        noun: &'static str,
        /// Its name, if it has one.
        name: Option<String>,
    },
    /// A Kubernetes file that names the engine's socket or its folder.
    #[error(
        "a file of Kubernetes names the engine's socket, or its folder; the containers of its pods are \
         not followed"
    )]
    Kubernetes,
    /// A container from an earlier session whose socket cannot be served again.
    #[error("container {} is not followed again: {error}", printable(name))]
    Earlier {
        /// Its name.
        name: String,
        /// What went wrong.
        error: String,
    },
}

/// A container that should have been recorded but was not. The recording is incomplete.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FollowFailure {
    /// The limit on open files leaves no room for another socket.
    #[error(
        "container {} and others after it are not followed: {} have a socket, and the limit of open \
         files has no room for more",
        called(name.as_deref()), count(*sockets, "container")
    )]
    Full {
        /// The name of the first of these containers.
        name: Option<String>,
        /// How many containers have a socket.
        sockets: usize,
    },
    /// Its socket cannot be served.
    #[error("container {} is not followed: {error}", called(name.as_deref()))]
    Socket {
        /// Its name.
        name: Option<String>,
        /// What went wrong.
        error: String,
    },
    /// Its recording cannot be started.
    #[error("container {} is not recorded: {error}", printable(name))]
    Recording {
        /// Its name.
        name: String,
        /// What went wrong.
        error: String,
    },
}

/// Why dsp forwards a request unread. The text completes a sentence about the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WhyUnread {
    /// Its body cannot be read before it is forwarded.
    #[error("is too long or cannot be read ahead")]
    NotAhead,
    /// It is unknown what the request asks for.
    #[error("is of a version or in a form that dsp does not know")]
    Unknown,
    /// Engines may read its body differently from dsp.
    #[error("{}", reason(*.0))]
    Body(Unreadable),
}

/// What a body of this form creates.
pub(super) fn noun(form: Form) -> &'static str {
    match form {
        Form::Container | Form::Libpod => "container",
        Form::Pod => "pod",
        Form::Service => "service",
        Form::Volume => "volume",
    }
}

fn called(name: Option<&str>) -> String {
    name.map_or_else(|| "without a name".to_owned(), printable)
}

fn created(noun: &str, name: Option<&str>) -> String {
    name.map_or_else(|| format!("a {noun}"), |name| format!("{noun} {}", printable(name)))
}

fn reason(why: Unreadable) -> &'static str {
    match why {
        Unreadable::Bytes => "has bytes that are not UTF-8, which engines read differently",
        Unreadable::Json => "is not JSON that all engines read alike",
        Unreadable::Much => "has more mounts, or deeper ones, than dsp looks at",
    }
}

/// Completes a sentence about something that has a path which dsp does not replace.
fn consequence(uncovered: &Uncovered) -> String {
    match uncovered {
        Uncovered::Folder(path) => format!(
            "mounts {}, which contains the engine's socket; what it asks through that is not recorded",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_where_there_is_one_and_is_made_safe() {
        let unread = |name: Option<&str>| {
            let name = name.map(str::to_owned);
            Unfollowed::Unread { noun: "pod", name, why: WhyUnread::NotAhead }.to_string()
        };
        assert!(unread(None).starts_with("the request that creates a pod is too long or"));
        assert!(unread(Some("x\u{1b}")).starts_with("the request that creates pod x\\u{1b} is"));
        let full = FollowFailure::Full { name: None, sockets: 1 }.to_string();
        assert!(full.starts_with("container without a name and others after it are not"), "{full}");
        assert!(full.contains(": 1 container have a socket"), "{full}");
    }
}
