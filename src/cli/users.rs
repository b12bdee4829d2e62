//! Users and groups by name, as the files of the system have them.

use anyhow::{Context, bail};

use super::args::Listen;
use crate::proxy::Access;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

impl Listen {
    /// Who may connect, names looked up.
    pub(super) fn access(&self) -> anyhow::Result<Access> {
        let all = |names: &[String], file| -> anyhow::Result<Vec<u32>> {
            names.iter().map(|name| number(name, file)).collect()
        };
        Ok(Access {
            anywhere: self.insecure_tcp,
            mode: self.mode,
            owner: self.owner.as_deref().map(|name| number(name, USERS)).transpose()?,
            group: self.group.as_deref().map(|name| number(name, GROUPS)).transpose()?,
            users: all(&self.allow_uid, USERS).context("--allow-uid is wrong")?,
            groups: all(&self.allow_gid, GROUPS).context("--allow-gid is wrong")?,
        })
    }
}

/// The number of a user or group, which may be given instead of the name.
fn number(name: &str, file: &str) -> anyhow::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_meant = fields.next() == Some(name);
        is_meant.then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    match found {
        Some(number) => Ok(number),
        None => bail!("{name:?} is not in {file}; a number will do as well"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_taken() {
        assert_eq!(number("17", USERS).unwrap(), 17);
        assert_eq!(number("root", USERS).unwrap(), 0);
        assert_eq!(number("root", GROUPS).unwrap(), 0);
        let error = number("no such\u{1b}", USERS).unwrap_err().to_string();
        assert!(error.contains("no such\\u{1b}"), "{error}");
    }
}
