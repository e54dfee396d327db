//! The composition root: what there is, in which order it starts, and how it stops.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::bail;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use rustls::server::ResolvesServerCert;
use sfu::Sfu;
use signaling_core::info::Limits;
use signaling_core::room;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::{Authority, Keys};
use crate::client::Reachable;
use crate::clock::Clock;
use crate::config::{Config, TlsMode};
use crate::counters::Counters;
use crate::doors::{self, Context, internal};
use crate::headroom::Headroom;
use crate::hub::{self, Hub};
use crate::ice::Ice;
use crate::limits::{Connections, Feeds, Joins, Rate};
use crate::media::{Neighbour, Routes};
use crate::metrics::Sources;
use crate::nearby::Nearby;
use crate::pulse::Pulse;
use crate::server::{Listeners, Server};
use crate::site::Site;
use crate::state::StateDir;
use crate::telemetry::{Exporter, Tracer};
use crate::tickets::Tickets;
use crate::tls::Certificates;
use crate::tls::acme::{self, Acme};
use crate::tls::brief::BriefCertificates;
use crate::trim;
use crate::turn::{self, Turn};
use crate::webhooks::Webhooks;
use crate::webtransport::{Endpoint, Gate, Offer};

/// How long rooms and doors may take to end, each.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running server. Dropping it cuts everything off; [`App::stop`] says goodbye first.
pub struct App {
    http: SocketAddr,
    internal: SocketAddr,
    url: String,
    ready: Arc<AtomicBool>,
    authority: Authority,
    certificates: Option<Arc<Certificates>>,
    state: StateDir,
    hub: Hub,
    drain_timeout: Duration,
    /// Whether the server is to stop soon.
    draining: watch::Sender<bool>,
    /// Doors that outlive their HTTP request.
    door_tasks: watch::Sender<()>,
    stop_http: watch::Sender<bool>,
    servers: JoinSet<()>,
    /// What goes on for ever; aborted when dropped.
    _background: JoinSet<()>,
    /// Who tells endpoints elsewhere; what is not told by the end is told after the next start.
    _webhook_tasks: JoinSet<()>,
    turn: Option<Turn>,
    /// Last: its threads are stopped when all others are gone.
    sfu: Sfu,
}

impl App {
    /// Starts the media plane, then TURN, then the rooms, then the doors.
    ///
    /// # Errors
    /// When a port is taken, a file cannot be used, or the development key would be public. The text
    /// names the key of the configuration to change.
    pub async fn start(config: &Config) -> anyhow::Result<App> {
        let state = StateDir::open(&config.server.state_dir)?;
        let keys = Keys::from_config(config, &state)?;
        if keys.is_development() {
            refuse_public_development(config)?;
            tracing::info!(
                "no key is configured (auth.keys): the development key is in use, and `oriel \
                 token` signs with it"
            );
        }
        warn_of_local_media(config);
        warn_of_other_addresses(config);
        let authority = Authority::new(keys);
        let certificates = Certificates::load(config, &state)?;
        let http =
            Listeners::bind(&config.server.bind, config.server.http_port, "server.http_port")?;
        let internal_bind = [config.server.internal_bind];
        let internal_port = config.server.internal_port;
        let internal = Listeners::bind(&internal_bind, internal_port, "server.internal_port")?;

        let headroom = Headroom::of_this_process();
        let counters = Arc::new(Counters::default());
        let routes = Routes::new(Arc::clone(&counters));
        let (sfu, neighbour) = {
            let routes = routes.clone();
            let deliver = move |room, event| routes.deliver(room, event);
            match config.shares_media_port() {
                true => {
                    let (sfu, neighbour) = Sfu::start_beside(&config.sfu, deliver)?;
                    (sfu, Some(neighbour))
                }
                false => (Sfu::start(&config.sfu, deliver)?, None),
            }
        };
        let plane = Arc::new(sfu.handle());
        let turn = match config.ice.turn {
            true => Some(Turn::start(config, plane.advertised(), certificates.as_ref())?),
            false => None,
        };
        let turn_handle = turn.as_ref().map(Turn::handle);
        let allowed = &config.webhooks.allowed_networks;
        let reachable: Reachable = Arc::new(turn::reachable("webhooks.allowed_networks", allowed)?);
        let (webhooks, webhook_tasks) =
            Webhooks::start(&config.webhooks, &state, Clock::start(), &reachable).await?;
        let hub = Hub::new(
            hub_config(config),
            Arc::clone(&plane) as _,
            routes,
            Arc::clone(&counters),
            webhooks,
        );

        let (exporter, tracer) = match Exporter::new(&config.telemetry)? {
            Some((exporter, tracer)) => (Some(exporter), tracer),
            None => (None, Tracer::default()),
        };
        let (mut servers, mut background) = (JoinSet::new(), JoinSet::new());
        let (endpoint, offer) = match config.serves_webtransport() {
            true => {
                // Where it is forwarded clients know it by another number.
                let known = plane.advertised().first().map_or(plane.udp_port(), SocketAddr::port);
                let (endpoint, offer) = webtransport(
                    config,
                    http.address(),
                    neighbour.map(|neighbour| (neighbour, known)),
                    &state,
                    certificates.as_ref(),
                    &mut background,
                )?;
                (Some(endpoint), Some(offer))
            }
            false => (None, None),
        };
        let (draining, is_draining) = watch::channel(false);
        let (door_tasks, _) = watch::channel(());
        let context = Context {
            hub: hub.clone(),
            authority: authority.clone(),
            site: Arc::new(Site::new(config)),
            headroom: headroom.clone(),
            joins: Joins::new(&config.limits),
            requests: Rate::new(config.limits.requests_per_second, config.limits.request_burst),
            feeds: Feeds::new(&config.limits),
            ice: Ice::new(&config.ice, turn.as_ref().map(Turn::offer)),
            tickets: Tickets::default(),
            nearby: Nearby::new(&config.rooms),
            plane: Arc::clone(&plane) as _,
            webtransport: offer.clone(),
            counters: Arc::clone(&counters),
            tracer,
            tasks: door_tasks.clone(),
            draining: is_draining,
        };
        let ready = Arc::new(AtomicBool::new(true));
        let sources = Sources {
            counters: Arc::clone(&counters),
            feeds: context.feeds.clone(),
            plane: Arc::clone(&plane) as _,
            webhooks: hub.webhooks().clone(),
            turn: turn_handle.clone(),
            started: SystemTime::now(),
        };
        let internals = internal::Internals {
            ready: Arc::clone(&ready),
            headroom: headroom.clone(),
            sources: sources.clone(),
        };

        background.spawn(headroom.clone().watch());
        background.spawn(trim::watch(sources.clone()));
        if let Some(exporter) = exporter {
            background.spawn(exporter.run(sources));
        }
        let (stop_http, stop) = watch::channel(false);
        let (http_address, internal_address) = (http.address(), internal.address());
        let url = own_url(config, http_address);
        let tls = match &certificates {
            Some(certificates) => {
                background.spawn(Arc::clone(certificates).watch());
                let mut protocols: Vec<&[u8]> = vec![b"h2", b"http/1.1"];
                if turn.is_some() {
                    protocols.push(turn::ALPN);
                }
                if config.tls.mode == TlsMode::Acme {
                    protocols.push(acme::ALPN);
                    background.spawn(Acme::new(&config.tls.acme, &state, certificates)?.run());
                }
                let config = certificates.server_config(&protocols)?;
                Some((config, to_https(Arc::clone(&context.site))))
            }
            None => None,
        };
        if let Some((endpoint, offer)) = endpoint.zip(offer) {
            tracing::info!(udp = endpoint.port(), "listening for WebTransport");
            let gate = Gate {
                connections: Connections::of(
                    config.webtransport.connections,
                    config.webtransport.connections_per_address,
                ),
                headroom: headroom.clone(),
                counters: Arc::clone(&counters),
            };
            let context = context.clone();
            let open =
                move |asked| doors::webtransport::open(context.clone(), offer.clone(), asked);
            servers.spawn(endpoint.run(gate, open, stop.clone()));
        }
        tracing::info!(http = %http_address, internal = %internal_address, "listening");
        let pulse = Pulse { hub: hub.clone(), counters, plane };
        background.spawn(pulse.run());
        let public = Server {
            router: doors::public(&context),
            tls,
            turn: turn_handle,
            connections: Connections::new(&config.limits),
            headroom: Some(headroom),
        };
        let private = Server {
            router: internal::routes(internals),
            tls: None,
            turn: None,
            connections: Connections::new(&config.limits),
            // It has to answer when all others are turned away.
            headroom: None,
        };
        servers.spawn(public.run(http, stop.clone()));
        servers.spawn(private.run(internal, stop));
        Ok(App {
            http: http_address,
            internal: internal_address,
            url,
            ready,
            authority,
            certificates,
            state,
            hub,
            draining,
            drain_timeout: Duration::from_secs(config.server.drain_timeout),
            door_tasks,
            stop_http,
            servers,
            _background: background,
            _webhook_tasks: webhook_tasks,
            turn,
            sfu,
        })
    }

    /// Where the doors are.
    pub fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Where health and metrics are.
    pub fn internal_address(&self) -> SocketAddr {
        self.internal
    }

    /// The UDP port that media comes to.
    pub fn media_port(&self) -> u16 {
        self.sfu.handle().udp_port()
    }

    /// The TCP port that media comes to; `None` with `sfu.tcp` off.
    pub fn media_tcp_port(&self) -> Option<u16> {
        self.sfu.handle().tcp_port()
    }

    /// The address to open in a browser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes over the keys, the guests' policy and the certificate of a configuration that was read
    /// again. Everything else needs a restart.
    ///
    /// # Errors
    /// When the keys cannot be used; the old ones stay in force.
    pub fn reload(&self, config: &Config) -> anyhow::Result<()> {
        let keys = Keys::from_config(config, &self.state)?;
        if keys.is_development() {
            refuse_public_development(config)?;
        }
        self.authority.replace(keys);
        if let Some(certificates) = &self.certificates {
            certificates.reload();
        }
        Ok(())
    }

    /// Makes ready for the stop: no newcomers, everybody is told when the server stops. Returns when
    /// nobody is left, or then.
    pub async fn drain(&self) {
        self.ready.store(false, Ordering::Relaxed);
        if let Some(turn) = &self.turn {
            turn.drain();
        }
        self.draining.send_replace(true);
        self.hub.drain(self.drain_timeout).await;
    }

    /// Stops in the reverse order of starting: no newcomers, rooms say goodbye, doors close, media
    /// ends.
    pub async fn stop(mut self) {
        self.ready.store(false, Ordering::Relaxed);
        self.hub.stop(PATIENCE).await;
        if tokio::time::timeout(PATIENCE, self.door_tasks.closed()).await.is_err() {
            tracing::warn!("some doors did not close in time");
        }
        self.stop_http.send_replace(true);
        let servers = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, servers).await.is_err() {
            tracing::debug!("HTTP connections are cut off");
        }
        // Their threads are joined: not on a thread that others wait for.
        let (turn, sfu) = (self.turn, self.sfu);
        if tokio::task::spawn_blocking(move || drop((turn, sfu))).await.is_err() {
            tracing::error!("the media plane did not stop cleanly");
        }
    }
}

/// Where WebTransport listens, on the media port or beside it, and what clients are told of it. A certificate that browsers trust is served;
/// where there is none, those whose hashes they are told.
fn webtransport(
    config: &Config,
    http: SocketAddr,
    media_port: Option<(Neighbour, u16)>,
    state: &StateDir,
    certificates: Option<&Arc<Certificates>>,
    background: &mut JoinSet<()>,
) -> anyhow::Result<(Endpoint, Offer)> {
    let trusted = matches!(config.tls.mode, TlsMode::Files | TlsMode::Acme);
    let (resolver, brief): (Arc<dyn ResolvesServerCert>, _) = match certificates.filter(|_| trusted)
    {
        Some(certificates) => (Arc::clone(certificates) as _, None),
        None => {
            let brief = BriefCertificates::load(state)?;
            background.spawn(Arc::clone(&brief).watch());
            (Arc::clone(&brief) as _, Some(brief))
        }
    };
    let (endpoint, known) = match media_port {
        Some((neighbour, known)) => (Endpoint::share(neighbour, resolver)?, known),
        None => {
            let (port, any) = match config.webtransport_port() {
                0 => (http.port(), true),
                port => (port, false),
            };
            let endpoint = Endpoint::bind(&config.server.bind, port, any, resolver)?;
            let known = endpoint.port();
            (endpoint, known)
        }
    };
    Ok((endpoint, Offer::new(known, http.port(), brief)))
}

/// The development key lets everybody in who can read the state directory, and guests come without any:
/// nothing for addresses that others can reach.
fn refuse_public_development(config: &Config) -> anyhow::Result<()> {
    if !config.server.is_public() {
        return Ok(());
    }
    if !config.server.dev_public {
        bail!(
            "server.bind has an address that others can reach, and no key is configured: set \
             auth.keys (`openssl rand -base64 32` makes a secret), or start with --dev-public to \
             let everybody in"
        );
    }
    tracing::warn!(
        "--dev-public: THE DEVELOPMENT KEY IS IN USE ON A PUBLIC ADDRESS. Everybody who can reach \
         this server may enter every room. Set auth.keys before anybody relies on it."
    );
    Ok(())
}

/// Others would come in, and neither see nor hear anything.
fn warn_of_local_media(config: &Config) {
    let local = |addresses: &[IpAddr]| addresses.iter().all(|address| address.is_loopback());
    if config.server.is_public() && local(&config.sfu.bind) {
        tracing::warn!(
            "media is only reachable from this machine: set sfu.bind, to 0.0.0.0 for example"
        );
    }
}

/// Who asks for WebTransport comes by the host of HTTP.
fn warn_of_other_addresses(config: &Config) {
    let is_bound = |ip: &IpAddr| {
        let of_same = |bound: &IpAddr| bound.is_unspecified() && bound.is_ipv4() == ip.is_ipv4();
        config.sfu.bind.iter().any(|bound| bound == ip || of_same(bound))
    };
    if let Some(missing) = config.server.bind.iter().find(|ip| !is_bound(ip))
        && config.shares_media_port()
    {
        tracing::warn!(
            %missing,
            "server.bind has an address that sfu.bind has not: who comes by it has no WebTransport, \
             which is on the media port (webtransport.share_media_port)"
        );
    }
}

fn hub_config(config: &Config) -> hub::Config {
    let rooms = &config.rooms;
    let limits = Limits {
        lossy_bytes: config.sfu.data_lossy_bytes,
        data_bytes_per_second: config.sfu.data_bytes_per_second,
        data_messages_per_second: config.sfu.data_messages_per_second,
        ..room::Config::default().limits
    };
    hub::Config {
        auto_create: rooms.auto_create,
        max_rooms: rooms.max_rooms as usize,
        lossy_age: Duration::from_millis(config.sfu.data_max_age),
        room: room::Config {
            empty_timeout: Duration::from_secs(rooms.empty_timeout),
            max_participants: rooms.max_participants as usize,
            coalesce_above: rooms.coalesce_above as usize,
            lease: Duration::from_secs(rooms.lease),
            chat_history: rooms.chat_history as usize,
            journal_bytes: rooms.journal_bytes as usize,
            limits,
            ..room::Config::default()
        },
    }
}

fn own_url(config: &Config, address: SocketAddr) -> String {
    if !config.server.public_url.is_empty() {
        return config.server.public_url.trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls.mode == TlsMode::Off { "http" } else { "https" };
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("{scheme}://{address}")
}

/// What plain HTTP gets where TLS is spoken: people type addresses without a scheme.
fn to_https(site: Arc<Site>) -> Router {
    Router::new().fallback(move |request: Request| async move {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        match site.base_url(request.uri(), request.headers()) {
            Some(url) => Redirect::permanent(&format!("{url}{path}")).into_response(),
            None => StatusCode::BAD_REQUEST.into_response(),
        }
    })
}
