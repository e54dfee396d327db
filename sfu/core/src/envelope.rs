//! The envelope that every data message travels in, on a data channel or elsewhere: bytes in, fields
//! out, and back.
//!
//! ```text
//! byte 0      version, 1
//! byte 1      flags: 0x01 LOSSY, 0x02 LISTENERS, 0x04 SENDER, 0x08 ID, 0x10 SEQ, 0x20 DESTINATIONS
//! [8]         SENDER: participant, big endian
//! [8]         ID: the sender's own number for the message
//! [8]         SEQ: number in the room's journal
//! [1 + 8 n]   DESTINATIONS: count 1 to 64, then participants
//! [1 + n]     topic: length 0 to 128, UTF-8
//! rest        payload
//! ```
//!
//! There is one way to write an envelope: what parses is encoded to the same bytes again.

/// The first byte.
pub const VERSION: u8 = 1;

/// Bytes of the largest envelope. It is what a data channel carries where the remote side names no
/// other limit (RFC 8841 §6.1).
pub const MAX_BYTES: usize = 65_536;

/// Bytes of the largest envelope that a client sends. The server adds SENDER and SEQ.
pub const MAX_CLIENT_BYTES: usize = MAX_BYTES - 16;

/// Bytes of the longest topic.
pub const MAX_TOPIC_BYTES: usize = 128;

/// Participants that one message may name.
pub const MAX_DESTINATIONS: usize = 64;

mod flag {
    pub(super) const LOSSY: u8 = 0x01;
    pub(super) const LISTENERS: u8 = 0x02;
    pub(super) const SENDER: u8 = 0x04;
    pub(super) const ID: u8 = 0x08;
    pub(super) const SEQ: u8 = 0x10;
    pub(super) const DESTINATIONS: u8 = 0x20;
    pub(super) const ALL: u8 = 0x3f;
}

/// A data message with everything that is said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// May be lost, and may come in another order.
    pub lossy: bool,
    /// Only for those who listen to the topic. Not together with `destinations`.
    pub listeners: bool,
    /// Who sent it: the server says so, a client does not.
    pub sender: Option<u64>,
    /// The sender's own number for it.
    pub id: Option<u64>,
    /// Its number in the room's journal: on a signaling connection, from the server.
    pub seq: Option<u64>,
    /// The participants that it is for, [`MAX_DESTINATIONS`] at most; everybody if there are none.
    /// From a client: the server does not pass them on.
    pub destinations: Vec<u64>,
    /// What it is about, [`MAX_TOPIC_BYTES`] at most.
    pub topic: &'a str,
    /// The application's bytes.
    pub payload: &'a [u8],
}

/// Why bytes are no envelope, or fields make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than [`MAX_BYTES`], or [`MAX_CLIENT_BYTES`] from a client.
    #[error("the message has {0} bytes, {1} is the most")]
    TooLarge(usize, usize),
    /// The bytes end inside a field.
    #[error("the message ends before its {0}")]
    Truncated(&'static str),
    /// Another version.
    #[error("version {0} of the envelope is not known, {VERSION} is")]
    Version(u8),
    /// Flags that mean nothing.
    #[error("the flags {0:#04x} are not known")]
    Flags(u8),
    /// No destination, or more than [`MAX_DESTINATIONS`].
    #[error("{0} destinations are named; leave them out, or name 1 to {MAX_DESTINATIONS}")]
    Destinations(usize),
    /// Both ways to choose who gets it.
    #[error("a message is for the listeners of its topic or for named participants, not both")]
    TwoAudiences,
    /// Longer than [`MAX_TOPIC_BYTES`].
    #[error("the topic has {0} bytes, {MAX_TOPIC_BYTES} is the most")]
    TopicTooLong(usize),
    /// Not UTF-8.
    #[error("the topic is not UTF-8")]
    TopicNotText,
    /// SENDER or SEQ from a client.
    #[error("{0} is for the server to say; leave it out")]
    NotForClients(&'static str),
}

impl<'a> Envelope<'a> {
    /// Reads an envelope, whoever it is from.
    ///
    /// # Errors
    /// What the bytes violate first.
    pub fn parse(bytes: &'a [u8]) -> Result<Envelope<'a>, Malformed> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::TooLarge(bytes.len(), MAX_BYTES));
        }
        let mut rest = Reader(bytes);
        let version = rest.byte("version")?;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let flags = rest.byte("flags")?;
        if flags & !flag::ALL != 0 {
            return Err(Malformed::Flags(flags & !flag::ALL));
        }
        let has = |flag: u8| flags & flag != 0;
        let sender = has(flag::SENDER).then(|| rest.number("SENDER")).transpose()?;
        let id = has(flag::ID).then(|| rest.number("ID")).transpose()?;
        let seq = has(flag::SEQ).then(|| rest.number("SEQ")).transpose()?;
        let destinations = if has(flag::DESTINATIONS) {
            let count = usize::from(rest.byte("DESTINATIONS")?);
            if count == 0 || count > MAX_DESTINATIONS {
                return Err(Malformed::Destinations(count));
            }
            (0..count).map(|_| rest.number("DESTINATIONS")).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let length = usize::from(rest.byte("topic")?);
        let topic = rest.bytes(length, "topic")?;
        let envelope = Envelope {
            lossy: has(flag::LOSSY),
            listeners: has(flag::LISTENERS),
            sender,
            id,
            seq,
            destinations,
            topic: std::str::from_utf8(topic).map_err(|_| Malformed::TopicNotText)?,
            payload: rest.0,
        };
        envelope.check()?;
        Ok(envelope)
    }

    /// Reads an envelope that a client has sent.
    ///
    /// # Errors
    /// As [`Envelope::parse`]; also for what only the server says, and for more than
    /// [`MAX_CLIENT_BYTES`].
    pub fn from_client(bytes: &'a [u8]) -> Result<Envelope<'a>, Malformed> {
        if bytes.len() > MAX_CLIENT_BYTES {
            return Err(Malformed::TooLarge(bytes.len(), MAX_CLIENT_BYTES));
        }
        let envelope = Envelope::parse(bytes)?;
        match envelope {
            Envelope { sender: Some(_), .. } => Err(Malformed::NotForClients("SENDER")),
            Envelope { seq: Some(_), .. } => Err(Malformed::NotForClients("SEQ")),
            envelope => Ok(envelope),
        }
    }

    /// Writes the envelope.
    ///
    /// # Errors
    /// A field is larger than its limit, or both audiences are chosen.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        self.check()?;
        let flags = [
            (self.lossy, flag::LOSSY),
            (self.listeners, flag::LISTENERS),
            (self.sender.is_some(), flag::SENDER),
            (self.id.is_some(), flag::ID),
            (self.seq.is_some(), flag::SEQ),
            (!self.destinations.is_empty(), flag::DESTINATIONS),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag);
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend([VERSION, flags]);
        for number in [self.sender, self.id, self.seq].into_iter().flatten() {
            bytes.extend(number.to_be_bytes());
        }
        if !self.destinations.is_empty() {
            bytes.push(self.destinations.len() as u8);
            bytes.extend(self.destinations.iter().flat_map(|number| number.to_be_bytes()));
        }
        bytes.push(self.topic.len() as u8);
        bytes.extend(self.topic.as_bytes());
        bytes.extend(self.payload);
        Ok(bytes)
    }

    /// Bytes of the envelope as it is written.
    fn len(&self) -> usize {
        let numbers = [self.sender, self.id, self.seq].into_iter().flatten().count();
        let destinations = match self.destinations.len() {
            0 => 0,
            count => 1 + 8 * count,
        };
        2 + 8 * numbers + destinations + 1 + self.topic.len() + self.payload.len()
    }

    /// What holds for envelopes beyond the shape of their bytes.
    fn check(&self) -> Result<(), Malformed> {
        let (topic, destinations) = (self.topic.len(), self.destinations.len());
        if topic > MAX_TOPIC_BYTES {
            Err(Malformed::TopicTooLong(topic))
        } else if destinations > MAX_DESTINATIONS {
            Err(Malformed::Destinations(destinations))
        } else if self.listeners && destinations > 0 {
            Err(Malformed::TwoAudiences)
        } else if self.len() > MAX_BYTES {
            Err(Malformed::TooLarge(self.len(), MAX_BYTES))
        } else {
            Ok(())
        }
    }
}

/// What is left of an envelope's bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed::Truncated(field))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.bytes(1, field).map(|bytes| bytes[0])
    }

    fn number(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed::Truncated(field))?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The example of docs/protocol.md, as the bytes that its hex dump shows.
    fn documented(title: &str) -> Vec<u8> {
        let text = include_str!("../../../docs/protocol.md");
        let (_, after) = text.split_once(title).expect("the example's title");
        let (_, dump) = after.split_once("```hex\n").expect("a hex dump");
        let (dump, _) = dump.split_once("```").expect("its end");
        dump.lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(str::split_whitespace)
            .map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits"))
            .collect()
    }

    #[test]
    fn the_documented_examples_are_envelopes() {
        let sent = documented("**As its sender writes it**");
        let expected = Envelope {
            id: Some(7),
            destinations: vec![2],
            topic: "cursor",
            payload: b"hi",
            ..Envelope::default()
        };
        assert_eq!(Envelope::from_client(&sent), Ok(expected));
        let received = documented("**As its receiver reads it**");
        let expected = Envelope {
            sender: Some(1),
            id: Some(7),
            topic: "cursor",
            payload: b"hi",
            ..Envelope::default()
        };
        assert_eq!(Envelope::parse(&received), Ok(expected));
    }

    #[test]
    fn what_is_no_envelope_is_refused_by_name() {
        for (bytes, reason) in [
            (vec![], Malformed::Truncated("version")),
            (vec![2, 0, 0], Malformed::Version(2)),
            (vec![1], Malformed::Truncated("flags")),
            (vec![1, 0x40, 0], Malformed::Flags(0x40)),
            (vec![1, 0x85, 0], Malformed::Flags(0x80)),
            (vec![1, 0x04, 0, 0], Malformed::Truncated("SENDER")),
            (vec![1, 0x08, 0, 0], Malformed::Truncated("ID")),
            (vec![1, 0x10, 0, 0], Malformed::Truncated("SEQ")),
            (vec![1, 0x20], Malformed::Truncated("DESTINATIONS")),
            (vec![1, 0x20, 0, 0], Malformed::Destinations(0)),
            (vec![1, 0x20, 65, 0], Malformed::Destinations(65)),
            (vec![1, 0x20, 1, 0], Malformed::Truncated("DESTINATIONS")),
            (vec![1, 0x22, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0], Malformed::TwoAudiences),
            (vec![1, 0], Malformed::Truncated("topic")),
            (vec![1, 0, 3, b'a', b'b'], Malformed::Truncated("topic")),
            (vec![1, 0, 2, 0xc3, 0x28], Malformed::TopicNotText),
            ([&[1, 0, 129][..], &[b'a'; 129]].concat(), Malformed::TopicTooLong(129)),
            (vec![1; 65_537], Malformed::TooLarge(65_537, 65_536)),
        ] {
            assert_eq!(Envelope::parse(&bytes), Err(reason), "{:?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[test]
    fn a_client_says_nothing_that_is_for_the_server_to_say() {
        let bytes = |envelope: Envelope<'_>| envelope.encode().unwrap();
        let sender = bytes(Envelope { sender: Some(1), ..Envelope::default() });
        assert_eq!(Envelope::from_client(&sender), Err(Malformed::NotForClients("SENDER")));
        let seq = bytes(Envelope { seq: Some(1), ..Envelope::default() });
        assert_eq!(Envelope::from_client(&seq), Err(Malformed::NotForClients("SEQ")));
        let largest = vec![7; MAX_CLIENT_BYTES - 3];
        let bytes = bytes(Envelope { payload: &largest, ..Envelope::default() });
        let envelope = Envelope::from_client(&bytes).unwrap();
        let forwarded = Envelope { sender: Some(1), seq: Some(1), ..envelope }.encode().unwrap();
        assert_eq!(forwarded.len(), MAX_BYTES);
        let larger = [&bytes[..], &[7]].concat();
        assert_eq!(
            Envelope::from_client(&larger),
            Err(Malformed::TooLarge(MAX_CLIENT_BYTES + 1, MAX_CLIENT_BYTES))
        );
    }

    #[test]
    fn fields_beyond_their_limits_make_no_envelope() {
        let long = "a".repeat(MAX_TOPIC_BYTES + 1);
        let large = vec![0; MAX_BYTES];
        for (envelope, reason) in [
            (Envelope { topic: &long, ..Envelope::default() }, Malformed::TopicTooLong(129)),
            (
                Envelope { destinations: vec![1; 65], ..Envelope::default() },
                Malformed::Destinations(65),
            ),
            (
                Envelope { destinations: vec![1], listeners: true, ..Envelope::default() },
                Malformed::TwoAudiences,
            ),
            (
                Envelope { payload: &large, ..Envelope::default() },
                Malformed::TooLarge(MAX_BYTES + 3, MAX_BYTES),
            ),
        ] {
            assert_eq!(envelope.encode(), Err(reason));
        }
    }

    /// Bytes that come near to being an envelope: random ones seldom get past the flags.
    fn nearly() -> impl Strategy<Value = Vec<u8>> {
        (0u8..0x48, vec(any::<u8>(), 0..24), 0u8..4, vec(any::<u8>(), 0..40)).prop_map(
            |(flags, numbers, length, rest)| {
                [&[VERSION, flags], &numbers[..], &[length], &rest[..]].concat()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_written_is_read(
            lossy: bool,
            listeners: bool,
            sender: Option<u64>,
            id: Option<u64>,
            seq: Option<u64>,
            destinations in vec(any::<u64>(), 0..=MAX_DESTINATIONS),
            topic in "\\PC{0,32}",
            payload in vec(any::<u8>(), 0..200),
        ) {
            let destinations = if listeners { Vec::new() } else { destinations };
            let (topic, payload) = (topic.as_str(), payload.as_slice());
            let envelope =
                Envelope { lossy, listeners, sender, id, seq, destinations, topic, payload };
            let bytes = envelope.encode().unwrap();
            prop_assert_eq!(Envelope::parse(&bytes), Ok(envelope));
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in prop_oneof![nearly(), vec(any::<u8>(), 0..64)]) {
            if let Ok(envelope) = Envelope::parse(&bytes) {
                prop_assert_eq!(envelope.encode(), Ok(bytes));
            }
        }

        #[test]
        fn an_envelope_that_is_cut_short_loses_payload_or_is_refused(
            payload in vec(any::<u8>(), 0..20),
            cut in 0usize..60,
        ) {
            let envelope = Envelope {
                id: Some(1), destinations: vec![2, 3], topic: "t", payload: &payload,
                ..Envelope::default()
            };
            let bytes = envelope.encode().unwrap();
            let cut = &bytes[..bytes.len().saturating_sub(cut)];
            match Envelope::parse(cut) {
                Ok(shorter) => {
                    prop_assert!(payload.starts_with(shorter.payload));
                    prop_assert_eq!(Envelope { payload: &payload, ..shorter }, envelope);
                }
                Err(reason) => prop_assert!(matches!(reason, Malformed::Truncated(_))),
            }
        }
    }
}
