//! When what happened is told to one endpoint elsewhere: which event goes next, when one that failed is
//! tried again, when it is given up.
//!
//! Events of one room are told one after another, in their order: what is behind one that fails waits for
//! it. Rooms do not wait for each other. What an event says, and how it is told, is for the shell.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::RoomId;

/// How events are told to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Events that may be on their way at a time, each of another room.
    pub concurrency: usize,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            concurrency: 8,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
        }
    }
}

/// What reaches a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One more event, behind those of its room that are there.
    Queued(Event),
    /// The endpoint has taken it.
    Delivered(u64),
    /// The endpoint has not taken it, or there was no telling.
    Failed {
        /// Which.
        event: u64,
        /// How long the endpoint wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// [`Delivery::deadline`] has passed.
    Timeout,
}

/// An event that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number in the shell's store; a new one for every event.
    pub number: u64,
    /// Where it happened.
    pub room: RoomId,
    /// When it is given up, on the clock of [`Delivery::handle`].
    pub expires: Duration,
}

/// What a delivery wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Tell the endpoint. [`Input::Delivered`] or [`Input::Failed`] follows.
    Send {
        /// Which event.
        event: u64,
        /// How often it was tried before.
        failures: u32,
    },
    /// It was tried for too long: lay it aside.
    GiveUp(u64),
}

/// The events of one room, oldest first.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Event>,
    /// How often the first one has failed.
    failures: u32,
    at: Place,
}

/// What the first event of a lane waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Its turn.
    #[default]
    Ready,
    /// The endpoint's word.
    OnItsWay,
    /// The end of its pause.
    Pausing(Duration),
}

/// The events of all rooms on their way to one endpoint.
#[derive(Debug)]
pub struct Delivery {
    config: Config,
    lanes: BTreeMap<RoomId, Lane>,
    /// Whose turn it is, first come first.
    ready: VecDeque<RoomId>,
    pauses: BTreeSet<(Duration, RoomId)>,
    /// Where the events on their way are from.
    on_their_way: BTreeMap<u64, RoomId>,
    outputs: VecDeque<Output>,
}

impl Delivery {
    /// Nothing waits.
    pub fn new(config: Config) -> Self {
        Delivery {
            config,
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            pauses: BTreeSet::new(),
            on_their_way: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Delivery::poll`] after it. `now` never goes back.
    pub fn handle(&mut self, now: Duration, input: Input) {
        match input {
            Input::Queued(event) => {
                let lane = self.lanes.entry(event.room).or_default();
                lane.events.push_back(event);
                if lane.events.len() == 1 {
                    self.ready.push_back(event.room);
                }
            }
            Input::Delivered(event) => {
                if let Some(room) = self.on_their_way.remove(&event) {
                    self.next_in(room);
                }
            }
            Input::Failed { event, retry_after } => {
                if let Some(room) = self.on_their_way.remove(&event) {
                    self.on_failed(now, room, retry_after);
                }
            }
            Input::Timeout => {}
        }
        while let Some(&(until, room)) = self.pauses.first() {
            if until > now {
                break;
            }
            self.pauses.pop_first();
            if let Some(lane) = self.lanes.get_mut(&room) {
                lane.at = Place::Ready;
                self.ready.push_back(room);
            }
        }
        self.send();
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        self.pauses.first().map(|&(until, _)| until)
    }

    /// How many events wait or are on their way.
    pub fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.events.len()).sum()
    }

    fn send(&mut self) {
        while self.on_their_way.len() < self.config.concurrency {
            let Some(room) = self.ready.pop_front() else { return };
            let Some(lane) = self.lanes.get_mut(&room) else { continue };
            let Some(event) = lane.events.front() else { continue };
            lane.at = Place::OnItsWay;
            self.on_their_way.insert(event.number, room);
            let output = Output::Send { event: event.number, failures: lane.failures };
            self.outputs.push_back(output);
        }
    }

    /// The first event of a room is done with.
    fn next_in(&mut self, room: RoomId) {
        let Some(lane) = self.lanes.get_mut(&room) else { return };
        lane.events.pop_front();
        lane.failures = 0;
        lane.at = Place::Ready;
        match lane.events.is_empty() {
            true => {
                self.lanes.remove(&room);
            }
            false => self.ready.push_back(room),
        }
    }

    fn on_failed(&mut self, now: Duration, room: RoomId, retry_after: Option<Duration>) {
        let Some(lane) = self.lanes.get_mut(&room) else { return };
        let Some(&event) = lane.events.front() else { return };
        lane.failures = lane.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default().min(self.config.longest_pause);
        let until = now + pause(&self.config, event.number, lane.failures).max(asked);
        if until >= event.expires {
            self.outputs.push_back(Output::GiveUp(event.number));
            return self.next_in(room);
        }
        lane.at = Place::Pausing(until);
        self.pauses.insert((until, room));
    }
}

/// Doubles with each failure. Up to a quarter is taken off by the event's number, so that what failed
/// together does not come back together.
fn pause(config: &Config, number: u64, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let pause = config.first_pause.saturating_mul(1 << doublings).min(config.longest_pause);
    // The highest bits of a multiplicative hash (Knuth, vol. 3, §6.4).
    let share = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    pause - pause / 1024 * u32::try_from(share).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ROOM: RoomId = RoomId(1);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn event(number: u64, room: RoomId, expires: u64) -> Input {
        Input::Queued(Event { number, room, expires: secs(expires) })
    }

    fn outputs(delivery: &mut Delivery) -> Vec<Output> {
        std::iter::from_fn(|| delivery.poll()).collect()
    }

    #[test]
    fn one_room_is_told_one_by_one_and_others_beside_it() {
        let mut delivery = Delivery::new(Config { concurrency: 2, ..Config::default() });
        for input in [
            event(1, ROOM, 100),
            event(2, ROOM, 100),
            event(3, RoomId(2), 100),
            event(4, RoomId(3), 100),
        ] {
            delivery.handle(secs(0), input);
        }
        let send = |event| Output::Send { event, failures: 0 };
        assert_eq!(outputs(&mut delivery), [send(1), send(3)]);
        delivery.handle(secs(1), Input::Delivered(1));
        assert_eq!(outputs(&mut delivery), [send(4)], "it was there before the next of room 1");
        delivery.handle(secs(1), Input::Delivered(3));
        assert_eq!(outputs(&mut delivery), [send(2)]);
        assert_eq!((delivery.waiting(), delivery.deadline()), (2, None));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_what_lasts_too_long_is_given_up() {
        let mut delivery = Delivery::new(Config::default());
        delivery.handle(secs(0), event(7, ROOM, 86_400));
        delivery.handle(secs(0), event(8, ROOM, 90_000));
        let mut now = secs(0);
        let mut pauses = Vec::new();
        loop {
            match outputs(&mut delivery)[..] {
                [Output::Send { event: 7, failures }] => {
                    assert_eq!(failures as usize, pauses.len());
                    delivery.handle(now, Input::Failed { event: 7, retry_after: None });
                }
                [Output::GiveUp(7), Output::Send { event: 8, failures: 0 }] => break,
                ref other => panic!("{other:?}"),
            }
            if let Some(until) = delivery.deadline() {
                pauses.push(until - now);
                now = until;
                delivery.handle(now, Input::Timeout);
            }
        }
        for (index, pause) in pauses.iter().enumerate() {
            let whole = secs(1 << index.min(10)).min(secs(600));
            assert!((whole * 3 / 4..=whole).contains(pause), "{index}: {pause:?}");
        }
        assert!(now < secs(86_400) && now >= secs(86_400 - 600), "{now:?}");
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_pause_but_not_for_ever() {
        for (asked, given) in [(30, secs(30)), (100_000, secs(600))] {
            let mut delivery = Delivery::new(Config::default());
            delivery.handle(secs(0), event(1, ROOM, 86_400));
            outputs(&mut delivery);
            let retry_after = Some(secs(asked));
            delivery.handle(secs(0), Input::Failed { event: 1, retry_after });
            assert_eq!(delivery.deadline(), Some(given));
        }
    }

    #[test]
    fn word_of_what_is_not_on_its_way_changes_nothing() {
        let mut delivery = Delivery::new(Config::default());
        delivery.handle(secs(0), event(1, ROOM, 100));
        outputs(&mut delivery);
        delivery.handle(secs(0), Input::Delivered(9));
        delivery.handle(secs(0), Input::Delivered(1));
        delivery.handle(secs(0), Input::Delivered(1));
        delivery.handle(secs(0), Input::Failed { event: 1, retry_after: None });
        assert_eq!((delivery.waiting(), delivery.poll(), delivery.deadline()), (0, None, None));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Queue(u64),
        Answer { nth: usize, taken: bool },
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4u64).prop_map(Step::Queue),
            4 => (0..8usize, any::<bool>()).prop_map(|(nth, taken)| Step::Answer { nth, taken }),
            2 => (0..2000u64).prop_map(Step::Wait),
        ]
    }

    /// What a run has come to, and what must hold of it.
    #[derive(Default)]
    struct Run {
        now: Duration,
        on_their_way: Vec<u64>,
        rooms: BTreeMap<u64, (RoomId, Duration)>,
        /// By room: what was queued, what is done with.
        queued: BTreeMap<RoomId, Vec<u64>>,
        done: BTreeMap<RoomId, Vec<u64>>,
    }

    impl Run {
        fn take(&mut self, delivery: &mut Delivery, concurrency: usize) {
            while let Some(output) = delivery.poll() {
                match output {
                    Output::Send { event, .. } => {
                        let (room, _) = self.rooms[&event];
                        let same = self.on_their_way.iter().any(|one| self.rooms[one].0 == room);
                        assert!(!same, "two of one room are on their way");
                        self.on_their_way.push(event);
                        assert!(self.on_their_way.len() <= concurrency);
                    }
                    Output::GiveUp(event) => {
                        let (room, expires) = self.rooms[&event];
                        assert!(self.now + Config::default().longest_pause >= expires);
                        self.done.entry(room).or_default().push(event);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_is_told_in_its_rooms_order_or_given_up_and_none_is_forgotten(
            steps in prop::collection::vec(step(), 0..200),
            concurrency in 1..4usize,
        ) {
            let mut delivery = Delivery::new(Config { concurrency, ..Config::default() });
            let mut run = Run::default();
            let mut number = 0;
            for step in steps {
                match step {
                    Step::Queue(room) => {
                        number += 1;
                        let expires = run.now + secs(5000);
                        run.rooms.insert(number, (RoomId(room), expires));
                        run.queued.entry(RoomId(room)).or_default().push(number);
                        let queued = Event { number, room: RoomId(room), expires };
                        delivery.handle(run.now, Input::Queued(queued));
                    }
                    Step::Answer { nth, taken } if !run.on_their_way.is_empty() => {
                        let event = run.on_their_way.remove(nth % run.on_their_way.len());
                        if taken {
                            let room = run.rooms[&event].0;
                            run.done.entry(room).or_default().push(event);
                            delivery.handle(run.now, Input::Delivered(event));
                        } else {
                            delivery.handle(run.now, Input::Failed { event, retry_after: None });
                        }
                    }
                    Step::Answer { .. } => {}
                    Step::Wait(seconds) => {
                        run.now += secs(seconds);
                        delivery.handle(run.now, Input::Timeout);
                    }
                }
                run.take(&mut delivery, concurrency);
                prop_assert!(delivery.deadline().is_none_or(|at| at > run.now));
            }
            // From here on the endpoint takes everything.
            for _ in 0..10_000 {
                if let Some(event) = run.on_their_way.pop() {
                    let room = run.rooms[&event].0;
                    run.done.entry(room).or_default().push(event);
                    delivery.handle(run.now, Input::Delivered(event));
                } else if let Some(at) = delivery.deadline() {
                    run.now = run.now.max(at);
                    delivery.handle(run.now, Input::Timeout);
                } else {
                    break;
                }
                run.take(&mut delivery, concurrency);
            }
            prop_assert_eq!(delivery.waiting(), 0);
            prop_assert_eq!(run.done, run.queued);
        }
    }
}
