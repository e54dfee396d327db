//! Who must get which words: worked out from what was asked, not from what the room made of it.

use std::collections::{BTreeMap, BTreeSet};

use signaling_core::event::Event;
use signaling_core::id::ParticipantId;
use signaling_core::request::Request;

use crate::plane::Plane;

/// For whom somebody's words are.
#[derive(Debug, Clone)]
enum For {
    Everybody,
    /// All but the sender.
    Others(ParticipantId),
    Some(Vec<ParticipantId>),
    /// All who listen, the sender aside.
    Listeners(ParticipantId, String),
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    asked: BTreeMap<String, For>,
    /// What was really said.
    said: BTreeSet<String>,
    /// What each is to hear, in order, since it was last told everything.
    due: BTreeMap<ParticipantId, Vec<String>>,
}

impl Oracle {
    /// `from` asks for words to be passed on.
    pub(crate) fn ask(&mut self, from: ParticipantId, request: &Request) {
        let Some(text) = words(request) else { return };
        let whom = match request {
            Request::Chat(chat) => match &chat.to {
                Some(to) => For::Some(to.iter().copied().chain([from]).collect()),
                None => For::Everybody,
            },
            Request::Send(send) => match &send.to {
                Some(to) => For::Some(to.clone()),
                None if send.retain => For::Everybody,
                None if send.listeners => For::Listeners(from, send.topic.clone()),
                None => For::Others(from),
            },
            Request::Signal(signal) => For::Some(vec![signal.to]),
            _ => return,
        };
        self.asked.insert(text, whom);
    }

    /// A data channel carries words to those who were there.
    pub(crate) fn ask_by_channel(&mut self, text: String, to: Vec<ParticipantId>) {
        self.asked.insert(text, For::Some(to));
    }

    /// The room has passed words on. Those who do not hear it miss what may be lost.
    pub(crate) fn happen(&mut self, event: &Event, plane: &Plane, hearing: &[ParticipantId]) {
        let (text, lossy) = match event {
            Event::ChatPosted { message } => (message.text.clone(), false),
            Event::DataReceived { message } => {
                (String::from_utf8(message.payload.to_vec()).expect("text"), message.lossy)
            }
            Event::SignalReceived { data, .. } => (data.clone(), false),
            _ => return,
        };
        // To take a value away is to say nothing.
        if text.is_empty() {
            return;
        }
        assert!(self.said.insert(text.clone()), "said twice: {text}");
        let whom = self.asked.get(&text).expect("somebody asked for it");
        for &member in plane.members().keys() {
            let is_for_it = match whom {
                For::Everybody => true,
                For::Others(from) => member != *from,
                For::Some(some) => some.contains(&member),
                For::Listeners(from, topic) => {
                    member != *from && plane.topics(member).contains(topic)
                }
            };
            if is_for_it && (!lossy || hearing.contains(&member)) {
                self.due.entry(member).or_default().push(text.clone());
            }
        }
    }

    /// A request was answered: it is done if, and only if, the answer says so.
    pub(crate) fn answered(&self, request: &Request, is_done: bool) {
        let Some(text) = words(request) else { return };
        assert_eq!(self.said.contains(&text), is_done, "{text}");
    }

    /// `member` has just been told everything that there is to know.
    pub(crate) fn begin(&mut self, member: ParticipantId) {
        self.due.insert(member, Vec::new());
    }

    /// What `member` has heard by now.
    pub(crate) fn due(&self, member: ParticipantId) -> &[String] {
        self.due.get(&member).map_or(&[], Vec::as_slice)
    }
}

fn words(request: &Request) -> Option<String> {
    match request {
        Request::Chat(chat) => Some(chat.text.clone()),
        Request::Send(send) if send.payload.is_empty() => None,
        Request::Send(send) => String::from_utf8(send.payload.to_vec()).ok(),
        Request::Signal(signal) => Some(signal.data.clone()),
        _ => None,
    }
}
