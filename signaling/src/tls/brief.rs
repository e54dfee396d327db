//! Certificates of a few days that nobody has signed for: pages are told their hashes beforehand, and need
//! trust no authority (`serverCertificateHashes` of W3C WebTransport).
//!
//! Such a certificate has an ECDSA key and is good for fourteen days at most. There are always two, the one
//! in force and the next one, so that a hash that was told is good for days.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use time::{Duration as Days, OffsetDateTime};

use super::certified;
use crate::state::StateDir;

/// Their file in the state directory.
const FILE: &str = "webtransport.toml";
/// Good before they were made: clocks differ.
const EARLY: Days = Days::days(1);
/// Good after they were made. Together thirteen days, of fourteen that are allowed.
const LATE: Days = Days::days(12);
/// In force for so long. One that waits as the next for that time has two days left in the end.
const IN_FORCE: Days = Days::days(5);
/// How often we look whether it is time, at least: clocks are set.
const WATCH_INTERVAL: Duration = Duration::from_secs(600);
/// And at most, when the next one could not be made.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The certificate in force, and the next one.
#[derive(Debug)]
pub struct BriefCertificates {
    state: StateDir,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    kept: Kept,
    certified: Arc<CertifiedKey>,
    hashes: [String; 2],
}

/// As they are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    /// Seconds since 1970 when the next one comes into force.
    until: i64,
    current: Pem,
    next: Pem,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pem {
    certificate: String,
    key: String,
}

impl BriefCertificates {
    /// Those that were kept, as far as they are still good; else new ones.
    ///
    /// # Errors
    /// When none can be made, or kept.
    pub fn load(state: &StateDir) -> anyhow::Result<Arc<Self>> {
        let now = OffsetDateTime::now_utc();
        let kept: Option<Kept> = state.read(FILE)?.and_then(|text| toml::from_str(&text).ok());
        let kept = match kept.map(|kept| renewed(kept, now)).transpose()? {
            Some(kept) => kept,
            None => made(now)?,
        };
        let current = Current::new(kept)?;
        let this = BriefCertificates { state: state.clone(), current: RwLock::new(current) };
        this.keep()?;
        Ok(Arc::new(this))
    }

    /// The SHA-256 of both as DER, in base 64: of the one in force, then of the next one.
    pub fn hashes(&self) -> [String; 2] {
        self.read(|current| current.hashes.clone())
    }

    /// Brings the next one into force when it is time, for ever.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.until_next(OffsetDateTime::now_utc())).await;
            if let Err(error) = self.renew(OffsetDateTime::now_utc()) {
                tracing::error!("WebTransport's certificate stays as it was: {error:#}");
            }
        }
    }

    fn until_next(&self, now: OffsetDateTime) -> Duration {
        let seconds = self.read(|current| current.kept.until) - now.unix_timestamp();
        let left = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        left.clamp(RETRY_INTERVAL, WATCH_INTERVAL)
    }

    fn renew(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let kept = self.read(|current| current.kept.clone());
        if kept.until > now.unix_timestamp() {
            return Ok(());
        }
        let fresh = Current::new(renewed(kept, now)?)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        tracing::info!("WebTransport has its next certificate");
        self.keep()
    }

    fn keep(&self) -> anyhow::Result<()> {
        let text = self.read(|current| toml::to_string(&current.kept))?;
        self.state.write(FILE, &text)
    }

    fn read<T>(&self, use_it: impl FnOnce(&Current) -> T) -> T {
        use_it(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for BriefCertificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.read(|current| Arc::clone(&current.certified)))
    }
}

impl Current {
    fn new(kept: Kept) -> anyhow::Result<Current> {
        let chain = vec![kept.current.der()?];
        let key = PrivateKeyDer::from_pem_slice(kept.current.key.as_bytes())?;
        let certified = certified(chain, key)?.certified;
        let hashes = [kept.current.hash()?, kept.next.hash()?];
        Ok(Current { kept, certified, hashes })
    }
}

impl Pem {
    fn der(&self) -> anyhow::Result<CertificateDer<'static>> {
        Ok(CertificateDer::from_pem_slice(self.certificate.as_bytes())?)
    }

    fn hash(&self) -> anyhow::Result<String> {
        Ok(STANDARD.encode(digest::digest(&digest::SHA256, &self.der()?)))
    }
}

/// What is kept at `now`: where the next one's time has come it is in force, and where that is over, too,
/// all is new.
fn renewed(kept: Kept, now: OffsetDateTime) -> anyhow::Result<Kept> {
    let until = kept.until + IN_FORCE.whole_seconds();
    match now.unix_timestamp() {
        now if now < kept.until => Ok(kept),
        early if early < until => Ok(Kept { until, current: kept.next, next: pem(now)? }),
        _ => made(now),
    }
}

fn made(now: OffsetDateTime) -> anyhow::Result<Kept> {
    Ok(Kept { until: (now + IN_FORCE).unix_timestamp(), current: pem(now)?, next: pem(now)? })
}

fn pem(now: OffsetDateTime) -> anyhow::Result<Pem> {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Oriel (WebTransport)");
    params.not_before = now - EARLY;
    params.not_after = now + LATE;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok(Pem { certificate: certificate.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use super::super::validity;
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(day: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000 + day * DAY).unwrap()
    }

    #[test]
    fn a_hash_that_was_told_is_in_force_for_days_and_every_certificate_while_it_is_good() {
        let mut kept = made(at(0)).unwrap();
        for day in 0..40 {
            let now = at(day);
            let before = [kept.current.hash().unwrap(), kept.next.hash().unwrap()];
            kept = renewed(kept, now).unwrap();
            assert!(before.contains(&kept.current.hash().unwrap()), "day {day}");
            let (from, until) = validity(&kept.current.der().unwrap()).unwrap();
            let now = u64::try_from(now.unix_timestamp()).unwrap();
            assert!(from < now && now + 24 * 3600 < until, "day {day}");
            assert!(until - from < 14 * 24 * 3600, "browsers take no longer ones");
        }
        let old = kept.next.hash().unwrap();
        let late = renewed(kept, at(60)).unwrap();
        assert_ne!(late.current.hash().unwrap(), old, "what is over does not come into force");
    }

    #[test]
    fn a_server_that_starts_again_has_the_same_ones() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let first = BriefCertificates::load(&state).unwrap().hashes();
        assert_eq!(BriefCertificates::load(&state).unwrap().hashes(), first);
        assert_ne!(first[0], first[1]);
    }
}
