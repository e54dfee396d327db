//! Offers and their answers, candidates, and the streams that an answer names.

use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::media::Mid;
use str0m::rtp::Ssrc;
use str0m::{Candidate, IceCreds};

use super::Session;
use super::format::extension_ids;
use crate::command::TrackKey;
use crate::config::Config;
use crate::egress::Terms;
use crate::event::{Answer, CommandError, MediaKind};
use crate::negotiation::{self, Credentials, LineNames};

impl Session {
    /// Answers an offer and brings the slots up to date. Returns the tracks that lost their line
    /// because the remote side gave it up, too.
    pub(crate) fn answer(
        &mut self,
        sdp: &str,
        config: &Config,
        now: Instant,
    ) -> Result<(Answer, Vec<TrackKey>), CommandError> {
        let lines = negotiation::offered_lines(sdp, config.max_lines)?;
        if negotiation::candidate_count(sdp) > config.max_candidates {
            return Err(CommandError::BadSdp(format!(
                "the offer names more than {} candidates",
                config.max_candidates
            )));
        }
        if !negotiation::has_fingerprint(sdp) {
            return Err(CommandError::BadSdp(
                "the offer has no a=fingerprint; DTLS is a must".into(),
            ));
        }
        if negotiation::ice_ufrag(sdp) != self.remote_ufrag.as_deref() {
            self.remote_ufrag = negotiation::ice_ufrag(sdp).map(str::to_owned);
            self.remote_candidates.clear();
            // A path may be gone while ICE looks for another one.
            self.gives_up = Some(now + config.connect_timeout);
        }
        let sdp = negotiation::keep_candidates(sdp, |candidate| self.is_new(candidate));
        let offer = SdpOffer::from_sdp_string(&sdp)
            .map_err(|error| CommandError::BadSdp(format!("the offer cannot be read: {error}")))?;
        self.lend_streams();
        let accepted = self.rtc.sdp_api().accept_offer(offer);
        self.is_stirred = true;
        let answer = accepted
            .inspect_err(|_| self.take_streams_back())
            .map_err(|error| {
                CommandError::BadSdp(format!("the offer cannot be accepted: {error}"))
            })?
            .to_sdp_string();
        self.lines = lines;
        // Payload types and SSRCs may have changed hands.
        self.ingress.clear();
        self.fast_path.forget();
        self.formats.clear();
        let restarted = self.keep_own_ufrag(config);
        let receiving: Vec<(String, MediaKind)> =
            self.lines.iter().filter(|l| l.receives).map(|l| (l.mid.clone(), l.kind)).collect();
        let lost = self.slots.offer(&receiving);
        let names = self.take_streams();
        let credentials = restarted.as_ref().map(|credentials| Credentials {
            ufrag: &credentials.ufrag,
            password: &credentials.pass,
        });
        let sdp = negotiation::name_lines(&answer, &names, credentials.as_ref());
        Ok((Answer { sdp, lines: self.lines.clone() }, lost))
    }

    /// An ICE restart makes str0m choose credentials whose ufrag names nobody: put ours instead.
    fn keep_own_ufrag(&mut self, config: &Config) -> Option<IceCreds> {
        if self.rtc.direct_api().local_ice_credentials().ufrag == self.ufrag {
            return None;
        }
        let random = IceCreds::new();
        self.ufrag = format!("{}{}", config.place.ufrag_prefix(), random.ufrag);
        let credentials = IceCreds { ufrag: self.ufrag.clone(), pass: random.pass };
        self.rtc.direct_api().set_local_ice_credentials(credentials.clone());
        Some(credentials)
    }

    /// Gives str0m the streams of the slot lines, so that the answer names them as before.
    fn lend_streams(&mut self) {
        for terms in self.egress.all_terms() {
            let mid = Mid::from(terms.mid.as_str());
            if self.rtc.media(mid).is_some() {
                let (ssrc, resend) = (terms.ssrc.into(), terms.resend_ssrc.map(Ssrc::from));
                self.rtc.direct_api().declare_stream_tx(ssrc, resend, mid, None);
            }
        }
    }

    fn take_streams_back(&mut self) {
        let mut api = self.rtc.direct_api();
        for terms in self.egress.all_terms() {
            api.remove_stream_tx(terms.ssrc.into());
        }
    }

    /// Takes the streams of all slot lines from str0m: what is sent on them is the egress's, and a
    /// stream that never sends would report the RTP time 0 and spoil the receiver's lip sync.
    /// Returns the names for the answer's lines.
    fn take_streams(&mut self) -> Vec<LineNames> {
        self.take_streams_back();
        let slots = &self.slots;
        self.egress.retain(|line, terms| slots.is_line(line, &terms.mid));
        let mut names = Vec::new();
        for (index, line) in self.slots.alive() {
            let mid = Mid::from(line.mid.as_str());
            let stream = format!("slot-{}", line.pair);
            let media = match line.kind {
                MediaKind::Audio => "audio",
                MediaKind::Video => "video",
            };
            let extensions = self.rtc.media(mid).map(|media| extension_ids(media.remote_extmap()));
            let mut api = self.rtc.direct_api();
            let ssrcs = match api.stream_tx_by_mid(mid, None) {
                Some(new) => Some((*new.ssrc(), new.rtx().map(|ssrc| *ssrc))),
                None => self.egress.terms(index).map(|terms| (terms.ssrc, terms.resend_ssrc)),
            };
            if let Some((ssrc, resend_ssrc)) = ssrcs {
                api.remove_stream_tx(ssrc.into());
                let terms = Terms {
                    mid: line.mid.clone(),
                    ssrc,
                    resend_ssrc,
                    extensions: extensions.unwrap_or_default(),
                    cname: stream.clone(),
                };
                self.egress.set_terms(index, terms);
            }
            let track = format!("{stream}-{media}");
            names.push(LineNames { mid: line.mid.clone(), stream, track });
        }
        names
    }

    /// A trickled candidate. What cannot be read is ignored, as RFC 8839 §5.1 asks.
    pub(crate) fn add_candidate(&mut self, candidate: &str) {
        if !self.is_new(candidate) {
            return;
        }
        match Candidate::from_sdp_string(candidate) {
            Ok(candidate) => {
                self.is_stirred = true;
                self.rtc.add_remote_candidate(candidate);
            }
            Err(error) => tracing::debug!(%error, "a remote candidate cannot be used"),
        }
    }

    /// Whether str0m is to be told of a candidate: it keeps every one, and some twice. TCP ones
    /// are of no use: the remote side connects to us, from a port that it does not know before
    /// (RFC 6544 §4.1).
    fn is_new(&mut self, candidate: &str) -> bool {
        let is_udp = candidate.split(' ').nth(2).is_none_or(|t| t.eq_ignore_ascii_case("udp"));
        is_udp
            && self.remote_candidates.len() < self.max_candidates
            && self.remote_candidates.insert(candidate.to_owned())
    }
}
