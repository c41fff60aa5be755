//! A venue over a still market of one or two known levels a side, and what it must do by hand-made
//! cases; [`random`] throws everything at it at once.

mod accounts;
mod acted_on;
mod markets;
mod orders;
mod random;
mod requests;
mod same_rules;
mod triggers;
mod twap;

use super::*;
use crate::coins::coin;
use crate::exchange::refusal::Refusal;
use crate::settings::{FeeTable, VolumeTier};
use botmm_pipeline::types::{Bps, Cloid, Instrument, Level, Px, Qty};
use botmm_pipeline::venue::sim::core::Refused;
use botmm_pipeline::venue::sim::matching::{Match, OrderBook};
use botmm_pipeline::venue::sim::{DepthLevel, Front, RestingOrder, Taken, TakingOrder};
use std::collections::HashMap;

/// A Thursday at noon UTC.
const START: Nanos = Nanos::secs(1_795_348_800);

/// A market in which nobody acts: two agents' orders a side, and whoever comes.
#[derive(Default)]
struct Still {
    books: Vec<OrderBook>,
    tids: u64,
    own: HashMap<Oid, usize>,
}

const AGENT: u64 = 1 << 63;

impl Still {
    /// Bids 99 and 98, asks 101 and 102, ten of each.
    fn new(assets: usize) -> Self {
        let mut still = Self::default();
        for _ in 0..assets {
            let mut book = OrderBook::new();
            for (i, (side, px)) in
                [(Side::Bid, 99), (Side::Bid, 98), (Side::Ask, 101), (Side::Ask, 102)]
                    .into_iter()
                    .enumerate()
            {
                book.place(Oid(AGENT | i as u64), side, Px::whole(px), Qty::whole(10));
            }
            still.books.push(book);
        }
        still
    }
}

impl Market for Still {
    fn next_time(&self) -> Option<Nanos> {
        None
    }
    fn advance(&mut self, _until: Nanos, _out: &mut MarketOutput) {}
    fn touch(&self, asset: AssetId) -> (Level, Level) {
        self.books[asset.index()].touch()
    }
    fn place(&mut self, order: &RestingOrder) {
        self.own.insert(order.oid, order.asset.index());
        self.books[order.asset.index()].place(order.oid, order.side, order.px, order.qty);
    }
    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        self.books[self.own.remove(&oid)?].cancel(oid)
    }
    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        let (oid, level) = self.books[asset.index()].front(side)?;
        Some(Front { px: level.px, qty: level.qty, oid: (oid.0 & AGENT == 0).then_some(oid) })
    }
    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        let mut matches = Vec::new();
        let book = &mut self.books[order.asset.index()];
        let left = book.take(order.side, Some(order.limit), order.qty, &mut matches);
        for Match { oid, px, qty, .. } in matches {
            self.tids += 1;
            let maker = (oid.0 & AGENT == 0).then_some(oid);
            taken.push(Taken { px, qty, maker, tid: self.tids });
        }
        left
    }
    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        let all = self.books[asset.index()].levels(side).take(count);
        levels.extend(all.map(|level| DepthLevel { level, orders: 1 }));
    }
    fn room(&self) -> usize {
        usize::MAX
    }
}

fn universe(assets: usize) -> Universe {
    let listed = |(name, venue_index)| Instrument { venue_index, ..coin(name, 3) };
    let all = [("BTC", 3), ("ETH", 13), ("SOL", 23)];
    Universe::new(all.into_iter().take(assets).map(listed).collect())
}

fn user(n: u8) -> Address {
    Address::new([n; 20])
}

fn config() -> VenueConfig {
    let tier = |min, taker: f64, maker: f64| VolumeTier {
        min_volume_usd: Usd::whole(min),
        taker_bps: Bps::from_f64(taker),
        maker_bps: Bps::from_f64(maker),
    };
    let volume_tiers = vec![tier(0, 4.5, 1.5), tier(1_000, 4.0, 1.2)];
    VenueConfig {
        fees: FeeTable { volume_tiers, maker_rebates: Vec::new() },
        ..VenueConfig::default()
    }
}

/// A venue with its clock.
struct World {
    venue: Venue,
    now: Nanos,
    nonce: u64,
    ticket: u64,
    events: Vec<Event>,
}

impl World {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: VenueConfig) -> Self {
        Self::on(config, Box::new(Still::new(2)), universe(2))
    }

    fn on(config: VenueConfig, market: Box<dyn Market>, universe: Universe) -> Self {
        Self::at(START, config, market, universe)
    }

    /// Users 1 to 5 have 10 000 USD each.
    fn at(start: Nanos, config: VenueConfig, market: Box<dyn Market>, universe: Universe) -> Self {
        let mut venue = Venue::new(config, universe, market, start);
        for n in 1..=5 {
            venue.fund(user(n), Usd::whole(10_000));
        }
        let nonce = start.as_millis() as u64;
        Self { venue, now: start, nonce, ticket: 0, events: Vec::new() }
    }

    fn signed(&mut self, signer: Address, command: Command) -> Signed {
        self.nonce += 1;
        self.ticket += 1;
        Signed {
            ticket: Ticket(self.ticket),
            signer,
            user_signed: false,
            command,
            nonce: self.nonce,
            vault: None,
            expires_after_ms: None,
        }
    }

    /// Lets an action in without waiting for its block.
    fn send(&mut self, signer: Address, command: Command) -> Ticket {
        let action = self.signed(signer, command);
        let ticket = action.ticket;
        self.venue.submit(self.now, action);
        ticket
    }

    /// The same, and its answer.
    fn ask(&mut self, n: u8, command: Command) -> Answer {
        let action = self.signed(user(n), command);
        self.ask_signed(action)
    }

    fn ask_signed(&mut self, action: Signed) -> Answer {
        let ticket = action.ticket;
        self.venue.submit(self.now, action);
        self.pass(Nanos::millis(240));
        self.answer(ticket)
    }

    fn answer(&self, ticket: Ticket) -> Answer {
        let mut answers = self.events.iter().rev().filter_map(|event| match event {
            Event::Answer(of, answer) if *of == ticket => Some(answer.clone()),
            _ => None,
        });
        answers.next().unwrap()
    }

    fn pass(&mut self, span: Nanos) {
        self.now = self.now + span;
        self.venue.advance(self.now, &mut self.events);
    }

    /// One order; its answer.
    fn order(&mut self, n: u8, new: NewOrder) -> ItemAnswer {
        match self.ask(n, Command::Order(vec![new])) {
            Answer::Order(items) => items[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    fn rests(&mut self, n: u8, new: NewOrder) -> Oid {
        match self.order(n, new) {
            ItemAnswer::Resting { oid, .. } => oid,
            other => panic!("{other:?}"),
        }
    }

    fn szi(&self, n: u8) -> Qty {
        let positions = self.venue.account(&user(n)).positions;
        positions.iter().find(|p| p.asset == btc()).map_or(Qty::ZERO, |p| p.szi)
    }

    fn status(&self, n: u8, oid: Oid) -> OrderStatus {
        self.venue.order(&user(n), OrderRef::Oid(oid)).unwrap().status
    }
}

fn new_order(tif: Tif, side: Side, px: &str, qty: &str) -> NewOrder {
    NewOrder {
        asset: 3,
        side,
        px: Some(Px::parse(px).unwrap()),
        qty: Some(Qty::parse(qty).unwrap()),
        reduce_only: false,
        tif: Some(tif),
        trigger: None,
        cloid: None,
        builder: None,
    }
}

fn bid(tif: Tif, px: &str, qty: &str) -> NewOrder {
    new_order(tif, Side::Bid, px, qty)
}

fn ask(tif: Tif, px: &str, qty: &str) -> NewOrder {
    new_order(tif, Side::Ask, px, qty)
}

fn reducing(new: NewOrder) -> NewOrder {
    NewOrder { reduce_only: true, ..new }
}

fn cloid(n: u128) -> Option<Cloid> {
    Some(Cloid::from_u128(n))
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}

fn refused(answer: Answer) -> Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Repeatable random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut hash = botmm_pipeline::types::DecisionHash::default();
        hash.word(self.0);
        hash.finish() % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn btc() -> AssetId {
    AssetId::new(0)
}
