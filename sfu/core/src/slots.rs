//! Receive m-lines as reusable slots: which track flows on which. Pure bookkeeping.
//!
//! A slot is a pair of one audio and one video m-line that the receiver plays in sync. A group
//! of tracks (one participant's camera and microphone, or its screen with sound) gets a pair
//! together; what finds no free line waits in order of asking.

use crate::command::{Group, TrackKey};
use crate::event::MediaKind;
use crate::rewrite::Rewrite;

/// One receive m-line.
#[derive(Debug)]
pub(crate) struct Line {
    /// The `a=mid`.
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    /// The pair that it belongs to.
    pub(crate) pair: usize,
    /// Grows with each binding.
    pub(crate) bind: u64,
    /// The track that flows here.
    track: Option<TrackKey>,
    /// The stream's state while no track flows; with the subscription while one does.
    rewrite: Option<Rewrite>,
    /// The receiver still wants the m-line. A stopped one is never used again.
    alive: bool,
}

/// Stands for the pair of a line that has none.
const NO_PAIR: usize = usize::MAX;

impl Line {
    /// Nobody wants it any more, and nothing flows on it.
    fn is_over(&self) -> bool {
        !self.alive && self.track.is_none()
    }
}

/// One audio and one video m-line, or a single one that found no partner.
#[derive(Debug, Default)]
struct Pair {
    audio: Option<usize>,
    video: Option<usize>,
    group: Option<Group>,
}

/// A track that wants a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) track: TrackKey,
    pub(crate) kind: MediaKind,
    pub(crate) group: Group,
}

/// A track that got a line, with the line's stream state.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) track: TrackKey,
    pub(crate) line: usize,
    pub(crate) bind: u64,
    pub(crate) rewrite: Rewrite,
}

/// The receive side of one session.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    lines: Vec<Line>,
    pairs: Vec<Pair>,
    waiting: Vec<Want>,
    /// The shortage that the receiver was told of and has not answered.
    asked: (u32, u32),
    offered: bool,
}

impl Slots {
    /// Takes the receive m-lines of a new offer, in order. Lines that are not in it any more are
    /// given up; new ones are paired, the first new audio line with the first new video line.
    /// Returns the tracks that lost their line; they are to be released and may ask again.
    pub(crate) fn offer(&mut self, offered: &[(String, MediaKind)]) -> Vec<TrackKey> {
        self.offered = true;
        self.asked = (0, 0);
        let mut lost = Vec::new();
        for line in &mut self.lines {
            let kept = offered.iter().any(|(mid, kind)| *mid == line.mid && *kind == line.kind);
            if line.alive && !kept {
                line.alive = false;
                lost.extend(line.track);
            }
        }
        let mut new: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
        for (mid, kind) in offered {
            if self.lines.iter().any(|line| line.alive && line.mid == *mid) {
                continue;
            }
            new[*kind as usize].push(self.add_line(mid, *kind));
        }
        let [audio, video] = new;
        for index in 0..audio.len().max(video.len()) {
            let pair = Pair {
                audio: audio.get(index).copied(),
                video: video.get(index).copied(),
                group: None,
            };
            self.add_pair(pair);
        }
        lost
    }

    /// Puts a new line where one has ended, so that a client may go on replacing its m-lines.
    fn add_line(&mut self, mid: &str, kind: MediaKind) -> usize {
        let line = Line {
            mid: mid.to_owned(),
            kind,
            pair: NO_PAIR,
            bind: 0,
            track: None,
            rewrite: Some(Rewrite::default()),
            alive: true,
        };
        let Some(index) = self.lines.iter().position(Line::is_over) else {
            self.lines.push(line);
            return self.lines.len() - 1;
        };
        if let Some(pair) = self.pairs.get_mut(self.lines[index].pair) {
            pair.audio.take_if(|audio| *audio == index);
            pair.video.take_if(|video| *video == index);
        }
        self.lines[index] = line;
        index
    }

    /// Puts a new pair where one has ended.
    fn add_pair(&mut self, pair: Pair) {
        let lines = &self.lines;
        let is_over = |p: &Pair| {
            p.group.is_none()
                && [p.audio, p.video].into_iter().flatten().all(|line| lines[line].is_over())
        };
        let index = self.pairs.iter().position(is_over).unwrap_or(self.pairs.len());
        for line in [pair.audio, pair.video].into_iter().flatten() {
            self.lines[line].pair = index;
        }
        match self.pairs.get_mut(index) {
            Some(over) => {
                for line in [over.audio, over.video].into_iter().flatten() {
                    self.lines[line].pair = NO_PAIR;
                }
                *over = pair;
            }
            None => self.pairs.push(pair),
        }
    }

    /// Whether the line at `index` is the one called `mid`, and still wanted.
    pub(crate) fn is_line(&self, index: usize, mid: &str) -> bool {
        self.lines.get(index).is_some_and(|line| line.alive && line.mid == mid)
    }

    /// The line at `index`.
    pub(crate) fn line(&self, index: usize) -> Option<&Line> {
        self.lines.get(index)
    }

    /// Lines that the receiver still wants, with their indices.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| line.alive)
    }

    /// A track wants a line. It gets one by [`Slots::bind_next`], now or later.
    pub(crate) fn want(&mut self, want: Want) {
        if !self.is_wanted(want.track) {
            self.waiting.push(want);
        }
    }

    /// Whether a track waits for a line or has one.
    pub(crate) fn is_wanted(&self, track: TrackKey) -> bool {
        self.waiting.iter().any(|want| want.track == track)
            || self.lines.iter().any(|line| line.track == Some(track))
    }

    /// Binds the first waiting track for which there is a line.
    pub(crate) fn bind_next(&mut self) -> Option<Binding> {
        let (index, line) = self
            .waiting
            .iter()
            .enumerate()
            .find_map(|(index, want)| self.free_line(want).map(|line| (index, line)))?;
        let want = self.waiting.remove(index);
        let line_state = &mut self.lines[line];
        line_state.track = Some(want.track);
        line_state.bind += 1;
        self.pairs[line_state.pair].group = Some(want.group);
        Some(Binding {
            track: want.track,
            line,
            bind: line_state.bind,
            rewrite: line_state.rewrite.take().unwrap_or_default(),
        })
    }

    /// A track wants no line any more, whether it waits or is bound. Takes its stream's state back.
    pub(crate) fn release(&mut self, track: TrackKey, rewrite: Option<Rewrite>) {
        self.waiting.retain(|want| want.track != track);
        let Some(line) = self.lines.iter_mut().find(|line| line.track == Some(track)) else {
            return;
        };
        line.track = None;
        line.rewrite = rewrite.or_else(|| Some(Rewrite::default()));
        let pair = line.pair;
        let lines = &self.lines;
        let is_free = |line: Option<usize>| line.is_none_or(|line| lines[line].track.is_none());
        if let Some(pair) = self.pairs.get_mut(pair)
            && is_free(pair.audio)
            && is_free(pair.video)
        {
            pair.group = None;
        }
    }

    /// How many audio and video lines are missing, once per shortage and offer.
    pub(crate) fn shortage(&mut self) -> Option<(u32, u32)> {
        let count = |kind| self.waiting.iter().filter(|want| want.kind == kind).count() as u32;
        let missing = (count(MediaKind::Audio), count(MediaKind::Video));
        if !self.offered || missing == (0, 0) || missing == self.asked {
            return None;
        }
        self.asked = missing;
        Some(missing)
    }

    /// The line for a track: in its group's pair, else in a pair that is wholly free, else, for
    /// sound, on a single line.
    fn free_line(&self, want: &Want) -> Option<usize> {
        let usable = |line: Option<usize>| {
            line.filter(|&line| self.lines[line].alive && self.lines[line].track.is_none())
        };
        let of_kind = |pair: &Pair| match want.kind {
            MediaKind::Audio => usable(pair.audio),
            MediaKind::Video => usable(pair.video),
        };
        let in_group = self.pairs.iter().filter(|pair| pair.group == Some(want.group));
        let mut free: Vec<&Pair> = self.pairs.iter().filter(|pair| pair.group.is_none()).collect();
        // Whole pairs first: the group's other half may come.
        free.sort_by_key(|pair| !(usable(pair.audio).is_some() && usable(pair.video).is_some()));
        in_group.chain(free).find_map(of_kind)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::SessionKey;

    fn pairs(count: usize) -> Vec<(String, MediaKind)> {
        (0..count)
            .flat_map(|i| {
                [
                    (format!("{}", 2 * i), MediaKind::Audio),
                    (format!("{}", 2 * i + 1), MediaKind::Video),
                ]
            })
            .collect()
    }

    fn want(track: u64, kind: MediaKind, participant: u64) -> Want {
        let group = Group { session: SessionKey(participant), index: 0 };
        Want { track: TrackKey(track), kind, group }
    }

    fn bind_all(slots: &mut Slots) -> Vec<(u64, String)> {
        std::iter::from_fn(|| slots.bind_next())
            .map(|b| (b.track.0, b.line))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(track, line)| (track, slots.line(line).unwrap().mid.clone()))
            .collect()
    }

    #[test]
    fn a_participant_gets_both_lines_of_one_pair() {
        let mut slots = Slots::default();
        slots.offer(&pairs(2));
        slots.want(want(1, MediaKind::Audio, 10));
        slots.want(want(2, MediaKind::Audio, 20));
        slots.want(want(3, MediaKind::Video, 20));
        slots.want(want(4, MediaKind::Video, 10));
        let bound = bind_all(&mut slots);
        assert_eq!(bound, [(1, "0".into()), (2, "2".into()), (3, "3".into()), (4, "1".into())]);
    }

    #[test]
    fn a_shortage_is_told_once_and_a_new_offer_ends_it() {
        let mut slots = Slots::default();
        slots.want(want(1, MediaKind::Video, 10));
        assert_eq!(slots.shortage(), None, "nothing was offered yet");
        slots.offer(&pairs(1));
        slots.want(want(2, MediaKind::Video, 20));
        assert_eq!(bind_all(&mut slots).len(), 1);
        assert_eq!(slots.shortage(), Some((0, 1)));
        assert_eq!(slots.shortage(), None);
        slots.offer(&pairs(2));
        assert_eq!(bind_all(&mut slots), [(2, "3".into())]);
        assert_eq!(slots.shortage(), None);
    }

    #[test]
    fn a_freed_slot_goes_to_who_waits_with_a_higher_bind_number() {
        let mut slots = Slots::default();
        slots.offer(&pairs(1));
        slots.want(want(1, MediaKind::Video, 10));
        slots.want(want(2, MediaKind::Video, 20));
        let first = slots.bind_next().unwrap();
        assert!(slots.bind_next().is_none());
        slots.release(TrackKey(1), Some(first.rewrite));
        let second = slots.bind_next().unwrap();
        assert_eq!((second.track, second.line), (TrackKey(2), first.line));
        assert_eq!(second.bind, first.bind + 1);
    }

    #[test]
    fn a_stopped_line_gives_its_track_back() {
        let mut slots = Slots::default();
        slots.offer(&pairs(2));
        slots.want(want(1, MediaKind::Video, 10));
        assert_eq!(bind_all(&mut slots), [(1, "1".into())]);
        let lost = slots.offer(&pairs(2)[2..]);
        assert_eq!(lost.len(), 1);
        slots.release(TrackKey(1), None);
        slots.want(want(1, MediaKind::Video, 10));
        assert_eq!(bind_all(&mut slots), [(1, "3".into())]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Want(u64, bool, u64),
        Release(u64),
        Offer(usize),
    }

    proptest! {
        /// A client that goes on replacing its m-lines costs no more than its m-lines, and its
        /// tracks find the new ones.
        #[test]
        fn replaced_lines_leave_nothing_behind(
            offers in prop::collection::vec(prop::collection::vec(0u64..3, 1..8), 1..40),
        ) {
            const MOST: usize = 8;
            let mut slots = Slots::default();
            let mut bound: Vec<TrackKey> = Vec::new();
            for track in 0..4 {
                slots.want(want(track, MediaKind::Video, track));
            }
            for (round, offer) in offers.iter().enumerate() {
                // 0: an old name that may be kept, others: names that were never there.
                let lines: Vec<_> = offer
                    .iter()
                    .enumerate()
                    .map(|(index, fresh)| {
                        let kind = if index % 2 == 0 { MediaKind::Audio } else { MediaKind::Video };
                        let name = if *fresh == 0 { 0 } else { round + 1 };
                        (format!("{index}-{name}"), kind)
                    })
                    .collect();
                for lost in slots.offer(&lines) {
                    prop_assert!(bound.contains(&lost));
                    bound.retain(|track| *track != lost);
                    slots.release(lost, None);
                    slots.want(want(lost.0, MediaKind::Video, lost.0));
                }
                while let Some(binding) = slots.bind_next() {
                    prop_assert!(slots.lines[binding.line].alive);
                    bound.push(binding.track);
                }
                let video = lines.iter().filter(|(_, kind)| *kind == MediaKind::Video).count();
                prop_assert_eq!(bound.len(), video.min(4));
                // Lines that are bound when they end make room with the next offer.
                prop_assert!(slots.lines.len() <= 2 * MOST, "{} lines", slots.lines.len());
                prop_assert!(slots.pairs.len() <= 2 * MOST, "{} pairs", slots.pairs.len());
                for (index, line) in slots.alive() {
                    let holders = slots.pairs.iter().enumerate()
                        .filter(|(_, p)| p.audio == Some(index) || p.video == Some(index));
                    prop_assert_eq!(holders.map(|(at, _)| at).collect::<Vec<_>>(), [line.pair]);
                }
            }
        }
    }

    proptest! {
        /// In any order of asking, releasing and offering, no line carries two tracks, no pair
        /// two groups, and nobody waits while a line that suits it is free.
        #[test]
        fn lines_and_pairs_are_never_shared(steps in prop::collection::vec(
            prop_oneof![
                (0u64..12, any::<bool>(), 0u64..5).prop_map(|(t, v, p)| Step::Want(t * 2 + u64::from(v), v, p)),
                (0u64..24).prop_map(Step::Release),
                (0usize..6).prop_map(Step::Offer),
            ],
            1..80,
        )) {
            let mut slots = Slots::default();
            let mut offered = 0;
            let mut bound = std::collections::HashMap::new();
            for step in steps {
                match step {
                    Step::Want(track, video, participant) => {
                        let kind = if video { MediaKind::Video } else { MediaKind::Audio };
                        slots.want(want(track, kind, participant));
                    }
                    Step::Release(track) => {
                        bound.remove(&track);
                        slots.release(TrackKey(track), None);
                    }
                    Step::Offer(more) => {
                        offered += more;
                        prop_assert!(slots.offer(&pairs(offered)).is_empty());
                    }
                }
                while let Some(binding) = slots.bind_next() {
                    prop_assert!(bound.insert(binding.track.0, binding.line).is_none());
                }
                let lines: std::collections::HashSet<_> = bound.values().collect();
                prop_assert_eq!(lines.len(), bound.len());
                prop_assert!(slots.waiting.iter().all(|want| slots.free_line(want).is_none()));
                for pair in &slots.pairs {
                    let used = [pair.audio, pair.video].iter().flatten()
                        .any(|&line| slots.lines[line].track.is_some());
                    prop_assert_eq!(used, pair.group.is_some());
                }
            }
        }
    }
}
