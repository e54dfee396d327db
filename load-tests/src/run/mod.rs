//! A load test: the participants of a [`Scenario`] come, are measured, and go.
//!
//! [`population`] brings them and takes them away, [`watch`] looks at the run every second, and
//! [`page`] asks the server's own counters whether anything is left in the end.

pub(crate) mod page;
mod population;
pub(crate) mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep, sleep_until};

use crate::bot::join::Server;
use crate::measure::Recorder;
use crate::media::player::Clock;
use crate::process::Process;
use crate::relay::order::{Direction, Order};
use crate::relay::{self, Forward, Relay};
use crate::report::{Findings, Left, Report, Work};
use crate::scenario::{Network, Scenario};
use crate::share;
use population::Population;
use watch::Watch;

/// From the last join until it is measured: keyframes are asked for and come.
const SETTLE: Duration = Duration::from_secs(2);

/// How long the server may take until nothing is left of those who went.
const FORGET: Duration = Duration::from_secs(60);

/// How long memory may take to be given back after that.
pub(crate) const CALM: Duration = Duration::from_secs(8);

/// How often the server is asked what is left.
const ASK: Duration = Duration::from_millis(500);

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the scenario is called.
    pub name: String,
    /// What is to happen.
    pub scenario: Scenario,
    /// The server, `http://host:port`.
    pub url: String,
    /// A service token: guests are let in more slowly.
    pub token: String,
    /// The server's process, where it is on this machine.
    pub pid: Option<u32>,
    /// Its counters, `http://host:port/metrics`.
    pub metrics: Option<String>,
    /// Where the bad network stands.
    pub relay: Option<Forward>,
    /// Where the clips are.
    pub clips: PathBuf,
    /// Whether to tell every second how it goes, on standard error.
    pub progress: bool,
}

/// Carries a plan out.
///
/// # Errors
///
/// When there is no server, or not what the scenario needs. Participants that fail are counted in the report.
pub async fn run(plan: &Plan) -> anyhow::Result<Box<dyn Findings>> {
    match plan.scenario.files {
        Some(files) => share::run(plan, files).await,
        None => Ok(Box::new(meet(plan).await?)),
    }
}

/// Has participants meet, as a plan without files says.
///
/// # Errors
///
/// When there is no clip, no server, or no relay where the scenario wants a bad network. Participants
/// that fail are counted in the report.
pub async fn meet(plan: &Plan) -> anyhow::Result<Report> {
    let scenario = &plan.scenario;
    let url = Server::parse(&plan.url)?.signaling();
    let relay = bad_network(plan).await?;
    let server = plan.pid.map(Process::new);
    let fresh = server.map(Process::resident).transpose()?;
    let recorder = Arc::new(Recorder::default());
    let clock = Clock::starting(std::time::Instant::now());
    let mut population = Population::new(plan, url, clock)?;
    let mut before = fresh;
    if scenario.churn.is_some() {
        // What a server keeps for later, it keeps after the first who came and went.
        population.come(scenario.ramp()).await?;
        population.go().await;
        before = left(plan, server).await?.resident;
    }
    population.begin_anew(Arc::clone(&recorder));

    let watch = Watch::start(server, Arc::clone(&recorder), population.present(), plan.progress);
    let begun = Instant::now();
    population.come(scenario.ramp()).await?;
    let came = begun.elapsed();
    sleep(SETTLE).await;
    let start = Mark::now(server, population.heard())?;
    recorder.begin();
    let end = start.at + Duration::from_secs(scenario.duration);
    match scenario.churn {
        Some(churn) => population.churn(churn.per_second, end).await?,
        None => sleep_until(end).await,
    }
    recorder.end();
    let stop = Mark::now(server, population.heard())?;
    let full = server.map(Process::resident).transpose()?;
    let independent = population.independent();
    population.go().await;
    let samples = watch.stop().await;
    let left = left(plan, server).await?;
    let carried = match relay {
        Some(relay) => Some(relay.order(Order::default()).await?),
        None => None,
    };
    Ok(Report {
        scenario: plan.name.clone(),
        about: scenario.about.clone(),
        participants: scenario.participants(),
        joins: population.joins(),
        leaves: population.leaves(),
        churned: scenario.churn.is_some(),
        came,
        work: Work {
            measured: stop.at - start.at,
            processor: start
                .processor
                .zip(stop.processor)
                .map(|(from, to)| to.saturating_sub(from)),
            bots: stop.bots.saturating_sub(start.bots),
            bots_cores: available_parallelism().map_or(1, usize::from),
            forwarded: recorder.packets.get() + stop.heard.saturating_sub(start.heard),
            fresh,
            before,
            full,
        },
        left,
        independent,
        carried,
        failures: population.failures(),
        recorder,
        samples,
    })
}

/// One end of the measured window.
struct Mark {
    at: Instant,
    processor: Option<Duration>,
    bots: Duration,
    /// Packets that independent bots heard until then; they have no recorder.
    heard: u64,
}

impl Mark {
    fn now(server: Option<Process>, heard: u64) -> anyhow::Result<Mark> {
        let processor = server.map(Process::processor_time).transpose()?;
        let bots = Process::new(std::process::id()).processor_time()?;
        Ok(Mark { at: Instant::now(), processor, bots, heard })
    }
}

/// Starts the relay that the scenario's network needs.
async fn bad_network(plan: &Plan) -> anyhow::Result<Option<Relay>> {
    let Some(Network { up, down }) = plan.scenario.network else {
        ensure!(plan.relay.is_none(), "--relay is for scenarios with a [network]: leave it out");
        return Ok(None);
    };
    let forward = plan.relay.context(
        "the scenario has a [network]: name the relay's place with --relay LISTEN=UPSTREAM, and have \
         the server name LISTEN to its clients (`make load` does both)",
    )?;
    let relay = Relay::start(&relay::Plan { seed: 1, udp: vec![forward], tcp: vec![] })
        .await
        .with_context(|| format!("the relay cannot listen on {}", forward.listen))?;
    for (direction, set) in [(Direction::Up, up), (Direction::Down, down)] {
        relay.order(Order { direction, set, ..Order::default() }).await?;
    }
    Ok(Some(relay))
}

/// What is left at the server of those who went, once it had time to forget them.
pub(crate) async fn left(plan: &Plan, server: Option<Process>) -> anyhow::Result<Left> {
    let counts = forgotten(plan).await?;
    sleep(CALM).await;
    Ok(Left {
        participants: counts.map(|counts| counts.participants),
        sessions: counts.map(|counts| counts.sessions),
        resident: server.map(Process::resident).transpose()?,
    })
}

/// Waits until nothing is left of those who went, as long as that may take; returns what is.
async fn forgotten(plan: &Plan) -> anyhow::Result<Option<page::Counts>> {
    let Some(metrics) = &plan.metrics else {
        sleep(SETTLE).await;
        return Ok(None);
    };
    let until = Instant::now() + FORGET;
    loop {
        let counts = page::counts(metrics).await.context("the server's counters")?;
        if counts.is_nothing() || Instant::now() > until {
            return Ok(Some(counts));
        }
        sleep(ASK).await;
    }
}
