//! A path in virtual time.

use super::*;
use proptest::prelude::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Something to be carried: milliseconds after the one before, and its size in bytes.
type Traffic = Vec<(u64, usize)>;

/// A path in virtual time, and what has arrived: number, milliseconds since the start.
struct Run {
    path: Path<usize>,
    start: Instant,
    now: Instant,
    arrived: Vec<(usize, Duration)>,
}

impl Run {
    fn new(seed: u64, impairment: Impairment) -> Run {
        let now = Instant::now();
        let mut path = Path::new(now, seed);
        path.handle(now, Input::Set(impairment));
        Run { path, start: now, now, arrived: Vec::new() }
    }

    /// Lets time pass up to `until`, waking exactly when the path asks for it.
    fn pass(&mut self, until: Instant) {
        while let Some(due) = self.path.deadline().filter(|due| *due <= until) {
            self.step(due, Input::Timeout);
        }
        self.step(until, Input::Timeout);
    }

    fn step(&mut self, now: Instant, input: Input<usize>) {
        self.now = now.max(self.now);
        self.path.handle(self.now, input);
        while let Some(parcel) = self.path.poll() {
            self.arrived.push((parcel.tag, self.now - self.start));
        }
    }

    fn carry(&mut self, traffic: &Traffic, stream: bool) {
        for (tag, &(gap, size)) in traffic.iter().enumerate() {
            self.pass(self.now + ms(gap));
            let bytes = Bytes::from(vec![0; size]);
            self.step(self.now, Input::Parcel(Parcel { tag, bytes, stream }));
        }
    }

    /// Lets everything arrive.
    fn finish(&mut self) {
        self.pass(self.now + Duration::from_secs(100_000));
    }
}

fn traffic() -> impl Strategy<Value = Traffic> {
    prop::collection::vec((0_u64..40, 1_usize..1_500), 1..200)
}

fn any_impairment() -> impl Strategy<Value = Impairment> {
    (0_u64..2_000_000, 0_u64..20_000, 0_u64..300, 0_u64..300, 0.0..1.0, 0.0..1.0, 0.0..1.0)
        .prop_map(|(rate, queue, delay_ms, jitter_ms, reorder, duplicate, loss)| Impairment {
            rate: if rate < 20_000 { 0 } else { rate },
            queue,
            delay_ms,
            jitter_ms,
            reorder,
            duplicate,
            loss,
        })
}

proptest! {
    #[test]
    fn every_datagram_is_accounted_for(
        seed: u64, impairment in any_impairment(), traffic in traffic(), outage in 0_u64..4_000,
    ) {
        let mut run = Run::new(seed, impairment);
        let (before, after) = traffic.split_at(traffic.len() / 2);
        run.carry(&before.to_vec(), false);
        run.step(run.now, Input::Outage(Outage::Until(run.now + ms(outage))));
        run.carry(&after.to_vec(), false);
        let check = |run: &Run| {
            let c = run.path.counts();
            prop_assert_eq!(
                c.received + c.duplicated,
                c.delivered + c.lost + c.overflowed + c.blacked_out + c.flying
            );
            prop_assert_eq!(c.delivered, run.arrived.len() as u64);
            Ok(())
        };
        check(&run)?;
        run.finish();
        check(&run)?;
        prop_assert_eq!(run.path.counts().received, traffic.len() as u64);
        prop_assert_eq!(run.path.counts().flying, 0);
    }

    #[test]
    fn the_same_seed_tells_the_same_story(
        seed: u64, impairment in any_impairment(), traffic in traffic(),
    ) {
        let story = || {
            let mut run = Run::new(seed, impairment);
            run.carry(&traffic, false);
            run.finish();
            (run.arrived, run.path.counts)
        };
        prop_assert_eq!(story(), story());
    }

    #[test]
    fn without_loss_and_reordering_everything_arrives_in_order(
        seed: u64, impairment in any_impairment(), traffic in traffic(),
    ) {
        let impairment = Impairment {
            loss: 0.0, reorder: 0.0, duplicate: 0.0, queue: u64::MAX, ..impairment
        };
        let mut run = Run::new(seed, impairment);
        run.carry(&traffic, false);
        run.finish();
        let order: Vec<usize> = run.arrived.iter().map(|(tag, _)| *tag).collect();
        prop_assert_eq!(order, (0..traffic.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_rate_and_the_delay_are_kept(
        seed: u64, impairment in any_impairment(), traffic in traffic(), stream: bool,
    ) {
        let impairment = Impairment {
            rate: impairment.rate.max(20_000), reorder: 0.0, duplicate: 0.0, loss: 0.0,
            jitter_ms: 0, ..impairment
        };
        let mut run = Run::new(seed, impairment);
        run.carry(&traffic, stream);
        run.finish();
        // Over any stretch no more arrives than the link can send: the first is free.
        for (index, (_, from)) in run.arrived.iter().enumerate() {
            let mut bits = 0.0;
            for (tag, to) in &run.arrived[index + 1..] {
                bits += traffic[*tag].1 as f64 * 8.0;
                let could = (*to - *from).as_secs_f64() * impairment.rate as f64;
                prop_assert!(bits <= could + 1.0, "{bits} bits, not {could}");
            }
        }
        let mut sent = Duration::ZERO;
        let times: Vec<Duration> = traffic.iter().map(|(gap, _)| {
            sent += ms(*gap);
            sent
        }).collect();
        for (tag, at) in &run.arrived {
            prop_assert!(*at >= times[*tag] + ms(impairment.delay_ms));
        }
    }

    #[test]
    fn nothing_arrives_during_an_outage_and_streams_come_after_it(
        seed: u64, impairment in any_impairment(), traffic in traffic(), stream: bool,
        lasting: bool, length in 1_u64..5_000,
    ) {
        let mut run = Run::new(seed, impairment);
        run.carry(&traffic, stream);
        let (begin, end) = (run.now, run.now + ms(length));
        let until = if lasting { Outage::Lasting } else { Outage::Until(end) };
        let before = run.arrived.len();
        run.step(begin, Input::Outage(until));
        // The clock of a run stands still between the arrivals: stop short of the end.
        run.pass(end - Duration::from_nanos(1));
        prop_assert_eq!(run.arrived.len(), before);
        if lasting {
            run.step(end, Input::Outage(Outage::Over));
        }
        run.finish();
        let late: Vec<usize> = run.arrived[before..].iter().map(|(tag, _)| *tag).collect();
        if stream {
            prop_assert_eq!(late, (before..traffic.len()).collect::<Vec<_>>());
        } else {
            prop_assert_eq!(late, Vec::<usize>::new());
        }
        prop_assert!(run.arrived[before..].iter().all(|(_, at)| *at >= end - run.start));
    }
}

/// 10,000 small datagrams, one a millisecond.
fn steady() -> Traffic {
    vec![(1, 100); 10_000]
}

#[test]
fn shares_come_out_as_ordered() {
    let impairment =
        Impairment { loss: 0.1, duplicate: 0.05, reorder: 0.2, ..Impairment::default() };
    let mut run = Run::new(7, impairment);
    run.carry(&steady(), false);
    run.finish();
    let counts = run.path.counts();
    for (count, expected) in
        [(counts.lost, 1_000), (counts.duplicated, 450), (counts.held_up, 1_890)]
    {
        let expected: u64 = expected;
        assert!(count.abs_diff(expected) * 10 < expected, "{counts:?}, not {expected}");
    }
    let overtaken = run.arrived.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
    assert!(overtaken > 1_000, "{overtaken}");
}

#[test]
fn jitter_spreads_the_delay_over_its_whole_range() {
    let mut run = Run::new(7, Impairment { delay_ms: 50, jitter_ms: 30, ..Impairment::default() });
    // Far apart, so that keeping the order changes nothing.
    run.carry(&vec![(100, 100); 1_000], false);
    run.finish();
    let delays: Vec<u128> =
        run.arrived.iter().map(|(tag, at)| at.as_millis() - 100 * (*tag as u128 + 1)).collect();
    let (least, most) = (delays.iter().min(), delays.iter().max());
    assert!(matches!((least, most), (Some(20..=21), Some(78..=80))), "{least:?} {most:?}");
}

#[test]
fn a_full_queue_drops_and_the_rest_fills_the_link() {
    let mut run = Run::new(7, Impairment { rate: 400_000, queue: 5_000, ..Impairment::default() });
    run.carry(&steady(), false);
    run.finish();
    let counts = run.path.counts();
    // 100 bytes a millisecond are twice what the link takes.
    assert!(counts.overflowed.abs_diff(5_000) < 100, "{counts:?}");
    let last = run.arrived.last().expect("arrivals").1;
    assert!(last <= ms(10_000 + 101), "a queue of 5,000 bytes is 100 ms: {last:?}");
}

#[test]
fn what_is_on_the_way_is_bounded() {
    let mut run = Run::new(7, Impairment { delay_ms: 60_000, ..Impairment::default() });
    run.carry(&vec![(0, 1); MOST_FLYING + 10], false);
    assert_eq!((run.path.counts().flying, run.path.counts().overflowed), (MOST_FLYING as u64, 10));
}
