//! Decides for one subscriber which packets of a track pass. Pure: no clock, no I/O.
//!
//! A track has one encoding (SSRC) or several (simulcast layers). A subscriber gets one at a
//! time. Video starts and switches on a keyframe only: Firefox would show the old picture for
//! seconds and not even ask for a new one.

use crate::stats::DropReason;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Forward,
    /// It goes on, as the first of a new source.
    Switch,
    /// It goes no further.
    Drop(DropReason),
}

/// The gate of one subscription.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gate {
    /// The encoding that flows.
    current: Option<u32>,
    /// The encoding wanted. While it differs from `current`, a keyframe is awaited.
    target: Option<u32>,
}

impl Gate {
    /// The encoding wanted from now on.
    pub(crate) fn set_target(&mut self, ssrc: u32) {
        self.target = Some(ssrc);
    }

    /// Starts over: nothing passes before the next keyframe.
    pub(crate) fn close(&mut self) {
        self.current = None;
    }

    /// The encoding from which a keyframe is awaited.
    pub(crate) fn awaits(&self) -> Option<u32> {
        self.target.filter(|_| self.current != self.target)
    }

    /// The encoding that flows, or that is to flow.
    pub(crate) fn flows(&self) -> Option<u32> {
        self.current.or(self.target)
    }

    /// Judges one packet of encoding `ssrc`.
    pub(crate) fn judge(&mut self, ssrc: u32, starts_keyframe: bool) -> Verdict {
        if self.current == Some(ssrc) {
            return Verdict::Forward;
        }
        if self.target != Some(ssrc) {
            return Verdict::Drop(DropReason::OtherLayer);
        }
        if !starts_keyframe {
            return Verdict::Drop(DropReason::AwaitingKeyframe);
        }
        self.current = Some(ssrc);
        Verdict::Switch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_before_a_keyframe() {
        let mut gate = Gate::default();
        gate.set_target(1);
        assert_eq!(gate.judge(1, false), Verdict::Drop(DropReason::AwaitingKeyframe));
        assert_eq!(gate.judge(1, true), Verdict::Switch);
        assert_eq!(gate.judge(1, false), Verdict::Forward);
    }

    #[test]
    fn the_old_layer_flows_until_the_new_one_has_a_keyframe() {
        let mut gate = Gate::default();
        gate.set_target(1);
        gate.judge(1, true);
        gate.set_target(2);
        assert_eq!(gate.awaits(), Some(2));
        assert_eq!(gate.judge(1, false), Verdict::Forward);
        assert_eq!(gate.judge(2, false), Verdict::Drop(DropReason::AwaitingKeyframe));
        assert_eq!(gate.judge(2, true), Verdict::Switch);
        assert_eq!(gate.judge(1, false), Verdict::Drop(DropReason::OtherLayer));
        assert_eq!(gate.awaits(), None);
    }

    #[test]
    fn a_closed_gate_waits_for_a_keyframe_again() {
        let mut gate = Gate::default();
        gate.set_target(1);
        gate.judge(1, true);
        gate.close();
        assert_eq!(gate.awaits(), Some(1));
        assert_eq!(gate.judge(1, false), Verdict::Drop(DropReason::AwaitingKeyframe));
    }
}
