//! Engines, str0m clients and a lossy network between them, all on one clock of our own.
//!
//! Ten seconds of media run in a fraction of one. Nothing here reads the time.

// Each test file uses its part of the world.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sfu_core::stats::DropReason;
use sfu_core::{
    BulkKey, Channel, Command, Config, Datagram, Engine, Event, Group, Input, LinkEnd, LinkKey,
    MediaKind, Output, Place, RequestKey, RoomKey, SessionKey, TrackKey, Transport, envelope,
};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::{DtlsCert, DtlsVersion};
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind as RtcKind, Mid, Pt, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Rtc, RtcConfig};

pub const ROOM: RoomKey = RoomKey(1);

/// A datagram on its way.
struct Flying {
    at: Instant,
    source: SocketAddr,
    destination: SocketAddr,
    contents: Vec<u8>,
}

/// One encoding of a client's video.
struct Layer {
    rid: Rid,
    width: u16,
    height: u16,
    sent: u64,
}

/// A str0m client in RTP mode.
pub struct Client {
    pub key: SessionKey,
    pub address: SocketAddr,
    pub rtc: Rtc,
    pub received: Vec<RtpPacket>,
    pub keyframe_requests: usize,
    pub connected: bool,
    /// m-lines in the order of the offers.
    pub mids: Vec<(Mid, RtcKind, Direction)>,
    layers: Vec<Layer>,
    pub sent: HashMap<Mid, u64>,
    pub answer: String,
    /// The reliable and the lossy channel, if it has offered them.
    pub channels: Vec<ChannelId>,
    pub open: BTreeSet<usize>,
    /// Data messages, by the channel's place above.
    pub messages: Vec<(usize, Vec<u8>)>,
}

/// Whether what comes from an address arrives.
type Filter = Box<dyn Fn(SocketAddr, &[u8]) -> bool>;

/// The links that a bulk stream goes to and its head there, or why it goes nowhere.
pub type Bulked = Result<(Vec<LinkKey>, Bytes), DropReason>;

/// The world.
pub struct World {
    pub now: Instant,
    /// How far the clock moves at a time: a millisecond, or more where nothing is so fine.
    pub tick: Duration,
    start: Instant,
    pub engines: Vec<Engine>,
    /// How long reports lie in the system's buffer before they are read, and those that do.
    pub reports_wait: Duration,
    unread: VecDeque<(Instant, usize, SocketAddr, Instant, Vec<u8>)>,
    /// What left together: where to, and the sizes of the datagrams.
    pub trains: Vec<(SocketAddr, Vec<usize>)>,
    /// Ticks at which engines wanted to be woken though nothing had come.
    pub wake_ups: usize,
    has_input: bool,
    pub clients: BTreeMap<u64, Client>,
    pub events: Vec<Event>,
    /// What has come for links: the link, how, and the envelope.
    pub linked: Vec<(u64, Channel, Vec<u8>)>,
    pub ended_links: Vec<(u64, LinkEnd)>,
    /// What became of bulk streams.
    pub bulk: Vec<(u64, Bulked)>,
    /// Datagrams lost out of a hundred, both ways, once clients are connected.
    pub loss: u64,
    /// Clients whose datagrams are all lost, both ways.
    pub cut: BTreeSet<u64>,
    /// The server socket that receives a client's datagrams, where it is not its room's.
    pub receiving: HashMap<SocketAddr, usize>,
    random: u64,
    flying: VecDeque<Flying>,
    /// Nothing arrives, either way.
    pub is_cut: bool,
    /// What clients send arrives only if this says so.
    pub filter: Option<Filter>,
    /// DTLS from clients is lost.
    pub loses_dtls: bool,
    /// Whether what clients send is kept, and what was.
    pub keeps_datagrams: bool,
    /// Somebody sends in this client's name: its handshake may come to nothing, and it gives up then.
    pub impersonated: Option<u64>,
    pub kept: Vec<Vec<u8>>,
    /// RTP and RTCP on its way to the server.
    media_heard: HashMap<SocketAddr, Vec<Vec<u8>>>,
    /// NAT: clients' own addresses, and what the server sees instead.
    mapped: HashMap<SocketAddr, SocketAddr>,
    /// STUN messages on their way to the server, and from it, by the client's side of them.
    heard: HashMap<SocketAddr, Vec<Vec<u8>>>,
    told: HashMap<SocketAddr, Vec<Vec<u8>>>,
    sent_at: HashMap<SocketAddr, Instant>,
    media_sent: HashMap<SocketAddr, usize>,
    requests: u64,
    tracks: HashMap<TrackKey, SessionKey>,
}

fn server() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7882))
}

#[allow(clippy::disallowed_methods)]
fn any_instant() -> Instant {
    Instant::now()
}

impl World {
    /// With so many engines; the room lives on the first.
    pub fn new(engines: usize) -> World {
        World::with(engines, |_| ())
    }

    /// With changes to the engines' settings.
    pub fn with(engines: usize, set: impl Fn(&mut Config)) -> World {
        let now = any_instant();
        let engines = (0..engines)
            .map(|worker| {
                let mut config = Config {
                    place: Place { node: 5, worker: worker as u16 },
                    advertised: vec![server()],
                    advertised_tcp: Vec::new(),
                    ice_lite: false,
                    max_lines: 64,
                    max_candidates: 100,
                    connect_timeout: Duration::from_secs(30),
                    data_buffer: 1 << 20,
                    data_max_age: Duration::from_millis(100),
                    data_lossy_bytes: 1_100,
                    data_messages_per_second: 2_000,
                    data_bytes_per_second: 1 << 20,
                };
                set(&mut config);
                Engine::new(config, now)
            })
            .collect();
        World {
            now,
            tick: Duration::from_millis(1),
            start: now,
            engines,
            reports_wait: Duration::ZERO,
            unread: VecDeque::new(),
            trains: Vec::new(),
            wake_ups: 0,
            has_input: false,
            clients: BTreeMap::new(),
            events: Vec::new(),
            linked: Vec::new(),
            ended_links: Vec::new(),
            bulk: Vec::new(),
            loss: 0,
            cut: BTreeSet::new(),
            receiving: HashMap::new(),
            random: 7,
            flying: VecDeque::new(),
            is_cut: false,
            filter: None,
            loses_dtls: false,
            keeps_datagrams: false,
            impersonated: None,
            kept: Vec::new(),
            media_heard: HashMap::new(),
            mapped: HashMap::new(),
            heard: HashMap::new(),
            told: HashMap::new(),
            sent_at: HashMap::new(),
            media_sent: HashMap::new(),
            requests: 0,
            tracks: HashMap::new(),
        }
    }

    /// Adds a client that sends `sends` and receives on `pairs` slot pairs, and waits until it is
    /// connected.
    pub fn join(&mut self, number: u64, sends: &[RtcKind], pairs: usize) {
        self.begin(number, sends, pairs);
        self.wait_for(number);
    }

    /// Adds a client with both data channels, which takes messages of up to `largest` bytes, and
    /// waits until they are open.
    pub fn join_with_data(&mut self, number: u64, largest: u32) {
        self.add(number, largest);
        let client = self.clients.get_mut(&number).unwrap();
        let mut api = client.rtc.sdp_api();
        for stream in [0, 1] {
            let lossy = stream == 1;
            client.channels.push(api.add_channel_with_config(ChannelConfig {
                label: String::new(),
                ordered: !lossy,
                reliability: match lossy {
                    false => Reliability::Reliable,
                    true => Reliability::MaxRetransmits { retransmits: 0 },
                },
                negotiated: Some(stream),
                protocol: String::new(),
            }));
        }
        let (offer, pending) = api.apply().unwrap();
        self.negotiate(number, offer, pending);
        self.run_until("data channels open", |world| world.clients[&number].open.len() == 2);
    }

    /// Steps until something is so, for 20 seconds at most.
    pub fn run_until(&mut self, what: &str, is_so: impl Fn(&World) -> bool) {
        for _ in 0..20_000 {
            if is_so(self) {
                return;
            }
            self.step();
        }
        panic!("never: {what}");
    }

    /// Adds a client that sends one video in several encodings, by RID, width and height.
    pub fn join_with_layers(&mut self, number: u64, layers: &[(&str, u16, u16)]) {
        self.add(number, envelope::MAX_BYTES as u32);
        let client = self.clients.get_mut(&number).unwrap();
        client.layers = layers
            .iter()
            .map(|&(rid, width, height)| Layer { rid: Rid::from(rid), width, height, sent: 0 })
            .collect();
        let send = layers.iter().map(|(rid, ..)| SimulcastLayer::new(rid)).collect();
        let simulcast = Some(Simulcast { send, recv: Vec::new() });
        let mut api = client.rtc.sdp_api();
        let mid = api.add_media(RtcKind::Video, Direction::SendOnly, None, None, simulcast);
        client.mids.push((mid, RtcKind::Video, Direction::SendOnly));
        let (offer, pending) = api.apply().unwrap();
        self.negotiate(number, offer, pending);
        self.wait_for(number);
    }

    /// Adds a client and sends its offer, without waiting for the connection.
    pub fn begin(&mut self, number: u64, sends: &[RtcKind], pairs: usize) {
        self.add(number, envelope::MAX_BYTES as u32);
        self.offer(number, sends, pairs);
    }

    /// As [`World::begin`] with a DTLS certificate of the client's own.
    pub fn begin_with(&mut self, number: u64, certificate: DtlsCert, version: DtlsVersion) {
        self.set_up(number, |setup| setup.set_dtls_cert(certificate).set_dtls_version(version));
        self.offer(number, &[RtcKind::Audio], 0);
    }

    fn add(&mut self, number: u64, largest: u32) {
        self.set_up(number, |setup| setup.set_sctp_max_message_size(largest));
    }

    fn set_up(&mut self, number: u64, set: impl FnOnce(RtcConfig) -> RtcConfig) {
        let address = SocketAddr::from(([10, 0, 1, number as u8], 40_000));
        let mut setup = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true);
        // As browsers do, which check every 2.5 seconds and do not give up for thirty.
        setup.set_max_stun_rto(Duration::from_millis(2_500));
        setup.set_max_stun_retransmits(16);
        let mut rtc = set(setup).build(self.now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let key = SessionKey(number);
        let client = Client {
            key,
            address,
            rtc,
            received: Vec::new(),
            keyframe_requests: 0,
            connected: false,
            mids: Vec::new(),
            layers: Vec::new(),
            sent: HashMap::new(),
            answer: String::new(),
            channels: Vec::new(),
            open: BTreeSet::new(),
            messages: Vec::new(),
        };
        self.clients.insert(number, client);
        self.command(Command::Open { session: key });
    }

    fn wait_for(&mut self, number: u64) {
        self.run_until("a client connects", |world| world.clients[&number].connected);
    }

    /// Offers more lines, and sets the answer.
    pub fn offer(&mut self, number: u64, sends: &[RtcKind], pairs: usize) {
        let client = self.clients.get_mut(&number).unwrap();
        let mut api = client.rtc.sdp_api();
        for &kind in sends {
            let mid = api.add_media(kind, Direction::SendOnly, None, None, None);
            client.mids.push((mid, kind, Direction::SendOnly));
        }
        for _ in 0..pairs {
            for kind in [RtcKind::Audio, RtcKind::Video] {
                let mid = api.add_media(kind, Direction::RecvOnly, None, None, None);
                client.mids.push((mid, kind, Direction::RecvOnly));
            }
        }
        let (offer, pending) = api.apply().unwrap();
        self.negotiate(number, offer, pending);
    }

    /// Stops a client's lines and offers new pairs in their places.
    pub fn replace_lines(&mut self, number: u64, old: &[Mid], pairs: usize) {
        let client = self.clients.get_mut(&number).unwrap();
        let mut api = client.rtc.sdp_api();
        old.iter().for_each(|mid| api.stop_media(*mid));
        let (offer, pending) = api.apply().unwrap();
        self.negotiate(number, offer, pending);
        self.offer(number, &[], pairs);
    }

    fn negotiate(&mut self, number: u64, offer: SdpOffer, pending: SdpPendingOffer) {
        let sdp = offer.to_sdp_string();
        let answer = self.exchange(number, sdp).expect("an answer");
        let client = self.clients.get_mut(&number).unwrap();
        client.answer = answer.clone();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        client.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.drain_client(number);
    }

    /// Sends any offer and returns the answer or the error's words.
    pub fn exchange(&mut self, number: u64, sdp: String) -> Result<String, String> {
        self.requests += 1;
        let request = RequestKey(self.requests);
        self.command(Command::Offer { session: SessionKey(number), sdp, request });
        let answered = self.events.iter().find_map(|event| match event {
            Event::Answered { request: of, result, .. } if *of == request => Some(result.clone()),
            _ => None,
        });
        answered.expect("an outcome").map(|answer| answer.sdp).map_err(|error| error.to_string())
    }

    /// Publishes a client's sending line of a kind as `track`, and says whether that worked.
    pub fn publish(&mut self, number: u64, kind: RtcKind, track: u64) -> bool {
        let mid = self.sending_mid(number, kind).to_string();
        self.requests += 1;
        let request = RequestKey(self.requests);
        let session = SessionKey(number);
        self.tracks.insert(TrackKey(track), session);
        self.command(Command::Publish {
            session,
            track: TrackKey(track),
            mid,
            kind: if kind == RtcKind::Audio { MediaKind::Audio } else { MediaKind::Video },
            group: Group { session, index: 0 },
            request,
        });
        self.events.iter().any(|event| {
            matches!(event, Event::Published { request: of, result: Ok(()), .. } if *of == request)
        })
    }

    pub fn subscribe(&mut self, number: u64, track: u64) {
        self.command(Command::Subscribe { session: SessionKey(number), track: TrackKey(track) });
    }

    /// The last binding of a track at a client: m-line and bind number.
    pub fn bound(&self, number: u64, track: u64) -> Option<(Mid, u64)> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Bound { session, track: of, mid, bind }
                if *session == SessionKey(number) && *of == TrackKey(track) =>
            {
                Some((Mid::from(mid.as_str()), *bind))
            }
            _ => None,
        })
    }

    pub fn sending_mid(&self, number: u64, kind: RtcKind) -> Mid {
        let found =
            |(_, k, d): &&(Mid, RtcKind, Direction)| *k == kind && *d == Direction::SendOnly;
        self.clients[&number].mids.iter().find(found).unwrap().0
    }

    pub fn command(&mut self, command: Command) {
        self.engines[0].handle(self.now, Input::Command { room: ROOM, command });
        self.drain_engine(0);
    }

    /// Has a member open a bulk stream, whose number is that of its link.
    pub fn open_bulk(&mut self, member: u64, link: u64, head: &[u8]) {
        let (member, bulk, link) = (SessionKey(member), BulkKey(link), LinkKey(link));
        self.engines[0].handle(self.now, Input::Bulk { room: ROOM, member, link, bulk, head });
        self.drain_engine(0);
    }

    /// Has a member send a message by a link.
    pub fn send_by_link(&mut self, member: u64, link: u64, channel: Channel, message: &[u8]) {
        let (member, link) = (SessionKey(member), LinkKey(link));
        let input = Input::Linked { room: ROOM, member, link, channel, message };
        self.engines[0].handle(self.now, input);
        self.drain_engine(0);
    }

    /// Has a client send one VP8 frame of `packets` packets. The payload says who sent it and
    /// which packet it is.
    pub fn send_frame(&mut self, number: u64, keyframe: bool, packets: u64) {
        let mid = self.sending_mid(number, RtcKind::Video);
        let elapsed = self.elapsed(number);
        for index in 0..packets {
            let client = self.clients.get_mut(&number).unwrap();
            let counter = client.sent.entry(mid).or_default();
            *counter += 1;
            let picture = (elapsed.as_millis() / 33) as u16 & 0x7fff;
            let [high, low] = picture.to_be_bytes();
            let start = if index == 0 { 0x10 } else { 0 };
            // X (S) | I L T | picture id | TL0PICIDX | TID | the frame header's key frame flag
            let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0];
            payload.push(if keyframe { 0 } else { 1 });
            payload.extend(stamp(number, *counter));
            payload.resize(1_000 + index as usize % 2, 9);
            let time = (elapsed.as_micros() as u64 * 9 / 100) as u32;
            let sequence = *counter + 10_000 * number;
            self.write(number, mid, sequence, time, index + 1 == packets, payload);
        }
        self.drain_client(number);
    }

    /// Has a client send 20 ms of sound.
    pub fn send_sound(&mut self, number: u64) {
        let mid = self.sending_mid(number, RtcKind::Audio);
        let elapsed = self.elapsed(number);
        let client = self.clients.get_mut(&number).unwrap();
        let counter = client.sent.entry(mid).or_default();
        *counter += 1;
        let mut payload = stamp(number, *counter).to_vec();
        payload.resize(100, 3);
        let time = (elapsed.as_micros() as u64 * 48 / 1_000) as u32;
        let sequence = *counter + 20_000 * number;
        self.write(number, mid, sequence, time, false, payload);
        self.drain_client(number);
    }

    /// Every client's media clock starts somewhere else.
    fn elapsed(&self, number: u64) -> Duration {
        self.now - self.start + Duration::from_secs(number * 1_000)
    }

    fn write(
        &mut self,
        number: u64,
        mid: Mid,
        sequence: u64,
        time: u32,
        marker: bool,
        payload: Vec<u8>,
    ) {
        let now = self.now;
        let client = self.clients.get_mut(&number).unwrap();
        let pt = payload_type(&client.rtc, mid);
        let mut api = client.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let payload: Arc<[u8]> = payload.into();
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload);
        stream.write_rtp(write.marker(marker).nackable(true));
        client.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
    }

    /// Runs for a time; clients in `video` send a frame each 33 ms (a keyframe where one was
    /// asked for), clients in `sound` 20 ms packets.
    pub fn run(&mut self, time: Duration, video: &[u64], sound: &[u64]) {
        let end = self.now + time;
        while self.now < end {
            let millis = (self.now - self.start).as_millis();
            for &number in video.iter().filter(|_| millis.is_multiple_of(33)) {
                let client = self.clients.get_mut(&number).unwrap();
                let asked = std::mem::take(&mut client.keyframe_requests) > 0;
                let first = client.sent.values().all(|count| *count == 0);
                self.send_frame(number, asked || first, 3);
            }
            for &number in sound.iter().filter(|_| millis.is_multiple_of(20)) {
                self.send_sound(number);
            }
            self.step();
        }
    }

    /// One tick.
    pub fn step(&mut self) {
        self.now += self.tick;
        self.has_input = false;
        while self.flying.front().is_some_and(|flying| flying.at <= self.now) {
            let flying = self.flying.pop_front().unwrap();
            self.deliver(flying);
        }
        while self.unread.front().is_some_and(|(until, ..)| *until <= self.now) {
            let (_, index, source, arrived, contents) = self.unread.pop_front().unwrap();
            self.arrive(index, source, arrived, &contents);
        }
        // As a shell does it: an engine is woken for what came, or at the time that it has named.
        for index in 0..self.engines.len() {
            let is_due = self.engines[index].deadline().is_some_and(|at| at <= self.now);
            if is_due || self.has_input {
                self.wake_ups += usize::from(!self.has_input);
                self.engines[index].handle(self.now, Input::Timeout);
                self.drain_engine(index);
            }
        }
        for number in self.clients.keys().copied().collect::<Vec<_>>() {
            let client = self.clients.get_mut(&number).unwrap();
            client.rtc.handle_input(str0m::Input::Timeout(self.now)).unwrap();
            self.drain_client(number);
        }
    }

    fn deliver(&mut self, flying: Flying) {
        let Flying { source, destination, contents, .. } = flying;
        if self.is_cut {
            return;
        }
        if destination == server() {
            if self.filter.as_ref().is_some_and(|lets_through| !lets_through(source, &contents)) {
                return;
            }
            if self.keeps_datagrams {
                self.kept.push(contents.clone());
            }
            if self.loses_dtls && (20..64).contains(&contents[0]) {
                return;
            }
            let source = self.mapped.get(&source).copied().unwrap_or(source);
            if is_stun(&contents) {
                self.heard.entry(source).or_default().push(contents.clone());
            } else if contents[0] >= 128 {
                let kept = self.media_heard.entry(source).or_default();
                kept.push(contents.clone());
                kept.truncate(1_000);
            }
            let index = self.receiving.get(&source).copied().unwrap_or(0);
            // RTCP that begins with a report.
            if contents[0] >= 128 && [200, 201, 207].contains(&contents[1]) {
                let until = self.now + self.reports_wait;
                self.unread.push_back((until, index, source, self.now, contents));
            } else {
                self.arrive(index, source, self.now, &contents);
            }
            return;
        }
        // A mapping that was replaced leads nowhere any more.
        let inside = self.mapped.iter().find(|(_, outside)| **outside == destination);
        let destination = match inside {
            Some((inside, _)) => *inside,
            None if self.mapped.contains_key(&destination) => return,
            None => destination,
        };
        let Some((&number, client)) =
            self.clients.iter_mut().find(|(_, c)| c.address == destination)
        else {
            return;
        };
        if let Ok(receive) = Receive::new(Protocol::Udp, source, destination, &contents) {
            let taken = client.rtc.handle_input(str0m::Input::Receive(self.now, receive));
            match taken {
                Err(_) if self.impersonated == Some(number) => client.rtc.disconnect(),
                taken => taken.unwrap(),
            }
        }
        self.drain_client(number);
    }

    /// Gives an engine a datagram out of nowhere.
    pub fn inject(&mut self, engine: usize, source: SocketAddr, contents: &[u8]) {
        self.arrive(engine, source, self.now, contents);
        self.drain_engine(engine);
    }

    fn arrive(&mut self, engine: usize, source: SocketAddr, arrived: Instant, contents: &[u8]) {
        let transport = Transport::Udp;
        let destination = server();
        let datagram = Datagram { transport, source, destination, arrived, contents };
        self.has_input = true;
        self.engines[engine].handle(self.now, Input::Datagram(datagram));
    }

    fn drain_engine(&mut self, index: usize) {
        while let Some(output) = self.engines[index].poll() {
            match output {
                Output::Transmit(t) => {
                    self.sent_at.insert(t.destination, self.now);
                    let sizes: Vec<usize> = t.datagrams().map(<[u8]>::len).collect();
                    self.trains.push((t.destination, sizes));
                    for datagram in t.datagrams() {
                        if is_stun(datagram) {
                            self.told.entry(t.destination).or_default().push(datagram.to_vec());
                        } else {
                            *self.media_sent.entry(t.destination).or_default() += 1;
                        }
                        self.fly(t.source, t.destination, datagram.to_vec());
                    }
                }
                Output::Event { room, event } => {
                    assert_eq!(room, ROOM);
                    self.events.push(event);
                }
                Output::HandOver { worker, source, destination, arrived, contents } => {
                    let transport = Transport::Udp;
                    let contents = contents.as_slice();
                    let datagram = Datagram { transport, source, destination, arrived, contents };
                    let input = Input::HandedOver { via: index as u16, datagram };
                    // A ufrag can name any worker, also one that there is not.
                    let Some(engine) = self.engines.get_mut(usize::from(worker)) else { continue };
                    engine.handle(self.now, input);
                    self.drain_engine(usize::from(worker));
                }
                Output::ToLinks { links, channel, message } => {
                    let copies = links.into_iter().map(|link| (link.0, channel, message.to_vec()));
                    self.linked.extend(copies);
                }
                Output::Bulk { bulk, result } => self.bulk.push((bulk.0, result)),
                Output::LinkOver { link, end } => self.ended_links.push((link.0, end)),
                Output::Learned { worker, source } => {
                    let input = Input::Learned { owner: index as u16, source };
                    self.engines[usize::from(worker)].handle(self.now, input);
                }
            }
        }
    }

    fn drain_client(&mut self, number: u64) {
        loop {
            let client = self.clients.get_mut(&number).unwrap();
            match client.rtc.poll_output().unwrap() {
                str0m::Output::Timeout(_) => return,
                str0m::Output::Transmit(t) => {
                    self.fly(t.source, t.destination, t.contents.to_vec())
                }
                str0m::Output::Event(str0m::Event::Connected) => client.connected = true,
                str0m::Output::Event(str0m::Event::RtpPacket(p)) if !p.payload.is_empty() => {
                    client.received.push(p);
                }
                str0m::Output::Event(str0m::Event::ChannelOpen(id, _)) => {
                    client.open.extend(client.channels.iter().position(|channel| *channel == id));
                }
                str0m::Output::Event(str0m::Event::ChannelData(data)) => {
                    let place = client.channels.iter().position(|channel| *channel == data.id);
                    client.messages.push((place.unwrap(), data.data));
                }
                str0m::Output::Event(str0m::Event::KeyframeRequest(_)) => {
                    client.keyframe_requests += 1;
                }
                str0m::Output::Event(_) => {}
            }
        }
    }

    fn fly(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>) {
        // SplitMix64: the same losses in every run.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (z ^ (z >> 31)) % 100 < self.loss {
            return;
        }
        let is_cut = |number: &u64| [source, destination].contains(&self.clients[number].address);
        if self.cut.iter().any(is_cut) {
            return;
        }
        let at = self.now + Duration::from_millis(5);
        self.flying.push_back(Flying { at, source, destination, contents });
    }

    /// Has a client send a data message on its channel `place`. False if its SCTP has no room.
    pub fn send_data(&mut self, number: u64, place: usize, message: &[u8]) -> bool {
        let now = self.now;
        let client = self.clients.get_mut(&number).unwrap();
        let mut channel = client.rtc.channel(client.channels[place]).unwrap();
        let taken = channel.write(true, message).unwrap();
        client.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
        self.drain_client(number);
        taken
    }

    /// The RTP and RTCP that has come from an address since it was asked last, encrypted.
    pub fn take_media_from(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        self.media_heard.remove(&address).unwrap_or_default()
    }

    /// How many packets went no further, for whatever reason.
    pub fn dropped(&self) -> u64 {
        let rows = self.engines.iter().flat_map(|engine| engine.stats().rows());
        rows.filter(|row| row.name == "packets_dropped").map(|row| row.value).sum()
    }

    /// Runs for a time in which a client sends all encodings of its video: a frame each 33 ms of
    /// as many packets as the encoding has hundreds of lines, and keyframes where asked for.
    pub fn run_layers(&mut self, number: u64, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            if (self.now - self.start).as_millis().is_multiple_of(33) {
                self.send_layers(number);
            }
            self.step();
        }
    }

    fn send_layers(&mut self, number: u64) {
        let mid = self.sending_mid(number, RtcKind::Video);
        let elapsed = self.elapsed(number);
        let time = (elapsed.as_micros() as u64 * 9 / 100) as u32;
        let now = self.now;
        let client = self.clients.get_mut(&number).unwrap();
        let asked = std::mem::take(&mut client.keyframe_requests) > 0;
        let pt = payload_type(&client.rtc, mid);
        let picture = (elapsed.as_millis() / 33) as u16 & 0x7fff;
        let [high, low] = picture.to_be_bytes();
        for (index, layer) in client.layers.iter_mut().enumerate() {
            let keyframe = asked || layer.sent == 0;
            let packets = u64::from(layer.height) / 100;
            for packet in 0..packets {
                layer.sent += 1;
                let start = if packet == 0 { 0x10 } else { 0 };
                let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0];
                payload.extend([if keyframe { 0 } else { 1 }, 0, 0, 0x9d, 0x01, 0x2a]);
                payload.extend(layer.width.to_le_bytes());
                payload.extend(layer.height.to_le_bytes());
                payload.push(index as u8);
                payload.resize(1_000, 9);
                let mut api = client.rtc.direct_api();
                let stream = api.stream_tx_by_mid(mid, Some(layer.rid)).unwrap();
                let write = RtpWrite::new(pt, layer.sent.into(), time, now, payload);
                stream.write_rtp(write.marker(packet + 1 == packets).nackable(true));
            }
        }
        client.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
        self.drain_client(number);
    }

    /// From now on the NAT shows the server another address for a client's own.
    pub fn rebind(&mut self, inside: SocketAddr, outside: SocketAddr) {
        self.mapped.insert(inside, outside);
    }

    /// When the server sent something to an address last.
    pub fn sent_at(&self, address: SocketAddr) -> Option<Instant> {
        self.sent_at.get(&address).copied()
    }

    /// How much other than STUN the server has sent to an address.
    pub fn media_sent_to(&self, address: SocketAddr) -> usize {
        self.media_sent.get(&address).copied().unwrap_or_default()
    }

    /// How many checks the server has sent to an address.
    pub fn checks_sent_to(&self, address: SocketAddr) -> usize {
        self.told.get(&address).map_or(0, |all| all.iter().filter(|m| is_check(m)).count())
    }

    /// The checks that the server has sent to an address since it was asked last.
    pub fn take_checks_to(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let mut all = self.told.remove(&address).unwrap_or_default();
        all.retain(|message| is_check(message));
        all
    }

    /// The checks that have come from an address since it was asked last.
    pub fn take_checks_from(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let mut all = self.heard.remove(&address).unwrap_or_default();
        all.retain(|message| is_check(message));
        all
    }

    /// The answers that have come from an address since it was asked last.
    pub fn take_answers_from(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let mut all = self.heard.remove(&address).unwrap_or_default();
        all.retain(|message| !is_check(message));
        all
    }

    /// Has a client ask for a keyframe of what it receives on a line.
    pub fn ask_for_keyframe(&mut self, number: u64, mid: Mid) {
        let client = self.clients.get_mut(&number).unwrap();
        let mut api = client.rtc.direct_api();
        api.stream_rx_by_mid(mid, None).unwrap().request_keyframe(KeyframeRequestKind::Pli);
    }

    /// The packets that a client got on a line so far, which are then forgotten.
    pub fn take_received(&mut self, number: u64, mid: Mid) -> Vec<RtpPacket> {
        let client = self.clients.get_mut(&number).unwrap();
        let (of_line, others) = std::mem::take(&mut client.received)
            .into_iter()
            .partition(|p| line_of(&mut client.rtc, p) == Some(mid));
        client.received = others;
        of_line
    }

    /// A counter of all engines together, by name and label value.
    pub fn count(&self, name: &str, label: Option<&str>) -> u64 {
        let rows = self.engines.iter().flat_map(|engine| engine.stats().rows());
        rows.filter(|row| row.name == name && row.label.map(|(_, value)| value) == label)
            .map(|row| row.value)
            .sum()
    }
}

/// Whether a datagram is STUN.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|byte| *byte < 4)
}

/// Whether a STUN message is a binding request.
pub fn is_check(message: &[u8]) -> bool {
    message.starts_with(&[0, 1])
}

fn line_of(rtc: &mut Rtc, packet: &RtpPacket) -> Option<Mid> {
    rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid())
}

fn payload_type(rtc: &Rtc, mid: Mid) -> Pt {
    rtc.media(mid).unwrap().remote_pts()[0]
}

/// Who sent a packet, and which of its packets it is.
fn stamp(number: u64, counter: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&counter.to_be_bytes());
    bytes
}

/// The reverse of [`stamp`], for sound (`offset` 0) or VP8 (`offset` 7).
pub fn stamp_of(packet: &RtpPacket, offset: usize) -> (u64, u64) {
    let read = |at: usize| u64::from_be_bytes(packet.payload[at..at + 8].try_into().unwrap());
    (read(offset), read(offset + 8))
}

/// Which encoding a packet of [`World::run_layers`] is of.
pub fn layer_of(packet: &RtpPacket) -> u8 {
    packet.payload[16]
}

/// The picture id of a VP8 packet.
pub fn picture_id(packet: &RtpPacket) -> u16 {
    u16::from_be_bytes([packet.payload[2] & 0x7f, packet.payload[3]])
}
