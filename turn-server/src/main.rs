//! The binary `oriel-turn`: the STUN and TURN server on its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use turn_server::{Config, Extras, TurnHandle, TurnServer, tls};

mod metrics;

/// How often a draining server looks whether it is idle.
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);

/// A STUN and TURN server.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration, in TOML.
    #[arg(long, env = "ORIEL_TURN_CONFIG")]
    config: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, or a filter by module.
    #[arg(long, env = "ORIEL_TURN_LOG", default_value = "info")]
    log: String,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    turn: Config,
    tls: Option<TlsFiles>,
    server: Server,
}

/// `[tls]`: PEM files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
}

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Server {
    /// Where `/metrics` is served by HTTP; nowhere without it.
    metrics: Option<SocketAddr>,
    /// Seconds that allocations may go on after SIGTERM.
    drain_timeout: u64,
    /// Addresses with ports on this machine that are allowed as peers, as that of an SFU.
    peers: Vec<SocketAddr>,
}

impl Default for Server {
    fn default() -> Self {
        Server { metrics: None, drain_timeout: 60, peers: Vec::new() }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, causes included.
            eprintln!("oriel-turn: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&arguments.log).context("--log")?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let file = match &arguments.config {
        None => File::default(),
        Some(path) => {
            let shown = path.display();
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            let parsed = toml::de::Deserializer::parse(&text).with_context(|| shown.to_string())?;
            serde_path_to_error::deserialize(parsed).with_context(|| shown.to_string())?
        }
    };
    if file.turn.users.is_empty() && file.turn.secrets.is_empty() {
        tracing::warn!("nobody can allocate: set turn.users or turn.secrets");
    }
    let tls = file.tls.map(|files| tls::load(&files.cert, &files.key)).transpose()?;
    let turn = TurnServer::start(&file.turn, Extras { peers: file.server.peers, tls })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(turn.handle(), file.server.metrics, file.server.drain_timeout))
}

/// Serves metrics until the end: the first signal drains, the second one ends at once.
async fn serve(
    turn: TurnHandle,
    metrics: Option<SocketAddr>,
    drain_timeout: u64,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    if let Some(address) = metrics {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot open {address} (server.metrics)"))?;
        tokio::spawn(metrics::serve(listener, turn.clone()));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(allocations = turn.allocations(), drain_timeout, "draining");
    turn.drain();
    let end = Instant::now() + Duration::from_secs(drain_timeout);
    while turn.allocations() > 0 && Instant::now() < end {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = tokio::time::sleep(DRAIN_INTERVAL) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let text = include_str!("../../docs/turn.md");
        let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        let file: File = toml::from_str(example.unwrap_or_default())
            .unwrap_or_else(|error| panic!("docs/turn.md: {error}"));
        assert_eq!(file.turn.realm, "example.org");
        assert!(file.tls.is_some());
    }
}
