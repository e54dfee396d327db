//! SDP as text (RFC 8866): what an offer asks for, and the words of an answer that str0m does
//! not let its user choose.

use std::collections::HashSet;

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
        check_streams(mid, attributes())?;
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

/// SSRCs that an m-line may name: three encodings, each with its resends, and error correction.
const MAX_SSRCS: usize = 8;

/// Encodings that an m-line may name by RID (RFC 8851): the layers of simulcast.
const MAX_RIDS: usize = 3;

/// Refuses an m-line that names more streams than one can have: str0m keeps something for each.
fn check_streams<'a>(
    mid: &str,
    attributes: impl Iterator<Item = &'a str>,
) -> Result<(), CommandError> {
    let (mut ssrcs, mut rids) = (HashSet::new(), HashSet::new());
    for line in attributes {
        if let Some(ssrc) = line.strip_prefix("a=ssrc:") {
            ssrcs.insert(ssrc.split(' ').next());
        } else if let Some(rid) = line.strip_prefix("a=rid:") {
            rids.insert(rid.split(' ').next());
        }
    }
    for (what, count, most) in [("SSRCs", ssrcs.len(), MAX_SSRCS), ("RIDs", rids.len(), MAX_RIDS)] {
        if count > most {
            return Err(CommandError::BadSdp(format!(
                "m-line {mid:?} names {count} {what}, and {most} is the most that is allowed"
            )));
        }
    }
    Ok(())
}

/// The ICE ufrag of a description's first m-line. Another one than before means that ICE
/// restarts (RFC 8839 §4.4.1.1).
pub(crate) fn ice_ufrag(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim_end)
}

/// The description with those of its candidates (RFC 8839 §5.1, without `a=`) that are to stay.
pub(crate) fn keep_candidates(sdp: &str, mut keep: impl FnMut(&str) -> bool) -> String {
    sdp.split_inclusive('\n')
        .filter(|line| match line.trim_end().strip_prefix("a=") {
            Some(attribute) if attribute.starts_with("candidate:") => keep(attribute),
            _ => true,
        })
        .collect()
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
    fn more_streams_than_an_m_line_can_have_are_refused_by_name() {
        let line = |count: usize, attribute: &str| {
            let many: String = (0..count).map(|i| format!("a={attribute}:{i} x\r\n")).collect();
            offered_lines(&format!("v=0\r\nm=video 9 X 96\r\na=mid:7\r\n{many}{many}"), 8)
        };
        assert!(line(8, "ssrc").is_ok() && line(3, "rid").is_ok());
        for (count, attribute, name) in [(100, "ssrc", "100 SSRCs"), (64, "rid", "64 RIDs")] {
            let Err(CommandError::BadSdp(text)) = line(count, attribute) else { panic!("taken") };
            assert!(text.contains(name) && text.contains("\"7\""), "{text}");
        }
    }

    #[test]
    fn candidates_are_taken_out_and_nothing_else() {
        let sdp = "v=0\r\na=ice-ufrag:abcd\r\na=candidate:1 1 udp 5 192.0.2.1 9 typ host\r\n\
            a=candidate:2 1 tcp 5 192.0.2.1 9 typ host tcptype active\r\na=mid:0\r\n";
        let kept = keep_candidates(sdp, |candidate| candidate.contains(" udp "));
        assert_eq!(kept.matches("candidate").count(), 1);
        assert_eq!(keep_candidates(sdp, |_| true), sdp);
        assert_eq!(ice_ufrag(sdp), Some("abcd"));
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
