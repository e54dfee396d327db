//! The command line of `oriel`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use signaling_core::grants::{Claims, OrielClaims, VideoClaims};
use signaling_core::name;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::auth::Keys;
use crate::config::layers::{self, Sources};
use crate::config::{Config, LogFormat};
use crate::doctor;
use crate::state::StateDir;

/// Real-time rooms in one binary.
#[derive(Debug, Parser)]
#[command(name = "oriel", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default).
    Run(Run),
    /// Print the effective configuration as TOML, secrets redacted.
    Config(Settings),
    /// Check the configuration and this machine, and say what to fix.
    Doctor(Settings),
    /// Ask the server that runs on this machine whether it is alive; for container health checks.
    Health(Settings),
    /// Print an access token, signed with the first configured key or the development key.
    Token(Token),
}

/// Where the configuration comes from. Variables like ORIEL__SERVER__HTTP_PORT=0 count, too.
#[derive(Debug, Clone, Default, Args)]
struct Settings {
    /// The configuration file (see config.example.toml).
    #[arg(long, value_name = "FILE", env = "ORIEL_CONFIG")]
    config: Option<PathBuf>,
    /// One key of the configuration, as in --set server.http_port=0. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    settings: Settings,
    /// Use the development key on addresses that others can reach: everybody may come in.
    #[arg(long)]
    dev_public: bool,
}

#[derive(Debug, Args)]
struct Token {
    #[command(flatten)]
    settings: Settings,
    /// The room that the token opens.
    #[arg(long, required_unless_present_any = ["service", "server_admin", "observe"])]
    room: Option<String>,
    /// Who the bearer is.
    #[arg(long, required_unless_present_any = ["service", "server_admin", "observe"])]
    identity: Option<String>,
    /// The display name.
    #[arg(long)]
    name: Option<String>,
    /// Free text about the bearer.
    #[arg(long)]
    metadata: Option<String>,
    /// How long the token is good for: 90s, 30m, 6h, 7d.
    #[arg(long, default_value = "6h", value_parser = parse_ttl)]
    ttl: u64,
    /// The bearer may steer the room.
    #[arg(long)]
    admin: bool,
    /// The bearer may create rooms where rooms.auto_create is off.
    #[arg(long)]
    create: bool,
    /// The bearer may not publish.
    #[arg(long)]
    no_publish: bool,
    /// The bearer may not receive media.
    #[arg(long)]
    no_subscribe: bool,
    /// The bearer is seen by nobody.
    #[arg(long)]
    hidden: bool,
    /// For encoders and load tests: the path or the join names room and identity.
    #[arg(long)]
    service: bool,
    /// For back ends: the bearer may do everything by REST, in every room.
    #[arg(long)]
    server_admin: bool,
    /// The bearer reads what happens without being there: in --room, or in all rooms.
    #[arg(long)]
    observe: bool,
}

/// Does what the command line says.
///
/// # Errors
/// What went wrong, for standard error.
pub fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Config(settings)) => print_config(&settings),
        Some(Command::Doctor(settings)) => examine(&settings),
        Some(Command::Health(settings)) => doctor::facts::ask_health(&settings.load()?),
        Some(Command::Token(token)) => print_token(token),
        Some(Command::Run(run)) => serve(run),
        None => serve(cli.run),
    }
}

impl Settings {
    fn load(&self) -> anyhow::Result<Config> {
        let sources = Sources { file: self.config.clone(), set: self.set.clone() };
        // Variables that are not UTF-8 are none of ours.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Ok(layers::load(&sources, environment)?)
    }
}

fn print_config(settings: &Settings) -> anyhow::Result<()> {
    let document = layers::document(&settings.load()?)?;
    print(&toml::to_string(&document)?)
}

fn examine(settings: &Settings) -> anyhow::Result<()> {
    // A configuration that cannot be read or used is the first thing to say, with its key.
    let config = settings.load().context("configuration")?;
    let report = doctor::Report::of(&config);
    print(&report.to_string())?;
    match report.faults() {
        0 => Ok(()),
        1 => bail!("one fault: fix it, and ask again"),
        faults => bail!("{faults} faults: fix them, and ask again"),
    }
}

fn print_token(token: Token) -> anyhow::Result<()> {
    let config = token.settings.load()?;
    let keys = Keys::from_config(&config, &StateDir::open(&config.server.state_dir)?)?;
    let ttl = token.ttl;
    let signed = keys.mint(token.claims()?, ttl)?;
    print(&format!("{signed}\n"))
}

impl Token {
    fn claims(self) -> anyhow::Result<Claims> {
        if let Some(room) = &self.room {
            name::check_room(room).context("--room")?;
        }
        if let Some(identity) = &self.identity {
            name::check_identity(identity).context("--identity")?;
        }
        Ok(Claims {
            sub: self.identity,
            name: self.name,
            metadata: self.metadata,
            video: VideoClaims {
                room_join: true,
                room: self.room,
                room_create: self.create,
                room_admin: self.admin,
                can_publish: self.no_publish.then_some(false),
                can_subscribe: self.no_subscribe.then_some(false),
                hidden: self.hidden,
                ..VideoClaims::default()
            },
            oriel: OrielClaims {
                service: self.service,
                admin: self.server_admin,
                observe: self.observe,
                origin: None,
            },
            ..Claims::default()
        })
    }
}

/// Seconds from `90s`, `30m`, `6h`, `7d`, or a bare number.
fn parse_ttl(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => return Err(format!("{other:?} is no unit: s, m, h or d")),
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("a time like 90s, 30m, 6h or 7d is needed".to_owned()),
    }
}

fn serve(run: Run) -> anyhow::Result<()> {
    let load = || -> anyhow::Result<Config> {
        let mut config = run.settings.load()?;
        config.server.dev_public |= run.dev_public;
        Ok(config)
    };
    let config = load()?;
    start_logging(&config)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let mut signals = Signals::listen()?;
        let app = App::start(&config).await?;
        print(&format!("Oriel is ready: {}\n", app.url()))?;
        while let Asked::Reload = signals.next().await {
            match load().and_then(|config| app.reload(&config)) {
                Ok(()) => tracing::info!("keys and certificate read again"),
                Err(error) => tracing::error!("the old keys stay in force: {error:#}"),
            }
        }
        tracing::info!(
            seconds = config.server.drain_timeout,
            "stopping when the rooms are empty, or after server.drain_timeout; a second signal \
             ends the wait, a third one stops at once"
        );
        tokio::select! {
            () = app.drain() => {}
            () = signals.stop() => tracing::info!("stopping now"),
        }
        // Those who are still there are told why.
        tokio::select! {
            () = app.stop() => Ok(()),
            () = signals.stop() => bail!("stopped at once by another signal"),
        }
    })
}

enum Asked {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
        }
    }

    async fn stop(&mut self) {
        while !matches!(self.next().await, Asked::Stop) {}
    }
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("log.level: {:?} cannot be used", config.log.level))?;
    // Standard output is for what was asked for.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match config.log.format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// Standard output may be a pipe that nobody reads any more: that is no reason to panic.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write the output")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        for line in [
            "oriel",
            "oriel --dev-public --set a=b",
            "oriel run --config x.toml",
            "oriel config --set a=b --set c=d",
            "oriel doctor --config x.toml",
            "oriel health --set a=b",
            "oriel token --service",
            "oriel token --server-admin",
            "oriel token --observe",
            "oriel token --room r --identity i --name N --ttl 7d --admin",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        for line in
            ["oriel token", "oriel token --room r", "oriel fly", "oriel token --service --ttl 0s"]
        {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse_ttl("90s"), Ok(90));
        assert_eq!(parse_ttl("90"), Ok(90));
        assert_eq!(parse_ttl("7d"), Ok(7 * 86_400));
        for text in ["", "h", "-1h", "1w", "0s", "99999999999999999999d"] {
            assert!(parse_ttl(text).is_err(), "{text}");
        }
    }
}
