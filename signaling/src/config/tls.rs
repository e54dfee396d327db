//! `[tls]`: encryption of the HTTP doors, and of TURN.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Unusable;

/// Encryption of the HTTP doors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Where the certificate comes from.
    pub mode: TlsMode,
    /// PEM file with the certificate and its chain, for [`TlsMode::Files`].
    pub cert: PathBuf,
    /// PEM file with the private key, for [`TlsMode::Files`].
    pub key: PathBuf,
    /// How certificates are asked for, for [`TlsMode::Acme`].
    pub acme: Acme,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS here: loopback, or a proxy in front.
    #[default]
    Off,
    /// One of our own, for a LAN: browsers ask once whether to trust it.
    SelfSigned,
    /// From files, read again whenever they change.
    Files,
    /// From a certificate authority that is asked by ACME (RFC 8555).
    Acme,
}

/// How certificates are asked for by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The names that the certificate is for. Port 443 of each leads here.
    pub domains: Vec<String>,
    /// Addresses for e-mail to whoever asks.
    pub contact: Vec<String>,
    /// The authority: `letsencrypt`, `letsencrypt-staging`, or the URL of its directory.
    pub directory: String,
    /// PEM file with the certificate that the authority's own HTTPS is trusted by, besides those that the
    /// system trusts. Empty for none.
    pub ca: PathBuf,
}

impl Default for Acme {
    fn default() -> Self {
        Acme {
            domains: Vec::new(),
            contact: Vec::new(),
            directory: "letsencrypt".into(),
            ca: PathBuf::new(),
        }
    }
}

impl Acme {
    /// The URL of the authority's directory (RFC 8555 §7.1.1).
    pub fn directory_url(&self) -> &str {
        match self.directory.as_str() {
            "letsencrypt" => "https://acme-v02.api.letsencrypt.org/directory",
            "letsencrypt-staging" => "https://acme-staging-v02.api.letsencrypt.org/directory",
            url => url,
        }
    }
}

impl Tls {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), Unusable> {
        let unusable =
            |key: &str, problem: &str| Err(Unusable { key: key.into(), problem: problem.into() });
        if self.mode == TlsMode::Files {
            if self.cert.as_os_str().is_empty() {
                return unusable(
                    "tls.cert",
                    "needs the path of a PEM file with tls.mode = \"files\"",
                );
            }
            if self.key.as_os_str().is_empty() {
                return unusable(
                    "tls.key",
                    "needs the path of a PEM file with tls.mode = \"files\"",
                );
            }
        }
        if self.mode == TlsMode::Acme {
            if self.acme.domains.is_empty() {
                return unusable(
                    "tls.acme.domains",
                    "needs the names of this server with tls.mode = \"acme\", as in [\"meet.example.com\"]",
                );
            }
            for (index, domain) in self.acme.domains.iter().enumerate() {
                if !is_domain(domain) {
                    return unusable(
                        &format!("tls.acme.domains[{index}]"),
                        "must be a name in small letters, without a scheme, a port or a wildcard",
                    );
                }
            }
            for (index, contact) in self.acme.contact.iter().enumerate() {
                if !contact.contains('@') || contact.contains(':') {
                    return unusable(
                        &format!("tls.acme.contact[{index}]"),
                        "must be an address for e-mail, as in admin@example.com",
                    );
                }
            }
            if !self.acme.directory_url().starts_with("https://") {
                return unusable(
                    "tls.acme.directory",
                    "must be \"letsencrypt\", \"letsencrypt-staging\", or an https:// URL",
                );
            }
        }
        Ok(())
    }
}

/// A name as certificates have it that are proven on a port: no wildcard, and no address.
fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}
