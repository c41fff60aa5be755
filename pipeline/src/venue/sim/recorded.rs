//! A recorded market: it moves as the tape says, whatever we do, and our orders stand in its queues
//! at estimated places. What it is told comes from a [`Source`]: a tape ([`TapeSource`]), or another
//! venue's public data as they come in. The rules are the same.
//!
//! It walks the tape in *venue* time. The bot sees the same events later, at their receive times.
//! When one of our bids fills (asks mirrored):
//!
//! | what the tape shows | what we get | [`FillCause`] |
//! |---|---|---|
//! | a sell traded below our price | filled whole, at our price | `TradedThrough` |
//! | a sell traded at our price | what the trade leaves after the queue ahead of us | `TradedAt` |
//! | the best ask at or below our price | filled whole, at our price | `TouchReached` |
//! | anything else | at most a better place in the queue ([`super::queue`]) | |
//!
//! The third rule is the one that no trade vouches for: such a price could not rest beside ours, so
//! whoever showed it would have traded with us, but the tape has only what happened without us.
//!
//! Our own orders are not in the displayed book. Among themselves they keep time priority, and one
//! trade's size is shared once among those at its price. A fill never exceeds whole lots.
//!
//! An aggressive order of ours eats displayed size, which stays eaten until the tape speaks of its
//! price again. It never meets a resting order of ours: those wait for the tape.
//!
//! What this cannot show: that others react to our orders, and orders that were never displayed.

use super::queue::{QueueModel, QueuePlace, QueueSemantics, Shown};
use super::shown::ShownBook;
use super::standard::StandardPlace;
use super::{
    DepthLevel, Front, Market, MarketOutput, RestingOrder, Taken, TakingOrder, ToldPrices,
};
use crate::rt::Ahead;
use crate::types::limits::MAX_SIM_ORDERS;
use crate::types::{
    AssetId, Bbo, BookSnapshot, FillCause, Instrument, LentEvent, Level, LevelChange, LevelNews,
    MarkPrice, MarketEvent, Nanos, Oid, Px, Qty, Side, Trade, Universe,
};
use crate::venue::tape::{Cursor, Marks, Tape};
use fills::Fills;
use spans::Spans;

/// Set in every trade id made up here (the venue's are far below). Bit 62, so that an id still fits
/// a signed 64-bit column.
pub const GENERATED_TID: u64 = 1 << 62;

/// What a market is told, in the order in which it happened.
pub trait Source: Send {
    /// When the next event is due. [`None`] = never again.
    fn next_time(&self) -> Option<Nanos>;
    /// The next event that is due by `until`; its venue time is the market's, and never goes back.
    fn next(&mut self, until: Nanos) -> Option<LentEvent<'_>>;
    /// The next mark that its venue told by `until`. It stirs nothing: it is asked for when prices are.
    fn next_mark(&mut self, until: Nanos) -> Option<MarkPrice> {
        let _ = until;
        None
    }
    /// Whether its events may be taken in ahead of their time.
    fn may_go_ahead(&self) -> bool {
        false
    }
    /// See [`Market::is_stale`].
    fn is_stale(&self, asset: AssetId) -> bool {
        let _ = asset;
        false
    }
}

/// A whole tape, at its own venue times; its marks when they were received.
#[derive(Debug)]
pub struct TapeSource {
    events: Cursor,
    marks: Marks,
    is_by_levels: bool,
}

impl Source for TapeSource {
    fn next_time(&self) -> Option<Nanos> {
        self.events.next_time()
    }

    fn next(&mut self, until: Nanos) -> Option<LentEvent<'_>> {
        self.next_time().filter(|due| *due <= until)?;
        self.events.next_event()
    }

    fn next_mark(&mut self, until: Nanos) -> Option<MarkPrice> {
        self.marks.next_by(until)
    }

    fn may_go_ahead(&self) -> bool {
        self.is_by_levels
    }
}

/// One of our orders and its place in the queue.
#[derive(Clone, Copy, Debug)]
struct OwnOrder {
    oid: Oid,
    side: Side,
    px: Px,
    leaves: Qty,
    place: QueuePlace,
    /// The same by the field's standard semantics.
    standard: StandardPlace,
    /// What was displayed at its price before the news that is taken in, for the same.
    shown_before: Qty,
}

/// One asset: the displayed book, and our orders in time order.
#[derive(Debug)]
struct AssetMarket {
    instrument: Instrument,
    shown: ShownBook,
    orders: Vec<OwnOrder>,
    spans: Spans,
    /// Displayed size that aggressive orders of ours took.
    eaten: Vec<(Side, Level)>,
    /// Price of the newest trade, also of ours; zero = none yet.
    last: Px,
    /// What the venue says of its prices.
    told: Option<ToldPrices>,
}

/// A recording as a [`Market`].
#[derive(Debug)]
pub struct RecordedMarket<S = TapeSource> {
    source: S,
    model: QueueModel,
    semantics: QueueSemantics,
    assets: Vec<AssetMarket>,
    live: usize,
    generated: u64,
    publishes: bool,
}

impl RecordedMarket {
    /// At the start of a tape whose events carry ids of `universe`.
    pub fn new(tape: &Tape, universe: &Universe, model: QueueModel) -> Self {
        let (events, marks, is_by_levels) = (tape.by_venue(), tape.marks(), tape.is_by_levels());
        Self::told_by(TapeSource { events, marks, is_by_levels }, universe, model)
    }
}

impl<S: Source> RecordedMarket<S> {
    /// A market that moves as `source` says, whose events carry ids of `universe`.
    pub fn told_by(source: S, universe: &Universe, model: QueueModel) -> Self {
        let asset = |instrument: &Instrument| AssetMarket {
            instrument: *instrument,
            shown: ShownBook::default(),
            orders: Vec::with_capacity(MAX_SIM_ORDERS),
            spans: Spans::default(),
            eaten: Vec::new(),
            last: Px::ZERO,
            told: None,
        };
        let assets = universe.iter().map(|(_, instrument)| asset(instrument)).collect();
        let semantics = QueueSemantics::default();
        Self { source, model, semantics, assets, live: 0, generated: 0, publishes: false }
    }

    /// The same, whose fills are decided by these rules.
    pub fn by(mut self, semantics: QueueSemantics) -> Self {
        self.semantics = semantics;
        self
    }

    /// The same, but its events come out of [`Market::advance`] too: for a venue whose clients get
    /// their data from it and not from the tape.
    pub fn publishing(mut self) -> Self {
        self.publishes = true;
        self
    }

    /// Where a resting order stands. [`None`] when it is not there (any more).
    #[cfg(test)]
    pub fn queue_place(&self, oid: Oid) -> Option<QueuePlace> {
        let mut orders = self.assets.iter().flat_map(|a| &a.orders);
        orders.find(|o| o.oid == oid).map(|o| o.place)
    }
}

impl<S: Source> Market for RecordedMarket<S> {
    fn next_time(&self) -> Option<Nanos> {
        self.source.next_time()
    }

    fn advance(&mut self, until: Nanos, out: &mut MarketOutput) {
        let Self { source, model, semantics, assets, live, generated, publishes } = self;
        while let Some(mark) = source.next_mark(until) {
            if let Some(asset) = assets.get_mut(mark.asset.index()) {
                asset.on_mark(&mark);
            }
        }
        while let Some(event) = source.next(until) {
            if let Some(asset) = assets.get_mut(event.asset().index()) {
                let before = asset.orders.len();
                asset.on_news(&event, (*model, *semantics), &mut Fills { out, generated });
                *live -= before - asset.orders.len();
            }
            if *publishes && !matches!(event, MarketEvent::Status(_)) {
                out.events.push(event.to_kept());
            }
        }
    }

    fn run_ahead(&mut self, until: Nanos, out: &mut MarketOutput) -> Ahead {
        let mut ahead = Ahead::nothing(until);
        let Self { source, model, semantics, assets, live, generated, publishes } = self;
        if *publishes || !source.may_go_ahead() {
            return Ahead::nothing(source.next_time().map_or(until, |due| due.min(until)));
        }
        while let Some(event) = source.next(until - Nanos(1)) {
            let at = event.venue_time();
            ahead.last = Some(at);
            if let Some(asset) = assets.get_mut(event.asset().index()) {
                let before = asset.orders.len();
                asset.on_news(&event, (*model, *semantics), &mut Fills { out, generated });
                *live -= before - asset.orders.len();
            }
            if !out.executions.is_empty() {
                ahead.until = at;
                break;
            }
        }
        if let Some(last) = ahead.last {
            while let Some(mark) = source.next_mark(last) {
                if let Some(asset) = assets.get_mut(mark.asset.index()) {
                    asset.on_mark(&mark);
                }
            }
        }
        ahead
    }

    fn touch(&self, asset: AssetId) -> (Level, Level) {
        let best = |side| self.assets[asset.index()].left(side).next().unwrap_or_default();
        (best(Side::Bid), best(Side::Ask))
    }

    fn place(&mut self, order: &RestingOrder) {
        assert!(self.live < MAX_SIM_ORDERS, "more than {MAX_SIM_ORDERS} resting orders");
        assert!(order.qty.is_positive(), "a resting order needs a size, not {}", order.qty);
        let RestingOrder { oid, asset, side, px, qty } = *order;
        let asset = &mut self.assets[asset.index()];
        let place = QueuePlace::at_back(asset.shown.at(side, px));
        let standard = StandardPlace::at_back(asset.displayed(side, px).to_f64());
        asset.orders.push(OwnOrder {
            oid,
            side,
            px,
            leaves: qty,
            place,
            standard,
            shown_before: Qty::ZERO,
        });
        asset.keep_time_priority(asset.orders.len() - 1);
        asset.spans.take_in(side, px);
        self.live += 1;
    }

    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        for asset in &mut self.assets {
            if let Some(i) = asset.orders.iter().position(|o| o.oid == oid) {
                self.live -= 1;
                let left = asset.orders.remove(i).leaves;
                asset.spans = asset.orders.iter().map(|o| (o.side, o.px)).collect();
                return Some(left);
            }
        }
        None
    }

    fn is_stale(&self, asset: AssetId) -> bool {
        self.source.is_stale(asset) || !self.assets[asset.index()].shown.is_known()
    }

    fn told_prices(&self, asset: AssetId) -> Option<ToldPrices> {
        self.assets[asset.index()].told
    }

    fn last_trade(&self, asset: AssetId) -> Option<Px> {
        Some(self.assets[asset.index()].last).filter(|px| px.is_positive())
    }

    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        if self.source.is_stale(asset) {
            return None;
        }
        let best = self.assets[asset.index()].left(side).next()?;
        Some(Front { px: best.px, qty: best.qty, oid: None })
    }

    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        if self.source.is_stale(order.asset) {
            return order.qty;
        }
        let asset = &mut self.assets[order.asset.index()];
        let makers = order.side.opposite();
        let mut left = order.qty;
        while left.is_positive() {
            let Some(best) = asset.left(makers).next() else { break };
            if makers.is_better(order.limit, best.px) {
                break;
            }
            let qty = best.qty.min(left);
            asset.eaten.push((makers, Level { px: best.px, qty }));
            self.generated += 1;
            let tid = GENERATED_TID | self.generated;
            asset.last = best.px;
            taken.push(Taken { px: best.px, qty, maker: None, tid });
            left -= qty;
        }
        left
    }

    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        let left = self.assets[asset.index()].left(side).take(count);
        levels.extend(left.map(|level| DepthLevel { level, orders: 1 }));
    }

    fn room(&self) -> usize {
        MAX_SIM_ORDERS - self.live
    }
}

impl AssetMarket {
    /// Displayed levels of a side without what was eaten, best first.
    fn left(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let eaten = move |px: Px| -> Qty {
            let here = self.eaten.iter().filter(|(s, level)| *s == side && level.px == px);
            here.map(|(_, level)| level.qty).sum()
        };
        let left = move |l: Level| Level { px: l.px, qty: l.qty - eaten(l.px) };
        self.shown.levels(side).map(left).filter(|l| l.qty.is_positive())
    }

    /// By whichever rules.
    fn on_news(
        &mut self,
        event: &LentEvent<'_>,
        (model, semantics): (QueueModel, QueueSemantics),
        fills: &mut Fills<'_>,
    ) {
        match semantics {
            QueueSemantics::Botmm => self.on_event(event, model, fills),
            QueueSemantics::Hftbacktest => self.on_event_standard(event, model, fills),
        }
    }

    fn on_event(&mut self, event: &LentEvent<'_>, model: QueueModel, fills: &mut Fills<'_>) {
        match event {
            MarketEvent::Trade(trade) => self.on_trade(trade, fills),
            MarketEvent::Bbo(bbo) => self.on_bbo(bbo, model, fills),
            MarketEvent::Book(book) => self.on_book(book, model, fills),
            MarketEvent::Level(change) => self.on_level(change, model, fills),
            MarketEvent::Mark(mark) => self.on_mark(mark),
            // Our link to the venue, not the venue.
            MarketEvent::Status(_) => {}
        }
    }

    fn on_mark(&mut self, mark: &MarkPrice) {
        let MarkPrice { px: mark, oracle, rate_e10, .. } = *mark;
        self.told = Some(ToldPrices { mark, oracle, rate_e10 });
    }

    fn on_trade(&mut self, trade: &Trade, fills: &mut Fills<'_>) {
        self.last = trade.px;
        let hit = trade.aggressor.opposite();
        let mut tid = Some(trade.tid);
        let mut ours = Qty::ZERO;
        for order in self.orders.iter_mut().filter(|o| o.side == hit) {
            if order.px == trade.px {
                let left = order.place.on_trade(trade.qty, ours);
                let qty = self.instrument.round_qty_down(left).min(order.leaves);
                ours += qty;
                fills.fill((trade.venue_time, FillCause::TradedAt), order, qty, &mut tid);
            } else if hit.is_better(order.px, trade.px) {
                let why = (trade.venue_time, FillCause::TradedThrough);
                fills.fill(why, order, order.leaves, &mut tid);
            }
        }
        self.orders.retain(|o| o.leaves.is_positive());
    }

    fn on_bbo(&mut self, bbo: &Bbo, model: QueueModel, fills: &mut Fills<'_>) {
        self.shown.apply_bbo(bbo);
        let reach = [bbo.bid, bbo.ask].map(|l| l.qty.is_positive().then_some(l.px));
        self.on_displayed(bbo.venue_time, reach, model, fills);
    }

    fn on_book(&mut self, book: &BookSnapshot, model: QueueModel, fills: &mut Fills<'_>) {
        self.shown.apply_snapshot(book);
        let reach = Side::BOTH.map(|side| book.side(side).last().map(|l| l.px));
        self.on_displayed(book.venue_time, reach, model, fills);
    }

    /// One level changed: it alone is spoken of, and our orders there are moved by it, and those opposite
    /// if the touch is another.
    fn on_level(&mut self, change: &LevelChange, model: QueueModel, fills: &mut Fills<'_>) {
        let LevelChange { side, px, qty, venue_time, .. } = *change;
        let changed = self.shown.apply_level(change);
        match change.news {
            LevelNews::Size => {}
            LevelNews::AllCleared => return self.on_displayed(venue_time, [None; 2], model, fills),
            LevelNews::Cleared => {
                let mut reach = [Some(Px::from_raw(i64::MAX)), Some(Px::ZERO)]; // Nothing.
                reach[side.index()] = Some(px);
                return self.on_displayed(venue_time, reach, model, fills);
            }
        }
        if !self.eaten.is_empty() {
            self.eaten.retain(|(of, level)| (*of, level.px) != (side, px));
        }
        if self.orders.is_empty() {
            return;
        }
        if self.spans.may_have(side, px) {
            for i in 0..self.orders.len() {
                if self.orders[i].px == px && self.orders[i].side == side {
                    self.orders[i].place.on_displayed(qty, model);
                    self.keep_time_priority(i);
                }
            }
        }
        let touch = self.shown.touch(side);
        if changed.is_touch && touch.qty.is_positive() {
            let is_reached =
                |o: &&mut OwnOrder| o.side != side && !o.side.is_better(touch.px, o.px);
            for order in self.orders.iter_mut().filter(is_reached) {
                let why = (venue_time, FillCause::TouchReached);
                fills.fill(why, order, order.leaves, &mut None);
            }
            self.orders.retain(|o| o.leaves.is_positive());
        }
    }

    /// The displayed book changed. `reach`: the worst price of each side that the news speaks of
    /// ([`None`]: the side is empty, which speaks of every price); what is deeper stays as it was.
    fn on_displayed(
        &mut self,
        time: Nanos,
        reach: [Option<Px>; 2],
        model: QueueModel,
        fills: &mut Fills<'_>,
    ) {
        self.eaten.retain(|(side, level)| {
            reach[side.index()].is_some_and(|worst| side.is_better(worst, level.px))
        });
        for i in 0..self.orders.len() {
            let order = &mut self.orders[i];
            let opposite = self.shown.touch(order.side.opposite());
            if opposite.qty.is_positive() && !order.side.is_better(opposite.px, order.px) {
                let why = (time, FillCause::TouchReached);
                fills.fill(why, order, order.leaves, &mut None);
                continue;
            }
            let spoken_of = reach[order.side.index()]
                .is_none_or(|worst| !order.side.is_better(worst, order.px));
            if let (true, Shown::Known(now)) = (spoken_of, self.shown.at(order.side, order.px)) {
                order.place.on_displayed(now, model);
                self.keep_time_priority(i);
            }
        }
        self.orders.retain(|o| o.leaves.is_positive());
    }

    /// None of our orders overtakes an older one of ours at the same price.
    fn keep_time_priority(&mut self, i: usize) {
        let (older, rest) = self.orders.split_at_mut(i);
        let order = &mut rest[0];
        let same = |o: &&OwnOrder| o.side == order.side && o.px == order.px;
        if let Some(before) = older.iter().rev().find(same) {
            order.place.not_before(before.place.ahead());
        }
    }
}

mod by_standard;
mod fills;
mod spans;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
