//! Which of the transmits that have not left yet is whose: what else a session gets may go along.

/// The last transmit of each session, by the engine's index, until all have left.
#[derive(Debug)]
pub(crate) struct Unsent {
    round: u64,
    /// In which round, and where among the transmits.
    last: Vec<(u64, usize)>,
}

impl Default for Unsent {
    fn default() -> Unsent {
        // No entry is of this round.
        Unsent { round: 1, last: Vec::new() }
    }
}

impl Unsent {
    /// The last one of a session, if it has any.
    pub(crate) fn of(&self, session: usize) -> Option<usize> {
        let (round, transmit) = *self.last.get(session)?;
        (round == self.round).then_some(transmit)
    }

    /// The last one of a session is this one.
    pub(crate) fn note(&mut self, session: usize, transmit: usize) {
        if self.last.len() <= session {
            self.last.resize(session + 1, (0, 0));
        }
        self.last[session] = (self.round, transmit);
    }

    /// All have left.
    pub(crate) fn clear(&mut self) {
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_left_takes_nothing_along() {
        let mut unsent = Unsent::default();
        assert_eq!(unsent.of(3), None);
        unsent.note(3, 7);
        unsent.note(1, 8);
        assert_eq!((unsent.of(3), unsent.of(1), unsent.of(2)), (Some(7), Some(8), None));
        unsent.clear();
        assert_eq!(unsent.of(3), None);
    }
}
