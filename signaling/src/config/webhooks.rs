//! Who is told by HTTP what happens in rooms.

use serde::{Deserialize, Serialize};

use super::{Secret, Unusable};

/// Who is told by HTTP what happens in rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Where to.
    pub endpoints: Vec<Endpoint>,
    /// Requests to one endpoint at a time, each about another room.
    pub concurrency: u32,
    /// Seconds that an endpoint has for its answer.
    pub timeout: u64,
    /// Seconds that an event is tried again.
    pub retry_for: u64,
    /// Events that may wait for one endpoint. What is beyond goes to its dead letters at once.
    pub max_waiting: u64,
    /// Dead letters of one endpoint. The oldest go first.
    pub max_dead: u64,
    /// Networks of endpoints that are allowed although private: `10.0.0.0/8`.
    pub allowed_networks: Vec<String>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Webhooks {
            endpoints: Vec::new(),
            concurrency: 8,
            timeout: 10,
            retry_for: 86_400,
            max_waiting: 100_000,
            max_dead: 10_000,
            allowed_networks: Vec::new(),
        }
    }
}

/// One that is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name in metrics, in REST, and for its place among the events.
    pub id: String,
    /// `https://` or `http://`.
    pub url: String,
    /// What requests are signed with.
    pub secret: Secret,
    /// How they are signed.
    #[serde(default)]
    pub signature: Signature,
    /// The types of events that it is told; all without any.
    #[serde(default)]
    pub events: Vec<String>,
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// HMAC-SHA-256 over the time and the body, in a header of its own.
    #[default]
    Hmac,
    /// A JWT with the body's hash, as LiveKit sends it.
    Jwt,
}

impl Webhooks {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), Unusable> {
        let unusable =
            |key: String, problem: &str| Err(Unusable { key, problem: problem.to_owned() });
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let key = |name: &str| format!("webhooks.endpoints[{index}].{name}");
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let id = endpoint.id.as_bytes();
            if id.is_empty() || id.len() > 64 || !id.iter().copied().all(plain) {
                return unusable(key("id"), "has 1 to 64 of the characters a-z, A-Z, 0-9, - and _");
            }
            if self.endpoints[..index].iter().any(|earlier| earlier.id == endpoint.id) {
                return unusable(key("id"), "is taken by an earlier endpoint");
            }
            if endpoint.secret.expose().len() < 32 {
                return unusable(
                    key("secret"),
                    "must have 32 bytes or more; `openssl rand -base64 32` makes one",
                );
            }
        }
        for (name, value) in [
            ("concurrency", self.concurrency.into()),
            ("timeout", self.timeout),
            ("retry_for", self.retry_for),
            ("max_waiting", self.max_waiting),
        ] {
            if value == 0 {
                return unusable(format!("webhooks.{name}"), "must be at least 1");
            }
        }
        Ok(())
    }
}
