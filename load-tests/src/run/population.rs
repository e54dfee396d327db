//! The participants of a run: who is there, who comes, and who goes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use signaling_core::info::TrackSource;
use signaling_core::request::Join;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::Plan;
use crate::bot::light::reception::Awaits;
use crate::bot::light::{Kit, Light, Publication, Reading};
use crate::bot::{Bot, Voice};
use crate::call::{MOST_PARTICIPANTS, tone_of};
use crate::measure::Recorder;
use crate::media::clip::Clip;
use crate::media::player::Clock;
use crate::media::speech::talk;
use crate::report::Independent;
use crate::scenario::{Group, Kind, Scenario};

/// How much talk a voice has before it begins again.
const TALK: Duration = Duration::from_secs(30);

/// Voices of different people. Whoever has the same begins elsewhere in it.
const VOICES: u64 = 4;

/// One place in a room, whoever takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    room: u16,
    group: usize,
    /// Within the group and room.
    index: u32,
}

enum Member {
    Light(Light),
    Independent(Box<Bot>),
}

/// What became of somebody who came.
type Came = (Place, Result<Member, String>);

pub(super) struct Population {
    scenario: Scenario,
    url: String,
    token: String,
    clock: Clock,
    recorder: Arc<Recorder>,
    cameras: HashMap<String, Arc<Clip>>,
    voices: Vec<Arc<Clip>>,
    /// In the order in which they came.
    members: VecDeque<(Place, Member)>,
    present: Arc<AtomicUsize>,
    coming: JoinSet<Came>,
    going: JoinSet<Result<(), String>>,
    /// Counts all who ever were to come: identities and streams are never used again.
    serial: u32,
    joins: u64,
    leaves: u64,
    failures: BTreeMap<String, usize>,
}

impl Population {
    /// Nobody yet; the media is made ready.
    pub(super) fn new(plan: &Plan, url: String, clock: Clock) -> anyhow::Result<Population> {
        let mut cameras = HashMap::new();
        for name in plan.scenario.groups.iter().filter_map(|group| group.camera.as_ref()) {
            if !cameras.contains_key(name) {
                cameras.insert(name.clone(), Arc::new(Clip::read(&plan.clips, name)?));
            }
        }
        let voices: Result<_, _> = (0..VOICES).map(|seed| talk(TALK, seed).map(Arc::new)).collect();
        Ok(Population {
            scenario: plan.scenario.clone(),
            url,
            token: plan.token.clone(),
            clock,
            recorder: Arc::default(),
            cameras,
            voices: voices.context("Opus")?,
            members: VecDeque::new(),
            present: Arc::default(),
            coming: JoinSet::new(),
            going: JoinSet::new(),
            serial: 0,
            joins: 0,
            leaves: 0,
            failures: BTreeMap::new(),
        })
    }

    /// How many are there, at any time.
    pub(super) fn present(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.present)
    }

    /// All come within `ramp`, evenly; returns when each is there or has failed.
    pub(super) async fn come(&mut self, ramp: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        let places = places(&self.scenario);
        let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
        for (index, place) in (0_u32..).zip(places) {
            self.bring(place, begun + ramp * index / count);
        }
        while let Some(came) = self.coming.join_next().await {
            self.welcome(came.context("a participant's task failed")?);
        }
        Ok(())
    }

    /// So many come and so many go in a second, until `end`: those who have been there longest, and
    /// others to their places.
    pub(super) async fn churn(&mut self, per_second: f64, end: Instant) -> anyhow::Result<()> {
        let mut turn = interval(Duration::from_secs_f64(1.0 / per_second));
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = sleep_until(end) => break,
                _ = turn.tick() => if let Some((place, member)) = self.members.pop_front() {
                    self.dismiss(member);
                    self.bring(place, Instant::now());
                },
                Some(came) = self.coming.join_next() =>
                    self.welcome(came.context("a participant's task failed")?),
                Some(went) = self.going.join_next() => self.farewell(went),
            }
        }
        while let Some(came) = self.coming.join_next().await {
            self.welcome(came.context("a participant's task failed")?);
        }
        Ok(())
    }

    /// All go at once; returns when they are gone.
    pub(super) async fn go(&mut self) {
        while let Some((_, member)) = self.members.pop_front() {
            self.dismiss(member);
        }
        while let Some(went) = self.going.join_next().await {
            self.farewell(went);
        }
    }

    /// From now on they are counted and measured anew; failures stay.
    pub(super) fn begin_anew(&mut self, recorder: Arc<Recorder>) {
        (self.joins, self.leaves, self.recorder) = (0, 0, recorder);
    }

    /// How many came in.
    pub(super) fn joins(&self) -> u64 {
        self.joins
    }

    /// How many went.
    pub(super) fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Who failed, by the reason.
    pub(super) fn failures(&self) -> BTreeMap<String, usize> {
        self.failures.clone()
    }

    /// Packets that the independent bots got so far.
    pub(super) fn heard(&self) -> u64 {
        self.independents().map(|bot| bot.video_packets() + totals(bot).packets).sum()
    }

    /// What the independent bots heard so far; `None` if there are none.
    pub(super) fn independent(&self) -> Option<Independent> {
        self.independents().map(totals).reduce(|one, other| Independent {
            bots: one.bots + other.bots,
            packets: one.packets + other.packets,
            lost: one.lost + other.lost,
            damaged: one.damaged + other.damaged,
        })
    }

    fn independents(&self) -> impl Iterator<Item = &Bot> {
        self.members.iter().filter_map(|(_, member)| match member {
            Member::Light(_) => None,
            Member::Independent(bot) => Some(&**bot),
        })
    }

    /// Has somebody come to a place at the time that is due.
    fn bring(&mut self, place: Place, due: Instant) {
        self.serial += 1;
        let group = &self.scenario.groups[place.group];
        let name = format!("{}-{}", group.name, self.serial);
        let join = Join {
            token: self.token.clone(),
            room: Some(format!("load-{}", place.room + 1)),
            identity: Some(name.clone()),
            name: Some(name),
            ..Join::default()
        };
        let url = self.url.clone();
        match group.bot {
            Kind::Light => {
                let kit = self.kit(place);
                self.coming.spawn(async move {
                    sleep_until(due).await;
                    let came = Light::join(&url, join, kit).await;
                    (place, came.map(|(light, _)| Member::Light(light)).map_err(|e| e.to_string()))
                });
            }
            Kind::Independent => {
                let tone = (self.serial % u32::from(MOST_PARTICIPANTS)) as u16;
                let voice = Voice { hertz: tone_of(tone), pairs: group.pairs };
                let recorder = Arc::clone(&self.recorder);
                self.coming.spawn(async move {
                    sleep_until(due).await;
                    let begun = Instant::now();
                    let came = Bot::join(&url, join, voice).await;
                    if came.is_ok() {
                        recorder.connect.record(begun.elapsed());
                    }
                    let member = came.map(|bot| Member::Independent(Box::new(bot)));
                    (place, member.map_err(|error| error.to_string()))
                });
            }
        }
    }

    fn kit(&self, place: Place) -> Kit {
        let group = &self.scenario.groups[place.group];
        let mut media = Vec::new();
        let stream = u32::from(place.room) << 16 | (self.serial & 0x7fff) << 1;
        if group.microphone {
            let clip = Arc::clone(&self.voices[self.serial as usize % self.voices.len()]);
            media.push(Publication { source: TrackSource::Microphone, clip, stream });
        }
        if let Some(clip) = group.camera.as_ref().and_then(|name| self.cameras.get(name)) {
            let clip = Arc::clone(clip);
            media.push(Publication { source: TrackSource::Camera, clip, stream: stream | 1 });
        }
        let reading =
            if place.index.is_multiple_of(group.whole) { Reading::Whole } else { Reading::Headers };
        Kit {
            pairs: group.pairs,
            media,
            reading,
            awaits: awaits(&self.scenario, place.group, reading),
            room: place.room,
            clock: self.clock,
            recorder: Arc::clone(&self.recorder),
        }
    }

    fn welcome(&mut self, (place, came): Came) {
        match came {
            Ok(member) => {
                self.joins += 1;
                self.present.fetch_add(1, Ordering::Relaxed);
                self.members.push_back((place, member));
            }
            Err(reason) => *self.failures.entry(reason).or_default() += 1,
        }
    }

    fn dismiss(&mut self, member: Member) {
        self.present.fetch_sub(1, Ordering::Relaxed);
        self.going.spawn(async move {
            match member {
                Member::Light(light) => light.leave().await.map_err(|error| error.to_string()),
                Member::Independent(bot) => match bot.view().ended {
                    Some(reason) => Err(reason.to_string()),
                    None => bot.leave().await.map(drop).map_err(|error| error.to_string()),
                },
            }
        });
    }

    fn farewell(&mut self, went: Result<Result<(), String>, tokio::task::JoinError>) {
        self.leaves += 1;
        if let Err(reason) = went.unwrap_or_else(|error| Err(error.to_string())) {
            *self.failures.entry(format!("leaving: {reason}")).or_default() += 1;
        }
    }
}

/// All places in the order in which they are taken: group by group, and in all rooms side by side.
fn places(scenario: &Scenario) -> Vec<Place> {
    let rooms = u16::try_from(scenario.rooms).unwrap_or(u16::MAX);
    let mut places = Vec::new();
    for (group, Group { count, .. }) in scenario.groups.iter().enumerate() {
        for index in 0..*count {
            places.extend((0..rooms).map(|room| Place { room, group, index }));
        }
    }
    places
}

/// What somebody of a group waits for when it joins: of the others in the room, what light bots send.
fn awaits(scenario: &Scenario, group: usize, reading: Reading) -> Awaits {
    if reading == Reading::Headers || scenario.groups[group].pairs == 0 {
        return Awaits::Nothing;
    }
    let others = |sends: fn(&Group) -> bool| {
        scenario.groups.iter().enumerate().any(|(index, other)| {
            other.bot == Kind::Light && sends(other) && (index != group || other.count > 1)
        })
    };
    if others(|other| other.camera.is_some()) {
        Awaits::Picture
    } else if others(|other| other.microphone) {
        Awaits::Sound
    } else {
        Awaits::Nothing
    }
}

fn totals(bot: &Bot) -> Independent {
    let none = Independent { bots: 1, packets: 0, lost: 0, damaged: 0 };
    bot.view().received.values().fold(none, |sum, received| Independent {
        packets: sum.packets + received.heard.packets,
        lost: sum.lost + received.heard.lost,
        damaged: sum.damaged + received.heard.damaged,
        ..sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_fill_side_by_side() {
        let scenario = Scenario::find("rooms-10x5").expect("a scenario");
        let places = places(&scenario);
        assert_eq!(places.len(), 50);
        assert!(places[..10].iter().all(|place| place.group == 0 && place.index == 0));
        assert_eq!(places[49], Place { room: 9, group: 2, index: 0 });
    }

    #[test]
    fn a_join_ends_with_what_the_others_send() {
        let webinar = Scenario::find("webinar-1x500").expect("a scenario");
        assert_eq!(awaits(&webinar, 1, Reading::Whole), Awaits::Picture);
        assert_eq!(awaits(&webinar, 1, Reading::Headers), Awaits::Nothing);
        assert_eq!(awaits(&webinar, 0, Reading::Whole), Awaits::Nothing);
        let audio = Scenario::find("audio-only").expect("a scenario");
        assert_eq!(awaits(&audio, 0, Reading::Whole), Awaits::Sound);
        let rooms = Scenario::find("rooms-10x5").expect("a scenario");
        assert_eq!(awaits(&rooms, 1, Reading::Whole), Awaits::Picture);
    }
}
