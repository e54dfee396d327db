//! Whether anybody wants to read what is measured only for those who want to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts those who do. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Wishes(Arc<AtomicUsize>);

/// Somebody does, as long as this is kept.
#[derive(Debug)]
pub struct Wish(Arc<AtomicUsize>);

impl Wishes {
    /// One more.
    pub fn wish(&self) -> Wish {
        self.0.fetch_add(1, Ordering::Relaxed);
        Wish(Arc::clone(&self.0))
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_over_when_it_is_dropped() {
        let wishes = Wishes::default();
        let (one, other) = (wishes.wish(), wishes.clone().wish());
        drop(one);
        assert!(wishes.any());
        drop(other);
        assert!(!wishes.any());
    }
}
