//! The simulator: an exchange that our orders meet, with latency, queues, fees and its own books.
//!
//! [`Market`] is what moves by itself and fills resting orders. There are two: a recorded one, in
//! which our orders have an estimated queue position, and a synthetic one, in which they stand in
//! an exact price-time queue among seeded agents. The venue's rules are [`core`]'s.

pub mod core;
pub mod exchange;
pub mod latency;
pub mod link;
pub mod matching;
pub mod orderwise;
pub mod queue;
pub mod recorded;
pub mod shown;
pub mod standard;
pub mod synthetic;

use crate::rt::Ahead;
use crate::types::{AssetId, FillCause, Level, MarketEvent, Nanos, Oid, Px, Qty, Side};

/// A resting order of ours, handed to a market after the venue's checks passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The venue's id, unique for ever.
    pub oid: Oid,
    /// Whose.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// Limit price; legal and not crossing.
    pub px: Px,
    /// Size; legal and positive.
    pub qty: Qty,
}

/// A fill of one of our resting orders, as maker, at its own price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// When, at the venue.
    pub time: Nanos,
    /// Which order.
    pub oid: Oid,
    /// At what price.
    pub px: Px,
    /// How much of it.
    pub qty: Qty,
    /// Venue trade id.
    pub tid: u64,
    /// By which rule; [`None`] where the market knows every order.
    pub cause: Option<FillCause>,
}

/// An aggressive order of ours: it trades at once or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakingOrder {
    /// Whose.
    pub asset: AssetId,
    /// Which side it is on.
    pub side: Side,
    /// The worst price it accepts.
    pub limit: Px,
    /// Size; legal and positive.
    pub qty: Qty,
}

/// A piece of an aggressive order that traded, at its maker's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// At what price.
    pub px: Px,
    /// How much.
    pub qty: Qty,
    /// The resting order of ours that it met; [`None`] = somebody else's.
    pub maker: Option<Oid>,
    /// Venue trade id.
    pub tid: u64,
}

/// Whom an aggressive order would meet first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// Best price.
    pub px: Px,
    /// Size of the order that is first in line there (of the whole level, where orders are not
    /// told apart).
    pub qty: Qty,
    /// That order, when it is one of ours.
    pub oid: Option<Oid>,
}

/// What a venue that a market is told of says of an asset's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldPrices {
    /// What it values positions at; positive.
    pub mark: Px,
    /// What it measures funding by; zero = it did not say.
    pub oracle: Px,
    /// What the present hour pays, units of 1e-10; [`None`] = it did not say.
    pub rate_e10: Option<i64>,
}

/// One price of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    /// Price and total size.
    pub level: Level,
    /// How many orders; 1 where they are not told apart.
    pub orders: u32,
}

/// What a market did while time went on. Reused between calls; never shrinks.
#[derive(Debug, Default)]
pub struct MarketOutput {
    /// Public events in venue-time order; `recv_time` is not set. A recorded market leaves this
    /// empty: its events reach the feed from the tape, at their recorded receive times.
    pub events: Vec<MarketEvent>,
    /// Fills of our orders, in venue-time order.
    pub executions: Vec<Execution>,
}

/// The exchange's side of the market, in venue time.
pub trait Market: Send {
    /// When something next happens by itself. [`None`] = never again.
    fn next_time(&self) -> Option<Nanos>;
    /// Lets everything happen that is due up to and including `until`. Appends to `out`.
    fn advance(&mut self, until: Nanos, out: &mut MarketOutput);
    /// Lets happen what is due before `until` and concerns none of our orders: when the last of it was, and
    /// up to where that is all: at `until`, or where one of our orders was met, or what may have.
    fn run_ahead(&mut self, until: Nanos, out: &mut MarketOutput) -> Ahead {
        let _ = out;
        Ahead::nothing(self.next_time().map_or(until, |due| due.min(until)))
    }
    /// The touch, bid then ask; zero size = that side is empty or not known yet. In the synthetic
    /// market our own orders are part of it; in a recorded one they are not.
    fn touch(&self, asset: AssetId) -> (Level, Level);
    /// Whether what is known of an asset can no longer be taken for its market: its source is lost,
    /// or has not spoken yet. Nobody trades with it then, and nothing new is told of its book.
    fn is_stale(&self, asset: AssetId) -> bool {
        let _ = asset;
        false
    }
    /// The newest prices of the venue that this market is told of; [`None`] = it has not said any.
    fn told_prices(&self, asset: AssetId) -> Option<ToldPrices> {
        let _ = asset;
        None
    }
    /// Price of the newest trade that the market itself knows of; [`None`] = whoever works orders in it
    /// tells of trades.
    fn last_trade(&self, asset: AssetId) -> Option<Px> {
        let _ = asset;
        None
    }
    /// Adds a resting order, at the back of its price's queue.
    fn place(&mut self, order: &RestingOrder);
    /// Takes an order out; what was left of it, or [`None`] when it is not there.
    fn cancel(&mut self, oid: Oid) -> Option<Qty>;
    /// Whom an order against this side would meet first. [`None`] = nobody.
    fn front(&self, asset: AssetId, side: Side) -> Option<Front>;
    /// Lets an order trade, best price first, and at one price in order of arrival. Appends what
    /// traded and returns what found no counterpart. The market's output does not tell of it: who
    /// asked publishes it.
    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty;
    /// Appends the best `count` levels of a side, best first.
    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>);
    /// How many more orders can rest.
    fn room(&self) -> usize;
}

impl<M: Market + ?Sized> Market for Box<M> {
    fn next_time(&self) -> Option<Nanos> {
        (**self).next_time()
    }
    fn advance(&mut self, until: Nanos, out: &mut MarketOutput) {
        (**self).advance(until, out);
    }
    fn run_ahead(&mut self, until: Nanos, out: &mut MarketOutput) -> Ahead {
        (**self).run_ahead(until, out)
    }
    fn touch(&self, asset: AssetId) -> (Level, Level) {
        (**self).touch(asset)
    }
    fn is_stale(&self, asset: AssetId) -> bool {
        (**self).is_stale(asset)
    }
    fn told_prices(&self, asset: AssetId) -> Option<ToldPrices> {
        (**self).told_prices(asset)
    }
    fn last_trade(&self, asset: AssetId) -> Option<Px> {
        (**self).last_trade(asset)
    }
    fn place(&mut self, order: &RestingOrder) {
        (**self).place(order);
    }
    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        (**self).cancel(oid)
    }
    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        (**self).front(asset, side)
    }
    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        (**self).take(order, taken)
    }
    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        (**self).depth(asset, side, count, levels);
    }
    fn room(&self) -> usize {
        (**self).room()
    }
}
