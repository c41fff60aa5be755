//! What the venue lists, looked at every hour: a coin that is gone, or whose grid has changed, is not
//! quoted any more.

use crate::exit::AppError;
use crate::net::Rest;
use crate::venue_api::venue::listed_by;
use botmm_pipeline::rt::Out;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, Nanos, QuoteCommand, Universe};

/// How often the venue is asked, and how soon again when it did not answer.
const EVERY: Nanos = Nanos::secs(3_600);
const AGAIN: Nanos = Nanos::secs(60);

/// See the module.
pub struct Listing {
    /// What messages call the venue.
    place: String,
    next: Nanos,
    /// Coins that the quote stage was told not to quote.
    gone: [bool; MAX_ASSETS],
}

impl Listing {
    /// The start has just looked.
    pub fn new(place: String, now: Nanos) -> Self {
        Self { place, next: now + EVERY, gone: [false; MAX_ASSETS] }
    }

    /// Asks when it is time, and tells the quote stage what changed; what a person should know.
    pub fn turn(
        &mut self,
        rest: &Rest,
        universe: &Universe,
        to_quote: &mut Out<QuoteCommand>,
        now: Nanos,
    ) -> Vec<String> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + EVERY;
        self.take(listed_by(rest, self.place.clone()), universe, to_quote, now)
    }

    fn take(
        &mut self,
        listed: Result<Vec<Instrument>, AppError>,
        universe: &Universe,
        to_quote: &mut Out<QuoteCommand>,
        now: Nanos,
    ) -> Vec<String> {
        let listed = match listed {
            Ok(listed) => listed,
            Err(e) => {
                self.next = now + AGAIN;
                return vec![format!("cannot see what the venue lists: {e}")];
            }
        };
        let mut said = Vec::new();
        for (asset, ours) in universe.iter() {
            let theirs = listed.iter().find(|i| i.coin == ours.coin);
            let trouble = match theirs {
                None => Some("no longer listed".to_owned()),
                Some(theirs) if theirs == ours => None,
                Some(theirs) => Some(format!("listed with another grid ({theirs:?}): restart")),
            };
            let (gone, is_listed) = (&mut self.gone[asset.index()], trouble.is_none());
            if *gone != is_listed {
                continue;
            }
            if to_quote.push(QuoteCommand::Listed { asset, is_listed }).is_err() {
                self.next = now; // No room now: the next turn looks again.
                continue;
            }
            *gone = !is_listed;
            said.push(match trouble {
                Some(trouble) => format!("{}: {trouble}; not quoting it", ours.coin),
                None => format!("{}: listed again", ours.coin),
            });
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::ring;
    use botmm_pipeline::types::AssetId;

    fn instrument(coin: &str, sz_decimals: u8) -> Instrument {
        Instrument::new(coin, 0, sz_decimals, 10).unwrap()
    }

    #[test]
    fn what_is_gone_is_told_once_and_so_is_its_return() {
        let (a, b) = (instrument("A", 2), instrument("B", 2));
        let universe = Universe::new(vec![a, b]);
        let (mut tx, mut rx) = ring("side->quote", 8);
        let mut listing = Listing::new("venue".to_owned(), Nanos::ZERO);
        let mut take = |listed: Vec<Instrument>| {
            listing.take(Ok(listed), &universe, &mut tx, Nanos::secs(3_600))
        };
        assert!(take(vec![b, a]).is_empty());
        assert_eq!(take(vec![b]), ["A: no longer listed; not quoting it"]);
        assert!(take(vec![b]).is_empty(), "once");
        let other_grid = take(vec![a, instrument("B", 3)]);
        assert_eq!(other_grid[0], "A: listed again");
        assert!(other_grid[1].contains("another grid") && other_grid[1].contains("restart"));
        let told: Vec<_> = std::iter::from_fn(|| rx.pop()).collect();
        let listed = |i, is_listed| QuoteCommand::Listed { asset: AssetId::new(i), is_listed };
        assert_eq!(told, [listed(0, false), listed(0, true), listed(1, false)]);
    }

    #[test]
    fn a_venue_that_does_not_answer_changes_nothing_and_is_asked_again_soon() {
        let universe = Universe::new(vec![instrument("A", 2)]);
        let (mut tx, mut rx) = ring("side->quote", 8);
        let mut listing = Listing::new("venue".to_owned(), Nanos::ZERO);
        let silent = Err(AppError::data("venue", "no answer", "wait"));
        let said = listing.take(silent, &universe, &mut tx, Nanos::secs(3_600));
        assert!(said[0].contains("no answer"), "{said:?}");
        assert_eq!((rx.pop(), listing.next), (None, Nanos::secs(3_660)));
    }
}
