//! The two data channels of a session, and what waits to be sent on them.

use std::time::Instant;

use bytes::Bytes;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};

use super::{Happened, Outbox, Session};
use crate::backlog::{Fate, Taken};
use crate::data::Channel;
use crate::event::FailReason;
use crate::stats::DropReason;

/// How often a remote side may open a data channel beyond the two. A page of another make may try
/// once or twice; the channel is closed.
const FOREIGN_CHANNELS: usize = 2;

/// One of the data channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataLine {
    id: ChannelId,
    open: bool,
}

/// The data channels of a new connection, by their SCTP streams.
pub(super) fn create(rtc: &mut Rtc) -> [DataLine; 2] {
    Channel::ALL.map(|channel| {
        let id = rtc.direct_api().create_data_channel(channel_config(channel));
        DataLine { id, open: false }
    })
}

impl Session {
    /// Whether the remote side has opened a data channel.
    pub(crate) fn has_open(&self, channel: Channel) -> bool {
        self.channels[usize::from(channel.stream())].open
    }

    /// Whether data messages wait for the next [`Session::flush`].
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Queues a data message for the next [`Session::flush`]. False when the reliable channel has
    /// overrun by it: then it takes nothing more.
    pub(crate) fn send_data(
        &mut self,
        channel: Channel,
        message: Bytes,
        now: Instant,
        fates: &mut Vec<Fate>,
    ) -> bool {
        match channel {
            Channel::Lossy => {
                self.backlog.push_lossy(message, now, fates);
                true
            }
            Channel::Reliable => {
                let id = self.channels[usize::from(channel.stream())].id;
                let buffered = self.rtc.channel(id).map_or(0, |mut open| open.buffered_amount());
                self.backlog.push_reliable(message, now, buffered, self.data_buffer, fates)
            }
        }
    }

    /// Gives SCTP what it is to have of the backlog.
    pub(super) fn write_data(&mut self, now: Instant, out: &mut Outbox) {
        self.backlog.expire(now, self.data_max_age, &mut out.fates);
        for channel in Channel::ALL {
            let id = self.channels[usize::from(channel.stream())].id;
            let Some(mut open) = self.rtc.channel(id) else { continue };
            let buffered = open.buffered_amount();
            self.backlog.write(channel, buffered, &mut out.fates, |message| {
                match open.write(true, message) {
                    Ok(true) => Taken::Yes,
                    Ok(false) => Taken::Later,
                    // Larger than the a=max-message-size of the offer (RFC 8841 §6).
                    Err(_) => Taken::Never,
                }
            });
        }
    }

    fn channel_of(&self, id: ChannelId) -> Option<Channel> {
        Channel::ALL.into_iter().find(|c| self.channels[usize::from(c.stream())].id == id)
    }

    pub(super) fn on_channel_open(&mut self, id: ChannelId, out: &mut Outbox) {
        if let Some(channel) = self.channel_of(id) {
            self.channels[usize::from(channel.stream())].open = true;
            return;
        }
        out.happened.push(Happened::Dropped(DropReason::DataUnknownChannel));
        self.rtc.direct_api().close_data_channel(id);
        self.foreign_channels += 1;
        // str0m keeps something of each until the remote side has confirmed that it is closed.
        if self.foreign_channels > FOREIGN_CHANNELS {
            self.end(FailReason::ForeignChannels, out);
        }
    }

    /// A channel does not come back: what is for it goes by another door from now on.
    pub(super) fn on_channel_close(&mut self, id: ChannelId, out: &mut Outbox) {
        if let Some(channel) = self.channel_of(id) {
            self.channels[usize::from(channel.stream())].open = false;
            self.backlog.clear(channel, DropReason::DataClosed, &mut out.fates);
        }
    }

    pub(super) fn on_channel_data(&mut self, data: ChannelData, out: &mut Outbox) {
        out.happened.push(match self.channel_of(data.id) {
            Some(channel) => Happened::Data { channel, message: data.binary.then_some(data.data) },
            None => Happened::Dropped(DropReason::DataUnknownChannel),
        });
    }
}

fn channel_config(channel: Channel) -> ChannelConfig {
    let (label, reliability) = match channel {
        Channel::Reliable => ("reliable", Reliability::Reliable),
        Channel::Lossy => ("lossy", Reliability::MaxRetransmits { retransmits: 0 }),
    };
    ChannelConfig {
        label: label.to_owned(),
        ordered: channel == Channel::Reliable,
        reliability,
        negotiated: Some(channel.stream()),
        protocol: String::new(),
    }
}
