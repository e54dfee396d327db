//! The arguments of what measures data messages, and streams of data.

use clap::Args;
use load_tests::bulk;
use load_tests::data::{LARGEST, LEAST, MOST_MEMBERS, Plan, Way};

/// Arguments of `load data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// A service token (`oriel token --service`)
    #[arg(long, required_unless_present = "hash")]
    token: Option<String>,
    /// The server's counters, as in http://127.0.0.1:7890/metrics
    #[arg(long, value_name = "URL", required_unless_present = "hash")]
    metrics: Option<String>,
    /// For `--way echo` and `fan`: the hash of the certificate that `load echo` has printed
    #[arg(long, value_name = "BASE64")]
    hash: Option<String>,
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
            token: args.token.unwrap_or_default(),
            metrics: args.metrics.unwrap_or_default(),
            hashes: args.hash.into_iter().collect(),
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

/// Arguments of `load echo`.
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {
    /// Send each datagram to all others, and not back
    #[arg(long)]
    pub(crate) fan: bool,
}

/// Arguments of `load bulk`.
#[derive(Debug, Args)]
pub(crate) struct BulkArgs {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// A service token (`oriel token --service`)
    #[arg(long)]
    token: String,
    /// The server's process on this machine
    #[arg(long)]
    pid: u32,
    /// Millions of bytes that are sent
    #[arg(long, value_name = "MB", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    megabytes: u32,
    /// Receivers that read as fast as they can
    #[arg(long, value_name = "N", default_value_t = 9,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    fast: u32,
    /// Receivers that are slow
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(0..=100))]
    slow: u32,
    /// Bytes a second that a slow one reads
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(1_000..=1_000_000_000))]
    slow_rate: u32,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl From<BulkArgs> for bulk::Plan {
    fn from(args: BulkArgs) -> bulk::Plan {
        bulk::Plan {
            url: args.url,
            token: args.token,
            pid: args.pid,
            bytes: u64::from(args.megabytes) * 1_000_000,
            fast: args.fast,
            slow: args.slow,
            slow_rate: args.slow_rate,
        }
    }
}
