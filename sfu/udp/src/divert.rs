//! Datagrams that begin in some way come by sockets of their own: a program that the system asks for each that
//! comes to a shared port (`SO_ATTACH_REUSEPORT_CBPF`, socket(7)). What can wait then wakes nobody.

use std::io;
use std::mem::size_of_val;
use std::os::fd::AsRawFd;

use libc::{
    BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_MEM,
    BPF_MISC, BPF_MOD, BPF_MUL, BPF_RET, BPF_RSH, BPF_ST, BPF_TAX, BPF_W, BPF_X, BPF_XOR,
    sock_filter,
};

use crate::{Beginning, Datagrams};

/// `BPF_A` of linux/filter.h: what is returned is in the accumulator.
const BPF_A: u32 = 0x10;

/// Where the word of the source address that differs most, and the source port, are in a packet without
/// options, from the IP header on.
const SOURCE_IPV4: (u32, u32) = (12, 20);
const SOURCE_IPV6: (u32, u32) = (20, 40);

/// Opens a second socket beside each of those that share an address, in the order in which they were
/// opened. From then on datagrams that begin like `beginning` come to these, and tell their time
/// ([`Arrival::came`](crate::Arrival::came)); all else comes to the others. What one remote address sends comes to
/// sockets of one place in the order.
///
/// # Errors
///
/// Those of the system, which then gives everything to the first ones as before.
pub fn divert(
    sockets: &[&Datagrams],
    beginning: Beginning<'_>,
    buffer: usize,
) -> io::Result<Vec<Datagrams>> {
    let Some(first) = sockets.first() else { return Ok(Vec::new()) };
    let apart = sockets
        .iter()
        .map(|socket| Datagrams::open_with(socket.address(), true, buffer, true))
        .collect::<io::Result<Vec<_>>>()?;
    let program = program(sockets.len() as u32, first.address().is_ipv4(), beginning);
    let filter =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the descriptor is open as long as `first`, the option's value is a program's length and
    // address, which live until the call returns, and the system does not write to it.
    let result = unsafe {
        libc::setsockopt(
            first.socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const filter).cast(),
            size_of_val(&filter) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(apart) } else { Err(io::Error::last_os_error()) }
}

/// Says which of `2 * count` sockets gets a datagram: of the second half if it begins so, else of the first.
fn program(count: u32, is_ipv4: bool, beginning: Beginning<'_>) -> Vec<sock_filter> {
    let step = |code, k| jump(code, k, 0, 0);
    let network = |offset: u32| (libc::SKF_NET_OFF as u32).wrapping_add(offset);
    let (address, port) = if is_ipv4 { SOURCE_IPV4 } else { SOURCE_IPV6 };
    let Beginning { first: (mask, value), second } = beginning;
    let kinds = second.len() as u8;
    let mut program = vec![
        // A number from the source, which Fibonacci's multiplier spreads.
        step(BPF_LD | BPF_W | BPF_ABS, network(address)),
        step(BPF_MISC | BPF_TAX, 0),
        step(BPF_LD | BPF_H | BPF_ABS, network(port)),
        step(BPF_ALU | BPF_XOR | BPF_X, 0),
        step(BPF_ALU | BPF_MUL | BPF_K, 0x9e37_79b1),
        step(BPF_ALU | BPF_RSH | BPF_K, 16),
        step(BPF_ALU | BPF_MOD | BPF_K, count),
        step(BPF_ST, 0),
        step(BPF_LD | BPF_B | BPF_ABS, 0),
        step(BPF_ALU | BPF_AND | BPF_K, u32::from(mask)),
        // Otherwise past the second byte and its kinds.
        jump(BPF_JMP | BPF_JEQ | BPF_K, u32::from(value), 0, kinds + 1),
        step(BPF_LD | BPF_B | BPF_ABS, 1),
    ];
    // Each kind jumps past the others and the two steps that follow them.
    let kinds = second.iter().zip((0..kinds).rev());
    program
        .extend(kinds.map(|(kind, others)| {
            jump(BPF_JMP | BPF_JEQ | BPF_K, u32::from(*kind), others + 2, 0)
        }));
    program.extend([
        step(BPF_LD | BPF_MEM, 0),
        step(BPF_RET | BPF_A, 0),
        step(BPF_LD | BPF_MEM, 0),
        step(BPF_ALU | BPF_ADD | BPF_K, count),
        step(BPF_RET | BPF_A, 0),
    ]);
    program
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{IpAddr, SocketAddr, UdpSocket};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{BATCH_SIZE, ReceiveBuffers};

    /// RTCP's reports.
    const REPORTS: Beginning<'_> = Beginning { first: (0xc0, 0x80), second: &[200, 201, 207] };

    /// Which socket gets which kind of what 64 others send.
    fn spread(ip: IpAddr, workers: usize) -> HashMap<SocketAddr, Vec<(usize, u8)>> {
        let mut sockets = vec![Datagrams::open(SocketAddr::new(ip, 0), true, 0).unwrap()];
        let address = sockets[0].address();
        sockets.extend((1..workers).map(|_| Datagrams::open(address, true, 0).unwrap()));
        let apart = divert(&sockets.iter().collect::<Vec<_>>(), REPORTS, 0).unwrap();
        assert_eq!(apart.len(), workers);
        sockets.extend(apart);

        // RTP of two types, a check, DTLS, and what is too short to be anything; then three reports.
        let kinds: [&[u8]; 8] = [
            &[0x80, 96, 0],
            &[0x80, 200 - 100, 1],
            &[0, 1, 2],
            &[22, 201, 3],
            &[0x80],
            &[0x81, 201, 5],
            &[0x80, 200, 6],
            &[0x80, 207, 7],
        ];
        let urgent: [&[u8]; 2] = [&[0x81, 205, 8], &[0x81, 206, 9]];
        let (mut came, mut count) = (HashMap::<_, Vec<_>>::new(), 0);
        let mut buffers = ReceiveBuffers::default();
        let end = Instant::now() + Duration::from_secs(10);
        for sender in 1..=64 {
            let from = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
            for kind in kinds.iter().chain(&urgent) {
                from.send_to(kind, address).unwrap();
            }
            // No buffer of the system's holds all.
            while count < sender * (kinds.len() + urgent.len()) && Instant::now() < end {
                for (index, socket) in sockets.iter().enumerate() {
                    socket.receive(BATCH_SIZE, &mut buffers, |arrival| {
                        let kind = arrival.contents.get(2).copied().unwrap_or(4);
                        assert_eq!(arrival.came.is_some(), index >= workers, "reports have a time");
                        came.entry(arrival.source).or_default().push((index, kind));
                        count += 1;
                    });
                }
            }
        }
        assert_eq!(count, 640);
        came
    }

    #[test]
    fn what_begins_so_comes_apart_and_each_source_to_one_place() {
        for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])] {
            for workers in [1, 3] {
                let mut numbers = vec![0; workers];
                for (_, came) in spread(ip, workers) {
                    // What is too short to be anything comes to the first.
                    let own = came.iter().find(|(_, kind)| *kind == 0).unwrap().0;
                    numbers[own] += 1;
                    for (index, kind) in came.into_iter().filter(|(_, kind)| *kind != 4) {
                        let is_report = (5..8).contains(&kind);
                        assert_eq!(index, own + if is_report { workers } else { 0 }, "kind {kind}");
                    }
                }
                assert!(numbers.iter().all(|count| *count >= 64 / workers / 3), "{numbers:?}");
            }
        }
    }
}
