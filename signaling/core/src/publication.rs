//! The control view of a track: what it is called, where it comes from, whether it is muted.

use crate::error::{ErrorCode, RequestError};
use crate::id::{ParticipantId, TrackId};
use crate::info::TrackInfo;
use crate::media::TrackGroup;
use crate::name;
use crate::request::Publish;

/// The longest `a=mid` taken: browsers and encoders use one to four characters.
const MID_BYTES: usize = 16;

/// A published track, or one that the media plane is still looking at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    /// As the others see it.
    pub(crate) info: TrackInfo,
    /// The publisher's m-line.
    pub(crate) mid: String,
}

impl Publication {
    /// What `request` wants published, as `id`.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] when the words do not fit together.
    pub(crate) fn new(id: TrackId, request: Publish) -> Result<Self, RequestError> {
        let bad = |message: String| Err(RequestError::new(ErrorCode::BadRequest, message));
        let Publish { mid, kind, source, name, muted } = request;
        if kind != source.kind() {
            return bad(format!("{} is not the kind of media that was said", source.word()));
        }
        if mid.is_empty() || mid.len() > MID_BYTES {
            return bad(format!("a mid has 1 to {MID_BYTES} bytes"));
        }
        let name = name.unwrap_or_default();
        name::check_label("the track's name", &name)?;
        Ok(Publication { info: TrackInfo { id, kind, source, name, muted }, mid })
    }

    /// What it is kept in sync with.
    pub(crate) fn group(&self, participant: ParticipantId) -> TrackGroup {
        TrackGroup { participant, screen: self.info.source.is_screen() }
    }
}
