//! TWAP orders: a size in slices of half a minute, each a taker within a few percent of the market.
//!
//! PROTOCOL has their actions, answers and streams; how slices are cut is what the venue's pages say, one
//! number each in [`super::VenueConfig`]: what a slice did not get, later ones make up for, up to a
//! multiple of their own size. After the last slice it is over, whatever it got.

use super::Venue;
use crate::exchange::model::{
    Event, ItemAnswer, NewOrder, NewTwap, Tif, Twap, TwapChange, TwapStatus,
};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::instrument::MIN_NOTIONAL;
use botmm_pipeline::types::{Nanos, Px, Qty, Side, Usd, notional};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::core::{Refused, mul_div};
use std::collections::{BTreeMap, VecDeque};

/// Changes remembered, of all accounts.
const MAX_CHANGES: usize = 10_000;
const MINUTE: Nanos = Nanos::secs(60);

/// What is kept of TWAP orders.
#[derive(Debug, Default)]
pub(super) struct Twaps {
    /// Those that run, by id.
    running: BTreeMap<u64, Running>,
    changes: VecDeque<TwapChange>,
    last_id: u64,
}

#[derive(Debug)]
struct Running {
    who: usize,
    twap: Twap,
    slices: i64,
    done: i64,
    next: Nanos,
}

impl Venue {
    /// An account's running TWAP orders, oldest first, with their ids.
    pub fn twaps(&self, user: &Address) -> Vec<(u64, Twap)> {
        let own = self.twaps.running.iter().filter(|(_, r)| r.twap.user == *user);
        own.map(|(id, r)| (*id, r.twap)).collect()
    }

    /// What became of an account's TWAP orders, oldest first; the newest 10000 changes of all accounts
    /// are remembered.
    pub fn twap_history(&self, user: &Address) -> Vec<&TwapChange> {
        self.twaps.changes.iter().filter(|change| change.twap.user == *user).collect()
    }

    pub(super) fn start_twap(&mut self, who: usize, new: &NewTwap) -> Result<u64, Refusal> {
        let asset = self.asset(new.asset).ok_or(Refused::InvalidAsset)?;
        let [shortest, longest] = self.config.twap_minutes;
        if !(shortest..=longest).contains(&new.minutes) {
            return Err(Refusal::TwapDuration(new.minutes));
        }
        let minutes = i64::try_from(new.minutes).map_err(|_| Refusal::TwapDuration(new.minutes))?;
        let instrument = self.core.universe().get(asset);
        let qty = new.qty.filter(|q| q.is_positive() && instrument.is_legal_qty(*q));
        let qty = qty.ok_or(Refused::InvalidSize)?;
        let slices = (minutes * MINUTE.0 / self.config.twap_interval.0).max(1);
        let mark = self.core.marks[asset.index()];
        if !mark.is_positive() {
            return Err(Refused::Oracle.into());
        }
        let value = i128::from(mark.raw()) * i128::from(qty.raw()) / 100_000_000;
        if value / i128::from(slices) < i128::from(MIN_NOTIONAL.raw()) {
            return Err(Refused::MinNotional.into());
        }
        if new.reduce_only && self.core.accounts[who].reducible(asset, new.side).is_zero() {
            return Err(Refused::ReduceOnly.into());
        }
        self.twaps.last_id += 1;
        let twap = Twap {
            user: self.records.clients[who].address,
            asset,
            side: new.side,
            qty,
            executed: Qty::ZERO,
            executed_value: Usd::ZERO,
            minutes: new.minutes,
            reduce_only: new.reduce_only,
            randomize: new.randomize,
            time: self.core.time,
        };
        let id = self.twaps.last_id;
        self.twaps.running.insert(id, Running { who, twap, slices, done: 0, next: self.core.time });
        self.note_twap(id, twap, TwapStatus::Activated);
        Ok(id)
    }

    pub(super) fn cancel_twap(&mut self, who: usize, asset: u32, id: u64) -> Result<(), Refusal> {
        let asset = self.asset(asset);
        let is_it = |r: &Running| r.who == who && Some(r.twap.asset) == asset;
        if !self.twaps.running.get(&id).is_some_and(is_it) {
            return Err(Refusal::TwapMissing);
        }
        self.end_twap(id, TwapStatus::Terminated);
        Ok(())
    }

    /// When a block ends: whoever was liquidated in it slices no more.
    pub(super) fn end_twaps_of_the_liquidated(&mut self) {
        if self.twaps.running.is_empty() {
            return;
        }
        let events = self.records.events.iter();
        let gone: Vec<Address> = events
            .filter_map(|event| if let Event::Liquidated(l) = event { Some(l.user) } else { None })
            .collect();
        let theirs = self.twaps.running.iter().filter(|(_, r)| gone.contains(&r.twap.user));
        let theirs: Vec<u64> = theirs.map(|(id, _)| *id).collect();
        theirs.into_iter().for_each(|id| self.end_twap(id, TwapStatus::Terminated));
    }

    /// Trades the slices that are due, before the actions of a block.
    pub(super) fn slice_twaps(&mut self) {
        let now = self.core.time;
        let due = self.twaps.running.iter().filter(|(_, r)| r.next <= now);
        let due: Vec<u64> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.slice(id);
        }
    }

    fn slice(&mut self, id: u64) {
        let Some(running) = self.twaps.running.get_mut(&id) else { return };
        if running.done == running.slices {
            return self.end_twap(id, TwapStatus::Finished);
        }
        running.done += 1;
        running.next = next_slice(id, running, self.config.twap_interval, self.config.twap_jitter);
        let (who, twap, done, slices) = (running.who, running.twap, running.done, running.slices);
        let wanted = self.slice_size(&twap, done, slices);
        if let Some(px) = self.slice_px(&twap).filter(|_| wanted.is_positive()) {
            let new = NewOrder {
                asset: self.core.universe().get(twap.asset).venue_index,
                side: twap.side,
                px: Some(px),
                qty: Some(wanted),
                reduce_only: twap.reduce_only,
                tif: Some(Tif::Ioc),
                trigger: None,
                cloid: None,
                builder: None,
            };
            let heard = self.records.events.len();
            self.records.slicing = Some(id);
            let answer = self.place(who, &new);
            self.records.slicing = None;
            self.count_slice(id, heard);
            if answer == ItemAnswer::Error(Refused::ReduceOnly.into()) {
                return self.end_twap(id, TwapStatus::Error(Refused::ReduceOnly.into()));
            }
        }
        if self.twaps.running.get(&id).is_some_and(|r| r.twap.executed == r.twap.qty) {
            self.end_twap(id, TwapStatus::Finished);
        }
    }

    /// What is due by now, and not more than so many slices at once.
    fn slice_size(&self, twap: &Twap, done: i64, slices: i64) -> Qty {
        let instrument = self.core.universe().get(twap.asset);
        let target = Qty::from_raw(mul_div(twap.qty.raw(), done, slices));
        let most = Qty::from_raw(mul_div(twap.qty.raw(), self.config.twap_catch_up, slices));
        let due = (target - twap.executed).min(most);
        // The last one takes what rounding left.
        let due = if done == slices { due } else { instrument.round_qty_down(due) };
        instrument.round_qty_down(due.min(twap.qty - twap.executed))
    }

    /// The worst price of a slice.
    fn slice_px(&self, twap: &Twap) -> Option<Px> {
        let mid = self.core.mid(twap.asset)?;
        let instrument = self.core.universe().get(twap.asset);
        let pct = self.config.twap_slippage_pct;
        let worst = |pct| Px::from_raw(mul_div(mid.raw(), pct, 100));
        Some(match twap.side {
            Side::Bid => instrument.round_px_down(worst(100 + pct)),
            Side::Ask => instrument.round_px_up(worst(100 - pct)),
        })
    }

    fn count_slice(&mut self, id: u64, heard: usize) {
        let Some(running) = self.twaps.running.get_mut(&id) else { return };
        for event in &self.records.events[heard..] {
            if let Event::Fill(fill) = event
                && fill.twap_id == Some(id)
            {
                running.twap.executed += fill.qty;
                running.twap.executed_value += notional(fill.px, fill.qty);
            }
        }
    }

    fn end_twap(&mut self, id: u64, status: TwapStatus) {
        if let Some(running) = self.twaps.running.remove(&id) {
            self.note_twap(id, running.twap, status);
        }
    }

    fn note_twap(&mut self, id: u64, twap: Twap, status: TwapStatus) {
        let change = TwapChange { id, twap, status, time: self.core.time };
        if self.twaps.changes.len() == MAX_CHANGES {
            self.twaps.changes.pop_front();
        }
        self.twaps.changes.push_back(change.clone());
        self.records.events.push(Event::Twap(change));
    }
}

/// When the next slice is due, or the end: on the grid, and when it is to be random, up to `jitter` later.
fn next_slice(id: u64, running: &Running, interval: Nanos, jitter: Nanos) -> Nanos {
    let on_grid = running.twap.time + Nanos(interval.0 * running.done);
    if !running.twap.randomize || running.done == running.slices || jitter <= Nanos::ZERO {
        return on_grid;
    }
    let seed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (running.done as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
    on_grid + Nanos(((seed >> 20) % jitter.0 as u64) as i64)
}
