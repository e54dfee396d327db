//! Who says the events: a participant of a room, by plain HTTP, or whoever posts to another server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Server, parts, scan};

/// The room that everybody reads.
pub(super) const ROOM: &str = "feeds";

/// An answer must be there by then.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Somebody who says things.
pub(super) struct Speaker {
    host: String,
    path: String,
    /// Oriel's connection: what opens it, and how many frames were read on it.
    line: Option<(String, u64)>,
    /// A request whose answer was not read.
    asked: Option<TcpStream>,
}

impl Speaker {
    /// Comes into the room, where there is one.
    ///
    /// # Errors
    ///
    /// When the server does not let it in.
    pub(super) fn begin(server: &Server) -> anyhow::Result<Speaker> {
        match server {
            Server::Plain { publish, .. } => {
                let (host, path) = parts(publish)?;
                Ok(Speaker { host: host.into(), path: path.into(), line: None, asked: None })
            }
            Server::Oriel { url, token, .. } => {
                let (host, _) = parts(url)?;
                let path = format!("/v1/rooms/{ROOM}/requests");
                let mut speaker = Speaker { host: host.into(), path, line: None, asked: None };
                let join = json!({
                    "id": 1, "type": "join", "token": token, "room": ROOM, "identity": "speaker",
                });
                let stream = speaker.ask("POST", &speaker.path, &join.to_string())?;
                let opened: Value = serde_json::from_str(&answer(stream)?)?;
                let connection = opened["connection"].as_str().context("no connection came")?;
                speaker.line = Some((connection.to_owned(), 0));
                Ok(speaker)
            }
        }
    }

    /// Says the event with this number.
    ///
    /// # Errors
    ///
    /// When the server is not there.
    pub(super) fn say(&mut self, number: u64) -> anyhow::Result<()> {
        let text = scan::text(number);
        let body = match &self.line {
            Some(_) => json!({"id": number + 1, "type": "chat", "text": text}).to_string(),
            // As long as Oriel's event, which says who has said it and when.
            None => json!({
                "seq": number, "type": "chat.posted",
                "message": {
                    "id": "CH_0000000000001", "participant": "PA_0000000000001", "name": "speaker",
                    "text": text, "at": 1_760_000_000_000_u64,
                },
            })
            .to_string(),
        };
        self.asked = Some(self.ask("POST", &self.path, &body)?);
        Ok(())
    }

    /// The server has taken what was said.
    ///
    /// # Errors
    ///
    /// When it has not.
    pub(super) fn is_heard(&mut self) -> anyhow::Result<()> {
        if let Some(stream) = self.asked.take() {
            answer(stream)?;
        }
        // Who never reads is taken for gone.
        if let Some((connection, read)) = self.line.take() {
            let path = format!("/v1/rooms/{ROOM}/events?after={read}");
            self.line = Some((connection.clone(), read));
            let polled: Value = serde_json::from_str(&answer(self.ask("GET", &path, "")?)?)?;
            let read = polled["after"].as_str().and_then(|after| after.parse().ok());
            self.line = Some((connection, read.context("no place came")?));
        }
        Ok(())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.host)
            .with_context(|| format!("{} does not answer", self.host))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let bearer = self.line.as_ref().map(|(connection, _)| connection);
        let authorization =
            bearer.map(|bearer| format!("authorization: Bearer {bearer}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.host,
            body.len(),
        );
        stream.write_all(request.as_bytes())?;
        Ok(stream)
    }
}

/// The body of a good answer.
fn answer(mut stream: TcpStream) -> anyhow::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text).context("no answer came")?;
    let (head, body) = text.split_once("\r\n\r\n").context("the answer breaks off")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status.starts_with('2'), "the server has refused: {head}\n{body}");
    Ok(body.to_owned())
}
