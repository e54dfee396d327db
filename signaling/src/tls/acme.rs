//! Certificates by ACME (RFC 8555). That a name leads here is proven on the port of HTTPS itself, by a
//! certificate that only the authority asks for (TLS-ALPN-01, RFC 8737).
//!
//! Account and certificate are kept in the state directory. A certificate is asked for again when a third
//! of its time is left, or when it is for other names than those of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::Full;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType,
    HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::{Certificates, Current, certified, make_self_signed, validity};
use crate::client::{self, Client};
use crate::config;
use crate::state::StateDir;

/// What the authority names in a TLS handshake to see the proof (RFC 8737 §6.2).
pub const ALPN: &[u8] = b"acme-tls/1";

/// The file of the certificate in the state directory.
const CERTIFICATE: &str = "acme.toml";
/// That of the account.
const ACCOUNT: &str = "acme-account.toml";
/// A request to the authority takes no longer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the authority may take to look, and to write a certificate.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).timeout(Duration::from_secs(120));
/// After a failure; then twice as long each time. Authorities allow for five failures an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(15 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);
/// The clock may be set, or the machine sleep: the time is looked at this often.
const WATCH_INTERVAL: Duration = Duration::from_secs(3600);

/// A certificate as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    domains: BTreeSet<String>,
    certificate: String,
    key: String,
}

impl Kept {
    fn read(state: &StateDir) -> anyhow::Result<Option<Kept>> {
        // What is none any more is asked for again.
        Ok(state.read(CERTIFICATE)?.and_then(|text| toml::from_str(&text).ok()))
    }

    fn chain(&self) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        chain.collect::<Result<_, _>>().context("the authority's certificate cannot be read")
    }

    fn current(&self) -> anyhow::Result<Current> {
        certified(self.chain()?, PrivateKeyDer::from_pem_slice(self.key.as_bytes())?)
    }

    /// When it is to be asked for again, in seconds since 1970.
    fn due(&self, config: &config::Acme) -> anyhow::Result<u64> {
        let domains: BTreeSet<&String> = config.domains.iter().collect();
        if self.directory != config.directory_url() || !self.domains.iter().eq(domains) {
            return Ok(0);
        }
        let chain = self.chain()?;
        let (from, until) = validity(chain.first().context("there is no certificate")?)?;
        Ok(until - until.saturating_sub(from) / 3)
    }
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    directory: String,
    /// JSON, as the library has it.
    credentials: String,
}

/// The certificate that is kept; without one a stand-in, so that connections can be answered.
///
/// # Errors
/// When the state directory cannot be read, or no stand-in be made.
pub(super) fn kept_or_stand_in(config: &config::Acme, state: &StateDir) -> anyhow::Result<Current> {
    let kept = Kept::read(state)?;
    if let Some(current) = kept.and_then(|kept| kept.current().ok()) {
        return Ok(current);
    }
    let names = config.domains.iter().cloned().collect();
    let own = make_self_signed(&names, time::OffsetDateTime::now_utc())?;
    let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes())?];
    let current = certified(chain, PrivateKeyDer::from_pem_slice(own.key.as_bytes())?)?;
    Ok(Current { is_stand_in: true, ..current })
}

/// The kept certificate's chain as DER, the leaf first; `None` where there is none yet.
///
/// # Errors
/// When it cannot be read.
pub fn kept_chain(state: &StateDir) -> anyhow::Result<Option<Vec<CertificateDer<'static>>>> {
    Kept::read(state)?.map(|kept| kept.chain()).transpose()
}

/// Whether this is the authority that looks for a proof: it names nothing else (RFC 8737 §3).
pub(super) fn is_challenge(client: &ClientHello<'_>) -> bool {
    let mut protocols = client.alpn().into_iter().flatten();
    protocols.next() == Some(ALPN) && protocols.next().is_none()
}

/// Proofs for the authority to look at, by name.
#[derive(Debug, Default)]
pub(super) struct Challenges(RwLock<BTreeMap<String, Arc<CertifiedKey>>>);

impl Challenges {
    pub(super) fn answer(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn add(&self, name: String, proof: Arc<CertifiedKey>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, proof);
    }

    fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Who asks the authority.
pub struct Acme {
    config: config::Acme,
    state: StateDir,
    certificates: Arc<Certificates>,
    client: Client,
}

impl Acme {
    /// As configured, for those certificates.
    ///
    /// # Errors
    /// When `tls.acme.ca` cannot be read.
    pub fn new(
        config: &config::Acme,
        state: &StateDir,
        certificates: &Arc<Certificates>,
    ) -> anyhow::Result<Acme> {
        let mut roots = client::system_roots();
        if !config.ca.as_os_str().is_empty() {
            let ca = config.ca.display();
            let problem = || format!("cannot read a certificate from {ca} (tls.acme.ca)");
            let certificates = CertificateDer::pem_file_iter(&config.ca).with_context(problem)?;
            for certificate in certificates {
                roots.add(certificate.with_context(problem)?).with_context(problem)?;
            }
        }
        // It is named by whoever runs the server, and may be anywhere.
        let client = Client::new(Arc::new(|_| true), TIMEOUT, roots)?;
        let (state, certificates) = (state.clone(), Arc::clone(certificates));
        Ok(Acme { config: config.clone(), state, certificates, client })
    }

    /// Asks for a certificate whenever one is due, for ever. The port of HTTPS has to be open.
    pub async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut kept = Kept::read(&self.state).ok().flatten();
        loop {
            let due = kept.as_ref().and_then(|kept| kept.due(&self.config).ok()).unwrap_or(0);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            if due > now {
                let wait = Duration::from_secs(due - now).min(WATCH_INTERVAL);
                tokio::time::sleep(wait).await;
                continue;
            }
            match self.order().await {
                Ok(fresh) => {
                    tracing::info!(domains = ?self.config.domains, "there is a new certificate");
                    pause = FIRST_PAUSE;
                    kept = Some(fresh);
                }
                Err(error) => {
                    tracing::error!(
                        domains = ?self.config.domains,
                        minutes = pause.as_secs() / 60,
                        "no certificate by ACME, until asked again in so many minutes: {error:#}"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn order(&self) -> anyhow::Result<Kept> {
        let account = self.account().await?;
        let names: Vec<Identifier> =
            self.config.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order =
            account.new_order(&NewOrder::new(&names)).await.context("the order is refused")?;
        let proven = self.prove(&mut order).await;
        self.certificates.challenges.clear();
        proven?;
        let mut params = CertificateParams::new(self.config.domains.clone())?;
        params.distinguished_name = DistinguishedName::new();
        // ECDSA, which DTLS can use.
        let key = KeyPair::generate()?;
        let request = params.serialize_request(&key)?;
        order.finalize_csr(request.der()).await.context("the request for it is refused")?;
        let certificate =
            order.poll_certificate(&PATIENCE).await.context("it is not written in time")?;
        let kept = Kept {
            directory: self.config.directory_url().to_owned(),
            domains: self.config.domains.iter().cloned().collect(),
            certificate,
            key: key.serialize_pem(),
        };
        self.certificates.replace(kept.current()?);
        // It is in force all the same. Who asks for it again after each start is refused soon.
        if let Err(error) = self.state.write(CERTIFICATE, &toml::to_string(&kept)?) {
            tracing::error!("the new certificate cannot be kept for the next start: {error:#}");
        }
        Ok(kept)
    }

    /// The account of an earlier run, or a new one.
    async fn account(&self) -> anyhow::Result<Account> {
        let directory = self.config.directory_url();
        let http = Box::new(Http(self.client.clone()));
        let builder = Account::builder_with_http(http);
        let kept: Option<KeptAccount> =
            self.state.read(ACCOUNT)?.and_then(|text| toml::from_str(&text).ok());
        let failed = || format!("{directory} gives no account");
        if let Some(kept) = kept.filter(|kept| kept.directory == directory)
            && let Ok(credentials) = serde_json::from_str::<AccountCredentials>(&kept.credentials)
        {
            return builder.from_credentials(credentials).await.with_context(failed);
        }
        let contact: Vec<String> =
            self.config.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let asked = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, credentials) =
            builder.create(&asked, directory.to_owned(), None).await.with_context(failed)?;
        let credentials = serde_json::to_string(&credentials)?;
        let kept = KeptAccount { directory: directory.to_owned(), credentials };
        self.state.write(ACCOUNT, &toml::to_string(&kept)?)?;
        Ok(account)
    }

    /// Shows the authority for each name that it leads here.
    async fn prove(&self, order: &mut Order) -> anyhow::Result<()> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .context("the authority does not offer to look by tls-alpn-01")?;
            let name = challenge.identifier().to_string();
            let proof = proof(&name, challenge.key_authorization().digest().as_ref())?;
            self.certificates.challenges.add(name, proof);
            challenge.set_ready().await?;
        }
        match order.poll_ready(&PATIENCE).await? {
            OrderStatus::Ready | OrderStatus::Valid => Ok(()),
            status => match refusal(order).await {
                Some(reason) => bail!("{reason}"),
                None => bail!("the order is {status:?}"),
            },
        }
    }
}

/// What the authority has against one of the names.
async fn refusal(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let failed = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = failed {
            let name = authorization.identifier();
            return Some(format!("{name} does not lead here, says the authority: {problem}"));
        }
    }
    None
}

/// The certificate that proves it (RFC 8737 §3).
fn proof(name: &str, digest: &[u8]) -> anyhow::Result<Arc<CertifiedKey>> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?;
    // Unchecked: the library that checks knows nothing of this extension, which is critical.
    let signer = aws_lc_rs::default_provider().key_provider.load_private_key(private)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
}

/// The library's requests on our client.
struct Http(Client);

impl HttpClient for Http {
    fn request(
        &self,
        request: axum::http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let response = client.ask(request).await;
            let response =
                response.map_err(|failure| instant_acme::Error::Other(Box::new(failure)))?;
            Ok(BytesResponse::from(response.map(Full::new)))
        })
    }
}
