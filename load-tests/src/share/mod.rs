//! A load test of file drop: in each room somebody has a file, and others fetch it, past the server.
//!
//! The bots speak the protocol of `docs/transfer.md`, written from that page and not from the clients' code, and
//! verify every block. What a file costs the server is to have two pages find each other.
//!
//! [`control`], [`note`], [`piece`] and [`tree`] are what goes over the wire, [`sender`] and [`receiver`] the two
//! sides of a transfer, all pure; [`page`] and [`lane`] connect them, and [`room`] has them come and go.

mod content;
mod control;
mod lane;
mod note;
mod page;
mod piece;
mod receiver;
mod report;
mod room;
mod sender;
mod tally;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use signaling_core::request::Join;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::bot::join::Server;
use crate::process::Process;
use crate::report::{Findings, Work};
use crate::run::{Plan, left, watch::Watch};
use crate::scenario::Files;
use content::Content;
use note::Secret;
use report::Report;
use room::Visit;
use sender::Offer;
use tally::Tally;

/// A guest comes so much later than its host, or than the guest before it.
const LATER: Duration = Duration::from_millis(100);

/// Carries a plan with files out.
///
/// # Errors
///
/// When there is no server. Participants that fail are counted in the report.
pub(crate) async fn run(plan: &Plan, files: Files) -> anyhow::Result<Box<dyn Findings>> {
    let scenario = &plan.scenario;
    let url = Server::parse(&plan.url)?.signaling();
    let offers = offers(scenario.rooms, files).await?;
    let server = plan.pid.map(Process::new);
    let bots = Process::new(std::process::id());
    let before = server.map(Process::resident).transpose()?;
    let tally = Arc::new(Tally::default());
    let (recorder, present) = (Arc::clone(&tally.recorder), Arc::clone(&tally.present));
    let watch = Watch::start(server, recorder, present, plan.progress);
    let processor = || server.map(Process::processor_time).transpose();
    let (begun, spent, spent_by_bots) = (Instant::now(), processor()?, bots.processor_time()?);
    tally.recorder.begin();

    let mut pages = JoinSet::new();
    for (room, offer) in (0_u32..).zip(offers) {
        let due = begun + scenario.ramp() * room / scenario.rooms;
        let secret = Secret::make();
        let visit = |who: String| Visit {
            url: url.clone(),
            join: Join {
                token: plan.token.clone(),
                room: Some(format!("drop.load-{}", room + 1)),
                identity: Some(who.clone()),
                name: Some(who),
                ..Join::default()
            },
            secret: secret.clone(),
            tally: Arc::clone(&tally),
        };
        let host = visit("host".to_owned());
        pages.spawn(async move {
            sleep_until(due).await;
            room::host(host, offer, files.guests).await
        });
        for guest in 1..=files.guests {
            let visit = visit(format!("guest-{guest}"));
            pages.spawn(async move {
                sleep_until(due + LATER * guest).await;
                room::guest(visit).await
            });
        }
    }
    let end = begun + scenario.ramp() + Duration::from_secs(scenario.duration);
    let failures = failures(pages, end).await?;
    tally.recorder.end();
    let took = begun.elapsed();
    let work = Work {
        measured: took,
        processor: processor()?.zip(spent).map(|(now, before)| now.saturating_sub(before)),
        bots: bots.processor_time()?.saturating_sub(spent_by_bots),
        bots_cores: available_parallelism().map_or(1, usize::from),
        forwarded: 0,
        fresh: before,
        before,
        full: server.map(Process::resident).transpose()?,
    };
    let samples = watch.stop().await;
    let left = left(plan, server).await?;
    Ok(Box::new(Report {
        name: plan.name.clone(),
        scenario: scenario.clone(),
        expected: (scenario.rooms * files.guests) as usize,
        took,
        work,
        left,
        failures,
        tally,
        samples,
    }))
}

/// Makes the files up, one for each room: they are read once for their manifests.
async fn offers(rooms: u32, files: Files) -> anyhow::Result<Vec<Arc<Offer>>> {
    let make = move || -> anyhow::Result<Vec<_>> {
        let size = u64::from(files.mib) << 20;
        (0..u64::from(rooms))
            .map(|seed| Ok(Arc::new(Offer::new(Content::new(seed, size))?)))
            .collect()
    };
    tokio::task::spawn_blocking(make).await.context("the files' task failed")?
}

/// Waits for all pages until `end`, and returns what went wrong with how many.
async fn failures(
    mut pages: JoinSet<anyhow::Result<()>>,
    end: Instant,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut failures = BTreeMap::new();
    loop {
        match timeout_at(end, pages.join_next()).await {
            Ok(None) => break,
            Ok(Some(page)) => {
                if let Err(error) = page.context("a page's task failed")? {
                    *failures.entry(format!("{error:#}")).or_default() += 1;
                }
            }
            Err(_) => {
                failures.insert("not done in time".to_owned(), pages.len());
                pages.shutdown().await;
                // Their connections are cut: the server has to notice.
                sleep(LATER).await;
                break;
            }
        }
    }
    Ok(failures)
}
