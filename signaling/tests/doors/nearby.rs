//! Devices of one network, which meet in a room that those of others do not get into.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::server::{Server, in_time};

/// `POST`s JSON from another address of this machine; what comes back.
async fn post_from(address: &str, server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(server.host().parse().unwrap()).await.unwrap();
    let (host, body) = (server.host(), body.to_string());
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    in_time(stream.read_to_string(&mut response)).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let body = body.get(body.find('{').unwrap()..=body.rfind('}').unwrap()).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

async fn show(server: &Server, name: &str) -> Value {
    let response = server.post_json("/v1/join", &[], &json!({"nearby": true, "name": name})).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()
}

#[tokio::test]
async fn those_of_one_network_meet_and_those_of_another_do_not() {
    let server = Server::start_bare(&["rooms.auto_create=false"]).await;
    let (here, there) = ("127.0.0.1", "127.0.0.2");
    let ana = show(&server, "Ana").await;
    let (status, stranger) =
        post_from(there, &server, "/v1/join", &json!({"nearby": true, "name": "Eve"})).await;
    assert_eq!(status, 200, "{stranger}");
    assert_ne!(ana["room"], stranger["room"]);

    let (_first, joined) = server.join(ana["token"].as_str().unwrap()).await;
    assert_eq!(joined["participant"]["role"], "participant", "nobody steers: {joined}");
    let ben = show(&server, "Ben").await;
    let (_second, joined_too) = server.join(ben["token"].as_str().unwrap()).await;
    let seen = &joined_too["participants"][0];
    assert_eq!(seen["name"], "Ana", "{joined_too}");
    assert!(!seen.to_string().contains(here), "nobody is told where anybody is: {seen}");

    // Neither the room's name, nor a token for it, nor the secret of a place in it is of use elsewhere.
    let room = ana["room"].as_str().unwrap();
    let path = format!("/v1/rooms/{room}/requests");
    let join = |token: &Value| json!({"id": 1, "type": "join", "token": token});
    let (status, refused) = post_from(there, &server, &path, &join(&ben["token"])).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{refused}");
    let resume = json!({"id": 1, "type": "resume", "room": room, "secret": joined["resume"],
        "cursor": joined["cursor"]});
    let (status, refused) = post_from(there, &server, &path, &resume).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{refused}");
    let (status, guest) =
        post_from(there, &server, "/v1/join", &json!({"room": room, "name": "Eve"})).await;
    assert_eq!(status, 200, "a token for a name says nothing of it: {guest}");
    let (status, refused) = post_from(there, &server, &path, &join(&guest["token"])).await;
    assert_eq!(status, 403, "{refused}");
    let (status, joined) = post_from(here, &server, &path, &join(&guest["token"])).await;
    assert_eq!(status, 200, "{joined}");
}

#[tokio::test]
async fn they_say_something_to_each_other_and_show_no_media() {
    let server = Server::start_bare(&[]).await;
    let (ana, ben) = (show(&server, "Ana").await, show(&server, "Ben").await);
    let (mut one, _) = server.join(ana["token"].as_str().unwrap()).await;
    let (_other, joined) = server.join(ben["token"].as_str().unwrap()).await;
    let to = joined["participant"]["id"].clone();
    let said = one.ask(json!({"type": "signal", "to": to, "data": "hello"})).await;
    assert!(said["error"].is_null(), "{said}");
    let published = json!({"type": "publish", "mid": "0", "source": "camera", "kind": "video"});
    assert_eq!(one.ask(published).await["error"]["code"], "forbidden");
    assert_eq!(one.ask(json!({"type": "end"})).await["error"]["code"], "forbidden");
}

#[tokio::test]
async fn there_are_so_many_and_no_more_and_it_can_be_switched_off() {
    let server = Server::start_bare(&["rooms.max_participants=2"]).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let token = show(&server, "Ana").await["token"].clone();
        kept.push(server.join(token.as_str().unwrap()).await);
    }
    let mut late = server.socket().await;
    let token = show(&server, "Late").await["token"].clone();
    let reply = late.ask(json!({"type": "join", "token": token})).await;
    assert_eq!(reply["error"]["code"], "full", "{reply}");

    let ask = json!({"nearby": true, "name": "Ana"});
    for set in
        ["rooms.nearby=off", "server.public_url=https://meet.example.com", "rooms.guests=off"]
    {
        let server = Server::start_bare(&[set]).await;
        let response = server.post_json("/v1/join", &[], &ask).await;
        assert_eq!(response.status, 403, "{set}: {}", response.body);
    }
    let proxied =
        Server::start_bare(&["server.public_url=https://meet.example.com", "rooms.nearby=on"])
            .await;
    assert_eq!(proxied.post_json("/v1/join", &[], &ask).await.status, 200);
}
