//! What the control plane asks for: sessions, offers, tracks and who gets them.

use super::{Engine, Output};
use crate::command::{Command, Group, RequestKey, RoomKey, SessionKey, TrackKey};
use crate::departures::Ready;
use crate::event::{CommandError, Event, MediaKind};
use crate::router::Router;
use crate::session::{Happened, Outbox, Session};
use crate::slots::Want;
use crate::subscription::{Subscription, Viewport};
use crate::track::Track;

impl Engine {
    pub(super) fn on_command(&mut self, room: RoomKey, command: Command) {
        match command {
            Command::Open { session } => self.open(room, session),
            Command::Offer { session, sdp, request } => self.offer(room, session, &sdp, request),
            Command::Candidate { session, candidate } => {
                if let Some(index) = self.index_in(room, session)
                    && let Some(session) = &mut self.sessions[index]
                {
                    session.add_candidate(&candidate);
                    self.mark_dirty(index);
                }
            }
            Command::Publish { session, track, mid, kind, group, request } => {
                let result = self.publish(room, session, track, mid, kind, group);
                self.emit(room, Event::Published { session, request, result });
            }
            Command::Unpublish { track } => self.unpublish(room, track),
            Command::Mute { track, muted } => {
                if let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(track)) {
                    track.set_muted(muted);
                }
                self.watch_key(room, track);
            }
            Command::Subscribe { session, track } => self.subscribe(room, session, track),
            Command::Unsubscribe { session, track } => {
                if let Some(index) = self.index_in(room, session) {
                    self.unsubscribe(room, index, track);
                    if let Some(session) = &mut self.sessions[index] {
                        session.viewports.remove(&track);
                    }
                    self.bind_waiting(index);
                }
            }
            Command::Viewport { session, track, width, height } => {
                self.set_viewport(room, session, track, Viewport { width, height });
            }
            Command::Admit { member, may_send } => self.admit(room, member, may_send),
            Command::Listen { member, topics } => self.listen(room, member, topics),
            Command::Link { member, link } => self.link(room, member, link),
            Command::Unlink { member, link } => self.unlink(room, member, link),
            Command::Dismiss { member } => self.dismiss(room, member),
            Command::Measure => self.measure(room),
            Command::Close { session } => {
                if let Some(index) = self.index_in(room, session) {
                    self.close(index);
                }
            }
        }
    }

    pub(super) fn index_in(&self, room: RoomKey, session: SessionKey) -> Option<usize> {
        let index = *self.by_key.get(&session)?;
        self.sessions[index].as_ref().filter(|session| session.room == room)?;
        Some(index)
    }

    fn measure(&mut self, room: RoomKey) {
        let now = self.now;
        let of_room = self.sessions.iter_mut().flatten().filter(|session| session.room == room);
        let sessions = of_room.map(|session| (session.key, session.measure(now))).collect();
        self.emit(room, Event::Measured { sessions });
    }

    fn open(&mut self, room: RoomKey, key: SessionKey) {
        if let Some(index) = self.index_in(room, key) {
            self.close(index);
        }
        let session = Session::new(room, key, &self.config, self.clock, self.now);
        let free = self.sessions.iter().position(Option::is_none);
        let index = free.unwrap_or(self.sessions.len());
        if index == self.sessions.len() {
            self.sessions.push(None);
        }
        self.demux.set_ufrag(session.ufrag().to_owned(), index);
        self.sessions[index] = Some(Box::new(session));
        self.by_key.insert(key, index);
        self.routers.entry(room).or_default().sessions += 1;
        self.stats.sessions += 1;
    }

    fn offer(&mut self, room: RoomKey, key: SessionKey, sdp: &str, request: RequestKey) {
        let index = self.index_in(room, key);
        let answered = match index.and_then(|index| self.sessions[index].as_mut()) {
            Some(session) => session.answer(sdp, &self.config, self.now),
            None => Err(CommandError::NotFound("there is no such peer connection".into())),
        };
        let result = match (answered, index) {
            (Ok((answer, lost)), Some(index)) => {
                if let Some(session) = &mut self.sessions[index] {
                    self.demux.set_ufrag(session.ufrag().to_owned(), index);
                }
                self.after_offer(room, index, lost);
                Ok(answer)
            }
            (Ok((answer, _)), None) => Ok(answer),
            (Err(error), _) => Err(error),
        };
        self.emit(room, Event::Answered { session: key, request, result });
        if let Some(index) = index {
            self.bind_waiting(index);
        }
    }

    /// Tracks whose line was given up wait for another; payload types are looked up anew.
    fn after_offer(&mut self, room: RoomKey, index: usize, lost: Vec<TrackKey>) {
        self.mark_dirty(index);
        for track in lost {
            let want = self
                .routers
                .get_mut(&room)
                .and_then(|r| r.track_mut(track))
                .map(|track| Want { track: track.key, kind: track.kind, group: track.group });
            self.unsubscribe(room, index, track);
            if let (Some(want), Some(session)) = (want, &mut self.sessions[index]) {
                session.slots.want(want);
            }
        }
        if let Some(router) = self.routers.get_mut(&room) {
            for track in router.tracks_mut() {
                let own = track.subscriptions.iter_mut().filter(|s| s.session == index);
                own.for_each(Subscription::forget_payload_type);
            }
        }
    }

    fn publish(
        &mut self,
        room: RoomKey,
        session: SessionKey,
        track: TrackKey,
        mid: String,
        kind: MediaKind,
        group: Group,
    ) -> Result<(), CommandError> {
        let missing = |what: String| Err(CommandError::NotFound(what));
        let Some(index) = self.index_in(room, session) else {
            return missing("there is no such peer connection; send an offer first".into());
        };
        let Some(publisher) = &mut self.sessions[index] else {
            return missing("there is no such peer connection; send an offer first".into());
        };
        if !publisher.sends(&mid, kind) {
            return missing(format!(
                "no m-line {mid:?} of the last offer sends {}; offer it before it is published",
                if kind == MediaKind::Audio { "audio" } else { "video" },
            ));
        }
        let router = self.routers.entry(room).or_default();
        let track_index = router.add(Track::new(track, index, mid.clone(), kind, group));
        if !publisher.publish(&mid, Some(track_index)) {
            router.remove(track);
            return missing(format!("m-line {mid:?} is published already"));
        }
        self.stats.tracks += 1;
        Ok(())
    }

    fn unpublish(&mut self, room: RoomKey, key: TrackKey) {
        if let Some(index) = self.routers.get(&room).and_then(|router| router.index_of(key)) {
            self.forward_the_rest(room, index);
        }
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.remove(key)) else {
            self.forget_wish(room, key);
            return;
        };
        self.stats.tracks -= 1;
        if let Some(publisher) = &mut self.sessions[track.publisher] {
            publisher.publish(&track.mid, None);
        }
        let mut freed = Vec::new();
        for subscription in track.subscriptions {
            self.stats.subscriptions -= 1;
            let index = subscription.session;
            if let Some(session) = &mut self.sessions[index] {
                session.slots.release(key, Some(subscription.into_rewrite()));
                freed.push(index);
            }
        }
        self.forget_wish(room, key);
        for index in freed {
            self.bind_waiting(index);
        }
    }

    /// Forwards what has come on a track before it ends.
    fn forward_the_rest(&mut self, room: RoomKey, index: usize) {
        if let Some(track) = self.routers.get_mut(&room).and_then(|router| router.at(index)) {
            track.pictures.end_wait();
        }
        let mut ready = Ready { room, tracks: vec![index], from: 0 };
        while let Some(next) = self.forward(&mut ready) {
            ready.from = next;
        }
    }

    /// Nobody waits for a track any more that is gone.
    fn forget_wish(&mut self, room: RoomKey, key: TrackKey) {
        for session in self.sessions.iter_mut().flatten().filter(|s| s.room == room) {
            session.slots.release(key, None);
            session.viewports.remove(&key);
        }
    }

    fn set_viewport(
        &mut self,
        room: RoomKey,
        session: SessionKey,
        key: TrackKey,
        viewport: Viewport,
    ) {
        let Some(index) = self.index_in(room, session) else { return };
        let Some(session) = &mut self.sessions[index] else { return };
        if !session.slots.is_wanted(key) {
            return;
        }
        session.viewports.insert(key, viewport);
        if let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(key)) {
            track.set_viewport(index, viewport, self.now);
        }
        self.watch_key(room, key);
    }

    fn subscribe(&mut self, room: RoomKey, session: SessionKey, track: TrackKey) {
        let Some(index) = self.index_in(room, session) else { return };
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(track)) else {
            return;
        };
        let want = Want { track: track.key, kind: track.kind, group: track.group };
        if let Some(session) = &mut self.sessions[index] {
            session.slots.want(want);
        }
        self.bind_waiting(index);
    }

    fn unsubscribe(&mut self, room: RoomKey, index: usize, key: TrackKey) {
        let track = self.routers.get_mut(&room).and_then(|router| router.track_mut(key));
        let subscription = track.and_then(|track| track.unsubscribe(index));
        self.stats.subscriptions -= u64::from(subscription.is_some());
        if let Some(session) = &mut self.sessions[index] {
            session.slots.release(key, subscription.map(Subscription::into_rewrite));
        }
    }

    /// Gives free slots to waiting tracks, and tells what is missing.
    fn bind_waiting(&mut self, index: usize) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        while let Some(session) = &mut self.sessions[index]
            && let Some(binding) = session.slots.bind_next()
        {
            let mid = session.slots.line(binding.line).map(|line| line.mid.clone());
            let router = self.routers.get_mut(&room);
            let (Some(mid), Some(track)) = (mid, router.and_then(|r| r.track_mut(binding.track)))
            else {
                session.slots.release(binding.track, Some(binding.rewrite));
                continue;
            };
            let viewport = match track.kind {
                MediaKind::Video => session.viewports.get(&binding.track).copied(),
                MediaKind::Audio => None,
            };
            let viewport = viewport.unwrap_or(Viewport::UNKNOWN);
            let subscription = Subscription::new(index, binding.line, binding.rewrite, viewport);
            track.subscribe(subscription, self.now);
            self.stats.subscriptions += 1;
            let event =
                Event::Bound { session: key, track: binding.track, mid, bind: binding.bind };
            self.emit(room, event);
            self.watch_key(room, binding.track);
        }
        if let Some(session) = &mut self.sessions[index]
            && let Some((audio, video)) = session.slots.shortage()
        {
            self.emit(room, Event::SlotsNeeded { session: key, audio, video });
        }
    }

    /// Ends a session: its tracks with everybody who gets them, its subscriptions, its addresses.
    pub(super) fn close(&mut self, index: usize) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        let (mut published, mut subscribed) = (Vec::new(), Vec::new());
        if let Some(router) = self.routers.get_mut(&room) {
            for track in router.tracks_mut() {
                if track.publisher == index {
                    published.push(track.key);
                } else if track.subscriptions.iter().any(|s| s.session == index) {
                    subscribed.push(track.key);
                }
            }
        }
        for track in subscribed {
            self.unsubscribe(room, index, track);
        }
        for track in published {
            self.unpublish(room, track);
        }
        self.demux.remove(index);
        self.by_key.remove(&key);
        if let Some(mut session) = self.sessions[index].take() {
            let mut goodbye = Outbox::default();
            session.close(self.now, &mut goodbye);
            self.stats.datagrams_out += goodbye.transmits.len() as u64;
            for happened in goodbye.happened {
                if let Happened::Dropped(reason) = happened {
                    self.stats.drop(reason);
                }
            }
            self.outputs.extend(goodbye.transmits.into_iter().map(Output::Transmit));
            for (channel, fate) in goodbye.fates {
                self.stats.end_data(channel, fate);
            }
            self.stats.sessions -= 1;
        }
        if let Some(router) = self.routers.get_mut(&room) {
            router.sessions = router.sessions.saturating_sub(1);
            self.forget_if_over(room);
        }
    }

    pub(super) fn forget_if_over(&mut self, room: RoomKey) {
        if self.routers.get(&room).is_some_and(Router::is_over) {
            self.routers.remove(&room);
        }
    }
}
