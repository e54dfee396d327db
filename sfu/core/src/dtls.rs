//! DTLS as it comes with str0m, with a [`Gate`] between it and SCTP: the one place where SCTP's
//! packets can be seen in the clear before they are acted on.

use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider, from_feature_flags};

use crate::sctp::{Gate, Verdict};

/// str0m's own cryptography, whose DTLS has the gate.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider { dtls_provider: &Gated, ..from_feature_flags() }
}

#[derive(Debug)]
struct Gated;

impl DtlsProvider for Gated {
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
        Ok(Box::new(GatedInstance { inner, gate: Gate::default(), ended: false }))
    }
}

#[derive(Debug)]
struct GatedInstance {
    inner: Box<dyn DtlsInstance>,
    gate: Gate,
    ended: bool,
}

impl DtlsInstance for GatedInstance {
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        /// SCTP's shortest packet is longer: it is refused unread.
        const NOTHING: DtlsOutput<'_> = DtlsOutput::ApplicationData(&[]);
        let output = self.inner.poll_output(buf);
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
