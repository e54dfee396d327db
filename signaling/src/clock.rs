//! The time as rooms are told it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signaling_core::room::Now;
use tokio::time::Instant;

/// Counts from the server's start, so that all rooms mean the same by a moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: self.start.elapsed(),
            unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The moment that a room's deadline means.
    pub fn instant(&self, monotonic: Duration) -> Instant {
        self.start + monotonic
    }
}
