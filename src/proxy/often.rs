//! Something that may happen often and is told of seldom.

/// Counts, and says when to tell: the first time, the tenth, the hundredth and so on.
#[derive(Debug, Default)]
pub struct Often {
    times: u64,
    is_told: bool,
}

impl Often {
    /// It has happened once more: how often by now, if that is worth a word.
    pub fn once_more(&mut self) -> Option<u64> {
        self.times = self.times.saturating_add(1);
        let mut round = self.times;
        while round.is_multiple_of(10) {
            round /= 10;
        }
        self.is_told = round == 1;
        self.is_told.then_some(self.times)
    }

    /// How often it has happened, if that is not what was told last.
    pub fn untold(&self) -> Option<u64> {
        (self.times > 0 && !self.is_told).then_some(self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_told() {
        let mut often = Often::default();
        let told: Vec<u64> = (0..2000).filter_map(|_| often.once_more()).collect();
        assert_eq!(told, [1, 10, 100, 1000]);
        assert_eq!(often.untold(), Some(2000));
        assert_eq!(Often::default().untold(), None);
    }
}
