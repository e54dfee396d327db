//! Coming back: a participant outlives its connection for as long as its lease runs.

use std::sync::Arc;

use crate::error::{ErrorCode, RequestError};
use crate::event::{EndReason, Envelope, Event, LeaveReason};
use crate::id::{ParticipantId, Secret};
use crate::info::IceServer;
use crate::journal::Cursor;
use crate::participant::{Asker, AttachmentId};
use crate::reply::{Outcome, Published, Reply, Resumed};
use crate::room::{Now, Output, Room};

impl Room {
    /// A socket is gone. Who came by a door that cannot come back leaves; anybody else has a lease.
    pub(super) fn on_detached(&mut self, now: Now, attachment: AttachmentId) {
        if let Some(knock) = self.lobby.with_attachment(attachment) {
            let id = knock.id;
            self.lobby.take(id);
            return self.show_lobby(now);
        }
        let Some(id) = self.participants.detach(attachment) else { return };
        let Some(participant) = self.participants.get_mut(id) else { return };
        if participant.headless {
            return self.remove(now, id, LeaveReason::ConnectionLost);
        }
        participant.lease_ends = Some(now.monotonic + self.config.lease);
    }

    pub(super) fn on_timeout(&mut self, now: Now) {
        let is_due = |at: std::time::Duration| at <= now.monotonic;
        let late = self.participants.iter().filter(|one| one.lease_ends.is_some_and(is_due));
        for id in late.map(|one| one.id).collect::<Vec<_>>() {
            self.remove(now, id, LeaveReason::ConnectionLost);
        }
        self.tell_gathered_when_due(now);
        if self.empty_since.is_some_and(|since| is_due(since + self.config.empty_timeout)) {
            self.end(now, EndReason::Empty);
        }
    }

    pub(super) fn on_resume(
        &mut self,
        now: Now,
        asker: Asker,
        secret: Secret,
        cursor: &str,
        ice_servers: Vec<IceServer>,
    ) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        self.refuse_if_taken(asker.attachment)?;
        let id = self.participants.with_secret(secret);
        let Some(participant) = id.and_then(|id| self.participants.get_mut(id)) else {
            return Err(RequestError::new(
                ErrorCode::NotFound,
                "the participant is not in the room any more: join again",
            ));
        };
        let id = participant.id;
        participant.lease_ends = None;
        participant.ice_servers.clone_from(&ice_servers);

        let Asker { attachment, .. } = asker;
        if let Some(older) = self.participants.attach(id, attachment) {
            let reason = LeaveReason::ConnectionLost;
            self.outputs.push_back(Output::Close { attachment: older, reason });
        }
        self.outputs.push_back(Output::Attached { attachment, participant: id });
        let to = self.journal.cursor().seq;
        let (after, missed) = self.missed(id, cursor);
        let resumed = Resumed { participant: id, after, to, ice_servers };
        self.reply(asker, Outcome::Ok(Reply::Resumed(resumed)));
        match missed {
            Some(events) => {
                for envelope in events {
                    self.outputs.push_back(Output::Tell { attachment, envelope });
                }
            }
            None => {
                let Some(snapshot) = self.snapshot(id) else { return Ok(()) };
                let event = Event::Gap { after, to, snapshot: Box::new(snapshot) };
                self.tell(now, attachment, id, event);
            }
        }
        Ok(())
    }

    /// The number behind a cursor (0 when it is none of this journal's), and the events after it that are
    /// for `reader`: `None` when some are gone, or are older than its participation.
    fn missed(&self, reader: ParticipantId, cursor: &str) -> (u64, Option<Vec<Arc<Envelope>>>) {
        let end = self.journal.cursor();
        let ours = |cursor: &Cursor| cursor.epoch == end.epoch && cursor.seq <= end.seq;
        let Some(cursor) = cursor.parse().ok().filter(ours) else { return (0, None) };
        let joined_after = self.participants.get(reader).map_or(end.seq, |one| one.joined_after);
        if cursor.seq < joined_after {
            return (cursor.seq, None);
        }
        let events = self.journal.since(cursor).ok().map(|events| {
            events.filter(|envelope| envelope.audience.includes(reader)).cloned().collect()
        });
        (cursor.seq, events)
    }

    /// Whether `asker` asks again what `id` has asked before: what still waits for its answer, or what
    /// was answered to an earlier attachment. Then it has the answer, or will have it, and nothing
    /// is done twice.
    pub(super) fn answer_again(&mut self, id: ParticipantId, asker: Asker) -> bool {
        let Some(participant) = self.participants.get_mut(id) else { return false };
        let mut waiting = participant.pending.iter_mut().map(|pending| &mut pending.asker);
        if let Some(first) = waiting.find(|first| first.request == asker.request) {
            *first = asker;
            return true;
        }
        let Some(outcome) = participant.outcomes.of(asker) else { return false };
        let outcome = match outcome {
            // It may have been muted or ended since, and the events have told so.
            Outcome::Ok(Reply::Published(published)) => {
                match participant.track(published.track.id) {
                    Some(track) => {
                        Outcome::Ok(Reply::Published(Published { track: track.clone() }))
                    }
                    None => Outcome::Error(RequestError::new(
                        ErrorCode::NotFound,
                        "the track was published and has ended since",
                    )),
                }
            }
            other => other.clone(),
        };
        self.send(asker, outcome);
        true
    }
}
