//! How a session ends, and what is told of it.

use std::time::Instant;

use str0m::RtcError;

use super::{Happened, Outbox, Session};
use crate::data::Channel;
use crate::event::FailReason;
use crate::stats::DropReason;

/// What most handshakes fail of that begin. GStreamer's webrtcbin has an RSA certificate by default.
const ABOUT_RSA: &str = "RSA certificates are not supported, use ECDSA P-256";

impl Session {
    /// When the session fails if nothing changes.
    pub(super) fn ends(&self) -> Option<Instant> {
        let consent_ends = self.paths.consent_ends().filter(|_| self.connected);
        self.gives_up.max(consent_ends)
    }

    /// Ends the session if it is time.
    pub(super) fn end_if_due(&mut self, now: Instant, out: &mut Outbox) {
        if self.ends().is_some_and(|at| at <= now) {
            let reason = if self.connected {
                FailReason::ConsentLost
            } else if self.paths.consent_ends().is_some() {
                FailReason::Dtls(format!("the handshake was not done in time; {ABOUT_RSA}"))
            } else {
                FailReason::NotConnected
            };
            self.end(reason, out);
        }
    }

    pub(super) fn fail(&mut self, error: &RtcError, out: &mut Outbox) {
        let reason = match error {
            RtcError::Dtls(error) => FailReason::Dtls(explained(error.to_string())),
            error => FailReason::Other(error.to_string()),
        };
        self.end(reason, out);
    }

    /// The session is over. Said once: what comes after the first reason is its consequence.
    pub(super) fn end(&mut self, reason: FailReason, out: &mut Outbox) {
        if !self.failed {
            tracing::info!(session = self.key.0, %reason, "a session failed");
            self.failed = true;
            out.happened.push(Happened::Failed(reason));
        }
    }

    /// Says goodbye to the remote side (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(&mut self, now: Instant, out: &mut Outbox) {
        self.failed = true;
        for channel in Channel::ALL {
            self.backlog.clear(channel, DropReason::DataClosed, &mut out.fates);
        }
        if let Some(route) = self.route(now) {
            self.egress.close(route, &mut out.transmits);
        }
        self.contained(out, |session, out| {
            if session.rtc.close().is_ok() {
                session.drain(now, out);
            }
        });
    }
}

/// A DTLS failure in words that say what to do. A client with an RSA certificate shows none, since
/// none of its own suits, or one that cannot be verified; or the handshake just stops.
fn explained(failure: String) -> String {
    const ABOUT_THE_CERTIFICATE: [&str; 3] =
        ["no client certificate", "unsupported public key", "unsupported signature"];
    if ABOUT_THE_CERTIFICATE.iter().any(|words| failure.contains(words)) {
        format!("{failure}; {ABOUT_RSA}")
    } else {
        failure
    }
}
