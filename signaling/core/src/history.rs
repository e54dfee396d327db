//! The newest chat messages of a room, for those who come later.

use std::collections::VecDeque;

use crate::id::ParticipantId;
use crate::info::ChatMessage;

/// Bounded by their number and by the bytes of their texts.
#[derive(Debug)]
pub(crate) struct History {
    messages: VecDeque<ChatMessage>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl History {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Self {
        History { messages: VecDeque::new(), bytes: 0, max_messages, max_bytes }
    }

    pub(crate) fn push(&mut self, message: ChatMessage) {
        self.bytes += message.text.len();
        self.messages.push_back(message);
        while self.messages.len() > self.max_messages || self.bytes > self.max_bytes {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
    }

    /// Those that are for `reader`, oldest first: everybody's, its own, and what was written to it.
    pub(crate) fn of(&self, reader: ParticipantId) -> Vec<ChatMessage> {
        let is_for_reader = |message: &&ChatMessage| {
            message.participant == reader
                || message.to.as_ref().is_none_or(|to| to.contains(&reader))
        };
        self.messages.iter().filter(is_for_reader).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ChatId;

    fn message(id: u64, text: &str, to: Option<&[u64]>) -> ChatMessage {
        ChatMessage {
            id: ChatId(id),
            participant: ParticipantId(1),
            name: "Ana".to_owned(),
            text: text.to_owned(),
            to: to.map(|to| to.iter().copied().map(ParticipantId).collect()),
            at: 0,
        }
    }

    fn ids(history: &History, reader: u64) -> Vec<u64> {
        history.of(ParticipantId(reader)).into_iter().map(|message| message.id.0).collect()
    }

    #[test]
    fn the_newest_are_kept_by_number_and_by_bytes() {
        let mut history = History::new(3, 10);
        for id in 1..=4 {
            history.push(message(id, "a", None));
        }
        assert_eq!(ids(&history, 2), [2, 3, 4]);
        history.push(message(5, "ninebytes", None));
        assert_eq!(ids(&history, 2), [4, 5]);
        history.push(message(6, "eleven bytes", None));
        assert_eq!(ids(&history, 2), [] as [u64; 0]);
        assert_eq!(history.bytes, 0);
    }

    #[test]
    fn a_private_message_is_its_writers_and_its_readers() {
        let mut history = History::new(9, 99);
        history.push(message(1, "to all", None));
        history.push(message(2, "to one", Some(&[2])));
        assert_eq!(ids(&history, 1), [1, 2]);
        assert_eq!(ids(&history, 2), [1, 2]);
        assert_eq!(ids(&history, 3), [1]);
    }
}
