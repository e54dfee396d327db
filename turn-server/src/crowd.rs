//! What a crowd leaves behind when it goes: freed memory, which the allocator would keep.

/// Clients that are no crowd yet.
const FEW: usize = 1_000;

/// How many clients a worker had at most since it last gave memory back.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    most: usize,
}

impl Crowd {
    /// Gives memory back to the system when most clients have gone. Call now and then.
    pub(crate) fn look(&mut self, clients: usize) {
        self.most = self.most.max(clients);
        if self.most >= FEW && clients <= self.most / 4 {
            self.most = clients;
            give_back();
        }
    }
}

/// Tells the allocator to keep nothing. That of glibc does, between pieces that are in use, until it
/// is told.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: touches what is free alone.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_over_when_most_have_gone() {
        let mut crowd = Crowd::default();
        crowd.look(4 * FEW);
        crowd.look(FEW + 1);
        assert_eq!(crowd.most, 4 * FEW);
        crowd.look(FEW);
        assert_eq!(crowd.most, FEW);
        crowd.look(10);
        assert_eq!(crowd.most, 10);
        crowd.look(0);
        assert_eq!(crowd.most, 10, "those were few");
    }
}
