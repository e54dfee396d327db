//! Which of this machine's addresses are for clients, which for peers, and which for nobody.

use std::net::{IpAddr, SocketAddr};

use turn_core::Discovery;

use crate::config::Config;
use crate::relay_ports::RelayAddress;

/// The addresses of a server.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// To relay from, by family.
    pub(crate) relays: [Option<RelayAddress>; 2],
    discovery: Option<Discovery>,
    own: Vec<IpAddr>,
    never: Vec<SocketAddr>,
}

impl Addresses {
    pub(crate) fn find(config: &Config, listening: &[SocketAddr]) -> std::io::Result<Addresses> {
        let interfaces: Vec<IpAddr> =
            if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip()).collect();
        let relays = [true, false].map(|ipv4| relay_address(config, &interfaces, ipv4));
        let mut own = interfaces;
        own.extend(&config.bind);
        own.extend(&config.advertised);
        own.extend(relays.iter().flatten().flat_map(|relay| [relay.bound, relay.advertised]));
        own.retain(|ip| !ip.is_unspecified());
        own.sort_unstable();
        own.dedup();
        let mut ports: Vec<u16> = listening.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        let never = own.iter().flat_map(|&ip| ports.iter().map(move |&p| SocketAddr::new(ip, p)));
        Ok(Addresses { relays, discovery: discovery(config, &ports), never: never.collect(), own })
    }

    /// Fills in what depends on addresses.
    pub(crate) fn complete(
        &self,
        mut core: turn_core::Config,
        peers: &[SocketAddr],
    ) -> turn_core::Config {
        core.families = self.relays.map(|relay| relay.is_some());
        core.discovery = self.discovery;
        core.policy.own.clone_from(&self.own);
        core.policy.never.clone_from(&self.never);
        core.policy.exceptions = peers.to_vec();
        core
    }
}

/// The configured relay address of a family, else a bound one, else the machine's first.
fn relay_address(config: &Config, interfaces: &[IpAddr], ipv4: bool) -> Option<RelayAddress> {
    let of_family = |ip: &&IpAddr| ip.is_ipv4() == ipv4;
    if !config.relay_bind.is_empty() {
        let at = config.relay_bind.iter().position(|ip| of_family(&ip))?;
        let bound = config.relay_bind[at];
        return Some(RelayAddress {
            bound,
            advertised: config.relay_advertised.get(at).copied().unwrap_or(bound),
        });
    }
    let at = config.bind.iter().position(|ip| of_family(&ip))?;
    let bound = if config.bind[at].is_unspecified() {
        let usable = |ip: &&IpAddr| {
            !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()) && ip.is_ipv4() == ipv4
        };
        let outside = interfaces.iter().filter(usable).find(|ip| !ip.is_loopback());
        *outside.or_else(|| interfaces.iter().find(usable))?
    } else {
        config.bind[at]
    };
    Some(RelayAddress { bound, advertised: config.advertised.get(at).copied().unwrap_or(bound) })
}

/// Behaviour discovery takes two addresses of one family, with two ports.
fn discovery(config: &Config, ports: &[u16]) -> Option<Discovery> {
    let &[first_port, second_port] = ports else { return None };
    let seen = |at: usize| config.advertised.get(at).copied().unwrap_or(config.bind[at]);
    let named = (0..config.bind.len()).filter(|&at| !config.bind[at].is_unspecified());
    let [first, second] = [true, false].into_iter().find_map(|ipv4| {
        let mut of_family = named.clone().filter(|&at| config.bind[at].is_ipv4() == ipv4);
        Some([of_family.next()?, of_family.next()?])
    })?;
    Some(Discovery {
        bound: [config.bind[first], config.bind[second]],
        advertised: [seen(first), seen(second)],
        ports: [first_port, second_port],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(change: impl FnOnce(&mut Config), ports: &[u16]) -> Addresses {
        let mut config = Config::default();
        change(&mut config);
        let listening: Vec<SocketAddr> =
            ports.iter().map(|&port| SocketAddr::new(config.bind[0], port)).collect();
        Addresses::find(&config, &listening).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_peers_see_is_what_is_advertised() {
        let public: IpAddr = IpAddr::from([192, 0, 2, 1]);
        let found = addresses(|config| config.advertised = vec![public], &[3_478]);
        let bound = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(found.relays, [Some(RelayAddress { bound, advertised: public }), None]);
        assert!(found.own.contains(&public) && found.own.contains(&bound));
        assert!(found.never.contains(&SocketAddr::new(public, 3_478)));
    }

    #[test]
    fn discovery_takes_two_addresses_and_two_ports() {
        let two = |config: &mut Config| {
            config.bind = vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        };
        assert!(addresses(two, &[3_478, 5_349]).discovery.is_some());
        assert!(addresses(two, &[3_478]).discovery.is_none());
        assert!(addresses(|_| {}, &[3_478, 5_349]).discovery.is_none());
    }
}
