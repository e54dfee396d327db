//! A long stream by WebTransport: one sends, many receive, and some of them are slow. It is measured what
//! each has of it and when, and how much memory the server needs for it.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crc32c::crc32c_append;
use futures_util::future::try_join_all;
use serde::Serialize;
use signaling_core::request::Join;
use tokio::time::{sleep, sleep_until, timeout};
use web_transport_quinn::{ReadError, Session as Transport};

use crate::process::Process;
use crate::session::{self, Session, bulk_head};

/// The room's name.
const ROOM: &str = "bulk";
/// From when all are in until the stream begins.
const SETTLING: Duration = Duration::from_secs(1);
/// How long a stream may take to come, and its end after that of the sender.
const PATIENCE: Duration = Duration::from_secs(30);
/// Written at once, and read.
const PIECE: usize = 256 * 1024;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The server, `http://host:port`.
    pub url: String,
    /// A service token.
    pub token: String,
    /// The server's process on this machine.
    pub pid: u32,
    /// How many bytes are sent.
    pub bytes: u64,
    /// Receivers that read as fast as they can.
    pub fast: u32,
    /// Receivers that are slow.
    pub slow: u32,
    /// Bytes a second that each of those reads.
    pub slow_rate: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How many bytes were sent.
    pub bytes: u64,
    /// When the sender had handed over all of it, in seconds from its first byte on.
    pub sender_seconds: f64,
    /// What those had who read as fast as they can.
    pub fast: Vec<Share>,
    /// What the slow ones had.
    pub slow: Vec<Share>,
    /// The server's resident memory before, in bytes.
    pub resident_before: u64,
    /// The most that it had, ever.
    pub resident_most: u64,
    /// The server's processor time for each byte that came, in nanoseconds.
    pub nanoseconds_per_byte: f64,
}

/// What one receiver had.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Bytes that came.
    pub bytes: u64,
    /// When it ended, in seconds from the sender's first byte on.
    pub seconds: f64,
    /// How it ended.
    pub end: End,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// All came as it was sent.
    Whole,
    /// Something else came than was sent.
    Damaged,
    /// The server has reset it with this code.
    Reset(u32),
}

impl Report {
    /// Whether all who are fast had the whole.
    pub fn all_right(&self) -> bool {
        self.fast.iter().all(|share| share.end == End::Whole && share.bytes == self.bytes)
    }

    /// When the last one of those had it, in seconds.
    pub fn fast_seconds(&self) -> f64 {
        self.fast.iter().map(|share| share.seconds).fold(0.0, f64::max)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(
            f,
            "bulk of {:.0} MB to {} and {} slow: sent in {:.2} s, the last of the fast had it after {:.2} s \
             ({:.1} MB/s each); memory {:.1} MB before, {:.1} MB at most; {:.2} ns a byte",
            megabytes(self.bytes),
            self.fast.len(),
            self.slow.len(),
            self.sender_seconds,
            self.fast_seconds(),
            megabytes(self.bytes) / self.fast_seconds(),
            megabytes(self.resident_before),
            megabytes(self.resident_most),
            self.nanoseconds_per_byte,
        )?;
        for (kind, shares) in [("fast", &self.fast), ("slow", &self.slow)] {
            for Share { bytes, seconds, end } in shares {
                let bytes = megabytes(*bytes);
                writeln!(f, "  {kind}: {bytes:.1} MB in {seconds:.2} s, {end}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Whole => write!(f, "whole"),
            End::Damaged => write!(f, "not as it was sent"),
            End::Reset(code) => write!(f, "reset with code {code}"),
        }
    }
}

/// Has all come in, sends the stream, and waits until it has ended everywhere.
///
/// # Errors
///
/// When somebody does not get in or falls out, the stream does not come, or the server's process cannot be
/// looked at.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let invitation = session::invitation(&plan.url, ROOM).await?;
    let join = async |name: String| {
        let (room, identity) = (Some(ROOM.to_owned()), Some(name));
        let join = Join { token: plan.token.clone(), room, identity, ..Join::default() };
        Session::join(&invitation, join).await
    };
    let sender = join("sender".to_owned()).await?;
    let names = (0..plan.fast + plan.slow).map(|index| format!("receiver-{index}"));
    let receivers = try_join_all(names.map(join)).await?;
    sleep(SETTLING).await;
    let process = Process::new(plan.pid);
    let (resident_before, worked) = (process.resident()?, process.processor_time()?);

    let begin = Instant::now();
    let receiving = (0..).zip(&receivers).map(|(index, receiver)| {
        let rate = (index >= plan.fast).then_some(plan.slow_rate);
        let transport = receiver.transport().clone();
        // On tasks of their own, and so on all cores.
        tokio::spawn(async move { receive(&transport, begin, rate).await })
    });
    let receiving: Vec<_> = receiving.collect();
    let (transport, bytes) = (sender.transport().clone(), plan.bytes);
    let sending = tokio::spawn(async move { send(&transport, bytes).await });
    let checksum = sending.await??;
    let sender_seconds = begin.elapsed().as_secs_f64();
    let mut shares = Vec::new();
    for receiver in receiving {
        let ended = timeout(PATIENCE, receiver).await;
        let (share, came) = ended.context("a stream does not end")???;
        let is_damaged = share.end == End::Whole && (share.bytes, came) != (plan.bytes, checksum);
        shares.push(Share { end: if is_damaged { End::Damaged } else { share.end }, ..share });
    }
    let resident_most = process.most_resident()?;
    let worked = process.processor_time()?.saturating_sub(worked);
    try_join_all(receivers.into_iter().map(Session::leave)).await?;
    sender.leave().await?;

    let came: u64 = shares.iter().map(|share| share.bytes).sum();
    let slow = shares.split_off(plan.fast as usize);
    Ok(Report {
        bytes: plan.bytes,
        sender_seconds,
        fast: shares,
        slow,
        resident_before,
        resident_most,
        nanoseconds_per_byte: worked.as_secs_f64() * 1e9 / came.max(1) as f64,
    })
}

/// Sends so many bytes as fast as they are taken, and returns their checksum.
async fn send(transport: &Transport, bytes: u64) -> anyhow::Result<u32> {
    // No piece of it is like another one.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(PIECE)
    .collect();
    let mut stream = transport.open_uni().await?;
    stream.write_all(&bulk_head()).await?;
    let (mut left, mut checksum) = (bytes, 0);
    while left > 0 {
        let piece = &noise[..usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        stream.write_all(piece).await?;
        checksum = crc32c_append(checksum, piece);
        left -= piece.len() as u64;
    }
    stream.finish()?;
    Ok(checksum)
}

/// Takes the stream, at so many bytes a second if there is a `rate`, and returns the checksum of what came.
async fn receive(
    transport: &Transport,
    begin: Instant,
    rate: Option<u32>,
) -> anyhow::Result<(Share, u32)> {
    let mut stream =
        timeout(PATIENCE, transport.accept_uni()).await.context("no stream comes")??;
    let mut head = vec![0; 4];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    ensure!(length < 1_024, "a head of {length} bytes comes");
    head.resize(length as usize, 0);
    stream.read_exact(&mut head).await?;
    let (mut bytes, mut checksum) = (0, 0);
    let end = loop {
        match stream.read_chunk(PIECE, true).await {
            Ok(Some(chunk)) => {
                bytes += chunk.bytes.len() as u64;
                checksum = crc32c_append(checksum, &chunk.bytes);
            }
            Ok(None) => break End::Whole,
            Err(ReadError::Reset(code)) => break End::Reset(code),
            Err(error) => return Err(error.into()),
        }
        if let Some(rate) = rate {
            sleep_until((begin + Duration::from_secs_f64(bytes as f64 / f64::from(rate))).into())
                .await;
        }
    };
    Ok((Share { bytes, seconds: begin.elapsed().as_secs_f64(), end }, checksum))
}
