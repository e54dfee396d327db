//! DTLS sessions of clients. `dimpl` does the handshake, and what is here and below is all that
//! touches it; the messages after it are opened and sealed in [`records`].

mod hello;
mod records;
mod suites;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Dtls, DtlsCertificate, Output};
use turn_core::FiveTuple;

use self::hello::{Cookies, Hello, Verdict, accepting};
use self::records::{Key, Opener, Record, Sealer};
use self::suites::watching;

/// A session that has no allocation for this long is forgotten.
const IDLE: Duration = Duration::from_secs(30);

/// A certificate with its key, both DER. DTLS needs an ECDSA key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 or SEC1.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// A datagram that no session here can read.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// The DTLS sessions of one worker.
pub(crate) struct Sessions {
    config: Arc<dimpl::Config>,
    certificate: DtlsCertificate,
    cookies: Cookies,
    sessions: HashMap<FiveTuple, Session>,
    most: usize,
    buffer: Vec<u8>,
}

struct Session {
    dtls: Dtls,
    /// What it began with.
    cookie: hello::Cookie,
    stage: Stage,
    wake: Option<Instant>,
    since: Instant,
}

/// Who opens what comes.
enum Stage {
    /// `dimpl`: there is no key yet.
    Handshake,
    /// `dimpl`, until it has opened a message. It knows then that the client has its last flight, and
    /// repeats it no more, whoever asks for that.
    Keyed([Arc<Key>; 2]),
    /// Messages are opened and sealed here.
    Open(Opener, Sealer),
}

impl Sessions {
    /// No sessions; as many as `most` may come.
    pub(crate) fn new(identity: Identity, most: usize, now: Instant) -> Result<Sessions, String> {
        let config = dimpl::Config::builder()
            // The client proves itself by TURN's credentials.
            .require_client_certificate(false)
            .use_server_cookie(true)
            .with_crypto_provider(hello::crypto())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Sessions {
            config: Arc::new(config),
            certificate: DtlsCertificate {
                certificate: identity.certificate,
                private_key: identity.key,
            },
            cookies: Cookies::new(now),
            sessions: HashMap::new(),
            most,
            buffer: vec![0; 1 << 15],
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Takes a datagram; `each` gets what was in it, `send` what is to be answered. False when a
    /// session has ended, which has no allocation any more: this one, or the one of a client before.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        from: FiveTuple,
        datagram: &[u8],
        mut send: impl FnMut(&FiveTuple, &[u8]),
        each: impl FnMut(&[u8]),
    ) -> Result<bool, Unreadable> {
        let (mut cookie, mut is_new_client) = (None, false);
        // A client may come back from the port of one that went without a word: it gets a session of its
        // own, once it has shown that it is there (RFC 6347 §4.2.8).
        if let Some(hello) = Hello::parse(datagram) {
            let known = self.sessions.get(&from);
            if !hello.is_known_version() {
                if known.is_none() {
                    // Without a word the client would try for a minute: with DTLS 1.0, say.
                    send(&from, &handshake_failure(datagram));
                }
                return Ok(true);
            }
            match self.cookies.judge(&hello, &from, now) {
                Verdict::Ask(answer) => {
                    send(&from, &answer);
                    return Ok(true);
                }
                Verdict::Proven { cookie, .. } if known.is_some_and(|it| it.cookie == cookie) => {
                    // It has heard nothing, and says again what the session began with.
                }
                Verdict::Proven { .. } if known.is_none() && self.sessions.len() >= self.most => {
                    return Err(Unreadable);
                }
                Verdict::Proven { first, cookie: accepted } => {
                    cookie = Some(accepted);
                    let session = self.begin(&first, accepted, now)?;
                    is_new_client = self.sessions.insert(from, session).is_some();
                }
            }
        }
        let Some(session) = self.sessions.get_mut(&from) else { return Err(Unreadable) };
        let send_back = |packet: &[u8]| send(&from, packet);
        let result = session.receive(now, datagram, cookie, &mut self.buffer, send_back, each);
        if let Err(error) = &result {
            tracing::debug!(%error, client = %from.client, "DTLS");
            if cookie.is_some() {
                // There is no cipher suite that both know, say.
                send(&from, &handshake_failure(datagram));
            }
        }
        let is_open = result.unwrap_or(false);
        if !is_open {
            self.sessions.remove(&from);
        }
        Ok(is_open && !is_new_client)
    }

    /// A session that waits for the hello with this cookie.
    fn begin(
        &mut self,
        first: &[u8],
        cookie: hello::Cookie,
        now: Instant,
    ) -> Result<Session, Unreadable> {
        let mut dtls = Dtls::new_12(Arc::clone(&self.config), self.certificate.clone(), now);
        dtls.handle_timeout(now).map_err(|_| Unreadable)?;
        accepting(cookie, || dtls.handle_packet(first)).map_err(|_| Unreadable)?;
        let mut session = Session { dtls, cookie, stage: Stage::Handshake, wake: None, since: now };
        // It asks for the cookie that has come.
        let mut asked = false;
        session.drain(&mut self.buffer, |_| asked = true, |_| {});
        if asked { Ok(session) } else { Err(Unreadable) }
    }

    /// Appends the record of a message, a datagram of its own. False if there is no session for it.
    pub(crate) fn seal(&mut self, to: &FiveTuple, contents: &[u8], out: &mut Vec<u8>) -> bool {
        match self.sessions.get_mut(to) {
            Some(Session { stage: Stage::Open(_, sealer), .. }) => sealer.seal(contents, out),
            // Only messages are answered, and there was none.
            _ => false,
        }
    }

    /// Retransmits what is due, and forgets sessions that serve nobody: they are returned.
    pub(crate) fn sweep(
        &mut self,
        now: Instant,
        is_known: impl Fn(&FiveTuple) -> bool,
        mut send: impl FnMut(&FiveTuple, &[u8]),
    ) -> Vec<FiveTuple> {
        let buffer = &mut self.buffer;
        let ended = self.sessions.extract_if(|tuple, session| {
            if is_known(tuple) {
                session.since = now;
            }
            if session.wake.is_some_and(|wake| wake <= now) {
                let result = session.dtls.handle_timeout(now);
                let is_open = session.drain(buffer, |packet| send(tuple, packet), |_| {});
                if result.is_err() || !is_open {
                    return true;
                }
            }
            now.saturating_duration_since(session.since) >= IDLE
        });
        ended.map(|(tuple, _)| tuple).collect()
    }
}

impl Session {
    /// Takes a datagram, with its cookie if that is what the session begins with: `each` gets the
    /// messages, `send` what is to be answered. False when the client has closed it.
    fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        cookie: Option<hello::Cookie>,
        buffer: &mut Vec<u8>,
        send: impl FnMut(&[u8]),
        mut each: impl FnMut(&[u8]),
    ) -> Result<bool, dimpl::Error> {
        let mut others = Vec::new();
        let rest = if let Stage::Open(opener, _) = &mut self.stage {
            for record in Record::each(datagram) {
                if !record.is_message() {
                    others.extend_from_slice(record.bytes());
                } else if let Some(message) = opener.open(&record, buffer) {
                    each(message);
                }
            }
            if others.is_empty() {
                return Ok(true);
            }
            &others
        } else {
            datagram
        };
        let mut take =
            || self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(rest));
        let (result, keys) = watching(|| match cookie {
            Some(cookie) => accepting(cookie, take),
            None => take(),
        });
        if let Some(keys) = keys {
            self.stage = Stage::Keyed(keys);
        }
        let mut has_message = false;
        let is_open = self.drain(buffer, send, |message| {
            has_message = true;
            each(message);
        });
        if has_message && let Stage::Keyed([client, server]) = &self.stage {
            let latest = Record::each(datagram).map(|record| record.number()).max();
            let opener = Opener::new(Arc::clone(client), latest.unwrap_or_default());
            self.stage = Stage::Open(opener, Sealer::new(Arc::clone(server)));
        }
        result.map(|()| is_open)
    }

    /// False when the client has closed it.
    fn drain(
        &mut self,
        buffer: &mut Vec<u8>,
        mut send: impl FnMut(&[u8]),
        mut each: impl FnMut(&[u8]),
    ) -> bool {
        let mut is_open = true;
        loop {
            match self.dtls.poll_output(buffer) {
                Output::Packet(packet) => send(packet),
                Output::ApplicationData(message) => each(message),
                Output::CloseNotify => is_open = false,
                Output::Timeout(at) => {
                    self.wake = Some(at);
                    return is_open;
                }
                Output::BufferTooSmall { needed } => {
                    buffer.resize(needed.max(buffer.len() * 2), 0);
                }
                _ => {}
            }
        }
    }
}

/// The alert that refuses a ClientHello, in the version of its record (RFC 6347 §4.1).
fn handshake_failure(hello: &[u8]) -> [u8; 15] {
    const FATAL: u8 = 2;
    const HANDSHAKE_FAILURE: u8 = 40;
    let mut alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, FATAL, HANDSHAKE_FAILURE];
    if let Some(version) = hello.get(1..3) {
        alert[1..3].copy_from_slice(version);
    }
    alert
}

#[cfg(test)]
mod tests;
