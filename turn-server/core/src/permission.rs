//! CreatePermission (RFC 8656 §9, §10): peers that may send to a client, and get from it.

use crate::auth::Login;
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::message::{Family, Request};
use crate::response::Response;
use crate::server::Server;

impl Server {
    /// All of the peers, or none.
    pub(crate) fn on_create_permission(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Response, Error> {
        let peers = request.peers()?;
        let (_, allocation) = self.own_allocation(from, login)?;
        if peers.is_empty() {
            return Err(Error::BadRequest("XOR-PEER-ADDRESS is missing"));
        }
        if peers.iter().any(|&peer| allocation.relay(Family::of(peer)).is_none()) {
            return Err(Error::FamilyMismatch);
        }
        let protocol = allocation.protocol;
        if !peers.iter().all(|&peer| self.allows(protocol, peer)) {
            return Err(Error::Forbidden);
        }
        let (now, most) = (self.now, self.config.max_permissions);
        let (_, allocation) = self.own_allocation(from, login)?;
        if !allocation.permit(&peers, most, now) {
            return Err(Error::InsufficientCapacity);
        }
        Ok(Response::success(request))
    }
}
