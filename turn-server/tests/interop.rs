//! The client of the `turn` crate: an implementation that shares no code with this server's packet
//! path. And traps behind addresses that nobody may reach.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;
use world::*;

async fn client(server: SocketAddr) -> Client {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig {
        stun_serv_addr: server.to_string(),
        turn_serv_addr: server.to_string(),
        username: USER.to_owned(),
        password: PASSWORD.to_owned(),
        realm: "oriel".to_owned(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(socket),
        vnet: None,
    };
    let client = Client::new(config).await.unwrap();
    client.listen().await.unwrap();
    client
}

#[tokio::test]
async fn the_crates_client_relays() {
    let server = start(&config());
    let address = server.handle().addresses()[0];
    let client = client(address).await;
    let mapped = client.send_binding_request().await.unwrap();
    assert!(mapped.ip().is_loopback());
    let relay = client.allocate().await.unwrap();
    let peer = Echo::start("127.0.0.1");
    for number in 0..20_u8 {
        relay.send_to(&[number; 900], peer.address).await.unwrap();
        let mut buffer = [0; 2_000];
        let wait = Duration::from_secs(5);
        let (length, from) =
            tokio::time::timeout(wait, relay.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..length], from), (&[number; 900][..], peer.address));
    }
    assert_eq!(server.handle().allocations(), 1);
    relay.close().await.unwrap();
    eventually("the allocation ends", || server.handle().allocations() == 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn no_packet_reaches_this_machine_by_default() {
    let config = turn_server::Config { allowed_peers: Vec::new(), ..config() };
    let server = start(&config);
    let client = client(server.handle().addresses()[0]).await;
    let relay = client.allocate().await.unwrap();
    for ip in ["127.0.0.1", "127.0.0.2", "127.255.255.254"] {
        let trap = StdUdpSocket::bind((ip, 0)).unwrap();
        trap.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let refused = relay.send_to(b"hello", trap.local_addr().unwrap()).await;
        assert!(refused.is_err(), "{ip}");
        assert!(trap.recv(&mut [0; 100]).is_err(), "a packet reached {ip}");
    }
}

#[tokio::test]
async fn the_exception_for_the_sfu_is_one_port() {
    let config = turn_server::Config { allowed_peers: Vec::new(), ..config() };
    let sfu = Echo::start("127.0.0.1");
    let extras = turn_server::Extras { peers: vec![sfu.address], tls: None };
    let server = turn_server::TurnServer::start(&config, extras).unwrap();
    let client = client(server.handle().addresses()[0]).await;
    let relay = client.allocate().await.unwrap();
    relay.send_to(b"media", sfu.address).await.unwrap();
    let mut buffer = [0; 100];
    let (length, _) = tokio::time::timeout(Duration::from_secs(5), relay.recv_from(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&buffer[..length], b"media");

    let trap = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    trap.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    // The permission is by address, so the client thinks that it may.
    let _ = relay.send_to(b"hello", trap.local_addr().unwrap()).await;
    assert!(trap.recv(&mut [0; 100]).is_err());
    eventually("the drop is counted", || count(&server, "messages_dropped", Some("denied")) > 0);
}
