//! What a browser does on a line that only receives, where str0m does otherwise.

use str0m::Rtc;
use str0m::media::{Direction, MediaAdded};

/// Has nothing reported of a stream that is never sent: str0m makes one for every line of an offer, and tells
/// of it once a second.
pub(crate) fn say_nothing_unsent(rtc: &mut Rtc, added: &MediaAdded) {
    if added.direction != Direction::RecvOnly {
        return;
    }
    let mut streams = rtc.direct_api();
    if let Some(ssrc) = streams.stream_tx_by_mid(added.mid, None).map(|stream| stream.ssrc()) {
        streams.remove_stream_tx(ssrc);
    }
}
