//! Limits how many clients are being found out about at the same time. A client that is waited for holds a
//! connection that nothing else counts yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::peer::Peer;
use crate::proxy::load::party::Party;

/// How long it may take until a client is admitted.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How many clients may be waited for at the same time, in total and of one user or machine. All containers
/// may run as the same user, and one question may hold up many of their connections.
const MOST: usize = 1024;
const MOST_OF_PARTY: usize = MOST / 4 * 3;

/// The clients that are being found out about, by user or machine.
#[derive(Debug, Default)]
pub(crate) struct Admitting {
    parties: Mutex<HashMap<Party, usize>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Asked {
    admitting: Arc<Admitting>,
    party: Party,
}

impl Admitting {
    /// Counts a client until the result is dropped. `None` if there are too many.
    pub(super) fn begin(self: &Arc<Self>, peer: &Peer) -> Option<Asked> {
        let party = peer.party();
        let mut parties = self.parties.lock();
        let total: usize = parties.values().sum();
        let own = parties.get(&party).copied().unwrap_or_default();
        if total >= MOST || own >= MOST_OF_PARTY {
            return None;
        }
        parties.insert(party, own + 1);
        Some(Asked { admitting: Arc::clone(self), party })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut parties = self.admitting.parties.lock();
        match parties.get_mut(&self.party) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                parties.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(user: u32) -> Peer {
        Peer::Process { user, group: 0, process: None }
    }

    #[test]
    fn no_user_takes_all_places() {
        let admitting = Arc::new(Admitting::default());
        let begin = |of: u32| admitting.begin(&user(of));
        let mut first: Vec<_> = (0..MOST_OF_PARTY).map_while(|_| begin(1)).collect();
        assert_eq!(first.len(), MOST_OF_PARTY);
        assert!(begin(1).is_none());
        let others: Vec<_> = (2..).map_while(begin).collect();
        assert_eq!(others.len(), MOST - MOST_OF_PARTY);
        first.pop();
        assert!(begin(1).is_some());
        drop((first, others));
        assert!(admitting.parties.lock().is_empty());
    }
}
