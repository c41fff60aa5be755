//! The recorded market on whole recordings: our made-up sample always, a real one when it is here.
//!
//! The order flow is the plainest there is: every second, both sides are pulled and put back at the
//! displayed touch. What it earns is of no interest; that the models agree on their order is.

use crate::common::coins::major;
use botmm::data::{LoadOptions, load};
use botmm_pipeline::types::{
    AssetId, MarketEvent, Nanos, Oid, Qty, Side, Trade, Universe, notional,
};
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::sim::{Execution, Market, MarketOutput, RestingOrder};
use botmm_pipeline::venue::tape::Tape;
use std::path::PathBuf;

fn recording(folder: PathBuf) -> (Tape, Universe) {
    let options = LoadOptions {
        symbols: &[],
        instrument: &major,
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|_, _| {},
    };
    let loaded = load(&[folder], options).unwrap();
    (loaded.tape, loaded.universe)
}

/// Both sides of every asset at the touch, renewed every `period`; about $1,000 each.
fn quote_the_touch(
    tape: &Tape,
    universe: &Universe,
    model: QueueModel,
    period: Nanos,
) -> Vec<Execution> {
    let mut market = RecordedMarket::new(tape, universe, model);
    let mut out = MarketOutput::default();
    let (start, end) = tape.venue_span().unwrap();
    let (mut now, mut oid) = (start, 0);
    while now < end {
        market.advance(now, &mut out);
        for old in oid.max(64) - 64..=oid {
            market.cancel(Oid(old));
        }
        for asset in universe.assets() {
            let (bid, ask) = market.touch(asset);
            for (side, level) in [(Side::Bid, bid), (Side::Ask, ask)] {
                if level.qty.is_positive() {
                    oid += 1;
                    let qty = size(universe, asset, level.px.to_f64());
                    market.place(&RestingOrder { oid: Oid(oid), asset, side, px: level.px, qty });
                }
            }
        }
        now = now + period;
    }
    market.advance(end, &mut out);
    assert!(out.executions.is_sorted_by_key(|e| e.time), "fills come in venue-time order");
    out.executions
}

fn size(universe: &Universe, asset: AssetId, px: f64) -> Qty {
    let lot = universe.get(asset).lot();
    let lots = (1_000.0 / px / lot.to_f64()) as i64;
    Qty::from_raw(lots * lot.raw())
}

fn dollars(executions: &[Execution]) -> f64 {
    executions.iter().map(|e| notional(e.px, e.qty).to_f64()).sum()
}

fn swapped(tape: &Tape) -> Tape {
    let swap = |event| match event {
        MarketEvent::Trade(t) => {
            MarketEvent::Trade(Trade { aggressor: t.aggressor.opposite(), ..t })
        }
        other => other,
    };
    Tape::build(tape.iter_recv().map(swap))
}

fn check(folder: PathBuf, period: Nanos) {
    let (tape, universe) = recording(folder);
    let run = |model| {
        let start = std::time::Instant::now();
        let fills = quote_the_touch(&tape, &universe, model, period);
        println!(
            "{model}: {} fills, ${:.0} in {:?}",
            fills.len(),
            dollars(&fills),
            start.elapsed()
        );
        fills
    };
    let averse = run(QueueModel::RiskAverse);
    assert!(!averse.is_empty());
    assert_eq!(averse, run(QueueModel::RiskAverse), "the same again, to the last fill");
    for model in [QueueModel::ProbPower(3.0), QueueModel::ProbPower(1.0), QueueModel::ProbLog] {
        assert!(dollars(&run(model)) >= dollars(&averse), "{model} fills less than risk_averse");
    }
    let inverted = quote_the_touch(&swapped(&tape), &universe, QueueModel::RiskAverse, period);
    println!("labels swapped: ${:.0}", dollars(&inverted));
    assert_ne!(averse, inverted, "the aggressor's side does not matter?");
}

pub fn the_models_keep_their_order(folder: &str) {
    check(folder.into(), Nanos::secs(5));
}
