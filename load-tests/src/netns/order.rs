//! What a network can be told, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Host, Network, NetworkError};

/// One thing to be done to a client, by its index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// [`Network::rebind`]
    Rebind(usize),
    /// [`Network::renumber`]
    Renumber(usize),
    /// [`Network::cut`]
    Cut(usize),
    /// [`Network::restore`]
    Restore(usize),
    /// [`Network::allow`]
    Allow {
        /// Which one.
        client: usize,
        /// Ports.
        tcp: Vec<u16>,
        /// Ports.
        udp: Vec<u16>,
    },
}

/// Where everybody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The server's place.
    pub server: Host,
    /// The clients' places.
    pub clients: Vec<Host>,
}

impl Network {
    /// Where everybody is now.
    pub fn layout(&self) -> Layout {
        Layout { server: self.server().clone(), clients: self.clients().cloned().collect() }
    }

    /// Does what is asked, and tells where everybody is after it.
    ///
    /// # Errors
    ///
    /// As the operation that is asked for.
    pub fn order(&mut self, order: Order) -> Result<Layout, NetworkError> {
        match order {
            Order::Rebind(client) => self.rebind(client)?,
            Order::Renumber(client) => self.renumber(client).map(drop)?,
            Order::Cut(client) => self.cut(client)?,
            Order::Restore(client) => self.restore(client)?,
            Order::Allow { client, tcp, udp } => self.allow(client, &tcp, &udp)?,
        }
        Ok(self.layout())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_documented() {
        for (text, order) in [
            (r#"{"rebind": 0}"#, Order::Rebind(0)),
            (r#"{"renumber": 1}"#, Order::Renumber(1)),
            (r#"{"cut": 2}"#, Order::Cut(2)),
            (r#"{"restore": 2}"#, Order::Restore(2)),
            (
                r#"{"allow": {"client": 1, "tcp": [443], "udp": []}}"#,
                Order::Allow { client: 1, tcp: vec![443], udp: Vec::new() },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Order>(text).expect("an order"), order);
        }
        assert!(serde_json::from_str::<Order>(r#"{"cut": -1}"#).is_err());
        assert!(serde_json::from_str::<Order>(r#"{"cut": 0, "restore": 0}"#).is_err());
    }
}
