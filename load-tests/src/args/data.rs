//! The arguments of what measures data messages.

use clap::Args;
use load_tests::data::{LARGEST, LEAST, MOST_MEMBERS, Plan, Way};

/// Arguments of `load data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// A service token (`oriel token --service`)
    #[arg(long)]
    token: String,
    /// The server's counters, as in http://127.0.0.1:7890/metrics
    #[arg(long, value_name = "URL")]
    metrics: String,
    /// The server's process on this machine
    #[arg(long)]
    pid: u32,
    /// How messages go
    #[arg(long, value_enum, default_value = "channels")]
    way: Way,
    /// How many are in the room: each message is for all but its sender
    #[arg(long, value_name = "N", default_value_t = 101,
          value_parser = clap::value_parser!(u32).range(2..=i64::from(MOST_MEMBERS)))]
    members: u32,
    /// How many of them send
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_MEMBERS)))]
    senders: u32,
    /// Messages a second of each
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,
    /// Bytes of payload
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(i64::from(LEAST)..=i64::from(LARGEST)))]
    bytes: u32,
    /// How long they send
    #[arg(long, value_name = "S", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl From<DataArgs> for Plan {
    fn from(args: DataArgs) -> Plan {
        Plan {
            url: args.url,
            token: args.token,
            metrics: args.metrics,
            pid: args.pid,
            way: args.way,
            members: args.members,
            senders: args.senders.min(args.members),
            rate: args.rate,
            bytes: args.bytes,
            seconds: args.seconds,
        }
    }
}
