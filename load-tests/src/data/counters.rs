//! What the server says it has done with lossy copies.

use anyhow::Context;

use super::Way;
use crate::run::page;

/// Its counters at one time, or what they grew by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counters {
    /// Copies that the media plane has delivered, and that it has dropped: by data channels, and by WebTransport.
    by_channels: (u64, u64),
    /// The same of signaling connections.
    by_signaling: (u64, u64),
}

impl Counters {
    /// Those of the page at `url` now.
    ///
    /// # Errors
    ///
    /// When there is no such page.
    pub(super) async fn read(url: &str) -> anyhow::Result<Counters> {
        Counters::parse(&page::read(url).await?)
    }

    fn parse(page: &str) -> anyhow::Result<Counters> {
        let sample = |name: &str| {
            page.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
                .with_context(|| format!("the page has no {name}: is it that of an Oriel server?"))
        };
        Ok(Counters {
            by_channels: (
                sample("oriel_sfu_data_delivered_total{channel=\"lossy\"}")?,
                sample("oriel_sfu_data_dropped_total{channel=\"lossy\"}")?,
            ),
            by_signaling: (
                sample("oriel_lossy_copies_total{outcome=\"delivered\"}")?,
                sample("oriel_lossy_copies_total{outcome=\"dropped\"}")?,
            ),
        })
    }

    /// What they grew by.
    pub(super) fn since(&self, before: &Counters) -> Counters {
        let grown = |now: (u64, u64), before: (u64, u64)| (now.0 - before.0, now.1 - before.1);
        Counters {
            by_channels: grown(self.by_channels, before.by_channels),
            by_signaling: grown(self.by_signaling, before.by_signaling),
        }
    }

    /// How many copies that were to go this way were delivered, and how many dropped.
    pub(super) fn fates(&self, way: Way) -> (u64, u64) {
        match way {
            Way::Websockets => self.by_signaling,
            _ => self.by_channels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_off_the_page() {
        let page = "# TYPE x counter\n\
                    oriel_sfu_data_delivered_total{channel=\"reliable\"} 7\n\
                    oriel_sfu_data_delivered_total{channel=\"lossy\"} 10\n\
                    oriel_sfu_data_dropped_total{channel=\"lossy\"} 3\n\
                    oriel_lossy_copies_total{outcome=\"delivered\"} 20\n\
                    oriel_lossy_copies_total{outcome=\"dropped\"} 4\n";
        let counters = Counters::parse(page).unwrap();
        assert_eq!(counters.fates(Way::Channels), (10, 3));
        assert_eq!(counters.fates(Way::Websockets), (20, 4));
        assert_eq!(counters.since(&counters).fates(Way::Channels), (0, 0));
        assert!(Counters::parse("oriel_rooms 1\n").is_err());
    }
}
