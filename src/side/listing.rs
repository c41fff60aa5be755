//! What the venue lists, looked at every hour: a coin that is gone, or whose grid has changed, is not
//! quoted any more.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::net::Rest;
use crate::venue_api::venue::listed_by;
use botmm_pipeline::rt::Out;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, Nanos, QuoteCommand, Universe};

/// How often the venue is asked, and how soon again when it did not answer.
const EVERY: Nanos = Nanos::secs(3_600);
const AGAIN: Nanos = Nanos::secs(60);
/// How long an answer may take, the wait for other questions included.
const PATIENCE: Nanos = Nanos::secs(60);

/// See the module.
pub struct Listing {
    rest: Rest,
    /// What messages call the venue.
    place: String,
    universe: Universe,
    next: Nanos,
    asked: Option<Pending<Result<Vec<Instrument>, AppError>>>,
    /// Coins that the quote stage was told not to quote.
    gone: [bool; MAX_ASSETS],
}

impl Listing {
    /// The start has just looked.
    pub fn new(rest: Rest, place: String, universe: Universe, now: Nanos) -> Self {
        Self { rest, place, universe, next: now + EVERY, asked: None, gone: [false; MAX_ASSETS] }
    }

    /// Tells the quote stage what changed; what a person should know.
    fn take(
        &mut self,
        listed: Result<Vec<Instrument>, String>,
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
        for (asset, ours) in self.universe.iter() {
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

impl Task for Listing {
    fn name(&self) -> &'static str {
        "listing"
    }

    /// Asks when it is time, and takes the answer in when it comes.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let Some(asked) = &self.asked else {
            if now >= self.next {
                self.next = now + EVERY;
                let (rest, place) = (self.rest.clone(), self.place.clone());
                let ask = move || listed_by(&rest, place);
                self.asked = Some(turn.workers.questions.send(now, PATIENCE, ask));
            }
            return;
        };
        let Some(listed) = asked.told(now) else { return };
        self.asked = None;
        let said = self.take(listed, turn.to_quote, now);
        said.into_iter().for_each(|line| turn.say(Alert::warn(Topic::Metadata, line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coins::coin;
    use crate::net::{Endpoint, Tls};
    use botmm_pipeline::rt::ring;
    use botmm_pipeline::types::AssetId;

    fn listing(universe: Universe) -> Listing {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let rest = Rest::new(&endpoint, &Tls::default()).unwrap();
        Listing::new(rest, "venue".to_owned(), universe, Nanos::ZERO)
    }

    #[test]
    fn what_is_gone_is_told_once_and_so_is_its_return() {
        let (a, b) = (coin("A", 2), coin("B", 2));
        let universe = Universe::new(vec![a, b]);
        let (mut tx, mut rx) = ring("side->quote", 8);
        let mut listing = listing(universe);
        let mut take =
            |listed: Vec<Instrument>| listing.take(Ok(listed), &mut tx, Nanos::secs(3_600));
        assert!(take(vec![b, a]).is_empty());
        assert_eq!(take(vec![b]), ["A: no longer listed; not quoting it"]);
        assert!(take(vec![b]).is_empty(), "once");
        let other_grid = take(vec![a, coin("B", 3)]);
        assert_eq!(other_grid[0], "A: listed again");
        assert!(other_grid[1].contains("another grid") && other_grid[1].contains("restart"));
        let told: Vec<_> = std::iter::from_fn(|| rx.pop()).collect();
        let listed = |i, is_listed| QuoteCommand::Listed { asset: AssetId::new(i), is_listed };
        assert_eq!(told, [listed(0, false), listed(0, true), listed(1, false)]);
    }

    #[test]
    fn a_venue_that_does_not_answer_changes_nothing_and_is_asked_again_soon() {
        let universe = Universe::new(vec![coin("A", 2)]);
        let (mut tx, mut rx) = ring("side->quote", 8);
        let mut listing = listing(universe);
        let silent = Err("no answer".to_owned());
        let said = listing.take(silent, &mut tx, Nanos::secs(3_600));
        assert!(said[0].contains("no answer"), "{said:?}");
        assert_eq!((rx.pop(), listing.next), (None, Nanos::secs(3_660)));
    }
}
