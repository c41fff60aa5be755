//! The checkers. They know the venue's own state, the bot's journal records and its counters, and
//! nothing of how either works.

use crate::liquidations::{Liquidations, Now};
use crate::spy::Seen;
use crate::world::{MONEY, SESSION, START, Setup, Venue, params, universe, user};
use botmm::exchange::faults::{Fault, FaultKind, Who};
use botmm_pipeline::rt::{BoardReader, HaltLevel};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use botmm_pipeline::wiring::Pipeline;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;

/// How often the venue is looked at.
const LOOK_EVERY: Nanos = Nanos::millis(100);
/// Beyond the age at which a book is stale: the bot decides anew at each tick only, and what it
/// decided is on its way for a while.
const DECISION_LAG: Nanos = Nanos::millis(700);
/// A coin of which nothing comes has not changed, while the link brings news of others; only so long.
const COIN_SILENCE: Nanos = Nanos::secs(8);
/// A link of two lively coins that brings nothing for this long is silent; of coins of which news are
/// rare, after so much more than their pauses.
const LINK_SILENCE: Nanos = Nanos::secs(3);
/// Another coin's trouble may not keep a coin from being quoted for this long.
const ALONE: Nanos = Nanos::secs(2);
/// The venue's clock is known so well.
const CLOCK_NOISE: Nanos = Nanos::millis(250);
/// What was sent before may be in a block so much later.
const ON_ITS_WAY: Nanos = Nanos::millis(300);
/// After a halt, nothing may rest for this long before the run is over.
const SETTLE: Nanos = Nanos::secs(1);
/// Problems told of one run.
const MAX_PROBLEMS: usize = 8;
/// Our numbers and the venue's may differ by so much.
const TOLERANCE: Usd = Usd::from_raw(1_000_000);

/// Of any asset, or of one: from, to, and why.
type Closed = (Option<AssetId>, Nanos, Nanos, &'static str);
/// A refused request is not repeated faster than this: the bot doubles its pauses from half a second, so
/// that of one order no more than so many tries are begun in so long.
const TRIES: (usize, Nanos) = (6, Nanos::secs(5));

/// What identifies a fill: coin, trade, order, side, size, price, fee.
type FillKey = (usize, u64, u64, bool, i64, i64, i64);

pub struct Checks {
    venue: Venue,
    link: BoardReader<VIEW_WORDS>,
    held_to: [Usd; 2],
    /// No order may leave the bot then, and why.
    closed: Vec<Closed>,
    /// None may be placed at the venue then, by the venue's clock. Told apart for one fault alone:
    /// others may move that clock.
    closed_at_venue: Vec<Closed>,
    /// How rare news of each coin are made.
    pauses: Nanos,
    quiet: Nanos,
    bound: Nanos,
    next_look: Nanos,
    /// By asset and side: the newest reason, and whether it was quoted since the faults ended.
    reasons: Vec<[Reason; 2]>,
    quoted: Vec<[bool; 2]>,
    well_since: Option<Nanos>,
    halted: bool,
    empty_since: Option<Nanos>,
    booked: BTreeMap<FillKey, u32>,
    /// By order: when cancels of it were sent.
    cancels: BTreeMap<Cloid, VecDeque<Nanos>>,
    /// When the newest book came in that anything was decided from.
    newest: Nanos,
    /// By asset: since when its book has been stale.
    stale_since: Vec<Option<Nanos>>,
    stale_spells: usize,
    /// What each asset suffers from by itself, and until when: the others are not to suffer with it.
    alone: Vec<Closed>,
    liquidations: Liquidations,
    problems: Vec<String>,
}

pub struct Final {
    pub problems: Vec<String>,
    pub fills: usize,
    pub recovery: Option<Nanos>,
    pub losses: u64,
    pub liquidations: usize,
    pub stale_spells: usize,
}

/// The asset that a fault is about, when it is about one.
fn asset_of(kind: FaultKind) -> Option<AssetId> {
    let coin = match kind {
        FaultKind::SilentCoin { coin }
        | FaultKind::EmptySide { coin, .. }
        | FaultKind::FarLevel { coin, .. }
        | FaultKind::RefuseOrders { coin } => coin,
        _ => return None,
    };
    universe().find(coin.as_bytes())
}

fn pauses(setup: &Setup) -> Nanos {
    let of = |fault: &Fault| match fault.kind {
        FaultKind::RareNews { every } => every,
        _ => Nanos::ZERO,
    };
    setup.faults.iter().map(of).max().unwrap_or_default()
}

/// When one asset suffers and nothing else goes wrong.
fn alone(setup: &Setup) -> Vec<Closed> {
    let [fault] = setup.faults.as_slice() else { return Vec::new() };
    let (from, to) = (START + fault.start, START + fault.end());
    let one = |asset| (Some(asset), from, to, "a fault concerns it");
    asset_of(fault.kind).map(one).into_iter().collect()
}

impl Checks {
    pub fn new(setup: &Setup, venue: Venue, link: BoardReader<VIEW_WORDS>) -> Self {
        let assets = universe().len();
        let closed = |extra: Nanos, links: bool| -> Vec<Closed> {
            let of = |fault: &Fault| {
                let (lag, why) = match fault.kind {
                    FaultKind::StaleBook => (LINK_SILENCE + DECISION_LAG, "the book was stale"),
                    FaultKind::Drop { who: Who::All | Who::User } if links => {
                        (Nanos::ZERO, "there was no link")
                    }
                    FaultKind::LateFeed { delay }
                        if delay > params().risk.stale_book + CLOCK_NOISE =>
                    {
                        (params().risk.stale_book + DECISION_LAG, "all news was late")
                    }
                    FaultKind::SilentCoin { .. } => {
                        (COIN_SILENCE + DECISION_LAG, "its book was silent")
                    }
                    FaultKind::EmptySide { .. } => (DECISION_LAG, "one side of its book was empty"),
                    FaultKind::FarLevel { .. } => (DECISION_LAG, "a side of its book was far away"),
                    _ => return None,
                };
                let (from, to) = (START + fault.start + lag + extra, START + fault.end());
                (from < to).then_some((asset_of(fault.kind), from, to, why))
            };
            setup.faults.iter().filter_map(of).collect()
        };
        let closed_at_venue =
            if setup.faults.len() == 1 { closed(ON_ITS_WAY, true) } else { vec![] };
        Self {
            liquidations: Liquidations::new(setup, venue.clone()),
            venue,
            link,
            held_to: setup.held_to,
            closed: closed(Nanos::ZERO, false),
            closed_at_venue,
            pauses: pauses(setup),
            quiet: setup.quiet(),
            bound: setup.bound,
            next_look: Nanos::ZERO,
            reasons: vec![[Reason::Warmup; 2]; assets],
            quoted: vec![[false; 2]; assets],
            well_since: None,
            halted: false,
            empty_since: None,
            booked: BTreeMap::new(),
            cancels: BTreeMap::new(),
            newest: Nanos::ZERO,
            stale_since: vec![None; assets],
            stale_spells: 0,
            alone: alone(setup),
            problems: Vec::new(),
        }
    }

    /// After each moment.
    pub fn look(&mut self, now: Nanos, pipeline: &mut Pipeline) {
        for i in 0..pipeline.records.len() {
            while let Some(record) = pipeline.records[i].pop() {
                self.on_record(now, &record);
            }
        }
        if now >= self.quiet && !self.liquidations.is_on() {
            self.watch_recovery(now);
        }
        if now >= self.next_look {
            self.next_look = now + LOOK_EVERY;
            let open = pipeline.metrics.dispatch.open_orders.get();
            self.look_at_venue(now, open);
            self.look_at_liquidations(now, pipeline);
            if !self.halted && pipeline.level.get() == HaltLevel::Halt {
                self.problem(now, "it halted by itself".to_owned());
                self.halted = true;
            }
        }
    }

    fn on_record(&mut self, now: Nanos, record: &Record) {
        match record {
            Record::Fact(Fact::Fill { asset, fill, .. }) => {
                let key = (
                    asset.index(),
                    fill.tid,
                    fill.oid.0,
                    fill.side == Side::Bid,
                    fill.qty.raw(),
                    fill.px.raw(),
                    fill.fee.raw(),
                );
                *self.booked.entry(key).or_default() += 1;
            }
            Record::Commentary(Commentary::SideState { asset, bid, ask, .. }) => {
                self.reasons[asset.index()] = [*bid, *ask];
                self.on_side_state(now, *asset, [*bid, *ask]);
            }
            Record::Commentary(Commentary::Decision(target)) => self.on_decision(now, target),
            Record::Commentary(Commentary::Action(action)) if action.kind != ActionKind::Cancel => {
                let sent = action.sent_time;
                let concerns = |asset: &Option<AssetId>| {
                    asset.is_none_or(|a| action.items().iter().any(|item| item.asset == a))
                };
                let closed = |(asset, from, to, _): &&Closed| {
                    (*from..*to).contains(&sent) && concerns(asset)
                };
                if let Some((_, _, _, why)) = self.closed.iter().find(closed).copied() {
                    self.problem(now, format!("{:?} was sent although {why}", action.kind));
                }
                if let Some(problem) = self.liquidations.on_sent(sent) {
                    self.problem(now, format!("{:?} was {problem}", action.kind));
                }
                if !GatewayView::read(&self.link).is_up {
                    self.problem(now, format!("{:?} was sent on a link down", action.kind));
                }
            }
            Record::Commentary(Commentary::Action(action)) => self.on_cancel(now, action),
            Record::Fact(Fact::Alert { kind: AlertKind::Liquidated, .. }) => {
                self.liquidations.on_alert(now)
            }
            Record::Fact(Fact::Alert {
                kind: AlertKind::DailyLoss(_) | AlertKind::Drawdown(_),
                ..
            }) => {
                self.problem(now, format!("alert: {record:?}"));
            }
            Record::Fact(Fact::Alert {
                kind: AlertKind::RingFull(_) | AlertKind::Refused, ..
            }) => {
                self.problem(now, format!("alert: {record:?}"));
            }
            _ => {}
        }
    }

    /// No order is asked to be cancelled again and again.
    fn on_cancel(&mut self, now: Nanos, action: &Action) {
        let (most, span) = TRIES;
        for item in action.items() {
            let tries = self.cancels.entry(item.cloid).or_default();
            tries.retain(|at| now - *at < span);
            tries.push_back(now);
            if tries.len() > most {
                let (cloid, count) = (item.cloid, tries.len());
                self.problem(now, format!("{count} cancels of {cloid} within {span:?}"));
            }
        }
    }

    /// A coin's trouble is that coin's. A book is stale for a moment after each of our fills, too.
    fn on_side_state(&mut self, now: Nanos, asset: AssetId, reasons: [Reason; 2]) {
        use Reason::{CoinPaused, Cooldown, CrossedBook, Halted, OneSidedBook, StaleBook};
        let ill =
            |r: &Reason| matches!(r, CoinPaused | Cooldown | CrossedBook | Halted | OneSidedBook);
        let is_stale = reasons == [StaleBook; 2];
        let before = self.stale_since[asset.index()];
        self.stale_since[asset.index()] = is_stale.then(|| before.unwrap_or(now));
        let are_all = self.stale_since.iter().all(Option::is_some);
        self.stale_spells += usize::from(before.is_none() && are_all);
        let long = before.is_some_and(|since| now - since > ALONE).then_some(StaleBook);
        let Some(reason) = reasons.into_iter().find(ill).or(long) else { return };
        let alone = |(of, from, to, _): &&Closed| *of != Some(asset) && (*from..*to).contains(&now);
        if let Some((_, _, _, why)) = self.alone.iter().find(alone).copied() {
            let what =
                format!("asset {} is not quoted for {reason:?}; of another {why}", asset.index());
            self.problem(now, what);
        }
    }

    /// What is quoted comes from a book that is there, sound, and not older than it may be.
    fn on_decision(&mut self, now: Nanos, target: &QuoteTarget) {
        self.newest = self.newest.max(target.cause.recv_time);
        if Side::BOTH.iter().all(|side| target.reason(*side) != Reason::Quoted) {
            return;
        }
        let age = now - target.cause.recv_time;
        let silence = now - self.newest;
        let is_old = age > COIN_SILENCE + DECISION_LAG
            || silence > self.pauses + LINK_SILENCE + DECISION_LAG;
        if is_old || target.mid.is_none() {
            let (age, silence) = (age.as_millis(), silence.as_millis());
            self.problem(
                now,
                format!("quotes from a book {age} ms old, all news {silence} ms ago"),
            );
        }
        let (bid, ask) = (target.bids[0], target.asks[0]);
        if bid.qty.is_positive() && ask.qty.is_positive() && bid.px >= ask.px {
            self.problem(now, format!("wants to buy at {} and sell at {}", bid.px, ask.px));
        }
    }

    /// Everything is quoted, or withheld for a reason that has nothing to do with faults.
    fn watch_recovery(&mut self, now: Nanos) {
        let mut well = true;
        for (reasons, quoted) in self.reasons.iter().zip(&mut self.quoted) {
            for (reason, quoted) in reasons.iter().zip(quoted) {
                use Reason::{Budget, Cooldown, LinkDown, SlotUnknown, Warmup};
                *quoted |=
                    matches!(reason, Reason::Quoted | Reason::PositionLimit | Reason::OneSided);
                let ill = matches!(reason, Budget | Cooldown | LinkDown | SlotUnknown | Warmup);
                well &= *quoted && !ill;
            }
        }
        if well && self.well_since.is_none() && GatewayView::read(&self.link).is_up {
            self.well_since = Some(now);
        }
    }

    /// When everything was quoted again.
    pub fn well_since(&self) -> Option<Nanos> {
        self.well_since
    }

    fn look_at_venue(&mut self, now: Nanos, bot_open: u64) {
        let (held_to, user) = (self.held_to, user());
        let (problems, open) = self.venue.with(|host| {
            let venue = host.inner().venue();
            let (open, account) = (venue.open_orders(&user), venue.account(&user));
            let mut problems = Vec::new();
            let mut slots = BTreeSet::new();
            for order in &open {
                match order.cloid {
                    Some(cloid) if cloid.session() == SESSION && cloid.is_ours() => {
                        if !slots.insert(cloid.slot()) {
                            problems.push(format!("two orders rest in the slot of {cloid}"));
                        }
                    }
                    _ => problems.push(format!("order {} is nobody's", order.oid.0)),
                }
            }
            let mut total = Usd::ZERO;
            for (asset, _) in universe().iter() {
                let held = account.positions.iter().find(|p| p.asset == asset);
                let held = held.map_or(Qty::ZERO, |p| p.szi);
                let mark = venue.ctx(asset).mark;
                let worst = Side::BOTH.map(|side| {
                    let rests = open.iter().filter(|o| o.asset == asset && o.side == side);
                    side.signed(held) + rests.map(|o| o.leaves).sum::<Qty>()
                });
                let worst = notional(mark, worst[0].max(worst[1]));
                total += worst;
                if worst > held_to[0] {
                    problems.push(format!("{worst} USD of {asset:?} at worst"));
                }
            }
            if total > held_to[1] {
                problems.push(format!("{total} USD in all at worst"));
            }
            (problems, open.len())
        });
        problems.into_iter().for_each(|problem| self.problem(now, problem));
        if open as u64 > bot_open {
            self.problem(now, format!("{open} orders rest, and the bot knows of {bot_open}"));
        }
        match open {
            0 => drop(self.empty_since.get_or_insert(now)),
            _ => self.empty_since = None,
        }
    }

    /// The bot should be as it was before the faults.
    pub fn before_halt(&mut self, now: Nanos) {
        self.halted = true;
        self.empty_since = None;
        if !GatewayView::read(&self.link).is_up {
            self.problem(now, "the order link is not up again".to_owned());
        }
        if self.well_since.is_none_or(|at| at > self.quiet + self.bound) {
            let why = format!("not quoting again: {:?}, had {:?}", self.reasons, self.quoted);
            self.problem(now, why);
        }
    }

    /// After a halt, whether nothing has rested for a while.
    pub fn is_over(&self, now: Nanos) -> bool {
        self.halted && self.empty_since.is_some_and(|since| now - since >= SETTLE)
    }

    /// The books are compared.
    pub fn finish(mut self, pipeline: &mut Pipeline, seen: &Seen) -> Final {
        let now = self.next_look;
        let (fills, open) = self.venue.with(|host| {
            let venue = host.inner().venue();
            let fills: Vec<_> = venue.fills(&user()).iter().cloned().collect();
            (fills, venue.open_orders(&user()).len())
        });
        if open > 0 {
            self.problem(now, format!("{open} orders still rest after the end"));
        }
        for difference in self.differences(pipeline) {
            self.problem(now, difference);
        }
        self.compare_fills(now, &fills);
        for (asset, from, to, why) in std::mem::take(&mut self.closed_at_venue) {
            let placed = self.venue.with(|host| {
                let history = host.inner().venue().history(&user());
                let mut history = history.iter().filter(|o| asset.is_none_or(|a| o.asset == a));
                history.find(|o| (from..to).contains(&o.time)).map(|o| o.oid.0)
            });
            if let Some(oid) = placed {
                self.problem(now, format!("order {oid} was placed although {why}"));
            }
        }
        let refused = seen.nonce_refusals.load(Ordering::Relaxed);
        if refused > 0 {
            self.problem(now, format!("{refused} nonces were refused"));
        }
        let lost = pipeline.rings.iter().find(|r| r.dropped() > 0 && r.name != "feed->book");
        if let Some(ring) =
            lost.filter(|r| r.name.contains("side") || r.name.contains("dispatch->"))
        {
            self.problem(now, format!("{} dropped {}", ring.name, ring.dropped()));
        }
        let mut problems = Vec::new();
        self.liquidations.finish(&mut problems);
        problems.into_iter().for_each(|problem| self.problem(now, problem));
        let recovery = self.well_since.map(|at| at - self.quiet);
        let losses = GatewayView::read(&self.link).losses;
        let liquidations = self.liquidations.count();
        let (problems, fills, stale_spells) = (self.problems, fills.len(), self.stale_spells);
        Final { problems, fills, recovery, losses, liquidations, stale_spells }
    }

    /// Where our books are not the venue's.
    fn differences(&self, pipeline: &Pipeline) -> Vec<String> {
        let metrics = &pipeline.metrics;
        let account = self.venue.with(|host| host.inner().venue().account(&user()));
        let (mut value, mut differences) = (account.total_raw_usd, Vec::new());
        for (asset, instrument) in universe().iter() {
            let mark = Px::from_raw(metrics.risk.mark[asset.index()].get() as i64);
            let theirs = account.positions.iter().find(|p| p.asset == asset);
            let theirs = theirs.map_or(Qty::ZERO, |p| p.szi);
            let ours = Qty::from_raw(metrics.risk.position[asset.index()].get() as i64);
            value += notional(mark, theirs);
            if ours != theirs {
                let coin = instrument.coin;
                differences
                    .push(format!("{coin}: we hold {ours}, says the bot; {theirs}, the venue"));
            }
        }
        let (net, gained) = (metrics.net_pnl(), value - MONEY);
        if net - gained > TOLERANCE || gained - net > TOLERANCE {
            differences.push(format!("{net} USD gained, says the bot; {gained}, the venue"));
        }
        differences
    }

    /// A liquidation halts until somebody re-arms, which is done here.
    fn look_at_liquidations(&mut self, now: Nanos, pipeline: &mut Pipeline) {
        let agrees = self.differences(pipeline).is_empty();
        let mut problems = Vec::new();
        if let Now::Rearm = self.liquidations.look(now, agrees, &mut problems) {
            let armed = pipeline.control.risk.push(RiskCommand::Rearm).is_ok();
            assert!(armed, "the risk stage takes no commands");
            // It has to be well again from here.
            self.quiet = self.quiet.max(now);
            self.quoted.fill([false; 2]);
            self.well_since = None;
        }
        problems.into_iter().for_each(|problem| self.problem(now, problem));
    }

    /// Each fill of the venue's is booked once, and nothing else is.
    fn compare_fills(&mut self, now: Nanos, fills: &[botmm::exchange::model::UserFill]) {
        let mut booked = core::mem::take(&mut self.booked);
        for f in fills {
            let bid = f.side == Side::Bid;
            let key = (f.asset.index(), f.tid, f.oid.0, bid, f.qty.raw(), f.px.raw(), f.fee.raw());
            match booked.remove(&key) {
                Some(1) => {}
                times => {
                    let times = times.unwrap_or(0);
                    let (tid, at) = (f.tid, f.time);
                    self.problem(now, format!("fill {tid} of {at} was booked {times} times"));
                }
            }
        }
        if let Some((key, _)) = booked.first_key_value() {
            self.problem(now, format!("{} fills that never were, one: {key:?}", booked.len()));
        }
    }

    fn problem(&mut self, now: Nanos, what: String) {
        if self.problems.len() < MAX_PROBLEMS {
            let at = (now - START).as_secs_f64();
            self.problems.push(format!("at {at:.1} s: {what}"));
        }
    }
}
