//! What a relay can be told, and what it answers.

use serde::{Deserialize, Serialize};

use super::impairment::{Change, Impairment, ImpairmentError};
use super::path::Counts;

/// The longest outage with an end: one day.
const LONGEST_OUTAGE_MS: u64 = 86_400_000;

/// Things to be done, in the order of the fields. An empty order asks for the [`Stats`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// What `set` and the outages are about.
    pub direction: Direction,
    /// How the path is to be.
    pub set: Change,
    /// Whether nothing gets through, until told otherwise.
    pub outage: Option<bool>,
    /// For how many milliseconds from now nothing gets through.
    pub outage_ms: Option<u64>,
    /// Whether live UDP clients get new source addresses at the server, as when a NAT forgets them.
    pub rebind: bool,
    /// Whether TCP connections are reset, on both sides.
    pub cut_tcp: bool,
    /// Does nothing but make an order that says what it is for.
    pub stats: bool,
}

/// Which half of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From the clients to the server.
    Up,
    /// From the server to the clients.
    Down,
}

impl Direction {
    /// Whether the half from the clients to the server is meant.
    pub fn is_up(self) -> bool {
        self != Direction::Down
    }

    /// Whether the half from the server to the clients is meant.
    pub fn is_down(self) -> bool {
        self != Direction::Up
    }
}

/// Why an order was not carried out; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// A value is out of range.
    #[error(transparent)]
    Impairment(#[from] ImpairmentError),
    /// An outage is too long.
    #[error("`outage_ms` may be {LONGEST_OUTAGE_MS} at most; `outage` lasts until told otherwise")]
    Outage,
    /// New sockets could not be made.
    #[error("the clients could not be rebound: {0}")]
    Rebind(std::io::Error),
    /// The relay is gone.
    #[error("the relay has ended")]
    Ended,
}

impl Order {
    /// Checks what does not depend on how the path is.
    pub(super) fn check(&self) -> Result<(), OrderError> {
        match self.outage_ms {
            Some(ms) if ms > LONGEST_OUTAGE_MS => Err(OrderError::Outage),
            _ => Ok(()),
        }
    }
}

/// What a relay answers to every order: how things are after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stats {
    /// UDP clients that are known now.
    pub clients: usize,
    /// TCP connections that are open now.
    pub connections: usize,
    /// Datagrams of clients beyond the most that are known at once, and connections likewise.
    pub turned_away: u64,
    /// From the clients to the server.
    pub up: Half,
    /// From the server to the clients.
    pub down: Half,
}

/// How one direction is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Half {
    /// What it does.
    pub impairment: Impairment,
    /// What it has done.
    #[serde(flatten)]
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_documented() {
        let order = |text: &str| serde_json::from_str::<Order>(text).expect("an order");
        let change = Change { loss: Some(0.1), delay_ms: Some(30), ..Change::default() };
        assert_eq!(
            order(r#"{"set": {"loss": 0.1, "delay_ms": 30}}"#),
            Order { set: change, ..Order::default() }
        );
        assert_eq!(
            order(r#"{"outage_ms": 5000, "direction": "up"}"#),
            Order { outage_ms: Some(5_000), direction: Direction::Up, ..Order::default() }
        );
        assert_eq!(order(r#"{"outage": true}"#), Order { outage: Some(true), ..Order::default() });
        assert_eq!(
            order(r#"{"rebind": true, "cut_tcp": true}"#),
            Order { rebind: true, cut_tcp: true, ..Order::default() }
        );
        assert_eq!(order(r#"{"stats": true}"#), Order { stats: true, ..Order::default() });
        assert!(serde_json::from_str::<Order>(r#"{"outrage": true}"#).is_err());
    }
}
