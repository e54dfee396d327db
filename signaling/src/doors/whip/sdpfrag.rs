//! `application/trickle-ice-sdpfrag` (RFC 8840 §9): the ICE half of a description, on its own.

use signaling_core::error::{ErrorCode, RequestError};

/// Candidates in one fragment. Hosts have a handful.
const CANDIDATES: usize = 100;

/// User fragment and password (RFC 8839 §5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) ufrag: String,
    pub(super) pwd: String,
}

/// What a fragment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Absent in some clients' trickled candidates.
    pub(super) credentials: Option<Credentials>,
    /// Candidate attributes without `a=`.
    pub(super) candidates: Vec<String>,
}

impl Fragment {
    /// Reads a fragment. Lines that say nothing about ICE are passed over.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] with what is wrong.
    pub(super) fn parse(text: &str) -> Result<Fragment, RequestError> {
        let bad = |message: &str| Err(RequestError::new(ErrorCode::BadRequest, message));
        let (mut ufrag, mut pwd, mut candidates) = (None, None, Vec::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            let bytes = line.as_bytes();
            if !(bytes.len() > 2 && bytes[0].is_ascii_lowercase() && bytes[1] == b'=') {
                return bad("a line is not of the form a=value");
            }
            if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                ufrag.get_or_insert(value);
            } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
                pwd.get_or_insert(value);
            } else if line.starts_with("a=candidate:") {
                candidates.push(line[2..].to_owned());
            }
        }
        if candidates.len() > CANDIDATES {
            return bad("too many candidates");
        }
        let credentials = match (ufrag, pwd) {
            (None, None) => None,
            (Some(ufrag), Some(pwd)) if is_ice(ufrag, 4) && is_ice(pwd, 22) => {
                Some(Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
            }
            _ => return bad("a=ice-ufrag and a=ice-pwd must both be there, as RFC 8839 has them"),
        };
        Ok(Fragment { credentials, candidates })
    }

    /// What a whole description says about ICE.
    pub(super) fn of_description(sdp: &str) -> Fragment {
        let value =
            |prefix| sdp.lines().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
        let credentials = value("a=ice-ufrag:")
            .zip(value("a=ice-pwd:"))
            .map(|(ufrag, pwd)| Credentials { ufrag, pwd });
        let first = section_of_first_media(sdp);
        let candidates = first
            .lines()
            .filter(|line| line.starts_with("a=candidate:"))
            .map(|line| line[2..].to_owned())
            .collect();
        Fragment { credentials, candidates }
    }

    /// Writes the fragment for the first m-line of `description`, which all others are bundled with.
    pub(super) fn write(&self, description: &str) -> String {
        let mut lines = Vec::new();
        if let Some(Credentials { ufrag, pwd }) = &self.credentials {
            lines.push(format!("a=ice-ufrag:{ufrag}"));
            lines.push(format!("a=ice-pwd:{pwd}"));
        }
        let first = section_of_first_media(description);
        lines.extend(first.lines().take(1).map(str::to_owned));
        lines.extend(first.lines().find(|line| line.starts_with("a=mid:")).map(str::to_owned));
        lines.extend(self.candidates.iter().map(|candidate| format!("a={candidate}")));
        lines.push("a=end-of-candidates".to_owned());
        lines.into_iter().map(|line| line + "\r\n").collect()
    }

    /// `offer` as its sender would have written it for an ICE restart with this fragment: one version
    /// later, the same media, these credentials and candidates.
    pub(super) fn restart(&self, offer: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut media = 0;
        for line in offer.lines().filter(|line| !line.is_empty()) {
            let replaced = ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
            if replaced.iter().any(|prefix| line.starts_with(prefix)) {
                continue;
            }
            if line.starts_with("m=") {
                self.finish_section(media, &mut lines);
                media += 1;
            }
            match line.strip_prefix("o=").and_then(next_version) {
                Some(origin) => lines.push(format!("o={origin}")),
                None => lines.push(line.to_owned()),
            }
        }
        self.finish_section(media, &mut lines);
        lines.into_iter().map(|line| line + "\r\n").collect()
    }

    /// Ends the section of the m-line with this number, counted from 1.
    fn finish_section(&self, media: usize, lines: &mut Vec<String>) {
        if media == 0 {
            return;
        }
        if let Some(Credentials { ufrag, pwd }) = &self.credentials {
            lines.push(format!("a=ice-ufrag:{ufrag}"));
            lines.push(format!("a=ice-pwd:{pwd}"));
        }
        if media == 1 {
            lines.extend(self.candidates.iter().map(|candidate| format!("a={candidate}")));
        }
    }
}

/// `ice-char` (RFC 8839 §5.1), so many of them or more.
fn is_ice(text: &str, least: usize) -> bool {
    (least..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn section_of_first_media(sdp: &str) -> &str {
    let Some(start) = sdp.find("\nm=").map(|at| at + 1) else { return "" };
    let end = sdp[start..].find("\nm=").map_or(sdp.len(), |at| start + at);
    &sdp[start..end]
}

/// An origin line with its version counted up (RFC 8866 §5.2).
fn next_version(origin: &str) -> Option<String> {
    let mut words: Vec<String> = origin.split(' ').map(str::to_owned).collect();
    let version = words.get_mut(2)?;
    *version = version.parse::<u64>().ok()?.wrapping_add(1).to_string();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\n\
        o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n\
        s=-\r\n\
        t=0 0\r\n\
        a=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=ice-ufrag:old1\r\n\
        a=ice-pwd:oldoldoldoldoldoldoldold\r\n\
        a=mid:0\r\n\
        a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n\
        a=sendonly\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
        a=ice-ufrag:old1\r\n\
        a=ice-pwd:oldoldoldoldoldoldoldold\r\n\
        a=mid:1\r\n";

    const FRAGMENT: &str = "a=ice-options:trickle ice2\r\n\
        a=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:0\r\n\
        a=ice-ufrag:ysXw\r\n\
        a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n\
        a=candidate:2 1 UDP 2 192.0.2.7 4444 typ host\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn a_fragment_is_read() {
        let fragment = Fragment::parse(FRAGMENT).unwrap();
        let credentials = fragment.credentials.unwrap();
        assert_eq!(credentials.ufrag, "ysXw");
        assert_eq!(credentials.pwd, "vw5LmwG4y/e6dPP/zAP9Gp5k");
        assert_eq!(fragment.candidates, ["candidate:2 1 UDP 2 192.0.2.7 4444 typ host"]);
    }

    #[test]
    fn what_is_no_fragment_is_refused() {
        for text in [
            "hello",
            "a=ice-ufrag:ysXw\r\n",
            "a=ice-ufrag:ys\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n",
            "a=ice-ufrag:ysXw\r\na=ice-pwd:short\r\n",
            "a=ice-ufrag:ys Xw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n",
            &"a=candidate:1\r\n".repeat(CANDIDATES + 1),
        ] {
            assert!(Fragment::parse(text).is_err(), "{text}");
        }
        assert_eq!(Fragment::parse("").unwrap().candidates, Vec::<String>::new());
    }

    #[test]
    fn a_restart_is_the_same_offer_with_another_ice_half() {
        let restart = Fragment::parse(FRAGMENT).unwrap().restart(OFFER);
        assert_eq!(
            restart,
            "v=0\r\n\
             o=- 4611731400430051336 3 IN IP4 127.0.0.1\r\n\
             s=-\r\n\
             t=0 0\r\n\
             a=group:BUNDLE 0 1\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
             a=mid:0\r\n\
             a=sendonly\r\n\
             a=ice-ufrag:ysXw\r\n\
             a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n\
             a=candidate:2 1 UDP 2 192.0.2.7 4444 typ host\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
             a=mid:1\r\n\
             a=ice-ufrag:ysXw\r\n\
             a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
        );
    }

    #[test]
    fn an_answer_becomes_a_fragment() {
        let fragment = Fragment::of_description(OFFER);
        assert_eq!(
            fragment.write(OFFER),
            "a=ice-ufrag:old1\r\n\
             a=ice-pwd:oldoldoldoldoldoldoldold\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
             a=mid:0\r\n\
             a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n\
             a=end-of-candidates\r\n"
        );
        assert_eq!(Fragment::parse(&fragment.write(OFFER)).unwrap(), fragment);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(a=(ice-ufrag:|ice-pwd:|candidate:)?|m=|o=|\\PC|\r?\n){0,32}") {
            if let Ok(fragment) = Fragment::parse(&text) {
                let _ = fragment.restart(&text);
                let _ = Fragment::of_description(&text).write(&text);
            }
        }
    }
}
