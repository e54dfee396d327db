//! What a path does to what goes over it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest delay or jitter: beyond it a path is an outage.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How one direction of a path treats datagrams, and, as far as it says so, the bytes of streams.
/// The default is a perfect path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Impairment {
    /// Bits per second of payload, streams included; 0 for no limit.
    pub rate: u64,
    /// Bytes that may wait for the link when the rate is limited. Datagrams beyond it are dropped;
    /// an idle link takes one of any size.
    pub queue: u64,
    /// Milliseconds on the way, for streams as well.
    pub delay_ms: u64,
    /// Milliseconds by which the delay varies both ways, evenly. It changes no order, for streams
    /// as well.
    pub jitter_ms: u64,
    /// The share of datagrams, 0 to 1, that those behind them overtake.
    pub reorder: f64,
    /// The share of datagrams, 0 to 1, that come twice.
    pub duplicate: f64,
    /// The share of datagrams, 0 to 1, that get lost.
    pub loss: f64,
}

impl Default for Impairment {
    fn default() -> Self {
        Impairment {
            rate: 0,
            // A quarter of a second at 2 Mbit/s.
            queue: 64 * 1_024,
            delay_ms: 0,
            jitter_ms: 0,
            reorder: 0.0,
            duplicate: 0.0,
            loss: 0.0,
        }
    }
}

/// Some fields of an [`Impairment`] that are to be different.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// [`Impairment::rate`]
    pub rate: Option<u64>,
    /// [`Impairment::queue`]
    pub queue: Option<u64>,
    /// [`Impairment::delay_ms`]
    pub delay_ms: Option<u64>,
    /// [`Impairment::jitter_ms`]
    pub jitter_ms: Option<u64>,
    /// [`Impairment::reorder`]
    pub reorder: Option<f64>,
    /// [`Impairment::duplicate`]
    pub duplicate: Option<f64>,
    /// [`Impairment::loss`]
    pub loss: Option<f64>,
}

/// A value that no path can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImpairmentError {
    /// A share is not between 0 and 1.
    #[error("`{0}` is a share of the datagrams: give a number from 0 to 1")]
    Share(&'static str),
    /// A time is too long.
    #[error("`{0}` may be 60000 at most; for longer, order an outage")]
    Time(&'static str),
}

impl Impairment {
    /// The impairment with the change made.
    ///
    /// # Errors
    ///
    /// When the outcome is none that a path can have; it names the field.
    pub fn with(self, change: Change) -> Result<Impairment, ImpairmentError> {
        let changed = Impairment {
            rate: change.rate.unwrap_or(self.rate),
            queue: change.queue.unwrap_or(self.queue),
            delay_ms: change.delay_ms.unwrap_or(self.delay_ms),
            jitter_ms: change.jitter_ms.unwrap_or(self.jitter_ms),
            reorder: change.reorder.unwrap_or(self.reorder),
            duplicate: change.duplicate.unwrap_or(self.duplicate),
            loss: change.loss.unwrap_or(self.loss),
        };
        for (name, share) in
            [("reorder", changed.reorder), ("duplicate", changed.duplicate), ("loss", changed.loss)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(ImpairmentError::Share(name));
            }
        }
        for (name, time) in [("delay_ms", changed.delay_ms), ("jitter_ms", changed.jitter_ms)] {
            if Duration::from_millis(time) > LONGEST_DELAY {
                return Err(ImpairmentError::Time(name));
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let lossy = Impairment { loss: 0.1, ..Impairment::default() };
        let change: Change = serde_json::from_str(r#"{"delay_ms": 30}"#).expect("a change");
        assert_eq!(lossy.with(change), Ok(Impairment { delay_ms: 30, ..lossy }));
    }

    #[test]
    fn what_no_path_can_have_is_refused_by_name() {
        for (change, error) in [
            (r#"{"loss": 1.5}"#, ImpairmentError::Share("loss")),
            (r#"{"duplicate": -0.1}"#, ImpairmentError::Share("duplicate")),
            (r#"{"jitter_ms": 60001}"#, ImpairmentError::Time("jitter_ms")),
        ] {
            let change = serde_json::from_str(change).expect("a change");
            assert_eq!(Impairment::default().with(change), Err(error));
        }
        assert!(serde_json::from_str::<Change>(r#"{"lost": 0.1}"#).is_err());
    }
}
