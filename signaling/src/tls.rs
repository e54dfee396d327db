//! Certificates: from files that are read again when they change, from an authority that is asked for them
//! ([`acme`]), or one of our own for a LAN.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use time::{Duration as Days, OffsetDateTime};
use x509_cert::der::Decode;

use crate::config::{self, TlsMode};
use crate::state::StateDir;

pub mod acme;
pub mod brief;

/// How often certificate files are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// The file of our own certificate in the state directory.
const SELF_SIGNED: &str = "self-signed.toml";
/// Apple's systems refuse certificates that are good for longer than 825 days.
const SELF_SIGNED_DAYS: i64 = 820;
/// A new one is made this long before the old one ends.
const RENEW_DAYS: i64 = 30;

/// The certificate in force.
#[derive(Debug)]
pub struct Certificates {
    current: RwLock<Current>,
    files: Option<Files>,
    challenges: acme::Challenges,
}

#[derive(Debug)]
struct Current {
    certified: Arc<CertifiedKey>,
    /// PKCS #8 or what else it was in.
    private: PrivateKeyDer<'static>,
    /// Made up, until there is one that others trust.
    is_stand_in: bool,
}

#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read.
    seen: RwLock<Option<Stamp>>,
}

/// Modification times and lengths: a rewrite within the clock's grain still changes one of them.
type Stamp = [(SystemTime, u64); 2];

impl Certificates {
    /// As configured; `None` with TLS off.
    ///
    /// # Errors
    /// When files cannot be read or do not belong together, or no certificate can be made.
    pub fn load(config: &config::Config, state: &StateDir) -> anyhow::Result<Option<Arc<Self>>> {
        let (current, files) = match config.tls.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::SelfSigned => (self_signed(&names(config), state)?, None),
            TlsMode::Files => {
                let files = Files {
                    cert: config.tls.cert.clone(),
                    key: config.tls.key.clone(),
                    seen: RwLock::new(None),
                };
                let stamp = files.stamp().ok();
                let current = files.read()?;
                *files.seen.write().unwrap_or_else(PoisonError::into_inner) = stamp;
                (current, Some(files))
            }
            TlsMode::Acme => (acme::kept_or_stand_in(&config.tls.acme, state)?, None),
        };
        let challenges = acme::Challenges::default();
        Ok(Some(Arc::new(Certificates { current: RwLock::new(current), files, challenges })))
    }

    /// TLS 1.2 and 1.3 with the certificate of the moment, and these protocols by ALPN (RFC 7301); none
    /// leaves what the client names unanswered.
    ///
    /// # Errors
    /// Only if the crypto library lacks a protocol version.
    pub fn server_config(
        self: &Arc<Self>,
        protocols: &[&[u8]],
    ) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }

    /// Certificate and private key as DER, if the key is one of ECDSA: DTLS takes no other. A renewal does
    /// not reach who has them.
    pub fn ecdsa_pair(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if current.is_stand_in {
            tracing::warn!(
                "TURN does without DTLS until the next start: there is no certificate yet (tls.acme)"
            );
            return None;
        }
        if current.certified.key.algorithm() != rustls::SignatureAlgorithm::ECDSA {
            tracing::warn!(
                "TURN does without DTLS: that takes an ECDSA key, and tls.key is of another kind"
            );
            return None;
        }
        let leaf = current.certified.cert.first()?;
        Some((leaf.to_vec(), current.private.secret_der().to_vec()))
    }

    /// From now on this one.
    fn replace(&self, fresh: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Reads the files again, changed or not. What cannot be used is logged, and the old
    /// certificate stays.
    pub fn reload(&self) {
        let Some(files) = &self.files else { return };
        let stamp = files.stamp().ok();
        match files.read() {
            Ok(fresh) => {
                self.replace(fresh);
                tracing::info!(cert = %files.cert.display(), "certificate read");
            }
            Err(error) => {
                tracing::error!("the certificate stays as it was: {error:#}");
            }
        }
        *files.seen.write().unwrap_or_else(PoisonError::into_inner) = stamp;
    }

    /// Looks at the files now and then, for ever.
    pub async fn watch(self: Arc<Self>) {
        let Some(files) = &self.files else { return };
        let mut ticks = tokio::time::interval(WATCH_INTERVAL);
        loop {
            ticks.tick().await;
            // Between the two renames of a renewal one file may be missing: look again later.
            let Ok(stamp) = files.stamp() else { continue };
            if *files.seen.read().unwrap_or_else(PoisonError::into_inner) != Some(stamp) {
                self.reload();
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if acme::is_challenge(&client) {
            return self.challenges.answer(client.server_name()?);
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.certified))
    }
}

impl Files {
    fn stamp(&self) -> std::io::Result<Stamp> {
        let stamp = |path| {
            let metadata = std::fs::metadata(path)?;
            Ok::<_, std::io::Error>((metadata.modified()?, metadata.len()))
        };
        Ok([stamp(&self.cert)?, stamp(&self.key)?])
    }

    fn read(&self) -> anyhow::Result<Current> {
        let (cert, key) = (self.cert.display(), self.key.display());
        let chain = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("cannot read a certificate from {cert} (tls.cert)"))?;
        if chain.is_empty() {
            bail!("there is no certificate in {cert} (tls.cert)");
        }
        let private = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("cannot read a private key from {key} (tls.key)"))?;
        certified(chain, private)
            .with_context(|| format!("{cert} and {key} cannot be used (tls.cert, tls.key)"))
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<Current> {
    // Refuses a key that does not belong to the certificate.
    let provider = aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(chain, key.clone_key(), &provider)?;
    Ok(Current { certified: Arc::new(certified), private: key, is_stand_in: false })
}

/// From when until when a certificate is good, in seconds since 1970.
///
/// # Errors
/// When it is none.
pub fn validity(certificate: &CertificateDer<'_>) -> Result<(u64, u64), x509_cert::der::Error> {
    let parsed = x509_cert::Certificate::from_der(certificate)?;
    let validity = parsed.tbs_certificate().validity();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    Ok((seconds(validity.not_before), seconds(validity.not_after)))
}

/// Our own certificate as it is kept.
#[derive(Serialize, Deserialize)]
struct SelfSigned {
    /// Seconds since 1970.
    expires: i64,
    names: BTreeSet<String>,
    certificate: String,
    key: String,
}

/// The kept certificate, as long as it covers `names`: browsers remember the exception that people
/// made for it. Else a new one.
fn self_signed(names: &BTreeSet<String>, state: &StateDir) -> anyhow::Result<Current> {
    let now = OffsetDateTime::now_utc();
    let kept: Option<SelfSigned> =
        state.read(SELF_SIGNED)?.and_then(|text| toml::from_str(&text).ok());
    let kept = kept.filter(|kept| {
        names.is_subset(&kept.names)
            && kept.expires > (now + Days::days(RENEW_DAYS)).unix_timestamp()
    });
    let own = match kept {
        Some(own) => own,
        None => {
            let own = make_self_signed(names, now)?;
            state.write(SELF_SIGNED, &toml::to_string(&own)?)?;
            own
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes())?;
    certified(chain, key)
}

fn make_self_signed(names: &BTreeSet<String>, now: OffsetDateTime) -> anyhow::Result<SelfSigned> {
    let mut params = rcgen::CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Oriel (self-signed)");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // A day back: the clocks of phones differ.
    params.not_before = now - Days::days(1);
    params.not_after = now + Days::days(SELF_SIGNED_DAYS);
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(SelfSigned {
        expires: params.not_after.unix_timestamp(),
        names: names.clone(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// What people may type to reach this server.
fn names(config: &config::Config) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["localhost".to_owned()]);
    if let Ok(host) = gethostname::gethostname().into_string()
        && is_dns_name(&host)
    {
        if !host.contains('.') {
            names.insert(format!("{host}.local"));
        }
        names.insert(host);
    }
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    for address in &config.server.bind {
        if address.is_unspecified() {
            addresses.extend(interface_addresses(address.is_ipv4()));
        } else {
            addresses.insert(*address);
        }
    }
    names.extend(addresses.into_iter().map(|address| address.to_string()));
    names
}

fn is_dns_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// Where this machine can be reached in one family. Link-local IPv6 never: a URL cannot name its zone.
fn interface_addresses(ipv4: bool) -> impl Iterator<Item = IpAddr> {
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(move |address| address.is_ipv4() == ipv4)
        .filter(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
}
