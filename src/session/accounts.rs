//! The numbers of users and groups.

use nix::unistd::{Gid, Group, Uid, User};

use crate::text::printable;

/// The largest number of a user or group. The next one, -1, means "leave it as it is" (chown(2)).
const LARGEST: u32 = u32::MAX - 1;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Account {
    /// A user.
    User,
    /// A group.
    Group,
}

/// Why a user or a group has no number.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The number is not one of a user or a group.
    #[error("{number} is too large; the largest is {LARGEST}")]
    TooLarge {
        /// What was written.
        number: String,
    },
    /// The system gives a name the number that means nobody.
    #[error("{kind} \"{}\" has number {number}, which means no {kind}", printable(name))]
    Nobody {
        /// A user or a group.
        kind: &'static str,
        /// What was written.
        name: String,
        /// Its number.
        number: u32,
    },
    /// The system does not know the name.
    #[error("this system has no {kind} \"{}\"; use a number instead", printable(name))]
    Unknown {
        /// A user or a group.
        kind: &'static str,
        /// What was written.
        name: String,
    },
    /// The system cannot look it up.
    #[error("cannot look up {kind} \"{}\": {source}; use a number instead", printable(name))]
    System {
        /// A user or a group.
        kind: &'static str,
        /// What was written.
        name: String,
        /// Its error.
        source: nix::Error,
    },
}

impl Account {
    /// Returns the number of a user or group, which may be given as a number or a name.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn number(self, name: &str) -> Result<u32, AccountError> {
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = name.parse().ok().filter(|number| *number <= LARGEST);
            return number.ok_or_else(|| AccountError::TooLarge { number: name.to_owned() });
        }
        let (kind, name) = (self.word(), name.to_owned());
        match self.look_up(&name) {
            Ok(Some(number)) if number <= LARGEST => Ok(number),
            Ok(Some(number)) => Err(AccountError::Nobody { kind, name, number }),
            Ok(None) => Err(AccountError::Unknown { kind, name }),
            Err(source) => Err(AccountError::System { kind, name, source }),
        }
    }

    /// Returns the name of a user or group; `None` if the system knows none.
    pub(super) fn name(self, number: u32) -> Option<String> {
        match self {
            Self::User => User::from_uid(Uid::from_raw(number)).ok().flatten().map(|it| it.name),
            Self::Group => Group::from_gid(Gid::from_raw(number)).ok().flatten().map(|it| it.name),
        }
    }

    /// Asks the system, which also knows users and groups from other sources than files, such as LDAP.
    fn look_up(self, name: &str) -> nix::Result<Option<u32>> {
        match self {
            Self::User => User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())),
            Self::Group => {
                Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw()))
            }
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_taken() {
        assert_eq!(Account::User.number("17").unwrap(), 17);
        assert_eq!(Account::User.number("root").unwrap(), 0);
        assert_eq!(Account::Group.number("root").unwrap(), 0);
        assert_eq!(Account::User.name(0).as_deref(), Some("root"));
        assert_eq!(Account::User.name(LARGEST - 1), None);
        assert_eq!(Account::User.number("4294967294").unwrap(), LARGEST);
        for wrong in ["4294967295", "4294967296", "99999999999999999999", "-1", "+5", "", "a\0b"] {
            for kind in [Account::User, Account::Group] {
                assert!(kind.number(wrong).is_err(), "{wrong}");
            }
        }
        let error = Account::User.number("no such\u{1b}\u{202e}").unwrap_err().to_string();
        assert_eq!(
            error,
            "this system has no user \"no such\\u{1b}\\u{202e}\"; use a number instead"
        );
    }

    /// `getent` lists entries from all of the system's sources, not only from files.
    #[test]
    fn each_name_that_the_system_knows_has_its_number() {
        for (database, kind) in [("passwd", Account::User), ("group", Account::Group)] {
            let ask = |arguments: &[&str]| {
                let asked = std::process::Command::new("getent").args(arguments).output().unwrap();
                String::from_utf8(asked.stdout).unwrap()
            };
            // systemd resolves these names, but does not list them.
            let listed = [&[database][..], &[database, "nobody"], &[database, "nogroup"]];
            let listed = listed.map(ask).concat();
            assert!(listed.lines().count() > 1, "{listed}");
            for line in listed.lines() {
                let fields: Vec<&str> = line.split(':').collect();
                assert_eq!(kind.number(fields[0]).unwrap().to_string(), fields[2], "{line}");
            }
        }
    }
}
