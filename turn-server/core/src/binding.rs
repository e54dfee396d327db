//! Binding: which address the server sees (RFC 8489 §12), and how the NAT in between behaves
//! (RFC 5780).

use crate::error::Error;
use crate::five_tuple::{FiveTuple, Transport};
use crate::message::{Malformed, Request};
use crate::response::Response;
use crate::server::Server;

/// The longest PADDING of an answer: as long as a datagram of an Ethernet.
const MAX_PADDING: usize = 1_400;

const CHANGE_REQUEST: u16 = 0x0003;
const PADDING: u16 = 0x0026;
const RESPONSE_PORT: u16 = 0x0027;

impl Server {
    pub(crate) fn on_binding(&mut self, request: &Request, from: &FiveTuple) {
        match self.binding(request, from) {
            Ok((answer, response)) => self.send(answer, &response.finish()),
            Err(error) => {
                let bytes = self.error(request, &error).finish();
                self.send(*from, &bytes);
            }
        }
    }

    fn binding(&self, request: &Request, from: &FiveTuple) -> Result<(FiveTuple, Response), Error> {
        let mut unknown = request.unknown_attributes();
        let (change, port) = (request.change_request()?, request.response_port()?);
        let response = Response::success(request).mapped(from.client);
        let discovery = self.config.discovery.filter(|_| from.transport == Transport::Udp);
        let place =
            discovery.and_then(|discovery| Some((discovery, discovery.place(from.server)?)));
        let Some((discovery, (ip, own_port))) = place else {
            // What cannot be done must be said to be unknown (RFC 5780 §6.1).
            let asked = [
                (change != (false, false), CHANGE_REQUEST),
                (request.padding().is_some(), PADDING),
                (port.is_some(), RESPONSE_PORT),
            ];
            unknown.extend(asked.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, t)| t));
            return if unknown.is_empty() {
                Ok((*from, response))
            } else {
                Err(Error::UnknownAttributes(unknown))
            };
        };
        if !unknown.is_empty() {
            return Err(Error::UnknownAttributes(unknown));
        }
        // A fragmented answer to another port cannot be told from a lost one (RFC 5780 §6.1).
        if request.padding().is_some() && port.is_some() {
            return Err(Malformed.into());
        }
        let origin =
            (if change.0 { 1 - ip } else { ip }, if change.1 { 1 - own_port } else { own_port });
        let other = (1 - ip, 1 - own_port);
        let mut response = response.discovery(
            from.client,
            discovery.advertised(origin),
            discovery.advertised(other),
        );
        if let Some(length) = request.padding() {
            response = response.padding(length.min(MAX_PADDING));
        }
        let mut answer = FiveTuple { server: discovery.bound(origin), ..*from };
        if let Some(port) = port {
            answer.client.set_port(port);
        }
        Ok((answer, response))
    }
}
