//! One call as operations see it, and what they answer.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::id::ParticipantId;
use signaling_core::info::ParticipantInfo;
use signaling_core::request::Request;
use signaling_core::room::Room;

use super::Door;
use crate::auth::Caller;
use crate::problem::Problem;

/// A call whose token is believed, and whose body has come.
pub(super) struct Call {
    pub(super) door: Door,
    /// Who calls; `None` where no token is needed.
    pub(super) caller: Option<Caller>,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// From the path, decoded.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) body: Bytes,
}

impl Call {
    /// One of the names in the path.
    pub(super) fn parameter(&self, name: &str) -> Result<&str, RequestError> {
        self.parameters.get(name).map(String::as_str).ok_or_else(|| {
            RequestError::new(ErrorCode::Internal, format!("the path has no {{{name}}}"))
        })
    }

    /// One of them that is an id.
    pub(super) fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, RequestError> {
        let text = self.parameter(name)?;
        // What cannot be an id is nothing that is there.
        text.parse().map_err(|_| not_found(format!("there is no {name} {text:?}")))
    }

    /// What the query says.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        Query::try_from_uri(&self.uri)
            .map(|Query(query)| query)
            .map_err(|rejection| bad(rejection.body_text()))
    }

    /// What the body says.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !super::super::has_content_type(&self.headers, "application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be application/json",
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|error| error.to_string())
            .and_then(|body| json.end().map(|()| body).map_err(|error| error.to_string()))
            .map_err(|message| bad(message).into())
    }

    /// Who calls.
    pub(super) fn caller(&self) -> Result<&Caller, RequestError> {
        self.caller.as_ref().ok_or_else(|| {
            RequestError::new(ErrorCode::Internal, "this was let in without a token")
        })
    }

    /// The room in the path, if the caller may see what is in it.
    pub(super) fn seen_room(&self) -> Result<&str, RequestError> {
        let room = self.parameter("room")?;
        self.caller()?.rights.must_see(room)?;
        Ok(room)
    }

    /// The room in the path, if the caller may steer it.
    pub(super) fn steered_room(&self) -> Result<&str, RequestError> {
        let room = self.parameter("room")?;
        self.caller()?.rights.must_steer(room)?;
        Ok(room)
    }

    /// Asks something of the room in the path, which must be the caller's to steer.
    pub(super) async fn steer(&self, request: Request) -> Result<(), RequestError> {
        self.door.context.hub.steer(self.steered_room()?, request).await
    }

    /// Sees the room in the path, which must be the caller's to see.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Room) -> T + Send + 'static,
    ) -> Result<T, RequestError> {
        self.door.context.hub.look(self.seen_room()?, look).await
    }

    /// The participant in the path, by its id or its identity, as others see it.
    pub(super) async fn participant(&self) -> Result<ParticipantInfo, RequestError> {
        let asked = self.parameter("participant")?.to_owned();
        let id = asked.parse::<ParticipantId>().ok();
        let found = self
            .look(move |room| {
                let mut visible = room.visible().into_iter();
                visible.find(|one| id.map_or(one.identity == asked, |id| one.id == id))
            })
            .await?;
        found.ok_or_else(|| not_found("there is no such participant in the room"))
    }
}

/// Sent with every answer: even the page loads nothing but its style, and nothing of it is for others'
/// frames.
const SECURITY: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// What an operation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Its media type, and the bytes.
    pub(super) content: Option<(&'static str, Bytes)>,
    /// Where what was made is.
    pub(super) location: Option<String>,
}

impl Answer {
    /// Done, nothing to tell.
    pub(super) const DONE: Answer =
        Answer { status: StatusCode::NO_CONTENT, content: None, location: None };

    /// Something as it is.
    pub(super) fn ok<T: Serialize>(content: &T) -> Result<Answer, Problem> {
        Answer::json(StatusCode::OK, content)
    }

    /// Something new.
    pub(super) fn created<T: Serialize>(
        content: &T,
        location: Option<String>,
    ) -> Result<Answer, Problem> {
        Ok(Answer { location, ..Answer::json(StatusCode::CREATED, content)? })
    }

    fn json<T: Serialize>(status: StatusCode, content: &T) -> Result<Answer, Problem> {
        let json = serde_json::to_vec(content)
            .map_err(|error| RequestError::new(ErrorCode::Internal, error.to_string()))?;
        Ok(Answer { status, content: Some(("application/json", json.into())), location: None })
    }

    /// Something that is no JSON of ours.
    pub(super) fn other(media_type: &'static str, content: Bytes) -> Answer {
        Answer { status: StatusCode::OK, content: Some((media_type, content)), location: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        for (name, value) in SECURITY {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(location) = self.location.and_then(|it| HeaderValue::try_from(it).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if let Some((media_type, content)) = self.content {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            *response.body_mut() = content.into();
        }
        response
    }
}

/// The request makes no sense.
pub(super) fn bad(message: impl Into<String>) -> RequestError {
    RequestError::new(ErrorCode::BadRequest, message)
}

/// There is no such thing.
pub(super) fn not_found(message: impl Into<String>) -> RequestError {
    RequestError::new(ErrorCode::NotFound, message)
}
