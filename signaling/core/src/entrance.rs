//! What stands before a room: its password, its lock, its lobby, and whom they do not stop.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{ErrorCode, RequestError};
use crate::info::RoomInfo;
use crate::participant::Admission;

/// Wrong passwords that are taken in [`WINDOW`].
const GUESSES: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// How many identities are remembered, the newest.
const KNOWN: usize = 1024;

/// Where whoever comes is led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Into the room.
    Open,
    /// Into the lobby.
    Lobby,
}

#[derive(Debug, Default)]
pub(crate) struct Entrance {
    password: Option<String>,
    /// When wrong passwords were given, oldest first.
    wrong: VecDeque<Duration>,
    /// Issuer and identity of those who were let in with the settings as they are, oldest first: a
    /// page that is loaded again does not wait again.
    known: VecDeque<(String, String)>,
}

impl Entrance {
    /// Where `admission` leads, in a room as `room` says, at the time `now`.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordRequired`], [`ErrorCode::RateLimited`] or [`ErrorCode::Locked`].
    pub(crate) fn check(
        &mut self,
        now: Duration,
        room: &RoomInfo,
        admission: &Admission,
    ) -> Result<Passage, RequestError> {
        let passes = admission.grants.room_admin || admission.moved_from.is_some();
        if passes || self.knows(&admission.issuer, &admission.identity) {
            return Ok(Passage::Open);
        }
        self.check_password(now, admission.password.as_deref())?;
        let locked = |message: &str| Err(RequestError::new(ErrorCode::Locked, message));
        if room.locked {
            return locked("the room is locked");
        }
        // The lobby is a list that moderators see, and its end is an event.
        let can_wait = !admission.headless && !admission.grants.hidden;
        match (room.lobby, can_wait) {
            (false, _) => Ok(Passage::Open),
            (true, true) => Ok(Passage::Lobby),
            (true, false) => {
                locked("the room has a lobby: WHIP, WHEP and hidden participants cannot wait in it")
            }
        }
    }

    fn check_password(&mut self, now: Duration, given: Option<&str>) -> Result<(), RequestError> {
        let Some(password) = &self.password else { return Ok(()) };
        if given.is_some_and(|given| is_same(given.as_bytes(), password.as_bytes())) {
            return Ok(());
        }
        while self.wrong.front().is_some_and(|&at| now.saturating_sub(at) >= WINDOW) {
            self.wrong.pop_front();
        }
        if self.wrong.len() >= GUESSES {
            return Err(RequestError::new(
                ErrorCode::RateLimited,
                "too many wrong passwords were given; try again in a minute",
            ));
        }
        let message = match given {
            Some(_) => {
                self.wrong.push_back(now);
                "the password is wrong"
            }
            None => "the room has a password: join with it",
        };
        Err(RequestError::new(ErrorCode::PasswordRequired, message))
    }

    /// Replaces the password; returns whether that changed anything.
    pub(crate) fn set_password(&mut self, password: Option<String>) -> bool {
        let changed = self.password != password;
        if changed {
            self.password = password;
            self.wrong.clear();
        }
        changed
    }

    fn knows(&self, issuer: &str, identity: &str) -> bool {
        self.known.iter().any(|known| known.0 == issuer && known.1 == identity)
    }

    /// Lets somebody in from now on, until the settings change.
    pub(crate) fn learn(&mut self, issuer: &str, identity: &str) {
        if self.knows(issuer, identity) {
            return;
        }
        self.known.push_back((issuer.to_owned(), identity.to_owned()));
        if self.known.len() > KNOWN {
            self.known.pop_front();
        }
    }

    /// It was sent away, and is to be treated like anybody else.
    pub(crate) fn forget(&mut self, issuer: &str, identity: &str) {
        self.known.retain(|known| known.0 != issuer || known.1 != identity);
    }

    /// The settings have changed.
    pub(crate) fn forget_all(&mut self) {
        self.known.clear();
    }
}

/// Compares in a time that does not tell how much of it is right.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    let mut difference = given.len() ^ wanted.len();
    for (index, byte) in given.iter().enumerate() {
        let other = wanted.get(index % wanted.len().max(1)).copied().unwrap_or_default();
        difference |= usize::from(std::hint::black_box(byte ^ other));
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        for (given, wanted, same) in [
            ("secret", "secret", true),
            ("", "", true),
            ("secrets", "secret", false),
            ("secre", "secret", false),
            ("", "secret", false),
            ("secret", "", false),
            ("Secret", "secret", false),
            ("secretsecret", "secret", false),
        ] {
            assert_eq!(is_same(given.as_bytes(), wanted.as_bytes()), same, "{given:?} {wanted:?}");
        }
    }
}
