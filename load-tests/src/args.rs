//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use load_tests::call::{MOST_PARTICIPANTS, Plan};

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

impl From<CallArgs> for Plan {
    fn from(args: CallArgs) -> Plan {
        Plan {
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

    fn plan(line: &str) -> Result<Plan, clap::Error> {
        let Command::Call(args) = Cli::try_parse_from(line.split_whitespace())?.command;
        Ok(args.into())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_call_has_defaults() {
        let expected = Plan {
            url: "http://127.0.0.1:7880".into(),
            room: "load".into(),
            participants: 2,
            duration: Duration::from_secs(5),
            token: None,
        };
        assert_eq!(plan("load call").expect("a plan"), expected);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for line in
            ["load call --participants 1", "load call --participants 41", "load call --seconds 0"]
        {
            assert!(plan(line).is_err(), "{line}");
        }
        assert_eq!(plan("load call --participants 40").expect("a plan").participants, 40);
    }
}
