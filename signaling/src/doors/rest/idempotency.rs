//! Calls that are made twice because their answer was lost are carried out once: by the header
//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! What is kept is bounded in number, bytes and time, and forgotten with the process.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Method, StatusCode, Uri};
use signaling_core::error::RequestError;

use super::call::{Answer, bad};
use crate::problem::Problem;

/// How long an answer is kept.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Answers that are kept at a time; the oldest go first.
const ANSWERS: usize = 10_000;
/// Bytes of them.
const BYTES: usize = 8 << 20;
/// The longest key.
const KEY_BYTES: usize = 255;

/// A key, with whom it belongs to: keys of two callers never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    issuer: String,
    subject: String,
    key: String,
}

impl Key {
    /// As the header has it.
    ///
    /// # Errors
    /// For a key that is empty, too long, or not of printable ASCII without spaces.
    pub(super) fn read(
        value: &HeaderValue,
        issuer: &str,
        subject: &str,
    ) -> Result<Key, RequestError> {
        let key = value.to_str().unwrap_or_default();
        let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > KEY_BYTES || !is_plain {
            return Err(bad(format!(
                "an idempotency key has 1 to {KEY_BYTES} bytes of printable ASCII without spaces"
            )));
        }
        Ok(Key { issuer: issuer.to_owned(), subject: subject.to_owned(), key: key.to_owned() })
    }
}

/// What was asked with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Of one call.
    pub(super) fn of(method: &Method, uri: &Uri, body: &[u8]) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        (method, uri.path(), uri.query(), body).hash(&mut hasher);
        Fingerprint(hasher.finish())
    }
}

/// What calls with keys were answered. Clones are the same store.
#[derive(Clone, Default)]
pub(super) struct Idempotency {
    store: Arc<Mutex<Store>>,
}

#[derive(Default)]
struct Store {
    entries: HashMap<Key, Entry>,
    /// Keys with answers, oldest first.
    kept: VecDeque<Key>,
    bytes: usize,
}

struct Entry {
    fingerprint: Fingerprint,
    /// With when it was given; `None` while it is being worked on.
    answer: Option<(Answer, Instant)>,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// Nobody has done it yet.
    First(Place),
    /// It was done, and this came of it.
    Again(Answer),
}

/// The place of an answer to come. Dropped without one, the key is free again.
pub(super) struct Place {
    store: Arc<Mutex<Store>>,
    key: Option<Key>,
}

impl Idempotency {
    /// Somebody asks with a key.
    ///
    /// # Errors
    /// 422 `key_reused` where it was used for something else, 409 `in_progress` where the first call is
    /// not answered yet.
    pub(super) fn begin(
        &self,
        key: Key,
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Result<Turn, Problem> {
        let mut store = locked(&self.store);
        store.forget_old(now);
        match store.entries.get(&key) {
            Some(entry) if entry.fingerprint != fingerprint => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_reused",
                "this idempotency key was used for another call: take a new one",
            )),
            Some(Entry { answer: Some((answer, _)), .. }) => Ok(Turn::Again(answer.clone())),
            Some(Entry { answer: None, .. }) => Err(Problem::new(
                StatusCode::CONFLICT,
                "in_progress",
                "the first call with this idempotency key is not answered yet: ask again",
            )),
            None => {
                store.entries.insert(key.clone(), Entry { fingerprint, answer: None });
                Ok(Turn::First(Place { store: Arc::clone(&self.store), key: Some(key) }))
            }
        }
    }
}

impl Place {
    /// Keeps the answer.
    pub(super) fn keep(mut self, answer: Answer, now: Instant) {
        let Some(key) = self.key.take() else { return };
        let mut store = locked(&self.store);
        store.bytes += size(&answer);
        if let Some(entry) = store.entries.get_mut(&key) {
            entry.answer = Some((answer, now));
        }
        store.kept.push_back(key);
        store.forget_old(now);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            locked(&self.store).entries.remove(&key);
        }
    }
}

impl Store {
    fn forget_old(&mut self, now: Instant) {
        while let Some(oldest) = self.kept.front() {
            let given = self.entries.get(oldest).and_then(|entry| entry.answer.as_ref());
            let is_old = given.is_none_or(|(_, at)| now.duration_since(*at) >= LIFETIME);
            if !is_old && self.kept.len() <= ANSWERS && self.bytes <= BYTES {
                return;
            }
            self.bytes -= given.map_or(0, |(answer, _)| size(answer));
            self.entries.remove(oldest);
            self.kept.pop_front();
        }
    }
}

/// Bytes that an answer counts for.
fn size(answer: &Answer) -> usize {
    256 + answer.content.as_ref().map_or(0, |(_, content)| content.len())
}

/// Every critical section leaves the store whole, so a panic elsewhere spoils nothing.
fn locked(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn key(text: &str, subject: &str) -> Key {
        Key::read(&HeaderValue::from_str(text).unwrap(), "issuer", subject).unwrap()
    }

    fn call(body: &[u8]) -> Fingerprint {
        Fingerprint::of(&Method::POST, &Uri::from_static("/v1/rooms"), body)
    }

    fn answer(size: usize) -> Answer {
        Answer::other("text/plain", vec![0; size].into())
    }

    #[test]
    fn what_was_done_is_told_again_and_a_key_is_for_one_call_of_one_caller() {
        let store = Idempotency::default();
        let now = Instant::now();
        let Ok(Turn::First(place)) = store.begin(key("a", "ana"), call(b"1"), now) else {
            panic!("the first")
        };
        let waiting = store.begin(key("a", "ana"), call(b"1"), now);
        assert_eq!(waiting.err().unwrap().into_response().status(), StatusCode::CONFLICT);
        place.keep(answer(3), now);
        let Ok(Turn::Again(again)) = store.begin(key("a", "ana"), call(b"1"), now) else {
            panic!("the same again")
        };
        assert_eq!(again, answer(3));
        let reused = store.begin(key("a", "ana"), call(b"2"), now);
        assert_eq!(
            reused.err().unwrap().into_response().status(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
        assert!(matches!(store.begin(key("a", "ben"), call(b"2"), now), Ok(Turn::First(_))));
        let later = now + LIFETIME;
        assert!(matches!(store.begin(key("a", "ana"), call(b"2"), later), Ok(Turn::First(_))));
    }

    #[test]
    fn what_failed_frees_its_key() {
        let store = Idempotency::default();
        let now = Instant::now();
        drop(store.begin(key("a", "ana"), call(b"1"), now));
        assert!(matches!(store.begin(key("a", "ana"), call(b"2"), now), Ok(Turn::First(_))));
    }

    #[test]
    fn it_is_bounded_in_number_and_in_bytes() {
        for (times, size) in [(ANSWERS + 50, 1), (40, 1 << 20)] {
            let store = Idempotency::default();
            let now = Instant::now();
            for number in 0..times {
                let begun = store.begin(key(&number.to_string(), "ana"), call(b"1"), now);
                let Ok(Turn::First(place)) = begun else { panic!("a new key") };
                place.keep(answer(size), now);
            }
            let store = locked(&store.store);
            assert_eq!(store.entries.len(), store.kept.len());
            assert!(store.kept.len() <= ANSWERS && store.bytes <= BYTES);
            assert!(store.kept.len() > 5, "not more is forgotten than must be");
        }
    }

    #[test]
    fn keys_are_printable_and_short() {
        for bad in ["", "ä", "a b", &"x".repeat(256)] {
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            assert!(Key::read(&value, "", "").is_err(), "{bad}");
        }
    }
}
