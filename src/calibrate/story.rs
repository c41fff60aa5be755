//! What was shown and traded at an order's price while it stood there: all that a queue model may know, and beside it
//! what became of the order.
//!
//! Of a block its new orders and cancels come before its takers, as at the venue: an order meets the trades of the
//! block that it came in, and none of the block in which it was cancelled. All trades of a block at one price are one:
//! a taker takes from the front, so together they say how far it got. What is displayed holds our own orders; they are
//! taken out.

use super::orders::Own;
use botmm_pipeline::types::{AssetId, LentEvent, MarketEvent, Nanos, Px, Qty, Side, Universe};
use botmm_pipeline::venue::sim::queue::Shown;
use botmm_pipeline::venue::sim::shown::ShownBook;
use botmm_pipeline::venue::tape::Tape;
use std::collections::HashMap;
use std::iter::Peekable;
use std::vec::IntoIter;

/// An order's time in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Of which coin.
    pub coin: String,
    /// Which side.
    pub side: Side,
    /// At which price.
    pub px: Px,
    /// With which size.
    pub qty: Qty,
    /// When it joined the queue.
    pub joined: Nanos,
    /// What was displayed there before; [`None`] = it was not told.
    pub ahead: Option<Qty>,
    /// What happened there since.
    pub steps: Vec<Step>,
    /// When it ended, by the venue's clock.
    pub until: Nanos,
    /// What became of it.
    pub end: End,
}

/// Something that was shown to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So much is displayed at its price, without what is ours.
    Shown(Qty),
    /// A block traded so much at its price.
    Traded {
        /// So much, without what went to other orders of ours.
        qty: Qty,
        /// It traded at worse prices too: whoever stood here was filled.
        is_past: bool,
        /// It reached the order.
        is_hit: bool,
    },
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It was filled, or a part of it.
    Filled,
    /// It was cancelled, moved, or taken away by the venue.
    Left,
    /// It stood there when the record ended or had a gap.
    Lost,
    /// The venue's word of it and its public trades do not agree: a fill without a trade, a trade at worse prices
    /// that passed it by.
    Strange,
}

impl End {
    /// For a table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Left => "left",
            Self::Lost => "open",
            Self::Strange => "strange",
        }
    }
}

#[cfg(test)]
impl Story {
    /// Of a bid for one BTC at 100 that joined behind so many and left after a second, after these steps.
    pub fn left(ahead: Option<i64>, steps: Vec<Step>) -> Self {
        Self {
            coin: "BTC".to_owned(),
            side: Side::Bid,
            px: Px::whole(100),
            qty: Qty::whole(1),
            joined: Nanos::ZERO,
            ahead: ahead.map(Qty::whole),
            steps,
            until: Nanos::secs(1),
            end: End::Left,
        }
    }
}

impl Story {
    /// All that was traded at its price meanwhile.
    pub fn traded(&self) -> Qty {
        let of = |step: &Step| match step {
            Step::Traded { qty, .. } => *qty,
            Step::Shown(_) => Qty::ZERO,
        };
        self.steps.iter().map(of).sum()
    }
}

/// The stories of all orders, by coin, in the order in which they ended.
pub fn stories(tape: &Tape, universe: &Universe, orders: &[Own]) -> Vec<Story> {
    let coin = |asset: AssetId| Coin::new(asset, universe, orders);
    let mut coins: Vec<Coin<'_>> = universe.assets().map(coin).collect();
    let mut cursor = tape.by_venue();
    while let Some(event) = cursor.next_event() {
        if matches!(event, MarketEvent::Status(_) | MarketEvent::Mark(_)) {
            continue;
        }
        if let Some(coin) = coins.get_mut(event.asset().index()) {
            coin.hear(&event);
        }
    }
    coins.into_iter().flat_map(Coin::end).collect()
}

/// One coin's book, and our orders in it.
struct Coin<'a> {
    shown: ShownBook,
    coming: Peekable<IntoIter<&'a Own>>,
    standing: Vec<Standing<'a>>,
    /// What went to us, by side, price and block.
    ours: HashMap<(Side, Px, Nanos), Qty>,
    name: String,
    last: Nanos,
    done: Vec<Story>,
}

/// An order that rests; its story may have ended before.
struct Standing<'a> {
    own: &'a Own,
    story: Option<Story>,
    /// What the present block traded.
    block: Option<Block>,
}

#[derive(Clone, Copy)]
struct Block {
    at: Nanos,
    qty: Qty,
    is_past: bool,
}

impl<'a> Coin<'a> {
    fn new(asset: AssetId, universe: &Universe, orders: &'a [Own]) -> Self {
        let mut own: Vec<&Own> = orders.iter().filter(|own| own.asset == asset).collect();
        own.sort_by_key(|own| own.from);
        let mut ours = HashMap::new();
        for own in &own {
            for (at, qty) in &own.fills {
                *ours.entry((own.side, own.px, *at)).or_insert(Qty::ZERO) += *qty;
            }
        }
        Self {
            shown: ShownBook::default(),
            coming: own.into_iter().peekable(),
            standing: Vec::new(),
            ours,
            name: universe.get(asset).coin.to_string(),
            last: Nanos::ZERO,
            done: Vec::new(),
        }
    }

    fn hear(&mut self, event: &LentEvent<'_>) {
        let (at, received) = (event.venue_time(), event.recv_time());
        self.last = at;
        self.close_blocks(at);
        while let Some(own) = self.coming.next_if(|own| own.from <= at) {
            self.join(own);
        }
        self.part(at, received);
        match event {
            MarketEvent::Trade(trade) => self.trade(at, (trade.aggressor, trade.px, trade.qty)),
            MarketEvent::Bbo(bbo) => {
                self.close_blocks(Nanos(at.0 + 1));
                self.shown.apply_bbo(bbo);
                self.look(at, [bbo.bid, bbo.ask].map(|l| l.qty.is_positive().then_some(l.px)));
            }
            MarketEvent::Book(book) => {
                self.close_blocks(Nanos(at.0 + 1));
                self.shown.apply_snapshot(book);
                self.look(at, Side::BOTH.map(|side| book.side(side).last().map(|l| l.px)));
            }
            // The venue tells whole books and touches.
            MarketEvent::Level(_) | MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
    }

    fn join(&mut self, own: &'a Own) {
        let ahead = match self.shown.at(own.side, own.px) {
            Shown::Known(qty) => {
                Some((qty - self.own_at(own.side, own.px, own.from)).max(Qty::ZERO))
            }
            Shown::Unknown(_) => None,
        };
        let story = Story {
            coin: self.name.clone(),
            side: own.side,
            px: own.px,
            qty: own.qty,
            joined: own.from,
            ahead,
            steps: Vec::new(),
            until: own.from,
            end: End::Lost,
        };
        self.standing.push(Standing { own, story: Some(story), block: None });
    }

    /// What of ours rests at a price at the end of a block.
    fn own_at(&self, side: Side, px: Px, block: Nanos) -> Qty {
        let here = self.standing.iter().filter(|s| (s.own.side, s.own.px) == (side, px));
        here.map(|s| s.own.leaves(block)).sum()
    }

    /// Ends the stories of orders that are gone by now, before this block's takers.
    fn part(&mut self, at: Nanos, received: Nanos) {
        for Standing { own, story, .. } in &mut self.standing {
            let is_gone = own.gone.is_some_and(|gone| gone <= at);
            let end = match own.first_fill() {
                _ if own.lost.is_some_and(|lost| lost < received) => Some(End::Lost),
                Some(fill) if fill < at => Some(End::Strange),
                None if is_gone => Some(End::Left),
                _ => None,
            };
            if let (Some(end), Some(story)) = (end, story.take_if(|_| end.is_some())) {
                let until = own.gone.map_or(at, |gone| gone.min(at));
                self.done.push(Story { until, end, ..story });
            }
        }
        self.standing.retain(|s| {
            let is_lost = s.own.lost.is_some_and(|lost| lost < received);
            s.story.is_some() || s.own.leaves(at).is_positive() && !is_lost
        });
    }

    fn trade(&mut self, at: Nanos, (aggressor, px, qty): (Side, Px, Qty)) {
        let hit = aggressor.opposite();
        for s in self.standing.iter_mut().filter(|s| s.own.side == hit && s.story.is_some()) {
            let is_past = hit.is_better(s.own.px, px);
            if !is_past && s.own.px != px {
                continue;
            }
            let block = s.block.get_or_insert(Block { at, qty: Qty::ZERO, is_past: false });
            match is_past {
                true => block.is_past = true,
                false => block.qty += qty,
            }
        }
    }

    /// All trades of blocks before this moment are told.
    fn close_blocks(&mut self, before: Nanos) {
        for Standing { own, story, block } in &mut self.standing {
            let Some(Block { at, qty, is_past }) = block.take_if(|b| b.at < before) else {
                continue;
            };
            let Some(telling) = story else { continue };
            let all_ours = self.ours.get(&(own.side, own.px, at)).copied().unwrap_or_default();
            let qty = (qty - (all_ours - own.filled_in(at))).max(Qty::ZERO);
            let is_hit = own.first_fill() == Some(at);
            if qty.is_positive() || is_past || is_hit {
                telling.steps.push(Step::Traded { qty, is_past, is_hit });
            }
            let end = match (is_hit, is_past) {
                (true, _) => End::Filled,
                (false, true) => End::Strange,
                (false, false) => continue,
            };
            self.done.extend(story.take().map(|story| Story { until: at, end, ..story }));
        }
    }

    /// Levels are displayed again. `reach`: the worst price of each side that is spoken of; [`None`] = of all.
    fn look(&mut self, at: Nanos, reach: [Option<Px>; 2]) {
        for i in 0..self.standing.len() {
            let Own { side, px, .. } = *self.standing[i].own;
            let is_spoken_of = reach[side.index()].is_none_or(|worst| !side.is_better(worst, px));
            let (true, Shown::Known(all)) = (is_spoken_of, self.shown.at(side, px)) else {
                continue;
            };
            let now = Step::Shown((all - self.own_at(side, px, at)).max(Qty::ZERO));
            if let Some(story) = &mut self.standing[i].story
                && story.steps.last() != Some(&now)
            {
                story.steps.push(now);
            }
        }
    }

    fn end(mut self) -> Vec<Story> {
        self.close_blocks(Nanos(i64::MAX));
        let last = self.last;
        for Standing { own, story, .. } in self.standing {
            let Some(story) = story else { continue };
            // What the market's record ends before is not known.
            let end = match (own.first_fill(), own.gone) {
                (Some(fill), _) if fill <= last => End::Strange,
                (None, Some(gone)) if gone <= last && own.lost.is_none() => End::Left,
                _ => End::Lost,
            };
            let until = own.gone.map_or(last, |gone| gone.min(last));
            self.done.push(Story { until, end, ..story });
        }
        self.done
    }
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
