//! From what a token claims to what its bearer may do to rooms without being in them: back ends,
//! dashboards.

use crate::error::{ErrorCode, RequestError};
use crate::grants::Claims;

/// What a token lets its bearer do from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Everything, in every room.
    administers: bool,
    /// Sees which rooms there are.
    lists: bool,
    /// Creates rooms.
    creates: bool,
    /// The one room that the next two are about; every room without it.
    room: Option<String>,
    /// Steers it.
    steers: bool,
    /// Sees what happens in it.
    observes: bool,
}

impl Claims {
    /// What the token lets its bearer do from outside.
    pub fn rights(&self) -> Rights {
        let room = self.video.room.clone().filter(|room| !room.is_empty());
        Rights {
            administers: self.oriel.admin,
            lists: self.video.room_list,
            creates: self.video.room_create,
            // Without a room it is LiveKit's grant for none, not one for all.
            steers: self.video.room_admin && room.is_some(),
            observes: self.oriel.observe,
            room,
        }
    }
}

impl Rights {
    /// Whether it may do what is for the server's administrators alone.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with the claim that is missing, as with all of these.
    pub fn must_administer(&self) -> Result<(), RequestError> {
        must(self.administers, "this is for administrators: it needs oriel.admin in the token")
    }

    /// Whether it may see which rooms there are.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub fn must_list(&self) -> Result<(), RequestError> {
        let may = self.administers || self.lists || (self.observes && self.room.is_none());
        must(may, "the token does not allow listing rooms: it needs video.roomList")
    }

    /// Whether it may create rooms.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub fn must_create(&self) -> Result<(), RequestError> {
        let may = self.administers || self.creates;
        must(may, "the token does not allow creating rooms: it needs video.roomCreate")
    }

    /// Whether it may see what is in `room`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub fn must_see(&self, room: &str) -> Result<(), RequestError> {
        let observes = self.observes && self.room.as_deref().is_none_or(|own| own == room);
        must(
            observes || self.must_steer(room).is_ok(),
            "the token does not allow seeing this room: it needs oriel.observe, or video.roomAdmin \
             with video.room",
        )
    }

    /// Whether it may steer `room`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub fn must_steer(&self, room: &str) -> Result<(), RequestError> {
        let steers = self.steers && self.room.as_deref() == Some(room);
        must(
            self.administers || steers,
            "the token does not allow steering this room: it needs video.roomAdmin with video.room, \
             or oriel.admin",
        )
    }

    /// Whether it administers the server, and not just a room.
    pub fn administers(&self) -> bool {
        self.administers
    }
}

fn must(may: bool, message: &str) -> Result<(), RequestError> {
    if may { Ok(()) } else { Err(RequestError::new(ErrorCode::Forbidden, message)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{OrielClaims, VideoClaims};

    /// Which of list, create, administer, see `r`, steer `r`, see `s`, steer `s` it may.
    fn may(claims: &Claims) -> [bool; 7] {
        let rights = claims.rights();
        [
            rights.must_list().is_ok(),
            rights.must_create().is_ok(),
            rights.must_administer().is_ok(),
            rights.must_see("r").is_ok(),
            rights.must_steer("r").is_ok(),
            rights.must_see("s").is_ok(),
            rights.must_steer("s").is_ok(),
        ]
    }

    fn video(video: VideoClaims) -> Claims {
        Claims { video, ..Claims::default() }
    }

    fn oriel(oriel: OrielClaims, room: Option<&str>) -> Claims {
        let video = VideoClaims { room: room.map(str::to_owned), ..VideoClaims::default() };
        Claims { video, oriel, ..Claims::default() }
    }

    #[test]
    fn each_claim_opens_what_it_says_and_no_more() {
        let room = Some("r".to_owned());
        let none = [false; 7];
        assert_eq!(may(&Claims::default()), none);
        let joins = VideoClaims { room: room.clone(), room_join: true, ..VideoClaims::default() };
        assert_eq!(may(&video(joins)), none);
        let lists = VideoClaims { room_list: true, ..VideoClaims::default() };
        assert_eq!(may(&video(lists)), [true, false, false, false, false, false, false]);
        let creates = VideoClaims { room_create: true, ..VideoClaims::default() };
        assert_eq!(may(&video(creates)), [false, true, false, false, false, false, false]);
        let steers = VideoClaims { room, room_admin: true, ..VideoClaims::default() };
        assert_eq!(may(&video(steers)), [false, false, false, true, true, false, false]);
        let nowhere = VideoClaims { room_admin: true, ..VideoClaims::default() };
        assert_eq!(may(&video(nowhere)), none);
        let observes = OrielClaims { observe: true, ..OrielClaims::default() };
        let sees = [false, false, false, true, false, false, false];
        assert_eq!(may(&oriel(observes.clone(), Some("r"))), sees);
        assert_eq!(may(&oriel(observes, None)), [true, false, false, true, false, true, false]);
        let admin = OrielClaims { admin: true, ..OrielClaims::default() };
        assert_eq!(may(&oriel(admin, Some("r"))), [true; 7]);
        let service = OrielClaims { service: true, ..OrielClaims::default() };
        assert_eq!(may(&oriel(service, None)), none);
    }
}
