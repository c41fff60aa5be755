//! Seeded worlds from end to end: the synthetic market, the simulated exchange with random
//! latencies, and the five stages as they trade live. The checkers sit at the wire and in the
//! venue's account, outside of what they check. A failure names its seed.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::logic::sizing;
use botmm_pipeline::rt::{IdleStrategy, LanePlan, Plan};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::sim::link::SimGateway;
use std::collections::HashMap;
use world::{Generous, Outcome, Setup, run, universe};

/// Looks at everything that is sent and everything that comes back.
struct Checked {
    inner: SimGateway,
    universe: Universe,
    seed: u64,
    /// Our resting orders as the venue's messages tell.
    live: HashMap<Oid, (AssetId, Side, Px)>,
    sent: HashMap<Cloid, (Side, Px)>,
}

impl Checked {
    fn new(inner: SimGateway, seed: u64) -> Self {
        Self { inner, universe: universe(), seed, live: HashMap::new(), sent: HashMap::new() }
    }
    fn check_sent(&mut self, now: Nanos, action: &Action) {
        assert_eq!(action.sent_time, now, "seed {}", self.seed);
        assert!(action.expires_after > now, "seed {}", self.seed);
        for item in action.items() {
            assert!(item.cloid.is_ours() && item.tif == Tif::Alo, "seed {}", self.seed);
            if action.kind == ActionKind::Cancel {
                continue;
            }
            let inst = self.universe.get(item.asset);
            let legal = inst.is_legal_px(item.px)
                && sizing::finish(inst, item.px, item.qty) == Some(item.qty);
            assert!(legal, "seed {}: {item:?}", self.seed);
            let is_new = self.sent.insert(item.cloid, (item.side, item.px)).is_none();
            assert_eq!(is_new, action.kind == ActionKind::Place, "seed {}: {item:?}", self.seed);
        }
    }
    fn check_received(&mut self, event: &VenueEvent) {
        match event.kind {
            VenueEventKind::Ack { oid, .. } => {
                let (side, px) = self.sent[&event.cloid];
                // Never two orders of ours that could trade with each other.
                let crossing = self.live.values().find(|(asset, other, at)| {
                    let crosses = px == *at || side.is_better(px, *at);
                    *asset == event.asset && *other != side && crosses
                });
                assert_eq!(crossing, None, "seed {}: {side:?} at {px}", self.seed);
                self.live.insert(oid, (event.asset, side, px));
            }
            VenueEventKind::Done(done) => drop(self.live.remove(&done.oid)),
            VenueEventKind::Reject(reject) => assert!(
                !reject.reason.is_error(),
                "seed {}: the venue refused {reject:?}",
                self.seed
            ),
            _ => {}
        }
    }
}

impl Gateway for Checked {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        self.check_sent(now, action);
        self.inner.submit(now, action)
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        let event = self.inner.next(now)?;
        self.check_received(&event);
        Some(event)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
}

/// The same with every model and strategy, and what fills teach. Arrivals are given, so that short
/// worlds are quoted from the start.
fn busy_with_each(seed: u64, minutes: i64) -> Vec<Setup> {
    let with = |(model, strategy)| {
        let mut setup = Setup::busy(seed, minutes);
        let p = &mut setup.params;
        (p.model, p.strategy) = (model, strategy);
        (p.arrival_rate_per_s, p.arrival_decay_per_bps) = (0.3, 5.0);
        p.toxicity.use_toxicity = strategy == Strategy::Adaptive;
        setup
    };
    let pairs = QuoteModel::ALL.into_iter().flat_map(|m| Strategy::ALL.map(|s| (m, s)));
    pairs.map(with).collect()
}

fn check(setup: &Setup, outcome: &Outcome) {
    let (seed, m) = (setup.seed, &outcome.metrics);
    let (ours, venues) = outcome.nets();
    // Fills on their way at the end are the venue's alone; there are few, and then nets differ.
    let in_flight = outcome.venue.fills - m.dispatch.fills.get();
    assert!(in_flight <= 3, "seed {seed}: {in_flight} fills never arrived");
    if in_flight == 0 {
        assert_eq!(ours, venues, "seed {seed}: our books against the venue's");
        for (asset, _) in universe().iter() {
            let position = Qty::from_raw(m.risk.position[asset.index()].get() as i64);
            assert_eq!(position, outcome.venue.position[asset.index()], "seed {seed}");
        }
    }
    let booked =
        outcome.records.iter().filter(|r| matches!(r, Record::Fact(Fact::Fill { .. }))).count()
            as u64;
    assert_eq!(booked, m.dispatch.fills.get(), "seed {seed}");
    for (asset, inst) in universe().iter() {
        let worst = m.dispatch.max_exposure[asset.index()].usd();
        assert!(worst <= setup.params.risk.max_position_usd, "seed {seed}: {} {worst}", inst.coin);
        for side in Side::BOTH {
            let times = &m.dispatch.reason_ns[asset.index()][side.index()];
            let total: u64 = times.iter().map(|t| t.get()).sum();
            let missing = setup.span.0 - total as i64;
            assert!(
                (0..Nanos::secs(2).0).contains(&missing),
                "seed {seed}: {missing} ns unexplained"
            );
        }
    }
}

#[test]
fn busy_worlds_add_up() {
    let mut fills = 0;
    for seed in 0..12 {
        let setup = Setup::busy(seed, 4);
        let outcome = run(&setup, None, |g| Checked::new(g, seed));
        check(&setup, &outcome);
        fills += outcome.metrics.dispatch.fills.get();
    }
    assert!(fills > 500, "only {fills} fills: the worlds are too quiet to prove anything");
}

#[test]
fn every_model_and_strategy_adds_up() {
    for seed in 20..23 {
        for setup in busy_with_each(seed, 4) {
            let outcome = run(&setup, None, |g| Checked::new(g, seed));
            check(&setup, &outcome);
            let (fills, p) = (outcome.metrics.dispatch.fills.get(), &setup.params);
            assert!(fills > 20, "seed {seed}: {:?} {:?}: {fills} fills", p.model, p.strategy);
        }
    }
}

#[test]
fn default_parameters_quote_nearly_always() {
    let setup = Setup::new(7, 15);
    let outcome = run(&setup, None, |g| Checked::new(g, 7));
    check(&setup, &outcome);
    let quoted: u64 = (0..3)
        .flat_map(|a| &outcome.metrics.dispatch.reason_ns[a])
        .map(|side| side[Reason::Quoted as usize].get())
        .sum();
    let share = quoted as f64 / (6.0 * setup.span.0 as f64);
    assert!(share > 0.95, "quoted {share} of the time");
}

fn plan(lanes: &[&[&str]]) -> Plan {
    let lane = |stages: &&[&str]| LanePlan {
        stages: stages.iter().map(|s| (*s).into()).collect(),
        core: None,
        idle: IdleStrategy::Backoff,
    };
    Plan { name: "test".into(), lanes: lanes.iter().map(lane).collect(), ..Plan::default() }
}

/// Truth 1: same input, configuration and seed give the same decisions under every plan.
#[test]
fn every_plan_decides_the_same() {
    let solo = plan(&[&["feed", "book", "quote", "risk", "dispatch"]]);
    let paired = plan(&[&["feed", "book", "quote", "risk"], &["dispatch"]]);
    let setup = Setup { lossless: true, ..Setup::busy(3, 1) };
    let hash = |plan: Option<&Plan>, setup: &Setup| {
        let outcome = run(setup, plan, |g| g);
        for (ring, dropped) in &outcome.dropped {
            assert!(!setup.lossless || *dropped == 0, "{ring} dropped {dropped}");
        }
        assert!(outcome.metrics.risk.decisions.get() > 500);
        outcome.metrics.decision_hash()
    };
    let inline = hash(None, &setup);
    assert_eq!(inline, hash(Some(&solo), &setup));
    assert_eq!(inline, hash(Some(&paired), &setup));
    let other = Setup { seed: 4, ..setup };
    assert_ne!(inline, hash(None, &other), "another seed is another world");
}

/// Mean and its standard error.
fn mean_of(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// What quoting a driftless market brings before fees, in basis points of the volume, for each model
/// and strategy: by seed, when the venue gives away `gift_bps` a fill.
fn gross_bps(gift_bps: f64) -> Vec<(String, Vec<f64>)> {
    const MINUTES: i64 = 5;
    let free = |seed| {
        let mut setups = busy_with_each(seed, MINUTES);
        setups.iter_mut().for_each(|s| s.params.maker_fee = Bps::default());
        setups
    };
    let name = |p: &AssetParams| format!("{}, {}", p.model.as_str(), p.strategy.as_str());
    let mut all: Vec<_> = free(0).iter().map(|s| (name(&s.params), Vec::new())).collect();
    for seed in 100..120 {
        for (setup, (name, grosses)) in free(seed).iter().zip(&mut all) {
            let outcome = run(setup, None, |g| Generous(g, gift_bps));
            let m = &outcome.metrics;
            assert!(m.dispatch.fills.get() > 0, "seed {seed}: {name} never traded");
            assert_eq!(m.risk.fees.usd(), Usd::ZERO, "a fee would hide what the market pays");
            grosses.push(m.gross_pnl().to_f64() / m.dispatch.volume.usd().to_f64() * 1e4);
        }
    }
    all
}

/// What those who know the fair value take from whoever quotes as tightly as we do here: 1.1 to 1.5
/// basis points of the volume. A market that takes less than this gives something away.
const TAKEN_BPS: f64 = 0.75;

/// A market whose fair value has no drift must not make money for us, whatever the model and the
/// strategy, and before any fee: it takes what it always takes, by more than two standard errors. And
/// the test can tell: with one basis point a fill given away it does not.
#[test]
fn no_free_lunch() {
    let (honest, generous) = (gross_bps(0.0), gross_bps(1.0));
    for ((name, honest), (_, generous)) in honest.iter().zip(&generous) {
        let ((mean, error), (gifted, gifted_error)) = (mean_of(honest), mean_of(generous));
        println!(
            "{name}: before fees {mean:.3} ± {error:.3} bps of the volume over {} seeds; with 1 bps \
             a fill given away {gifted:.3} ± {gifted_error:.3}",
            honest.len()
        );
    }
    let takes_its_share = |grosses: &[f64]| {
        let (mean, error) = mean_of(grosses);
        mean + 2.0 * error < -TAKEN_BPS
    };
    for ((name, honest), (_, generous)) in honest.iter().zip(&generous) {
        assert!(takes_its_share(honest), "{name}: a driftless market paid");
        assert!(!takes_its_share(generous), "{name}: a basis point a fill went unnoticed");
    }
}
