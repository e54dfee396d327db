//! A room's media half: its tracks, and the loop that forwards one packet to all who get it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use crate::cache;
use crate::command::TrackKey;
use crate::data::Members;
use crate::departures::Departures;
use crate::egress::Company;
use crate::packet::{Outgoing, Packet};
use crate::pictures::Next;
use crate::session::{Fetch, Outbox, Session};
use crate::stats::{DropReason, Stats};
use crate::subscription::Subscription;
use crate::track::Track;

/// Datagrams, or runs of them, after which forwarding pauses for them to be sent: as many as one
/// call of the system takes, and few enough to be in the processor's cache still.
const FORWARDS: usize = 32;

/// What forwarding works on.
pub(crate) struct Forwarding<'a> {
    pub(crate) now: Instant,
    pub(crate) sessions: &'a mut [Option<Box<Session>>],
    pub(crate) departures: &'a mut Departures,
    pub(crate) stats: &'a mut Stats,
    pub(crate) out: &'a mut Outbox,
    /// Room for the packets of one subscriber.
    pub(crate) packets: &'a mut Vec<Outgoing>,
}

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
        stats.receive(track.kind, packet.content.payload.len());
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

    /// Sorts tracks by the size of what is ready on them: a small packet can leave with larger ones, not
    /// before them.
    pub(crate) fn put_largest_first(&mut self, tracks: &mut [usize]) {
        if tracks.len() > 1 {
            let mut size = |index| self.at(index).map(|track| track.largest_ready());
            tracks.sort_by_cached_key(|&index| Reverse(size(index)));
        }
    }

    /// Forwards what is ready on `tracks` to those who get it, from the subscription `from` of each on,
    /// until there is enough for a few calls of the system. Returns with which subscription to go on;
    /// `None` when all have got it.
    ///
    /// One subscriber after the other gets all of a track: its state is fetched once, and what leaves
    /// for it is sent while it is in the processor's cache. With several tracks it has its turn for the
    /// next one soon, and what it gets of that leaves with what it got before.
    pub(crate) fn forward(
        &mut self,
        tracks: &[usize],
        from: usize,
        with: &mut Forwarding<'_>,
    ) -> Option<usize> {
        let counts = tracks.iter().filter_map(|&index| Some(self.at(index)?.subscriptions.len()));
        let all = counts.max().unwrap_or(0);
        let step = FORWARDS.div_ceil(tracks.len().max(1));
        let mut served = from;
        while served < all && with.out.transmits.len() < FORWARDS {
            let some = served..served + step;
            served += step;
            for (at, &index) in tracks.iter().enumerate() {
                self.serve(index, some.clone(), at + 1 < tracks.len(), with);
            }
        }
        if served < all {
            return Some(served);
        }
        for &index in tracks {
            if let Some(track) = self.at(index) {
                track.pictures.forwarded();
            }
        }
        None
    }

    /// Forwards what is ready on the track at `index` to some of its subscriptions. `is_followed`: they may get
    /// something of another track before it leaves.
    fn serve(
        &mut self,
        index: usize,
        some: Range<usize>,
        is_followed: bool,
        with: &mut Forwarding<'_>,
    ) {
        let Some(track) = self.at(index) else { return };
        let mut awaited = None;
        for served in some {
            fetch_ahead(track.subscriptions.get(served..).unwrap_or_default(), with.sessions);
            let Some(subscription) = track.subscriptions.get_mut(served) else { break };
            let Some(subscriber) = &mut with.sessions[subscription.session] else { continue };
            for packet in track.pictures.ready() {
                match subscription.forward(packet, subscriber) {
                    Ok(outgoing) => with.packets.push(outgoing),
                    Err(reason) => {
                        if reason == DropReason::AwaitingKeyframe {
                            awaited = Some(packet.ssrc);
                        }
                        with.stats.drop(reason);
                    }
                }
            }
            if with.packets.is_empty() {
                continue;
            }
            let count = with.packets.len();
            let company = Company { before: with.out.unsent.of(subscription.session), is_followed };
            match subscriber.send(subscription.line, with.packets, company, with.now, with.out) {
                Ok(sent) => {
                    if let Some(last) = sent.last {
                        with.out.unsent.note(subscription.session, last);
                    }
                    with.stats.forward(track.kind, sent);
                    with.stats.drop_several(DropReason::Repeated, count - sent.packets);
                }
                Err(reason) => with.stats.drop_several(reason, count),
            }
            if subscriber.is_due_before_scheduled() {
                with.departures.add(subscription.session, subscriber);
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
        sessions: &mut [Option<Box<Session>>],
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

/// Has the memory fetched of those whose turn comes soon; `rest` begins with whose turn it is.
fn fetch_ahead(rest: &[Subscription], sessions: &[Option<Box<Session>>]) {
    if let Some(next) = rest.get(4) {
        cache::fetch(next);
    }
    for (ahead, step) in [(3, Fetch::Session), (2, Fetch::Line), (1, Fetch::History)] {
        if let Some(next) = rest.get(ahead)
            && let Some(session) = &sessions[next.session]
        {
            session.fetch(next.line, step);
        }
    }
}
