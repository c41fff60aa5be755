//! Counters of the pipeline: atomics, each written by one stage only and read by anybody.

use super::numbers::{AssetNumbers, FeedTrouble, MeasuredFills, Numbers, SideNumbers};
use crate::logic::equity::Equity;
use crate::logic::ledger::AssetLedger;
use crate::logic::markouts::{HORIZONS, Markouts};
use crate::types::limits::MAX_ASSETS;
use crate::types::record::AccountView;
use crate::types::{
    Action, ActionKind, AssetId, BreakWhy, DayNet, Fill, FillCause, FitScore, Nanos, Px, Qty,
    Reason, RiskState, Side, Usd, notional,
};
use crate::venue::SigningCounts;
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

/// All counters of one pipeline, in a block for each stage that writes them: blocks share no cache line,
/// so that a stage which counts takes nothing from under another on another core.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Written by the feed stage.
    pub feed: FeedCounters,
    /// Written by the book stage.
    pub book: BookCounters,
    /// Written by the quote stage.
    pub quote: QuoteCounters,
    /// Written by the risk stage.
    pub risk: RiskCounters,
    /// Written by the dispatch stage.
    pub dispatch: DispatchCounters,
}

/// What came in.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// Market events taken in.
    pub events: Counter,
    /// Of these, books, touches, trades, changes of the link's state, marks and changes of levels.
    pub events_by_kind: [Counter; 6],
    /// What is wrong with each asset's streams: 0 nothing, else a [`FeedTrouble`].
    trouble: [Counter; MAX_ASSETS],
}

/// What of the books was not kept.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct BookCounters {
    /// Levels too far from the touch to be kept, of books that are told level by level.
    pub levels_lost: [Counter; MAX_ASSETS],
}

/// Where profit comes from.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct QuoteCounters {
    /// By asset and side.
    pub split: [[SplitCounters; 2]; MAX_ASSETS],
    /// Markouts given up because too many fills waited for one.
    pub markouts_missed: [Counter; MAX_ASSETS],
    /// Scores of each asset's fit in this run: the bits of moves, and of the squares that nothing, the fit
    /// and the microprice left of them.
    pub fit: [[Counter; 4]; MAX_ASSETS],
}

/// What was decided, and the account.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct RiskCounters {
    /// Targets that passed the gate.
    pub decisions: Counter,
    /// Hash over them.
    pub hash: Counter,
    /// 1 while the gate is halted until re-armed.
    pub halted: Counter,
    /// By what: a bit for each [`BreakWhy`] that is no cool-down.
    pub halted_by: Counter,
    /// What may be quoted of each asset: a [`crate::types::RiskState`] by its code.
    pub state: [Counter; MAX_ASSETS],
    /// Realised profit before fees, raw USD.
    pub realized: Counter,
    /// Open profit at the marks, raw USD.
    pub unrealized: Counter,
    /// Fees paid, raw USD.
    pub fees: Counter,
    /// Funding paid, raw USD.
    pub funding: Counter,
    /// Positions, raw coin.
    pub position: [Counter; MAX_ASSETS],
    /// Marks, raw USD.
    pub mark: [Counter; MAX_ASSETS],
    /// Profit by asset after fees and funding, raw USD.
    pub net: [Counter; MAX_ASSETS],
    /// Fees by asset, raw USD.
    pub asset_fees: [Counter; MAX_ASSETS],
    /// Funding by asset, raw USD.
    pub asset_funding: [Counter; MAX_ASSETS],
    /// Deepest fall of the profit from a peak, raw USD.
    pub max_drawdown: Counter,
    /// The present UTC day, days since 1970; 0 = none yet.
    pub day: Counter,
    /// Profit since it began, raw USD.
    pub day_net: Counter,
}

/// What was sent, and what became of it.
#[repr(align(128))]
#[derive(Debug, Default)]
pub struct DispatchCounters {
    /// Items of place actions sent.
    pub orders: Counter,
    /// Items of modify actions sent.
    pub modifies: Counter,
    /// Items of cancel actions sent.
    pub cancels: Counter,
    /// Items refused.
    pub rejects: Counter,
    /// Fills booked.
    pub fills: Counter,
    /// Fills seen again and not booked.
    pub duplicate_fills: Counter,
    /// Value traded, raw USD.
    pub volume: Counter,
    /// Fills of a recorded market by the rule that made them, in the order of [`FillCause::ALL`].
    pub cause_fills: [Counter; FillCause::COUNT],
    /// Their value, raw USD.
    pub cause_volume: [Counter; FillCause::COUNT],
    /// Fills by asset.
    pub asset_fills: [Counter; MAX_ASSETS],
    /// Value traded by asset, raw USD.
    pub asset_volume: [Counter; MAX_ASSETS],
    /// Items of place and modify actions sent, by asset.
    pub asset_quotes: [Counter; MAX_ASSETS],
    /// Their value, raw USD.
    pub asset_quoted: [Counter; MAX_ASSETS],
    /// Hash over the actions sent.
    pub hash: Counter,
    /// Orders that rest or might.
    pub open_orders: Counter,
    /// The same by asset.
    pub asset_open_orders: [Counter; MAX_ASSETS],
    /// Largest worst-case exposure, raw USD.
    pub max_exposure: [Counter; MAX_ASSETS],
    /// When the first order was sent, Unix ns; 0 = none yet.
    pub first_order: Counter,
    /// Requests signed by what was made ahead, as ever although that was asked for, and what was made ahead
    /// and not used.
    signing: [Counter; 3],
    /// Nanoseconds in each state, by asset and side.
    pub reason_ns: [[ReasonTimes; 2]; MAX_ASSETS],
}

const _: () = assert!(align_of::<Metrics>() == 128);

impl SplitCounters {
    fn numbers(&self) -> SideNumbers {
        SideNumbers {
            fills: self.fills.get(),
            captured: self.captured.usd(),
            measured: self.measured.each_ref().map(|m| MeasuredFills {
                fills: m.fills.get(),
                value: m.value.usd(),
                markout: m.markout.usd(),
                adverse: m.adverse.usd(),
            }),
        }
    }
}

impl Metrics {
    /// Profit at the newest marks, before fees and funding.
    pub fn gross_pnl(&self) -> Usd {
        self.risk.realized.usd() + self.risk.unrealized.usd()
    }

    /// Profit at the newest marks, after fees and funding.
    pub fn net_pnl(&self) -> Usd {
        self.gross_pnl() - self.risk.fees.usd() - self.risk.funding.usd()
    }

    /// All of so many assets, as they are now. While the pipeline runs, what its stages wrote is of moments a
    /// little apart.
    pub fn numbers(&self, assets: usize) -> Numbers {
        let m = self;
        let cause = |cause: FillCause| {
            let (fills, volume) = (&m.dispatch.cause_fills, &m.dispatch.cause_volume);
            (fills[cause as usize].get(), volume[cause as usize].usd())
        };
        let day = m.risk.day.get() as i64;
        let is_halted = m.risk.halted.get() != 0;
        Numbers {
            events: m.feed.events.get(),
            events_by_kind: m.feed.events_by_kind.each_ref().map(|n| n.get()),
            decisions: m.risk.decisions.get(),
            decision_hash: m.decision_hash(),
            orders: m.dispatch.orders.get(),
            modifies: m.dispatch.modifies.get(),
            cancels: m.dispatch.cancels.get(),
            rejects: m.dispatch.rejects.get(),
            open_orders: m.dispatch.open_orders.get(),
            fills: m.dispatch.fills.get(),
            volume: m.dispatch.volume.usd(),
            by_cause: FillCause::ALL.map(cause),
            signing: m.signing(),
            gross: m.gross_pnl(),
            fees: m.risk.fees.usd(),
            funding: m.risk.funding.usd(),
            max_drawdown: m.risk.max_drawdown.usd(),
            today: (day != 0).then(|| DayNet { day, net: m.risk.day_net.usd(), whole: false }),
            halted: is_halted.then(|| m.halted_by().collect()),
            assets: (0..assets).map(|i| m.asset_numbers(AssetId::new(i))).collect(),
        }
    }

    fn asset_numbers(&self, asset: AssetId) -> AssetNumbers {
        let m = self;
        let i = asset.index();
        let times = |side: Side| {
            m.dispatch.reason_ns[i][side.index()].each_ref().map(|ns| Nanos(ns.get() as i64))
        };
        AssetNumbers {
            state: m.risk_state(asset),
            trouble: m.feed_trouble(asset),
            position: Qty::from_raw(m.risk.position[i].get() as i64),
            mark: Px::from_raw(m.risk.mark[i].get() as i64),
            net: m.risk.net[i].usd(),
            fees: m.risk.asset_fees[i].usd(),
            funding: m.risk.asset_funding[i].usd(),
            max_exposure: m.dispatch.max_exposure[i].usd(),
            quotes: m.dispatch.asset_quotes[i].get(),
            quoted: m.dispatch.asset_quoted[i].usd(),
            fills: m.dispatch.asset_fills[i].get(),
            volume: m.dispatch.asset_volume[i].usd(),
            levels_lost: m.book.levels_lost[i].get(),
            markouts_missed: m.quote.markouts_missed[i].get(),
            fit: m.fit_score(asset),
            sides: m.quote.split[i].each_ref().map(SplitCounters::numbers),
            reasons: Side::BOTH.map(times),
        }
    }

    /// What halts the gate until it is re-armed.
    pub fn halted_by(&self) -> impl Iterator<Item = BreakWhy> + use<> {
        let bits = self.risk.halted_by.get();
        BreakWhy::ALL.into_iter().filter(move |why| bits & (1 << *why as u32) != 0)
    }

    /// What may be quoted of an asset.
    pub fn risk_state(&self, asset: AssetId) -> RiskState {
        let code = self.risk.state[asset.index()].get() as usize;
        RiskState::ALL[code.min(RiskState::ALL.len() - 1)]
    }

    /// What is wrong with an asset's streams.
    pub fn feed_trouble(&self, asset: AssetId) -> Option<FeedTrouble> {
        match self.feed.trouble[asset.index()].get() {
            0 => None,
            1 => Some(FeedTrouble::Silent),
            _ => Some(FeedTrouble::Refused),
        }
    }

    /// Says so (the feed stage).
    pub fn set_feed_trouble(&self, asset: AssetId, trouble: Option<FeedTrouble>) {
        self.feed.trouble[asset.index()].set(trouble.map_or(0, |trouble| trouble as u64));
    }

    /// One hash over every decision and every action.
    pub fn decision_hash(&self) -> u64 {
        self.risk.hash.get().rotate_left(32) ^ self.dispatch.hash.get()
    }

    pub(super) fn set_account(&self, account: &AccountView) {
        self.risk.realized.set(account.realized.raw() as u64);
        self.risk.unrealized.set(account.unrealized.raw() as u64);
        self.risk.fees.set(account.fees.raw() as u64);
        self.risk.funding.set(account.funding.raw() as u64);
        for i in 0..MAX_ASSETS {
            self.risk.position[i].set(account.position[i].raw() as u64);
            self.risk.mark[i].set(account.mark[i].raw() as u64);
            self.risk.net[i].set(account.net[i].raw() as u64);
        }
    }

    pub(super) fn set_costs(&self, asset: AssetId, ledger: &AssetLedger) {
        self.risk.asset_fees[asset.index()].set(ledger.fees().raw() as u64);
        self.risk.asset_funding[asset.index()].set(ledger.funding().raw() as u64);
    }

    pub(super) fn set_equity(&self, equity: &Equity) {
        self.risk.max_drawdown.set(equity.max_drawdown().raw() as u64);
        if let Some(today) = equity.today() {
            self.risk.day.set(today.day as u64);
            self.risk.day_net.set(today.net.raw() as u64);
        }
    }

    pub(super) fn set_markouts(&self, asset: AssetId, markouts: &Markouts) {
        for side in Side::BOTH {
            let (sums, out) = (markouts.side(side), &self.quote.split[asset.index()][side.index()]);
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
        self.quote.markouts_missed[asset.index()].set(markouts.missed());
    }

    pub(super) fn set_fit(&self, asset: AssetId, score: &FitScore) {
        let FitScore { moves, still, fitted, micro } = *score;
        for (out, sum) in self.quote.fit[asset.index()].iter().zip([moves, still, fitted, micro]) {
            out.set(sum.to_bits());
        }
    }

    fn fit_score(&self, asset: AssetId) -> FitScore {
        let sums = self.quote.fit[asset.index()].each_ref().map(|sum| f64::from_bits(sum.get()));
        let [moves, still, fitted, micro] = sums;
        FitScore { moves, still, fitted, micro }
    }

    /// Says so (the dispatch stage).
    pub fn set_signing(&self, counts: SigningCounts) {
        let SigningCounts { presigned, ordinary, dropped } = counts;
        let all = self.dispatch.signing.iter().zip([presigned, ordinary, dropped]);
        all.for_each(|(counter, n)| counter.set(n));
    }

    /// How requests were signed, where signatures are made ahead.
    pub fn signing(&self) -> SigningCounts {
        let [presigned, ordinary, dropped] = self.dispatch.signing.each_ref().map(Counter::get);
        SigningCounts { presigned, ordinary, dropped }
    }

    pub(super) fn count_sent(&self, now: Nanos, action: &Action) {
        let items = u64::from(action.len);
        match action.kind {
            ActionKind::Place => self.dispatch.orders.add(items),
            ActionKind::Modify => self.dispatch.modifies.add(items),
            ActionKind::Cancel => self.dispatch.cancels.add(items),
        }
        if action.kind != ActionKind::Cancel {
            for item in action.items() {
                let value = notional(item.px, item.qty);
                self.dispatch.asset_quotes[item.asset.index()].add(1);
                self.dispatch.asset_quoted[item.asset.index()].add(value.raw().unsigned_abs());
            }
        }
        if self.dispatch.first_order.get() == 0 {
            self.dispatch.first_order.set(now.0 as u64);
        }
    }

    pub(super) fn count_fill(&self, asset: AssetId, fill: &Fill) {
        let value = notional(fill.px, fill.qty).raw().unsigned_abs();
        if let Some(cause) = fill.cause {
            self.dispatch.cause_fills[cause as usize].add(1);
            self.dispatch.cause_volume[cause as usize].add(value);
        }
        self.dispatch.fills.add(1);
        self.dispatch.volume.add(value);
        self.dispatch.asset_fills[asset.index()].add(1);
        self.dispatch.asset_volume[asset.index()].add(value);
    }

    pub(super) fn add_reason(&self, asset: AssetId, side: Side, reason: Reason, spent: Nanos) {
        self.dispatch.reason_ns[asset.index()][side.index()][reason as usize]
            .add(spent.0.max(0) as u64);
    }
}
