//! What the doctor sees of the machine. It looks and judges nothing.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Uri;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use super::listening::{Protocol, Socket, sockets};
use crate::config::{Config, TlsMode};
use crate::headroom::allowed_files;
use crate::headroom::cgroup::Group;
use crate::state::{self, StateDir};
use crate::tls::{self, acme};

/// How long a running server may take to say that it is one.
const PATIENCE: Duration = Duration::from_secs(2);

/// The machine as it is.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970, by this machine's clock.
    pub now: u64,
    /// When this program was made, by the time of its file.
    pub made: u64,
    /// Whether somebody keeps the clock right; `None` where the system does not tell.
    pub is_clock_kept: Option<bool>,
    /// Sockets that cannot be opened. None where the server runs already and has them itself.
    pub closed: Vec<(Socket, Obstacle)>,
    /// Whether a server answers on the internal port.
    pub is_running: bool,
    /// Addresses of this machine's interfaces.
    pub interfaces: Vec<IpAddr>,
    /// The addresses of the host of `server.public_url`; what went wrong where it has none.
    pub public: Option<Result<Vec<IpAddr>, String>>,
    /// With `tls.mode` `"files"`, or `"acme"` where there is one already.
    pub certificate: Option<Result<CertificateFacts, String>>,
    /// The addresses of each of `tls.acme.domains`, with `tls.mode = "acme"`.
    pub domains: Vec<(String, Result<Vec<IpAddr>, String>)>,
    /// Why nothing can be kept in the state directory.
    pub state: Option<String>,
    /// The file of the private key, if everybody on the machine can read it.
    pub exposed_key: Option<PathBuf>,
    /// Files that the process may have open.
    pub files: u64,
    /// Bytes of memory that control groups allow.
    pub memory: Option<u64>,
    /// Bytes that sockets may have as buffers: to receive, and to send.
    pub buffers: [Option<usize>; 2],
    /// The first and the last port that the system gives out itself.
    pub ephemeral_ports: Option<[u16; 2]>,
}

/// Why a socket cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another program has the port.
    Taken,
    /// Ports below 1024 need a right.
    Denied,
    /// This machine does not have the address.
    NotHere,
    /// Something else.
    Other(String),
}

/// What is in the certificate's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Seconds since 1970 from which on it is good.
    pub from: u64,
    /// Seconds since 1970 until which it is good.
    pub until: u64,
    /// Whether it is for the host of `server.public_url`; `None` without one.
    pub is_for_public: Option<bool>,
}

impl Facts {
    /// Looks at this machine. Opens ports for a moment, asks the internal port, and has the name of
    /// `server.public_url` looked up.
    pub fn gather(config: &Config) -> Facts {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let made = std::env::current_exe().and_then(fs::metadata).and_then(|file| file.modified());
        let is_running = ask_health(config).is_ok();
        let public_url: Option<Uri> = config.server.public_url.parse().ok();
        let host = public_url.as_ref().and_then(Uri::host);
        Facts {
            now: seconds(SystemTime::now()),
            made: made.map_or(0, seconds),
            is_clock_kept: clock_is_kept(),
            closed: if is_running { Vec::new() } else { closed(&sockets(config)) },
            is_running,
            interfaces: if_addrs::get_if_addrs()
                .map(|all| all.into_iter().map(|interface| interface.ip()).collect())
                .unwrap_or_default(),
            public: host.map(resolve),
            certificate: match config.tls.mode {
                TlsMode::Files => Some(certificate(&config.tls.cert, &config.tls.key, host)),
                TlsMode::Acme => kept_certificate(&config.server.state_dir, host),
                TlsMode::Off | TlsMode::SelfSigned => None,
            },
            domains: match config.tls.mode {
                TlsMode::Acme => {
                    let looked_up = |name: &String| (name.clone(), resolve(name));
                    config.tls.acme.domains.iter().map(looked_up).collect()
                }
                _ => Vec::new(),
            },
            state: state::obstacle(&config.server.state_dir),
            exposed_key: exposed(&config.tls.key),
            files: allowed_files(),
            memory: Group::of_this_process().map(|group| group.limit()),
            buffers: ["rmem_max", "wmem_max"].map(|name| number(&format!("net/core/{name}"))),
            ephemeral_ports: ephemeral_ports(),
        }
    }
}

/// Asks a running server on this machine whether it is alive.
///
/// # Errors
/// When nobody answers in two seconds, or something else does.
pub fn ask_health(config: &Config) -> anyhow::Result<()> {
    let mut ip = config.server.internal_bind;
    if ip.is_unspecified() {
        ip = match ip {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
    }
    let address = SocketAddr::new(ip, config.server.internal_port);
    let answer = ask(address).map_err(|error| {
        anyhow::anyhow!("no server answers on http://{address}/health: {error}")
    })?;
    if answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\nok\n") {
        return Ok(());
    }
    anyhow::bail!("http://{address}/health is answered by something else than Oriel")
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Opens each socket for a moment, as the server would.
fn closed(sockets: &[Socket]) -> Vec<(Socket, Obstacle)> {
    let obstacle = |socket: &Socket| match open(socket) {
        Ok(()) => None,
        Err(error) => Some(match error.kind() {
            ErrorKind::AddrInUse => Obstacle::Taken,
            ErrorKind::PermissionDenied => Obstacle::Denied,
            ErrorKind::AddrNotAvailable => Obstacle::NotHere,
            _ => Obstacle::Other(error.to_string()),
        }),
    };
    sockets.iter().filter_map(|socket| Some((*socket, obstacle(socket)?))).collect()
}

fn open(socket: &Socket) -> io::Result<()> {
    use socket2::{Domain, Protocol as P, Socket as S, Type};
    let (kind, protocol) = match socket.protocol {
        Protocol::Tcp => (Type::STREAM, P::TCP),
        Protocol::Udp => (Type::DGRAM, P::UDP),
    };
    let opened = S::new(Domain::for_address(socket.address), kind, Some(protocol))?;
    if socket.address.is_ipv6() {
        opened.set_only_v6(true)?;
    }
    // Connections of a server that has just ended are no obstacle.
    opened.set_reuse_address(socket.protocol == Protocol::Tcp)?;
    opened.bind(&socket.address.into())?;
    match socket.protocol {
        Protocol::Tcp => opened.listen(1),
        Protocol::Udp => Ok(()),
    }
}

fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (host, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(addresses.map(|address| address.ip()).collect())
}

fn certificate(cert: &Path, key: &Path, host: Option<&str>) -> Result<CertificateFacts, String> {
    let (cert_path, key_path) = (cert.display(), key.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("tls.cert: {cert_path} cannot be read: {error}"))?;
    let Some(leaf) = chain.first() else {
        return Err(format!("tls.cert: there is no certificate in {cert_path}"));
    };
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("tls.key: {key_path} cannot be read: {error}"))?;
    CertifiedKey::from_der(chain.clone(), key, &aws_lc_rs::default_provider())
        .map_err(|error| format!("{cert_path} and {key_path} do not belong together: {error}"))?;
    look_at(leaf, host).map_err(|error| format!("tls.cert: {cert_path} makes no sense: {error}"))
}

/// What came of ACME so far.
fn kept_certificate(state: &Path, host: Option<&str>) -> Option<Result<CertificateFacts, String>> {
    let state = StateDir::existing(state)?;
    match acme::kept_chain(&state) {
        Ok(chain) => {
            let leaf = chain?.into_iter().next()?;
            Some(look_at(&leaf, host).map_err(|error| error.to_string()))
        }
        Err(error) => Some(Err(format!("{error:#}"))),
    }
}

fn look_at(
    leaf: &CertificateDer<'_>,
    host: Option<&str>,
) -> Result<CertificateFacts, x509_cert::der::Error> {
    let (from, until) = tls::validity(leaf)?;
    let is_for = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).ok()?;
        let leaf = ParsedCertificate::try_from(leaf).ok()?;
        Some(verify_server_name(&leaf, &name).is_ok())
    };
    Ok(CertificateFacts { from, until, is_for_public: host.and_then(is_for) })
}

/// Whether everybody on the machine can read the private key.
fn exposed(key: &Path) -> Option<PathBuf> {
    let mode = fs::metadata(key).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| key.to_owned())
}

/// Whether the kernel is told of a source of time (adjtimex(2), `STA_UNSYNC`).
fn clock_is_kept() -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: all zero is a valid `timex`, and one that asks for no change.
        let mut timex: libc::timex = unsafe { std::mem::zeroed() };
        // SAFETY: it writes into the structure that it is given, and nowhere else.
        let state = unsafe { libc::adjtimex(&mut timex) };
        (state >= 0).then_some(timex.status & libc::STA_UNSYNC == 0)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

fn number(name: &str) -> Option<usize> {
    fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok()
}

fn ephemeral_ports() -> Option<[u16; 2]> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ports = text.split_whitespace().map(|port| port.parse().ok());
    Some([ports.next()??, ports.next()??])
}
