//! Who was removed from which room, until the token that it came with has ended.
//!
//! It outlives the room: whoever is removed and waits for the room to end must not get in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signaling_core::error::{ErrorCode, RequestError};

/// Bars kept at a time. Beyond it those that end first make room.
const BARS: usize = 65_536;

/// Room, key and identity.
type Barred = (String, String, String);

/// All bars of a server.
#[derive(Debug, Default)]
pub struct Bars {
    /// Until when: seconds since 1970 (UTC).
    until: Mutex<HashMap<Barred, u64>>,
}

impl Bars {
    /// Lets the bearer of a token by `issuer` for `identity` into `room` no more, until `until`.
    pub fn add(&self, room: &str, issuer: String, identity: String, until: u64, now: u64) {
        let mut bars = self.bars();
        if bars.len() >= BARS {
            bars.retain(|_, until| *until > now);
        }
        if bars.len() >= BARS
            && let Some(first) = bars.iter().min_by_key(|(_, until)| **until)
        {
            let first = first.0.clone();
            bars.remove(&first);
        }
        bars.insert((room.to_owned(), issuer, identity), until);
    }

    /// Whether somebody may come in.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who was removed.
    pub fn check(
        &self,
        room: &str,
        issuer: &str,
        identity: &str,
        now: u64,
    ) -> Result<(), RequestError> {
        let barred = (room.to_owned(), issuer.to_owned(), identity.to_owned());
        match self.bars().get(&barred) {
            Some(until) if *until > now => Err(RequestError::new(
                ErrorCode::Forbidden,
                "a moderator removed you from this room",
            )),
            _ => Ok(()),
        }
    }

    fn bars(&self) -> MutexGuard<'_, HashMap<Barred, u64>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_for_one_identity_of_one_key_in_one_room_and_ends() {
        let bars = Bars::default();
        bars.add("team", "main".into(), "ana".into(), 200, 100);
        let code = |room, issuer, identity, now| {
            bars.check(room, issuer, identity, now).err().map(|error| error.code)
        };
        assert_eq!(code("team", "main", "ana", 199), Some(ErrorCode::Forbidden));
        assert_eq!(code("team", "main", "ana", 200), None);
        assert_eq!(code("team", "main", "ben", 150), None);
        assert_eq!(code("team", "other", "ana", 150), None);
        assert_eq!(code("other", "main", "ana", 150), None);
    }

    #[test]
    fn they_are_bounded_and_those_that_end_first_make_room() {
        let bars = Bars::default();
        for number in 0..BARS as u64 + 2 {
            bars.add("team", "main".into(), number.to_string(), 1_000_000 + number, 0);
        }
        assert_eq!(bars.bars().len(), BARS);
        assert!(bars.check("team", "main", "1", 0).is_ok());
        assert!(bars.check("team", "main", "2", 0).is_err());
    }
}
