//! A server that does nothing with datagrams but send them back, on the QUIC that the server is built on: what
//! relaying costs at best.
//!
//! Datagrams leave as they came, their session's number included: each connection's first session is meant.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use time::{Duration, OffsetDateTime};
use web_transport_quinn::quinn::Connection;
use web_transport_quinn::{Request, Server, ServerBuilder};

use crate::bot::join::Invitation;

/// The certificate is good for so long: clients by hash take no longer ones.
const GOOD_FOR: Duration = Duration::days(10);

/// Such a server.
pub struct Echo {
    server: Server,
    invitation: Invitation,
    is_fan: bool,
}

/// Who is connected.
type Crowd = Arc<Mutex<Vec<Connection>>>;

impl Echo {
    /// Listens on a free port of this machine. A datagram goes back to its sender, or, as a `fan`, to all others.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn bind(is_fan: bool) -> anyhow::Result<Echo> {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - Duration::days(1), now + GOOD_FOR);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?.der().clone();
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, &certificate));
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let server =
            ServerBuilder::new().with_addr(address).with_certificate(vec![certificate], key)?;
        let url = format!("https://{}/", server.local_addr()?);
        let invitation = Invitation { url, certificate_hashes: vec![hash] };
        Ok(Echo { server, invitation, is_fan })
    }

    /// Where it is.
    pub fn invitation(&self) -> &Invitation {
        &self.invitation
    }

    /// Does what it does, for ever.
    pub async fn run(mut self) {
        let crowd = Crowd::default();
        while let Some(request) = self.server.accept().await {
            let crowd = self.is_fan.then(|| Arc::clone(&crowd));
            // Who is gone is gone.
            tokio::spawn(async move {
                let _ = answer(request, crowd).await;
            });
        }
    }
}

async fn answer(request: Request, crowd: Option<Crowd>) -> anyhow::Result<()> {
    let session = request.ok().await?;
    let connection: Connection = (*session).clone();
    let Some(crowd) = crowd else {
        loop {
            connection.send_datagram(connection.read_datagram().await?)?;
        }
    };
    let members = || crowd.lock().unwrap_or_else(PoisonError::into_inner);
    members().push(connection.clone());
    while let Ok(datagram) = connection.read_datagram().await {
        for other in members().iter() {
            if other.stable_id() != connection.stable_id() {
                // Who takes no more has gone.
                let _ = other.send_datagram(datagram.clone());
            }
        }
    }
    members().retain(|other| other.stable_id() != connection.stable_id());
    Ok(())
}
