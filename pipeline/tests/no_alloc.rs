//! Nothing allocates after start: not the decoder once it is warm, and no stage of the pipeline
//! over a whole replay. Allocations are counted by thread, in the code under test only.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod counting;
mod world;

use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::{AssetId, Bps, Fact, LentEvent, Nanos, QuoteModel, Record, Strategy};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use botmm_pipeline::wiring;
use counting::allocations;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use world::Setup;

/// A stage whose polls are watched.
struct Watched {
    inner: Box<dyn Stage>,
    allocations: Arc<AtomicU64>,
    polls: Arc<AtomicU64>,
}

impl Stage for Watched {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn on_start(&mut self) {
        self.inner.on_start();
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.watched(|stage| stage.poll(now))
    }
    fn hear(&mut self, now: Nanos) -> usize {
        self.watched(|stage| stage.hear(now))
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
    fn on_stop(&mut self) {
        self.inner.on_stop();
    }
}

impl Watched {
    fn watched(&mut self, does: impl Fn(&mut Box<dyn Stage>) -> usize) -> usize {
        let mut work = 0;
        let inner = &mut self.inner;
        let n = allocations(|| work = does(inner));
        self.allocations.fetch_add(n, Ordering::Relaxed);
        self.polls.fetch_add(1, Ordering::Relaxed);
        work
    }
}

#[test]
fn no_stage_allocates_after_start() {
    let mut setup = Setup::new(5, 10);
    setup.params.fee_floor = false;
    setup.params.min_spread_bps = 0.3;
    setup.params.vol_multiplier = 0.1;
    watch_replay(&setup);
    // The same with everything on.
    setup.params.strategy = Strategy::Adaptive;
    setup.params.toxicity.use_toxicity = true;
    // The edge is computed and learned of in any case; so that it fills, nothing is withheld for it, and
    // any line of arrivals will do.
    setup.params.arrival_min_r2 = 0.0;
    setup.params.maker_fee = Bps::from_e8(0);
    for model in [QuoteModel::AvellanedaStoikov, QuoteModel::Glft] {
        setup.params.model = model;
        setup.params.fair_price = FairPrice::Fitted;
        setup.params.max_spread_bps = 0.4;
        watch_replay(&setup);
    }
}

fn watch_replay(setup: &Setup) {
    let (count, polls) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let watch = |inner| -> Box<dyn Stage> {
        Box::new(Watched { inner, allocations: count.clone(), polls: polls.clone() })
    };
    let (mut moments, mut params) = (0_u64, setup.params);
    let side = |_: Nanos, control: &mut wiring::Control| {
        moments += 1;
        if moments.is_multiple_of(1_000) {
            params.num_levels = 1 + (moments / 1_000 % 4) as usize;
            let changes = [0, 1, 2].map(|i| (AssetId::new(i), params));
            assert!(control.params.change(&changes).is_some());
        }
    };
    let outcome = world::replay(setup, watch, side);
    let is_change = |r: &&Record| matches!(r, Record::Fact(Fact::Params { .. }));
    assert!(outcome.records.iter().filter(is_change).count() > 5, "parameters change, too");
    let fills = outcome.metrics.dispatch.fills.get();
    assert!(fills > 20, "{:?}: {fills} fills prove nothing", setup.params.model);
    assert!(polls.load(Ordering::Relaxed) > 100_000);
    assert_eq!(count.load(Ordering::Relaxed), 0, "allocations in stages after start");
}

#[test]
fn decoding_does_not_allocate() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/frames");
    let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.unwrap().path());
    let frames: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| read(e).unwrap()).collect();
    let universe = coins::universe(["BTC", "ETH", "SOL", "kPEPE"].map(|name| (name, 2)));
    let sink = |event: LentEvent<'_>| {
        black_box(event);
    };
    assert!(allocations(|| drop(black_box(vec![1_u8]))) > 0, "the counter counts");

    let (mut scanned, mut decoder) = (0, Decoder::new());
    for frame in &frames {
        let mut fresh = Decoder::new();
        let mut channel = Ok(Channel::Other);
        let count = allocations(|| channel = fresh.decode(frame, Nanos::ZERO, &universe, sink));
        let is_market = matches!(channel, Ok(Channel::Book | Channel::Bbo | Channel::Trades(_)));
        if is_market && fresh.fallbacks() == 0 {
            assert_eq!(count, 0, "allocations by the scanner");
            scanned += 1;
        }
        let _ = decoder.decode_twin(frame, Nanos::ZERO, &universe, sink);
    }
    assert_eq!(scanned, 7, "literal frames of the venue's form");
    let again = allocations(|| {
        for frame in &frames {
            let _ = black_box(decoder.decode(frame, Nanos::ZERO, &universe, sink));
            let _ = black_box(decoder.decode_twin(frame, Nanos::ZERO, &universe, sink));
        }
    });
    assert_eq!(again, 0, "allocations by a warm decoder");
}
