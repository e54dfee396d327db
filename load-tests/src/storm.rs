//! A join storm: hundreds come into one room within seconds, and it is measured how long each of
//! them took, who failed and why, and what it cost the server.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::{Serialize, Serializer};
use signaling_core::info::TrackSource;
use signaling_core::request::Join;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bot::join::Server;
use crate::bot::light::reception::Awaits;
use crate::bot::light::{Kit, Light, Publication, Reading, Took};
use crate::measure::Recorder;
use crate::media::player::Clock;
use crate::media::speech::talk;
use crate::process::Process;
use crate::run::CALM;

/// The most participants of one storm: each has two sockets, and the server two more.
pub const MOST_PARTICIPANTS: u16 = 2_000;

/// Pairs of slots of each participant.
const PAIRS: u32 = 2;

/// How long all stay in the room, so that the server's memory settles and sound comes through.
const STAY: Duration = Duration::from_secs(3);

/// How much talk the speakers have; each begins somewhere in it, and begins again.
const TALK: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The server, `http://host:port`.
    pub url: String,
    /// The room.
    pub room: String,
    /// How many join.
    pub participants: u16,
    /// In which time they come, evenly.
    pub within: Duration,
    /// How many of them speak.
    pub publishers: u16,
    /// A service token: guests are let in more slowly.
    pub token: String,
    /// The server's process, where it is on this machine.
    pub pid: Option<u32>,
}

/// What came of a storm. Times are in milliseconds in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Who was to join.
    pub participants: u16,
    /// Who got into the room with a media path.
    pub connected: usize,
    /// Of those, who was reached by anything that was said. Publishers hear the others only.
    pub reached: usize,
    /// From the first who came until the last was connected.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// Connected participants per second of that.
    pub joins_per_second: f64,
    /// From the opening of the signaling connection to the reply to `join`.
    pub joining: Quantiles,
    /// From the opening of the signaling connection until ICE and DTLS were through.
    pub connecting: Quantiles,
    /// Who failed, by the reason.
    pub failures: BTreeMap<String, usize>,
    /// The server's memory, where its process is known.
    pub memory: Option<Memory>,
}

/// Where the values of a measurement lie; all zero without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// Half are no longer than this.
    #[serde(rename = "p50_ms", serialize_with = "milliseconds")]
    pub p50: Duration,
    /// 95 of 100 are no longer than this.
    #[serde(rename = "p95_ms", serialize_with = "milliseconds")]
    pub p95: Duration,
    /// None is longer than this.
    #[serde(rename = "max_ms", serialize_with = "milliseconds")]
    pub max: Duration,
}

/// Resident memory of the server, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Before anybody came.
    pub before: u64,
    /// With all of them there.
    pub after: u64,
    /// When they had gone, and it had had time to forget them.
    pub left: u64,
    /// What it grew by, for each that got in.
    pub per_participant: u64,
}

/// Has the participants come, stay a moment, and leave.
///
/// # Errors
///
/// When the address is wrong or the server's process cannot be looked at. Participants that fail
/// are counted in the report.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let url = Server::parse(&plan.url)?.signaling();
    let server = plan.pid.map(Process::new);
    let before = server.map(Process::resident).transpose()?;
    let voice = Arc::new(talk(TALK, 0)?);
    let kit = Kit {
        pairs: PAIRS,
        media: Vec::new(),
        reading: Reading::Whole,
        awaits: Awaits::Nothing,
        room: 0,
        clock: Clock::starting(std::time::Instant::now()),
        recorder: Arc::new(Recorder::default()),
    };
    let begun = Instant::now();
    let mut coming = JoinSet::new();
    for index in 0..plan.participants {
        let due = begun + plan.within * u32::from(index) / u32::from(plan.participants);
        let (url, join, mut kit) = (url.clone(), join(plan, index), kit.clone());
        if index < plan.publishers {
            let (clip, stream) = (Arc::clone(&voice), index.into());
            kit.media.push(Publication { source: TrackSource::Microphone, clip, stream });
        }
        coming.spawn(async move {
            sleep_until(due).await;
            let entered = Light::join(&url, join, kit).await;
            (entered, begun.elapsed())
        });
    }

    let mut inside = Vec::with_capacity(plan.participants.into());
    let (mut times, mut took, mut failures) = (Vec::new(), Duration::ZERO, BTreeMap::new());
    while let Some(come) = coming.join_next().await {
        let (entered, at) = come.context("a participant's task failed")?;
        match entered {
            Ok((light, steps)) => {
                took = took.max(at);
                times.push(steps);
                inside.push(light);
            }
            Err(error) => *failures.entry(error.to_string()).or_default() += 1,
        }
    }
    sleep(STAY).await;
    let after = server.map(Process::resident).transpose()?;
    let reached = inside.iter().filter(|light| light.packets() > 0).count();
    let connected = inside.len();
    leave(inside, &mut failures).await;
    sleep(CALM).await;
    let left = server.map(Process::resident).transpose()?;
    Ok(Report {
        participants: plan.participants,
        connected,
        reached,
        took,
        joins_per_second: connected as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE),
        joining: Quantiles::of(times.iter().map(|took: &Took| took.joined)),
        connecting: Quantiles::of(times.iter().map(|took| took.connected)),
        failures,
        memory: before.zip(after).zip(left).map(|((before, after), left)| Memory {
            before,
            after,
            left,
            per_participant: after.saturating_sub(before) / connected.max(1) as u64,
        }),
    })
}

fn join(plan: &Plan, index: u16) -> Join {
    let name = format!("storm-{}", index + 1);
    Join {
        token: plan.token.clone(),
        room: Some(plan.room.clone()),
        identity: Some(name.clone()),
        name: Some(name),
        ..Join::default()
    }
}

/// Has all of them leave at once.
async fn leave(inside: Vec<Light>, failures: &mut BTreeMap<String, usize>) {
    let mut leaving: JoinSet<_> = inside.into_iter().map(Light::leave).collect();
    while let Some(left) = leaving.join_next().await {
        if let Ok(Err(error)) = left {
            *failures.entry(format!("leaving: {error}")).or_default() += 1;
        }
    }
}

impl Quantiles {
    /// By the nearest rank.
    fn of(values: impl Iterator<Item = Duration>) -> Quantiles {
        let mut values: Vec<Duration> = values.collect();
        values.sort_unstable();
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Quantiles { p50: at(50), p95: at(95), max: at(100) }
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}

impl Report {
    /// Whether everybody got in, and out again.
    pub fn all_right(&self) -> bool {
        self.connected == usize::from(self.participants) && self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} connected in {:.1} s: {:.1} joins per second; sound reached {}",
            self.connected,
            self.participants,
            self.took.as_secs_f64(),
            self.joins_per_second,
            self.reached,
        )?;
        for (name, Quantiles { p50, p95, max }) in
            [("join", self.joining), ("connected", self.connecting)]
        {
            let [p50, p95, max] = [p50, p95, max].map(|time| time.as_millis());
            writeln!(f, "{name:<10} p50 {p50:>6} ms  p95 {p95:>6} ms  max {max:>6} ms")?;
        }
        if let Some(Memory { before, after, left, per_participant }) = self.memory {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            let (before, after, left) = (mib(before), mib(after), mib(left));
            let kib = per_participant / 1_024;
            writeln!(
                f,
                "memory     {before:.1} MiB before, {after:.1} MiB with all: {kib} KiB each; {left:.1} MiB when they \
                 had gone"
            )?;
        }
        for (reason, count) in &self.failures {
            writeln!(f, "{count} failed: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let ms = Duration::from_millis;
        assert_eq!(
            Quantiles::of((1..=100).rev().map(ms)),
            Quantiles { p50: ms(50), p95: ms(95), max: ms(100) }
        );
        assert_eq!(
            Quantiles::of([ms(7)].into_iter()),
            Quantiles { p50: ms(7), p95: ms(7), max: ms(7) }
        );
        assert_eq!(Quantiles::of([].into_iter()), Quantiles::default());
    }

    #[test]
    fn a_report_tells_failures_by_reason() {
        let report = Report {
            participants: 3,
            connected: 1,
            reached: 1,
            took: Duration::from_millis(500),
            joins_per_second: 2.0,
            joining: Quantiles::default(),
            connecting: Quantiles::default(),
            failures: [("the room is full".to_owned(), 2)].into(),
            memory: Some(Memory {
                before: 1 << 20,
                after: 3 << 20,
                left: 1 << 20,
                per_participant: 2 << 20,
            }),
        };
        assert!(!report.all_right());
        let text = report.to_string();
        assert!(text.contains("2 failed: the room is full"), "{text}");
        assert!(text.contains("2048 KiB each"), "{text}");
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!((&json["took_ms"], &json["joining"]["p95_ms"]), (&500.0.into(), &0.0.into()));
    }
}
