//! What proves to an endpoint that a request is ours, and not an old one sent again.

use aws_lc_rs::{digest, hmac};

use crate::auth;
use crate::config::{Endpoint, Signature};

/// Signs what one endpoint is told.
#[derive(Clone)]
pub(super) struct Signer {
    id: String,
    secret: String,
    signature: Signature,
}

impl Signer {
    /// As configured.
    pub(super) fn new(endpoint: &Endpoint) -> Signer {
        Signer {
            id: endpoint.id.clone(),
            secret: endpoint.secret.expose().to_owned(),
            signature: endpoint.signature,
        }
    }

    /// The headers for `body`, sent at `now` (seconds since 1970, UTC).
    pub(super) fn sign(&self, now: u64, body: &[u8]) -> Vec<(&'static str, String)> {
        match self.signature {
            Signature::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
                let mut context = hmac::Context::with_key(&key);
                context.update(format!("{now}.").as_bytes());
                context.update(body);
                let tag = hex(context.sign().as_ref());
                vec![("oriel-signature", format!("t={now},v1={tag}"))]
            }
            Signature::Jwt => {
                let hash = digest::digest(&digest::SHA256, body);
                let signed = auth::sign_hash(&self.id, &self.secret, now, hash.as_ref());
                // It cannot fail with a key of bytes; unsigned, the endpoint refuses it.
                vec![("authorization", signed.unwrap_or_default())]
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn signer(signature: Signature) -> Signer {
        Signer::new(&Endpoint {
            id: "billing".into(),
            url: "https://example.com".into(),
            secret: Secret::new("Jefe"),
            signature,
            events: Vec::new(),
        })
    }

    #[test]
    fn the_tag_is_the_hmac_of_time_and_body() {
        // Computed by Python's hmac module.
        let expected = "t=1700000000,v1=\
            d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207";
        assert_eq!(
            signer(Signature::Hmac).sign(1_700_000_000, b"{}"),
            [("oriel-signature", expected.to_owned())]
        );
    }

    #[test]
    fn a_jwt_has_the_hash_of_the_body_as_livekit_has_it() {
        let headers = signer(Signature::Jwt).sign(1_700_000_000, b"{}");
        let [("authorization", token)] = &headers[..] else { panic!("{headers:?}") };
        let key = jsonwebtoken::DecodingKey::from_secret(b"Jefe");
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation);
        let claims = decoded.unwrap().claims;
        // base64(sha256("{}"))
        assert_eq!(claims["sha256"], "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=");
        assert_eq!(claims["iss"], "billing");
        assert_eq!(claims["exp"], 1_700_000_300);
    }
}
