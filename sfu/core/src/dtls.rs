//! DTLS as it comes with str0m, watched in two places: a [`Gate`] is between it and SCTP, whose
//! packets can be seen in the clear nowhere else before they are acted on, and a copy of the SRTP
//! keys is left for the egress and the fast path, as str0m keeps them to itself.

use std::cell::{Cell as Now, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider, from_feature_flags};

use crate::sctp::{Gate, Verdict};
use crate::srtp::keys::{Cell, Keying, Profile};

/// When a flight of the handshake that is not answered is sent again; then after twice as long,
/// and so on. A call is not to wait a second for every lost datagram: RFC 9147 §5.8.2 lets
/// applications that are short of time be quicker.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// How often a flight is sent again. Those that the remote side's repetitions ask for count as
/// well, and browsers begin after 50 ms. How long all may take is bounded by `connect_timeout`.
const RETRIES: usize = 24;

thread_local! {
    static BUILDING: RefCell<Option<Cell>> = const { RefCell::new(None) };
    static NOW: Now<Option<Instant>> = const { Now::new(None) };
    static SETTINGS: RefCell<Option<(Option<usize>, Arc<Config>)>> = const { RefCell::new(None) };
}

/// Runs what builds one `Rtc` with str0m's own cryptography, whose DTLS is watched, and returns
/// where its keys will be with it.
///
/// str0m has no way to say for which session it makes a DTLS connection, but makes it while the
/// `Rtc` is built: the cell lies beside, on this thread, for as long.
pub(crate) fn watch<T>(build: impl FnOnce(CryptoProvider) -> T) -> (T, Cell) {
    let cell = Cell::default();
    BUILDING.replace(Some(Cell::clone(&cell)));
    let built = build(CryptoProvider { dtls_provider: &Watched, ..from_feature_flags() });
    BUILDING.take();
    (built, cell)
}

/// Says when the next packet of DTLS comes in on this thread, to be called before each. str0m does not tell its DTLS:
/// that would count the time until a repetition from the answer on, and repeat its first flight
/// at once.
pub(crate) fn tell_time(now: Instant) {
    NOW.set(Some(now));
}

#[derive(Debug)]
struct Watched;

impl DtlsProvider for Watched {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        dtls_version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = connection(cert, now, dtls_version, mtu)
            .map_err(|error| CryptoError::Other(error.to_string()))?;
        let keys = BUILDING.with_borrow(Option::clone).unwrap_or_default();
        Ok(Box::new(WatchedInstance { inner, gate: Gate::default(), ended: false, keys }))
    }
}

/// A connection as str0m would make it, but with timers for a bad network.
fn connection(
    cert: &DtlsCert,
    now: Instant,
    version: DtlsVersion,
    mtu: Option<usize>,
) -> Result<Dtls, dimpl::Error> {
    let config = settings(mtu)?;
    let cert = DtlsCertificate {
        certificate: cert.certificate.clone(),
        private_key: cert.private_key.clone(),
    };
    Ok(match version {
        DtlsVersion::Dtls12 => Dtls::new_12(config, cert, now),
        DtlsVersion::Dtls13 => Dtls::new_13(config, cert, now),
        _ => Dtls::new_auto(config, cert, now),
    })
}

/// What all connections of this thread are made with. Each time that it is built, dimpl tries all of its
/// cryptography: two signatures are verified, and keys are exchanged on three curves. That is a seventh of what a
/// join costs, and once is enough.
fn settings(mtu: Option<usize>) -> Result<Arc<Config>, dimpl::Error> {
    SETTINGS.with_borrow_mut(|last| match last {
        Some((same, settings)) if *same == mtu => Ok(Arc::clone(settings)),
        _ => {
            // ICE has verified the remote side's address before the first byte: no cookie is needed.
            let mut config = Config::builder()
                .use_server_cookie(false)
                .flight_start_rto(FIRST_RETRY)
                .flight_retries(RETRIES);
            if let Some(mtu) = mtu {
                config = config.mtu(mtu);
            }
            let settings = Arc::new(config.build()?);
            *last = Some((mtu, Arc::clone(&settings)));
            Ok(settings)
        }
    })
}

struct WatchedInstance {
    inner: Dtls,
    gate: Gate,
    ended: bool,
    keys: Cell,
}

impl fmt::Debug for WatchedInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the connection nor its keys can be shown.
        f.debug_struct("WatchedInstance").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl WatchedInstance {
    fn keep(&self, material: &[u8], profile: SrtpProfile) {
        let profile = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm,
            SrtpProfile::AEAD_AES_128_GCM => Profile::Gcm128,
            SrtpProfile::AEAD_AES_256_GCM => Profile::Gcm256,
            // str0m offers no other.
            _ => return,
        };
        let is_client = self.inner.is_active();
        // A session has one handshake: what would come later is not for these streams.
        let _ = self.keys.set(Keying { profile, material: material.to_vec(), is_client });
    }
}

impl DtlsInstance for WatchedInstance {
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        /// SCTP's shortest packet is longer: it is refused unread.
        const NOTHING: DtlsOutput<'_> = DtlsOutput::ApplicationData(&[]);
        let output = self.inner.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.keep(material, *profile);
        }
        let DtlsOutput::ApplicationData(packet) = output else { return output };
        if self.ended {
            return NOTHING;
        }
        match self.gate.receive(packet) {
            Verdict::Pass => output,
            Verdict::Drop => NOTHING,
            Verdict::End(reason) => {
                tracing::info!(reason, "a remote side is cut off");
                self.ended = true;
                // As if the remote side had hung up.
                DtlsOutput::CloseNotify
            }
        }
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.gate.send(data);
        self.inner.send_application_data(data)
    }

    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        if let Some(now) = NOW.take() {
            self.inner.handle_timeout(now)?;
        }
        self.inner.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_what_they_are_made_with() {
        let (first, again) = (settings(None).unwrap(), settings(None).unwrap());
        assert!(Arc::ptr_eq(&first, &again));
        let smaller = settings(Some(900)).unwrap();
        assert_eq!((smaller.mtu(), settings(None).unwrap().mtu()), (900, first.mtu()));
    }
}
