//! One track flowing to one session: gate, rewriting, payload type.

use std::sync::Arc;

use crate::packet::{Outgoing, Packet};
use crate::rewrite::{Numbers, Rewrite};
use crate::select::{Gate, Verdict};
use crate::session::{Format, Session};
use crate::stats::DropReason;

/// A track bound to a slot line of a session.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// The subscriber, by the engine's index.
    pub(crate) session: usize,
    /// The slot line, by the session's index.
    pub(crate) line: usize,
    /// Which packets pass.
    pub(crate) gate: Gate,
    /// The slot's stream state, lent for as long as the track is bound to it.
    rewrite: Rewrite,
    /// The format that came last, and what the subscriber calls it.
    payload_type: Option<(Arc<Format>, Option<u8>)>,
}

impl Subscription {
    /// `rewrite` is the slot's own: the stream goes on where the slot's last track left it.
    pub(crate) fn new(session: usize, line: usize, mut rewrite: Rewrite) -> Subscription {
        rewrite.switch();
        Subscription { session, line, gate: Gate::default(), rewrite, payload_type: None }
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
            line: self.line,
            payload_type,
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            marker: packet.marker,
            captured: packet.captured,
            payload: Arc::clone(&packet.payload),
            picture_ids: numbers.picture_ids,
            extensions: packet.extensions,
        })
    }

    fn payload_type(&mut self, packet: &Packet, subscriber: &Session) -> Option<u8> {
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
