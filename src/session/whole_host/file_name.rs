//! The names of recordings.

use std::fs;
use std::path::{Path, PathBuf};

use crate::recording::{Event, Reader, SessionClient};

/// How many characters of a name are used.
const LONGEST: usize = 100;

/// The recording of clients that are no program of their own.
pub(super) const OTHERS: &str = "others";

/// How many recordings may have similar names.
pub(super) const MOST_ALIKE: usize = 1000;

/// The recording of a program in this folder: a new one, or the one that it had before; `None` if too many
/// recordings have similar names. `is_free` says whether no other program has it now.
pub(super) fn recording_of(
    folder: &Path,
    client: &SessionClient,
    is_free: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let stem = stem(client);
    let names = (1..=MOST_ALIKE).map(|number| match number {
        1 => format!("{stem}.jsonl"),
        _ => format!("{stem}-{number}.jsonl"),
    });
    let mut paths = names.map(|name| folder.join(name));
    let is_its = |path: &PathBuf| is_free(path) && is_new_or_of(path, client);
    paths.find(is_its)
}

/// The name of a program's recording. The names of containers come from clients, so they may contain
/// anything.
fn stem(client: &SessionClient) -> String {
    let name = match client {
        SessionClient::Login(user) => format!("login-{user}"),
        SessionClient::Container(name) => {
            name.trim_start_matches("name:").trim_start_matches("service:").to_owned()
        }
        SessionClient::Unit(name) => name.clone(),
    };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    let plain = |letter: char| if is_plain(letter) { letter } else { '-' };
    let name: String = name.chars().map(plain).take(LONGEST).collect();
    match name.trim_start_matches(['.', '-']) {
        "" | OTHERS => format!("{}-{OTHERS}", client.key()),
        name => name.to_owned(),
    }
}

/// Whether the file does not exist, as far as dsp can see, or its first session is of these clients.
fn is_new_or_of(path: &Path, client: &SessionClient) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        // A link or a pipe is not dsp's.
        Ok(_) => return false,
        // If it cannot be looked at, writing it says why.
        Err(_) => return true,
    }
    let first = Reader::open(path).ok().and_then(|mut events| events.next()?.ok());
    matches!(first, Some(Event::Session(session)) if session.client.as_ref() == Some(client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Session, Writer};

    #[test]
    fn the_file_is_in_the_folder_whatever_the_name() {
        for (client, expected) in [
            (SessionClient::Container("traefik".into()), "traefik"),
            (SessionClient::Container("shop/front".into()), "shop-front"),
            (SessionClient::Container("name:0123456789ab".into()), "0123456789ab"),
            (SessionClient::Unit("backup.service".into()), "backup.service"),
            (SessionClient::Unit("user@7.service/x.service".into()), "user-7.service-x.service"),
            (SessionClient::Login("alice".into()), "login-alice"),
            (SessionClient::Login("../\u{1b}".into()), "login-..--"),
            (SessionClient::Container("../../etc/x".into()), "etc-x"),
            (SessionClient::Container("-o".into()), "o"),
            (SessionClient::Container("others".into()), "container-others"),
            (SessionClient::Container("...".into()), "container-others"),
        ] {
            assert_eq!(stem(&client), expected);
        }
        assert_eq!(stem(&SessionClient::Container("é".repeat(300))), "container-others");
        assert_eq!(stem(&SessionClient::Container("a".repeat(300))).len(), LONGEST);
    }

    #[test]
    fn a_program_has_the_file_that_it_had_and_no_other_one() {
        let folder = tempfile::tempdir().unwrap();
        let name = |client: &SessionClient| {
            let path = recording_of(folder.path(), client, |_| true).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let (one, other) =
            (SessionClient::Container("a-b".into()), SessionClient::Container("a/b".into()));
        assert_eq!((name(&one), name(&other)), ("a-b.jsonl".into(), "a-b.jsonl".into()));
        let session = Session { client: Some(one.clone()), ..Session::begin(Vec::new()) };
        Writer::create(&folder.path().join("a-b.jsonl"), &session).unwrap().end(None);
        assert_eq!((name(&one), name(&other)), ("a-b.jsonl".into(), "a-b-2.jsonl".into()));
        std::fs::write(folder.path().join("a-b-2.jsonl"), "something else").unwrap();
        assert_eq!(name(&other), "a-b-3.jsonl");
        std::os::unix::fs::symlink("/none", folder.path().join("a-b-3.jsonl")).unwrap();
        assert_eq!(name(&other), "a-b-4.jsonl");
        let taken = recording_of(folder.path(), &one, |path| !path.ends_with("a-b.jsonl"));
        assert!(taken.as_ref().unwrap().ends_with("a-b-4.jsonl"), "{taken:?}");
        assert_eq!(recording_of(folder.path(), &one, |_| false), None);
    }
}
