//! Which numbers of a stream were used lately.
//!
//! On the way out none may be used twice with one key and SSRC: it would give away what both
//! packets carry (RFC 3711 §9.1). On the way in one that comes twice is a replay (§3.3.2).

/// The numbers that were used lately. Each can be taken once.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// One beyond the highest number.
    end: u64,
    /// A bit for each of the numbers before `end`.
    seen: [u64; Used::WORDS],
}

impl Used {
    const WORDS: usize = 16;
    const SPAN: u64 = 64 * Used::WORDS as u64;

    /// Takes a number. False if it was taken before, or is so old that nobody knows.
    pub(crate) fn take(&mut self, sequence: u64) -> bool {
        if sequence >= self.end {
            // The places of the numbers between come around anew.
            let skipped = (sequence - self.end).min(Used::SPAN);
            for number in sequence - skipped..sequence {
                self.clear(number);
            }
            self.end = sequence + 1;
            self.clear(sequence);
        } else if self.end - sequence > Used::SPAN {
            return false;
        }
        let (word, bit) = Used::place(sequence);
        let is_new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_new
    }

    fn clear(&mut self, sequence: u64) {
        let (word, bit) = Used::place(sequence);
        self.seen[word] &= !bit;
    }

    fn place(sequence: u64) -> (usize, u64) {
        let at = sequence % Used::SPAN;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is asked for, no number is given twice.
        #[test]
        fn no_number_is_used_twice(
            start in 0u64..100_000,
            steps in prop::collection::vec((-1_500i64..1_500, any::<bool>()), 1..2_000),
        ) {
            let mut used = Used::default();
            let mut taken = HashSet::new();
            let mut at = start;
            for (step, is_small) in steps {
                let step = if is_small { step % 4 } else { step };
                at = at.saturating_add_signed(step);
                if used.take(at) {
                    prop_assert!(taken.insert(at), "{} was given twice", at);
                } else {
                    let highest = taken.iter().max().copied().unwrap_or(0);
                    prop_assert!(taken.contains(&at) || highest - at >= Used::SPAN);
                }
            }
        }
    }
}
