//! What the facts mean for a configuration: pure, so that every sentence has its test.

use std::net::IpAddr;

use super::facts::{CertificateFacts, Facts, Obstacle};
use super::listening::{Socket, offers_turn_by_tls, sockets};
use super::{Finding, Level, Subject};
use crate::config::{Config, Guests, TlsMode};

/// Certificates that end sooner are spoken of.
const RENEW_DAYS: u64 = 14;
const DAY: u64 = 86_400;
/// Open files that the server needs beside one for each connection: its threads, sockets, certificates.
const OWN_FILES: u64 = 200;
/// Below this a server refuses newcomers soon after its start.
const LITTLE_MEMORY: u64 = 256 << 20;

/// All that is not as it should be.
pub fn findings(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = Findings { all: Vec::new(), subject: Subject::Access };
    for subject in Subject::ALL {
        findings.subject = subject;
        match subject {
            Subject::Access => access(config, &mut findings),
            Subject::Ports => ports(config, facts, &mut findings),
            Subject::Addresses => addresses(config, facts, &mut findings),
            Subject::Certificates => certificates(config, facts, &mut findings),
            Subject::State => state(facts, &mut findings),
            Subject::Clock => clock(facts, &mut findings),
            Subject::Limits => limits(config, facts, &mut findings),
            Subject::Buffers => buffers(config, facts, &mut findings),
        }
    }
    findings.all
}

struct Findings {
    all: Vec<Finding>,
    subject: Subject,
}

impl Findings {
    fn fault(&mut self, text: impl Into<String>) {
        self.add(Level::Fault, text.into());
    }

    fn advice(&mut self, text: impl Into<String>) {
        self.add(Level::Advice, text.into());
    }

    fn add(&mut self, level: Level, text: String) {
        self.all.push(Finding { level, subject: self.subject, text });
    }
}

fn access(config: &Config, findings: &mut Findings) {
    let has_keys = !config.auth.keys.is_empty();
    if !config.server.is_public() {
        return;
    }
    if !has_keys && !config.server.dev_public {
        findings.fault(
            "server.bind has an address that others can reach, and no key is configured: set \
             auth.keys (`openssl rand -base64 32` makes a secret)",
        );
    }
    if !has_keys && config.server.dev_public {
        findings.advice(
            "everybody who can reach this server may enter every room: set auth.keys and take \
             server.dev_public out before anybody relies on it",
        );
    }
    if has_keys && config.rooms.guests == Guests::Open {
        findings.advice(
            "rooms.guests is \"open\": whoever knows the name of a room may enter it without a token",
        );
    }
}

fn ports(config: &Config, facts: &Facts, findings: &mut Findings) {
    let wanted = sockets(config);
    for (index, socket) in wanted.iter().enumerate() {
        let earlier = wanted[..index].iter().find(|earlier| earlier.collides_with(socket));
        if let Some(earlier) = earlier {
            let Socket { port_key, protocol, address, .. } = socket;
            findings.fault(format!(
                "{port_key} and {} both want {protocol} port {}: give one of them another port",
                earlier.port_key,
                address.port()
            ));
        }
    }
    for (socket, obstacle) in &facts.closed {
        let Socket { port_key, bind_key, protocol, address } = socket;
        let (ip, port) = (address.ip(), address.port());
        findings.fault(match obstacle {
            Obstacle::Taken => format!(
                "{protocol} port {port} on {ip} is taken by another program: stop that (`ss -lptu` \
                 names it), or set {port_key} to another port"
            ),
            Obstacle::Denied => format!(
                "{protocol} port {port} needs a right that this user does not have: start Oriel by \
                 its systemd unit, give it CAP_NET_BIND_SERVICE, or set {port_key} to 1024 or more"
            ),
            Obstacle::NotHere => format!(
                "this machine has no address {ip}: {bind_key} takes addresses of its interfaces, or \
                 0.0.0.0 and ::; what a NAT translates to goes into sfu.advertised"
            ),
            Obstacle::Other(error) => {
                format!("{protocol} port {port} on {ip} cannot be opened ({port_key}): {error}")
            }
        });
    }
    let internal = config.server.internal_bind;
    if internal.is_unspecified() {
        findings.advice(format!(
            "server.internal_bind is {internal}: close port {} to the public, metrics are nobody else's \
             business",
            config.server.internal_port
        ));
    }
}

fn addresses(config: &Config, facts: &Facts, findings: &mut Findings) {
    let media = &config.sfu;
    let is_public = config.server.is_public() || !config.server.public_url.is_empty();
    let media_is_local = media.bind.iter().all(IpAddr::is_loopback);
    if is_public && media_is_local {
        findings.fault(
            "the page can be reached by others, and media only from this machine: set sfu.bind, to \
             [\"0.0.0.0\", \"::\"] for all addresses",
        );
    }
    let advertised = media.advertised.iter().chain(&media.advertised_tcp);
    for address in advertised.filter(|address| address.ip.is_loopback() && is_public) {
        findings.fault(format!(
            "sfu.advertised tells clients to send media to {address}, which is their own machine: put \
             the address there by which they reach this one"
        ));
    }
    let ipv4 = |ip: &&IpAddr| ip.is_ipv4() && !ip.is_loopback();
    let mut own = facts.interfaces.iter().filter(ipv4).peekable();
    let has_public = own.clone().any(|ip| !is_private(*ip));
    let wants_public = config.server.public_url.starts_with("https://") && !media_is_local;
    let resolved = match &facts.public {
        Some(Ok(addresses)) => addresses.as_slice(),
        _ => &[],
    };
    // A name that leads to a private address is one for a private network.
    let is_for_the_world = resolved.iter().any(|ip| !is_private(*ip) && !ip.is_loopback());
    if media.advertised.is_empty()
        && wants_public
        && is_for_the_world
        && !has_public
        && let Some(private) = own.peek()
    {
        findings.fault(format!(
            "this machine has only private addresses ({private}), and that is where clients are told \
             to send media: set sfu.advertised to the public address that leads here"
        ));
    }
    let mut others = media.advertised.iter().filter(|one| !one.ip.is_loopback());
    let misled = others.find(|one| is_private(one.ip) && is_for_the_world);
    if let Some(private) = misled {
        findings.fault(format!(
            "sfu.advertised is {private}, a private address, and server.public_url is for everybody: \
             put the public address there"
        ));
    }
    match &facts.public {
        Some(Err(error)) => findings.fault(format!(
            "the host of server.public_url has no address: {error}; add it to the DNS, or correct the \
             URL"
        )),
        Some(Ok(public)) if !leads_here(public, config, facts) => {
            let list: Vec<String> = public.iter().map(IpAddr::to_string).collect();
            findings.advice(format!(
                "the host of server.public_url leads to {}, which is no address of this machine and not \
                 in sfu.advertised: right for a proxy or load balancer in front, otherwise correct the \
                 DNS or sfu.advertised",
                list.join(", ")
            ));
        }
        _ => {}
    }
    relay(config, facts, findings);
}

/// The ports that TURN relays from.
fn relay(config: &Config, facts: &Facts, findings: &mut Findings) {
    if !config.ice.turn {
        findings.advice(
            "ice.turn is off: clients in networks that let neither UDP nor other ports out do not come \
             through, unless ice.servers has a TURN server",
        );
        return;
    }
    let [first, last] = config.turn.relay_ports;
    if last.saturating_sub(first) < 100 {
        findings.advice(format!(
            "turn.relay_ports has {} ports, and every client that goes by TURN takes one or two: allow \
             more",
            u32::from(last.saturating_sub(first)) + 1
        ));
    }
    let media = config.sfu.udp_port;
    if media != 0 && (first..=last).contains(&media) {
        findings.fault(format!(
            "sfu.udp_port {media} is within turn.relay_ports: move one out of the other's way"
        ));
    }
    if let Some([low, high]) = facts.ephemeral_ports
        && media != 0
        && (low..=high).contains(&media)
    {
        findings.advice(format!(
            "sfu.udp_port {media} is among the ports that the system gives to any program \
             ({low}-{high}): after a restart it may be taken; choose one outside"
        ));
    }
}

fn leads_here(public: &[IpAddr], config: &Config, facts: &Facts) -> bool {
    let advertised = config.sfu.advertised.iter().any(|one| public.contains(&one.ip));
    advertised || facts.interfaces.iter().any(|ip| public.contains(ip))
}

fn certificates(config: &Config, facts: &Facts, findings: &mut Findings) {
    let url_is_https = config.server.public_url.starts_with("https://");
    match config.tls.mode {
        TlsMode::Off if config.server.is_public() && !url_is_https => findings.fault(
            "browsers give no camera and no microphone to a page without TLS: set tls.mode to \"acme\", \
             or to \"files\" with a certificate (\"self-signed\" for a LAN), or put a proxy in front and its https:// \
             address into server.public_url",
        ),
        TlsMode::Off if url_is_https && config.ice.turn => findings.advice(
            "a proxy speaks TLS, so TURN has no certificate and nobody is offered TURN by TLS: networks \
             that let only TLS out need tls.mode = \"files\" here and a port that goes past the proxy",
        ),
        TlsMode::SelfSigned if url_is_https => findings.advice(
            "tls.mode is \"self-signed\": every browser warns of it; for a public name set it to \
             \"acme\" or \"files\"",
        ),
        TlsMode::Acme => by_acme(config, facts, findings),
        _ => {}
    }
    let is_acme = config.tls.mode == TlsMode::Acme;
    match &facts.certificate {
        Some(Err(problem)) if is_acme => findings.fault(format!(
            "{problem}: delete acme.toml in the state directory, and it is got again"
        )),
        Some(Err(problem)) => {
            findings.fault(format!("{problem}; tls.cert and tls.key take PEM files"))
        }
        Some(Ok(certificate)) => dates(certificate, facts.now, is_acme, findings),
        None => {}
    }
    if let Some(Ok(CertificateFacts { is_for_public: Some(false), .. })) = &facts.certificate {
        findings.fault(format!(
            "the certificate is for another name than that of server.public_url ({}): get one for it",
            config.server.public_url
        ));
    }
    if let Some(key) = &facts.exposed_key {
        findings.fault(format!(
            "everybody on this machine can read the private key: chmod 640 {}",
            key.display()
        ));
    }
    if offers_turn_by_tls(config) && config.turn.tls_port == config.server.http_port {
        findings.fault(
            "turn.tls_port is the port of HTTPS, which takes TURN as well: set turn.tls_port to 0",
        );
    }
}

/// Whether the authority will find this server.
fn by_acme(config: &Config, facts: &Facts, findings: &mut Findings) {
    if facts.certificate.is_none() {
        findings.advice(
            "there is no certificate yet: it is got when the server starts, and what is in the way of that \
             is in its log",
        );
    }
    if !config.server.is_public() {
        findings.fault(
            "the authority cannot reach a server on loopback, and gives no certificate: set server.bind, \
             to 0.0.0.0 and :: for example",
        );
    }
    if config.server.http_port != 443 {
        findings.advice(format!(
            "the authority connects to port 443: see that something leads from there to {} \
             (server.http_port) and leaves TLS as it is",
            config.server.http_port
        ));
    }
    for (name, found) in &facts.domains {
        match found {
            Err(error) => findings.fault(format!(
                "{name} (tls.acme.domains) cannot be looked up: {error}; the authority will not find it \
                 either"
            )),
            Ok(addresses) if !leads_here(addresses, config, facts) => findings.advice(format!(
                "{name} (tls.acme.domains) leads to no address of this machine or of sfu.advertised: \
                 the authority has to get here by it"
            )),
            Ok(_) => {}
        }
    }
}

fn dates(certificate: &CertificateFacts, now: u64, is_acme: bool, findings: &mut Findings) {
    let renewal = match is_acme {
        true => "its renewal by ACME fails, and the log of the server says why",
        false => "renew it; it is read again as soon as the file changes",
    };
    if now < certificate.from {
        findings
            .fault("the certificate is not good yet: if it is new, this machine's clock is behind");
    } else if now >= certificate.until {
        findings.fault(format!(
            "the certificate has ended {} ago: {renewal}",
            days((now - certificate.until) / DAY)
        ));
    } else if certificate.until - now < RENEW_DAYS * DAY {
        findings.advice(format!(
            "the certificate ends in {}: see that its renewal works",
            days((certificate.until - now) / DAY)
        ));
    }
}

fn days(count: u64) -> String {
    match count {
        0 => "less than a day".into(),
        1 => "a day".into(),
        _ => format!("{count} days"),
    }
}

fn state(facts: &Facts, findings: &mut Findings) {
    if let Some(problem) = &facts.state {
        findings.fault(format!(
            "nothing can be kept in the state directory: {problem}; set server.state_dir to one that \
             the user of Oriel may write to"
        ));
    }
}

fn clock(facts: &Facts, findings: &mut Findings) {
    if facts.made > facts.now + DAY {
        findings.fault(format!(
            "the clock is wrong: by it this program was made {} from now; set it, or tokens and TURN \
             credentials are refused (`timedatectl set-ntp true` has it kept)",
            days((facts.made - facts.now) / DAY)
        ));
    } else if facts.is_clock_kept == Some(false) {
        findings.advice(
            "nobody keeps the clock right: tokens and TURN credentials tell the time, so have it kept \
             (`timedatectl set-ntp true`, or chrony)",
        );
    }
}

fn limits(config: &Config, facts: &Facts, findings: &mut Findings) {
    let mut wanted = u64::from(config.limits.connections) + OWN_FILES;
    if config.sfu.tcp {
        wanted += config.sfu.max_tcp_connections as u64;
    }
    let needed = wanted.min(1_024);
    if facts.files < needed {
        findings.fault(format!(
            "{} open files are allowed, one for each connection: raise the limit to {wanted} \
             (LimitNOFILE= in the unit, `ulimit -n` in a shell)",
            facts.files
        ));
    } else if facts.files < wanted {
        findings.advice(format!(
            "{} open files are allowed, and the limits of the configuration add up to {wanted}: raise \
             LimitNOFILE=, or lower limits.connections",
            facts.files
        ));
    }
    if let Some(memory) = facts.memory.filter(|memory| *memory < LITTLE_MEMORY) {
        findings.advice(format!(
            "the control group allows {} MiB of memory, and from 80 % on newcomers are refused: allow \
             256 MiB or more",
            memory >> 20
        ));
    }
}

fn buffers(config: &Config, facts: &Facts, findings: &mut Findings) {
    let names = ["net.core.rmem_max", "net.core.wmem_max"];
    for (name, allowed) in names.into_iter().zip(facts.buffers) {
        let wanted = config.sfu.socket_buffer;
        if let Some(allowed) = allowed.filter(|allowed| *allowed < wanted) {
            findings.advice(format!(
                "the system allows sockets {allowed} bytes, and sfu.socket_buffer asks for {wanted}: \
                 bursts are lost; `sysctl -w {name}={wanted}` (packaging/sysctl.conf keeps it)"
            ));
        }
    }
}

/// Whether an address leads nowhere from the internet (RFC 1918, 3927, 4193, 4291, 6598).
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
