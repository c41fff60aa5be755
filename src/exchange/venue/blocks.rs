//! Blocks: what waited is sorted and executed, then the market moves on to block time, then prices
//! and the public data follow.

use super::Venue;
use crate::exchange::model::{
    Answer, Command, Event, Grouping, Leverage, OrderStatus, PublicTrade, Signed, Tif,
};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Side, Trade};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::Execution;
use std::collections::HashMap;

/// Least time between two snapshots of a book.
const BOOK_INTERVAL: Nanos = Nanos::millis(500);
/// How many made-up addresses the market's own agents have.
const AGENT_ADDRESSES: u64 = 64;

/// Where in a block an action belongs (PROTOCOL §7): what takes nothing first, then cancels, then
/// whatever has a GTC or IOC in it. A modify goes by its new orders.
fn class(command: &Command) -> u8 {
    let takes = |tif: Option<Tif>| !matches!(tif, Some(Tif::Alo) | None);
    match command {
        Command::Order(orders) | Command::Grouped(_, orders)
            if orders.iter().any(|o| takes(o.tif)) =>
        {
            2
        }
        Command::Modify { items, .. } if items.iter().any(|(_, o)| takes(o.tif)) => 2,
        Command::Cancel(_) | Command::FastCancel(_) | Command::TwapCancel(..) => 1,
        _ => 0,
    }
}

impl Venue {
    /// Executes one block at `time`.
    pub(super) fn run_block(&mut self, time: Nanos) {
        self.time = time;
        self.fire_schedules();
        self.slice_twaps();
        let ready = self.waiting.partition_point(|(at, _)| *at <= time);
        let mut batch: Vec<Signed> = self.waiting.drain(..ready).map(|(_, a)| a).collect();
        batch.sort_by_key(|action| class(&action.command));
        for action in batch {
            let answer = match self.admit(&action) {
                Ok(who) => self.run_command(who, action.command),
                Err(refusal) => Answer::Refused(refusal),
            };
            self.events.push(Event::Answer(action.ticket, answer));
        }
        self.move_market();
        self.update_prices();
        self.liquidate_doomed();
        self.turn_triggers();
        self.show_touches();
        self.events.push(Event::Block(time));
    }

    fn run_command(&mut self, who: usize, command: Command) -> Answer {
        let done = |result: Result<(), Refusal>| match result {
            Ok(()) => Answer::Default,
            Err(refusal) => Answer::Refused(refusal),
        };
        match command {
            Command::Order(orders) => self.place_all(who, &orders, Grouping::Na),
            Command::Grouped(grouping, orders) => self.place_all(who, &orders, grouping),
            Command::Cancel(cancels) => self.cancel_each(who, &cancels, false),
            Command::TwapOrder(new) => Answer::TwapOrder(self.start_twap(who, &new)),
            Command::TwapCancel(asset, id) => Answer::TwapCancel(self.cancel_twap(who, asset, id)),
            Command::FastCancel(cancels) => self.cancel_each(who, &cancels, true),
            Command::Modify { items, always_place, batch } => {
                self.modify_any(who, &items, always_place, batch)
            }
            Command::ScheduleCancel(at) => done(self.set_schedule(who, at)),
            Command::UpdateLeverage { asset, is_cross, leverage } => {
                done(self.update_leverage(who, asset, Leverage { is_cross, value: leverage }))
            }
            Command::UpdateIsolatedMargin { asset, micro_usd } => {
                done(self.update_isolated_margin(who, asset, micro_usd))
            }
            Command::ReserveRequestWeight { weight, destination } => {
                done(self.reserve_requests(who, weight, destination))
            }
            Command::ApproveAgent { agent, name, valid_until_ms } => {
                done(self.approve_agent(who, agent, name.as_deref(), valid_until_ms))
            }
            Command::ApproveBuilderFee(fee) => {
                self.approve_builder(who, fee);
                Answer::Default
            }
            Command::Noop | Command::Accepted => Answer::Default,
            Command::Unsupported(kind) => Answer::Refused(Refusal::Unsupported(kind)),
        }
    }

    /// Sets or clears when everything is cancelled (PROTOCOL §8).
    fn set_schedule(&mut self, who: usize, at: Option<u64>) -> Result<(), Refusal> {
        let (required, now_ms) = (self.config.schedule_volume, self.now_ms());
        let today = super::account::utc_day(self.time);
        let account = &mut self.accounts[who];
        if account.volume < required {
            return Err(Refusal::ScheduleVolume(required, account.volume));
        }
        let ahead_ms = u64::try_from(self.config.schedule_ahead.as_millis()).unwrap_or(0);
        if at.is_some_and(|at| at < now_ms + ahead_ms) {
            return Err(Refusal::ScheduleTooEarly);
        }
        let spent = account.triggers == (today, self.config.schedule_triggers);
        if at.is_some() && spent {
            return Err(Refusal::ScheduleTriggers);
        }
        account.schedule_ms = at;
        Ok(())
    }

    /// Before anything else of its block. A schedule set while triggers were left, but due after
    /// the last was used, does nothing.
    fn fire_schedules(&mut self) {
        let now_ms = self.now_ms();
        let today = super::account::utc_day(self.time);
        for who in 0..self.accounts.len() {
            let account = &mut self.accounts[who];
            if account.schedule_ms.is_none_or(|at| at > now_ms) {
                continue;
            }
            account.schedule_ms = None;
            if account.triggers.0 != today {
                account.triggers = (today, 0);
            }
            if account.triggers.1 < self.config.schedule_triggers {
                account.triggers.1 += 1;
                self.cancel_all(who, &OrderStatus::ScheduledCancel);
                self.cancel_triggers(who, &OrderStatus::ScheduledCancel);
            }
        }
    }

    /// Lets the market move to block time. Everything in it carries that time.
    fn move_market(&mut self) {
        let mut output = core::mem::take(&mut self.output);
        self.market.advance(self.time, &mut output);
        let mut executions: HashMap<u64, Execution> = HashMap::new();
        let mut silent = Vec::new();
        for execution in output.executions.drain(..) {
            let tid = execution.tid;
            if let Some(other) = executions.insert(tid, execution) {
                silent.push(other);
            }
        }
        for event in output.events.drain(..) {
            if let MarketEvent::Trade(trade) = event {
                let execution = executions.remove(&trade.tid);
                self.on_market_trade(&trade, execution);
            }
        }
        // What a recorded market fills by the touch has no public trade.
        silent.extend(executions.into_values());
        silent.sort_by_key(|e| e.tid);
        for execution in silent {
            self.on_execution(&execution);
        }
        self.output = output;
    }

    fn on_market_trade(&mut self, trade: &Trade, execution: Option<Execution>) {
        let maker = execution.and_then(|e| self.on_execution(&e));
        let maker = maker.unwrap_or_else(|| agent_address(trade.tid));
        let taker = agent_address(trade.tid.wrapping_mul(31) + 7);
        let users = match trade.aggressor {
            Side::Bid => [taker, maker],
            Side::Ask => [maker, taker],
        };
        let Trade { asset, aggressor, px, qty, tid, .. } = *trade;
        self.publish(PublicTrade { asset, aggressor, px, qty, time: self.time, tid, users });
    }

    /// A trade that everybody sees.
    pub(super) fn publish(&mut self, trade: PublicTrade) {
        self.assets[trade.asset.index()].tape.push(trade.clone());
        let day = super::account::utc_day(self.time);
        let value = botmm_pipeline::types::notional(trade.px, trade.qty);
        *self.traded.entry(day).or_default() += value;
        self.events.push(Event::Trade(trade));
    }

    /// Touches that changed, and every half second whole books, of what is in sight.
    fn show_touches(&mut self) {
        let venue_time = self.time;
        for asset in self.universe.assets().filter(|a| !self.market.is_stale(*a)) {
            let touch = self.market.touch(asset);
            let state = &mut self.assets[asset.index()];
            state.seen = venue_time;
            if touch == state.shown {
                continue;
            }
            state.shown = touch;
            let (bid, ask) = touch;
            let bbo = Bbo { asset, venue_time, bid, ask, ..Bbo::default() };
            self.events.push(Event::Market(MarketEvent::Bbo(bbo)));
        }
        if venue_time < self.next_book {
            return;
        }
        self.next_book = venue_time + BOOK_INTERVAL;
        for asset in self.universe.assets().filter(|a| !self.market.is_stale(*a)) {
            let book = self.snapshot(asset);
            self.events.push(Event::Market(MarketEvent::Book(book)));
        }
    }

    fn snapshot(&self, asset: AssetId) -> BookSnapshot {
        let mut book = BookSnapshot { asset, venue_time: self.time, ..BookSnapshot::EMPTY };
        let fill = |side: Side, levels: &mut [Level; BOOK_LEVELS]| {
            let shown = self.levels(asset, side, BOOK_LEVELS);
            for (slot, level) in levels.iter_mut().zip(&shown) {
                *slot = Level { px: level.px, qty: level.qty };
            }
            shown.len() as u8
        };
        book.bid_count = fill(Side::Bid, &mut book.bids);
        book.ask_count = fill(Side::Ask, &mut book.asks);
        book
    }
}

/// A made-up address for one of the market's own agents.
pub(super) fn agent_address(seed: u64) -> Address {
    let mut bytes = [0xa6; 20];
    let number = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    bytes[12..].copy_from_slice(&(number % AGENT_ADDRESSES).to_be_bytes());
    Address::new(bytes)
}
