//! Lists of origins (RFC 6454): whose pages may hold rooms, as the configuration and rooms name them.

use std::fmt;

/// Origins in one list.
pub const MOST: usize = 100;
/// Bytes of one of them.
const LONGEST: usize = 255;

/// Origins by pattern: `https://example.com`, `https://*.example.com` for everything below it, `*` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// In lower case, without a slash at the end and without a port that goes without saying.
    patterns: Vec<String>,
}

/// A text that names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin: write a scheme and a host without a path, as in https://example.com, \
     https://*.example.com for everything below it, or * for all"
)]
pub struct NoOrigin(String);

impl Origins {
    /// The list that `texts` are.
    ///
    /// # Errors
    /// [`NoOrigin`] for the first that is none.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Origins, NoOrigin> {
        let patterns = texts.iter().map(|text| pattern(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Origins { patterns })
    }

    /// Whether pages of `origin` are meant, as a browser writes it.
    pub fn allow(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| match pattern.split_once('*') {
            None => *pattern == origin,
            Some(("", "")) => true,
            Some((scheme, domain)) => {
                let sub = origin.strip_prefix(scheme).and_then(|host| host.strip_suffix(domain));
                sub.is_some_and(|sub| !sub.is_empty() && !sub.contains(['/', ':', '@']))
            }
        })
    }

    /// The patterns. Each is a source of the Content Security Policy, too (CSP Level 3 §2.3.1).
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str)
    }
}

/// One origin, no pattern, as browsers write it.
///
/// # Errors
/// [`NoOrigin`] for anything else.
pub fn origin(text: &str) -> Result<String, NoOrigin> {
    match pattern(text) {
        Ok(origin) if !origin.contains('*') => Ok(origin),
        _ => Err(NoOrigin(text.to_owned())),
    }
}

/// Nothing but what may stand in a header and in a policy: `*`, or `scheme://host[:port]`.
fn pattern(text: &str) -> Result<String, NoOrigin> {
    let wrong = || NoOrigin(text.chars().take(LONGEST).collect());
    if text == "*" {
        return Ok(text.to_owned());
    }
    if text.len() > LONGEST {
        return Err(wrong());
    }
    let lower = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://").ok_or_else(wrong)?;
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let plain = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let is_scheme =
        plain(scheme, b"+-.") && scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(address) => address.is_some_and(|address| plain(address, b":.")),
        None => plain(host.strip_prefix("*.").unwrap_or(host), b".-_"),
    };
    let is_port =
        port.is_none_or(|port| port.len() <= 5 && port.parse::<u16>().is_ok() && plain(port, b""));
    if !(is_scheme && is_host && is_port) {
        return Err(wrong());
    }
    let unsaid = matches!((scheme, port), ("https", Some("443")) | ("http", Some("80")));
    let port = port.filter(|_| !unsaid).map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}"))
}

impl fmt::Display for Origins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.patterns.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_one_origin_or_all_below_a_domain() {
        let origins =
            Origins::parse(&["https://Shop.example/", "https://*.school.example:8443"]).unwrap();
        for (origin, expected) in [
            ("https://shop.example", true),
            ("https://shop.example:8443", false),
            ("http://shop.example", false),
            ("https://shop.example.evil.example", false),
            ("https://a.school.example:8443", true),
            ("https://a.b.SCHOOL.example:8443", true),
            ("https://school.example:8443", false),
            ("https://.school.example:8443", false),
            ("https://evil.example/.school.example:8443", false),
            ("https://evil@a.school.example:8443", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.allow(origin), expected, "{origin}");
        }
        assert!(Origins::parse(&["*"]).unwrap().allow("https://any.example"));
        assert!(!Origins::default().allow("https://any.example"));
    }

    #[test]
    fn what_is_no_origin_is_refused_and_ports_that_go_without_saying_are_not_said() {
        for text in [
            "",
            "shop.example",
            "https://",
            "https://a b",
            "https://a/b",
            "https://a;b",
            "https://a,b",
            "https://*",
            "https://a.*",
            "*.example",
            "https://a:",
            "https://a:b",
            "https://a:70000",
            "https://a:+1",
            "https://[::1",
            "https://[]",
            "1https://a",
            "https://u@a",
            "null",
            "https://a//",
        ] {
            assert!(Origins::parse(&[text]).is_err(), "{text:?}");
        }
        assert_eq!(origin("HTTPS://A.example:443").unwrap(), "https://a.example");
        assert_eq!(origin("http://[::1]:8080/").unwrap(), "http://[::1]:8080");
        assert_eq!(origin("http://a:443").unwrap(), "http://a:443");
        assert!(origin("https://*.a.example").is_err() && origin("*").is_err());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_taken_is_safe_in_a_policy_and_allows_itself(text in "[a-z:/*.;, '\\[\\]0-9@-]{0,24}") {
            if let Ok(origins) = Origins::parse(&[&text]) {
                let shown = origins.to_string();
                proptest::prop_assert!(!shown.contains([';', ',', ' ', '\'']), "{}", shown);
                proptest::prop_assert!(shown == "*" || shown.contains('*') || origins.allow(&shown));
            }
        }
    }
}
