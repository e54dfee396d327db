//! How many RTP streams (SSRCs) a remote side may send at a time.
//!
//! str0m keeps something for each SSRC that it has seen, before it can tell whether the packet
//! is authentic. Honest clients have a handful: each encoding of a track and its resends.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// SSRCs at a time: sixteen tracks of three encodings, each with its resends, and some to spare.
pub(crate) const MAX_SOURCES: usize = 128;

/// An SSRC that was silent for this long makes room for another.
const SILENCE: Duration = Duration::from_secs(60);

/// The SSRCs that were heard of one session.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    heard: HashMap<u32, Instant>,
}

impl Sources {
    /// Whether a packet of `ssrc` may be looked at. False for a new SSRC when there are
    /// [`MAX_SOURCES`] others.
    pub(crate) fn admit(&mut self, ssrc: u32, now: Instant) -> bool {
        if let Some(heard) = self.heard.get_mut(&ssrc) {
            *heard = now;
            return true;
        }
        if self.heard.len() >= MAX_SOURCES {
            self.heard.retain(|_, heard| now.saturating_duration_since(*heard) < SILENCE);
        }
        let has_room = self.heard.len() < MAX_SOURCES;
        if has_room {
            self.heard.insert(ssrc, now);
        }
        has_room
    }
}

/// Whether what is RTP or RTCP by its first byte is RTCP by its second (RFC 5761 §4).
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|byte| (64..96).contains(&(byte & 0x7f)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    proptest! {
        /// Whatever comes, no more than the allowed number is kept, and who is heard steadily is
        /// never shut out by others.
        #[test]
        fn sources_are_bounded(ssrcs in prop::collection::vec((any::<u16>(), 0u64..3_000), 1..600)) {
            let mut sources = Sources::default();
            let mut now = epoch();
            prop_assert!(sources.admit(70_000, now));
            for (ssrc, wait) in ssrcs {
                now += Duration::from_millis(wait);
                sources.admit(u32::from(ssrc), now);
                prop_assert!(sources.admit(70_000, now));
                prop_assert!(sources.heard.len() <= MAX_SOURCES);
            }
        }
    }

    #[test]
    fn room_comes_back_when_others_fall_silent() {
        let start = epoch();
        let mut sources = Sources::default();
        assert_eq!((0..1_000).filter(|&ssrc| sources.admit(ssrc, start)).count(), MAX_SOURCES);
        assert!(!sources.admit(5_000, start + SILENCE / 2));
        assert!(sources.admit(5_000, start + SILENCE));
    }
}
