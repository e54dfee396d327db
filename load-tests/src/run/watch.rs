//! Looks at a run every second, for the plots and for whoever waits.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::measure::Recorder;
use crate::process::Process;
use crate::report::Sample;

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// The most looks that are kept: two hours. Then every second one is forgotten, and so on.
const MOST_SAMPLES: usize = 7_200;

/// Looks that pass between two lines where nobody sees one line change.
const QUIET: usize = 10;

/// A task that looks at the run until it is stopped.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Sample>>,
}

impl Watch {
    /// Looks from now on; `present` is how many are there.
    pub(crate) fn start(
        server: Option<Process>,
        recorder: Arc<Recorder>,
        present: Arc<AtomicUsize>,
        tells: bool,
    ) -> Watch {
        let (stop, stopped) = oneshot::channel();
        Watch { stop, task: tokio::spawn(look(server, recorder, present, tells, stopped)) }
    }

    /// What was seen. The last line of the progress is ended.
    pub(crate) async fn stop(self) -> Vec<Sample> {
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn look(
    server: Option<Process>,
    recorder: Arc<Recorder>,
    present: Arc<AtomicUsize>,
    tells: bool,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Sample> {
    let begun = Instant::now();
    let mut turn = interval_at(begun + PERIOD, PERIOD);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let is_terminal = stderr().is_terminal();
    let processor = || server.and_then(|server| server.processor_time().ok());
    let mut samples = Vec::new();
    let (mut last, mut last_processor, mut last_packets) = (begun, processor(), 0);
    let mut looks = 0_usize;
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            _ = &mut stopped => break,
        }
        let now = Instant::now();
        let passed = (now - last).as_secs_f64();
        let (spent, packets) = (processor(), recorder.packets.get());
        let delay = recorder.recent_delay.take();
        let sample = Sample {
            at: (now - begun).as_secs_f64(),
            participants: present.load(Ordering::Relaxed),
            packets_per_second: (packets - last_packets) as f64 / passed,
            processor: spent
                .zip(last_processor)
                .map(|(now, before)| now.saturating_sub(before).as_secs_f64() / passed),
            resident: server.and_then(|server| server.resident().ok()),
            delay: (delay.count > 0).then_some(delay),
        };
        if tells && (is_terminal || looks.is_multiple_of(QUIET)) {
            // Whoever has closed it does not want to know.
            let _ = tell(&sample, recorder.is_measuring(), is_terminal);
        }
        (last, last_processor, last_packets) = (now, spent, packets);
        looks += 1;
        samples.push(sample);
        if samples.len() == MOST_SAMPLES {
            let mut index = 0_usize;
            samples.retain(|_| {
                index += 1;
                index.is_multiple_of(2)
            });
        }
    }
    if tells && is_terminal {
        eprintln!();
    }
    samples
}

fn tell(sample: &Sample, is_measuring: bool, is_terminal: bool) -> std::io::Result<()> {
    let mut out = stderr().lock();
    if is_terminal {
        // Back to the beginning of the line, and erase it.
        write!(out, "\r\x1b[K")?;
    }
    let phase = if is_measuring { "measuring" } else { "waiting" };
    write!(out, "{:>5.0} s  {phase:<9}  {:>4} there", sample.at, sample.participants)?;
    write!(out, "  {:>7.0} packets/s", sample.packets_per_second)?;
    if let Some(delay) = sample.delay {
        write!(out, "  delay p50 {:.1} p99 {:.1} ms", delay.p50, delay.p99)?;
    }
    if let Some(processor) = sample.processor {
        write!(out, "  server {:.0} % of a core", processor * 100.0)?;
    }
    if !is_terminal {
        writeln!(out)?;
    }
    out.flush()
}
