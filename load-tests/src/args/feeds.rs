//! The arguments of what measures fan-out.

use clap::{ArgGroup, Args};
use load_tests::feeds::{Form, MOST_READERS, Plan, Server};

/// Arguments of `load feeds`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("server").required(true).args(["url", "subscribe"]))]
pub(crate) struct FeedsArgs {
    /// The server: a participant chats in one of its rooms, observers read
    #[arg(long, requires_all = ["token", "observe"])]
    url: Option<String>,
    /// A service token, for the participant (`oriel token --service`)
    #[arg(long)]
    token: Option<String>,
    /// A token for the observers (`oriel token --observe`)
    #[arg(long)]
    observe: Option<String>,
    /// Another server: where its readers read, http://... or ws://...
    #[arg(long, value_name = "URL", requires = "publish")]
    subscribe: Option<String>,
    /// And where to post what they are to read
    #[arg(long, value_name = "URL", requires = "subscribe")]
    publish: Option<String>,
    /// What the report calls the server
    #[arg(long, default_value = "server")]
    label: String,
    /// How events come
    #[arg(long, value_enum, default_value = "sse")]
    form: Form,
    /// How many read
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_READERS)))]
    readers: u32,
    /// How many events are said, one after the other has come to all
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    events: u32,
    /// The server's process on this machine, to look at its time and memory; may be repeated
    #[arg(long)]
    pid: Vec<u32>,
    /// Fail when what is required of Oriel is not reached
    #[arg(long)]
    require: bool,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl TryFrom<FeedsArgs> for Plan {
    type Error = anyhow::Error;

    fn try_from(args: FeedsArgs) -> anyhow::Result<Plan> {
        let server = match (args.url, args.token, args.observe, args.subscribe, args.publish) {
            (Some(url), Some(token), Some(observe), None, None) => {
                Server::Oriel { url, token, observe }
            }
            (None, None, None, Some(subscribe), Some(publish)) => {
                Server::Plain { publish, subscribe }
            }
            _ => anyhow::bail!("--url goes with --token and --observe, --subscribe with --publish"),
        };
        Ok(Plan {
            server,
            label: args.label,
            form: args.form,
            readers: args.readers,
            events: args.events,
            pids: args.pid,
            required: args.require,
        })
    }
}
