//! What is expected of a coin's market data (PROTOCOL §5.4), and whether what comes is that: a stream that gets slower
//! or shallower still tells something, so nobody would notice, while quotes rest on less.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn};
use botmm_pipeline::types::{Nanos, Universe};
use botmm_pipeline::venue::hl::feed::FeedStats;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A whole book is told at least so often. Touches and trades come when there are some: nothing is expected of how
/// often.
pub const BOOK_EVERY: Nanos = Nanos::secs(5);
/// And has so many levels a side.
pub const BOOK_LEVELS: u64 = 20;
/// Blocks and the way take their time.
const GRACE: Nanos = Nanos::secs(1);
/// Over how long it is measured, and how often in a row it must fall short to be told.
const LOOK_EVERY: Nanos = Nanos::secs(60);
const LOOKS: u32 = 2;

/// A coin's books over a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    /// The usual time between two of them.
    pub every: Nanos,
    /// Levels of the shallower side, of the deepest one.
    pub levels: u64,
}

impl Books {
    /// In which way they fall short of what is expected; [`None`] = in none.
    pub fn shortfall(&self) -> Option<String> {
        let (every_s, limit_s) = (self.every.as_secs_f64(), BOOK_EVERY.as_secs_f64());
        let slow = format!("a book every {every_s:.1} s, expected every {limit_s:.0} s");
        let shallow = format!("{} levels a side, expected {BOOK_LEVELS}", self.levels);
        match (self.every > BOOK_EVERY + GRACE, self.levels < BOOK_LEVELS) {
            (true, true) => Some(format!("{slow}; {shallow}")),
            (true, false) => Some(slow),
            (false, true) => Some(shallow),
            (false, false) => None,
        }
    }
}

/// Measures the streams of a run, and tells when they are not as expected.
pub struct Manifest {
    stats: Arc<FeedStats>,
    universe: Universe,
    begun: Option<Nanos>,
    /// What interrupted streams before: lost links, silences, new subscriptions.
    interruptions: u64,
    /// How often in a row each coin fell short; those that were told.
    short: Vec<(u32, bool)>,
}

impl Manifest {
    /// Of a run that begins.
    pub fn new(stats: Arc<FeedStats>, universe: Universe) -> Self {
        let short = vec![(0, false); universe.len()];
        Self { stats, universe, begun: None, interruptions: 0, short }
    }

    fn interruptions(&self) -> u64 {
        let FeedStats { losses, silences, refusals, resubscriptions, .. } = &*self.stats;
        [losses, silences, refusals, resubscriptions]
            .map(|n| n.load(Ordering::Relaxed))
            .iter()
            .sum()
    }

    fn look(&mut self, span: Nanos, is_whole: bool, turn: &mut Turn<'_>) {
        for (asset, instrument) in self.universe.iter() {
            let (told, levels) = self.stats.books[asset.index()].take();
            // Of silence others tell.
            if !is_whole || told == 0 {
                continue;
            }
            let books = Books { every: Nanos(span.0 / told.cast_signed().max(1)), levels };
            let (in_a_row, is_told) = &mut self.short[asset.index()];
            let (coin, shortfall) = (instrument.coin, books.shortfall());
            *in_a_row = if shortfall.is_some() { *in_a_row + 1 } else { 0 };
            match shortfall {
                Some(how) if *in_a_row >= LOOKS && !*is_told => {
                    *is_told = true;
                    turn.say(Alert::warn(
                        Topic::Link,
                        format!(
                            "{coin}: its market data is not what it is known to be: {how}; quotes rest on \
                             less (`botmm doctor` measures it)"
                        ),
                    ));
                }
                None if std::mem::take(is_told) => {
                    let words = format!("{coin}: its market data is as expected again");
                    turn.say(Alert::info(Topic::Link, words));
                }
                _ => {}
            }
        }
    }
}

impl Task for Manifest {
    fn name(&self) -> &'static str {
        "feed manifest"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        let begun = *self.begun.get_or_insert(turn.now);
        let span = turn.now - begun;
        if span < LOOK_EVERY {
            return;
        }
        let interruptions = self.interruptions();
        let is_whole = interruptions == self.interruptions;
        self.look(span, is_whole, turn);
        (self.begun, self.interruptions) = (Some(turn.now), interruptions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coins::coin;
    use crate::side::task::tests::Stand;

    #[test]
    fn what_is_slower_or_shallower_for_long_is_told_once_and_so_is_its_end() {
        let stats = Arc::<FeedStats>::default();
        let universe = Universe::new(vec![coin("A", 2), coin("B", 2)]);
        let mut manifest = Manifest::new(stats.clone(), universe);
        let mut stand = Stand::with_room(1);
        stand.turn(&mut manifest);
        // A minute with so many books of A, of so many levels; B is always well.
        let mut minute = |books: u64, levels: u64| {
            (0..books).for_each(|_| stats.books[0].saw(levels));
            (0..12).for_each(|_| stats.books[1].saw(20));
            stand.now = stand.now + Nanos::secs(60);
            let said = stand.turn(&mut manifest).said;
            said.into_iter().map(|alert| alert.text).collect::<Vec<_>>().join("|")
        };
        assert_eq!([minute(12, 20), minute(10, 20), minute(120, 20)], ["", "", ""]);
        assert_eq!([minute(9, 20), minute(12, 20)], ["", ""], "one slow minute is none");
        assert_eq!(minute(6, 20), "");
        let said = minute(6, 20);
        assert!(
            said.contains("A: ") && said.contains("every 10.0 s, expected every 5 s"),
            "{said}"
        );
        assert_eq!(minute(6, 20), "", "once");
        assert!(minute(12, 20).contains("A: its market data is as expected again"));
        assert_eq!(minute(12, 5), "");
        assert!(minute(12, 5).contains("5 levels a side, expected 20"));
        // Silence, and minutes in which the link was lost, say nothing of it.
        assert_eq!(minute(0, 0), "");
        stats.losses.fetch_add(1, Ordering::Relaxed);
        assert_eq!(minute(12, 20), "");
        assert!(minute(12, 20).contains("as expected again"));
    }
}
