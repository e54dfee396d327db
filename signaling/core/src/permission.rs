//! Who may ask what: grants for most things, the moderator's role for the rest.

use crate::error::{ErrorCode, RequestError};
use crate::id::ParticipantId;
use crate::info::TrackSource;
use crate::participant::{Participant, Session};
use crate::request::Request;

impl Participant {
    /// Whether it may ask `request` at all. Whose track it is about is not looked at.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with what is needed.
    pub(crate) fn may(&self, request: &Request) -> Result<(), RequestError> {
        let is_other = |who: Option<ParticipantId>| who.is_some_and(|who| who != self.id);
        match request {
            Request::Publish(publish) => {
                self.must_be_visible("publish")?;
                self.must_publish(publish.source)
            }
            Request::Chat(_) | Request::Send(_) | Request::Signal(_) => {
                self.must_be_visible("send anything to others")?;
                must(
                    self.grants.can_publish_data,
                    "you may not chat or send data: video.canPublishData in the token allows it, \
                     or a moderator",
                )
            }
            Request::Hand(hand) if is_other(hand.participant) => self.must_steer(),
            Request::Hand(_) => self.must_be_visible("raise a hand"),
            Request::Update(update) if is_other(update.participant) => self.must_steer(),
            Request::Update(_) => must(
                self.grants.can_update_own_metadata || self.is_moderator(),
                "you may not change your name, metadata or attributes: \
                 video.canUpdateOwnMetadata in the token allows it",
            ),
            Request::Subscribe(_) | Request::Unsubscribe(_) => must(
                self.grants.can_subscribe,
                "you may not receive media: video.canSubscribe in the token allows it, or a \
                 moderator",
            ),
            Request::AskToUnmute(_) => {
                self.must_steer()?;
                self.must_be_visible("ask anybody to unmute")
            }
            Request::Remove(_)
            | Request::SetRole(_)
            | Request::SetGrants(_)
            | Request::Move(_)
            | Request::SetRoom(_)
            | Request::Admit(_)
            | Request::Deny(_)
            | Request::End => self.must_steer(),
            Request::Join(_)
            | Request::Resume(_)
            | Request::Observe(_)
            | Request::Ping
            | Request::Leave
            | Request::Offer(_)
            | Request::Candidate(_)
            | Request::IceServers { .. }
            | Request::Unpublish(_)
            | Request::Mute(_)
            | Request::Viewport(_)
            | Request::Listen(_) => Ok(()),
        }
    }

    /// Whether the media plane has a session of it, which is what tracks and candidates belong to.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] with what to do.
    pub(crate) fn must_be_open(&self) -> Result<(), RequestError> {
        if self.session == Session::Closed {
            return Err(RequestError::new(
                ErrorCode::NotFound,
                "there is no peer connection yet: send an offer first",
            ));
        }
        Ok(())
    }

    /// Whether it may publish `source`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with what is needed.
    pub(crate) fn must_publish(&self, source: TrackSource) -> Result<(), RequestError> {
        must(
            self.grants.can_publish.contains(&source),
            format!(
                "you may not publish {}: video.canPublish and video.canPublishSources in the token \
                 allow it, or a moderator",
                source.word()
            ),
        )
    }

    fn must_steer(&self) -> Result<(), RequestError> {
        must(self.is_moderator(), "this is for moderators: video.roomAdmin in the token makes one")
    }

    fn must_be_visible(&self, what: &str) -> Result<(), RequestError> {
        must(self.is_visible(), format!("a hidden participant cannot {what}"))
    }
}

fn must(may: bool, message: impl Into<String>) -> Result<(), RequestError> {
    if may { Ok(()) } else { Err(RequestError::new(ErrorCode::Forbidden, message)) }
}
