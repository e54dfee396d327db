//! Which worker a room lives on. Pure.

use std::collections::HashMap;

use sfu_core::RoomKey;

/// Rooms and their workers: a new room goes where the fewest are.
#[derive(Debug)]
pub(crate) struct Placement {
    rooms: HashMap<RoomKey, u16>,
    rooms_of: Vec<usize>,
}

impl Placement {
    /// For so many workers, at least one.
    pub(crate) fn new(workers: usize) -> Placement {
        Placement { rooms: HashMap::new(), rooms_of: vec![0; workers] }
    }

    /// The worker of a room, chosen when it is first asked for.
    pub(crate) fn worker_of(&mut self, room: RoomKey) -> u16 {
        let rooms_of = &mut self.rooms_of;
        *self.rooms.entry(room).or_insert_with(|| {
            let (worker, count) = rooms_of
                .iter_mut()
                .enumerate()
                .min_by_key(|(_, count)| **count)
                .unwrap_or_else(|| unreachable!("there is at least one worker"));
            *count += 1;
            worker as u16
        })
    }

    /// The room is over.
    pub(crate) fn end(&mut self, room: RoomKey) {
        if let Some(worker) = self.rooms.remove(&room) {
            self.rooms_of[usize::from(worker)] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_spread_and_stay() {
        let mut placement = Placement::new(2);
        let first = placement.worker_of(RoomKey(1));
        let second = placement.worker_of(RoomKey(2));
        assert_ne!(first, second);
        assert_eq!(placement.worker_of(RoomKey(1)), first);
        placement.end(RoomKey(1));
        assert_eq!(placement.worker_of(RoomKey(3)), first);
    }
}
