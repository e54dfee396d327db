//! From an offer to a participant with a media session: join, offer, publish.

use std::net::IpAddr;

use signaling_core::Admission;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::Asked;
use signaling_core::id::Secret;
use signaling_core::info::{MediaKind, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::reply::{Answer, Reply};
use signaling_core::request::{Offer, Publish, Request};

use super::{Door, Protocol, Target};
use crate::auth::Admitted;
use crate::hub::{Attachment, Visitor};

/// The sources of the first and the second m-line of each kind.
const SOURCES: [(MediaKind, [TrackSource; 2]); 2] = [
    (MediaKind::Audio, [TrackSource::Microphone, TrackSource::ScreenShareAudio]),
    (MediaKind::Video, [TrackSource::Camera, TrackSource::ScreenShare]),
];

/// Whether a token lets its bearer publish or view there.
pub(super) fn admit(
    door: &Door,
    address: IpAddr,
    token: &str,
    target: &Target,
) -> Result<Admitted, RequestError> {
    let asked = Asked {
        room: Some(target.room.clone()),
        // WHEP's path names whom to view, not who views.
        identity: target.identity.clone().filter(|_| door.protocol == Protocol::Whip),
        ..Asked::default()
    };
    let admitted = door.context.admit(address, token, asked)?;
    let grants = &admitted.entry.grants;
    let missing = match door.protocol {
        Protocol::Whip if grants.can_publish.is_empty() => "publishing: see video.canPublish",
        Protocol::Whep if !grants.can_subscribe => "viewing: see video.canSubscribe",
        _ => return Ok(admitted),
    };
    Err(RequestError::new(ErrorCode::Forbidden, format!("the token does not allow {missing}")))
}

/// Joins, and has the offer answered. On any error the participant is gone again.
pub(super) async fn open(
    door: &Door,
    admitted: Admitted,
    target: &Target,
    offer: String,
) -> Result<(Attachment, String), RequestError> {
    let (mut attachment, _) = door.context.hub.join(visitor(door, admitted, target)).await?;
    let reply = attachment.ask(Request::Offer(Offer { sdp: offer })).await?;
    let Reply::Answer(answer) = reply else {
        return Err(RequestError::new(ErrorCode::Internal, "the offer got no answer"));
    };
    match door.protocol {
        Protocol::Whip => {
            for publish in tracks(&answer)? {
                attachment.ask(Request::Publish(publish)).await?;
            }
        }
        Protocol::Whep => {
            if !answer.lines.iter().any(|line| line.receives) {
                return Err(RequestError::new(
                    ErrorCode::BadSdp,
                    "the offer has no audio or video m-line to receive on",
                ));
            }
        }
    }
    Ok((attachment, answer.sdp))
}

fn visitor(door: &Door, admitted: Admitted, target: &Target) -> Visitor {
    let entry = admitted.entry;
    let (mut grants, mut interest, mut name) = (entry.grants, Interest::None, entry.name);
    let identity = match door.protocol {
        Protocol::Whip => entry.identity.unwrap_or_else(|| unique("whip")),
        Protocol::Whep => {
            grants.hidden = true;
            interest = target.identity.clone().map_or(Interest::All, Interest::Identity);
            if name.is_empty() {
                name = entry.identity.unwrap_or_default();
            }
            // Many may view with one token, and its bearer may be in the room as well: none of them
            // ends another.
            unique("whep")
        }
    };
    Visitor {
        room: entry.room,
        may_create: admitted.may_create,
        wants_events: false,
        bearer: admitted.bearer,
        admission: Admission {
            identity,
            name,
            metadata: entry.metadata,
            attributes: entry.attributes,
            grants,
            guest: false,
            headless: true,
            interest,
            ice_servers: Vec::new(),
            issuer: admitted.issuer,
            expires_at: admitted.expires_at,
            password: None,
            resume: Secret(rand::random()),
            moved_from: None,
        },
    }
}

fn unique(prefix: &str) -> String {
    format!("{prefix}-{:016x}", rand::random::<u64>())
}

/// What to publish of an answered offer.
fn tracks(answer: &Answer) -> Result<Vec<Publish>, RequestError> {
    let bad = |message| Err(RequestError::new(ErrorCode::BadSdp, message));
    let mut tracks = Vec::new();
    for (kind, sources) in SOURCES {
        let lines = answer.lines.iter().filter(|line| line.sends && line.kind == kind);
        let mut sources = sources.into_iter();
        for line in lines {
            let Some(source) = sources.next() else {
                return bad("the offer sends more than two m-lines of a kind");
            };
            tracks.push(Publish { mid: line.mid.clone(), kind, source, name: None, muted: false });
        }
    }
    if tracks.is_empty() {
        return bad("the offer has no audio or video m-line that sends");
    }
    Ok(tracks)
}

#[cfg(test)]
mod tests {
    use signaling_core::media::MediaLine;

    use super::*;

    fn answer(lines: &[(&str, MediaKind, bool)]) -> Answer {
        let lines = lines
            .iter()
            .map(|&(mid, kind, sends)| MediaLine { mid: mid.into(), kind, sends, receives: false })
            .collect();
        Answer { sdp: String::new(), lines }
    }

    #[test]
    fn the_first_of_a_kind_is_the_main_one_and_the_second_a_screen() {
        use MediaKind::{Audio, Video};
        let lines =
            [("0", Video, true), ("1", Audio, true), ("2", Video, true), ("3", Audio, false)];
        let sources: Vec<(String, TrackSource)> = tracks(&answer(&lines))
            .unwrap()
            .into_iter()
            .map(|track| (track.mid, track.source))
            .collect();
        assert_eq!(
            sources,
            [
                ("1".to_owned(), TrackSource::Microphone),
                ("0".to_owned(), TrackSource::Camera),
                ("2".to_owned(), TrackSource::ScreenShare),
            ]
        );
        assert!(tracks(&answer(&[("0", Audio, false)])).is_err());
        assert!(tracks(&answer(&[("0", Audio, true); 3])).is_err());
    }
}
