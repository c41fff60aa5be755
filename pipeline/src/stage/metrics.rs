//! Counters of the pipeline: atomics, each written by one stage only and read by anybody.

use crate::logic::equity::Equity;
use crate::logic::ledger::AssetLedger;
use crate::logic::markouts::{HORIZONS, Markouts};
use crate::types::limits::MAX_ASSETS;
use crate::types::record::AccountView;
use crate::types::{
    Action, ActionKind, AssetId, BreakWhy, Fill, FillCause, Nanos, Reason, RiskState, Side, Usd,
    notional,
};
use core::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, n: u64) {
        // One writer: no read-modify-write cycle is needed.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }
    /// Replaces.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
    /// Raises to at least `n`.
    pub fn max(&self, n: u64) {
        if n > self.get() {
            self.set(n);
        }
    }
    /// Reads.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    /// Reads as dollars.
    pub fn usd(&self) -> Usd {
        Usd::from_raw(self.get() as i64)
    }
}

/// Time spent in each state of one side of one asset.
pub type ReasonTimes = [Counter; Reason::COUNT];

/// Fills of one side of one asset, measured at one horizon after them; money as raw USD.
#[derive(Debug, Default)]
pub struct MeasuredCounters {
    /// How many.
    pub fills: Counter,
    /// Their value.
    pub value: Counter,
    /// Their markout in money, before fees.
    pub markout: Counter,
    /// What of it the market did after the fills.
    pub adverse: Counter,
}

/// What the fills of one side of one asset came from; money as raw USD.
#[derive(Debug, Default)]
pub struct SplitCounters {
    /// Fills whose mid is known.
    pub fills: Counter,
    /// Spread captured by them.
    pub captured: Counter,
    /// By horizon.
    pub measured: [MeasuredCounters; HORIZONS.len()],
}

/// What is wrong with the streams of one asset, although the link lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedTrouble {
    /// They fell silent.
    Silent = 1,
    /// The venue refuses them.
    Refused = 2,
}

/// All counters of one pipeline.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Market events taken in (feed).
    pub events: Counter,
    /// Of these, books, touches, trades, changes of the link's state and marks (feed).
    pub events_by_kind: [Counter; 5],
    /// What is wrong with each asset's streams: 0 nothing, else a [`FeedTrouble`] (feed).
    feed_trouble: [Counter; MAX_ASSETS],
    /// Targets that passed the gate (risk).
    pub decisions: Counter,
    /// Hash over them (risk).
    pub risk_hash: Counter,
    /// 1 while the gate is halted until re-armed (risk).
    pub halted: Counter,
    /// By what: a bit for each [`BreakWhy`] that is no cool-down (risk).
    pub halted_by: Counter,
    /// What may be quoted of each asset: a [`crate::types::RiskState`] by its code (risk).
    pub risk_state: [Counter; MAX_ASSETS],
    /// Realised profit before fees, raw USD (risk).
    pub realized: Counter,
    /// Open profit at the marks, raw USD (risk).
    pub unrealized: Counter,
    /// Fees paid, raw USD (risk).
    pub fees: Counter,
    /// Funding paid, raw USD (risk).
    pub funding: Counter,
    /// Positions, raw coin (risk).
    pub position: [Counter; MAX_ASSETS],
    /// Marks, raw USD (risk).
    pub mark: [Counter; MAX_ASSETS],
    /// Profit by asset after fees and funding, raw USD (risk).
    pub net: [Counter; MAX_ASSETS],
    /// Fees by asset, raw USD (risk).
    pub asset_fees: [Counter; MAX_ASSETS],
    /// Funding by asset, raw USD (risk).
    pub asset_funding: [Counter; MAX_ASSETS],
    /// Deepest fall of the profit from a peak, raw USD (risk).
    pub max_drawdown: Counter,
    /// The present UTC day, days since 1970; 0 = none yet (risk).
    pub day: Counter,
    /// Profit since it began, raw USD (risk).
    pub day_net: Counter,
    /// Where profit comes from, by asset and side (quote).
    pub split: [[SplitCounters; 2]; MAX_ASSETS],
    /// Markouts given up because too many fills waited for one (quote).
    pub markouts_missed: [Counter; MAX_ASSETS],
    /// Items of place actions sent (dispatch).
    pub orders: Counter,
    /// Items of modify actions sent (dispatch).
    pub modifies: Counter,
    /// Items of cancel actions sent (dispatch).
    pub cancels: Counter,
    /// Items refused (dispatch).
    pub rejects: Counter,
    /// Fills booked (dispatch).
    pub fills: Counter,
    /// Fills seen again and not booked (dispatch).
    pub duplicate_fills: Counter,
    /// Value traded, raw USD (dispatch).
    pub volume: Counter,
    /// Fills of a recorded market by the rule that made them, in the order of [`FillCause::ALL`]
    /// (dispatch).
    pub cause_fills: [Counter; FillCause::COUNT],
    /// Their value, raw USD (dispatch).
    pub cause_volume: [Counter; FillCause::COUNT],
    /// Fills by asset (dispatch).
    pub asset_fills: [Counter; MAX_ASSETS],
    /// Value traded by asset, raw USD (dispatch).
    pub asset_volume: [Counter; MAX_ASSETS],
    /// Items of place and modify actions sent, by asset (dispatch).
    pub asset_quotes: [Counter; MAX_ASSETS],
    /// Their value, raw USD (dispatch).
    pub asset_quoted: [Counter; MAX_ASSETS],
    /// Hash over the actions sent (dispatch).
    pub dispatch_hash: Counter,
    /// Orders that rest or might (dispatch).
    pub open_orders: Counter,
    /// Largest worst-case exposure, raw USD (dispatch).
    pub max_exposure: [Counter; MAX_ASSETS],
    /// When the first order was sent, Unix ns; 0 = none yet (dispatch).
    pub first_order: Counter,
    /// Nanoseconds in each state, by asset and side (dispatch).
    pub reason_ns: [[ReasonTimes; 2]; MAX_ASSETS],
}

impl Metrics {
    /// Profit at the newest marks, before fees and funding.
    pub fn gross_pnl(&self) -> Usd {
        self.realized.usd() + self.unrealized.usd()
    }

    /// Profit at the newest marks, after fees and funding.
    pub fn net_pnl(&self) -> Usd {
        self.gross_pnl() - self.fees.usd() - self.funding.usd()
    }

    /// What halts the gate until it is re-armed.
    pub fn halted_by(&self) -> impl Iterator<Item = BreakWhy> + use<> {
        let bits = self.halted_by.get();
        BreakWhy::ALL.into_iter().filter(move |why| bits & (1 << *why as u32) != 0)
    }

    /// What may be quoted of an asset.
    pub fn risk_state(&self, asset: AssetId) -> RiskState {
        let code = self.risk_state[asset.index()].get() as usize;
        RiskState::ALL[code.min(RiskState::ALL.len() - 1)]
    }

    /// What is wrong with an asset's streams.
    pub fn feed_trouble(&self, asset: AssetId) -> Option<FeedTrouble> {
        match self.feed_trouble[asset.index()].get() {
            0 => None,
            1 => Some(FeedTrouble::Silent),
            _ => Some(FeedTrouble::Refused),
        }
    }

    /// Says so (the feed stage).
    pub fn set_feed_trouble(&self, asset: AssetId, trouble: Option<FeedTrouble>) {
        self.feed_trouble[asset.index()].set(trouble.map_or(0, |trouble| trouble as u64));
    }

    /// One hash over every decision and every action.
    pub fn decision_hash(&self) -> u64 {
        self.risk_hash.get().rotate_left(32) ^ self.dispatch_hash.get()
    }

    pub(super) fn set_account(&self, account: &AccountView) {
        self.realized.set(account.realized.raw() as u64);
        self.unrealized.set(account.unrealized.raw() as u64);
        self.fees.set(account.fees.raw() as u64);
        self.funding.set(account.funding.raw() as u64);
        for i in 0..MAX_ASSETS {
            self.position[i].set(account.position[i].raw() as u64);
            self.mark[i].set(account.mark[i].raw() as u64);
            self.net[i].set(account.net[i].raw() as u64);
        }
    }

    pub(super) fn set_costs(&self, asset: AssetId, ledger: &AssetLedger) {
        self.asset_fees[asset.index()].set(ledger.fees().raw() as u64);
        self.asset_funding[asset.index()].set(ledger.funding().raw() as u64);
    }

    pub(super) fn set_equity(&self, equity: &Equity) {
        self.max_drawdown.set(equity.max_drawdown().raw() as u64);
        if let Some(today) = equity.today() {
            self.day.set(today.day as u64);
            self.day_net.set(today.net.raw() as u64);
        }
    }

    pub(super) fn set_markouts(&self, asset: AssetId, markouts: &Markouts) {
        for side in Side::BOTH {
            let (sums, out) = (markouts.side(side), &self.split[asset.index()][side.index()]);
            out.fills.set(sums.fills());
            out.captured.set(sums.captured().raw() as u64);
            for (horizon, out) in out.measured.iter().enumerate() {
                let sum = sums.at(horizon);
                out.fills.set(sum.fills());
                out.value.set(sum.value().raw() as u64);
                out.markout.set(sum.markout().raw() as u64);
                out.adverse.set(sum.adverse().raw() as u64);
            }
        }
        self.markouts_missed[asset.index()].set(markouts.missed());
    }

    pub(super) fn count_sent(&self, now: Nanos, action: &Action) {
        let items = u64::from(action.len);
        match action.kind {
            ActionKind::Place => self.orders.add(items),
            ActionKind::Modify => self.modifies.add(items),
            ActionKind::Cancel => self.cancels.add(items),
        }
        if action.kind != ActionKind::Cancel {
            for item in action.items() {
                let value = notional(item.px, item.qty);
                self.asset_quotes[item.asset.index()].add(1);
                self.asset_quoted[item.asset.index()].add(value.raw().unsigned_abs());
            }
        }
        if self.first_order.get() == 0 {
            self.first_order.set(now.0 as u64);
        }
    }

    pub(super) fn count_fill(&self, asset: AssetId, fill: &Fill) {
        let value = notional(fill.px, fill.qty).raw().unsigned_abs();
        if let Some(cause) = fill.cause {
            self.cause_fills[cause as usize].add(1);
            self.cause_volume[cause as usize].add(value);
        }
        self.fills.add(1);
        self.volume.add(value);
        self.asset_fills[asset.index()].add(1);
        self.asset_volume[asset.index()].add(value);
    }

    pub(super) fn add_reason(&self, asset: AssetId, side: Side, reason: Reason, spent: Nanos) {
        self.reason_ns[asset.index()][side.index()][reason as usize].add(spent.0.max(0) as u64);
    }
}
