//! One published media: its encodings, what each brings, and who gets it.

use std::time::{Duration, Instant};

use crate::command::{Group, TrackKey};
use crate::event::MediaKind;
use crate::keyframe::KeyframeRequests;
use crate::packet::Packet;
use crate::pictures::Pictures;
use crate::subscription::{Subscription, Viewport};

/// An encoding that brought nothing for this long, while another did, has ended: the publisher
/// restarted it under another SSRC, or stopped the layer.
const SILENCE: Duration = Duration::from_millis(500);

/// Over this time the bytes of encodings are compared.
const WINDOW: Duration = Duration::from_secs(1);

/// Encodings that one track may have; simulcast has three. More are the oldest one's end.
const MAX_ENCODINGS: usize = 6;

/// One RTP stream of a track: the track itself, or a simulcast layer of it.
#[derive(Debug)]
struct Encoding {
    ssrc: u32,
    bytes: u64,
    bytes_before: u64,
    last_seen: Instant,
    /// Width and height in pixels, where the codec tells them.
    size: Option<(u16, u16)>,
    requests: KeyframeRequests,
}

impl Encoding {
    fn speaks(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_seen) <= SILENCE
    }
}

/// A published track in a router.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) key: TrackKey,
    /// The publishing session, by the engine's index.
    pub(crate) publisher: usize,
    /// The publisher's m-line.
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    pub(crate) group: Group,
    pub(crate) muted: bool,
    pub(crate) subscriptions: Vec<Subscription>,
    /// What came and is not forwarded yet.
    pub(crate) pictures: Pictures,
    /// The engine looks at the keyframe requests of this track.
    pub(crate) is_watched: bool,
    encodings: Vec<Encoding>,
    best: Option<u32>,
    window_ends: Option<Instant>,
}

impl Track {
    pub(crate) fn new(
        key: TrackKey,
        publisher: usize,
        mid: String,
        kind: MediaKind,
        group: Group,
    ) -> Track {
        Track {
            key,
            publisher,
            mid,
            kind,
            group,
            muted: false,
            subscriptions: Vec::new(),
            pictures: Pictures::default(),
            is_watched: false,
            encodings: Vec::new(),
            best: None,
            window_ends: None,
        }
    }

    /// Adds a subscription, aimed at the encoding that suits it.
    pub(crate) fn subscribe(&mut self, subscription: Subscription, now: Instant) {
        self.subscriptions.push(subscription);
        self.aim(now);
    }

    /// A session shows the video in another size.
    pub(crate) fn set_viewport(&mut self, session: usize, viewport: Viewport, now: Instant) {
        let own = self.subscriptions.iter_mut().find(|s| s.session == session);
        if let Some(subscription) = own.filter(|_| self.kind == MediaKind::Video) {
            subscription.set_viewport(viewport);
            self.aim(now);
            self.want_keyframes();
        }
    }

    /// Bytes of payload of the largest packet that is ready.
    pub(crate) fn largest_ready(&self) -> usize {
        let sizes = self.pictures.ready().iter().map(|packet| packet.content.payload.len());
        sizes.max().unwrap_or(0)
    }

    /// Takes out the subscription of a session.
    pub(crate) fn unsubscribe(&mut self, session: usize) -> Option<Subscription> {
        let at = self.subscriptions.iter().position(|s| s.session == session)?;
        Some(self.subscriptions.swap_remove(at))
    }

    /// While muted nothing passes; afterwards every subscriber starts with a keyframe.
    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        for subscription in &mut self.subscriptions {
            subscription.gate.close();
        }
        if !muted {
            self.want_keyframes();
        }
    }

    /// Takes note of a packet, before it is forwarded.
    pub(crate) fn on_packet(&mut self, packet: &Packet) {
        let index = self.encodings.iter().position(|e| e.ssrc == packet.ssrc);
        let is_new = index.is_none();
        let index = index.unwrap_or_else(|| self.add_encoding(packet));
        let encoding = &mut self.encodings[index];
        encoding.bytes += packet.content.payload.len() as u64;
        encoding.last_seen = packet.arrived;
        if packet.starts_keyframe {
            encoding.requests.on_keyframe();
        }
        let is_resized = packet.size.is_some() && packet.size != encoding.size;
        encoding.size = packet.size.or(encoding.size);
        if is_new || self.window_ends.is_none_or(|ends| ends <= packet.arrived) {
            self.choose_best(packet.arrived, is_new);
        } else if self.best != Some(packet.ssrc) && self.best_is_silent(packet.arrived) {
            self.choose_best(packet.arrived, false);
        } else if is_resized {
            self.aim(packet.arrived);
        }
    }

    /// Somebody who gets `ssrc` needs a keyframe.
    pub(crate) fn want_keyframe(&mut self, ssrc: u32) {
        if self.kind == MediaKind::Video
            && let Some(encoding) = self.encodings.iter_mut().find(|e| e.ssrc == ssrc)
        {
            encoding.requests.want();
        }
    }

    /// Asks for the keyframes that subscriptions wait for.
    pub(crate) fn want_keyframes(&mut self) {
        for index in 0..self.subscriptions.len() {
            if let Some(ssrc) = self.subscriptions[index].awaits() {
                self.want_keyframe(ssrc);
            }
        }
    }

    /// The encodings of which a keyframe is to be requested now.
    pub(crate) fn poll_keyframe_requests(&mut self, now: Instant) -> impl Iterator<Item = u32> {
        self.encodings.iter_mut().filter_map(move |e| e.requests.poll(now).then_some(e.ssrc))
    }

    /// When there is something to request: `Some(None)` means at once.
    pub(crate) fn keyframe_deadline(&self) -> Option<Option<Instant>> {
        self.encodings.iter().filter_map(|e| e.requests.deadline()).min()
    }

    fn add_encoding(&mut self, packet: &Packet) -> usize {
        if self.encodings.len() == MAX_ENCODINGS
            && let Some((oldest, _)) =
                self.encodings.iter().enumerate().min_by_key(|(_, e)| e.last_seen)
        {
            self.encodings.swap_remove(oldest);
        }
        self.encodings.push(Encoding {
            ssrc: packet.ssrc,
            bytes: 0,
            bytes_before: 0,
            last_seen: packet.arrived,
            size: None,
            requests: KeyframeRequests::default(),
        });
        self.encodings.len() - 1
    }

    fn best_is_silent(&self, now: Instant) -> bool {
        self.encodings
            .iter()
            .find(|e| Some(e.ssrc) == self.best)
            .is_none_or(|e| now.saturating_duration_since(e.last_seen) > SILENCE)
    }

    /// The encoding that brings the most bytes is the one with the best picture.
    fn choose_best(&mut self, now: Instant, keep_window: bool) {
        if !keep_window {
            self.window_ends = Some(now + WINDOW);
            for encoding in &mut self.encodings {
                encoding.bytes_before = std::mem::take(&mut encoding.bytes);
            }
        }
        self.best = self
            .encodings
            .iter()
            .filter(|e| e.speaks(now))
            .max_by_key(|e| e.bytes_before)
            .map(|e| e.ssrc)
            .or(self.best);
        self.aim(now);
    }

    /// Aims every subscription at the encoding that suits it, and asks for the keyframe that it
    /// begins with.
    fn aim(&mut self, now: Instant) {
        for index in 0..self.subscriptions.len() {
            let Some(ssrc) = self.suits(self.subscriptions[index].viewport(), now) else {
                continue;
            };
            let subscription = &mut self.subscriptions[index];
            let before = subscription.awaits();
            subscription.gate.set_target(ssrc);
            let after = subscription.awaits();
            if let Some(ssrc) = after.filter(|_| after != before) {
                self.want_keyframe(ssrc);
            }
        }
    }

    /// The smallest picture that fills a viewport, else the largest; the best encoding as long as
    /// a size is not known.
    fn suits(&self, viewport: Viewport, now: Instant) -> Option<u32> {
        let mut sized = Vec::new();
        for encoding in self.encodings.iter().filter(|e| e.speaks(now)) {
            let Some(size) = encoding.size else { return self.best };
            sized.push((u32::from(size.0) * u32::from(size.1), size, encoding.ssrc));
        }
        sized.sort_unstable();
        let fills = sized.iter().find(|(_, size, _)| viewport.is_filled_by(*size));
        // Of equal pictures the best is the one with the most bytes.
        match fills.or(sized.last()) {
            Some((area, _, ssrc)) => {
                let is_best = |&(a, _, s): &(u32, _, u32)| a == *area && Some(s) == self.best;
                if sized.iter().any(is_best) { self.best } else { Some(*ssrc) }
            }
            None => self.best,
        }
    }
}
