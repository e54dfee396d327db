//! Errors as HTTP has them: problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signaling_core::error::{ErrorCode, RequestError};

/// An error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    retry: bool,
}

impl Problem {
    /// An error that only HTTP has. `code` is for programs, `message` for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { status, code, message: message.into(), retry: false }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let status = StatusCode::from_u16(error.code.row().http)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem { status, code: word(error.code), message: error.message, retry: error.retry }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.message,
            code: self.code,
            retry: self.retry,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The code's word on the wire.
pub fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "bad_request",
        ErrorCode::Unauthorized => "unauthorized",
        ErrorCode::Forbidden => "forbidden",
        ErrorCode::OriginNotAllowed => "origin_not_allowed",
        ErrorCode::TicketUsed => "ticket_used",
        ErrorCode::TicketExpired => "ticket_expired",
        ErrorCode::PasswordRequired => "password_required",
        ErrorCode::Locked => "locked",
        ErrorCode::NotFound => "not_found",
        ErrorCode::TooLarge => "too_large",
        ErrorCode::RateLimited => "rate_limited",
        ErrorCode::Full => "full",
        ErrorCode::Busy => "busy",
        ErrorCode::BadSdp => "bad_sdp",
        ErrorCode::Stopping => "stopping",
        ErrorCode::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_wire_and_every_status_is_one() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), word(code));
            let problem = Problem::from(RequestError::new(code, "text"));
            assert_eq!(problem.status.as_u16(), code.row().http);
        }
    }

    #[test]
    fn headers_say_what_to_do() {
        let response =
            Problem::from(RequestError::new(ErrorCode::Unauthorized, "x")).into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
        let response = Problem::from(RequestError::new(ErrorCode::Busy, "x")).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
