//! What all pages of a run write down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::measure::{Count, Recorder};

/// Counts and times of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// `connect` is from a guest's `hello` until both sides are ready; `packets` are pieces that came, `bytes`
    /// those that were verified, and `damaged` are blocks.
    pub(super) recorder: Arc<Recorder>,
    /// Who is there now. Who failed stays counted.
    pub(super) present: Arc<AtomicUsize>,
    /// Participants that came in.
    pub(super) joins: Count,
    /// Bytes and time of each file that came whole.
    files: Mutex<Vec<(u64, Duration)>>,
}

impl Tally {
    pub(super) fn came(&self) {
        self.joins.one();
        self.present.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn went(&self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }

    /// A file came whole: its bytes, and the time from the offer.
    pub(super) fn fetched(&self, bytes: u64, time: Duration) {
        self.files().push((bytes, time));
    }

    /// Bytes a second of each file that came whole, the slowest first.
    pub(super) fn rates(&self) -> Vec<f64> {
        let rate = |(bytes, time): &(u64, Duration)| *bytes as f64 / time.as_secs_f64().max(1e-6);
        let mut rates: Vec<f64> = self.files().iter().map(rate).collect();
        rates.sort_by(f64::total_cmp);
        rates
    }

    fn files(&self) -> MutexGuard<'_, Vec<(u64, Duration)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
