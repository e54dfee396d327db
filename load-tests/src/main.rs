//! The `load` command.

mod args;

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};

use args::{
    BulkArgs, CallArgs, Cli, Command, CompareArgs, DataArgs, EchoArgs, FeedsArgs, FloorArgs,
    NetnsArgs, PeerArgs, RelayArgs, RunArgs, StormArgs,
};
use load_tests::data::echo::Echo;
use load_tests::netns::Network;
use load_tests::netns::order::Order as NetworkOrder;
use load_tests::peer::compare::Comparison;
use load_tests::peer::{self, floor};
use load_tests::relay::Relay;
use load_tests::relay::order::Order as RelayOrder;
use load_tests::scenario::BUILT_IN;
use load_tests::{bulk, call, data, feeds, lines, run, storm};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let mut runtime = match command {
        // To hand a datagram to another thread costs more than to carry it.
        Command::Relay(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    match runtime
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|it| it.block_on(carry_out(command)))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was as it should be.
async fn carry_out(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Call(args) => talk(args).await,
        Command::Storm(args) => rush(args).await,
        Command::Feeds(args) => fan_out(args),
        Command::Data(args) => relay_data(args).await,
        Command::Echo(args) => echo(args).await,
        Command::Bulk(args) => relay_bulk(args).await,
        Command::Run(args) => load(args).await,
        Command::Scenario { name } => scenario(name.as_deref()),
        Command::Relay(args) => relay(args).await,
        Command::Netns(args) => network(args).await,
        Command::Peer(args) => strain(args).await,
        Command::Floor(args) => floor(args),
        Command::Compare(args) => compare(args),
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
    show(&report, json)?;
    Ok(report.all_right())
}

/// Whether every event came once to everybody.
fn fan_out(args: FeedsArgs) -> anyhow::Result<bool> {
    let json = args.json;
    let report = feeds::run(&args.try_into()?)?;
    show(&report, json)?;
    Ok(report.all_right())
}

/// Whether every copy is accounted for.
async fn relay_data(args: DataArgs) -> anyhow::Result<bool> {
    let json = args.json;
    let report = data::run(&args.into()).await?;
    show(&report, json)?;
    Ok(report.all_right())
}

async fn echo(args: EchoArgs) -> anyhow::Result<bool> {
    let echo = Echo::bind(args.fan)?;
    let ready = echo.invitation().clone();
    let echoing = tokio::spawn(echo.run());
    lines::serve(&ready, async |order: Value| {
        anyhow::bail!("it takes no orders: {order}") as anyhow::Result<()>
    })
    .await?;
    echoing.abort();
    Ok(true)
}

/// Whether all who are fast had the whole stream.
async fn relay_bulk(args: BulkArgs) -> anyhow::Result<bool> {
    let json = args.json;
    let report = bulk::run(&args.into()).await?;
    show(&report, json)?;
    Ok(report.all_right())
}

/// Whether nothing was wrong.
async fn load(args: RunArgs) -> anyhow::Result<bool> {
    let (json, html) = (args.json.clone(), args.html.clone());
    let report = run::run(&args.try_into()?).await?;
    print!("{report}");
    let write = |path: PathBuf, text: String| {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    if let Some(path) = json {
        write(path, format!("{:#}\n", report.to_json()))?;
    }
    if let Some(path) = html {
        write(path, report.to_html())?;
    }
    Ok(report.faults().is_empty())
}

fn scenario(name: Option<&str>) -> anyhow::Result<bool> {
    match name {
        None => BUILT_IN.iter().for_each(|(name, _)| println!("{name}")),
        Some(name) => {
            let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
            let (_, text) = built_in.with_context(|| {
                format!("no scenario is called `{name}`; `load scenario` lists them")
            })?;
            print!("{text}");
        }
    }
    Ok(true)
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

/// Whether every viewer got what was sent.
async fn strain(args: PeerArgs) -> anyhow::Result<bool> {
    let json = args.json;
    let report = peer::run(&args.try_into()?).await?;
    show(&report, json)?;
    Ok(report.all_right())
}

fn floor(args: FloorArgs) -> anyhow::Result<bool> {
    let json = args.json;
    show(&floor::measure(args.into())?, json)?;
    Ok(true)
}

/// Whether all that is required was reached.
fn compare(args: CompareArgs) -> anyhow::Result<bool> {
    let file = args.file.display();
    let lines = fs::read_to_string(&args.file).with_context(|| format!("cannot read {file}"))?;
    let comparison = Comparison::read(&lines)?;
    show(&comparison, args.json)?;
    Ok(comparison.all_met())
}

/// Prints a report, for people or as a line of JSON.
fn show(report: &(impl Serialize + Display), json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
