//! Where a session's packets go, and for how long its remote side consents to get any (RFC 7675).
//!
//! str0m chooses a path by the candidates' priorities and keeps it until its checks have failed
//! for some twenty seconds, and it never stops sending. Here the choice is corrected: what would
//! go to an address that a NAT has taken away goes to where the remote side checks from now, and
//! without consent nothing goes anywhere.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::demux::Endpoint;
use crate::stun::Transaction;

/// For how long an authenticated answer allows to send (RFC 7675 §5.1). With ICE-lite, which
/// sends no checks, an authenticated check of the remote side stands for it.
pub(crate) const CONSENT: Duration = Duration::from_secs(30);

/// A path that is not nominated for this long has been left, if another one is: browsers check the
/// path that they use every 2.5 seconds, str0m every three.
const LEFT: Duration = Duration::from_millis(3_500);

/// Paths that are remembered. The one that was silent longest makes room, but before all others
/// one that has never been consented to.
const PATHS: usize = 16;

/// Answers that are remembered, so that none counts twice. str0m takes an answer to one of the
/// last checks of each path.
const ANSWERS: usize = 256;

/// New addresses that a session may come from at once, and how often it earns another: str0m
/// keeps every one it was told of until ICE restarts.
const NEW_ADDRESSES: u32 = 64;
const NEW_ADDRESS_INTERVAL: Duration = Duration::from_secs(5);

/// From one of our candidates to one address of the remote side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// Our candidate's address.
    pub(crate) local: SocketAddr,
    /// The remote side's address.
    pub(crate) remote: Endpoint,
}

/// What an authenticated check said of its path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Stands for the address of the remote side's own that the check was sent from.
    pub(crate) priority: Option<u32>,
    /// The path is to be used.
    pub(crate) nominates: bool,
}

#[derive(Debug)]
struct Path {
    route: Route,
    priority: Option<u32>,
    nominated: Option<Instant>,
    consented: Option<Instant>,
    seen: Instant,
}

impl Path {
    fn has_consent(&self, now: Instant) -> bool {
        self.consented.is_some_and(|at| now < at + CONSENT)
    }
}

/// The paths of one session.
#[derive(Debug)]
pub(crate) struct Paths {
    /// Nobody checks but the remote side.
    lite: bool,
    paths: Vec<Path>,
    answers: VecDeque<Transaction>,
    /// When the budget of new addresses will be whole again.
    addresses_until: Instant,
}

impl Paths {
    /// No paths yet. `lite` for ICE-lite; `now` begins the time.
    pub(crate) fn new(lite: bool, now: Instant) -> Paths {
        Paths { lite, paths: Vec::new(), answers: VecDeque::new(), addresses_until: now }
    }

    /// Whether the remote side may come from an address. One that is new is taken off the budget.
    pub(crate) fn admit_address(&mut self, address: Endpoint, now: Instant) -> bool {
        if self.paths.iter().any(|path| path.route.remote == address) {
            return true;
        }
        let until = self.addresses_until.max(now) + NEW_ADDRESS_INTERVAL;
        let is_within = until <= now + NEW_ADDRESS_INTERVAL * NEW_ADDRESSES;
        if is_within {
            self.addresses_until = until;
        }
        is_within
    }

    /// Whether the remote side is at an address for certain.
    pub(crate) fn has_consent(&self, address: Endpoint, now: Instant) -> bool {
        self.paths.iter().any(|path| path.route.remote == address && path.has_consent(now))
    }

    /// An authenticated check came along a route.
    pub(crate) fn on_check(&mut self, route: Route, check: Check, now: Instant) {
        let lite = self.lite;
        let path = self.path(route, now);
        path.priority = check.priority;
        if check.nominates {
            path.nominated = Some(now);
        }
        if lite {
            path.consented = Some(now);
        }
    }

    /// An authenticated answer to a check of ours came along a route. One that came before says
    /// nothing new.
    pub(crate) fn on_answer(&mut self, route: Route, transaction: Transaction, now: Instant) {
        if self.answers.contains(&transaction) {
            return;
        }
        if self.answers.len() == ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back(transaction);
        self.path(route, now).consented = Some(now);
    }

    /// Where goes what str0m would send along `chosen`, and until when that holds if no check and
    /// no answer comes; `None` without consent.
    ///
    /// It goes along the path that was nominated last instead, if the remote side has left the
    /// chosen one: it checks from the same address of its own through another mapping of a NAT
    /// or on a new connection (the priority is the same, RFC 8445 §5.1.2), or has not nominated
    /// the chosen one for a while.
    pub(crate) fn route(&self, chosen: Route, now: Instant) -> Option<(Route, Instant)> {
        let allowed = || self.paths.iter().filter(|path| path.has_consent(now));
        let current = allowed().find(|path| path.route == chosen);
        let newest =
            allowed().filter(|path| path.nominated.is_some()).max_by_key(|path| path.nominated);
        let (taken, is_left_at) = match (current, newest) {
            (Some(current), Some(newest)) if newest.nominated > current.nominated => {
                let is_same = newest.priority.is_some()
                    && newest.priority == current.priority
                    && newest.route.local == current.route.local;
                let is_left_at = current.nominated.map(|at| at + LEFT);
                if is_same || is_left_at.is_some_and(|at| at <= now) {
                    (newest, None)
                } else {
                    (current, is_left_at)
                }
            }
            (Some(current), _) => (current, None),
            (None, newest) => (newest?, None),
        };
        let consent_ends = taken.consented? + CONSENT;
        Some((taken.route, is_left_at.map_or(consent_ends, |at| at.min(consent_ends))))
    }

    /// When all consent has ended, as far as is known now.
    pub(crate) fn consent_ends(&self) -> Option<Instant> {
        self.paths.iter().filter_map(|path| path.consented).max().map(|at| at + CONSENT)
    }

    fn path(&mut self, route: Route, now: Instant) -> &mut Path {
        let at = self.paths.iter().position(|path| path.route == route).unwrap_or_else(|| {
            if self.paths.len() == PATHS
                && let Some((silent, _)) = self
                    .paths
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, path)| (path.consented.is_some(), path.seen))
            {
                self.paths.swap_remove(silent);
            }
            self.paths.push(Path {
                route,
                priority: None,
                nominated: None,
                consented: None,
                seen: now,
            });
            self.paths.len() - 1
        });
        let path = &mut self.paths[at];
        path.seen = now;
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::Transport;

    const SECOND: Duration = Duration::from_secs(1);
    const NOMINATES: Check = Check { priority: Some(7), nominates: true };

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn route(port: u16) -> Route {
        let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
        let remote = Endpoint { transport: Transport::Udp, address: address(port) };
        Route { local: address(1), remote }
    }

    fn taken(paths: &Paths, chosen: Route, now: Instant) -> Option<Route> {
        let (route, until) = paths.route(chosen, now)?;
        assert!(until > now, "it holds for a while");
        // ... and for as long as it says, and no longer than it is the same.
        let just_before = paths.route(chosen, until - Duration::from_nanos(1));
        assert_eq!(just_before.map(|(route, _)| route), Some(route));
        Some(route)
    }

    fn answered(paths: &mut Paths, route: Route, number: u8, now: Instant) {
        paths.on_answer(route, [number; 12], now);
    }

    #[test]
    fn nothing_is_sent_without_an_answer_or_after_thirty_seconds() {
        let start = epoch();
        let mut paths = Paths::new(false, start);
        paths.on_check(route(2), NOMINATES, start);
        assert_eq!(taken(&paths, route(2), start), None);
        assert_eq!(paths.consent_ends(), None);
        answered(&mut paths, route(2), 1, start);
        assert_eq!(taken(&paths, route(2), start + 29 * SECOND), Some(route(2)));
        // Checks of the remote side are no consent, and neither is an answer that comes again.
        paths.on_check(route(2), NOMINATES, start + 29 * SECOND);
        answered(&mut paths, route(2), 1, start + 29 * SECOND);
        assert_eq!(taken(&paths, route(2), start + 30 * SECOND), None);
        answered(&mut paths, route(2), 2, start + 31 * SECOND);
        assert_eq!(paths.consent_ends(), Some(start + 61 * SECOND));
    }

    #[test]
    fn with_ice_lite_a_check_is_consent() {
        let start = epoch();
        let mut paths = Paths::new(true, start);
        paths.on_check(route(2), NOMINATES, start);
        assert_eq!(taken(&paths, route(2), start + 29 * SECOND), Some(route(2)));
        assert_eq!(taken(&paths, route(2), start + 30 * SECOND), None);
    }

    #[test]
    fn the_same_address_behind_a_new_mapping_is_followed_when_it_has_answered() {
        let start = epoch();
        let mut paths = Paths::new(false, start);
        paths.on_check(route(2), NOMINATES, start);
        answered(&mut paths, route(2), 1, start);
        let later = start + SECOND;
        paths.on_check(route(3), NOMINATES, later);
        assert_eq!(taken(&paths, route(2), later), Some(route(2)), "it has not answered");
        answered(&mut paths, route(3), 2, later);
        assert_eq!(taken(&paths, route(2), later), Some(route(3)));
    }

    #[test]
    fn a_second_path_that_is_nominated_too_takes_over_only_from_one_that_is_not() {
        let start = epoch();
        let other = Check { priority: Some(9), nominates: true };
        let mut paths = Paths::new(false, start);
        for (number, seconds) in (0u8..).zip([0, 2, 4]) {
            paths.on_check(route(2), NOMINATES, start + seconds * SECOND);
            answered(&mut paths, route(2), number, start + seconds * SECOND);
            let between = start + seconds * SECOND + SECOND;
            paths.on_check(route(3), other, between);
            answered(&mut paths, route(3), 100 + number, between);
            assert_eq!(taken(&paths, route(2), between), Some(route(2)));
        }
        paths.on_check(route(3), other, start + 7 * SECOND);
        assert_eq!(taken(&paths, route(2), start + 8 * SECOND), Some(route(3)));
        // The chosen one is used again as soon as it is nominated again.
        paths.on_check(route(2), NOMINATES, start + 9 * SECOND);
        assert_eq!(taken(&paths, route(2), start + 9 * SECOND), Some(route(2)));
    }

    #[test]
    fn paths_and_new_addresses_are_bounded() {
        let start = epoch();
        let mut paths = Paths::new(false, start);
        answered(&mut paths, route(1), 1, start);
        for port in 0..1_000 {
            paths.on_check(route(port), NOMINATES, start + SECOND);
        }
        assert_eq!(paths.paths.len(), PATHS);
        assert!(paths.has_consent(route(1).remote, start + SECOND), "it is none of those to go");
        let mut admitted = |ports: std::ops::Range<u16>, now| {
            ports.filter(|&port| paths.admit_address(route(port).remote, now)).count()
        };
        assert_eq!(admitted(999..1_000, start), 1, "a known one costs nothing");
        assert_eq!(admitted(2_000..3_000, start), 64);
        assert_eq!(admitted(3_000..3_009, start + 10 * SECOND), 2);
    }
}
