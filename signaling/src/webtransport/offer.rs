//! What clients are told of WebTransport before they come.

use std::sync::Arc;

use axum::http::Uri;
use serde::Serialize;

use crate::tls::brief::BriefCertificates;

/// Where a session is asked for.
const PATH: &str = "/v1/webtransport";

/// Where WebTransport is, and by which certificates.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The UDP port.
    port: u16,
    /// The TCP port of HTTP.
    http_port: u16,
    /// Those that clients must be told of.
    certificates: Option<Arc<BriefCertificates>>,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// For `new WebTransport(url)`.
    pub url: String,
    /// For `serverCertificateHashes`: SHA-256, in base 64. None where the certificate is one that browsers
    /// trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_hashes: Option<[String; 2]>,
}

impl Offer {
    /// By UDP on `port`, beside HTTP on `http_port`.
    pub fn new(port: u16, http_port: u16, certificates: Option<Arc<BriefCertificates>>) -> Offer {
        Offer { port, http_port, certificates }
    }

    /// Where a session is asked for.
    pub fn path(&self) -> &'static str {
        PATH
    }

    /// For an asker that came to HTTP by `base_url`: scheme and host, and a port where it is not the
    /// scheme's own.
    pub fn at(&self, base_url: &str) -> Invitation {
        let (scheme, authority) = base_url.split_once("://").unwrap_or(("https", base_url));
        let (host, port) = split(authority);
        // Where the numbers are the same whoever maps one port to another does so with both.
        let port = match port {
            _ if self.port != self.http_port => Some(self.port.to_string()),
            None if scheme == "http" => Some(self.port.to_string()),
            port => port.map(str::to_owned),
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Invitation {
            url: format!("https://{host}{port}{PATH}"),
            certificate_hashes: self
                .certificates
                .as_ref()
                .map(|certificates| certificates.hashes()),
        }
    }

    /// Where it is, for pages that came by `base_url`: none if that is their own host and port.
    pub fn other_origin(&self, base_url: &str) -> Option<String> {
        let url = self.at(base_url).url;
        let origin = url.strip_suffix(PATH)?;
        let authority =
            |url: &str| url.split_once("://").map(|(_, authority)| authority.to_owned());
        (authority(origin) != authority(base_url)).then(|| origin.to_owned())
    }

    /// What a client of HTTP would have asked that came by `uri`: whose pages are our own is told by that.
    pub fn http_uri(&self, uri: &Uri) -> Uri {
        if self.port == self.http_port {
            return uri.clone();
        }
        let (host, _) = split(uri.authority().map_or("", |authority| authority.as_str()));
        format!("https://{host}:{}{PATH}", self.http_port).parse().unwrap_or_else(|_| uri.clone())
    }
}

/// Host and port of an authority. The colons of an IPv6 address stand in brackets.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_has_the_port_of_http_where_both_are_the_same() {
        let (same, other) = (Offer::new(7880, 7880, None), Offer::new(4433, 7880, None));
        for (base, expected, elsewhere) in [
            ("https://meet.example.com", "meet.example.com", "meet.example.com:4433"),
            ("https://meet.example.com:8443", "meet.example.com:8443", "meet.example.com:4433"),
            ("http://localhost:7880", "localhost:7880", "localhost:4433"),
            ("http://[::1]:7880", "[::1]:7880", "[::1]:4433"),
            ("http://[::1]", "[::1]:7880", "[::1]:4433"),
        ] {
            assert_eq!(same.at(base).url, format!("https://{expected}{PATH}"));
            assert_eq!(other.at(base).url, format!("https://{elsewhere}{PATH}"));
            assert_eq!(other.other_origin(base), Some(format!("https://{elsewhere}")));
        }
        assert_eq!(same.other_origin("http://localhost:7880"), None);
        assert_eq!(same.other_origin("https://meet.example.com"), None);
        let uri: Uri = "https://[::1]:4433/v1/webtransport".parse().unwrap();
        assert_eq!(other.http_uri(&uri).authority().unwrap(), "[::1]:7880");
    }
}
