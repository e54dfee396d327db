//! What this server is called from outside: its URLs, and whose pages may use it.

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use crate::config;
use crate::origins::Origins;

/// What this server is called from outside.
#[derive(Debug, Clone)]
pub struct Site {
    /// Scheme and host, without a slash at the end; `None` to go by the `Host` header.
    public_url: Option<String>,
    allowed_origins: Origins,
    /// Whether this server itself speaks TLS.
    tls: bool,
}

/// Whose page it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOrigin {
    /// No browser, or a request that browsers send without an origin.
    None,
    /// One of our own pages.
    Own,
    /// Anybody else's: whether it may do anything is for [`Origins`] and tokens to say.
    Foreign(HeaderValue),
}

impl Site {
    /// As configured.
    pub fn new(config: &config::Config) -> Site {
        let trimmed = config.server.public_url.trim_end_matches('/');
        Site {
            public_url: (!trimmed.is_empty()).then(|| trimmed.to_owned()),
            // What is no origin was refused with the configuration.
            allowed_origins: Origins::parse(&config.server.allowed_origins).unwrap_or_default(),
            tls: config.tls.mode != config::TlsMode::Off,
        }
    }

    /// Foreign origins whose pages may use rooms that do not say it themselves.
    pub fn allowed_origins(&self) -> &Origins {
        &self.allowed_origins
    }

    /// Scheme and host that the asker used, without a slash at the end. `None` when it named no host.
    pub fn base_url(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let scheme = if self.tls { "https" } else { "http" };
        Some(format!("{scheme}://{}", host(uri, headers)?))
    }

    /// Where the WebSocket is, for an asker that came by `base_url`.
    pub fn websocket_url(base_url: &str) -> String {
        // `https` becomes `wss` as `http` becomes `ws`.
        format!("{}/v1/ws", base_url.replacen("http", "ws", 1))
    }

    /// Whether connections come from the clients themselves. Browsers keep what our pages need from plain HTTP on all
    /// but their own machine: where it comes by another name, there is a proxy that speaks TLS in our place.
    pub fn sees_clients(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_here = |host: &str| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        };
        self.tls || (self.public_url.is_none() && host(uri, headers).is_some_and(is_here))
    }

    /// Whose page sent this request (RFC 6454 §7). Browsers send cookies and reach our address from any
    /// page; the origin is what they do not let a page choose.
    pub fn page_origin(&self, uri: &Uri, headers: &HeaderMap) -> PageOrigin {
        let Some(value) = headers.get(header::ORIGIN) else { return PageOrigin::None };
        match value.to_str() {
            Ok(origin) if self.is_own(&origin.to_ascii_lowercase(), uri, headers) => {
                PageOrigin::Own
            }
            _ => PageOrigin::Foreign(value.clone()),
        }
    }

    fn is_own(&self, origin: &str, uri: &Uri, headers: &HeaderMap) -> bool {
        if self.public_url.as_ref().is_some_and(|url| url.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let Some(host) = host(uri, headers) else { return false };
        // A proxy may speak TLS in our place: the scheme then differs, and with it the port that goes
        // without saying on either side.
        let port = if scheme == "https" { ":443" } else { ":80" };
        let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_owned();
        matches!(scheme, "http" | "https") && bare(authority) == bare(&host.to_ascii_lowercase())
    }
}

/// The authority that the asker used: HTTP/2 has it in the URI, HTTP/1.1 in a header.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(axum::http::uri::Authority::as_str);
    let host = authority.or_else(|| headers.get(header::HOST)?.to_str().ok())?;
    // It is put into URLs and headers: nothing but an authority may stand there.
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
    };
    (!host.is_empty() && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn site(public_url: &str) -> Site {
        let mut config = config::Config::default();
        config.server.public_url = public_url.into();
        Site::new(&config)
    }

    fn origin_at(site: &Site, host: &str, origin: &str) -> PageOrigin {
        let headers = headers(&[(header::HOST, host), (header::ORIGIN, origin)]);
        site.page_origin(&Uri::from_static("/v1/ws"), &headers)
    }

    #[test]
    fn own_pages_are_those_of_the_same_host_and_port() {
        let site = site("");
        for (host, origin) in [
            ("127.0.0.1:7880", "http://127.0.0.1:7880"),
            ("[::1]:7880", "http://[::1]:7880"),
            ("Meet.example.com", "https://meet.example.com"),
            ("meet.example.com:443", "https://meet.example.com"),
        ] {
            assert_eq!(origin_at(&site, host, origin), PageOrigin::Own, "{host} {origin}");
        }
        for (host, origin) in [
            ("127.0.0.1:7880", "http://127.0.0.1:7881"),
            ("127.0.0.1:7880", "http://localhost:7880"),
            ("127.0.0.1:7880", "null"),
            ("meet.example.com", "https://meet.example.com.evil.example"),
            ("meet.example.com", "https://evil.example"),
            ("meet.example.com", "chrome-extension://meet.example.com"),
        ] {
            let foreign = PageOrigin::Foreign(HeaderValue::from_static(origin));
            assert_eq!(origin_at(&site, host, origin), foreign, "{host} {origin}");
        }
    }

    #[test]
    fn clients_are_seen_where_no_proxy_speaks_tls_for_us() {
        let uri = Uri::from_static("/v1/join");
        let sees = |site: &Site, host| site.sees_clients(&uri, &headers(&[(header::HOST, host)]));
        for (host, expected) in [
            ("127.0.0.1:7880", true),
            ("localhost", true),
            ("[::1]:7880", true),
            ("meet.example.com", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(sees(&site(""), host), expected, "{host}");
        }
        assert!(!sees(&site("https://meet.example.com"), "127.0.0.1:7880"));
        let mut config = config::Config::default();
        config.tls.mode = config::TlsMode::SelfSigned;
        config.server.public_url = "https://meet.example.com".into();
        assert!(sees(&Site::new(&config), "meet.example.com"));
    }

    #[test]
    fn urls_are_what_the_asker_used_or_the_configuration_says() {
        let uri = Uri::from_static("/whip/r");
        let asked = headers(&[(header::HOST, "10.0.0.2:7880")]);
        let own = site("").base_url(&uri, &asked);
        assert_eq!(own.as_deref(), Some("http://10.0.0.2:7880"));
        let public = site("https://meet.example.com").base_url(&uri, &asked).unwrap();
        assert_eq!(public, "https://meet.example.com");
        assert_eq!(Site::websocket_url(&public), "wss://meet.example.com/v1/ws");
        let hostile = headers(&[(header::HOST, "a\"><script>")]);
        assert_eq!(site("").base_url(&uri, &hostile), None);
    }
}
