//! Checks whether a profile may be enforced.

use std::path::Path;

use crate::profile::Profile;
use crate::review;
use crate::text::{printable, quoted, spelled};

/// A reviewed profile is required, but this one is not reviewed.
#[derive(Debug, thiserror::Error)]
#[error("{} is not reviewed: {open}", printable(path))]
pub struct NotReviewed {
    path: String,
    open: String,
}

impl NotReviewed {
    /// The command that reviews it.
    #[must_use]
    pub fn help(&self) -> String {
        format!("dsp review {}", quoted(&self.path))
    }
}

/// Fails unless the profile is reviewed in its current form.
///
/// # Errors
/// When something in it is still unreviewed.
pub fn check_reviewed(path: &Path, profile: &Profile) -> Result<(), NotReviewed> {
    if profile.standing().is_reviewed() {
        return Ok(());
    }
    Err(NotReviewed { path: spelled(path), open: review::open_by_name(profile) })
}
