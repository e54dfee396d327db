//! Allocate (RFC 8656 §7): a relayed address for a client.

use std::net::SocketAddr;
use std::time::Duration;

use crate::allocation::{Allocation, AllocationKey};
use crate::auth::Login;
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::input::BindError;
use crate::message::{Family, Request};
use crate::output::{Output, Port, Protocol};
use crate::response::Response;
use crate::server::{Server, Timer};

/// The lifetime without a wish, and the shortest (RFC 8656 §7.2).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

/// REQUESTED-TRANSPORT: protocol numbers of IANA.
const UDP: u8 = 17;
const TCP: u8 = 6;

impl Server {
    /// `Ok(None)`: the answer comes with the sockets, or has come before.
    pub(crate) fn on_allocate(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Option<Response>, Error> {
        if let Some(existing) = self.table.key_of(from).and_then(|key| self.table.get(key)) {
            if existing.transaction != request.transaction() || existing.login != *login {
                return Err(Error::AllocationMismatch("There is an allocation already"));
            }
            let answer = existing.answer.clone();
            self.send(*from, &answer);
            return Ok(None);
        }
        if request.wants_mobility() {
            return Err(Error::MobilityForbidden);
        }
        let protocol = match request.requested_transport()? {
            Some(UDP) => Protocol::Udp,
            Some(TCP) if self.config.max_peer_connections > 0 => Protocol::Tcp,
            Some(_) => return Err(Error::TransportNotSupported),
            None => return Err(Error::BadRequest("REQUESTED-TRANSPORT is missing")),
        };
        let (families, port) = self.wishes(request)?;
        // RFC 6062 §5.1.
        let is_datagrams = port != Port::Any || request.wants_dont_fragment();
        if protocol == Protocol::Tcp && (is_datagrams || !from.transport.is_stream()) {
            return Err(Error::BadRequest("TCP is relayed for clients of TCP, and any port"));
        }
        let lifetime = self.granted(request.lifetime()?);
        if self.is_draining {
            let elsewhere = self.config.alternate_server.map(Error::TryAlternate);
            return Err(elsewhere.unwrap_or(Error::InsufficientCapacity));
        }
        let mut allocation = Allocation::new(
            *from,
            login.clone(),
            protocol,
            request.transaction(),
            lifetime,
            self.config.max_bandwidth,
            self.now,
        );
        // Signed when the addresses are known; what they are for must be kept until then.
        allocation.answer = request.bytes().to_vec();
        let holder = allocation.holder.clone();
        let key = self.table.insert(allocation);
        self.outputs.push_back(Output::Bind { allocation: key, holder, protocol, families, port });
        Ok(None)
    }

    /// The families and the port that a request asks for.
    fn wishes(&self, request: &Request) -> Result<([bool; 2], Port), Error> {
        let even = request.even_port()?;
        let token = request.reservation_token()?;
        let (requested, additional) = (request.requested_family()?, request.additional_family()?);
        if token.is_some() && (even.is_some() || requested.is_some() || additional.is_some()) {
            return Err(Error::BadRequest("A reservation has its port and family already"));
        }
        if additional.is_some() && (requested.is_some() || even == Some(true)) {
            return Err(Error::BadRequest("ADDITIONAL-ADDRESS-FAMILY goes with none of these"));
        }
        let port = match (token, even) {
            (Some(token), _) => Port::Reserved(token),
            (None, Some(reserve)) => Port::Even { reserve },
            (None, None) => Port::Any,
        };
        let families = match (requested, additional) {
            (None, None) | (Some(Some(Family::V4)), None) => [true, false],
            (Some(Some(Family::V6)), None) => [false, true],
            (None, Some(Some(Family::V6))) => [true, true],
            (None, Some(Some(Family::V4))) => {
                return Err(Error::BadRequest("ADDITIONAL-ADDRESS-FAMILY must be IPv6"));
            }
            _ => return Err(Error::FamilyNotSupported),
        };
        let has = self.config.families;
        // Of two families one is enough; the answer says what is missing.
        if !(families[0] && has[0] || families[1] && has[1]) && token.is_none() {
            return Err(Error::FamilyNotSupported);
        }
        Ok((families, port))
    }

    /// The lifetime for a wish.
    pub(crate) fn granted(&self, wish: Option<Duration>) -> Duration {
        let longest = self.config.max_lifetime.max(DEFAULT_LIFETIME);
        wish.unwrap_or(DEFAULT_LIFETIME).clamp(DEFAULT_LIFETIME, longest)
    }

    pub(crate) fn on_bound(
        &mut self,
        key: AllocationKey,
        relays: [Option<SocketAddr>; 2],
        reservation: Option<[u8; 8]>,
    ) {
        let Some(allocation) = self.table.get_mut(key) else { return };
        let Ok(request) = Request::parse(&allocation.answer) else { return };
        allocation.relays = relays;
        let protocol = allocation.protocol;
        let mut response = Response::success(&request);
        for &relay in relays.iter().flatten() {
            response = response.relayed(relay);
        }
        response = response.lifetime(allocation.lifetime).mapped(allocation.tuple.client);
        if let Some(token) = reservation {
            response = response.reservation_token(token);
        }
        if matches!(request.additional_family(), Ok(Some(_))) {
            for family in [Family::V4, Family::V6] {
                if allocation.relay(family).is_none() {
                    response = response.address_error(family, Error::FamilyNotSupported.code());
                }
            }
        }
        let answer = response.sign(allocation.login.digest, &allocation.login.key);
        allocation.answer.clone_from(&answer);
        let (to, expires) = (allocation.tuple, allocation.expires);
        self.send(to, &answer);
        for relay in relays.into_iter().flatten() {
            self.announce(key, protocol, relay);
        }
        self.wake_at(expires, Timer::Allocation(key));
        self.stats.allocated += 1;
    }

    pub(crate) fn on_bind_failed(&mut self, key: AllocationKey, error: BindError) {
        let Some(allocation) = self.table.remove(key) else { return };
        let Ok(request) = Request::parse(&allocation.answer) else { return };
        let error = match error {
            BindError::Quota => Error::QuotaReached,
            BindError::Capacity => Error::InsufficientCapacity,
        };
        let response = self.error(&request, &error);
        let bytes = response.sign(allocation.login.digest, &allocation.login.key);
        self.send(allocation.tuple, &bytes);
    }
}
