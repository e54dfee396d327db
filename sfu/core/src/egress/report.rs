//! What the server reports on the streams that it sends: sender reports, names, goodbyes
//! (RFC 3550 §6.4.1, §6.5, §6.6), and how long ago their receiver told its time (RFC 3611 §4.5).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// Streams in one report: it has to fit a datagram.
pub(crate) const STREAMS_PER_REPORT: usize = 16;

/// Ties the engine's time to wall clock time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    at: Instant,
    since_1900: Duration,
}

impl WallClock {
    /// `wall` is the time of day at `at`.
    pub(crate) fn new(at: Instant, wall: SystemTime) -> WallClock {
        let since_1970 = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        WallClock { at, since_1900: since_1970 + Duration::from_secs(NTP_TO_UNIX) }
    }

    fn since_1900(&self, now: Instant) -> Duration {
        self.since_1900 + now.saturating_duration_since(self.at)
    }

    /// Seconds since 1900 in 32.32 bits.
    pub(crate) fn ntp(&self, now: Instant) -> u64 {
        let time = self.since_1900(now);
        (time.as_secs() << 32) | ((u64::from(time.subsec_nanos()) << 32) / 1_000_000_000)
    }

    /// `abs-send-time`: seconds in 6.18 bits.
    pub(crate) fn send_time(&self, now: Instant) -> u32 {
        (self.ntp(now) >> 14) as u32 & 0x00ff_ffff
    }
}

/// What is told of one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) ssrc: u32,
    /// The RTP timestamp of what is captured now.
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// Streams with one name are played in sync.
    pub(crate) cname: &'a str,
}

/// A compound packet that reports on these streams at the NTP time `ntp`.
pub(crate) fn report(ntp: u64, senders: &[Sender<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for sender in senders {
        out.extend_from_slice(&[0x80, 200, 0, 6]);
        out.extend_from_slice(&sender.ssrc.to_be_bytes());
        out.extend_from_slice(&ntp.to_be_bytes());
        for word in [sender.timestamp, sender.packets, sender.octets] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    let start = out.len();
    out.extend_from_slice(&[0x80 | senders.len() as u8, 202, 0, 0]);
    for sender in senders {
        out.extend_from_slice(&sender.ssrc.to_be_bytes());
        let name = &sender.cname.as_bytes()[..sender.cname.len().min(255)];
        out.extend_from_slice(&[1, name.len() as u8]);
        out.extend_from_slice(name);
        // At least one zero ends the chunk, which fills whole words.
        out.resize((out.len() + 1).next_multiple_of(4), 0);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    out
}

/// A time that a receiver has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReferenceTime {
    /// Under which SSRC.
    pub(crate) ssrc: u32,
    /// The middle of the time that it had.
    pub(crate) middle: u32,
    /// When it came.
    pub(crate) at: Instant,
}

/// Appends to a compound packet, under the SSRC `ours`, how long before `now` a time came.
pub(crate) fn answer(time: ReferenceTime, ours: u32, now: Instant, out: &mut Vec<u8>) {
    let delay = now.saturating_duration_since(time.at);
    let delay = (delay.as_micros() * 65_536 / 1_000_000) as u32;
    out.extend_from_slice(&[0x80, 207, 0, 5]);
    out.extend_from_slice(&ours.to_be_bytes());
    out.extend_from_slice(&[5, 0, 0, 3]);
    for word in [time.ssrc, time.middle, delay] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// A compound packet that says that these streams, up to 31, have ended.
pub(crate) fn goodbye(ssrcs: &[u32]) -> Vec<u8> {
    let mut out = vec![0x80 | ssrcs.len() as u8, 203, 0, ssrcs.len() as u8];
    ssrcs.iter().for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn times_are_counted_from_1900() {
        let start = epoch();
        let clock = WallClock::new(start, UNIX_EPOCH + Duration::from_millis(10_250));
        let now = start + Duration::from_millis(250);
        assert_eq!(clock.ntp(now), (NTP_TO_UNIX + 10) << 32 | 1 << 31);
        assert_eq!(clock.send_time(now), ((NTP_TO_UNIX + 10) % 64) as u32 * (1 << 18) + (1 << 17));
    }

    #[test]
    fn a_full_report_fits_a_datagram_and_whole_words() {
        let sender = Sender { ssrc: 1, timestamp: 2, packets: 3, octets: 4, cname: "slot-127" };
        let report = report(5, &[sender; STREAMS_PER_REPORT]);
        assert!(report.len() < 1_100, "{} bytes", report.len());
        assert_eq!(report.len() % 4, 0);
        let description = &report[28 * STREAMS_PER_REPORT..];
        let words = u16::from_be_bytes([description[2], description[3]]);
        assert_eq!(description.len(), 4 + 4 * usize::from(words));
    }
}
