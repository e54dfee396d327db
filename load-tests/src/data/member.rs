//! One in the room: what it sends is stamped with the time, and so it is seen when a copy came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use signaling_core::request::Join;
use tokio::sync::watch;
use tokio::time::timeout;

use super::socket::Socket;
use super::{Plan, Tally, Way};
use crate::bot::join::{Invitation, JoinError, Server};
use crate::bot::light::Channels;
use crate::session::{self, Session};

/// What a datagram may wait for room in the sender's own connection, at most.
const ROOM_TIMEOUT: Duration = Duration::from_millis(100);
/// Version 1 of the envelope.
const VERSION: u8 = 1;
/// The flags LOSSY and ID.
const FLAGS: u8 = 0x09;

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Messages are sent, and come.
    Sending,
    /// That was all.
    Over,
}

/// What one does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The beginning of all.
    pub(super) begin: Instant,
    /// From one message to the next.
    pub(super) period: Duration,
    /// The first message comes that much after the beginning.
    pub(super) offset: Duration,
    /// How many it sends.
    pub(super) messages: u32,
    /// Bytes of payload.
    pub(super) bytes: usize,
}

/// Somebody in the room.
pub(super) enum Member {
    Channels(Box<Channels>),
    Socket(Box<Socket>),
    Session(Box<Session>),
    /// At a server without rooms.
    Bare(Box<web_transport_quinn::Session>),
}

/// Where members come in.
pub(super) enum Door {
    Channels(String),
    Socket(String),
    Session(Invitation),
    Bare(Invitation),
}

impl Door {
    /// Where those of a plan do.
    ///
    /// # Errors
    ///
    /// When the server does not say so.
    pub(super) async fn find(plan: &Plan) -> anyhow::Result<Door> {
        let signaling = || Ok::<_, JoinError>(Server::parse(&plan.url)?.signaling());
        Ok(match plan.way {
            Way::Channels => Door::Channels(signaling()?),
            Way::Websockets => Door::Socket(signaling()?),
            Way::Webtransport => Door::Session(session::invitation(&plan.url, &room(plan)).await?),
            Way::Echo | Way::Fan => Door::Bare(Invitation {
                url: plan.url.clone(),
                certificate_hashes: plan.hashes.clone(),
            }),
        })
    }
}

fn room(plan: &Plan) -> String {
    format!("data-{:?}-{}", plan.way, plan.members).to_lowercase()
}

impl Member {
    /// Comes in.
    ///
    /// # Errors
    ///
    /// When it does not get in.
    pub(super) async fn join(plan: &Plan, door: &Door, index: u32) -> anyhow::Result<Member> {
        let join = Join {
            token: plan.token.clone(),
            room: Some(room(plan)),
            identity: Some(format!("member-{index}")),
            ..Join::default()
        };
        Ok(match door {
            Door::Channels(url) => Member::Channels(Box::new(Channels::join(url, join).await?)),
            Door::Socket(url) => Member::Socket(Box::new(Socket::join(url, join).await?)),
            Door::Session(at) => Member::Session(Box::new(Session::join(at, join).await?)),
            Door::Bare(at) => Member::Bare(Box::new(session::connect(at).await?)),
        })
    }

    /// The next message, or `None` at `due`. May be cancelled.
    async fn next(&mut self, due: Option<Instant>) -> anyhow::Result<Option<Bytes>> {
        match self {
            Member::Channels(channels) => Ok(channels.next(due).await?.map(Bytes::from)),
            Member::Socket(socket) => Ok(socket.next(due).await?.map(Bytes::from)),
            Member::Session(session) => session::datagram(session.transport(), due).await,
            Member::Bare(session) => session::datagram(session, due).await,
        }
    }

    /// Sends a message; returns whether it was taken.
    async fn send(&mut self, message: Vec<u8>) -> anyhow::Result<bool> {
        match self {
            Member::Channels(channels) => Ok(channels.send(&message)?),
            Member::Socket(socket) => socket.send(message).await.map(|()| true),
            Member::Session(session) => send(session.transport(), message).await,
            Member::Bare(session) => send(session, message).await,
        }
    }

    /// Says goodbye.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        match self {
            Member::Channels(channels) => Ok(channels.leave().await?),
            Member::Socket(socket) => socket.leave().await,
            Member::Session(session) => session.leave().await,
            Member::Bare(session) => {
                session.close(0, b"");
                Ok(())
            }
        }
    }
}

/// Sends a datagram, unless the connection has no room for it for too long.
async fn send(session: &web_transport_quinn::Session, message: Vec<u8>) -> anyhow::Result<bool> {
    match timeout(ROOM_TIMEOUT, session.send_datagram_wait(message.into())).await {
        Ok(sent) => Ok(sent.map(|()| true)?),
        Err(_) => Ok(false),
    }
}

/// Does its part until all is over.
///
/// # Errors
///
/// When it falls out.
pub(super) async fn take_part(
    mut member: Member,
    part: Part,
    tally: Arc<Tally>,
    mut phases: watch::Receiver<Phase>,
) -> anyhow::Result<Member> {
    let mut done = 0;
    while *phases.borrow_and_update() == Phase::Sending {
        let due = (done < part.messages).then(|| part.begin + part.offset + part.period * done);
        let came = tokio::select! {
            came = member.next(due) => came?,
            _ = phases.changed() => continue,
        };
        match came {
            Some(message) => {
                if let Some(sent) = sent_at(&message, part) {
                    tally.received.one();
                    tally.delays.record(sent.elapsed());
                }
            }
            None => {
                done += 1;
                if member.send(stamped(done, part)).await? {
                    tally.sent.one();
                }
            }
        }
    }
    Ok(member)
}

/// A message as an envelope: about nothing, with a payload that begins with the time.
fn stamped(number: u32, part: Part) -> Vec<u8> {
    let mut bytes = vec![VERSION, FLAGS];
    // Request 1 is the join.
    bytes.extend((u64::from(number) + 1).to_be_bytes());
    bytes.push(0);
    let payload = bytes.len();
    let since = part.begin.elapsed().as_micros();
    bytes.extend(u64::try_from(since).unwrap_or(u64::MAX).to_be_bytes());
    bytes.resize(payload + part.bytes, 0);
    bytes
}

/// When a message was sent, if it is one of ours: its payload is its end.
fn sent_at(message: &[u8], part: Part) -> Option<Instant> {
    let payload = message.len().checked_sub(part.bytes).and_then(|at| message.get(at..))?;
    let (stamp, _) = payload.split_first_chunk()?;
    Some(part.begin + Duration::from_micros(u64::from_be_bytes(*stamp)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_says_when_a_message_was_sent() {
        let part = Part {
            begin: Instant::now(),
            period: Duration::from_millis(10),
            offset: Duration::ZERO,
            messages: 1,
            bytes: 200,
        };
        let before = Instant::now();
        let message = stamped(1, part);
        assert_eq!(message.len(), 2 + 8 + 1 + 200);
        // The server puts the sender's number in.
        let came = [&message[..2], &[7; 8], &message[2..]].concat();
        let sent = sent_at(&came, part).unwrap();
        let rounding = Duration::from_micros(1);
        assert!(sent + rounding >= before && sent <= Instant::now(), "{sent:?}");
        assert_eq!(sent_at(&came[..100], part), None);
    }
}
