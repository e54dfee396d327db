//! A room takes anything in any order: every request has one reply, nothing follows the end, and the
//! media plane is asked nothing that makes no sense.
//!
//! The input is a line for each operation. A door's or a session's number counts those that there
//! are, round and round.
//!
//! ```text
//! guest NAME, join NAME, hidden NAME      somebody comes in
//! ask DOOR REQUEST                        a request as JSON, without its id
//! gone DOOR                               a connection is lost
//! tell                                    the media plane tells the next thing
//! fail SESSION, bind SUBSCRIPTION MID     something happens to it
//! pass SECONDS                            time passes
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use signaling_core::AttachmentId;
use signaling_core::event::EndReason;
use signaling_core::reply::Outcome;
use signaling_core::request::Request;
use signaling_core::room::Input;

use crate::plane::Plane;
use crate::world::{Seen, World, admission, guest, hidden, small};

/// Operations of one input.
const MOST_OPERATIONS: usize = 300;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut play =
        Play { world: World::with(small()), plane: Plane::default(), waiting: BTreeMap::new() };
    for line in text.lines().take(MOST_OPERATIONS) {
        play.operation(line);
        play.settle();
    }
    play.world.handle(Input::Stop { reason: EndReason::ServerStopping });
    play.settle();
    assert!(play.waiting.values().all(BTreeSet::is_empty), "no reply to {:?}", play.waiting);
}

struct Play {
    world: World,
    plane: Plane,
    /// Requests without a reply, by the doors that are open.
    waiting: BTreeMap<AttachmentId, BTreeSet<u64>>,
}

impl Play {
    fn operation(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "guest" => self.knock(guest(rest)),
            "join" => self.knock(admission(rest)),
            "hidden" => self.knock(hidden(rest)),
            "ask" => {
                let (door, json) = rest.split_once(' ').unwrap_or((rest, ""));
                if let (Some(door), Ok(body)) =
                    (self.door(door), serde_json::from_str::<Request>(json))
                {
                    let number = self.world.number();
                    self.waiting.entry(door).or_default().insert(number);
                    self.world.handle(Input::Request { attachment: door, request: number, body });
                }
            }
            "gone" => {
                if let Some(door) = self.door(rest) {
                    self.waiting.remove(&door);
                    self.world.detach(door);
                }
            }
            "tell" => {
                if let Some(event) = self.plane.next() {
                    self.world.tell(event);
                }
            }
            "fail" => self.plane.fail(number(rest)),
            "bind" => {
                let (subscription, mid) = rest.split_once(' ').unwrap_or((rest, ""));
                self.plane.bind(number(subscription), number(mid) as u8);
            }
            "pass" => {
                self.world.pass(Duration::from_secs(number(rest) as u64 % 1_000));
                self.world.handle(Input::Timeout);
            }
            _ => {}
        }
    }

    fn knock(&mut self, admission: signaling_core::Admission) {
        let door = self.world.knock(admission);
        self.waiting.entry(door).or_default().insert(entry(door));
    }

    /// Everybody reads everything.
    fn settle(&mut self) {
        for command in std::mem::take(&mut self.world.media) {
            self.plane.take(command);
        }
        for door in self.waiting.keys().copied().collect::<Vec<_>>() {
            for seen in self.world.seen(door) {
                match seen {
                    Seen::Reply(number, outcome) => {
                        let waiting = self.waiting.get_mut(&door);
                        let was = waiting.is_some_and(|waiting| waiting.remove(&number));
                        assert!(was, "a reply to nothing: {number}");
                        if number == entry(door) && matches!(outcome, Outcome::Error(_)) {
                            self.waiting.remove(&door);
                        }
                    }
                    Seen::Closed(_) => {
                        let left = self.waiting.remove(&door).unwrap_or_default();
                        assert!(left.is_empty(), "closed without a reply to {left:?}");
                    }
                    _ => {}
                }
            }
        }
    }

    /// One of the doors that are open.
    fn door(&self, nth: &str) -> Option<AttachmentId> {
        self.waiting.keys().nth(number(nth) % self.waiting.len().max(1)).copied()
    }
}

/// The request by which somebody came to a door: [`World::knock`] draws the two in a row.
fn entry(door: AttachmentId) -> u64 {
    door.0 + 1
}

/// A number as it begins some text; 0 for anything else.
fn number(text: &str) -> usize {
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}
