//! Tokens: JWT by HMAC-SHA-256, keys by id.
//!
//! A token is believed when a key we know signed it and its time is right. What it then allows is
//! for [`Claims::entry`] to say.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::{Asked, Claims, Entry};
use signaling_core::rights::Rights;

use crate::config::{self, Guests, Key, Secret};
use crate::state::StateDir;

/// Seconds that clocks may differ by (RFC 7519 §4.1.4).
const LEEWAY: u64 = 30;

/// The file of the development key in the state directory.
const DEVELOPMENT_KEY: &str = "development-key.toml";

/// The keys in force, and what else a token must have. Shared by all doors; replaced as a whole when
/// the configuration is read again.
#[derive(Clone)]
pub struct Authority {
    keys: Arc<RwLock<Arc<Keys>>>,
}

/// Keys that tokens may be signed with.
pub struct Keys {
    by_id: HashMap<String, DecodingKey>,
    /// Signs what we mint: the first one.
    signing: (String, EncodingKey),
    audience: Option<String>,
    guests: bool,
    guest_token_ttl: u64,
    development: bool,
}

impl Keys {
    /// The configured keys, or the development key of `state` where none is configured.
    ///
    /// # Errors
    /// When a development key is needed and the state directory cannot hold it.
    pub fn from_config(config: &config::Config, state: &StateDir) -> anyhow::Result<Keys> {
        let auth = &config.auth;
        let development = auth.keys.is_empty();
        let own;
        let keys = if development {
            own = [development_key(state)?];
            &own[..]
        } else {
            &auth.keys[..]
        };
        let first = keys.first().context("auth.keys is empty")?;
        Ok(Keys {
            by_id: keys
                .iter()
                .map(|key| {
                    let secret = key.secret.expose().as_bytes();
                    (key.id.clone(), DecodingKey::from_secret(secret))
                })
                .collect(),
            signing: (first.id.clone(), EncodingKey::from_secret(first.secret.expose().as_bytes())),
            audience: Some(auth.audience.clone()).filter(|audience| !audience.is_empty()),
            guests: match config.rooms.guests {
                Guests::Auto => development,
                Guests::Open => true,
                Guests::Off => false,
            },
            guest_token_ttl: auth.guest_token_ttl,
            development,
        })
    }

    /// Whether this is the development key.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// Signs a token that is good from now on for `ttl` seconds.
    ///
    /// # Errors
    /// Only if the signature cannot be computed.
    pub fn mint(&self, mut claims: Claims, ttl: u64) -> anyhow::Result<String> {
        let now = jsonwebtoken::get_current_timestamp();
        claims.iss = Some(self.signing.0.clone());
        claims.nbf = Some(now);
        claims.exp = Some(now.saturating_add(ttl));
        claims.aud = self.audience.clone().map(signaling_core::grants::Audiences::One);
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.signing.0.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing.1).context("cannot sign a token")
    }

    /// The id of the key that signed it, and its claims.
    fn verify(&self, token: &str) -> Result<(String, Claims), Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Malformed)?;
        if header.alg != Algorithm::HS256 {
            return Err(Refusal::Algorithm);
        }
        // RFC 7515 §4.1.11: what a header marks as critical must be understood. We know of none.
        if header.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        let key_id = match header.kid {
            Some(kid) => kid,
            None => {
                jsonwebtoken::dangerous::insecure_decode_claims::<Issuer>(token)
                    .map_err(|_| Refusal::Malformed)?
                    .iss
            }
        };
        let key = self.by_id.get(&key_id).ok_or(Refusal::Signature)?;

        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "aud"]);
            }
            None => validation.validate_aud = false,
        }
        jsonwebtoken::decode::<Claims>(token, key, &validation)
            .map(|verified| (key_id, verified.claims))
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => Refusal::Signature,
                ErrorKind::ExpiredSignature => Refusal::Expired,
                ErrorKind::ImmatureSignature => Refusal::NotYet,
                ErrorKind::InvalidAudience => Refusal::Audience,
                ErrorKind::MissingRequiredClaim(claim) if claim == "exp" => Refusal::NoExpiry,
                ErrorKind::MissingRequiredClaim(_) => Refusal::Audience,
                _ => Refusal::Malformed,
            })
    }
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the token is not a JWT of the kind asked for")]
    Malformed,
    #[error("the token must be signed with HS256")]
    Algorithm,
    // One text for an unknown key and a wrong signature: key ids are nobody's business.
    #[error("the token is not signed by a key of this server")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token never expires: it needs exp")]
    NoExpiry,
    #[error("the token is for another audience")]
    Audience,
}

/// The one claim that is read before the signature is checked, to find the key.
#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl Authority {
    /// Begins with `keys`.
    pub fn new(keys: Keys) -> Authority {
        Authority { keys: Arc::new(RwLock::new(Arc::new(keys))) }
    }

    /// Takes over new keys. Who has joined stays.
    pub fn replace(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether people without a token may ask for one.
    pub fn guests_are_welcome(&self) -> bool {
        self.keys().guests
    }

    /// Seconds that a guest's token is good for.
    pub fn guest_token_ttl(&self) -> u64 {
        self.keys().guest_token_ttl
    }

    /// Signs a token that is good from now on for `ttl` seconds.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if it cannot be signed.
    pub fn mint(&self, claims: Claims, ttl: u64) -> Result<String, RequestError> {
        self.keys().mint(claims, ttl).map_err(|error| {
            tracing::error!(%error, "no token");
            RequestError::new(ErrorCode::Internal, "the token could not be made")
        })
    }

    /// Who calls from outside of all rooms, and what it may.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for a token that is not believed.
    pub fn caller(&self, token: &str) -> Result<Caller, RequestError> {
        let (issuer, claims) = self.verify(token)?;
        Ok(Caller {
            rights: claims.rights(),
            issuer,
            subject: claims.sub.unwrap_or_default(),
            expires_at: claims.exp.unwrap_or_default(),
        })
    }

    /// Where a token leads when its bearer asks for `asked`.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for a token that is not believed, and those of [`Claims::entry`].
    pub fn admit(&self, token: &str, asked: Asked) -> Result<Admitted, RequestError> {
        let (issuer, claims) = self.verify(token)?;
        Ok(Admitted {
            issuer,
            expires_at: claims.exp.unwrap_or_default(),
            bearer: claims.sub.clone().filter(|sub| !sub.is_empty()),
            entry: claims.entry(asked)?,
            service: claims.oriel.service,
            origin: claims.oriel.origin,
            may_create: claims.video.room_create,
        })
    }

    /// What a token lets its bearer observe.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for a token that is not believed, and those of
    /// [`Claims::observes`].
    pub fn witness(&self, token: &str) -> Result<Witness, RequestError> {
        let (_, claims) = self.verify(token)?;
        let until = claims.exp.unwrap_or_default().saturating_add(LEEWAY);
        Ok(Witness { room: claims.observes()?, until })
    }

    fn verify(&self, token: &str) -> Result<(String, Claims), RequestError> {
        let verified = self.keys().verify(token);
        verified.map_err(|refusal| RequestError::new(ErrorCode::Unauthorized, refusal.to_string()))
    }
}

/// Somebody who reads what happens and is in no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The one room, or `None` for all of them.
    pub room: Option<String>,
    /// When the token ends, with what clocks may differ by: seconds since 1970 (UTC).
    pub until: u64,
}

/// A token that says which bytes its sender has sent, as LiveKit signs webhooks: good for five minutes.
/// `hash` is their SHA-256.
///
/// # Errors
/// Only if the signature cannot be computed.
pub fn sign_hash(issuer: &str, secret: &str, now: u64, hash: &[u8]) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct Hashed<'a> {
        iss: &'a str,
        nbf: u64,
        exp: u64,
        sha256: String,
    }
    let sha256 = STANDARD.encode(hash);
    let claims = Hashed { iss: issuer, nbf: now, exp: now + 300, sha256 };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("cannot sign")
}

/// Somebody who is in no room, and whose token is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What it may.
    pub rights: Rights,
    /// The key that signed the token.
    pub issuer: String,
    /// Whom the token is for; empty where it does not say.
    pub subject: String,
    /// When the token ends: seconds since 1970 (UTC).
    pub expires_at: u64,
}

/// Somebody whose token is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Where to, and as whom.
    pub entry: Entry,
    /// The key that signed the token.
    pub issuer: String,
    /// When the token ends: seconds since 1970 (UTC).
    pub expires_at: u64,
    /// Whom the token is for.
    pub bearer: Option<String>,
    /// A service's token: for encoders and load tests, not for people.
    pub service: bool,
    /// The one origin whose pages may use the token, where it is bound to one.
    pub origin: Option<String>,
    /// May create rooms.
    pub may_create: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    id: String,
    secret: String,
}

/// The key for trying things out: made once, kept where only we can read it, so that `oriel token`
/// can sign for a running server.
fn development_key(state: &StateDir) -> anyhow::Result<Key> {
    let text = state.read_or_write(DEVELOPMENT_KEY, || {
        let secret: [u8; 32] = rand::random();
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "# Made by oriel because no key is configured (auth.keys). For development only.\n\
             id = \"development\"\nsecret = \"{secret}\"\n"
        )
    })?;
    let key: KeyFile = toml::from_str(&text).with_context(|| {
        format!("{DEVELOPMENT_KEY} in the state directory is damaged; remove it")
    })?;
    Ok(Key { id: key.id, secret: Secret::new(key.secret) })
}
