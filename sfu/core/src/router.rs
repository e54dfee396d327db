//! A room's media half: its tracks, and the loop that forwards one packet to all who get it.

use std::collections::HashMap;
use std::time::Instant;

use crate::command::TrackKey;
use crate::data::Members;
use crate::departures::Departures;
use crate::event::MediaKind;
use crate::packet::Packet;
use crate::session::Session;
use crate::stats::{DropReason, Stats};
use crate::track::Track;

/// The tracks of one room on one engine.
#[derive(Debug, Default)]
pub(crate) struct Router {
    tracks: Vec<Option<Track>>,
    by_key: HashMap<TrackKey, usize>,
    /// Sessions of the room; the router ends with the last of them and of the members.
    pub(crate) sessions: usize,
    /// Who gets data messages.
    pub(crate) members: Members,
}

impl Router {
    /// Nothing is left of the room.
    pub(crate) fn is_over(&self) -> bool {
        self.sessions == 0 && self.members.is_empty()
    }

    /// Adds a track and returns its index.
    pub(crate) fn add(&mut self, track: Track) -> usize {
        let index = self.tracks.iter().position(Option::is_none).unwrap_or(self.tracks.len());
        if index == self.tracks.len() {
            self.tracks.push(None);
        }
        self.by_key.insert(track.key, index);
        self.tracks[index] = Some(track);
        index
    }

    /// Takes a track out.
    pub(crate) fn remove(&mut self, key: TrackKey) -> Option<Track> {
        let index = self.by_key.remove(&key)?;
        self.tracks[index].take()
    }

    /// The track with this key.
    pub(crate) fn track_mut(&mut self, key: TrackKey) -> Option<&mut Track> {
        let index = self.index_of(key)?;
        self.at(index)
    }

    /// The index of a track.
    pub(crate) fn index_of(&self, key: TrackKey) -> Option<usize> {
        self.by_key.get(&key).copied()
    }

    /// The track at an index.
    pub(crate) fn at(&mut self, index: usize) -> Option<&mut Track> {
        self.tracks.get_mut(index)?.as_mut()
    }

    /// All tracks.
    pub(crate) fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().flatten()
    }

    /// Forwards one packet of the track at `index` to everybody who gets it, and notes in
    /// `departures` when it leaves.
    pub(crate) fn forward(
        &mut self,
        index: usize,
        packet: &Packet,
        sessions: &mut [Option<Session>],
        departures: &mut Departures,
        stats: &mut Stats,
    ) {
        let Some(track) = self.at(index) else { return };
        stats.receive(track.kind);
        // What an m-line carries is told by its payload type: an audio line with video is a lie.
        if track.kind != packet.kind {
            stats.drop(DropReason::CodecNotOffered);
            return;
        }
        track.on_packet(packet);
        if track.muted {
            stats.drop(DropReason::Muted);
            return;
        }
        let is_whole = packet.marker || track.kind == MediaKind::Audio;
        let mut awaited = false;
        for subscription in &mut track.subscriptions {
            let Some(subscriber) = &mut sessions[subscription.session] else { continue };
            let sent = subscription
                .forward(packet, subscriber)
                .and_then(|outgoing| subscriber.send(outgoing, is_whole, packet.arrived));
            match sent {
                Ok(()) => {
                    stats.forward(track.kind, packet.payload.len());
                    departures.note(subscription.session, subscriber, is_whole);
                }
                Err(reason) => {
                    awaited |= reason == DropReason::AwaitingKeyframe;
                    stats.drop(reason);
                }
            }
        }
        if awaited {
            track.want_keyframe(packet.ssrc);
        }
    }

    /// Sends the keyframe requests of a track that are due. Returns when to look again, if there
    /// is anything left to look for.
    pub(crate) fn request_keyframes(
        &mut self,
        index: usize,
        sessions: &mut [Option<Session>],
        now: Instant,
        departures: &mut Departures,
        stats: &mut Stats,
    ) -> Option<Instant> {
        let track = self.at(index)?;
        let publisher = sessions.get_mut(track.publisher)?.as_mut()?;
        let publisher_index = track.publisher;
        for ssrc in track.poll_keyframe_requests(now) {
            stats.keyframe_requests += 1;
            publisher.request_keyframe(ssrc);
            departures.now(publisher_index, publisher);
        }
        let next = track.keyframe_deadline().map(|at| at.unwrap_or(now));
        track.is_watched = next.is_some();
        next
    }
}
