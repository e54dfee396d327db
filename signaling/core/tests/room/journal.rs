//! The numbered log: numbers, bounds, gaps, cursors.

use std::time::Duration;

use proptest::prelude::*;
use signaling_core::event::{Audience, EndReason, Event, LeaveReason};
use signaling_core::id::{ParticipantId, RoomId};
use signaling_core::journal::{Cursor, Gap, Journal};
use signaling_core::room::Now;

const EPOCH: u64 = 7;

fn at(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(seconds), unix_ms: seconds * 1000 }
}

fn journal(max_bytes: usize, max_age: u64) -> Journal {
    Journal::new(RoomId(1), EPOCH, max_bytes, Duration::from_secs(max_age))
}

fn append(journal: &mut Journal, now: Now) -> Option<u64> {
    let event = Event::RoomEnded { reason: EndReason::Empty };
    journal.append(now, Audience::Room, event).frame.seq
}

fn numbers(journal: &Journal, epoch: u64, seq: u64) -> Result<Vec<u64>, Gap> {
    let items = journal.since(Cursor { epoch, seq })?;
    Ok(items.filter_map(|envelope| envelope.frame.seq).collect())
}

#[test]
fn numbers_begin_at_one_and_have_no_hole() {
    let mut journal = journal(1 << 20, 60);
    assert_eq!(journal.cursor(), Cursor { epoch: EPOCH, seq: 0 });
    let given: Vec<_> = (0..4).map(|_| append(&mut journal, at(0))).collect();
    assert_eq!(given, [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(journal.cursor().seq, 4);
    assert_eq!(numbers(&journal, EPOCH, 0), Ok(vec![1, 2, 3, 4]));
    assert_eq!(numbers(&journal, EPOCH, 2), Ok(vec![3, 4]));
    assert_eq!(numbers(&journal, EPOCH, 4), Ok(vec![]));
}

#[test]
fn a_passing_event_is_neither_numbered_nor_kept() {
    let mut journal = journal(1 << 20, 60);
    append(&mut journal, at(0));
    let event = Event::Disconnected { reason: LeaveReason::Left };
    let envelope = journal.append(at(0), Audience::Participant(ParticipantId(1)), event);
    assert_eq!(envelope.frame.seq, None);
    assert_eq!(append(&mut journal, at(0)), Some(2));
    assert_eq!(numbers(&journal, EPOCH, 0), Ok(vec![1, 2]));
}

#[test]
fn a_cursor_of_another_journal_or_of_the_future_is_a_gap() {
    let mut journal = journal(1 << 20, 60);
    append(&mut journal, at(0));
    assert_eq!(numbers(&journal, EPOCH + 1, 0), Err(Gap));
    assert_eq!(numbers(&journal, EPOCH, 2), Err(Gap));
}

#[test]
fn old_events_go_by_age() {
    let mut journal = journal(1 << 20, 60);
    append(&mut journal, at(0));
    append(&mut journal, at(50));
    append(&mut journal, at(61));
    assert_eq!(numbers(&journal, EPOCH, 0), Err(Gap), "the first was dropped");
    assert_eq!(numbers(&journal, EPOCH, 1), Ok(vec![2, 3]));
}

#[test]
fn old_events_go_by_bytes() {
    // {"seq":1,"type":"room.ended","reason":"empty"} has 46 bytes.
    let mut journal = journal(100, 60);
    for _ in 0..5 {
        append(&mut journal, at(0));
    }
    assert_eq!(numbers(&journal, EPOCH, 2), Err(Gap));
    assert_eq!(numbers(&journal, EPOCH, 3), Ok(vec![4, 5]));
}

#[test]
fn an_event_larger_than_the_journal_is_given_out_and_not_kept() {
    let mut journal = journal(10, 60);
    assert_eq!(append(&mut journal, at(0)), Some(1));
    assert_eq!(numbers(&journal, EPOCH, 0), Err(Gap));
    assert_eq!(numbers(&journal, EPOCH, 1), Ok(vec![]));
}

#[test]
fn there_is_space_when_nothing_young_has_to_go() {
    let window = Duration::from_secs(30);
    let event = Event::RoomEnded { reason: EndReason::Empty };
    // As above: 46 bytes each.
    let mut journal = journal(100, 120);
    assert!(journal.has_space(at(0), &event, window));
    append(&mut journal, at(0));
    append(&mut journal, at(10));
    assert!(!journal.has_space(at(29), &event, window), "the first is too young to go");
    assert!(journal.has_space(at(30), &event, window));
    append(&mut journal, at(30));
    assert_eq!(numbers(&journal, EPOCH, 1), Ok(vec![2, 3]));
    assert!(!journal.has_space(at(39), &event, window));
}

proptest! {
    #[test]
    fn a_cursor_survives_its_text(epoch: u64, seq: u64) {
        let cursor = Cursor { epoch, seq };
        prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
    }

    #[test]
    fn no_text_panics_as_a_cursor(text in "[0-9a-z]{12,14}[.+0-9]{0,22}") {
        if let Ok(cursor) = text.parse::<Cursor>() {
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
            prop_assert!(!text.contains('+'), "a number without a sign: {}", text);
        }
    }

    #[test]
    fn whatever_is_kept_has_no_hole(
        steps in prop::collection::vec((0u64..40, 0u64..40), 1..60),
        max_bytes in 0usize..1000,
        max_age in 0u64..100,
    ) {
        let mut journal = journal(max_bytes, max_age);
        let mut seconds = 0;
        for (pass, after) in steps {
            seconds += pass;
            append(&mut journal, at(seconds));
            if let Ok(found) = numbers(&journal, EPOCH, after) {
                let wanted: Vec<u64> = (after + 1..=journal.cursor().seq).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }

    #[test]
    fn where_there_is_space_nothing_young_is_dropped(
        steps in prop::collection::vec(0u64..20, 1..60),
        max_bytes in 0usize..400,
    ) {
        let window = Duration::from_secs(30);
        let event = Event::RoomEnded { reason: EndReason::Empty };
        let mut journal = journal(max_bytes, 120);
        let mut written = Vec::new();
        let mut seconds = 0;
        for pass in steps {
            seconds += pass;
            let has_space = journal.has_space(at(seconds), &event, window);
            let young = written.iter().filter(|&&at| seconds - at < 30).count() as u64;
            let after = journal.cursor().seq - young;
            let complete = numbers(&journal, EPOCH, after).is_ok();
            append(&mut journal, at(seconds));
            written.push(seconds);
            if has_space && complete {
                prop_assert!(numbers(&journal, EPOCH, after).is_ok(), "{after}");
            }
        }
    }
}
