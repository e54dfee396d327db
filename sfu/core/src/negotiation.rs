//! SDP as text (RFC 8866): what an offer asks for, and the words of an answer that str0m does
//! not let its user choose.

use crate::event::{CommandError, Line, MediaKind};

/// Reads the audio and video m-lines of an offer, in order. Rejected ones (port 0 outside a
/// bundle, RFC 9143 §7.3.3) are left out: they neither send nor receive.
pub(crate) fn offered_lines(sdp: &str, max_lines: usize) -> Result<Vec<Line>, CommandError> {
    let sections = || sdp.split("\nm=").skip(1);
    let count = sections().count();
    if count > max_lines {
        return Err(CommandError::BadSdp(format!(
            "the offer has {count} m-lines, and {max_lines} is the most that is allowed"
        )));
    }
    let mut lines = Vec::new();
    for section in sections() {
        let kind = match section.split(' ').next() {
            Some("audio") => MediaKind::Audio,
            Some("video") => MediaKind::Video,
            _ => continue,
        };
        let attributes = || section.lines().skip(1).map(str::trim_end);
        let port_is_zero = section.split(' ').nth(1) == Some("0");
        if port_is_zero && !attributes().any(|line| line == "a=bundle-only") {
            continue;
        }
        let Some(mid) = attributes().find_map(|line| line.strip_prefix("a=mid:")) else {
            return Err(CommandError::BadSdp(
                "an m-line has no a=mid; only bundled offers can be answered (RFC 9143)".into(),
            ));
        };
        let direction = attributes()
            .find(|line| ["a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv"].contains(line))
            .unwrap_or("a=sendrecv");
        lines.push(Line {
            mid: mid.to_owned(),
            kind,
            sends: matches!(direction, "a=sendonly" | "a=sendrecv"),
            receives: matches!(direction, "a=recvonly" | "a=sendrecv"),
        });
    }
    Ok(lines)
}

/// How many candidates a description names.
pub(crate) fn candidate_count(sdp: &str) -> usize {
    sdp.lines().filter(|line| line.starts_with("a=candidate:")).count()
}

/// Whether a description names the certificate that DTLS is to be checked against (RFC 8122 §5). A
/// description that names none cannot lead to media.
pub(crate) fn has_fingerprint(sdp: &str) -> bool {
    sdp.lines().any(|line| line.starts_with("a=fingerprint:"))
}

/// What one sending m-line of an answer is to be called.
pub(crate) struct LineNames {
    /// The `a=mid`.
    pub(crate) mid: String,
    /// The media stream: lines of one stream are played in sync.
    pub(crate) stream: String,
    /// The track in the stream.
    pub(crate) track: String,
}

/// New ICE credentials for an answer.
pub(crate) struct Credentials<'a> {
    pub(crate) ufrag: &'a str,
    pub(crate) password: &'a str,
}

/// Gives an answer's sending lines their stream, track and canonical names (RFC 8830, RFC 3550
/// §6.5.1: one CNAME for what is played in sync), and replaces its ICE credentials if asked to.
pub(crate) fn name_lines(
    answer: &str,
    names: &[LineNames],
    credentials: Option<&Credentials<'_>>,
) -> String {
    let mut out = String::with_capacity(answer.len() + names.len() * 16);
    for (index, section) in
        answer.split_inclusive("\r\n").collect::<Sections<'_>>().0.iter().enumerate()
    {
        let mid = section.iter().find_map(|line| line.strip_prefix("a=mid:")).map(str::trim_end);
        let name = mid.filter(|_| index > 0).and_then(|mid| names.iter().find(|n| n.mid == mid));
        for line in section {
            let text = line.trim_end();
            match (name, credentials) {
                (Some(name), _) if text.starts_with("a=msid:") => {
                    out.push_str(&format!("a=msid:{} {}\r\n", name.stream, name.track));
                }
                (Some(name), _) if text.starts_with("a=ssrc:") => {
                    out.push_str(&ssrc_line(text, name));
                }
                (_, Some(new)) if text.starts_with("a=ice-ufrag:") => {
                    out.push_str(&format!("a=ice-ufrag:{}\r\n", new.ufrag));
                }
                (_, Some(new)) if text.starts_with("a=ice-pwd:") => {
                    out.push_str(&format!("a=ice-pwd:{}\r\n", new.password));
                }
                _ => out.push_str(line),
            }
        }
    }
    out
}

/// `a=ssrc:<id> <attribute>[:<value>]` (RFC 5576 §4.1) with our names in place of str0m's.
fn ssrc_line(line: &str, name: &LineNames) -> String {
    let (ssrc, attribute) = line.split_once(' ').unwrap_or((line, ""));
    let value = match attribute.split(':').next() {
        Some("cname") => format!("cname:{}", name.stream),
        Some("msid") => format!("msid:{} {}", name.stream, name.track),
        _ => attribute.to_owned(),
    };
    format!("{ssrc} {value}\r\n")
}

/// The session part of a description, then one group of lines per m-line.
struct Sections<'a>(Vec<Vec<&'a str>>);

impl<'a> FromIterator<&'a str> for Sections<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let mut sections = vec![Vec::new()];
        for line in lines {
            if line.starts_with("m=") {
                sections.push(Vec::new());
            }
            if let Some(section) = sections.last_mut() {
                section.push(line);
            }
        }
        Sections(sections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=inactive\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:3\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:4\r\n";

    #[test]
    fn an_offer_tells_its_lines() {
        let lines = offered_lines(OFFER, 8).unwrap();
        let found: Vec<_> =
            lines.iter().map(|l| (l.mid.as_str(), l.kind, l.sends, l.receives)).collect();
        assert_eq!(
            found,
            [
                ("0", MediaKind::Audio, true, false),
                ("1", MediaKind::Video, false, true),
                ("3", MediaKind::Video, true, true),
            ]
        );
    }

    #[test]
    fn too_many_lines_are_refused_with_the_number() {
        let Err(CommandError::BadSdp(text)) = offered_lines(OFFER, 4) else { panic!("accepted") };
        assert!(text.contains('5') && text.contains('4'), "{text}");
    }

    #[test]
    fn names_and_credentials_are_put_into_the_answer() {
        let answer = "v=0\r\na=ice-ufrag:old\r\n\
            m=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:old\r\na=ice-pwd:secret\r\n\
            a=msid:random other\r\na=ssrc:17 cname:x\r\na=ssrc:17 msid:random other\r\n\
            m=video 9 X 96\r\na=mid:1\r\na=msid:random other\r\n";
        let names =
            [LineNames { mid: "0".into(), stream: "slot-0".into(), track: "slot-0-audio".into() }];
        let new = Credentials { ufrag: "new", password: "word" };
        let named = name_lines(answer, &names, Some(&new));
        assert_eq!(
            named,
            "v=0\r\na=ice-ufrag:new\r\n\
            m=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:new\r\na=ice-pwd:word\r\n\
            a=msid:slot-0 slot-0-audio\r\na=ssrc:17 cname:slot-0\r\n\
            a=ssrc:17 msid:slot-0 slot-0-audio\r\n\
            m=video 9 X 96\r\na=mid:1\r\na=msid:random other\r\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_borne(text in "(m=audio 9|m=video 0|a=mid:|a=ssrc:|\r\n|\n| |[a-z0-9=:]){0,60}") {
            let _ = offered_lines(&text, 10);
            let names = [LineNames { mid: "0".into(), stream: "s".into(), track: "t".into() }];
            let _ = name_lines(&text, &names, None);
        }
    }
}
