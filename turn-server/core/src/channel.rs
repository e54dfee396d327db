//! ChannelBind (RFC 8656 §12): a short header for a peer.

use crate::allocation::ChannelError;
use crate::auth::Login;
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::frame::CHANNELS;
use crate::message::{Family, Request};
use crate::output::Protocol;
use crate::response::Response;
use crate::server::Server;

impl Server {
    /// Binds the channel and installs the permission that goes with it.
    pub(crate) fn on_channel_bind(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Response, Error> {
        let number = request.channel_number()?;
        let peers = request.peers()?;
        let (_, allocation) = self.own_allocation(from, login)?;
        let in_range = number.filter(|number| CHANNELS.contains(number));
        let (Some(number), &[peer]) = (in_range, peers.as_slice()) else {
            return Err(Error::BadRequest("A channel has a number of 0x4000-0x7FFF and one peer"));
        };
        if allocation.protocol != Protocol::Udp {
            return Err(Error::BadRequest("An allocation of TCP has connections, not channels"));
        }
        if allocation.relay(Family::of(peer)).is_none() {
            return Err(Error::FamilyMismatch);
        }
        if !self.allows(Protocol::Udp, peer) {
            return Err(Error::Forbidden);
        }
        let now = self.now;
        let (permissions, channels) = (self.config.max_permissions, self.config.max_channels);
        let (_, allocation) = self.own_allocation(from, login)?;
        match allocation.bind(number, peer, channels, now) {
            Err(ChannelError::Taken) => {
                return Err(Error::BadRequest("The channel or the peer is bound to another"));
            }
            Err(ChannelError::Full) => return Err(Error::InsufficientCapacity),
            Ok(()) => {}
        }
        if !allocation.permit(&[peer], permissions, now) {
            return Err(Error::InsufficientCapacity);
        }
        Ok(Response::success(request))
    }
}
