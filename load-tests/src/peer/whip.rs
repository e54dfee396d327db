//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer is posted, the answer comes with the
//! address of the session, and a DELETE there ends it.

use anyhow::{Context, bail, ensure};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::{Method, Request, Response, StatusCode, Uri};

use super::door::{Ask, Told};
use crate::http;

const SDP: &str = "application/sdp";

/// The largest answer that is read: one with hundreds of m-lines.
const LARGEST_ANSWER: usize = 1 << 20;

/// Where sessions are made.
pub(super) struct Endpoints {
    whip: String,
    whep: String,
    /// The value of `Authorization`.
    bearer: Option<String>,
    authority: String,
}

impl Endpoints {
    /// Addresses in which `{room}` and `{publisher}` stand for names, and the token for both.
    ///
    /// # Errors
    ///
    /// When they are no `http` addresses.
    pub(super) fn parse(whip: &str, whep: &str, token: Option<&str>) -> anyhow::Result<Endpoints> {
        ensure!(
            whip.contains("{publisher}"),
            "`{whip}` leaves out {{publisher}}: the publishers of a room need addresses of their own"
        );
        let bearer = token.map(|token| format!("Bearer {token}"));
        let (authority, _) = parse(&filled(whep, 0, 0))?;
        parse(&filled(whip, 0, 0))?;
        Ok(Endpoints { whip: whip.to_owned(), whep: whep.to_owned(), bearer, authority })
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether viewers say whom they view.
    pub(super) fn names_publisher(&self) -> bool {
        self.whep.contains("{publisher}")
    }

    pub(super) async fn ask(&self, ask: Ask) -> anyhow::Result<Told> {
        match ask {
            Ask::Publish { room, publisher, offer } => {
                self.post(&filled(&self.whip, room, publisher), offer).await
            }
            Ask::View { room, publisher, offer: Some(offer) } => {
                self.post(&filled(&self.whep, room, publisher.unwrap_or_default()), offer).await
            }
            Ask::Leave { resource } => {
                let ended = self.send(Method::DELETE, &resource, String::new()).await?;
                let status = ended.status();
                ensure!(status.is_success(), "DELETE {resource} was answered with {status}");
                Ok(Told::Done)
            }
            Ask::View { offer: None, .. } | Ask::Accept { .. } => {
                bail!("WHEP's viewers make the offer")
            }
        }
    }

    async fn post(&self, url: &str, offer: String) -> anyhow::Result<Told> {
        let response = self.send(Method::POST, url, offer).await?;
        let location = response.headers().get(LOCATION).cloned();
        let status = response.status();
        let body = String::from_utf8_lossy(response.body()).into_owned();
        ensure!(status == StatusCode::CREATED, "POST {url} was answered with {status}: {body}");
        let location = location.with_context(|| format!("POST {url} gave no Location"))?;
        Ok(Told::Answered { resource: resolve(url, location.to_str()?)?, sdp: body })
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        sdp: String,
    ) -> anyhow::Result<Response<Bytes>> {
        let (authority, path) = parse(url)?;
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        if !sdp.is_empty() {
            request = request.header(CONTENT_TYPE, SDP).header(ACCEPT, SDP);
        }
        let request = request.body(Full::new(Bytes::from(sdp)))?;
        http::exchange(&authority, request, LARGEST_ANSWER)
            .await
            .with_context(|| format!("no answer from {url}"))
    }
}

/// The names of rooms and publishers are their numbers, with a word in front.
fn filled(template: &str, room: u16, publisher: u16) -> String {
    template
        .replace("{room}", &format!("bench-{room}"))
        .replace("{publisher}", &format!("publisher-{publisher}"))
}

/// `host:port` and path.
fn parse(url: &str) -> anyhow::Result<(String, String)> {
    let wrong = || format!("`{url}` is no address; give it as http://host:port/path");
    let uri: Uri = url.parse().with_context(wrong)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok((http::authority(&uri).with_context(wrong)?, path))
}

/// Where `Location` leads: it may leave out the server.
fn resolve(url: &str, location: &str) -> anyhow::Result<String> {
    if location.starts_with('/') {
        return Ok(format!("http://{}{location}", parse(url)?.0));
    }
    parse(location).with_context(|| format!("the Location of {url} cannot be used"))?;
    Ok(location.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_filled_in() {
        let (whip, whep) = ("http://a/whip/{room}/{publisher}", "http://a:8080/whep/{room}");
        let endpoints = Endpoints::parse(whip, whep, None).unwrap();
        assert_eq!(endpoints.authority(), "a:8080");
        assert!(!endpoints.names_publisher());
        assert_eq!(filled(whip, 2, 0), "http://a/whip/bench-2/publisher-0");
        for (whip, whep) in [(whep, whip), ("https://a/{publisher}", whep), (whip, "/whep")] {
            assert!(Endpoints::parse(whip, whep, None).is_err(), "{whip} {whep}");
        }
    }

    #[test]
    fn a_location_may_leave_out_the_server() {
        let url = "http://a:1/whip/r";
        assert_eq!(resolve(url, "/v1/s?x=1").unwrap(), "http://a:1/v1/s?x=1");
        assert_eq!(resolve(url, "http://b/s").unwrap(), "http://b/s");
        assert!(resolve(url, "https://b/s").is_err());
    }
}
