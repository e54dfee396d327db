//! A WHIP or WHEP session between its POST and its end: holds the attachment, trickles candidates,
//! restarts ICE. One task each; found by 128 random bits that nobody can guess.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::reply::Reply;
use signaling_core::request::{Candidate, Offer, Request};
use tokio::sync::{mpsc, oneshot, watch};

use super::Protocol;
use super::sdpfrag::Fragment;
use crate::hub::Attachment;
use crate::outbox::Parcel;
use crate::problem::Problem;

/// PATCH requests that may wait for one session.
const WAITING: usize = 16;

/// What opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SessionId(u128);

impl SessionId {
    fn random() -> Self {
        SessionId(rand::random())
    }

    /// Reads what [`SessionId::text`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(plain))
            .then(|| u128::from_str_radix(text, 16).ok().map(SessionId))
            .flatten()
    }

    /// 32 hexadecimal digits.
    pub(super) fn text(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// Names one ICE session of a session: a strong entity tag (RFC 9725 §4.3.1).
pub(super) type EntityTag = String;

fn new_entity_tag() -> EntityTag {
    format!("\"{:016x}\"", rand::random::<u64>())
}

/// All sessions of one kind of door. Clones are the same sessions.
#[derive(Clone, Default)]
pub(super) struct Sessions {
    by_id: Arc<Mutex<HashMap<SessionId, Handle>>>,
}

#[derive(Clone)]
struct Handle {
    protocol: Protocol,
    patches: mpsc::Sender<Patch>,
    end: Arc<watch::Sender<()>>,
}

/// A PATCH on its way to its session.
struct Patch {
    precondition: Precondition,
    fragment: Fragment,
    reply: oneshot::Sender<Result<Patched, Problem>>,
}

/// What `If-Match` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Precondition {
    /// `*`: whatever ICE session there is. Asks for a restart.
    Any,
    /// The ICE session that these candidates belong to.
    Tags(Vec<EntityTag>),
}

/// What came of a PATCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Patched {
    /// The candidates were taken.
    Trickled,
    /// There is a new ICE session.
    Restarted {
        /// Its name.
        tag: EntityTag,
        /// The server's half of it, as `application/trickle-ice-sdpfrag`.
        fragment: String,
    },
}

fn gone() -> Problem {
    Problem::from(RequestError::new(ErrorCode::NotFound, "there is no such session"))
}

impl Sessions {
    /// Starts the task of a session whose offer was answered. `task` is held until it ends.
    pub(super) fn start(
        &self,
        protocol: Protocol,
        attachment: Attachment,
        offer: String,
        task: watch::Receiver<()>,
    ) -> (SessionId, EntityTag) {
        let id = SessionId::random();
        let (patches, receiver) = mpsc::channel(WAITING);
        let (end, ended) = watch::channel(());
        let handle = Handle { protocol, patches, end: Arc::new(end) };
        self.locked().insert(id, handle);
        let tag = new_entity_tag();
        let session = Session {
            attachment,
            credentials: Fragment::of_description(&offer).credentials,
            offer,
            tag: tag.clone(),
        };
        let place = Place { sessions: self.clone(), id };
        tokio::spawn(async move {
            session.run(receiver, ended).await;
            drop(place);
            drop(task);
        });
        (id, tag)
    }

    /// Ends a session; its participant leaves.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn end(&self, protocol: Protocol, id: SessionId) -> Result<(), Problem> {
        let handle = self.find(protocol, id)?;
        self.locked().remove(&id);
        handle.end.send_replace(());
        Ok(())
    }

    /// Gives a session the ICE half of a description.
    ///
    /// # Errors
    /// 404 when there is no such session, 409 when it has more to do than it takes, 412 when the
    /// precondition does not hold, and what the room says to a restart.
    pub(super) async fn patch(
        &self,
        protocol: Protocol,
        id: SessionId,
        precondition: Precondition,
        fragment: Fragment,
    ) -> Result<Patched, Problem> {
        let handle = self.find(protocol, id)?;
        let (reply, answer) = oneshot::channel();
        handle.patches.try_send(Patch { precondition, fragment, reply }).map_err(|error| {
            match error {
                mpsc::error::TrySendError::Full(_) => Problem::new(
                    StatusCode::CONFLICT,
                    "conflict",
                    "earlier changes of this session are still being made; try again",
                ),
                mpsc::error::TrySendError::Closed(_) => gone(),
            }
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn find(&self, protocol: Protocol, id: SessionId) -> Result<Handle, Problem> {
        self.locked()
            .get(&id)
            .filter(|handle| handle.protocol == protocol)
            .cloned()
            .ok_or_else(gone)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<SessionId, Handle>> {
        // Every critical section leaves the map whole.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place among all; given up when dropped, however the session ended.
struct Place {
    sessions: Sessions,
    id: SessionId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.locked().remove(&self.id);
    }
}

struct Session {
    attachment: Attachment,
    /// The last one that was answered.
    offer: String,
    /// The client's of the current ICE session.
    credentials: Option<super::sdpfrag::Credentials>,
    tag: EntityTag,
}

impl Session {
    async fn run(mut self, mut patches: mpsc::Receiver<Patch>, mut ended: watch::Receiver<()>) {
        loop {
            tokio::select! {
                // The sender being gone means the same.
                _ = ended.changed() => return,
                parcel = self.attachment.next() => {
                    if let Ok(Parcel::Close(_)) | Err(_) = parcel {
                        return;
                    }
                }
                Some(patch) = patches.recv() => {
                    let outcome = self.on_patch(patch.precondition, patch.fragment).await;
                    // Whoever asked may have gone away meanwhile.
                    let _ = patch.reply.send(outcome);
                }
            }
        }
    }

    async fn on_patch(
        &mut self,
        precondition: Precondition,
        fragment: Fragment,
    ) -> Result<Patched, Problem> {
        let is_new = fragment.credentials.is_some() && fragment.credentials != self.credentials;
        match precondition {
            Precondition::Any if is_new => self.restart(&fragment).await,
            Precondition::Any => self.trickle(fragment).await,
            Precondition::Tags(tags) if tags.contains(&self.tag) && !is_new => {
                self.trickle(fragment).await
            }
            Precondition::Tags(_) => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                "this is not the current ICE session; to restart ICE send `If-Match: *`",
            )),
        }
    }

    async fn trickle(&mut self, fragment: Fragment) -> Result<Patched, Problem> {
        for candidate in fragment.candidates {
            self.attachment.ask(Request::Candidate(Candidate { candidate })).await?;
        }
        Ok(Patched::Trickled)
    }

    async fn restart(&mut self, fragment: &Fragment) -> Result<Patched, Problem> {
        let offer = fragment.restart(&self.offer);
        let reply = self.attachment.ask(Request::Offer(Offer { sdp: offer.clone() })).await?;
        let Reply::Answer(answer) = reply else {
            return Err(RequestError::new(ErrorCode::Internal, "the offer got no answer").into());
        };
        self.offer = offer;
        self.credentials.clone_from(&fragment.credentials);
        self.tag = new_entity_tag();
        let fragment = Fragment::of_description(&answer.sdp).write(&answer.sdp);
        Ok(Patched::Restarted { tag: self.tag.clone(), fragment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        let id = SessionId::random();
        assert_eq!(SessionId::parse(&id.text()), Some(id));
        for text in ["", "0", &id.text()[1..], &"g".repeat(32), &"A".repeat(32), &"+".repeat(32)] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
