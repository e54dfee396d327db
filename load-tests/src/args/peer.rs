//! The arguments of what measures servers beside one another.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use load_tests::peer::{self, MOST_SESSIONS, Server, Shape, floor};

/// Arguments of `load peer`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("server").required(true).args(["whip", "janus"]))]
pub(crate) struct PeerArgs {
    /// Where publishers post their offers, with {room} and {publisher} for the names
    #[arg(long, value_name = "URL", requires = "whep", conflicts_with = "janus")]
    whip: Option<String>,
    /// Where viewers post their offers; without {publisher} a viewer has one session for the room
    #[arg(long, value_name = "URL", requires = "whip")]
    whep: Option<String>,
    /// The bearer token for both
    #[arg(long, requires = "whip")]
    token: Option<String>,
    /// Janus' WebSocket instead, ws://HOST:PORT: its videoroom is driven directly
    #[arg(long, value_name = "URL")]
    janus: Option<String>,
    /// What the report calls the server
    #[arg(long, default_value = "server")]
    label: String,
    /// How many rooms there are
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rooms: u16,
    /// How many publish in each room
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    publishers: u16,
    /// How many view all publishers of each room
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=2_000))]
    viewers: u16,
    /// How long it counts
    #[arg(long, value_name = "S", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How long all run before that
    #[arg(long, value_name = "S", default_value_t = 3,
          value_parser = clap::value_parser!(u64).range(0..=600))]
    warmup: u64,
    /// Viewers of each room that check every payload, and measure delay
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=2_000))]
    sampled: u16,
    /// Let the other viewers count packets without decrypting them, where a core is too little for
    /// that. They send no feedback then, which spares the server some work
    #[arg(long)]
    fast: bool,
    /// The server's process on this machine, to look at its processor time; may be repeated
    #[arg(long)]
    pid: Vec<u32>,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `load floor`.
#[derive(Debug, Args)]
pub(crate) struct FloorArgs {
    /// The core that sends
    #[arg(long, value_name = "N", default_value_t = 0)]
    core: usize,
    /// The core that receives
    #[arg(long, value_name = "N", default_value_t = 1)]
    receiving_core: usize,
    /// How long it is measured
    #[arg(long, value_name = "S", default_value_t = 2,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Print it as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `load compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A file with what `load peer --json` and `load floor --json` have printed
    pub(crate) file: PathBuf,
    /// Print the comparison as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl TryFrom<PeerArgs> for peer::Plan {
    type Error = anyhow::Error;

    fn try_from(args: PeerArgs) -> anyhow::Result<peer::Plan> {
        let server = match (args.whip, args.whep, args.janus) {
            (Some(whip), Some(whep), None) => Server::Whip { whip, whep, token: args.token },
            (None, None, Some(url)) => Server::Janus { url },
            _ => anyhow::bail!("--whip goes with --whep; --janus stands alone"),
        };
        let PeerArgs { rooms, publishers, viewers, .. } = args;
        let shape = Shape { rooms, publishers, viewers };
        anyhow::ensure!(
            shape.sessions() <= MOST_SESSIONS,
            "{shape} takes {} sessions; at most {MOST_SESSIONS} are possible",
            shape.sessions()
        );
        Ok(peer::Plan {
            server,
            label: args.label,
            shape,
            warmup: Duration::from_secs(args.warmup),
            window: Duration::from_secs(args.seconds),
            fast: args.fast,
            sampled: args.sampled,
            pids: args.pid,
        })
    }
}

impl From<FloorArgs> for floor::Plan {
    fn from(args: FloorArgs) -> floor::Plan {
        let FloorArgs { core, receiving_core, seconds, .. } = args;
        floor::Plan { core, receiving_core, time: Duration::from_secs(seconds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn plan(line: &str) -> anyhow::Result<peer::Plan> {
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Peer(args) => args.try_into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_is_reached_in_one_of_two_ways() {
        let by_whip =
            plan("load peer --whip http://a/{publisher} --whep http://a/ --token t").unwrap();
        let (whip, whep) = ("http://a/{publisher}".to_owned(), "http://a/".to_owned());
        assert_eq!(by_whip.server, Server::Whip { whip, whep, token: Some("t".to_owned()) });
        assert_eq!(by_whip.shape, Shape { rooms: 1, publishers: 1, viewers: 20 });
        let by_janus = plan("load peer --janus ws://a:8188 --fast --pid 7").unwrap();
        assert_eq!(by_janus.server, Server::Janus { url: "ws://a:8188".to_owned() });
        assert!(by_janus.fast && by_janus.pids == [7]);
        for line in [
            "load peer",
            "load peer --whip http://a/{publisher}",
            "load peer --whep http://a/",
            "load peer --whip http://a/ --whep http://a/ --janus ws://a",
            "load peer --janus ws://a --whep http://a/",
            "load peer --janus ws://a --viewers 0",
            "load peer --janus ws://a --rooms 1000 --publishers 2 --viewers 3",
        ] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
