//! The one thread that drives all bots: publishers at their times, sockets as they fill, timers of the
//! stack. Phases follow one another: publishers connect, viewers connect, a while to settle, the
//! window that counts, goodbye.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::door::{Ask, Signaling, Told};
use super::publisher::Publisher;
use super::report::{Delay, Report, ServerCost};
use super::session::Session;
use super::socket::{Batch, Datagram, Readiness};
use super::usage::{Usage, Used};
use super::viewer::Viewer;
use super::{Plan, Shape};

/// How long the sessions of one kind may take to be there, and longer by a tenth of a second for each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long goodbyes may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Sessions whose answer is awaited at a time: handshakes are to get somewhere between.
const OPENING_AT_ONCE: usize = 4;

/// How long publishers send before the first viewer comes.
const AHEAD: Duration = Duration::from_millis(500);

/// The longest wait for a socket or a timer.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// How often answers are looked for while some are awaited.
const SIGNALING_PACE: Duration = Duration::from_millis(1);

/// Reads of one socket before the next one has its turn.
const READS_AT_ONCE: usize = 4;

/// Publishers' phases are spread over this, as independent cameras' are.
const PHASES: Duration = Duration::from_micros(33_333);

/// A publisher, or a viewer's session.
enum Bot {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
}

impl Bot {
    fn session(&self) -> &Session {
        match self {
            Bot::Publisher(publisher) => &publisher.session,
            Bot::Viewer(viewer) => &viewer.session,
        }
    }

    fn session_mut(&mut self) -> &mut Session {
        match self {
            Bot::Publisher(publisher) => &mut publisher.session,
            Bot::Viewer(viewer) => &mut viewer.session,
        }
    }

    fn publisher(&self) -> Option<&Publisher> {
        match self {
            Bot::Publisher(publisher) => Some(publisher),
            Bot::Viewer(_) => None,
        }
    }

    fn viewer(&self) -> Option<&Viewer> {
        match self {
            Bot::Publisher(_) => None,
            Bot::Viewer(viewer) => Some(viewer),
        }
    }

    fn due(&self) -> Instant {
        match self {
            Bot::Publisher(publisher) => publisher.due(),
            Bot::Viewer(viewer) => viewer.session.due(),
        }
    }

    fn tick(&mut self, now: Instant) {
        match self {
            Bot::Publisher(publisher) => publisher.tick(now),
            Bot::Viewer(viewer) => viewer.tick(now),
        }
    }

    fn receive(&mut self, now: Instant, datagram: &Datagram<'_>) {
        match self {
            Bot::Publisher(publisher) => {
                publisher.receive(now, datagram.source, datagram.contents);
            }
            Bot::Viewer(viewer) => viewer.receive(now, datagram),
        }
    }

    fn restart(&mut self) {
        match self {
            Bot::Publisher(publisher) => publisher.restart(),
            Bot::Viewer(viewer) => viewer.restart(),
        }
    }
}

/// All bots, and what drives them.
pub(super) struct Generator {
    plan: Plan,
    ip: IpAddr,
    signaling: Signaling,
    bots: Vec<Bot>,
    readiness: Readiness,
    batch: Batch,
    ready: Vec<usize>,
}

impl Generator {
    pub(super) fn new(plan: Plan, ip: IpAddr, signaling: Signaling) -> io::Result<Generator> {
        Ok(Generator {
            plan,
            ip,
            signaling,
            bots: Vec::new(),
            readiness: Readiness::new()?,
            batch: Batch::new(),
            ready: Vec::new(),
        })
    }

    /// Everything up to the end of the window.
    ///
    /// # Errors
    ///
    /// When a session does not come about, or the system refuses something.
    pub(super) fn measure(&mut self) -> anyhow::Result<Report> {
        let begun = Instant::now();
        self.bring_publishers()?;
        self.run_for(AHEAD)?;
        self.bring_viewers()?;
        let setup = begun.elapsed();
        self.run_for(self.plan.warmup)?;
        for bot in &mut self.bots {
            bot.restart();
        }
        let before = Usage::now(&self.plan.pids)?;
        self.run_for(self.plan.window)?;
        let used = Usage::now(&self.plan.pids)?.since(&before);
        Ok(self.report(setup, &used))
    }

    /// Ends all sessions at the server.
    ///
    /// # Errors
    ///
    /// When the server does not confirm it for each.
    pub(super) fn leave(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + LEAVE_TIMEOUT;
        // What was still being made when something failed has to be known before it can be ended.
        self.hear_all(end)?;
        let _ = self.signaling.check();
        for number in 0..self.bots.len() {
            if let Some(resource) = self.bots[number].session_mut().resource.take() {
                self.signaling.ask(number, Ask::Leave { resource })?;
            }
        }
        self.hear_all(end)?;
        self.signaling.check()
    }

    /// Runs until everything that was asked is answered.
    fn hear_all(&mut self, end: Instant) -> anyhow::Result<()> {
        while self.signaling.awaited() > 0 {
            if Instant::now() >= end {
                let awaited = self.signaling.awaited();
                bail!("{awaited} answers are still awaited; sessions may be left at the server");
            }
            self.turn()?;
        }
        Ok(())
    }

    fn bring_publishers(&mut self) -> anyhow::Result<()> {
        let Shape { rooms, publishers, .. } = self.plan.shape;
        for room in 0..rooms {
            for number in 0..publishers {
                let mut publisher = Publisher::open(self.ip, room, number, Instant::now())?;
                let offer = publisher.offer()?;
                let bot = self.add(Bot::Publisher(Box::new(publisher)))?;
                let ask = Ask::Publish { room, publisher: number, offer };
                self.open(bot, ask)?;
            }
        }
        self.connected_from(0)?;
        let (now, all) = (Instant::now(), self.bots.len() as u32);
        for (number, bot) in self.bots.iter_mut().enumerate() {
            if let Bot::Publisher(publisher) = bot {
                publisher.begin(now + PHASES * number as u32 / all);
            }
        }
        Ok(())
    }

    fn bring_viewers(&mut self) -> anyhow::Result<()> {
        let Shape { rooms, publishers, viewers } = self.plan.shape;
        let first = self.bots.len();
        let (whom, pairs): (Vec<_>, _) = if self.signaling.session_per_publisher() {
            ((0..publishers).map(Some).collect(), 1)
        } else {
            (vec![None], publishers)
        };
        for room in 0..rooms {
            for viewer in 0..viewers {
                for publisher in &whom {
                    let (decrypts, sampled) = (!self.plan.fast, viewer < self.plan.sampled);
                    let now = Instant::now();
                    let mut viewer =
                        Viewer::open(self.ip, room, *publisher, decrypts, sampled, now)?;
                    let offer =
                        self.signaling.viewers_offer().then(|| viewer.offer(pairs)).transpose()?;
                    let bot = self.add(Bot::Viewer(Box::new(viewer)))?;
                    self.open(bot, Ask::View { room, publisher: *publisher, offer })?;
                }
            }
        }
        self.connected_from(first)
    }

    fn add(&mut self, bot: Bot) -> anyhow::Result<usize> {
        let number = self.bots.len();
        self.readiness.watch(bot.session().socket(), number)?;
        self.bots.push(bot);
        Ok(number)
    }

    /// Asks for a session, once not too many others are being opened.
    fn open(&mut self, bot: usize, ask: Ask) -> anyhow::Result<()> {
        while self.signaling.awaited() >= OPENING_AT_ONCE {
            self.turn()?;
        }
        self.signaling.check()?;
        self.signaling.ask(bot, ask)
    }

    /// Runs until all bots from `first` on are connected.
    fn connected_from(&mut self, first: usize) -> anyhow::Result<()> {
        let sessions = (self.bots.len() - first) as u32;
        let end = Instant::now() + CONNECT_TIMEOUT + Duration::from_millis(100) * sessions;
        loop {
            self.turn()?;
            self.signaling.check()?;
            let waiting =
                self.bots[first..].iter().filter(|bot| !bot.session().connected()).count();
            if let Some(reason) = self.bots.iter().find_map(|bot| bot.session().failure()) {
                bail!("a session did not come about: {reason}");
            }
            if waiting == 0 && self.signaling.awaited() == 0 {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!(
                    "{waiting} of {sessions} sessions had no media path after {CONNECT_TIMEOUT:?}"
                );
            }
        }
    }

    fn run_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Does what is due, then waits for the next thing and reads what has come.
    fn turn(&mut self) -> anyhow::Result<()> {
        while let Some((bot, told)) = self.signaling.hear() {
            if let Err(error) = self.heard(bot, told) {
                self.signaling.fail(error);
            }
        }
        let now = Instant::now();
        let pace = if self.signaling.awaited() > 0 { SIGNALING_PACE } else { LONGEST_WAIT };
        let mut wake = now + pace;
        for bot in &mut self.bots {
            if bot.due() <= now {
                bot.tick(now);
            }
            wake = wake.min(bot.due());
        }
        let wait = wake.saturating_duration_since(Instant::now());
        self.ready.clear();
        self.ready.extend(self.readiness.wait(wait).context("cannot wait for sockets")?);
        for ready in 0..self.ready.len() {
            self.read(self.ready[ready]);
        }
        Ok(())
    }

    fn read(&mut self, number: usize) {
        let Generator { bots, batch, .. } = self;
        let bot = &mut bots[number];
        let (socket, stamped) = (bot.session().socket().as_raw_fd(), bot.session().stamped());
        for _ in 0..READS_AT_ONCE {
            let now = Instant::now();
            match batch.read(socket, stamped, |datagram| bot.receive(now, &datagram)) {
                Ok(true) => {}
                Ok(false) => return,
                // An ICMP error on a UDP socket: nobody listens there, or not any more.
                Err(error) => return bot.session_mut().fail(error),
            }
        }
    }

    /// What the server said to a bot.
    fn heard(&mut self, number: usize, told: anyhow::Result<Told>) -> anyhow::Result<()> {
        let session = self.bots[number].session_mut();
        match told.context("a session did not come about, or to its end")? {
            Told::Answered { resource, sdp } => {
                session.resource = Some(resource);
                session.accept(&sdp).context("the server's answer cannot be used")?;
            }
            Told::Offered { resource, sdp } => {
                session.resource = Some(resource.clone());
                let answer =
                    session.answer(&sdp).context("the server's offer cannot be answered")?;
                self.signaling.ask(number, Ask::Accept { resource, answer })?;
            }
            Told::Done => {}
        }
        Ok(())
    }

    fn report(&self, setup: Duration, used: &Used) -> Report {
        let Shape { rooms, .. } = self.plan.shape;
        let mut published = vec![0; rooms.into()];
        let mut report = Report::new(&self.plan, setup, used.time);
        for publisher in self.bots.iter().filter_map(Bot::publisher) {
            published[usize::from(publisher.room)] += publisher.published();
            report.keyframes += publisher.keyframes();
        }
        report.published = published.iter().sum();
        report.expected = published.iter().sum::<u64>() * u64::from(self.plan.shape.viewers);
        let (mut delays, mut bytes, mut spanned, mut missing) = (Vec::new(), 0, 0, 0);
        for viewer in self.bots.iter().filter_map(Bot::viewer) {
            let counts = viewer.counts();
            report.forwarded += counts.packets;
            report.starved += usize::from(counts.packets == 0);
            bytes += counts.bytes;
            spanned += viewer.arrivals().spanned();
            missing += viewer.arrivals().missing();
            if let Some(checks) = viewer.checks() {
                report.intact += checks.intact;
                report.corrupt += checks.corrupt;
                report.misrouted += checks.misrouted;
                report.reordered += checks.reordered;
                delays.extend_from_slice(&checks.delays);
            }
        }
        report.failed = self.bots.iter().filter(|bot| bot.session().failure().is_some()).count();
        report.finish(bytes, spanned, missing);
        report.delay = Delay::of(delays);
        if !self.plan.pids.is_empty() {
            report.server = ServerCost::of(used, report.forwarded);
        }
        report.generator_cpu_percent = percent(used.own, used.time);
        report.foreign_cpu_percent = percent(used.foreign, used.time);
        report
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}
