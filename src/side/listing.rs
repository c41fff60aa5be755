//! What the venue lists, looked at every hour, and soon after a sign that it has changed: an order that was
//! cancelled for a delisting or refused for its price or size, a link that was lost (an upgrade of the
//! venue's looks like that). A coin that is gone, or has another number there, is not quoted any more, and what rests of it
//! is cancelled. One on another grid of sizes and prices goes on on that: the grid is a parameter, which the stages
//! take over between two events. Whatever else changed is told.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::net::Rest;
use crate::venue_api::universe::{Listed, Margin};
use crate::venue_api::venue::listed_by;
use botmm_pipeline::rt::OutTold;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{
    AlertKind, AssetId, Fact, Instrument, Listing as How, Nanos, QuoteCommand, RejectReason,
    Universe,
};

/// How often the venue is asked, and how soon again when it did not answer or something may have changed.
const EVERY: Nanos = Nanos::secs(3_600);
const AGAIN: Nanos = Nanos::secs(60);
/// How long an answer may take, the wait for other questions included.
const PATIENCE: Nanos = Nanos::secs(60);
/// Changes of coins that are not ours that one look tells of by name.
const NAMED: usize = 8;

/// See the module.
pub struct Listing {
    rest: Rest,
    /// What messages call the venue.
    place: String,
    universe: Universe,
    /// What was listed at the last look.
    known: Listed,
    looked: Nanos,
    next: Nanos,
    /// A stage told of a sign that something has changed.
    is_suspicious: bool,
    asked: Option<Pending<Result<Listed, AppError>>>,
    /// What the quote stage was told of each coin.
    told: [How; MAX_ASSETS],
    /// Coins that are on another grid, for whoever hands parameters over.
    regridded: Vec<Regridded>,
}

/// A coin that is on another grid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regridded {
    /// Which.
    pub asset: AssetId,
    /// Decimals of its sizes before.
    pub from: u8,
    /// And now.
    pub to: u8,
}

impl Listing {
    /// The start has just looked.
    pub fn new(
        rest: Rest,
        place: String,
        (universe, known): (Universe, Listed),
        now: Nanos,
    ) -> Self {
        let (looked, next, told) = (now, now + EVERY, [How::Listed; MAX_ASSETS]);
        let (is_suspicious, asked, regridded) = (false, None, Vec::new());
        Self { rest, place, universe, known, looked, next, is_suspicious, asked, told, regridded }
    }

    /// What is on another grid since the last call.
    pub fn take_regridded(&mut self) -> Vec<Regridded> {
        std::mem::take(&mut self.regridded)
    }

    /// Tells the quote stage what changed; what a person should know.
    fn take(
        &mut self,
        listed: Result<Listed, String>,
        to_quote: &mut OutTold<QuoteCommand>,
        now: Nanos,
    ) -> Vec<Alert> {
        let listed = match listed {
            Ok(listed) => listed,
            Err(e) => {
                self.next = now + AGAIN;
                let said = format!("cannot see what the venue lists: {e}");
                return vec![Alert::warn(Topic::Metadata, said)];
            }
        };
        let mut said = self.grids(&listed);
        said.extend(self.ours(&listed, to_quote, now));
        said.extend(self.margins(&listed));
        said.extend(self.others(&listed));
        self.known = listed;
        said
    }

    /// Coins that we trade which are on another grid.
    fn grids(&mut self, listed: &Listed) -> Vec<Alert> {
        let mut said = Vec::new();
        for (asset, ours) in self.universe.clone().iter() {
            let theirs = listed.coins.iter().find(|i| i.coin == ours.coin);
            let Some(theirs) = theirs.filter(|i| i.venue_index == ours.venue_index) else {
                continue;
            };
            let (from, to) = (ours.sz_decimals, theirs.sz_decimals);
            if from != to {
                self.universe.set_grid(asset, Some(to));
                self.regridded.push(Regridded { asset, from, to });
                let words = format!(
                    "{}: sizes have {to} decimals now, before {from}: it is quoted on, new orders are on \
                     the new grid, and what rests off it is replaced",
                    ours.coin
                );
                said.push(Alert::warn(Topic::Metadata, words));
            }
        }
        said
    }

    /// Coins that we trade: gone, back, under another number.
    fn ours(
        &mut self,
        listed: &Listed,
        to_quote: &mut OutTold<QuoteCommand>,
        now: Nanos,
    ) -> Vec<Alert> {
        let mut said = Vec::new();
        for (asset, ours) in self.universe.iter() {
            let theirs = listed.coins.iter().find(|i| i.coin == ours.coin);
            let listing = match theirs {
                None => How::Gone,
                Some(theirs) if theirs.venue_index == ours.venue_index => How::Listed,
                Some(_) => How::GridChanged,
            };
            let told = &mut self.told[asset.index()];
            if *told == listing {
                continue;
            }
            if to_quote.push(QuoteCommand::Listed { asset, listing }).is_err() {
                self.next = now; // No room now: the next turn looks again.
                continue;
            }
            *told = listing;
            let coin = ours.coin;
            said.push(match (listing, theirs) {
                (How::GridChanged, Some(theirs)) => Alert::critical(
                    Topic::Metadata,
                    format!(
                        "{coin}: listed under another number ({}, before {}); not quoting it, what rested \
                         is cancelled: restart to trade it under the new one",
                        theirs.venue_index, ours.venue_index
                    ),
                ),
                (How::Listed, _) => Alert::info(Topic::Metadata, format!("{coin}: listed again")),
                _ => Alert::critical(
                    Topic::Metadata,
                    format!("{coin}: no longer listed; not quoting it"),
                ),
            });
        }
        said
    }

    /// Coins that we trade whose positions need another margin than before.
    fn margins(&self, listed: &Listed) -> Vec<Alert> {
        let mut said = Vec::new();
        for (_, ours) in self.universe.iter() {
            let coin = ours.coin.as_str();
            let [before, now] = [&self.known, listed].map(|l| l.margins.get(coin));
            if let (Some(before), Some(now)) = (before, now)
                && before != now
            {
                let (before, now) = (in_words(before), in_words(now));
                let words = format!(
                    "{coin}: margin changed from {before} to {now}: see that what it holds stays \
                     covered"
                );
                said.push(Alert::warn(Topic::Metadata, words));
            }
        }
        said
    }

    /// Coins that we do not trade: new, gone, on another grid.
    fn others(&self, listed: &Listed) -> Option<Alert> {
        let find =
            |of: &Listed, coin: &Instrument| of.coins.iter().find(|i| i.coin == coin.coin).copied();
        let is_ours = |coin: &&Instrument| self.universe.iter().any(|(_, i)| i.coin == coin.coin);
        let mut news = Vec::new();
        for coin in listed.coins.iter().filter(|coin| !is_ours(coin)) {
            let (name, decimals, most) = (coin.coin, coin.sz_decimals, coin.max_leverage);
            match find(&self.known, coin) {
                None => news.push(format!(
                    "{name} is new (sizes of {decimals} decimals, up to {most}x; to trade it, add it \
                     to general.symbols and restart)"
                )),
                Some(before) if !has_same_grid(&before, coin) => news.push(format!(
                    "{name} has sizes of {decimals} decimals, before {}",
                    before.sz_decimals
                )),
                Some(_) => {}
            }
        }
        let known = self.known.coins.iter().filter(|coin| !is_ours(coin));
        let gone = known.filter(|coin| find(listed, coin).is_none());
        news.extend(gone.map(|coin| format!("{} is no longer listed", coin.coin)));
        let more = news.len().saturating_sub(NAMED);
        news.truncate(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let words = format!("the venue's list: {}{more}", news.join(", "));
        (!news.is_empty()).then(|| Alert::info(Topic::Metadata, words))
    }
}

/// Whether what we would send of one is what we mean of the other.
fn has_same_grid(a: &Instrument, b: &Instrument) -> bool {
    (a.sz_decimals, a.venue_index) == (b.sz_decimals, b.venue_index)
}

fn in_words(margin: &Margin) -> String {
    let tier = |(from, most): &(String, u64)| match from.trim_matches(['0', '.']).is_empty() {
        true => format!("{most}x"),
        false => format!("{most}x from {from} USD on"),
    };
    let tiers: Vec<String> = margin.tiers.iter().map(tier).collect();
    let isolated = if margin.is_isolated { " (isolated)" } else { "" };
    format!("{}{isolated}", tiers.join(", "))
}

impl Task for Listing {
    fn name(&self) -> &'static str {
        "listing"
    }

    /// Takes note of what makes it look sooner.
    fn hear(&mut self, fact: &Fact) {
        self.is_suspicious |= match fact {
            Fact::Reject { reject, .. } => {
                matches!(reject.reason, RejectReason::Tick | RejectReason::Size)
            }
            Fact::Alert { kind, .. } => matches!(
                kind,
                AlertKind::CanceledDelisted
                    | AlertKind::CoinRefused
                    | AlertKind::LinkDown
                    | AlertKind::FeedLost
            ),
            _ => false,
        };
    }

    /// Asks when it is time, and takes the answer in when it comes.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let Some(asked) = &self.asked else {
            if std::mem::take(&mut self.is_suspicious) {
                self.next = self.next.min(now.max(self.looked + AGAIN));
            }
            if now >= self.next {
                (self.looked, self.next) = (now, now + EVERY);
                let (rest, place) = (self.rest.clone(), self.place.clone());
                let ask = move || listed_by(&rest, place);
                self.asked = Some(turn.workers.questions.send(now, PATIENCE, ask));
            }
            return;
        };
        let Some(listed) = asked.told(now) else { return };
        self.asked = None;
        let said = self.take(listed, turn.to_quote, now);
        said.into_iter().for_each(|alert| turn.say(alert));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Endpoint, Tls};
    use crate::side::alert::Level;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::types::{ActionKind, Reject};
    use serde_json::{Value, json};

    fn meta(coins: &[(&str, u8, u8)], tables: Value) -> Listed {
        let universe: Vec<Value> = coins
            .iter()
            .map(|(name, decimals, most)| {
                json!({ "name": name, "szDecimals": decimals, "maxLeverage": most,
                        "marginTableId": most, "isDelisted": *most == 0 })
            })
            .collect();
        Listed::of(&json!({ "universe": universe, "marginTables": tables })).unwrap()
    }

    fn usual() -> Listed {
        meta(&[("A", 2, 40), ("B", 2, 10), ("C", 1, 5)], json!([]))
    }

    /// One that trades A and B.
    fn listing(known: Listed) -> Listing {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let rest = Rest::new(&endpoint, &Tls::default()).unwrap();
        let universe = Universe::new(known.coins[..2].to_vec());
        Listing::new(rest, "venue".to_owned(), (universe, known), Nanos::ZERO)
    }

    fn take(listing: &mut Listing, stand: &mut Stand, now: Listed) -> Vec<(Level, String)> {
        let mut out = Vec::new();
        stand.with_quote(|to_quote| out = listing.take(Ok(now), to_quote, Nanos::secs(3_600)));
        assert!(out.iter().all(|alert| alert.topic == Topic::Metadata));
        out.into_iter().map(|alert| (alert.level, alert.text)).collect()
    }

    #[test]
    fn what_is_gone_or_on_another_grid_is_told_once_and_so_is_its_return() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let mut take = |now| take(&mut listing, &mut stand, now);
        assert!(take(usual()).is_empty());
        let delisted = || meta(&[("A", 2, 0), ("B", 2, 10), ("C", 1, 5)], json!([]));
        let said = take(delisted());
        let gone = (Level::Critical, "A: no longer listed; not quoting it".to_owned());
        assert_eq!(said[0], gone);
        assert!(!take(delisted()).contains(&gone), "once");
        let said = take(meta(&[("A", 2, 40), ("D", 1, 3), ("B", 2, 10), ("C", 1, 5)], json!([])));
        assert_eq!(said[0].1, "A: listed again");
        assert!(
            said[1].1.contains("another number (2, before 1)") && said[1].1.contains("restart")
        );
        let told = stand.told_quote();
        let as_told = |i, listing| QuoteCommand::Listed { asset: AssetId::new(i), listing };
        let all = [as_told(0, How::Gone), as_told(0, How::Listed), as_told(1, How::GridChanged)];
        assert_eq!(told, all);
    }

    #[test]
    fn another_grid_is_taken_over_once_and_quoting_goes_on() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let finer = || meta(&[("A", 3, 40), ("B", 2, 10), ("C", 1, 5)], json!([]));
        let said = take(&mut listing, &mut stand, finer());
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].1.starts_with("A: sizes have 3 decimals now, before 2"), "{said:?}");
        let changed = Regridded { asset: AssetId::new(0), from: 2, to: 3 };
        assert_eq!(listing.take_regridded(), [changed]);
        assert!(take(&mut listing, &mut stand, finer()).is_empty(), "once");
        assert!(listing.take_regridded().is_empty() && stand.told_quote().is_empty());
        // Back again, gone meanwhile.
        take(&mut listing, &mut stand, meta(&[("A", 3, 0), ("B", 2, 10), ("C", 1, 5)], json!([])));
        take(&mut listing, &mut stand, usual());
        let back = Regridded { asset: AssetId::new(0), from: 3, to: 2 };
        assert_eq!(listing.take_regridded(), [back]);
    }

    #[test]
    fn another_leverage_and_another_margin_table_are_told_and_quoting_goes_on() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let mut take = |now| take(&mut listing, &mut stand, now);
        let said = take(meta(&[("A", 2, 20), ("B", 2, 10), ("C", 1, 5)], json!([])));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].1.starts_with("A: margin changed from 40x to 20x"), "{said:?}");
        let tiers = json!([
            { "lowerBound": "0.0", "maxLeverage": 20 },
            { "lowerBound": "150000000.0", "maxLeverage": 10 },
        ]);
        let table = json!([[20, { "description": "tiered", "marginTiers": tiers }]]);
        let said = take(meta(&[("A", 2, 20), ("B", 2, 10), ("C", 1, 5)], table));
        let tiered = "from 20x to 20x, 10x from 150000000.0 USD on";
        assert!(said[0].0 == Level::Warn && said[0].1.contains(tiered), "{said:?}");
        assert!(stand.told_quote().is_empty());
    }

    #[test]
    fn coins_that_are_not_ours_are_told_of_together() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let mut take = |now| take(&mut listing, &mut stand, now);
        let said = take(meta(&[("A", 2, 40), ("B", 2, 10), ("C", 3, 5), ("D", 0, 3)], json!([])));
        assert_eq!(said.len(), 1, "{said:?}");
        let (level, text) = &said[0];
        assert!(*level == Level::Info && text.contains("C has sizes of 3 decimals, before 1"));
        assert!(text.contains("D is new (sizes of 0 decimals, up to 3x"), "{text}");
        let names: Vec<String> = (0..20).map(|n| format!("N{n}")).collect();
        let mut many = vec![("A", 2, 40), ("B", 2, 10)];
        many.extend(names.iter().map(|name| (name.as_str(), 2, 3)));
        let said = take(meta(&many, json!([])));
        assert!(said[0].1.ends_with("and 14 more"), "{said:?}");
        // Nonsense is passed over, and panics nowhere.
        for odd in [json!(null), json!([[1]]), json!([[1, {"marginTiers": [{}]}]]), json!("x")] {
            take(meta(&many, odd));
        }
        assert!(stand.told_quote().is_empty());
    }

    #[test]
    fn a_venue_that_does_not_answer_changes_nothing_and_is_asked_again_soon() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let silent = Err("no answer".to_owned());
        let mut said = Vec::new();
        stand.with_quote(|out| said = listing.take(silent, out, Nanos::secs(3_600)));
        assert!(said[0].text.contains("no answer"), "{said:?}");
        assert_eq!((stand.told_quote(), listing.next), (vec![], Nanos::secs(3_660)));
    }

    #[test]
    fn a_sign_of_a_change_makes_it_look_at_once_but_not_all_the_time() {
        let (mut stand, mut listing) = (Stand::with_room(8), listing(usual()));
        let refused = |reason| {
            let reject = Reject::new(ActionKind::Place, reason);
            Fact::Reject { asset: AssetId::new(0), time: Nanos::ZERO, reject }
        };
        let mut looks = |s, fact: Option<Fact>| {
            stand.now = Nanos::secs(s);
            fact.iter().for_each(|fact| listing.hear(fact));
            stand.turn(&mut listing);
            listing.asked.take().is_some()
        };
        assert!(!looks(100, Some(refused(RejectReason::BadAloPx))));
        assert!(looks(101, Some(refused(RejectReason::Tick))));
        assert!(!looks(130, Some(refused(RejectReason::Size))), "it has just looked");
        assert!(looks(161, None));
        let (asset, time) = (None, Nanos::ZERO);
        let lost = Fact::Alert { asset, time, kind: AlertKind::FeedLost };
        assert!(looks(400, Some(lost)));
        assert!(!looks(3_999, None) && looks(4_000, None), "and every hour");
    }
}
