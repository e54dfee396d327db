//! What those ask who are in no room: to begin one, to see one, to steer one.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::info::RoomInfo;
use signaling_core::name;
use signaling_core::request::{Request, SetRoom};
use signaling_core::room::{self, Room};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Attachment, FirstError, Hub, REPLY_TIMEOUT, RoomHandle, no_such_room};
use crate::actor::Letter;
use crate::origins::Origins;

/// What a room that is created may have of its own. What is absent is as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long it lives on with nobody in it.
    pub empty_timeout: Option<Duration>,
    /// How many it takes, as far as the configuration allows.
    pub max_participants: Option<usize>,
    /// What is before it.
    pub settings: SetRoom,
    /// Whose pages may use it.
    pub allowed_origins: Option<Origins>,
}

impl Hub {
    /// Begins a room that nobody is in yet; `None` where there is one of this name.
    ///
    /// # Errors
    /// [`ErrorCode::Full`], [`ErrorCode::Stopping`]; [`ErrorCode::BadRequest`] for a name or a password
    /// that cannot be used.
    pub async fn create(
        &self,
        name: &str,
        options: Options,
    ) -> Result<Option<RoomInfo>, RequestError> {
        name::check_room(name)?;
        if let Some(password) = &options.settings.password {
            name::check_label("the password", password)?;
        }
        let configured = self.room_config();
        let config = room::Config {
            empty_timeout: options.empty_timeout.unwrap_or(configured.empty_timeout),
            max_participants: options
                .max_participants
                .map_or(configured.max_participants, |most| most.min(configured.max_participants)),
            ..configured.clone()
        };
        let steering = {
            let mut rooms = self.rooms();
            if rooms.get(name).is_some_and(|room| !room.inbox.is_closed()) {
                return Ok(None);
            }
            self.refuse_another(&rooms)?;
            let room = self.begin(name, config);
            room.allow(options.allowed_origins);
            // Before anybody else can write to it: whoever joins meets the settings.
            let steering = self.write(&room, Request::SetRoom(options.settings))?;
            rooms.insert(name.to_owned(), room);
            steering
        };
        steered(steering).await?;
        self.look(name, |room| room.info().clone()).await.map(Some)
    }

    /// Asks something of a room, by a right that was checked before.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room, [`ErrorCode::Busy`], and what it says.
    pub async fn steer(&self, name: &str, body: Request) -> Result<(), RequestError> {
        let room = self.find(name)?;
        steered(self.write(&room, body)?).await
    }

    /// Whose pages may use a room; `None` where it does not say, or is not there.
    pub fn allowed_origins(&self, name: &str) -> Option<Arc<Origins>> {
        self.find(name).ok()?.allowed_origins().clone()
    }

    /// Says whose pages may use a room from now on, by a right that was checked before.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room.
    pub fn allow_origins(&self, name: &str, origins: Origins) -> Result<(), RequestError> {
        self.find(name)?.allow(Some(origins));
        Ok(())
    }

    /// Sees a room as it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room, [`ErrorCode::Busy`].
    pub async fn look<T: Send + 'static>(
        &self,
        name: &str,
        look: impl FnOnce(&Room) -> T + Send + 'static,
    ) -> Result<T, RequestError> {
        let (answer, seen) = oneshot::channel();
        self.find(name)?.send(Letter::Look(Box::new(move |room| {
            // Whoever asked may have gone.
            let _ = answer.send(look(room));
        })))?;
        match timeout(REPLY_TIMEOUT, seen).await {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(_)) => Err(no_such_room()),
            Err(_) => Err(late()),
        }
    }

    /// The names of rooms after `after`, in order, `limit` at most; and whether there are more.
    pub fn names(&self, after: &str, limit: usize) -> (Vec<String>, bool) {
        let rooms = self.rooms();
        let mut names = BTreeSet::new();
        let mut more = false;
        for name in rooms.keys().map(String::as_str).filter(|&name| name > after) {
            names.insert(name);
            if names.len() > limit {
                names.pop_last();
                more = true;
            }
        }
        (names.into_iter().map(str::to_owned).collect(), more)
    }

    pub(super) fn find(&self, name: &str) -> Result<RoomHandle, RequestError> {
        let room = self.rooms().get(name).filter(|room| !room.inbox.is_closed()).cloned();
        room.ok_or_else(no_such_room)
    }

    fn write(&self, room: &RoomHandle, body: Request) -> Result<Attachment, RequestError> {
        let (attachment, outbox) = self.attach(room.clone(), false);
        room.send(Letter::Steer { attachment: attachment.id, request: 0, body, outbox })?;
        Ok(attachment)
    }
}

impl RoomHandle {
    fn allow(&self, origins: Option<Origins>) {
        *self.allowed_origins() = origins.map(Arc::new);
    }

    fn allowed_origins(&self) -> MutexGuard<'_, Option<Arc<Origins>>> {
        self.allowed_origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn steered(mut steering: Attachment) -> Result<(), RequestError> {
    match timeout(REPLY_TIMEOUT, steering.first_reply()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(FirstError::Refused(error))) => Err(error),
        Ok(Err(FirstError::RoomGone)) => Err(no_such_room()),
        Err(_) => Err(late()),
    }
}

fn late() -> RequestError {
    RequestError::new(ErrorCode::Busy, "the room did not answer in time; ask again")
}
