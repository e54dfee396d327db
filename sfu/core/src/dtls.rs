//! DTLS as it comes with str0m, watched in two places: a [`Gate`] is between it and SCTP, whose
//! packets can be seen in the clear nowhere else before they are acted on, and a copy of the SRTP
//! keys is left for the egress, as str0m keeps them to itself.

use std::cell::RefCell;
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider, from_feature_flags};

use crate::egress::keys::{Cell, Keying, Profile};
use crate::sctp::{Gate, Verdict};

thread_local! {
    static BUILDING: RefCell<Option<Cell>> = const { RefCell::new(None) };
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
        let inner = from_feature_flags().dtls_provider.new_dtls(cert, now, dtls_version, mtu)?;
        let keys = BUILDING.with_borrow(Option::clone).unwrap_or_default();
        Ok(Box::new(WatchedInstance { inner, gate: Gate::default(), ended: false, keys }))
    }
}

#[derive(Debug)]
struct WatchedInstance {
    inner: Box<dyn DtlsInstance>,
    gate: Gate,
    ended: bool,
    keys: Cell,
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
