//! Data messages through the engine: from a session's channel or a member's link to those who get a
//! copy.

use bytes::Bytes;

use super::{Engine, Output};
use crate::allowance::Allowance;
use crate::command::{LinkKey, RoomKey, SessionKey};
use crate::data::{Channel, Recipient};
use crate::envelope::Envelope;
use crate::event::{DataMessage, Event, FailReason};
use crate::link::LinkEnd;
use crate::session::Happened;
use crate::stats::DropReason;

/// Bytes of the application's own in the head of a bulk stream.
const BULK_HEAD: usize = 4 << 10;

impl Engine {
    pub(super) fn admit(&mut self, room: RoomKey, member: SessionKey, may_send: bool) {
        self.routers.entry(room).or_default().members.admit(member, may_send);
    }

    pub(super) fn listen(&mut self, room: RoomKey, member: SessionKey, topics: Vec<String>) {
        if let Some(router) = self.routers.get_mut(&room) {
            router.members.listen(member, topics);
        }
    }

    pub(super) fn dismiss(&mut self, room: RoomKey, member: SessionKey) {
        if let Some(router) = self.routers.get_mut(&room) {
            let link = router.members.dismiss(member);
            self.forget_if_over(room);
            self.end_link(link, LinkEnd::Dismissed);
        }
    }

    pub(super) fn link(&mut self, room: RoomKey, member: SessionKey, link: LinkKey) {
        let allowance = Allowance::new(
            self.config.data_messages_per_second,
            self.config.data_bytes_per_second,
            self.now,
        );
        let router = self.routers.entry(room).or_default();
        let before = router.members.link(member, link, allowance);
        self.end_link(before, LinkEnd::Replaced);
    }

    pub(super) fn unlink(&mut self, room: RoomKey, member: SessionKey, link: LinkKey) {
        if let Some(router) = self.routers.get_mut(&room) {
            router.members.unlink(member, link);
            self.forget_if_over(room);
        }
    }

    fn end_link(&mut self, link: Option<LinkKey>, end: LinkEnd) {
        self.outputs.extend(link.map(|link| Output::LinkOver { link, end }));
    }

    /// Takes what the session at `index` has sent on a channel.
    pub(super) fn on_data(&mut self, index: usize, channel: Channel, message: Option<Vec<u8>>) {
        let Some(session) = &mut self.sessions[index] else { return };
        let (room, from) = (session.room, session.key);
        self.stats.receive_data(channel);
        // A text message costs what the others cost.
        if !session.allowance.take(self.now, message.as_ref().map_or(0, Vec::len)) {
            self.stats.drop(DropReason::DataFlood);
            // To leave out a reliable message would be a gap that nobody is told of.
            if channel == Channel::Reliable {
                self.on_happened(index, Happened::Failed(FailReason::DataFlood));
            }
            return;
        }
        self.relay(room, from, channel, message.as_deref());
    }

    /// Takes what a member has sent by a link.
    pub(super) fn on_linked(
        &mut self,
        room: RoomKey,
        member: SessionKey,
        link: LinkKey,
        channel: Channel,
        message: &[u8],
    ) {
        self.stats.receive_data(channel);
        let router = self.routers.get_mut(&room);
        let Some(allowance) = router.and_then(|router| router.members.allowance_of(member, link))
        else {
            return self.stats.drop(DropReason::DataClosed);
        };
        if allowance.take(self.now, message.len()) {
            return self.relay(room, member, channel, Some(message));
        }
        self.stats.drop(DropReason::DataFlood);
        if channel == Channel::Reliable {
            self.unlink(room, member, link);
            self.end_link(Some(link), LinkEnd::Flooded);
        }
    }

    fn relay(&mut self, room: RoomKey, from: SessionKey, channel: Channel, message: Option<&[u8]>) {
        if let Err(reason) = self.fan_out(room, from, channel, message) {
            self.stats.drop(reason);
        }
    }

    /// Gives everybody who gets it a copy of a message.
    fn fan_out(
        &mut self,
        room: RoomKey,
        from: SessionKey,
        channel: Channel,
        message: Option<&[u8]>,
    ) -> Result<(), DropReason> {
        let router = self.routers.get(&room).ok_or(DropReason::DataNotAdmitted)?;
        router.members.may_send(from)?;
        let envelope = message
            .and_then(|bytes| Envelope::from_client(bytes).ok())
            .filter(|envelope| envelope.lossy == (channel == Channel::Lossy))
            .ok_or(DropReason::DataMalformed)?;
        if envelope.lossy && message.is_some_and(|bytes| bytes.len() > self.config.data_lossy_bytes)
        {
            return Err(DropReason::DataTooLarge);
        }
        let recipients = router.members.recipients(from, &envelope);
        let outgoing = for_receivers(from, &envelope)?;
        let (mut links, mut elsewhere) = (Vec::new(), Vec::new());
        for to in recipients {
            self.stats.copy_data(channel);
            if let Some(link) = to.link {
                links.push(link);
            } else if !self.copy(room, to.member, channel, &outgoing) {
                self.stats.redirect_data(channel);
                elsewhere.push(to.member);
            }
        }
        if !links.is_empty() {
            self.outputs.push_back(Output::ToLinks { links, channel, message: outgoing });
        }
        if !elsewhere.is_empty() {
            let message = DataMessage {
                from,
                id: envelope.id,
                lossy: envelope.lossy,
                topic: envelope.topic.to_owned(),
                payload: envelope.payload.into(),
            };
            self.emit(room, Event::Data { to: elsewhere, message });
        }
        Ok(())
    }

    /// Says who gets a bulk stream that a member wants to open: of those for whom its head is, the ones
    /// with a link.
    pub(super) fn open_bulk(
        &mut self,
        room: RoomKey,
        from: SessionKey,
        link: LinkKey,
        head: &[u8],
    ) -> Result<(Vec<LinkKey>, Bytes), DropReason> {
        let router = self.routers.get_mut(&room).ok_or(DropReason::DataClosed)?;
        let allowance = router.members.allowance_of(from, link).ok_or(DropReason::DataClosed)?;
        if !allowance.take(self.now, head.len()) {
            return Err(DropReason::DataFlood);
        }
        router.members.may_send(from)?;
        let envelope = Envelope::from_client(head)
            .ok()
            .filter(|envelope| !envelope.lossy && envelope.payload.len() <= BULK_HEAD)
            .ok_or(DropReason::DataMalformed)?;
        let recipients = router.members.recipients(from, &envelope);
        let links = recipients.into_iter().filter_map(|Recipient { link, .. }| link).collect();
        Ok((links, for_receivers(from, &envelope)?))
    }

    /// Queues a copy for a member's channel. False if it has none that is open.
    fn copy(&mut self, room: RoomKey, to: SessionKey, channel: Channel, message: &Bytes) -> bool {
        let Some(index) = self.index_in(room, to) else { return false };
        let Some(session) = &mut self.sessions[index] else { return false };
        if !session.has_open(channel) {
            return false;
        }
        let mut fates = Vec::new();
        let kept_up = session.send_data(channel, message.clone(), self.now, &mut fates);
        self.departures.add(index, session);
        for (channel, fate) in fates {
            self.stats.end_data(channel, fate);
        }
        if !kept_up {
            self.emit(room, Event::Overrun { session: to });
        }
        true
    }
}

/// A message as its receivers get it.
fn for_receivers(from: SessionKey, envelope: &Envelope<'_>) -> Result<Bytes, DropReason> {
    let outgoing = Envelope {
        lossy: envelope.lossy,
        sender: Some(from.0),
        id: envelope.id,
        topic: envelope.topic,
        payload: envelope.payload,
        ..Envelope::default()
    };
    Ok(outgoing.encode().map_err(|_| DropReason::DataMalformed)?.into())
}
