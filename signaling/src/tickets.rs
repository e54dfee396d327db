//! Embed tickets: what a page's back end hands to its page, and the page exchanges for a token.
//!
//! A ticket is for one room and for pages of one origin, good for a minute, and good once. What is kept of it
//! afterwards says why it is refused.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::Claims;
use signaling_core::id::Secret;

/// How long a ticket is good for.
pub const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long it is known why a ticket is not good any more.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Tickets that are remembered at a time. Beyond it those that are not good any more make room.
const MOST: usize = 16_384;
/// Origins that one room's tickets may add to its policy.
const MOST_ORIGINS: usize = 32;

/// What a ticket stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// The room.
    pub room: String,
    /// Whose pages: see [`origin`](crate::origins::origin).
    pub origin: String,
    /// What the token is to claim.
    pub claims: Claims,
    /// Seconds that the token is to be good for.
    pub ttl: u64,
}

/// All tickets of a server. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    tickets: HashMap<Secret, Ticket>,
    /// In the order they were issued, and so in that in which they end.
    order: VecDeque<(Instant, Secret)>,
}

#[derive(Debug)]
struct Ticket {
    issued: Instant,
    room: String,
    origin: String,
    /// `None` when it was used.
    prize: Option<(Claims, u64)>,
}

impl Tickets {
    /// A ticket for `embedding`, good from now on.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when there are too many that nobody has used yet.
    pub fn issue(&self, embedding: Embedding, now: Instant) -> Result<Secret, RequestError> {
        let mut kept = self.kept();
        kept.forget(now);
        if kept.tickets.len() >= MOST {
            return Err(RequestError::new(
                ErrorCode::Busy,
                "too many tickets wait to be used; ask again in a moment",
            ));
        }
        let Embedding { room, origin, claims, ttl } = embedding;
        let secret = Secret(rand::random());
        kept.tickets
            .insert(secret, Ticket { issued: now, room, origin, prize: Some((claims, ttl)) });
        kept.order.push_back((now, secret));
        Ok(secret)
    }

    /// Takes a ticket that a page of `origin` has for `room`, if it names one. Only this uses it up.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for one that is not known, [`ErrorCode::OriginNotAllowed`] for another
    /// origin's, [`ErrorCode::Forbidden`] for another room's, [`ErrorCode::TicketUsed`], [`ErrorCode::TicketExpired`].
    pub fn redeem(
        &self,
        secret: Secret,
        room: Option<&str>,
        origin: &str,
        now: Instant,
    ) -> Result<Embedding, RequestError> {
        let mut kept = self.kept();
        let refuse = |code, message: String| Err(RequestError::new(code, message));
        let Some(ticket) = kept.tickets.get_mut(&secret) else { return Err(unknown()) };
        if !ticket.origin.eq_ignore_ascii_case(origin) {
            return refuse(
                ErrorCode::OriginNotAllowed,
                format!(
                    "this ticket is for pages of {}, and this one is of {origin}: make the ticket for the \
                     origin that the browser shows",
                    ticket.origin
                ),
            );
        }
        if room.is_some_and(|room| room != ticket.room) {
            return refuse(
                ErrorCode::Forbidden,
                "this ticket is for another room: make it for the one that the page names".into(),
            );
        }
        let is_late = now.saturating_duration_since(ticket.issued) > GOOD_FOR;
        match ticket.prize.take() {
            None => refuse(
                ErrorCode::TicketUsed,
                "this ticket was used before: make a new one each time the page is loaded".into(),
            ),
            Some(prize) if is_late => {
                ticket.prize = Some(prize);
                refuse(
                    ErrorCode::TicketExpired,
                    format!(
                        "this ticket was good for {} seconds: make it when the page is loaded, not before",
                        GOOD_FOR.as_secs()
                    ),
                )
            }
            Some((claims, ttl)) => Ok(Embedding {
                room: ticket.room.clone(),
                origin: ticket.origin.clone(),
                claims,
                ttl,
            }),
        }
    }

    /// Origins whose pages have been given a ticket for `room` in the last minute, the latest first.
    pub fn origins(&self, room: &str, now: Instant) -> Vec<String> {
        let kept = self.kept();
        let mut origins: Vec<String> = Vec::new();
        let lately = kept
            .order
            .iter()
            .rev()
            .take_while(|(issued, _)| now.saturating_duration_since(*issued) <= GOOD_FOR);
        for ticket in lately.filter_map(|(_, secret)| kept.tickets.get(secret)) {
            if ticket.room == room && !origins.contains(&ticket.origin) {
                origins.push(ticket.origin.clone());
                if origins.len() == MOST_ORIGINS {
                    break;
                }
            }
        }
        origins
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said of a ticket that is none of ours, or none any more.
pub fn unknown() -> RequestError {
    RequestError::new(
        ErrorCode::Unauthorized,
        "this server does not know the ticket: make a new one (POST /v1/rooms/{room}/tickets)",
    )
}

impl Kept {
    /// Forgets what is old; where there is no place, also what is merely not good any more.
    fn forget(&mut self, now: Instant) {
        while let Some((issued, secret)) = self.order.front() {
            let age = now.saturating_duration_since(*issued);
            if age <= REMEMBERED && (age <= GOOD_FOR || self.tickets.len() < MOST) {
                break;
            }
            self.tickets.remove(secret);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(room: &str, origin: &str) -> Embedding {
        Embedding { room: room.into(), origin: origin.into(), claims: Claims::default(), ttl: 60 }
    }

    fn code(outcome: Result<Embedding, RequestError>) -> Option<ErrorCode> {
        outcome.err().map(|error| error.code)
    }

    const SHOP: &str = "https://shop.example";

    #[test]
    fn a_ticket_is_good_once_for_a_minute_and_for_its_origin() {
        let (tickets, start) = (Tickets::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let ticket = tickets.issue(embedding("team", SHOP), start).unwrap();
        let foreign = tickets.redeem(ticket, None, "https://evil.example", start);
        assert_eq!(code(foreign), Some(ErrorCode::OriginNotAllowed));
        let elsewhere = tickets.redeem(ticket, Some("other"), SHOP, start);
        assert_eq!(code(elsewhere), Some(ErrorCode::Forbidden));
        assert_eq!(tickets.redeem(ticket, None, SHOP, after(60)), Ok(embedding("team", SHOP)));
        assert_eq!(
            code(tickets.redeem(ticket, None, SHOP, after(60))),
            Some(ErrorCode::TicketUsed)
        );
        let late = tickets.issue(embedding("team", SHOP), start).unwrap();
        assert_eq!(
            code(tickets.redeem(late, None, SHOP, after(61))),
            Some(ErrorCode::TicketExpired)
        );
        assert_eq!(
            code(tickets.redeem(late, None, SHOP, after(61))),
            Some(ErrorCode::TicketExpired)
        );
        let stranger = tickets.redeem(Secret(7), None, SHOP, start);
        assert_eq!(code(stranger), Some(ErrorCode::Unauthorized));
    }

    #[test]
    fn origins_are_those_of_the_rooms_tickets_while_they_are_good() {
        let (tickets, start) = (Tickets::default(), Instant::now());
        for origin in [SHOP, "https://school.example", SHOP] {
            tickets.issue(embedding("team", origin), start).unwrap();
        }
        tickets.issue(embedding("other", "https://other.example"), start).unwrap();
        assert_eq!(tickets.origins("team", start), [SHOP, "https://school.example"]);
        assert!(tickets.origins("team", start + GOOD_FOR + Duration::from_millis(1)).is_empty());
    }

    #[test]
    fn they_are_bounded_and_those_that_are_good_are_never_given_up() {
        let (tickets, start) = (Tickets::default(), Instant::now());
        let first = tickets.issue(embedding("team", SHOP), start).unwrap();
        for _ in 1..MOST {
            tickets.issue(embedding("team", SHOP), start).unwrap();
        }
        let full = tickets.issue(embedding("team", SHOP), start).unwrap_err();
        assert_eq!((full.code, full.retry), (ErrorCode::Busy, true));
        let later = start + GOOD_FOR + Duration::from_secs(1);
        assert_eq!(code(tickets.redeem(first, None, SHOP, later)), Some(ErrorCode::TicketExpired));
        tickets.issue(embedding("team", SHOP), later).unwrap();
        assert_eq!(code(tickets.redeem(first, None, SHOP, later)), Some(ErrorCode::Unauthorized));
        assert_eq!(tickets.kept().tickets.len(), MOST);
        tickets.issue(embedding("team", SHOP), start + REMEMBERED * 3).unwrap();
        assert_eq!(tickets.kept().tickets.len(), 1);
    }
}
