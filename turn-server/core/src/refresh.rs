//! Refresh (RFC 8656 §8): an allocation lives on, or ends.

use std::time::Duration;

use crate::auth::Login;
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::message::{Family, Request};
use crate::output::RelayKey;
use crate::response::Response;
use crate::server::{Server, Timer};

impl Server {
    pub(crate) fn on_refresh(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Response, Error> {
        let wish = request.lifetime()?;
        let family = request.requested_family()?;
        if request.wants_mobility() {
            return Err(Error::MobilityForbidden);
        }
        let lifetime = self.granted(wish);
        let now = self.now;
        let (key, allocation) = match self.own_allocation(from, login) {
            // The end of what has ended is a success: the answer to the first request got lost.
            Err(Error::AllocationMismatch(_)) if wish == Some(Duration::ZERO) => {
                return Ok(Response::success(request).lifetime(Duration::ZERO));
            }
            other => other?,
        };
        let family = match family {
            None => None,
            Some(Some(family)) if allocation.relay(family).is_some() => Some(family),
            Some(_) => return Err(Error::FamilyMismatch),
        };
        if wish == Some(Duration::ZERO) {
            let other = family.map(|family| match family {
                Family::V4 => Family::V6,
                Family::V6 => Family::V4,
            });
            match (family, other.and_then(|other| allocation.relay(other))) {
                // One address of a dual allocation ends, the other stays.
                (Some(family), Some(_)) => {
                    let protocol = allocation.protocol;
                    if let Some(address) = allocation.relays[family as usize].take() {
                        self.release(RelayKey { allocation: key, family }, protocol, address);
                    }
                }
                _ => self.end(key),
            }
            return Ok(Response::success(request).lifetime(Duration::ZERO));
        }
        allocation.expires = now + lifetime;
        // The timer of a longer lifetime would come too late.
        self.wake_at(now + lifetime, Timer::Allocation(key));
        Ok(Response::success(request).lifetime(lifetime))
    }
}
