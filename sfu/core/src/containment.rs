//! Keeps a panic to the session that has caused it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what reads a remote side's bytes. `None` if it panicked: whatever it worked on is not to be
/// used any more.
///
/// SCTP, DTLS and ICE are other people's code with state machines of many thousand lines, and all
/// of it can be reached from the network. A panic in there would otherwise unwind to the worker and
/// end every session on it.
pub(crate) fn contain<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_here() {
        assert_eq!(contain(|| 7), Some(7));
        assert_eq!(contain(|| -> i32 { panic!("on purpose") }), None);
    }
}
