//! The relay between real sockets, as a library and as a program.

#![allow(clippy::unwrap_used)]

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use load_tests::bot::{Bot, Voice, join};
use load_tests::relay::impairment::Change;
use load_tests::relay::order::{Direction, Order, Stats};
use load_tests::relay::{Forward, Plan, Relay};
use signaling_core::request::Join;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use server::Server;

/// Enough for what happens at once on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// How long it is listened for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

const LOCAL: &str = "127.0.0.1:0";

fn forward(upstream: SocketAddr) -> Forward {
    Forward { listen: LOCAL.parse().unwrap(), upstream }
}

/// A UDP client and a server with a relay between them.
struct Datagrams {
    relay: Relay,
    client: UdpSocket,
    server: UdpSocket,
}

impl Datagrams {
    async fn new() -> Datagrams {
        let server = UdpSocket::bind(LOCAL).await.unwrap();
        let udp = vec![forward(server.local_addr().unwrap())];
        let relay = Relay::start(&Plan { udp, ..Plan::default() }).await.unwrap();
        Datagrams { client: client_of(&relay).await, server, relay }
    }

    async fn set(&self, direction: Direction, set: Change) -> Stats {
        self.relay.order(Order { direction, set, ..Order::default() }).await.unwrap()
    }

    async fn stats(&self) -> Stats {
        self.relay.order(Order::default()).await.unwrap()
    }
}

async fn client_of(relay: &Relay) -> UdpSocket {
    let client = UdpSocket::bind(LOCAL).await.unwrap();
    client.connect(relay.udp()[0]).await.unwrap();
    client
}

/// The next datagram, and where it came from.
async fn next(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2_000];
    let (length, source) = timeout(SOON, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    (buffer[..length].to_vec(), source)
}

async fn nothing_comes(socket: &UdpSocket) {
    let mut buffer = [0; 2_000];
    let come = timeout(SILENCE, socket.recv_from(&mut buffer)).await;
    assert!(come.is_err(), "{come:?}");
}

#[tokio::test]
async fn clients_reach_the_server_and_its_answers_find_them() {
    let net = Datagrams::new().await;
    let other = client_of(&net.relay).await;
    for (client, word) in [(&net.client, b"one"), (&other, b"two")] {
        client.send(word).await.unwrap();
        let (heard, source) = next(&net.server).await;
        assert_eq!(heard, word);
        net.server.send_to(word, source).await.unwrap();
    }
    // Each has heard its own word and nothing else.
    assert_eq!(next(&net.client).await.0, b"one");
    assert_eq!(next(&other).await.0, b"two");
    let stats = net.stats().await;
    assert_eq!((stats.clients, stats.up.counts.delivered, stats.down.counts.delivered), (2, 2, 2));
    assert_eq!(stats.up.counts.delivered_bytes, 6);
}

#[tokio::test]
async fn loss_takes_one_direction_alone() {
    let net = Datagrams::new().await;
    net.client.send(b"before").await.unwrap();
    let (_, source) = next(&net.server).await;
    net.set(Direction::Down, Change { loss: Some(1.0), ..Change::default() }).await;
    net.client.send(b"up").await.unwrap();
    assert_eq!(next(&net.server).await.0, b"up");
    net.server.send_to(b"down", source).await.unwrap();
    nothing_comes(&net.client).await;
    let stats = net.stats().await;
    assert_eq!((stats.up.counts.lost, stats.down.counts.lost), (0, 1));
}

#[tokio::test]
async fn a_delay_is_waited_for() {
    let net = Datagrams::new().await;
    net.set(Direction::Up, Change { delay_ms: Some(200), ..Change::default() }).await;
    let sent = Instant::now();
    net.client.send(b"slow").await.unwrap();
    next(&net.server).await;
    assert!(sent.elapsed() >= Duration::from_millis(200), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn an_outage_swallows_datagrams_until_it_ends() {
    let net = Datagrams::new().await;
    net.relay.order(Order { outage: Some(true), ..Order::default() }).await.unwrap();
    net.client.send(b"lost").await.unwrap();
    nothing_comes(&net.server).await;
    let over = Order { outage: Some(false), ..Order::default() };
    let stats = net.relay.order(over).await.unwrap();
    assert_eq!(stats.up.counts.blacked_out, 1);
    net.client.send(b"back").await.unwrap();
    assert_eq!(next(&net.server).await.0, b"back");
}

#[tokio::test]
async fn after_a_rebinding_the_server_sees_another_port() {
    let net = Datagrams::new().await;
    net.client.send(b"before").await.unwrap();
    let (_, before) = next(&net.server).await;
    let stats = net.relay.order(Order { rebind: true, ..Order::default() }).await.unwrap();
    assert_eq!(stats.clients, 1);
    // What the server sends to the forgotten port is lost.
    net.server.send_to(b"lost", before).await.unwrap();
    net.client.send(b"after").await.unwrap();
    let (_, after) = next(&net.server).await;
    assert_ne!(before, after);
    net.server.send_to(b"found", after).await.unwrap();
    assert_eq!(next(&net.client).await.0, b"found");
}

#[tokio::test]
async fn an_order_that_makes_no_sense_changes_nothing() {
    let net = Datagrams::new().await;
    let set = Change { loss: Some(2.0), delay_ms: Some(10), ..Change::default() };
    let refused = net.relay.order(Order { set, rebind: true, ..Order::default() }).await;
    assert!(refused.unwrap_err().to_string().contains("`loss`"));
    assert_eq!(net.stats().await.up.impairment.delay_ms, 0);
}

/// Both ends of a TCP connection with a relay in its middle.
struct Connected {
    relay: Relay,
    client: TcpStream,
    server: TcpStream,
}

impl Connected {
    async fn new() -> Connected {
        let listener = TcpListener::bind(LOCAL).await.unwrap();
        let tcp = vec![forward(listener.local_addr().unwrap())];
        let relay = Relay::start(&Plan { tcp, ..Plan::default() }).await.unwrap();
        let client = TcpStream::connect(relay.tcp()[0]).await.unwrap();
        let (server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        Connected { relay, client, server }
    }
}

#[tokio::test]
async fn a_stream_comes_complete_through_loss_and_outage() {
    let Connected { relay, client, mut server } = Connected::new().await;
    let set = Change {
        loss: Some(0.5),
        duplicate: Some(0.5),
        reorder: Some(0.5),
        rate: Some(80_000_000),
        delay_ms: Some(20),
        jitter_ms: Some(20),
        ..Change::default()
    };
    relay.order(Order { set, outage_ms: Some(300), ..Order::default() }).await.unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let begun = Instant::now();
    let (mut from_server, mut to_server) = client.into_split();
    let speaker = {
        let sent = sent.clone();
        tokio::spawn(async move {
            to_server.write_all(&sent).await.unwrap();
            // Half of the conversation is over, the other goes on.
            to_server.shutdown().await.unwrap();
        })
    };
    let mut heard = Vec::new();
    timeout(SOON * 3, server.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert!(heard == sent, "{} bytes of {}", heard.len(), sent.len());
    // 24 Mbit at 80 Mbit/s and the outage, less what waits at its end: 128 pieces of 4,096 bytes.
    assert!(begun.elapsed() >= Duration::from_millis(300 + 240), "{:?}", begun.elapsed());
    speaker.await.unwrap();
    server.write_all(b"thanks").await.unwrap();
    drop(server);
    let mut answer = String::new();
    timeout(SOON, from_server.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, "thanks");
}

#[tokio::test]
async fn cut_connections_are_reset_on_both_sides() {
    let Connected { relay, mut client, mut server } = Connected::new().await;
    client.write_all(b"hello").await.unwrap();
    server.read_exact(&mut [0; 5]).await.unwrap();
    let stats = relay.order(Order { cut_tcp: true, ..Order::default() }).await.unwrap();
    assert_eq!(stats.connections, 0);
    for side in [&mut client, &mut server] {
        let read = timeout(SOON, side.read(&mut [0; 1])).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn who_is_not_taken_by_the_server_is_reset() {
    let listener = TcpListener::bind(LOCAL).await.unwrap();
    let tcp = vec![forward(listener.local_addr().unwrap())];
    drop(listener);
    let relay = Relay::start(&Plan { tcp, ..Plan::default() }).await.unwrap();
    let mut client = TcpStream::connect(relay.tcp()[0]).await.unwrap();
    let read = timeout(SOON, client.read(&mut [0; 1])).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// Joins a room as a guest.
async fn guest(url: &str, name: &str, hertz: f64) -> Bot {
    let ticket = join::Server::parse(url).unwrap().join("bad", name).await.unwrap();
    let join = Join { token: ticket.token, ..Join::default() };
    Bot::join(&ticket.url, join, Voice { hertz, pairs: 2 }).await.unwrap()
}

#[tokio::test]
async fn a_call_goes_through_a_bad_network() {
    // A port that is free on both loopback addresses, as far as one can know.
    let free = UdpSocket::bind(LOCAL).await.unwrap().local_addr().unwrap();
    let outside = SocketAddr::from(([127, 0, 0, 2], free.port()));
    let server = Server::start_with(&[
        ("ORIEL__SFU__UDP_PORT", free.port().to_string()),
        ("ORIEL__SFU__ADVERTISED", r#"["127.0.0.2"]"#.to_owned()),
        ("ORIEL__SFU__ICE_LITE", "true".to_owned()),
        // It would lead past the relay.
        ("ORIEL__ICE__TURN", "false".to_owned()),
    ]);
    let udp = vec![Forward { listen: outside, upstream: free }];
    let http = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let plan = Plan { udp, tcp: vec![forward(http)], ..Plan::default() };
    let relay = Relay::start(&plan).await.unwrap();
    let set = Change { delay_ms: Some(20), ..Change::default() };
    relay.order(Order { set, ..Order::default() }).await.unwrap();

    let url = format!("http://{}", relay.tcp()[0]);
    let (ada, ben) = tokio::join!(guest(&url, "Ada", 440.0), guest(&url, "Ben", 660.0));
    // How a connection comes about through loss is not the relay's matter.
    let set = Change { loss: Some(0.05), ..Change::default() };
    let before = relay.order(Order { set, ..Order::default() }).await.unwrap();
    assert_eq!(before.clients, 2);
    for (bot, hertz) in [(&ada, 660.0), (&ben, 440.0)] {
        let heard = |view: &load_tests::bot::view::View| {
            // In a second and with a twentieth lost, nothing may be lost by chance.
            let heard = view.received.values().next().map(|received| &received.heard);
            heard.is_some_and(|heard| heard.tones.len() >= 2 && heard.lost > 0)
        };
        let view = bot.until(SOON * 3, heard).await.unwrap();
        let received = view.received.values().next().unwrap();
        assert!(received.heard.tones.iter().flatten().all(|tone| (tone.hertz - hertz).abs() < 3.0));
    }
    let after = relay.order(Order::default()).await.unwrap();
    for (before, after) in [(before.up, after.up), (before.down, after.down)] {
        assert!(after.counts.delivered > before.counts.delivered + 50, "{after:?}");
    }
}

#[test]
fn as_a_program_it_answers_line_by_line_and_ends_with_its_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["relay", "--udp", "127.0.0.1:0=127.0.0.1:9", "--tcp", "127.0.0.1:0=127.0.0.1:9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let ready = answer();
    for transport in ["udp", "tcp"] {
        let address: SocketAddr = ready[transport][0].as_str().unwrap().parse().unwrap();
        assert_ne!(address.port(), 0);
    }
    writeln!(orders, r#"{{"direction": "down", "set": {{"loss": 0.25}}}}"#).unwrap();
    let stats = answer();
    assert_eq!(stats["down"]["impairment"]["loss"], 0.25);
    assert_eq!(
        (&stats["up"]["impairment"]["loss"], &stats["up"]["received"]),
        (&0.0.into(), &0.into())
    );
    writeln!(orders, r#"{{"lose": 0.25}}"#).unwrap();
    assert!(answer()["error"].as_str().unwrap().contains("lose"));
    drop(orders);
    assert!(child.wait().unwrap().success());
}
