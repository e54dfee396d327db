//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use load_tests::call::{self, MOST_PARTICIPANTS};
use load_tests::netns::Nat;
use load_tests::relay::{self, Forward};
use load_tests::run;
use load_tests::scenario::Scenario;
use load_tests::storm;

mod data;
mod feeds;
mod peer;

pub(crate) use data::{BulkArgs, DataArgs, EchoArgs};
pub(crate) use feeds::FeedsArgs;
pub(crate) use peer::{CompareArgs, FloorArgs, PeerArgs};

/// Participants that are programs, to prove and to measure a server.
#[derive(Debug, Parser)]
#[command(name = "load", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Participants join a room, each sends a tone, and each must hear the tones of the others
    ///
    /// The exit status is 0 when everybody heard everybody, 1 when not.
    Call(CallArgs),
    /// Many participants come into one room within seconds, and it is measured how long they took
    ///
    /// The exit status is 0 when all got in, 1 when not.
    Storm(StormArgs),
    /// Thousands read what happens in a room, and it is measured what a copy of an event costs
    ///
    /// The exit status is 0 when every event came once to everybody, 1 when not.
    Feeds(FeedsArgs),
    /// Participants send each other lossy data messages, and it is measured what comes, when, and at what cost
    ///
    /// The exit status is 0 when every copy was delivered or counted as dropped, 1 when not.
    Data(DataArgs),
    /// A server that does nothing but send datagrams back: what `load data --way echo` and `fan` are for
    ///
    /// Prints a line of JSON with its address and the hash of its certificate, and ends with its input.
    Echo(EchoArgs),
    /// One sends a long stream to many of whom some are slow, and it is measured what each has of it
    ///
    /// The exit status is 0 when all fast ones had the whole as it was sent, 1 when not.
    Bulk(BulkArgs),
    /// A load test: participants come as a scenario says, and what they see, hear and cost is measured
    ///
    /// The exit status is 0 when nothing was wrong: everybody got in and stayed, every frame that
    /// came was as it was sent, and nothing was left at the server when all had gone.
    Run(RunArgs),
    /// Print a scenario, or the names of those that are in the program
    Scenario {
        /// Its name
        name: Option<String>,
    },
    /// Stand between clients and a server, as a network that can be bad
    ///
    /// Prints a line of JSON with the addresses that it listens on, as in
    /// {"udp":["127.0.0.2:7882"],"tcp":[]}, and carries everything faultlessly at first. Then it takes
    /// orders, a line of JSON each, on standard input, answers each with a line of what is so after
    /// it and how much was carried, lost and so on, and ends with its input:
    ///
    ///   {"set": {"rate": 1000000, "queue": 30000, "delay_ms": 50, "jitter_ms": 30,
    ///            "reorder": 0.05, "duplicate": 0.01, "loss": 0.1}}   bit/s, bytes, shares of 1
    ///   {"outage_ms": 5000}   {"outage": true}   {"outage": false}
    ///   {"direction": "up", "set": {"loss": 0.2}}   "up" is towards the server, "down" from it
    ///   {"rebind": true}   new UDP ports at the server, as when a NAT forgets its clients
    ///   {"cut_tcp": true}   reset all connections
    ///   {"stats": true}
    ///
    /// The server has to name the relay's address to its clients and no other, and must not reach
    /// past it: with sfu.udp_port = 7882, sfu.tcp = false, sfu.advertised = ["127.0.0.2"],
    /// sfu.ice_lite = true and ice.turn = false,
    /// `load relay --udp 127.0.0.2:7882=127.0.0.1:7882` is the only way to it.
    #[command(verbatim_doc_comment)]
    Relay(RelayArgs),
    /// Make a network of namespaces: a server's place, and clients' places behind NATs. Needs root
    ///
    /// Prints a line of JSON with the namespaces and the addresses of the server and of each client,
    /// for `ip netns exec NAMESPACE PROGRAM`. Then it takes orders, a line of JSON each, on standard
    /// input, answers each with such a line, and ends with its input, network and all:
    ///
    ///   {"rebind": 0}     the first client's NAT forgets its mappings
    ///   {"renumber": 0}   the first client gets other addresses
    ///   {"cut": 0}        nothing gets to or from the first client
    ///   {"restore": 0}    it does again
    ///   {"allow": {"client": 0, "tcp": [443], "udp": []}}
    ///                     its router lets nothing out but TCP and UDP to these ports
    #[command(verbatim_doc_comment)]
    Netns(NetnsArgs),
    /// Put any server of WHIP and WHEP under load, or Janus, and measure what forwarding costs it
    ///
    /// The exit status is 0 when every viewer got media and every payload that was looked at was right,
    /// 1 when not.
    Peer(PeerArgs),
    /// Measure what forwarding costs at best on this machine
    Floor(FloorArgs),
    /// Set runs of `load peer` side by side: medians, ratios to the first server, requirements
    ///
    /// The exit status is 0 when all that is required was reached, 1 when not.
    Compare(CompareArgs),
}

/// Arguments of `load call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// The room
    #[arg(long, default_value = "load")]
    room: String,
    /// How many participants join
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(2..=i64::from(MOST_PARTICIPANTS)))]
    participants: u16,
    /// How long they talk
    #[arg(long, value_name = "S", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// A service token (`oriel token --service`); without one they join as guests
    #[arg(long)]
    token: Option<String>,
}

/// Arguments of `load storm`.
#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// The room; rooms.max_participants of the server has to allow for all
    #[arg(long, default_value = "storm")]
    room: String,
    /// How many participants join
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(storm::MOST_PARTICIPANTS)))]
    participants: u16,
    /// In how many seconds they come, evenly
    #[arg(long, value_name = "S", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(0..=3_600))]
    within: u64,
    /// How many of them speak
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(0..=i64::from(MOST_PARTICIPANTS)))]
    publishers: u16,
    /// A service token (`oriel token --service`)
    #[arg(long)]
    token: String,
    /// The server's process on this machine, to look at its memory
    #[arg(long)]
    pid: Option<u32>,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `load run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A scenario's name (`load scenario` lists them), or the path of a file
    scenario: String,
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// A service token (`oriel token --service`)
    #[arg(long)]
    token: String,
    /// The server's process on this machine, to measure its processor time and memory
    #[arg(long)]
    pid: Option<u32>,
    /// The server's counters, as in http://127.0.0.1:7890/metrics, to see that nothing is left
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,
    /// Where the bad network of a scenario stands, as in 127.0.0.2:7882=127.0.0.1:7882
    #[arg(long, value_name = "LISTEN=UPSTREAM")]
    relay: Option<Forward>,
    /// The folder with the clips, which `make clips` makes
    #[arg(long, value_name = "FOLDER", default_value = "target/clips")]
    clips: PathBuf,
    /// How long to measure, in seconds, instead of the scenario's own duration
    #[arg(long = "for", value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the report as a page with plots, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Do not tell how it goes
    #[arg(long)]
    quiet: bool,
}

impl TryFrom<RunArgs> for run::Plan {
    type Error = anyhow::Error;

    fn try_from(args: RunArgs) -> anyhow::Result<run::Plan> {
        let mut scenario = Scenario::find(&args.scenario)?;
        scenario.duration = args.seconds.unwrap_or(scenario.duration);
        Ok(run::Plan {
            name: args.scenario,
            scenario,
            url: args.url,
            token: args.token,
            pid: args.pid,
            metrics: args.metrics,
            relay: args.relay,
            clips: args.clips,
            progress: !args.quiet,
        })
    }
}

/// Arguments of `load relay`.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Carry datagrams that come to LISTEN to UPSTREAM, both as ADDRESS:PORT; may be repeated
    #[arg(long, value_name = "LISTEN=UPSTREAM", required_unless_present = "tcp")]
    udp: Vec<Forward>,
    /// Carry connections that come to LISTEN to UPSTREAM; may be repeated
    #[arg(long, value_name = "LISTEN=UPSTREAM")]
    tcp: Vec<Forward>,
    /// Decides which datagrams meet which faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Arguments of `load netns`.
#[derive(Debug, Args)]
pub(crate) struct NetnsArgs {
    /// A client behind a router that is: routed (no NAT), plain, symmetric; may be repeated
    #[arg(long = "client", value_name = "NAT", required = true)]
    pub(crate) clients: Vec<Nat>,
}

impl From<StormArgs> for storm::Plan {
    fn from(args: StormArgs) -> storm::Plan {
        storm::Plan {
            url: args.url,
            room: args.room,
            participants: args.participants,
            within: Duration::from_secs(args.within),
            publishers: args.publishers,
            token: args.token,
            pid: args.pid,
        }
    }
}

impl From<RelayArgs> for relay::Plan {
    fn from(args: RelayArgs) -> relay::Plan {
        relay::Plan { seed: args.seed, udp: args.udp, tcp: args.tcp }
    }
}

impl From<CallArgs> for call::Plan {
    fn from(args: CallArgs) -> call::Plan {
        call::Plan {
            url: args.url,
            room: args.room,
            participants: args.participants,
            duration: Duration::from_secs(args.seconds),
            token: args.token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn command(line: &str) -> Result<Command, clap::Error> {
        Ok(Cli::try_parse_from(line.split_whitespace())?.command)
    }

    fn call(line: &str) -> call::Plan {
        match command(line).expect("a command") {
            Command::Call(args) => args.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_call_has_defaults() {
        let expected = call::Plan {
            url: "http://127.0.0.1:7880".into(),
            room: "load".into(),
            participants: 2,
            duration: Duration::from_secs(5),
            token: None,
        };
        assert_eq!(call("load call"), expected);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for line in
            ["load call --participants 1", "load call --participants 41", "load call --seconds 0"]
        {
            assert!(command(line).is_err(), "{line}");
        }
        assert_eq!(call("load call --participants 40").participants, 40);
    }

    #[test]
    fn a_storm_has_defaults_and_wants_a_token() {
        let line = "load storm --token abc --pid 7";
        let Command::Storm(args) = command(line).expect("a command") else { panic!("{line}") };
        let expected = storm::Plan {
            url: "http://127.0.0.1:7880".into(),
            room: "storm".into(),
            participants: 300,
            within: Duration::from_secs(10),
            publishers: 3,
            token: "abc".into(),
            pid: Some(7),
        };
        assert_eq!(storm::Plan::from(args), expected);
        for line in ["load storm", "load storm --token abc --participants 2001"] {
            assert!(command(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_run_takes_a_scenario_and_may_shorten_it() {
        let line = "load run churn --token abc --for 60 --relay 127.0.0.2:1=127.0.0.1:1 --quiet";
        let Command::Run(args) = command(line).expect("a command") else { panic!("{line}") };
        let plan = run::Plan::try_from(args).expect("a plan");
        let scenario = Scenario::find("churn").expect("a scenario");
        assert_eq!(plan.scenario, Scenario { duration: 60, ..scenario });
        assert!(!plan.progress && plan.relay.is_some());
        let line = "load run conference-11 --token abc";
        let Command::Run(args) = command(line).expect("a command") else { panic!("{line}") };
        assert!(run::Plan::try_from(args).is_err());
    }

    #[test]
    fn a_relay_carries_what_it_is_told_to() {
        let line =
            "load relay --udp 127.0.0.2:7882=127.0.0.1:7882 --tcp [::1]:0=[::1]:7880 --seed 7";
        let Command::Relay(args) = command(line).expect("a command") else { panic!("{line}") };
        let forward = |listen: &str, upstream: &str| Forward {
            listen: listen.parse().expect("an address"),
            upstream: upstream.parse().expect("an address"),
        };
        let expected = relay::Plan {
            seed: 7,
            udp: vec![forward("127.0.0.2:7882", "127.0.0.1:7882")],
            tcp: vec![forward("[::1]:0", "[::1]:7880")],
        };
        assert_eq!(relay::Plan::from(args), expected);
        for line in ["load relay", "load relay --udp 127.0.0.1:1", "load relay --udp a=b"] {
            assert!(command(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_network_has_clients() {
        let line = "load netns --client plain --client symmetric --client routed";
        let Command::Netns(args) = command(line).expect("a command") else { panic!("{line}") };
        assert_eq!(args.clients, [Nat::Plain, Nat::Symmetric, Nat::Routed]);
        for line in ["load netns", "load netns --client open"] {
            assert!(command(line).is_err(), "{line}");
        }
    }
}
