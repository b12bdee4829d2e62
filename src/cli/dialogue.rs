//! What the two dialogues of `review` share: how they end, and how they save.

use std::path::Path;

use crate::review::{Draft, Leaving, Session};
use crate::session::ProfileChange;

/// How a dialogue ended.
pub(super) enum End {
    Left(Leaving),
    /// A signal with this number arrived.
    Signal(u8),
}

/// Saves a decision, unless the file was changed in the meantime: then the review shows its new content.
pub(super) fn save(session: &mut Session, before: &str, path: &Path) -> anyhow::Result<()> {
    let change = ProfileChange::begin(path)?;
    if change.text() == before {
        change.finish(session.draft().file_text())?;
    } else {
        session.begin_again(Draft::new(change.text().to_owned(), change.profile().clone()));
    }
    Ok(())
}
