//! A call that goes on while something else happens, and what the server's internal port says meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use load_tests::bot::join;
use load_tests::bot::light::reception::Awaits;
use load_tests::bot::light::{Kit, Light, LightError, Publication, Reading};
use load_tests::measure::Recorder;
use load_tests::media::player::Clock;
use load_tests::media::speech::talk;
use signaling_core::info::TrackSource;
use signaling_core::request::Join;

use crate::server::Server;

/// Nothing here takes longer, on a busy machine either.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Two who talk.
pub(crate) struct Call {
    people: Vec<Light>,
}

impl Call {
    pub(crate) async fn begin(server: &Server, token: &str) -> Call {
        let mut people = Vec::new();
        for name in ["ana", "ben"] {
            people.push(enter(server, token, "call", name).await.unwrap());
        }
        let call = Call { people };
        call.goes_on().await;
        call
    }

    /// Waits until both have heard more of the other than they had.
    pub(crate) async fn goes_on(&self) {
        let before: Vec<u64> = self.people.iter().map(Light::packets).collect();
        eventually("packets come", || {
            self.people.iter().zip(&before).all(|(person, before)| person.packets() >= before + 20)
        })
        .await;
    }
}

/// A participant who sends sound, with a media path.
pub(crate) async fn enter(
    server: &Server,
    token: &str,
    room: &str,
    name: &str,
) -> Result<Light, LightError> {
    let clip = Arc::new(talk(Duration::from_secs(10), 0).unwrap());
    let kit = Kit {
        pairs: 1,
        media: vec![Publication { source: TrackSource::Microphone, clip, stream: 0 }],
        reading: Reading::Headers,
        awaits: Awaits::Nothing,
        room: 0,
        clock: Clock::starting(Instant::now()),
        recorder: Arc::new(Recorder::default()),
    };
    let (light, _) = Light::join(&signaling(server), joining(token, room, name), kit).await?;
    Ok(light)
}

pub(crate) fn signaling(server: &Server) -> String {
    join::Server::parse(server.url()).unwrap().signaling()
}

pub(crate) fn joining(token: &str, room: &str, name: &str) -> Join {
    Join {
        token: token.into(),
        room: Some(room.into()),
        identity: Some(name.into()),
        ..Join::default()
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Status and body of a page of the internal port.
pub(crate) fn internal(server: &Server, path: &str) -> (u16, String) {
    let metrics = server.metrics();
    let authority = metrics.split('/').nth(2).unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split("\r\n\r\n").nth(1).unwrap().to_owned())
}
