//! Emits the protocol's TypeScript types from these enums, and fails when the file has drifted.

use std::fmt::Write as _;
use std::path::PathBuf;

use ts_rs::{Config, TS};

use crate::error::{ErrorCode, RequestError};
use crate::event::{Departure, EndReason, Event, EventFrame, LeaveReason};
use crate::id::{ChatId, ParticipantId, RoomId, Secret, TrackId};
use crate::info::{
    Binding, ChatMessage, DataMessage, Flow, GrantsInfo, IceServer, Limits, MediaKind,
    ParticipantInfo, ParticipantQuality, Retained, Role, RoomInfo, TrackInfo, TrackSource, Waiting,
};
use crate::reply::{
    Answer, Done, IceServers, InLobby, Joined, Outcome, Posted, Published, Reply, ReplyFrame,
    Resumed,
};
use crate::request::{
    Admit, AskToUnmute, Candidate, Chat, Deny, Hand, Join, Listen, Move, Mute, Observe, Offer,
    Publish, Remove, Request, RequestFrame, Resume, Send, SetGrants, SetRole, SetRoom, Signal,
    Tracks, Unpublish, Update, Viewport, ViewportSize,
};
use crate::snapshot::{Overview, Snapshot};

const HEADER: &str = "\
// Generated from the Rust types of signaling/core. Do not edit: change them and run
//   ORIEL_UPDATE_PROTOCOL=1 cargo test -p signaling-core protocol

";

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "web-client", "sdk", "src", "protocol.gen.ts"]
        .iter()
        .collect()
}

/// One exported declaration with its doc comment.
fn declare<T: TS>(out: &mut String, config: &Config) {
    write_declaration(out, T::docs(), &T::decl(config));
}

/// As [`declare`], for a frame: what it carries is named, where `ts-rs` would repeat it.
fn declare_frame<T: TS, Carried: TS>(out: &mut String, config: &Config) {
    let whole = T::decl(config);
    let named = whole.replace(&format!("({})", Carried::inline(config)), &Carried::name(config));
    assert_ne!(whole, named, "{} carries {}", T::name(config), Carried::name(config));
    write_declaration(out, T::docs(), &named);
}

/// Lays a declaration out for people: one field or variant to a line, short comments on one line, and
/// no links that only Rust's documentation knows.
fn write_declaration(out: &mut String, docs: Option<String>, declaration: &str) {
    let union = declaration.contains(" | { ");
    let declaration = if union {
        declaration.replace(" = { ", " =\n| { ").replace(" | { ", "\n| { ").replace(", }", " }")
    } else {
        declaration.replace(", }", ",\n}")
    };
    let text = format!("{}export {declaration}", docs.unwrap_or_default());
    // A comment of one line stays on one line.
    let text = text.replace("/**\n * ", "/** ").replace("\n */", " */");
    let mut inside = false;
    for line in text.lines().map(str::trim_end) {
        let indent = match (inside, union) {
            (false, _) => "",
            (true, false) if line.starts_with('}') => "",
            (true, true) if !line.starts_with('|') => "      ",
            (true, _) => "  ",
        };
        writeln!(out, "{indent}{}", without_links(line)).expect("a string takes any text");
        inside |= line.starts_with("export ");
    }
    out.push('\n');
}

/// `` [`Join`](crate::request::Join) `` becomes `` `Join` ``.
fn without_links(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, after)) = after.split_once("`]") else { break };
        let target = after.starts_with('(').then(|| after.find(')')).flatten();
        out.push_str(before);
        out.push('`');
        out.push_str(name.rsplit("::").next().unwrap_or(name));
        out.push('`');
        rest = target.map_or(after, |end| &after[end + 1..]);
    }
    out + rest
}

/// A list for programs to go through; its type is checked against the union of the same words.
fn list<T: serde::Serialize>(out: &mut String, name: &str, of: &str, docs: &str, values: &[T]) {
    let words = serde_json::to_string(values).expect("words");
    let words = words.replace(',', ", ");
    writeln!(
        out,
        "/** {docs} */\nexport const {name} = {words} as const satisfies readonly {of}[];\n"
    )
    .expect("a string takes any text");
}

fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let mut out = HEADER.to_owned();
    macro_rules! declare {
        ($($name:ty),* $(,)?) => { $(declare::<$name>(&mut out, &config);)* };
    }
    declare!(RoomId, ParticipantId, TrackId, ChatId, Secret);
    declare!(MediaKind, TrackSource, Role, LeaveReason, EndReason, ErrorCode, RequestError);
    declare!(
        RoomInfo,
        ParticipantInfo,
        TrackInfo,
        ChatMessage,
        DataMessage,
        Retained,
        Waiting,
        Binding,
        Departure,
        Flow,
        ParticipantQuality
    );
    declare!(GrantsInfo, IceServer, Limits, Snapshot, Overview);
    declare!(
        Join,
        Resume,
        Observe,
        Offer,
        Candidate,
        Publish,
        Unpublish,
        Mute,
        Tracks,
        ViewportSize
    );
    declare!(Viewport, Chat, Hand, Update, Send, Listen, Signal, AskToUnmute, Remove, SetRole);
    declare!(SetGrants, Move, SetRoom, Admit, Deny, Request);
    declare_frame::<RequestFrame, Request>(&mut out, &config);
    declare!(Joined, InLobby, Resumed, Answer, IceServers, Published, Posted, Done, Reply, Outcome);
    declare_frame::<ReplyFrame, Outcome>(&mut out, &config);
    declare!(Event);
    declare_frame::<EventFrame, Event>(&mut out, &config);
    list(&mut out, "ERROR_CODES", "ErrorCode", "Every error code.", &ErrorCode::ALL);
    list(&mut out, "TRACK_SOURCES", "TrackSource", "Every source.", &TrackSource::ALL);
    // One empty line at the end is one too many.
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[test]
fn protocol_types_of_the_client_are_those_of_the_server() {
    let wanted = typescript();
    if std::env::var_os("ORIEL_UPDATE_PROTOCOL").is_some() {
        std::fs::write(path(), &wanted).expect("the file can be written");
    }
    let found = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not what the Rust types say; run\n  \
         ORIEL_UPDATE_PROTOCOL=1 cargo test -p signaling-core protocol",
        path().display()
    );
}
