//! What came of one run.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::usage::Used;
use super::{Plan, Shape};

/// What a server did in the window, and at what cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The server.
    pub label: String,
    /// How many took part.
    pub shape: Shape,
    /// Whether only sampled viewers decrypted.
    pub fast: bool,
    /// From the first session asked for until all had a media path, in seconds.
    pub setup_seconds: f64,
    /// How long the window was, in seconds.
    pub window_seconds: f64,
    /// Media packets that publishers sent.
    pub published: u64,
    /// Keyframes among what they sent.
    pub keyframes: u64,
    /// Media packets that viewers should have got.
    pub expected: u64,
    /// Media packets that viewers got.
    pub forwarded: u64,
    /// The same in a second.
    pub packets_per_second: f64,
    /// Their UDP payload, in Mbit/s.
    pub megabits_per_second: f64,
    /// What did not come of what was expected. A few packets are under way at both ends of the window,
    /// so that it may be just below zero.
    pub loss_percent: f64,
    /// Sequence numbers that did not come, of those that should have.
    pub gap_percent: f64,
    /// Sessions of viewers that got nothing.
    pub starved: usize,
    /// Sessions that ended in the window.
    pub failed: usize,
    /// Payloads that sampled viewers found as they had been sent.
    pub intact: u64,
    /// Payloads that were not.
    pub corrupt: u64,
    /// Payloads of somebody that the viewer does not view.
    pub misrouted: u64,
    /// Payloads that came after a later one.
    pub reordered: u64,
    /// One-way delay at sampled viewers.
    pub delay: Option<Delay>,
    /// What the server used, where its process is known.
    pub server: Option<ServerCost>,
    /// What the generator used of a core.
    pub generator_cpu_percent: f64,
    /// What others used of the machine, in percent of one core.
    pub foreign_cpu_percent: f64,
}

/// From before encryption at the publisher until the kernel had the datagram for the viewer, in
/// microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// Half took no longer.
    pub p50_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
    /// None took longer.
    pub max_us: f64,
}

/// User and system time of the server's processes in the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServerCost {
    /// For each packet that a viewer got, in microseconds. What comes in, feedback and timers are in it.
    pub us_per_packet: f64,
    /// Of a core.
    pub cpu_percent: f64,
}

impl Report {
    /// A report in which nothing has happened yet.
    pub(super) fn new(plan: &Plan, setup: Duration, window: Duration) -> Report {
        Report {
            label: plan.label.clone(),
            shape: plan.shape,
            fast: plan.fast,
            setup_seconds: setup.as_secs_f64(),
            window_seconds: window.as_secs_f64(),
            published: 0,
            keyframes: 0,
            expected: 0,
            forwarded: 0,
            packets_per_second: 0.0,
            megabits_per_second: 0.0,
            loss_percent: 0.0,
            gap_percent: 0.0,
            starved: 0,
            failed: 0,
            intact: 0,
            corrupt: 0,
            misrouted: 0,
            reordered: 0,
            delay: None,
            server: None,
            generator_cpu_percent: 0.0,
            foreign_cpu_percent: 0.0,
        }
    }

    /// Works out rates and shares, once packets are counted: `bytes` of them, `spanned` sequence
    /// numbers, and how many of those were `missing`.
    pub(super) fn finish(&mut self, bytes: u64, spanned: u64, missing: u64) {
        let share = |part: f64, whole: u64| 100.0 * part / whole.max(1) as f64;
        self.packets_per_second = self.forwarded as f64 / self.window_seconds;
        self.megabits_per_second = bytes as f64 * 8.0 / 1e6 / self.window_seconds;
        self.loss_percent = share(self.expected as f64 - self.forwarded as f64, self.expected);
        self.gap_percent = share(missing as f64, spanned);
    }

    /// Whether all viewers got media, and sampled ones what was sent.
    pub fn all_right(&self) -> bool {
        let wrong = self.corrupt + self.misrouted;
        self.starved == 0 && self.failed == 0 && wrong == 0 && self.intact > 0
    }
}

impl Delay {
    /// By the nearest rank; `None` of nothing.
    pub(super) fn of(mut delays: Vec<Duration>) -> Option<Delay> {
        delays.sort_unstable();
        let at = |percent: usize| {
            let rank = (delays.len() * percent).div_ceil(100);
            Some(delays.get(rank.checked_sub(1)?)?.as_secs_f64() * 1e6)
        };
        Some(Delay { p50_us: at(50)?, p99_us: at(99)?, max_us: at(100)? })
    }
}

impl ServerCost {
    /// `None` without any packet.
    pub(super) fn of(used: &Used, forwarded: u64) -> Option<ServerCost> {
        let seconds = used.server.as_secs_f64();
        (forwarded > 0).then(|| ServerCost {
            us_per_packet: seconds * 1e6 / forwarded as f64,
            cpu_percent: 100.0 * seconds / used.time.as_secs_f64(),
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} x {}", self.rooms, self.publishers, self.viewers)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.fast { ", fast" } else { "" };
        writeln!(f, "{}, {}{mode}, {:.1} s", self.label, self.shape, self.window_seconds)?;
        if let Some(ServerCost { us_per_packet, cpu_percent }) = self.server {
            writeln!(
                f,
                "server     {us_per_packet:.2} us per packet, {cpu_percent:.0} % of a core"
            )?;
        }
        writeln!(
            f,
            "forwarded  {:.0} packets/s, {:.1} Mbit/s; loss {:.3} %, gaps {:.3} %",
            self.packets_per_second, self.megabits_per_second, self.loss_percent, self.gap_percent
        )?;
        if let Some(Delay { p50_us, p99_us, max_us }) = self.delay {
            writeln!(f, "delay      p50 {p50_us:.0} us, p99 {p99_us:.0} us, max {max_us:.0} us")?;
        }
        writeln!(
            f,
            "payloads   {} intact, {} corrupt, {} misrouted, {} reordered",
            self.intact, self.corrupt, self.misrouted, self.reordered
        )?;
        if self.starved + self.failed > 0 {
            writeln!(f, "sessions   {} got nothing, {} failed", self.starved, self.failed)?;
        }
        writeln!(
            f,
            "machine    generator {:.0} % of a core, others {:.0} %",
            self.generator_cpu_percent, self.foreign_cpu_percent
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::peer::Server;

    /// A report of a server, with what it cost.
    pub(in crate::peer) fn report(label: &str, shape: Shape, us_per_packet: f64) -> Report {
        let plan = Plan {
            server: Server::Janus { url: String::new() },
            label: label.to_owned(),
            shape,
            warmup: Duration::ZERO,
            window: Duration::ZERO,
            fast: false,
            sampled: 1,
            pids: Vec::new(),
        };
        let mut report = Report::new(&plan, Duration::ZERO, Duration::from_secs(2));
        (report.expected, report.forwarded, report.intact) = (1_000, 990, 10);
        report.finish(250_000, 1_000, 5);
        report.server = Some(ServerCost { us_per_packet, cpu_percent: 50.0 });
        report.delay = Delay::of(vec![Duration::from_millis(2)]);
        report
    }

    #[test]
    fn rates_and_shares_follow_from_counts() {
        let report = report("a", Shape { rooms: 1, publishers: 1, viewers: 5 }, 3.0);
        assert_eq!((report.packets_per_second, report.megabits_per_second), (495.0, 1.0));
        assert_eq!((report.loss_percent, report.gap_percent), (1.0, 0.5));
        assert!(report.all_right());
        for spoil in [
            |report: &mut Report| report.starved = 1,
            |report: &mut Report| report.failed = 1,
            |report: &mut Report| report.corrupt = 1,
            |report: &mut Report| report.misrouted = 1,
            |report: &mut Report| report.intact = 0,
        ] {
            let mut spoiled = report.clone();
            spoil(&mut spoiled);
            assert!(!spoiled.all_right(), "{spoiled:?}");
        }
    }

    #[test]
    fn delays_are_values_that_were_measured() {
        let delays = (1..=200).rev().map(Duration::from_micros).collect();
        let delay = Delay::of(delays).unwrap();
        let expected = [100.0, 198.0, 200.0];
        for (value, expected) in [delay.p50_us, delay.p99_us, delay.max_us].iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{delay:?}");
        }
        assert_eq!(Delay::of(Vec::new()), None);
    }

    #[test]
    fn cost_is_time_by_packet() {
        let s = Duration::from_secs;
        let used = Used { time: s(10), server: s(2), own: s(1), foreign: s(0) };
        let cost = ServerCost::of(&used, 1_000_000).unwrap();
        assert_eq!((cost.us_per_packet, cost.cpu_percent), (2.0, 20.0));
        assert_eq!(ServerCost::of(&used, 0), None);
    }
}
