//! Parameters that change at any moment: whatever they are, each decision is made from one generation
//! of them, nothing goes beyond the limits that hold, and the accounts add up. The checker reads what
//! was decided, sent and filled, beside what was handed over.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::rt::{IdleStrategy, InLatest, LanePlan, OutLatest, Plan, Stage, board, ring};
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::stage::quote::{QuoteRings, QuoteStage};
use botmm_pipeline::stage::records::records;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::params::{FairPrice, QuoteModel, Strategy};
use botmm_pipeline::types::*;
use botmm_pipeline::wiring::Control;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use world::{Outcome, Setup, run_beside, universe};

const ASSETS: usize = 3;

/// Parameters of all assets.
type All = [AssetParams; ASSETS];

fn setup(seed: u64, minutes: i64) -> Setup {
    let mut setup = Setup::busy(seed, minutes);
    setup.params.requote_threshold_bps = AssetParams::default().requote_threshold_bps;
    setup
}

/// A side thread that changes parameters at random moments, and remembers each generation.
struct Changer {
    rng: ChaCha8Rng,
    generations: Vec<All>,
    refused: u64,
}

impl Changer {
    fn new(setup: &Setup) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(setup.seed ^ 0x5eed);
        Self { rng, generations: vec![[setup.params; ASSETS]], refused: 0 }
    }

    fn after_moment(&mut self, control: &mut Control) {
        // Several at once now and then: they wait for each other.
        while self.rng.random_range(0..100) < 2 {
            self.change(control);
        }
    }

    fn change(&mut self, control: &mut Control) {
        let mut all = *self.generations.last().unwrap();
        let chosen = self.rng.random_range(1..1 << ASSETS);
        let ids = (0..ASSETS).filter(|i| chosen >> i & 1 == 1);
        let changes: Vec<_> = ids
            .map(|i| {
                all[i] = self.random(&all[i]);
                (AssetId::new(i), all[i])
            })
            .collect();
        match control.params.change(&changes) {
            Some(generation) => {
                assert_eq!(generation as usize, self.generations.len());
                self.generations.push(all);
            }
            None => self.refused += 1,
        }
    }

    fn random(&mut self, old: &AssetParams) -> AssetParams {
        let rng = &mut self.rng;
        let requote_min = Nanos::millis(rng.random_range(20..500));
        let mut new = AssetParams {
            vol_sample: Nanos::millis(rng.random_range(100..2_000)),
            vol_halflife_s: rng.random_range(1.0..120.0),
            vol_horizon_s: rng.random_range(1.0..20.0),
            imbalance_levels: rng.random_range(1..=20),
            imbalance_alpha: rng.random_range(0.01..1.0),
            fair_price: if rng.random() { FairPrice::Mid } else { FairPrice::Microprice },
            model: QuoteModel::ALL[rng.random_range(0..3)],
            strategy: Strategy::ALL[rng.random_range(0..2)],
            risk_aversion: rng.random_range(0.001..0.1),
            risk_horizon_s: rng.random_range(1.0..120.0),
            arrival_rate_per_s: rng.random_range(0.1..2.0),
            arrival_decay_per_bps: rng.random_range(0.1..1.0),
            min_spread_bps: rng.random_range(0.1..6.0),
            vol_multiplier: rng.random_range(0.0..0.5),
            fee_floor: rng.random_range(0..4) == 0,
            skew_factor: rng.random_range(0.0..1.0),
            bias_strength: rng.random_range(0.0..1.0),
            imbalance_strength: rng.random_range(0.0..1.0),
            level_spacing_bps: rng.random_range(0.0..3.0),
            num_levels: rng.random_range(1..=4),
            order_size_usd: Usd::whole(rng.random_range(20..600)),
            one_sided_at: rng.random_range(0.1..1.0),
            requote_min,
            tick: requote_min + Nanos::millis(rng.random_range(0..2_000)),
            requote_threshold_bps: rng.random_range(0.0..1.0),
            ..*old
        };
        new.toxicity.use_toxicity = rng.random();
        new.risk.max_position_usd = Usd::whole(rng.random_range(100..2_000));
        new.risk.vol_emergency_ratio = rng.random_range(1.0..4.0);
        new.risk.stale_book = Nanos::millis(rng.random_range(500..3_000));
        assert!(new.is_usable());
        new
    }
}

fn limit(all: &All, asset: AssetId) -> Usd {
    all[asset.index()].risk.max_position_usd
}

/// Goes through what was recorded, moment by moment, knowing what held when.
struct Checker<'a> {
    seed: u64,
    generations: &'a [All],
    /// Newest generation, when it took effect, and the one before that moment.
    now: (usize, Nanos, usize),
    /// Newest generation decided with, by asset.
    decided: [usize; MAX_ASSETS],
    position: [Qty; MAX_ASSETS],
    quoted: u64,
    actions: u64,
}

impl Checker<'_> {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Fact(Fact::Params { generation, time, .. }) => {
                let (newest, since, before) = self.now;
                assert_eq!(*generation as usize, newest + 1, "seed {}: in order", self.seed);
                let before = if *time == since { before } else { newest };
                self.now = (newest + 1, *time, before);
            }
            Record::Commentary(Commentary::Decision(target)) => self.decision(target),
            Record::Fact(Fact::Fill { asset, fill, .. }) => {
                self.position[asset.index()] += fill.side.signed(fill.qty);
            }
            Record::Commentary(Commentary::Action(action)) => self.action(action),
            _ => {}
        }
    }

    fn decision(&mut self, target: &QuoteTarget) {
        let (seed, asset, used) = (self.seed, target.asset, target.generation as usize);
        let (newest, since, before) = self.now;
        assert!(used >= self.decided[asset.index()], "seed {seed}: back to {used}");
        let params = &self.generations[used][asset.index()];
        let mut held = used;
        if target.made < since {
            // Made before, and judged again by the limits that hold now.
            assert!(target.time >= since, "seed {seed}: judged before {since}: {target:?}");
            held = newest;
        } else {
            let oldest = if target.made == since { before } else { newest };
            let fits = (oldest..=newest).contains(&used);
            assert!(fits, "seed {seed}: {used} of {newest} since {since}: {target:?}");
        }
        self.decided[asset.index()] = used;
        // Nothing widens, narrows or scales the quote beyond its parameters.
        let is_fixed = params.strategy == Strategy::Basic && !params.toxicity.use_toxicity;
        let most = limit(&self.generations[held], asset);
        assert!(target.max_exposure_usd <= most, "seed {seed}: of {most}: {target:?}");
        for side in Side::BOTH {
            let wanted = target.side(side).iter().filter(|l| l.qty.is_positive());
            let (mut levels, mut value) = (0, Usd::ZERO);
            wanted.for_each(|l| (levels, value) = (levels + 1, value + notional(l.px, l.qty)));
            self.quoted += levels;
            assert!(levels <= params.num_levels as u64, "seed {seed}: {target:?}");
            // Sized at the fair price, placed beside it.
            let mut most = params.order_size_usd.to_f64() * 1.01;
            if !is_fixed {
                most *= params.adaptive.regime_size[0];
            }
            assert!(value.to_f64() <= most, "seed {seed}: {value} of {most}: {target:?}");
        }
        if is_fixed && target.bids[0].qty.is_positive() && target.asks[0].qty.is_positive() {
            let spread = (target.asks[0].px - target.bids[0].px).to_f64() / target.fair.to_f64();
            let least = params.min_spread_bps * 1e-4 * (1.0 - 1e-9);
            assert!(spread >= least, "seed {seed}: {spread} of {least}: {target:?}");
        }
    }

    fn action(&mut self, action: &Action) {
        if action.kind == ActionKind::Cancel {
            return;
        }
        self.actions += 1;
        let (newest, since, before) = self.now;
        let asset = action.items()[0].asset;
        let mut most = limit(&self.generations[newest], asset);
        if action.sent_time == since {
            let meanwhile = &self.generations[before..newest];
            most = meanwhile.iter().map(|all| limit(all, asset)).fold(most, Usd::max);
        }
        for side in Side::BOTH {
            let mut exposed = side.signed(self.position[asset.index()]);
            let items = action.items().iter().filter(|i| i.side == side);
            let (mut px, mut sends) = (Px::ZERO, false);
            items.for_each(|i| {
                (exposed, px, sends) = (exposed + i.qty, px.max(i.px), true);
            });
            let worst = notional(px, exposed);
            let seed = self.seed;
            assert!(!sends || worst <= most, "seed {seed}: {worst} of {most}: {action:?}");
        }
    }
}

/// Each asset whose parameters changed is decided about in the moment of the change.
fn nothing_waits(seed: u64, generations: &[All], records: &[Record]) {
    for record in records {
        let Record::Fact(Fact::Params { generation, time, .. }) = record else { continue };
        let now = *generation as usize;
        for i in (0..ASSETS).filter(|i| generations[now][*i] != generations[now - 1][*i]) {
            let decided = records.iter().any(|r| {
                matches!(r, Record::Commentary(Commentary::Decision(t))
                    if t.asset.index() == i && t.time == *time && t.generation >= *generation)
            });
            assert!(decided, "seed {seed}: asset {i} waits with generation {now} at {time}");
        }
    }
}

fn check(setup: &Setup, changer: &Changer, outcome: &Outcome) {
    let (seed, m) = (setup.seed, &outcome.metrics);
    let mut checker = Checker {
        seed,
        generations: &changer.generations,
        now: (0, Nanos::ZERO, 0),
        decided: [0; MAX_ASSETS],
        position: [Qty::ZERO; MAX_ASSETS],
        quoted: 0,
        actions: 0,
    };
    outcome.records.iter().for_each(|r| checker.record(r));
    assert!(checker.quoted > 1_000 && checker.actions > 500, "seed {seed}: too quiet");
    // What was handed over after the last event did not take effect any more.
    assert!(checker.now.0 + 3 >= changer.generations.len(), "seed {seed}");
    nothing_waits(seed, &changer.generations, &outcome.records);

    for (asset, _) in universe().iter() {
        let highest = changer.generations.iter().map(|all| limit(all, asset)).max().unwrap();
        let worst = m.dispatch.max_exposure[asset.index()].usd();
        assert!(worst <= highest, "seed {seed}: {worst} of {highest}");
    }
    let (ours, venues) = outcome.nets();
    let in_flight = outcome.venue.fills - m.dispatch.fills.get();
    assert!(in_flight <= 3, "seed {seed}: {in_flight} fills never arrived");
    if in_flight == 0 {
        assert_eq!(ours, venues, "seed {seed}: our books against the venue's");
    }
    for (ring, dropped) in &outcome.dropped {
        assert!(!ring.ends_with("->side") || *dropped == 0, "seed {seed}: {ring} lost {dropped}");
    }
}

fn changing(setup: &Setup, plan: Option<&Plan>) -> (Changer, Outcome) {
    let mut changer = Changer::new(setup);
    let outcome = run_beside(setup, plan, |g| g, |_, control| changer.after_moment(control));
    (changer, outcome)
}

#[test]
fn whatever_changes_limits_hold_and_accounts_add_up() {
    let (mut changes, mut fills) = (0, 0);
    for seed in 0..10 {
        let setup = Setup { lossless: seed % 2 == 0, ..setup(seed, 3) };
        let (changer, outcome) = changing(&setup, None);
        check(&setup, &changer, &outcome);
        changes += changer.generations.len();
        fills += outcome.metrics.dispatch.fills.get();
    }
    println!("{changes} changes of parameters, {fills} fills");
    assert!(changes > 1_000 && fills > 100, "{changes} changes, {fills} fills prove nothing");
}

#[test]
fn every_plan_decides_the_same_whatever_changes() {
    let plan = |lanes: &[&[&str]]| {
        let lane = |stages: &&[&str]| LanePlan {
            stages: stages.iter().map(|s| (*s).into()).collect(),
            core: None,
            idle: IdleStrategy::Backoff,
        };
        Plan { name: "test".into(), lanes: lanes.iter().map(lane).collect(), ..Plan::default() }
    };
    let paired = plan(&[&["feed", "book", "quote", "risk"], &["dispatch"]]);
    let setup = Setup { lossless: true, ..setup(77, 1) };
    let (inline, threads) = (changing(&setup, None), changing(&setup, Some(&paired)));
    assert_eq!(inline.0.generations, threads.0.generations);
    let hash = |(_, outcome): &(Changer, Outcome)| outcome.metrics.decision_hash();
    assert_eq!(hash(&inline), hash(&threads));
    let unchanged = run_beside(&setup, None, |g| g, |_, _| {});
    assert_ne!(hash(&inline), unchanged.metrics.decision_hash());
}

/// The venue puts a coin on another grid of sizes: from that moment on every new order is on it, and what rests off
/// it is replaced or cancelled at once.
#[test]
fn a_grid_that_changes_holds_for_whatever_is_sent_from_then_on() {
    let (mut before, mut after, mut off_grid) = (0, 0, 0);
    for seed in 0..6 {
        let setup = setup(seed, 2);
        let asset = AssetId::new(usize::try_from(seed % 3).unwrap());
        let coarse = universe().get(asset).sz_decimals - 1;
        let grid = universe().get(asset).on_grid(Some(coarse));
        let change_at = setup.start + Nanos::secs(60);
        let mut is_changed = false;
        let params = AssetParams { sz_decimals: Some(coarse), ..setup.params };
        let outcome = run_beside(
            &setup,
            None,
            |g| g,
            |now, control| {
                if now >= change_at && !is_changed {
                    is_changed = control.params.change(&[(asset, params)]).is_some();
                }
            },
        );
        let mut since: Option<Nanos> = None;
        for record in &outcome.records {
            match record {
                Record::Fact(Fact::Params { time, .. }) => since = Some(*time),
                Record::Commentary(Commentary::Decision(target)) if target.asset == asset => {
                    let levels = target.bids.iter().chain(&target.asks);
                    for level in levels.filter(|l| l.qty.is_positive() && target.generation > 0) {
                        assert!(grid.is_legal_qty(level.qty), "seed {seed}: {level:?}");
                    }
                }
                Record::Commentary(Commentary::Action(action)) => {
                    for item in action.items().iter().filter(|item| item.asset == asset) {
                        let is_new = action.kind != ActionKind::Cancel;
                        let is_late = since.is_some_and(|since| action.sent_time > since);
                        match (is_new, is_late) {
                            (true, true) => {
                                after += 1;
                                assert!(grid.is_legal_qty(item.qty), "seed {seed}: {item:?}");
                            }
                            (true, false) => {
                                before += 1;
                                off_grid += u64::from(!grid.is_legal_qty(item.qty));
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let last = outcome.records.iter().rev().find_map(|record| match record {
            Record::Commentary(Commentary::Decision(t)) if t.asset == asset => Some(*t),
            _ => None,
        });
        assert!(last.is_some_and(|t| t.generation == 1), "seed {seed}: the change came");
        let (ours, venues) = outcome.nets();
        if outcome.venue.fills == outcome.metrics.dispatch.fills.get() {
            assert_eq!(ours, venues, "seed {seed}: our books against the venue's");
        }
    }
    println!("{before} orders before ({off_grid} of them off the later grid), {after} after");
    assert!(off_grid > 100 && after > 300, "{off_grid}, {after}: too quiet");
}

/// The first message of a generation may be another asset's: what is decided then is of that
/// generation all the same, though its own view is still an older one.
#[test]
fn a_decision_carries_the_generation_that_it_was_made_from() {
    let (mut views, input) = ring("book->quote", 8);
    let (mut changes, params) = ring("side->quote params", 8);
    let (out, mut targets) = ring("quote->risk", 8);
    let rings = QuoteRings {
        views: InLatest::new(input, ASSETS, 1, true), // One message a poll.
        venue: ring("dispatch->quote", 8).1,
        commands: ring("side->quote", 8).1,
        params: ParamsIn::new(params),
        out: OutLatest::new(out, ASSETS),
        records: records([("facts", 8), ("commentary", 8)], &Arc::default()).0,
        status: (0..ASSETS).map(|_| board().0).collect(),
    };
    let all = [AssetParams::default(); ASSETS];
    let mut quote = QuoteStage::new(rings, &universe(), &all, Arc::default());
    let mut poll = |now, asset, generation| {
        let asset = AssetId::new(asset);
        views.push(BookView { asset, generation, ..BookView::default() }).unwrap();
        quote.poll(now);
        let mut seen = Vec::new();
        while let Some(target) = targets.pop() {
            seen.push((target.asset.index(), target.generation));
        }
        seen
    };
    assert_eq!(poll(Nanos::secs(1), 0, 0), [(0, 0)]);
    assert_eq!(poll(Nanos::secs(1), 1, 0), [(1, 0)]);
    let params = AssetParams { num_levels: 1, ..AssetParams::default() };
    changes.push(ParamsChange { generation: 1, asset: AssetId::new(1), params }).unwrap();
    let soon = Nanos::secs(1) + Nanos::millis(1);
    assert_eq!(poll(soon, 0, 1), [(1, 1)], "what changed does not wait, the other does");
}
