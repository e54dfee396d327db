//! From what a token claims to what a participant may do.
//!
//! The claims have the names that LiveKit's token servers mint, plus our own under `oriel`. Whether
//! the token is genuine and in its time is for the shell, which has the keys and the clock; here
//! it is already believed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, RequestError};
use crate::info::{GrantsInfo, TrackSource};
use crate::name;

/// The claims of an access token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The id of the key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whom the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audiences>,
    /// Seconds since 1970 from which on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// Seconds since 1970 before which it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text about the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Free key-value pairs about the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
    /// LiveKit's grant.
    #[serde(default)]
    pub video: VideoClaims,
    /// Our own.
    #[serde(default, skip_serializing_if = "OrielClaims::is_empty")]
    pub oriel: OrielClaims,
}

/// The claim `aud`: one text or several (RFC 7519 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// `"aud": "a"`
    One(String),
    /// `"aud": ["a", "b"]`
    Many(Vec<String>),
}

impl Audiences {
    /// Whether `audience` is among them.
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Audiences::One(one) => one == audience,
            Audiences::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// The claim `video`, as LiveKit has it. Names that it does not list are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoClaims {
    /// The room it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// May enter `room`.
    pub room_join: bool,
    /// May create rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// May list rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// May steer `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// May publish; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May receive; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// May chat and send data; absent means the same as `canPublish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// The sources it may publish; empty means every one. A word that is unknown here allows
    /// nothing, and still keeps the list from being empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// May change its own name, metadata and attributes.
    #[serde(skip_serializing_if = "is_false")]
    pub can_update_own_metadata: bool,
    /// Is seen by nobody.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
}

/// The claim `oriel`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrielClaims {
    /// For encoders and load tests: the path or the request names room and identity where the
    /// token does not.
    #[serde(skip_serializing_if = "is_false")]
    pub service: bool,
    /// Administers the server: may do everything by REST, in every room.
    #[serde(skip_serializing_if = "is_false")]
    pub admin: bool,
    /// May read what happens in `video.room` without being in it; in every room where that names none.
    #[serde(skip_serializing_if = "is_false")]
    pub observe: bool,
    /// The one origin whose pages may use it; absent for those that the room or the server allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl OrielClaims {
    fn is_empty(&self) -> bool {
        *self == OrielClaims::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What the asker says beside its token: in the path, or in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The room.
    pub room: Option<String>,
    /// The identity.
    pub identity: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// Attributes.
    pub attributes: Option<BTreeMap<String, String>>,
}

/// Where a token leads, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The room's name, checked.
    pub room: String,
    /// The identity, checked. `None` when a service token and its asker name none: the door
    /// invents one or refuses.
    pub identity: Option<String>,
    /// The display name; empty when nobody gave one.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free key-value pairs.
    pub attributes: BTreeMap<String, String>,
    /// What it may do there.
    pub grants: Grants,
}

impl Claims {
    /// Where the token leads when its bearer asks for `asked`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the token does not allow joining, or names another room or
    /// identity than asked for; [`ErrorCode::BadRequest`] or [`ErrorCode::TooLarge`] when a name
    /// cannot be used.
    pub fn entry(&self, asked: Asked) -> Result<Entry, RequestError> {
        let forbidden = |message: &str| Err(RequestError::new(ErrorCode::Forbidden, message));
        let service = self.oriel.service;
        if !self.video.room_join && !service {
            return forbidden("the token does not allow joining: it needs video.roomJoin");
        }
        let room = match (non_empty(self.video.room.clone()), non_empty(asked.room)) {
            (Some(own), Some(asked)) if own != asked => {
                return forbidden("the token is for another room");
            }
            (Some(own), _) => own,
            (None, Some(asked)) if service => asked,
            (None, None) if service => {
                return Err(RequestError::new(
                    ErrorCode::BadRequest,
                    "neither the token nor the request names a room",
                ));
            }
            (None, _) => return forbidden("the token names no room: it needs video.room"),
        };
        let identity = match (non_empty(self.sub.clone()), non_empty(asked.identity)) {
            (Some(own), Some(asked)) if own != asked => {
                return forbidden("the token is for another identity");
            }
            (Some(own), _) => Some(own),
            (None, asked) if service => asked,
            (None, _) => return forbidden("the token names no identity: it needs sub"),
        };
        let name = non_empty(self.name.clone()).or(asked.name).unwrap_or_default();
        let metadata = self.metadata.clone().unwrap_or_default();
        let mut attributes = asked.attributes.unwrap_or_default();
        attributes.extend(self.attributes.clone().unwrap_or_default());

        name::check_room(&room)?;
        if let Some(identity) = &identity {
            name::check_identity(identity)?;
        }
        name::check_label("the display name", &name)?;
        name::check_metadata(&metadata, &attributes)?;
        Ok(Entry { room, identity, name, metadata, attributes, grants: self.grants() })
    }

    /// The room whose events the token lets its bearer observe; `None` for those of all rooms.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when it lets nobody observe.
    pub fn observes(&self) -> Result<Option<String>, RequestError> {
        if !self.oriel.observe {
            return Err(RequestError::new(
                ErrorCode::Forbidden,
                "the token does not allow observing: it needs oriel.observe",
            ));
        }
        Ok(non_empty(self.video.room.clone()))
    }

    /// What the token allows in its room.
    pub fn grants(&self) -> Grants {
        let video = &self.video;
        let can_publish = video.can_publish.unwrap_or(true);
        let listed = |source: TrackSource| {
            video.can_publish_sources.is_empty()
                || video.can_publish_sources.iter().any(|word| word == source.word())
        };
        Grants {
            can_publish: TrackSource::ALL
                .into_iter()
                .filter(|source| can_publish && !video.hidden && listed(*source))
                .collect(),
            can_subscribe: video.can_subscribe.unwrap_or(true),
            can_publish_data: video.can_publish_data.unwrap_or(can_publish) && !video.hidden,
            room_admin: video.room_admin,
            can_update_own_metadata: video.can_update_own_metadata,
            hidden: video.hidden,
        }
    }
}

/// Token servers write an absent text as `""`, too.
fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// What a participant may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The sources it may publish; empty for none. Always empty for the hidden.
    pub can_publish: Vec<TrackSource>,
    /// Whether it receives media.
    pub can_subscribe: bool,
    /// Whether it may chat and send data. Never true for the hidden.
    pub can_publish_data: bool,
    /// Whether it steers the room.
    pub room_admin: bool,
    /// Whether it may change its own name, metadata and attributes.
    pub can_update_own_metadata: bool,
    /// Whether nobody sees it.
    pub hidden: bool,
}

impl Default for Grants {
    /// What a guest may do: everything except steering.
    fn default() -> Self {
        Grants {
            can_publish: TrackSource::ALL.to_vec(),
            can_subscribe: true,
            can_publish_data: true,
            room_admin: false,
            can_update_own_metadata: true,
            hidden: false,
        }
    }
}

impl Grants {
    /// As the participant's user interface needs it.
    pub fn info(&self) -> GrantsInfo {
        GrantsInfo {
            can_publish: self.can_publish.clone(),
            can_subscribe: self.can_subscribe,
            can_publish_data: self.can_publish_data,
            can_update_own_metadata: self.can_update_own_metadata,
        }
    }
}
