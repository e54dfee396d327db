//! The `load` command.

mod args;

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::{CallArgs, Cli, Command, NetnsArgs, RelayArgs, StormArgs};
use load_tests::netns::Network;
use load_tests::netns::order::Order as NetworkOrder;
use load_tests::relay::Relay;
use load_tests::relay::order::Order as RelayOrder;
use load_tests::{call, lines, storm};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Call(args) => talk(args).await,
        Command::Storm(args) => rush(args).await,
        Command::Relay(args) => relay(args).await,
        Command::Netns(args) => network(args).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everybody heard everybody.
async fn talk(args: CallArgs) -> anyhow::Result<bool> {
    let report = call::run(&args.into()).await?;
    print!("{report}");
    Ok(report.all_right())
}

/// Whether everybody got in.
async fn rush(args: StormArgs) -> anyhow::Result<bool> {
    let json = args.json;
    let report = storm::run(&args.into()).await?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    Ok(report.all_right())
}

async fn relay(args: RelayArgs) -> anyhow::Result<bool> {
    let relay = Relay::start(&args.into()).await?;
    let ready = json!({ "udp": relay.udp(), "tcp": relay.tcp() });
    lines::serve(&ready, async |order: RelayOrder| relay.order(order).await).await?;
    Ok(true)
}

async fn network(args: NetnsArgs) -> anyhow::Result<bool> {
    let mut network = Network::build(&args.clients)?;
    let ready = network.layout();
    lines::serve(&ready, async |order: NetworkOrder| network.order(order)).await?;
    Ok(true)
}
