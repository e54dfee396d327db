//! One track flowing to one session: gate, rewriting, payload type.

use std::sync::Arc;

use crate::packet::{Outgoing, Packet};
use crate::rewrite::{Numbers, Rewrite};
use crate::select::{Gate, Verdict};
use crate::session::{Format, PayloadType, Session};
use crate::stats::DropReason;

/// In how many device pixels the receiver shows a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Viewport {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Viewport {
    /// Of a receiver that has not told: the best picture is none too many.
    pub(crate) const UNKNOWN: Viewport = Viewport { width: u32::MAX, height: u32::MAX };

    /// Nobody sees the video.
    pub(crate) fn is_hidden(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Whether a picture fills it without being enlarged.
    pub(crate) fn is_filled_by(self, (width, height): (u16, u16)) -> bool {
        u32::from(width) >= self.width && u32::from(height) >= self.height
    }
}

/// A track bound to a slot line of a session.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// The subscriber, by the engine's index.
    pub(crate) session: usize,
    /// The slot line, by the session's index.
    pub(crate) line: usize,
    /// Which packets pass.
    pub(crate) gate: Gate,
    viewport: Viewport,
    /// The slot's stream state, lent for as long as the track is bound to it.
    rewrite: Rewrite,
    /// The format that came last, and what the subscriber calls it.
    payload_type: Option<(Arc<Format>, Option<PayloadType>)>,
}

impl Subscription {
    /// `rewrite` is the slot's own: the stream goes on where the slot's last track left it.
    pub(crate) fn new(
        session: usize,
        line: usize,
        mut rewrite: Rewrite,
        viewport: Viewport,
    ) -> Subscription {
        rewrite.switch();
        let gate = Gate::default();
        Subscription { session, line, gate, viewport, rewrite, payload_type: None }
    }

    /// How large the receiver shows it.
    pub(crate) fn viewport(&self) -> Viewport {
        self.viewport
    }

    /// The receiver shows it in another size. Hidden, it is paused: nothing passes before the next
    /// keyframe after it is shown again.
    pub(crate) fn set_viewport(&mut self, viewport: Viewport) {
        self.viewport = viewport;
        if viewport.is_hidden() {
            self.gate.close();
        }
    }

    /// The encoding from which a keyframe is awaited, by somebody who sees it.
    pub(crate) fn awaits(&self) -> Option<u32> {
        self.gate.awaits().filter(|_| !self.viewport.is_hidden())
    }

    /// Gives the slot's stream state back.
    pub(crate) fn into_rewrite(self) -> Rewrite {
        self.rewrite
    }

    /// Payload types may have changed with a new offer.
    pub(crate) fn forget_payload_type(&mut self) {
        self.payload_type = None;
    }

    /// The packet as the subscriber gets it, or why not.
    pub(crate) fn forward(
        &mut self,
        packet: &Packet,
        subscriber: &Session,
    ) -> Result<Outgoing, DropReason> {
        if !subscriber.is_connected() {
            // A keyframe that nobody gets must not open the gate.
            return Err(DropReason::NotConnected);
        }
        if self.viewport.is_hidden() {
            return Err(DropReason::Paused);
        }
        let payload_type =
            self.payload_type(packet, subscriber).ok_or(DropReason::CodecNotOffered)?;
        match self.gate.judge(packet.ssrc, packet.starts_keyframe) {
            Verdict::Forward => {}
            Verdict::Switch => self.rewrite.switch(),
            Verdict::Drop(reason) => return Err(reason),
        }
        let numbers = self.rewrite.apply(
            Numbers {
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                picture_ids: packet.picture_ids,
            },
            packet.format.clock_rate,
            packet.arrived,
        )?;
        Ok(Outgoing {
            content: Arc::clone(&packet.content),
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            payload_type: payload_type.media,
            resend_type: payload_type.resend,
            picture_ids: numbers.picture_ids,
        })
    }

    fn payload_type(&mut self, packet: &Packet, subscriber: &Session) -> Option<PayloadType> {
        match &self.payload_type {
            Some((format, payload_type)) if Arc::ptr_eq(format, &packet.format) => *payload_type,
            _ => {
                let line = subscriber.slots.line(self.line)?;
                let found = subscriber.payload_type(line, &packet.format);
                self.payload_type = Some((Arc::clone(&packet.format), found));
                found
            }
        }
    }
}
