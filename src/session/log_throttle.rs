//! Keeps a frequent event from filling the log.

use crate::text::is_power_of_ten;

/// Counts an event, and decides when to log it: the first time, the tenth, the hundredth and so on.
#[derive(Debug, Default)]
pub struct LogThrottle {
    times: u64,
    is_logged: bool,
}

impl LogThrottle {
    /// Counts the event. Returns how often it has happened so far if that should be logged.
    pub fn once_more(&mut self) -> Option<u64> {
        self.times = self.times.saturating_add(1);
        self.is_logged = is_power_of_ten(self.times);
        self.is_logged.then_some(self.times)
    }

    /// How often the event has happened, if that number has not been logged.
    pub fn unlogged(&self) -> Option<u64> {
        (self.times > 0 && !self.is_logged).then_some(self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_logged() {
        let mut throttle = LogThrottle::default();
        let logged: Vec<u64> = (0..2000).filter_map(|_| throttle.once_more()).collect();
        assert_eq!(logged, [1, 10, 100, 1000]);
        assert_eq!(throttle.unlogged(), Some(2000));
        assert_eq!(LogThrottle::default().unlogged(), None);
    }
}
