//! A room's media half: its tracks, and the loop that forwards one packet to all who get it.

use std::collections::HashMap;
use std::time::Instant;

use crate::command::TrackKey;
use crate::data::Members;
use crate::departures::Departures;
use crate::packet::Packet;
use crate::pictures::Next;
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

    /// Takes a packet of the track at `index`. `None` if it goes no further.
    pub(crate) fn receive(
        &mut self,
        index: usize,
        packet: Packet,
        stats: &mut Stats,
    ) -> Option<Next> {
        let track = self.at(index)?;
        stats.receive(track.kind);
        // What an m-line carries is told by its payload type: an audio line with video is a lie.
        if track.kind != packet.kind {
            stats.drop(DropReason::CodecNotOffered);
            return None;
        }
        track.on_packet(&packet);
        if track.muted {
            stats.drop(DropReason::Muted);
            return None;
        }
        Some(track.pictures.add(packet))
    }

    /// Forwards what waits on the track at `index`, of one encoding or of all, to everybody who
    /// gets it.
    pub(crate) fn forward(
        &mut self,
        index: usize,
        ssrc: Option<u32>,
        sessions: &mut [Option<Session>],
        departures: &mut Departures,
        stats: &mut Stats,
    ) {
        let Some(track) = self.at(index) else { return };
        let packets = match ssrc {
            Some(ssrc) => track.pictures.take(ssrc),
            None => track.pictures.take_all(),
        };
        let mut awaited = None;
        for subscription in &mut track.subscriptions {
            let Some(subscriber) = &mut sessions[subscription.session] else { continue };
            for packet in &packets {
                let sent = subscription
                    .forward(packet, subscriber)
                    .and_then(|outgoing| subscriber.send(outgoing));
                match sent {
                    Ok(()) => {
                        stats.forward(track.kind, packet.content.payload.len());
                        departures.add(subscription.session, subscriber);
                    }
                    Err(reason) => {
                        if reason == DropReason::AwaitingKeyframe {
                            awaited = Some(packet.ssrc);
                        }
                        stats.drop(reason);
                    }
                }
            }
        }
        if let Some(ssrc) = awaited {
            track.want_keyframe(ssrc);
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
            departures.add(publisher_index, publisher);
        }
        let next = track.keyframe_deadline().map(|at| at.unwrap_or(now));
        track.is_watched = next.is_some();
        next
    }
}
