//! Somebody who reads what happens and is in no room, whatever door it comes by: what its token lets it
//! see, and the place that it takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::name;
use signaling_core::request::Observe;
use tokio::time::Instant;

use crate::doors::Context;
use crate::feed::{Item, Observer, Source};
use crate::limits::FeedPlace;
use crate::shortcut::Shortcut;
use crate::site::PageOrigin;
use crate::sweep::Format;

/// Types that a feed may be narrowed to.
const MOST_TYPES: usize = 64;

/// An observer, and the place that it takes as long as it reads.
pub struct Watch {
    observer: Observer,
    _place: FeedPlace,
}

impl Watch {
    /// Lets somebody at `address`, by a page or not, read what `ask` is for, if its token does.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] and [`ErrorCode::Forbidden`] for the token, those of
    /// [`Feeds::take`](crate::limits::Feeds::take) and of [`Observer::open`],
    /// [`ErrorCode::OriginNotAllowed`] for the page,
    /// [`ErrorCode::BadRequest`] for what makes no sense.
    pub async fn open(
        context: &Context,
        address: IpAddr,
        page: &PageOrigin,
        ask: Observe,
    ) -> Result<Watch, RequestError> {
        let Observe { token, room, after, types } = ask;
        let witness = context.authority.witness(&token).and_then(|witness| {
            match (&witness.room, &room) {
                (Some(own), Some(room)) if own != room => Err("the token is for another room"),
                (Some(_), None) => Err("the token is for one room, not for all"),
                _ => Ok(witness.until),
            }
            .map_err(|message| RequestError::new(ErrorCode::Forbidden, message))
        });
        let until = match witness {
            Ok(until) => until,
            // Those who guess are slowed down, as those who want to join.
            Err(error) => return Err(context.limit_joins(address).err().unwrap_or(error)),
        };
        context.admit_page(page, room.as_deref(), None)?;
        if types.as_ref().is_some_and(|types| types.len() > MOST_TYPES) {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                format!("at most {MOST_TYPES} types are taken"),
            ));
        }
        let source = match room {
            None => Source::Server(context.hub.firehose().clone()),
            Some(name) => {
                name::check_room(&name)?;
                Source::Room { hub: context.hub.clone(), name: name.into() }
            }
        };
        let place = context.feeds.take(address, Some(&token))?;
        let observer = Observer::open(source, after, types, end(until)).await?;
        Ok(Watch { observer, _place: place })
    }

    /// See [`Observer::take_seat`].
    pub fn take_seat(&mut self, shortcut: Shortcut, format: Format) {
        self.observer.take_seat(shortcut, format);
    }

    /// What comes next: at once if it is there, else within `wait`, else nothing.
    ///
    /// # Errors
    /// As [`Observer::read`].
    pub async fn read(&mut self, wait: Duration) -> Result<Vec<Arc<Item>>, RequestError> {
        self.observer.read(wait).await
    }

    /// The cursor to read on after; empty when nothing was read yet.
    pub fn place(&self) -> String {
        self.observer.place().map(|cursor| cursor.to_string()).unwrap_or_default()
    }
}

/// When a token ends that is good until then (seconds since 1970).
fn end(until: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Beyond that a timer would not fit.
    const LONGEST: u64 = 10 * 365 * 24 * 3600;
    Instant::now() + Duration::from_secs(until.saturating_sub(now).min(LONGEST))
}
