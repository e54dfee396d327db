//! What forwarding costs at best on this machine: for each viewer's copy of a packet a copy and an
//! AES-128-GCM seal, and five of them (a frame) in each of the GSO sends of one `sendmmsg`.
//!
//! No server is below it, because it does nothing else: no receiving, no deciding, no feedback.

use std::fmt;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::socket::{self, Batch, Readiness};

/// Bytes of a datagram: header, payload and tag.
const DATAGRAM: usize = 1_200;

/// Bytes of an RTP header: authenticated, not encrypted.
const HEADER: usize = 12;

/// Bytes of AES-GCM's tag.
const TAG: usize = 16;

/// Datagrams of one GSO send.
const SEGMENTS: usize = 5;

/// Receivers, and so the sends of one `sendmmsg`.
const RECEIVERS: usize = 64;

/// Rounds before it counts.
const WARMUP_ROUNDS: usize = 64;

/// Share of datagrams that must have arrived: dropping them early would be cheaper.
const MUST_ARRIVE: f64 = 0.99;

/// How long what is under way may take.
const SETTLE: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The core that sends.
    pub core: usize,
    /// The core that receives.
    pub receiving_core: usize,
    /// How long it is measured.
    pub time: Duration,
}

/// Processor time of the sending thread for each packet, in microseconds. On loopback the kernel runs
/// the receiver's half of the way in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// All of it.
    pub floor_us_per_packet: f64,
    /// Copying and sealing alone.
    pub seal_us_per_packet: f64,
}

/// Measures it. The calling thread stays on the sending core.
///
/// # Errors
///
/// When a core is not there, the kernel has no GSO, or datagrams were lost.
pub fn measure(plan: Plan) -> anyhow::Result<Floor> {
    let sockets = (0..RECEIVERS)
        .map(|_| socket::open(Ipv4Addr::LOCALHOST.into(), false))
        .collect::<std::io::Result<Vec<_>>>()
        .context("no UDP sockets")?;
    let addresses = sockets.iter().map(address).collect::<anyhow::Result<Vec<_>>>()?;
    let done = Arc::new(AtomicBool::new(false));
    let receiving = thread::spawn({
        let done = Arc::clone(&done);
        move || receive(&sockets, plan.receiving_core, &done)
    });
    let sent = pin(plan.core).and_then(|()| send(&addresses, plan.time));
    done.store(true, Ordering::Relaxed);
    let arrived = receiving.join().map_err(|_| anyhow::anyhow!("the receiver failed"))??;
    let (sent, floor) = sent?;
    let share = arrived as f64 / sent as f64;
    ensure!(
        share >= MUST_ARRIVE,
        "only {:.1} % of the datagrams arrived: allow larger receive buffers (net.core.rmem_max)",
        100.0 * share
    );
    Ok(floor)
}

/// Sends for a time; returns how many datagrams, and what each cost.
fn send(addresses: &[Option<SockaddrIn>], time: Duration) -> anyhow::Result<(u64, Floor)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let keys = (0..RECEIVERS)
        .map(|receiver| UnboundKey::new(&AES_128_GCM, &[receiver as u8; 16]).map(LessSafeKey::new))
        .collect::<Result<Vec<_>, _>>()?;
    let clear = vec![7; DATAGRAM];
    let mut out = vec![0; RECEIVERS * SEGMENTS * DATAGRAM];
    let mut headers = MultiHeaders::preallocate(RECEIVERS, Some(nix::cmsg_space!(u16)));
    let segment = DATAGRAM as u16;
    let (mut sent, mut counted, mut sealing) = (0, 0, Duration::ZERO);
    let (mut begun, mut begun_cpu) = (Instant::now(), thread_time());
    for round in 0.. {
        if round == WARMUP_ROUNDS {
            (counted, sealing) = (0, Duration::ZERO);
            (begun, begun_cpu) = (Instant::now(), thread_time());
        }
        if round > WARMUP_ROUNDS && begun.elapsed() >= time {
            break;
        }
        let before = thread_time();
        for (number, datagram) in out.chunks_exact_mut(DATAGRAM).enumerate() {
            seal(&keys[number / SEGMENTS], sent + number as u64, &clear, datagram)?;
        }
        sealing += thread_time() - before;
        let runs: Vec<[IoSlice<'_>; 1]> =
            out.chunks_exact(SEGMENTS * DATAGRAM).map(|run| [IoSlice::new(run)]).collect();
        let segments = [ControlMessage::UdpGsoSegments(&segment)];
        let flags = MsgFlags::empty();
        sendmmsg(socket.as_raw_fd(), &mut headers, &runs, addresses, segments, flags)
            .context("the kernel does not take GSO sends")?;
        sent += (RECEIVERS * SEGMENTS) as u64;
        counted += RECEIVERS * SEGMENTS;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / counted as f64;
    let floor = Floor {
        floor_us_per_packet: each(thread_time() - begun_cpu),
        seal_us_per_packet: each(sealing),
    };
    Ok((sent, floor))
}

/// One viewer's copy of a packet.
fn seal(key: &LessSafeKey, number: u64, clear: &[u8], datagram: &mut [u8]) -> anyhow::Result<()> {
    let (sealed, tag) = datagram.split_at_mut(DATAGRAM - TAG);
    sealed.copy_from_slice(&clear[..DATAGRAM - TAG]);
    let (header, payload) = sealed.split_at_mut(HEADER);
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let computed = key.seal_in_place_separate_tag(nonce, Aad::from(header), payload)?;
    tag.copy_from_slice(computed.as_ref());
    Ok(())
}

/// Empties the sockets until nothing comes any more; returns how many datagrams came.
fn receive(sockets: &[UdpSocket], core: usize, done: &AtomicBool) -> anyhow::Result<u64> {
    pin(core)?;
    let (mut readiness, mut batch) = (Readiness::new()?, Batch::new());
    for (number, socket) in sockets.iter().enumerate() {
        readiness.watch(socket, number)?;
    }
    let mut arrived = 0;
    loop {
        let ready: Vec<usize> = readiness.wait(SETTLE)?.collect();
        if ready.is_empty() && done.load(Ordering::Relaxed) {
            return Ok(arrived);
        }
        for number in ready {
            batch.read(sockets[number].as_raw_fd(), false, |_| arrived += 1)?;
        }
    }
}

fn address(socket: &UdpSocket) -> anyhow::Result<Option<SockaddrIn>> {
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(Some(address.into())),
        SocketAddr::V6(address) => anyhow::bail!("{address} is not on IPv4's loopback"),
    }
}

/// Keeps the calling thread on a core.
fn pin(core: usize) -> anyhow::Result<()> {
    ensure!(core < CpuSet::MAX_CPU, "there is no core {core}");
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("there is no core {core} for this"))
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "floor      {:.2} us per packet, {:.2} of it to copy and seal",
            self.floor_us_per_packet, self.seal_us_per_packet
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_is_sealed_differently_and_opens_again() {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[9; 16]).unwrap());
        let clear = vec![7; DATAGRAM];
        let (mut first, mut second) = (vec![0; DATAGRAM], vec![0; DATAGRAM]);
        seal(&key, 1, &clear, &mut first).unwrap();
        seal(&key, 2, &clear, &mut second).unwrap();
        assert_ne!(first, second);
        let mut nonce = [0; 12];
        nonce[11] = 2;
        let (header, body) = second.split_at_mut(HEADER);
        let opened = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), body)
            .unwrap();
        assert_eq!(opened, &clear[HEADER..DATAGRAM - TAG]);
    }

    #[test]
    fn a_core_that_is_not_there_is_said() {
        let plan = Plan { core: usize::MAX, receiving_core: 0, time: Duration::ZERO };
        let error = measure(plan).unwrap_err().to_string();
        assert!(error.contains("there is no core"), "{error}");
    }
}
