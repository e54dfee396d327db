//! Requests for keyframes: from receivers, and on to the publishers in time.

use std::time::Instant;

use super::{Engine, QUANTUM};
use crate::command::{RoomKey, TrackKey};
use crate::subscription::Subscription;

/// A track whose keyframe requests are to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watched {
    room: RoomKey,
    track: usize,
    pub(super) at: Instant,
}

impl Engine {
    pub(super) fn on_keyframe_wanted(&mut self, room: RoomKey, session: usize, line: usize) {
        let Some(router) = self.routers.get_mut(&room) else { return };
        let mut asked = None;
        for track in router.tracks_mut() {
            let of_line = |s: &&Subscription| s.session == session && s.line == line;
            // An idle slot's request has no track to go to.
            if let Some(subscription) = track.subscriptions.iter().find(of_line) {
                let is_seen = !subscription.viewport().is_hidden();
                if let Some(ssrc) = subscription.gate.flows().filter(|_| is_seen) {
                    track.want_keyframe(ssrc);
                }
                asked = Some(track.key);
                break;
            }
        }
        if let Some(index) = asked.and_then(|key| router.index_of(key)) {
            self.watch(room, index);
        }
    }

    pub(super) fn want_keyframes_for(&mut self, room: RoomKey, session: usize) {
        let Some(router) = self.routers.get_mut(&room) else { return };
        let mut asked = Vec::new();
        for track in router.tracks_mut() {
            if track.subscriptions.iter().any(|s| s.session == session) {
                track.want_keyframes();
                asked.push(track.key);
            }
        }
        for key in asked {
            self.watch_key(room, key);
        }
    }

    /// Has the track's keyframe requests looked at before the next wait.
    pub(super) fn watch(&mut self, room: RoomKey, index: usize) {
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.at(index)) else { return };
        if !track.is_watched && track.keyframe_deadline().is_some() {
            track.is_watched = true;
            self.watched.push(Watched { room, track: index, at: self.now });
        }
    }

    pub(super) fn watch_key(&mut self, room: RoomKey, key: TrackKey) {
        if let Some(index) = self.routers.get(&room).and_then(|router| router.index_of(key)) {
            self.watch(room, index);
        }
    }

    pub(super) fn request_keyframes(&mut self) {
        let now = self.now;
        let (sessions, routers) = (&mut self.sessions, &mut self.routers);
        let (departures, stats) = (&mut self.departures, &mut self.stats);
        self.watched.retain_mut(|watched| {
            if watched.at > now {
                return true;
            }
            let Some(router) = routers.get_mut(&watched.room) else { return false };
            match router.request_keyframes(watched.track, sessions, now, departures, stats) {
                Some(at) => {
                    watched.at = at.max(now + QUANTUM);
                    true
                }
                None => false,
            }
        });
    }
}
