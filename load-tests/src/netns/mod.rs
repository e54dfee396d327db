//! A network of one's own, of Linux network namespaces: a server on a public network, and clients
//! behind routers that may translate addresses as NATs do.
//!
//! ```text
//!   server ── 198.51.100.2 ──┐
//!                        internet ── 198.51.100.10 ── router ── 192.168.1.1 ── 192.168.1.2 ── client
//!                            └────── 198.51.100.11 ── router ── 192.168.2.1 ── 192.168.2.2 ── client
//! ```
//!
//! The same in IPv6, with 2001:db8::/64 as the public network and fd00:0:0:N::/64 behind the
//! routers. Every network is of itself: several do not meet, though they use the same addresses. It
//! needs root, `ip`, `nft` and `conntrack`; see [`missing_rights`].
//!
//! Everything goes when the [`Network`] is dropped, with the programs that still run in it. What a
//! killed process left behind is removed when the next network is built: the names of namespaces
//! tell the process they belong to.

mod commands;
mod namespace;
pub mod order;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use commands::{conntrack, ip, nft};
pub use namespace::{Host, missing_rights};
use namespace::{Namespace, PREFIX, forward, sweep};

/// Clients of one network: they have the public addresses from 10 on.
pub const MOST_CLIENTS: usize = 200;

/// How many times a client may be renumbered: its private network has no more addresses.
const MOST_NUMBERS: u8 = 250;

/// Ports that a plain NAT gives. They are none that a client would choose, so that a mapping never
/// keeps the client's port.
const PLAIN_PORTS: &str = "1024-32767";

/// What a client's router does with addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nat {
    /// Nothing: it routes, and the server sees the client's own address.
    Routed,
    /// One outside port for each inside port, whoever is talked to (endpoint-independent mapping,
    /// RFC 4787 §4.1), open to whom the client has talked to (§5).
    Plain,
    /// Another outside port for everybody who is talked to: a "symmetric" NAT.
    Symmetric,
}

impl FromStr for Nat {
    type Err = String;

    fn from_str(text: &str) -> Result<Nat, String> {
        match text {
            "routed" => Ok(Nat::Routed),
            "plain" => Ok(Nat::Plain),
            "symmetric" => Ok(Nat::Symmetric),
            _ => Err(format!("`{text}` is no kind of NAT: give routed, plain or symmetric")),
        }
    }
}

/// Why a network cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A tool said no.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A tool is not there.
    #[error(
        "`{0}` does not start ({1}): install it with 'apt-get install iproute2 nftables conntrack'"
    )]
    Tool(String, io::Error),
    /// A namespace cannot be entered.
    #[error("the namespace {0} cannot be entered: {1}")]
    Enter(String, io::Error),
    /// There is no such client.
    #[error("there is no client {0}; the first is 0")]
    NoClient(usize),
    /// There is no room for more.
    #[error("{0}")]
    Full(&'static str),
}

/// A server's place, and clients' places behind their routers.
#[derive(Debug)]
pub struct Network {
    internet: Namespace,
    server: (Namespace, Host),
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    router: Namespace,
    namespace: Namespace,
    host: Host,
    /// The last part of its private addresses.
    number: u8,
}

impl Network {
    /// Makes a network with a client behind each of these, and removes what dead processes left.
    ///
    /// # Errors
    ///
    /// When a tool is missing or fails, as without root.
    pub fn build(nats: &[Nat]) -> Result<Network, NetworkError> {
        if nats.len() > MOST_CLIENTS {
            return Err(NetworkError::Full("a network has 200 clients at most"));
        }
        for tool in ["nft", "conntrack"] {
            commands::run(tool, &["--version"], "")?;
        }
        sweep();
        /// Networks that this process has built so far.
        static BUILT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("{PREFIX}-{}-{}", std::process::id(), BUILT.fetch_add(1, Ordering::Relaxed));

        let internet = Namespace::add(format!("{name}-internet"))?;
        ip(
            &internet.0,
            "link set lo up
             link add public type bridge
             link set public up
             address add 198.51.100.1/24 dev public
             address add 2001:db8::1/64 dev public nodad",
        )?;
        forward(&internet)?;

        let server = Namespace::add(format!("{name}-server"))?;
        ip(
            &server.0,
            &format!(
                "link set lo up
                 link add public type veth peer name server netns {internet}
                 link set public up
                 address add 198.51.100.2/24 dev public
                 address add 2001:db8::2/64 dev public nodad
                 route add default via 198.51.100.1
                 route add default via 2001:db8::1",
                internet = internet.0
            ),
        )?;
        ip(&internet.0, "link set server master public up")?;
        let place = Host {
            namespace: server.0.clone(),
            ipv4: Ipv4Addr::new(198, 51, 100, 2),
            ipv6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
        };

        let mut network = Network { internet, server: (server, place), clients: Vec::new() };
        for (index, nat) in (0_u8..).zip(nats) {
            let client = network.client_behind(&name, index, *nat)?;
            network.clients.push(client);
        }
        Ok(network)
    }

    /// Where the server is.
    pub fn server(&self) -> &Host {
        &self.server.1
    }

    /// Where a client is, by its place in the list that the network was built of.
    ///
    /// # Errors
    ///
    /// [`NetworkError::NoClient`]
    pub fn client(&self, index: usize) -> Result<&Host, NetworkError> {
        self.known(index).map(|client| &client.host)
    }

    /// Where all clients are.
    pub fn clients(&self) -> impl Iterator<Item = &Host> {
        self.clients.iter().map(|client| &client.host)
    }

    /// Has a client's router forget all mappings, so that the server sees the client come from
    /// another port. A router that only routes has nothing to forget.
    ///
    /// # Errors
    ///
    /// When there is no such client, or `conntrack` fails.
    pub fn rebind(&self, index: usize) -> Result<(), NetworkError> {
        conntrack(&self.known(index)?.router.0, &["--flush"])
    }

    /// Gives a client other addresses, as when it moves to another network; the old ones are gone.
    ///
    /// # Errors
    ///
    /// When there is no such client, or its network has no address left.
    pub fn renumber(&mut self, index: usize) -> Result<&Host, NetworkError> {
        let client = self.clients.get_mut(index).ok_or(NetworkError::NoClient(index))?;
        if client.number == MOST_NUMBERS {
            return Err(NetworkError::Full("the client's network has no address left"));
        }
        client.number += 1;
        let lan = index as u8 + 1;
        ip(
            &client.namespace.0,
            &format!("address flush dev lan scope global\n{}", addresses(lan, client.number)),
        )?;
        client.host = host(&client.namespace, lan, client.number);
        Ok(&client.host)
    }

    /// Has a client's router swallow everything in both directions, as when the line is dead beyond
    /// it. Cutting twice is cutting once.
    ///
    /// # Errors
    ///
    /// When there is no such client, or `nft` fails.
    pub fn cut(&self, index: usize) -> Result<(), NetworkError> {
        nft(
            &self.known(index)?.router.0,
            "table inet cut { chain forward { type filter hook forward priority -10; policy drop; }; }",
        )
    }

    /// Undoes [`Network::cut`].
    ///
    /// # Errors
    ///
    /// When there is no such client, or `nft` fails.
    pub fn restore(&self, index: usize) -> Result<(), NetworkError> {
        // Naming the table first makes it no error that there is none.
        nft(&self.known(index)?.router.0, "table inet cut; delete table inet cut")
    }

    /// Has a client's router let nothing out but TCP and UDP to these ports, and what answers it, as a
    /// company's firewall does. The last call counts.
    ///
    /// # Errors
    ///
    /// When there is no such client, or `nft` fails.
    pub fn allow(&self, index: usize, tcp: &[u16], udp: &[u16]) -> Result<(), NetworkError> {
        let rule = |protocol: &str, ports: &[u16]| {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            // A set must have a member.
            let set = if ports.is_empty() { "0".to_owned() } else { ports.join(", ") };
            format!("iifname lan {protocol} dport {{ {set} }} accept")
        };
        nft(
            &self.known(index)?.router.0,
            &format!(
                "table inet firewall
                 delete table inet firewall
                 table inet firewall {{
                     chain forward {{
                         type filter hook forward priority -5; policy drop;
                         ct state established,related accept
                         {}
                         {}
                     }}
                 }}",
                rule("tcp", tcp),
                rule("udp", udp)
            ),
        )
    }

    fn known(&self, index: usize) -> Result<&Client, NetworkError> {
        self.clients.get(index).ok_or(NetworkError::NoClient(index))
    }

    /// Connects a new client to the internet by a new router.
    fn client_behind(&self, name: &str, index: u8, nat: Nat) -> Result<Client, NetworkError> {
        let (lan, public) = (index + 1, index + 10);
        let internet = &self.internet.0;
        let router = Namespace::add(format!("{name}-router{index}"))?;
        ip(
            &router.0,
            &format!(
                "link set lo up
                 link add wan type veth peer name client{index} netns {internet}
                 link set wan up
                 address add 198.51.100.{public}/24 dev wan
                 address add 2001:db8::{public}/64 dev wan nodad
                 route add default via 198.51.100.1
                 route add default via 2001:db8::1"
            ),
        )?;
        ip(internet, &format!("link set client{index} master public up"))?;
        forward(&router)?;
        match nat {
            Nat::Routed => ip(
                internet,
                &format!(
                    "route add 192.168.{lan}.0/24 via 198.51.100.{public}
                     route add fd00:0:0:{lan:x}::/64 via 2001:db8::{public}"
                ),
            )?,
            Nat::Plain => translate(&router, &format!("masquerade to :{PLAIN_PORTS}"))?,
            Nat::Symmetric => translate(&router, "masquerade random,fully-random")?,
        }

        let namespace = Namespace::add(format!("{name}-client{index}"))?;
        let number = 2;
        ip(
            &router.0,
            &format!(
                "link add lan type veth peer name lan netns {client}
                 link set lan up
                 address add 192.168.{lan}.1/24 dev lan
                 address add fd00:0:0:{lan:x}::1/64 dev lan nodad",
                client = namespace.0
            ),
        )?;
        ip(&namespace.0, &format!("link set lo up\nlink set lan up\n{}", addresses(lan, number)))?;
        let host = host(&namespace, lan, number);
        Ok(Client { router, namespace, host, number })
    }
}

/// The commands that give a client its addresses and its way out.
fn addresses(lan: u8, number: u8) -> String {
    format!(
        "address add 192.168.{lan}.{number}/24 dev lan
         address add fd00:0:0:{lan:x}::{number:x}/64 dev lan nodad
         route replace default via 192.168.{lan}.1
         route replace default via fd00:0:0:{lan:x}::1"
    )
}

fn host(namespace: &Namespace, lan: u8, number: u8) -> Host {
    Host {
        namespace: namespace.0.clone(),
        ipv4: Ipv4Addr::new(192, 168, lan, number),
        ipv6: Ipv6Addr::new(0xfd00, 0, 0, lan.into(), 0, 0, 0, number.into()),
    }
}

/// Has a router translate what goes out as `rule` says, and keep quiet to strangers.
fn translate(router: &Namespace, rule: &str) -> Result<(), NetworkError> {
    nft(
        &router.0,
        &format!(
            "table inet nat {{
                 chain out {{
                     type nat hook postrouting priority srcnat;
                     oifname wan meta l4proto {{ tcp, udp }} {rule}
                     oifname wan masquerade
                 }}
                 chain strangers {{
                     type filter hook input priority filter;
                     iifname wan meta l4proto {{ tcp, udp }} drop
                 }}
             }}"
        ),
    )
}
