//! What came of a participant's last requests, kept for the case that a reply is lost with its
//! connection: the same request, asked again by the next one, is answered without being done twice.

use std::collections::VecDeque;

use crate::journal::json_length;
use crate::participant::Asker;
use crate::reply::{Outcome, Reply};

/// How many outcomes are kept.
const COUNT: usize = 64;
/// Bytes of JSON in them.
const BYTES: usize = 128 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    asker: Asker,
    outcome: Outcome,
    bytes: usize,
}

impl Outcomes {
    /// Notes what came of a request. What can be asked again as well
    /// is not kept: the answer to an offer, which is large, and ICE servers, which end; nor is what
    /// begins a participation.
    pub(crate) fn keep(&mut self, asker: Asker, outcome: &Outcome) {
        if let Outcome::Ok(
            Reply::Answer(_)
            | Reply::IceServers(_)
            | Reply::Joined(_)
            | Reply::InLobby(_)
            | Reply::Resumed(_),
        ) = outcome
        {
            return;
        }
        let bytes = json_length(outcome);
        self.bytes += bytes;
        self.kept.push_back(Kept { asker, outcome: outcome.clone(), bytes });
        while self.kept.len() > COUNT || self.bytes > BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// What came of the request when it was asked by an earlier attachment.
    pub(crate) fn of(&self, asker: Asker) -> Option<&Outcome> {
        self.kept
            .iter()
            .rev()
            .find(|kept| {
                kept.asker.request == asker.request && kept.asker.attachment != asker.attachment
            })
            .map(|kept| &kept.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorCode, RequestError};
    use crate::participant::AttachmentId;
    use crate::reply::{Answer, Done};

    fn asker(attachment: u64, request: u64) -> Asker {
        Asker { attachment: AttachmentId(attachment), request }
    }

    fn sized(bytes: usize) -> Outcome {
        Outcome::Error(RequestError::new(ErrorCode::BadRequest, "x".repeat(bytes)))
    }

    #[test]
    fn an_outcome_is_for_a_later_attachment_alone() {
        let mut outcomes = Outcomes::default();
        let done = Outcome::Ok(Reply::Done(Done {}));
        outcomes.keep(asker(1, 7), &done);
        assert_eq!(outcomes.of(asker(1, 7)), None);
        assert_eq!(outcomes.of(asker(2, 7)), Some(&done));
        assert_eq!(outcomes.of(asker(2, 8)), None);
    }

    #[test]
    fn the_newest_64_are_kept() {
        let mut outcomes = Outcomes::default();
        for request in 0..65 {
            outcomes.keep(asker(1, request), &sized(1));
        }
        assert_eq!(outcomes.of(asker(2, 0)), None);
        assert!((1..65).all(|request| outcomes.of(asker(2, request)).is_some()));
    }

    #[test]
    fn they_are_bounded_by_bytes() {
        let mut outcomes = Outcomes::default();
        for request in 0..4 {
            outcomes.keep(asker(1, request), &sized(40 * 1024));
        }
        assert_eq!(outcomes.of(asker(2, 0)), None);
        assert!((1..4).all(|request| outcomes.of(asker(2, request)).is_some()));
        outcomes.keep(asker(1, 4), &sized(BYTES));
        assert!((0..5).all(|request| outcomes.of(asker(2, request)).is_none()));
        assert_eq!(outcomes.bytes, 0);
    }

    #[test]
    fn an_answer_to_an_offer_is_not_kept() {
        let mut outcomes = Outcomes::default();
        let answer = Answer { sdp: "v=0".to_owned(), lines: Vec::new() };
        outcomes.keep(asker(1, 7), &Outcome::Ok(Reply::Answer(answer)));
        assert_eq!(outcomes.of(asker(2, 7)), None);
    }
}
