//! Blocks: what waited is sorted and executed, then the market moves on to block time, then prices
//! and the public data follow.

use super::Venue;
use super::client::utc_day;
use super::records::agent_address;
use crate::exchange::model::{
    Answer, Command, Event, Grouping, Leverage, OrderStatus, PublicTrade, Signed, Tif,
};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Side, Trade};
use botmm_pipeline::venue::sim::core::rules::BlockPart;
use botmm_pipeline::venue::sim::core::{Core, Refused};
use botmm_pipeline::venue::sim::{Execution, Market};
use std::collections::HashMap;

/// Least time between two snapshots of a book.
const BOOK_INTERVAL: Nanos = Nanos::millis(500);

/// Where in a block an action is executed. A modify goes by its new orders.
fn part(command: &Command) -> BlockPart {
    let takes = |tif: Option<Tif>| !matches!(tif, Some(Tif::Alo) | None);
    match command {
        Command::Order(orders) | Command::Grouped(_, orders)
            if orders.iter().any(|o| takes(o.tif)) =>
        {
            BlockPart::Takers
        }
        Command::Modify { items, .. } if items.iter().any(|(_, o)| takes(o.tif)) => {
            BlockPart::Takers
        }
        Command::Cancel(_) | Command::FastCancel(_) | Command::TwapCancel(..) => BlockPart::Cancels,
        _ => BlockPart::Quiet,
    }
}

impl Venue {
    /// Executes one block at `time`.
    pub(super) fn run_block(&mut self, time: Nanos) {
        self.core.time = time;
        self.renew_rates();
        self.fire_schedules();
        self.slice_twaps();
        let ready = self.waiting.partition_point(|(at, _)| *at <= time);
        let mut batch: Vec<Signed> = self.waiting.drain(..ready).map(|(_, a)| a).collect();
        batch.sort_by_key(|action| part(&action.command));
        for action in batch {
            let answer = match self.admit(&action) {
                Ok(who) => self.run_command(who, action.command),
                Err(refusal) => Answer::Refused(refusal),
            };
            self.records.events.push(Event::Answer(action.ticket, answer));
        }
        self.move_market();
        self.core.update_prices(&mut self.records);
        for asset in std::mem::take(&mut self.doomed) {
            self.core.liquidate_holders(asset, &mut self.records);
        }
        self.end_twaps_of_the_liquidated();
        self.turn_triggers();
        self.show_touches();
        self.records.events.push(Event::Block(time));
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
                let wanted = Leverage { is_cross, value: leverage };
                done(self.of_asset(asset, |core, asset| core.update_leverage(who, asset, wanted)))
            }
            Command::UpdateIsolatedMargin { asset, micro_usd } => {
                done(self.of_asset(asset, |core, asset| {
                    core.update_isolated_margin(who, asset, micro_usd)
                }))
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

    fn of_asset(
        &mut self,
        asset: u32,
        change: impl FnOnce(&mut Core<Box<dyn Market>>, AssetId) -> Result<(), Refused>,
    ) -> Result<(), Refusal> {
        let asset = self.asset(asset).ok_or(Refused::InvalidAsset)?;
        Ok(change(&mut self.core, asset)?)
    }

    /// Sets or clears when everything is cancelled (PROTOCOL §8).
    fn set_schedule(&mut self, who: usize, at: Option<u64>) -> Result<(), Refusal> {
        let (required, now_ms) = (self.config.schedule_volume, self.now_ms());
        let today = utc_day(self.core.time);
        let volume = self.core.accounts[who].volume;
        if volume < required {
            return Err(Refusal::ScheduleVolume(required, volume));
        }
        let ahead_ms = u64::try_from(self.config.schedule_ahead.as_millis()).unwrap_or(0);
        if at.is_some_and(|at| at < now_ms + ahead_ms) {
            return Err(Refusal::ScheduleTooEarly);
        }
        let client = &mut self.records.clients[who];
        let spent = client.triggers == (today, self.config.schedule_triggers);
        if at.is_some() && spent {
            return Err(Refusal::ScheduleTriggers);
        }
        client.schedule_ms = at;
        Ok(())
    }

    /// Before anything else of its block. A schedule set while triggers were left, but due after
    /// the last was used, does nothing.
    fn fire_schedules(&mut self) {
        let now_ms = self.now_ms();
        let today = utc_day(self.core.time);
        for who in 0..self.records.clients.len() {
            let client = &mut self.records.clients[who];
            if client.schedule_ms.is_none_or(|at| at > now_ms) {
                continue;
            }
            client.schedule_ms = None;
            if client.triggers.0 != today {
                client.triggers = (today, 0);
            }
            if client.triggers.1 < self.config.schedule_triggers {
                client.triggers.1 += 1;
                self.core.cancel_all(who, OrderStatus::ScheduledCancel, &mut self.records);
                self.cancel_triggers(who, &OrderStatus::ScheduledCancel);
            }
        }
    }

    /// Lets the market move to block time. Everything in it carries that time.
    fn move_market(&mut self) {
        let mut output = core::mem::take(&mut self.output);
        self.core.market.advance(self.core.time, &mut output);
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
            self.core.on_execution(&execution, &mut self.records);
        }
        self.output = output;
    }

    fn on_market_trade(&mut self, trade: &Trade, execution: Option<Execution>) {
        let maker = execution.and_then(|e| self.core.on_execution(&e, &mut self.records));
        let address = |who: usize| self.records.clients[who].address;
        let maker = maker.map_or_else(|| agent_address(trade.tid), address);
        let taker = agent_address(trade.tid.wrapping_mul(31) + 7);
        let users = match trade.aggressor {
            Side::Bid => [taker, maker],
            Side::Ask => [maker, taker],
        };
        let Trade { asset, aggressor, px, qty, tid, .. } = *trade;
        let time = self.core.time;
        self.core.note_trade(asset, px);
        self.records.publish(PublicTrade { asset, aggressor, px, qty, time, tid, users });
    }

    /// Touches that changed, and every half second whole books, of what is in sight.
    fn show_touches(&mut self) {
        let venue_time = self.core.time;
        for asset in self.core.universe().assets().filter(|a| !self.core.market.is_stale(*a)) {
            let touch = self.core.market.touch(asset);
            let state = &mut self.records.assets[asset.index()];
            state.seen = venue_time;
            if touch == state.shown {
                continue;
            }
            state.shown = touch;
            let (bid, ask) = touch;
            let bbo = Bbo { asset, venue_time, bid, ask, ..Bbo::default() };
            self.records.events.push(Event::Market(MarketEvent::Bbo(bbo)));
        }
        if venue_time < self.next_book {
            return;
        }
        self.next_book = venue_time + BOOK_INTERVAL;
        for asset in self.core.universe().assets().filter(|a| !self.core.market.is_stale(*a)) {
            let book = self.snapshot(asset);
            self.records.events.push(Event::Market(MarketEvent::Book(book)));
        }
    }

    fn snapshot(&self, asset: AssetId) -> BookSnapshot {
        let mut book = BookSnapshot { asset, venue_time: self.core.time, ..BookSnapshot::EMPTY };
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
