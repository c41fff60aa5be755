//! What the core tells, as the venue keeps it: events for whoever listens, histories by account, tapes
//! by asset.

use super::candles::Tape;
use super::client::{Client, utc_day};
use crate::exchange::model::{
    Conditional, Event, FundingPayment, Liquidated, Order, OrderStatus, PublicTrade, UserFill,
};
use botmm_pipeline::types::{AssetId, Level, Nanos, Oid, Side, Usd, notional};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::core::{self, Fact, Filled, Sink, Traded, Who};
use std::collections::BTreeMap;

/// How many made-up addresses the market's own agents have.
const AGENT_ADDRESSES: u64 = 64;
/// Hourly rates remembered: a month.
const MAX_RATES: usize = 31 * 24;

/// What the public knows of one asset besides its prices.
#[derive(Debug, Default)]
pub(super) struct AssetRecord {
    pub tape: Tape,
    /// The touch that the public knows, bid and ask.
    pub shown: (Level, Level),
    /// The newest block in which its market was in sight.
    pub seen: Nanos,
    /// Hourly: time, rate (1e-10), premium (1e-10), oldest first.
    pub rates: Vec<(Nanos, i64, i64)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Records {
    /// By account.
    pub clients: Vec<Client>,
    /// By asset.
    pub assets: Vec<AssetRecord>,
    /// Value traded by UTC day.
    pub traded: BTreeMap<i64, Usd>,
    /// Since they were last taken.
    pub events: Vec<Event>,
    /// Of trigger orders that have fired and are not over.
    pub conditionals: BTreeMap<Oid, Conditional>,
    /// The TWAP order whose slice trades just now.
    pub slicing: Option<u64>,
    /// Whether a partial fill of a resting order is told of the order too.
    pub partial_fill_updates: bool,
}

impl Records {
    /// Of a venue that opens now.
    pub fn opening(at: Nanos, assets: usize, partial_fill_updates: bool) -> Self {
        let asset = || AssetRecord { seen: at, ..AssetRecord::default() };
        Self {
            clients: Vec::new(),
            assets: (0..assets).map(|_| asset()).collect(),
            traded: BTreeMap::new(),
            events: Vec::new(),
            conditionals: BTreeMap::new(),
            slicing: None,
            partial_fill_updates,
        }
    }

    /// An order in the venue's words.
    pub fn order(&self, order: &core::Order, status: OrderStatus, status_time: Nanos) -> Order {
        Order {
            kept: *order,
            user: self.clients[order.who].address,
            conditional: self.conditionals.get(&order.oid).copied(),
            status,
            status_time,
        }
    }

    /// A trade that everybody sees.
    pub fn publish(&mut self, trade: PublicTrade) {
        self.assets[trade.asset.index()].tape.push(trade.clone());
        let value = notional(trade.px, trade.qty);
        *self.traded.entry(utc_day(trade.time)).or_default() += value;
        self.events.push(Event::Trade(trade));
    }

    /// An order's new status: to its owner, and into the history.
    fn on_order(&mut self, time: Nanos, order: &core::Order, status: OrderStatus) {
        let status = if status == OrderStatus::Replaced { OrderStatus::Canceled } else { status };
        let told = self.order(order, status, time);
        if status != OrderStatus::Open {
            self.conditionals.remove(&order.oid);
        }
        self.tell(order.who, told);
    }

    /// Where an order stands: to its owner, and into the history.
    pub fn tell(&mut self, who: Who, order: Order) {
        self.clients[who].remember(order.clone());
        self.events.push(Event::Order(order));
    }

    fn on_fill(&mut self, time: Nanos, order: &core::Order, filled: &Filled) {
        let Filled { px, qty, crossed, fee, effect, tid, liquidation, .. } = *filled;
        let user = self.clients[order.who].address;
        let whose = |(who, mark): (Who, _)| (self.clients[who].address, mark);
        let fill = UserFill {
            user,
            asset: order.asset,
            px,
            qty,
            side: order.side,
            time,
            start_position: effect.start,
            direction: effect.direction,
            closed_pnl: effect.closed_pnl,
            oid: order.oid,
            cloid: order.cloid,
            crossed,
            fee: fee.total,
            builder_fee: fee.builder,
            tid,
            twap_id: self.slicing.filter(|_| crossed),
            liquidation: liquidation.map(whose),
        };
        let client = &mut self.clients[order.who];
        client.add_volume(time, notional(px, qty), crossed);
        client.remember_fill(fill.clone());
        self.events.push(Event::Fill(fill));
    }

    fn on_trade(&mut self, time: Nanos, traded: &Traded) {
        let Traded { asset, taker, aggressor, maker, px, qty, tid } = *traded;
        let taker = self.clients[taker].address;
        let maker = maker.map_or_else(|| agent_address(tid), |who| self.clients[who].address);
        let users = match aggressor {
            Side::Bid => [taker, maker],
            Side::Ask => [maker, taker],
        };
        self.publish(PublicTrade { asset, aggressor, px, qty, time, tid, users });
    }

    fn on_rate(&mut self, time: Nanos, asset: AssetId, rate_e10: i64, premium_e10: i64) {
        let rates = &mut self.assets[asset.index()].rates;
        if rates.len() == MAX_RATES {
            rates.remove(0);
        }
        rates.push((time, rate_e10, premium_e10));
    }
}

impl Sink for Records {
    fn take(&mut self, time: Nanos, fact: Fact<'_>) {
        match fact {
            // Said in the answer to whoever asked.
            Fact::Refused(_) => {}
            Fact::Order(order, status) => self.on_order(time, order, status),
            Fact::Partly(order) => {
                if self.partial_fill_updates {
                    let update = self.order(order, OrderStatus::Open, time);
                    self.events.push(Event::Order(update));
                }
            }
            Fact::Fill(order, filled) => self.on_fill(time, order, filled),
            Fact::Trade(traded) => self.on_trade(time, traded),
            Fact::Funding(who, asset, szi, rate_e10, cost) => {
                let user = self.clients[who].address;
                let payment = FundingPayment { user, asset, usdc: -cost, szi, rate_e10, time };
                self.clients[who].remember_funding(payment.clone());
                self.events.push(Event::Funding(payment));
            }
            Fact::Rate(asset, rate_e10, premium_e10) => {
                self.on_rate(time, asset, rate_e10, premium_e10);
            }
            Fact::Prices(asset) => self.events.push(Event::Ctx(asset)),
            Fact::Liquidated(who, value, equity) => {
                let user = self.clients[who].address;
                self.events.push(Event::Liquidated(Liquidated { user, value, equity }));
            }
        }
    }
}

/// A made-up address for one of the market's own agents.
pub(super) fn agent_address(seed: u64) -> Address {
    let mut bytes = [0xa6; 20];
    let number = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    bytes[12..].copy_from_slice(&(number % AGENT_ADDRESSES).to_be_bytes());
    Address::new(bytes)
}
