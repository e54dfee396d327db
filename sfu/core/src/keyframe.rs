//! Coalesces and throttles keyframe requests for one encoding.
//!
//! However many subscribers ask, a publisher sees at most one request in [`INTERVAL`], and
//! requests repeat until the keyframe comes: a request can be lost like any packet.

use std::time::{Duration, Instant};

/// The shortest time between two requests for one encoding.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// The state of one encoding.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyframeRequests {
    wanted: bool,
    last_sent: Option<Instant>,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe came.
    pub(crate) fn on_keyframe(&mut self) {
        self.wanted = false;
    }

    /// Whether a request is to be sent now. True at most once per [`INTERVAL`].
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline.is_none_or(|at| at <= now));
        if due {
            self.last_sent = Some(now);
        }
        due
    }

    /// When [`KeyframeRequests::poll`] has something to say: `Some(None)` means at once.
    pub(crate) fn deadline(&self) -> Option<Option<Instant>> {
        self.wanted.then(|| self.last_sent.map(|at| at + INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn many_askers_make_one_request_per_interval() {
        let mut requests = KeyframeRequests::default();
        let start = epoch();
        let mut sent = 0;
        for millisecond in 0..5_000 {
            requests.want();
            sent += u32::from(requests.poll(start + Duration::from_millis(millisecond)));
        }
        assert_eq!(sent, 10);
    }

    #[test]
    fn requests_stop_when_the_keyframe_comes() {
        let mut requests = KeyframeRequests::default();
        let start = epoch();
        requests.want();
        assert!(requests.poll(start));
        requests.on_keyframe();
        assert!(!requests.poll(start + Duration::from_secs(9)));
        assert_eq!(requests.deadline(), None);
    }
}
