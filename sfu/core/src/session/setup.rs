//! A new connection: what it can do, and where it can be reached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::net::TcpType;
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use crate::backlog;
use crate::config::Config;
use crate::data::Channel;
use crate::dtls;
use crate::envelope;
use crate::srtp::keys::Cell;

/// How often checks repeat (RFC 7675 §5.1), and how many may go unanswered before their path is given
/// up: later than consent ends, so that a path that comes back in time is found.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
const CHECKS: usize = 10;

/// A connection, where the keys of its SRTP will be, and the ufrag under which it is found.
pub(super) fn connection(config: &Config, now: Instant) -> (Rtc, Cell, String) {
    let random = IceCreds::new();
    let ufrag = format!("{}{}", config.place.ufrag_prefix(), random.ufrag);
    let credentials = IceCreds { ufrag: ufrag.clone(), pass: random.pass };
    let mut setup = RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
        .enable_h265(true)
        .set_rtp_mode(true)
        .set_ice_lite(config.ice_lite)
        .set_stats_interval(None)
        // For sound the default is five seconds, and a publisher is to hear of losses sooner.
        .set_rtcp_report_interval_audio(Duration::from_secs(1))
        .set_rtcp_report_interval_video(Duration::from_secs(1))
        .set_sctp_max_message_size(envelope::MAX_BYTES as u32)
        .set_sctp_max_buffered_amount(Channel::ALL.map(backlog::share).iter().sum())
        .set_local_ice_credentials(credentials);
    setup.set_max_stun_rto(CHECK_INTERVAL);
    setup.set_max_stun_retransmits(CHECKS);
    let (mut rtc, keys) =
        dtls::watch(|provider| setup.set_crypto_provider(Arc::new(provider)).build(now));
    let udp = config.advertised.iter().map(|&a| (a, Candidate::host(a, "udp")));
    let tcp = config.advertised_tcp.iter().map(|&address| {
        let candidate = Candidate::builder().tcp().host(address).tcptype(TcpType::Passive);
        (address, candidate.build())
    });
    for (address, candidate) in udp.chain(tcp) {
        match candidate {
            Ok(candidate) => {
                rtc.add_local_candidate(candidate);
            }
            Err(error) => tracing::warn!(%address, %error, "an advertised address is unusable"),
        }
    }
    (rtc, keys, ufrag)
}
