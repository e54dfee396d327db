//! What is refused on the wire: peers that must not be reached, in a network of the test's own where
//! every one of them listens; too many allocations; and answers to senders that nobody has seen.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;
mod world;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stun::attributes::AttrType;
use stun::message::{
    METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CONNECT, METHOD_CREATE_PERMISSION,
};
use turn_server::{Config, TurnServer};
use wire::{Client, Wire, tcp, udp};
use world::*;

/// Addresses of every network that is closed by default and that a machine can have.
const TRAPS: [&str; 17] = [
    "0.1.2.3",
    "10.1.2.3",
    "100.64.1.2",
    "127.0.0.1",
    "127.8.9.1",
    "169.254.169.254",
    "172.16.1.2",
    "192.0.0.8",
    "192.168.1.2",
    "198.18.1.2",
    "240.0.0.1",
    "::1",
    "64:ff9b::a01:203",
    "2002:a01:203::1",
    "fc00::1",
    "fd00::1",
    "2001:db8::1",
];

/// Runs a test in a network of its own, as root; everybody else's is left out.
fn in_own_network(test: impl FnOnce() + Send + 'static) {
    // A thread for itself: what it starts stays in its network, and the other tests in theirs.
    let result = std::thread::spawn(|| {
        // SAFETY: changes the network of this thread alone, and touches no memory.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!("left out: networks of a test's own take root");
            return;
        }
        test();
    });
    if let Err(panic) = result.join() {
        std::panic::resume_unwind(panic);
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
}

#[test]
fn no_packet_reaches_a_trap_behind_any_closed_address() {
    in_own_network(|| {
        ip("link set lo up");
        // The server's own, of the Internet as far as anybody here can tell.
        ip("address add 11.1.1.1/32 dev lo");
        ip("address add 2600::1/128 dev lo nodad");
        let config = Config {
            bind: vec!["11.1.1.1".parse().unwrap(), "2600::1".parse().unwrap()],
            allowed_peers: Vec::new(),
            ..config()
        };
        let server = start(&config);
        // After the server has looked which addresses are the machine's: the list alone counts.
        let mut traps = Vec::new();
        for text in TRAPS {
            let address: IpAddr = text.parse().unwrap();
            if !address.is_loopback() {
                let length = if address.is_ipv4() { "32" } else { "128 nodad" };
                let (bits, flags) = length.split_once(' ').unwrap_or((length, ""));
                ip(format!("address add {text}/{bits} dev lo {flags}").trim());
            }
            traps.push(Trap::set(address));
        }
        // A group that the machine is in.
        ip("link set lo multicast on");
        ip("route add 224.0.0.0/4 dev lo");
        let group = Ipv4Addr::new(224, 1, 2, 3);
        let trap = Trap::set(group.into());
        trap.udp.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        traps.push(trap);
        // The machine's own addresses, the server's own ports among them, and one that is open.
        traps.push(Trap::set("11.1.1.1".parse().unwrap()));
        ip("address add 11.2.2.2/32 dev lo");
        let open = Trap::set("11.2.2.2".parse().unwrap());

        let listening = server.handle().addresses()[0];
        let mut by_udp = allocated(listening, Wire::udp, udp());
        let mut by_tcp = allocated(listening, Wire::tcp, tcp());
        for trap in &traps {
            trap.is_refused(&mut by_udp, &mut by_tcp);
        }
        for own in server.handle().addresses() {
            refused(&mut by_udp, &mut by_tcp, *own);
        }
        for nowhere in ["::", "ff02::1", "fe80::1", "0.0.0.0", "255.255.255.255"] {
            refused(&mut by_udp, &mut by_tcp, SocketAddr::new(nowhere.parse().unwrap(), 9));
        }
        // What is open is reached: the test would see what reaches a trap.
        let attribute = by_udp.peer(open.address());
        assert_eq!(by_udp.request(METHOD_CREATE_PERMISSION, &[attribute]).code, None);
        by_udp.say(open.address(), b"hello");
        eventually("a message comes", || open.udp.recv(&mut [0; 100]).is_ok_and(|size| size == 5));
        let attribute = by_tcp.peer(open.tcp_address());
        assert_eq!(by_tcp.request(METHOD_CONNECT, &[attribute]).code, None);
        eventually("a connection comes", || open.tcp.accept().is_ok());
        // Whatever was sent to a trap before that has had the time to come.
        for trap in &traps {
            trap.is_empty();
        }
    });
}

fn allocated(
    server: SocketAddr,
    by: fn(SocketAddr) -> Wire,
    protocol: (AttrType, Vec<u8>),
) -> Wire {
    let mut wire = by(server);
    let both = (AttrType(0x8000), vec![2, 0, 0, 0]);
    let answer = wire.request(METHOD_ALLOCATE, &[protocol, both]);
    assert_eq!((answer.code, answer.relayed.len()), (None, 2));
    wire
}

/// Asks for a peer in every way that there is.
fn refused(by_udp: &mut Wire, by_tcp: &mut Wire, peer: SocketAddr) {
    let attribute = by_udp.peer(peer);
    let answer = by_udp.request(METHOD_CREATE_PERMISSION, std::slice::from_ref(&attribute));
    assert_eq!(answer.code, Some(403), "CreatePermission for {peer}");
    let attribute = by_udp.peer(peer);
    let answer = by_udp.request(METHOD_CHANNEL_BIND, &[wire::channel(0x4000), attribute]);
    assert_eq!(answer.code, Some(403), "ChannelBind to {peer}");
    by_udp.say(peer, b"hello");
    let attribute = by_tcp.peer(peer);
    assert_eq!(by_tcp.request(METHOD_CONNECT, &[attribute]).code, Some(403), "Connect to {peer}");
}

/// IPv6 addresses that stand for one of IPv4: mapped, compatible, NAT64, 6to4.
fn forms(ip: Ipv4Addr) -> [Ipv6Addr; 4] {
    let [a, b, c, d] = ip.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    [
        ip.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
    ]
}

/// Listens where nothing must come.
struct Trap {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Trap {
    fn set(address: IpAddr) -> Trap {
        let udp = UdpSocket::bind((address, 0)).unwrap();
        // There are no connections to a group.
        let tcp = if address.is_multicast() { Ipv4Addr::LOCALHOST.into() } else { address };
        let tcp = TcpListener::bind((tcp, 0)).unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        Trap { udp, tcp }
    }

    fn address(&self) -> SocketAddr {
        self.udp.local_addr().unwrap()
    }

    fn tcp_address(&self) -> SocketAddr {
        self.tcp.local_addr().unwrap()
    }

    /// In every form that the address has.
    fn is_refused(&self, by_udp: &mut Wire, by_tcp: &mut Wire) {
        for address in [self.address(), self.tcp_address()] {
            refused(by_udp, by_tcp, address);
            let IpAddr::V4(ip) = address.ip() else { continue };
            for form in forms(ip) {
                refused(by_udp, by_tcp, SocketAddr::new(form.into(), address.port()));
            }
        }
    }

    fn is_empty(&self) {
        let heard = self.udp.recv(&mut [0; 100]).map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock), "{}", self.address());
        let came = self.tcp.accept().map_err(|error| error.kind());
        assert_eq!(came.err(), Some(ErrorKind::WouldBlock), "{}", self.tcp_address());
    }
}

#[test]
fn one_users_quota_leaves_room_for_others() {
    let mut config = Config { user_quota: 2, max_allocations: 3, ..config() };
    config.users.insert("eve".to_owned(), "drop".into());
    let server = start(&config);
    let address = server.handle().addresses()[0];
    let allocate = |name: &str, password: &str| {
        let mut wire = Wire::udp(address);
        wire.client.username = name.to_owned();
        wire.client.password = password.to_owned();
        let code = wire.request(METHOD_ALLOCATE, &[udp()]).code;
        (wire, code)
    };
    let held: Vec<_> = (0..2).map(|_| allocate("ada", "lovelace")).collect();
    assert!(held.iter().all(|(_, code)| code.is_none()));
    assert_eq!(allocate("ada", "lovelace").1, Some(486));
    let (_held, code) = allocate("eve", "drop");
    assert_eq!(code, None);
    assert_eq!(allocate("eve", "drop").1, Some(508));
}

#[test]
fn a_recorded_request_is_no_good_from_elsewhere() {
    let server = start(&config());
    let address = server.handle().addresses()[0];
    let mut first = Wire::udp(address);
    assert_eq!(first.request(METHOD_ALLOCATE, &[udp()]).code, None);
    let recorded = first.client.request(METHOD_CREATE_PERMISSION, &[wire::peer("127.0.0.1:9")]);
    let answer = Wire::udp(address).ask(&recorded);
    assert_eq!(answer.code, Some(438));
    assert_eq!(Wire::tcp(address).ask(&recorded).code, Some(438));
    assert_eq!(first.ask(&recorded).code, None, "it was good where it came from");
}

/// What comes back to one message of a sender that nobody has seen, in bytes.
fn echo_of(server: &TurnServer, message: &[u8]) -> usize {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.handle().addresses()[0]).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket.send(message).unwrap();
    let mut buffer = [0; 65_535];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok()).sum()
}

#[test]
fn strangers_cannot_make_the_server_shout() {
    let server = start(&config());
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let identity = dimpl::DtlsCertificate {
        certificate: certificate.cert.der().to_vec(),
        private_key: certificate.signing_key.serialize_der(),
    };
    let now = Instant::now();
    let config = Arc::new(dimpl::Config::builder().build().unwrap());
    let mut dtls = dimpl::Dtls::new_12(config, identity, now);
    dtls.set_active(true);
    dtls.handle_timeout(now).unwrap();
    let mut buffer = vec![0; 1 << 14];
    let hello = loop {
        match dtls.poll_output(&mut buffer) {
            dimpl::Output::Packet(packet) => break packet.to_vec(),
            dimpl::Output::Timeout(_) => panic!("a client says hello"),
            _ => {}
        }
    };
    let answered = echo_of(&server, &hello);
    assert!((1..=hello.len()).contains(&answered), "{answered} for {} bytes", hello.len());
    // A challenge must name the realm and a nonce; it is one datagram, and as short as can be.
    let challenge = echo_of(&server, &Client::new(1).request(METHOD_ALLOCATE, &[udp()]));
    assert!((1..=84).contains(&challenge), "{challenge}");
    assert_eq!(echo_of(&server, &[0; 20]), 0, "that is no STUN");
    assert_eq!(echo_of(&server, &wire::channel_data(0x4000, b"hello")), 0);
}
