//! What a participant wants to receive.

/// Which tracks a participant is subscribed to, now and as they come. Its own are never among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interest {
    /// Everybody's.
    #[default]
    All,
    /// Those of one identity, whether it is there yet or not.
    Identity(String),
    /// None.
    None,
}

impl Interest {
    /// Whether the tracks of `publisher` (an identity) are wanted.
    pub fn wants(&self, publisher: &str) -> bool {
        match self {
            Interest::All => true,
            Interest::Identity(identity) => identity == publisher,
            Interest::None => false,
        }
    }
}
