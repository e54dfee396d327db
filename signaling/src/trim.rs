//! Memory goes back to the system when many have left.
//!
//! What participants, readers and rooms free stays with the allocator (glibc), which gives pages back from
//! the end of its heaps alone: one small thing that lives on keeps all that is below it. Without this,
//! 300 participants leave 75 MiB behind that nobody uses.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::metrics::Sources;

/// How often it is looked who is there.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks after which those who left have not come again.
const CALM: u32 = 3;

/// How many are there, and how many were since memory was given back.
#[derive(Debug, Default)]
struct Crowd {
    most: u64,
    calm: u32,
}

impl Crowd {
    /// Now `present` are there. Whether half of them or more have left, and not only for a moment.
    fn has_gone(&mut self, present: u64) -> bool {
        if present >= self.most.div_ceil(2) {
            *self = Crowd { most: self.most.max(present), calm: 0 };
            return false;
        }
        self.calm += 1;
        if self.calm < CALM {
            return false;
        }
        *self = Crowd { most: present, calm: 0 };
        true
    }
}

/// Gives memory back whenever many have left, for ever.
pub async fn watch(sources: Sources) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut crowd = Crowd::default();
    loop {
        ticks.tick().await;
        if crowd.has_gone(sources.present()) {
            // It takes some milliseconds, and each of the allocator's heaps is locked for its part of them.
            drop(tokio::task::spawn_blocking(give_back).await);
        }
    }
}

/// Has the allocator give unused memory back to the system.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes the allocator's own locks, and changes nothing that anybody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After which looks memory is given back.
    fn given_back(looks: &[u64]) -> Vec<usize> {
        let mut crowd = Crowd::default();
        let due = |(at, present): (usize, &u64)| crowd.has_gone(*present).then_some(at);
        looks.iter().enumerate().filter_map(due).collect()
    }

    #[test]
    fn when_half_have_left_and_stay_away() {
        assert!(given_back(&[0, 0, 0, 0, 0]).is_empty());
        assert_eq!(given_back(&[1, 0, 0, 0, 0, 0, 0]), [3], "once");
        assert!(given_back(&[300, 200, 150, 150, 150]).is_empty(), "not yet half");
        assert_eq!(given_back(&[300, 149, 149, 300, 149, 149, 149]), [6], "they came again");
        assert_eq!(given_back(&[300, 100, 100, 100, 40, 40, 40]), [3, 6], "and once more");
    }
}
