//! The values of a room's topics: of each the last message that was to be kept for those who come later.

use std::collections::BTreeMap;

use crate::error::{ErrorCode, RequestError};
use crate::info::{DataMessage, Retained};

/// Topics of one room that have a value.
const TOPICS: usize = 64;
/// Bytes of one value.
const VALUE_BYTES: usize = 16 * 1024;

/// What is kept. Bounded by the number of topics and the size of each value.
#[derive(Debug, Default)]
pub(crate) struct RetainedTopics(BTreeMap<String, Retained>);

impl RetainedTopics {
    /// Whether a value can be kept.
    ///
    /// # Errors
    /// It is too large, or there is no place for one more.
    pub(crate) fn admits(&self, topic: &str, payload: &[u8]) -> Result<(), RequestError> {
        if payload.len() > VALUE_BYTES {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!("what is retained has at most {VALUE_BYTES} bytes"),
            ));
        }
        let takes_a_place = !payload.is_empty() && !self.0.contains_key(topic);
        if takes_a_place && self.0.len() >= TOPICS {
            return Err(RequestError::new(
                ErrorCode::Full,
                format!(
                    "{TOPICS} topics of the room have a value already: send a message without \
                     payload to one that is not needed, with \"retain\""
                ),
            ));
        }
        Ok(())
    }

    /// Keeps a message in place of the one before; one without payload clears.
    pub(crate) fn set(&mut self, message: &DataMessage) {
        let DataMessage { from, id, topic, payload, .. } = message.clone();
        if payload.is_empty() {
            self.0.remove(&topic);
        } else {
            self.0.insert(topic.clone(), Retained { topic, payload, from, id });
        }
    }

    /// Everything, in the order of the topics' names.
    pub(crate) fn all(&self) -> Vec<Retained> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &[u8]) -> DataMessage {
        DataMessage {
            from: None,
            id: None,
            lossy: false,
            retain: true,
            topic: topic.to_owned(),
            payload: payload.into(),
        }
    }

    #[test]
    fn a_full_room_changes_and_clears_values_and_takes_no_other() {
        let mut topics = RetainedTopics::default();
        for number in 0..TOPICS {
            let topic = number.to_string();
            assert_eq!(topics.admits(&topic, b"x"), Ok(()));
            topics.set(&message(&topic, b"x"));
        }
        let refused = |topics: &RetainedTopics, topic: &str, payload: &[u8]| {
            topics.admits(topic, payload).err().map(|error| error.code)
        };
        assert_eq!(refused(&topics, "another", b"x"), Some(ErrorCode::Full));
        assert_eq!(refused(&topics, "another", b""), None);
        assert_eq!(refused(&topics, "7", &[0; VALUE_BYTES]), None);
        assert_eq!(refused(&topics, "7", &[0; VALUE_BYTES + 1]), Some(ErrorCode::TooLarge));
        topics.set(&message("7", b""));
        assert_eq!(refused(&topics, "another", b"x"), None);
        assert_eq!(topics.all().len(), TOPICS - 1);
    }
}
