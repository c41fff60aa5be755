//! The fit of arrivals on a real recording, through the book stage. What a block traded and the book
//! that it left reach us in either order, and the recorder's order is its own: the fit must come out
//! as it does when everything comes in the order in which it happened.

use crate::common::coins::major;
use botmm::data::{LoadOptions, load};
use botmm_pipeline::rt::{OutLatest, Stage, ring};
use botmm_pipeline::stage::book::BookStage;
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::types::limits::{MAX_ASSETS, RING_VIEW};
use botmm_pipeline::types::{ArrivalFit, AssetParams, BookView, MarketEvent, Universe};
use botmm_pipeline::venue::market_ring::market_ring;
use botmm_pipeline::venue::tape::Tape;
use std::path::PathBuf;

fn recording(folder: PathBuf) -> (Tape, Universe) {
    let options = LoadOptions {
        symbols: &["BTC", "ETH", "SOL"].map(str::to_owned),
        instrument: &major,
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|_, _| {},
    };
    let loaded = load(&[folder], options).unwrap();
    (loaded.tape, loaded.universe)
}

/// The last fit of each asset.
fn fits(events: impl Iterator<Item = MarketEvent>, assets: usize) -> Vec<ArrivalFit> {
    let (mut market, input) = market_ring(("feed->book", 1), ("books", 1));
    let (out, mut views) = ring::<BookView>("book->quote", RING_VIEW);
    let (_params, changes) = ring("side->book", 1);
    let (out, changes) = (OutLatest::new(out, MAX_ASSETS), ParamsIn::new(changes));
    let mut stage = BookStage::new(input, out, changes, &vec![AssetParams::default(); assets]);
    let mut fits = vec![ArrivalFit::default(); assets];
    for event in events {
        assert!(market.push(1, event.lend()));
        stage.poll(event.recv_time());
        while let Some(view) = views.pop() {
            fits[view.asset.index()] = view.arrivals;
        }
    }
    fits
}

pub fn the_fit_does_not_depend_on_the_order_in_which_a_block_reaches_us(folder: &str) {
    let (tape, universe) = recording(folder.into());
    let as_it_happened = tape.iter_venue().map(|mut event| {
        event.set_recv_time(event.venue_time());
        event
    });
    let truth = fits(as_it_happened, universe.len());
    let received = fits(tape.iter_recv(), universe.len());
    for (id, instrument) in universe.iter() {
        let [truth, received] = [&truth, &received].map(|fits| fits[id.index()]);
        for (order, fit) in [("as it happened", truth), ("as received", received)] {
            println!(
                "{} {order}: A {:.4} a second and side, k {:.3} per bps, R² {:.3}, {} arrivals",
                instrument.coin,
                fit.rate_e6 as f64 * 1e-6,
                fit.decay_e6 as f64 * 1e-6,
                fit.r2_e6 as f64 * 1e-6,
                fit.trades
            );
        }
        assert!(truth.rate_e6 > 0 && truth.r2_e6 > 700_000, "{truth:?}");
        let ratio = |a: i64, b: i64| a as f64 / b as f64;
        let decay = ratio(received.decay_e6, truth.decay_e6);
        let trades = ratio(received.trades, truth.trades);
        assert!((decay - 1.0).abs() < 0.15, "{}: k {decay:.3} of the true one", instrument.coin);
        assert!((trades - 1.0).abs() < 0.05, "{}: {trades:.3} of the arrivals", instrument.coin);
    }
}
