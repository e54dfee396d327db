//! Certificates from files, for the server that runs on its own.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Identity, Tls};

/// Reads a certificate chain and its key, both PEM.
///
/// # Errors
/// When a file cannot be read, or the two do not belong together.
pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Tls> {
    let (shown, shown_key) = (certificate.display(), key.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read a certificate from {shown} (tls.cert)"))?;
    let Some(first) = chain.first() else { bail!("there is no certificate in {shown} (tls.cert)") };
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {shown_key} (tls.key)"))?;
    let identity = Identity { certificate: first.to_vec(), key: private.secret_der().to_vec() };
    let provider = aws_lc_rs::default_provider();
    let signer = provider.key_provider.load_private_key(private.clone_key())?;
    let is_ecdsa = signer.algorithm() == rustls::SignatureAlgorithm::ECDSA;
    if !is_ecdsa {
        tracing::warn!("DTLS is off: it needs an ECDSA key, and {shown_key} is of another kind");
    }
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{shown} and {shown_key} cannot be used (tls.cert, tls.key)"))?;
    Ok(Tls { config: Arc::new(config), dtls: is_ecdsa.then_some(identity) })
}
