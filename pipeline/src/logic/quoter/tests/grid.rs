//! The grid job.

use super::*;
use crate::types::params::GridParams;

/// Worked out by hand at H = 16 and 1000 lots of 0.0001: a tick is 0.1.
#[test]
fn a_grid_is_laid_on_even_ticks_around_the_touch_and_moves_against_the_position() {
    let grid = GridParams { half: 16, lots: 1_000, from: Nanos::ZERO };
    let laid = |bid: &str, ask: &str, position: &str| {
        let view = view(bid, ask, -1.0, 0.0);
        let quote = Quoter::new(instrument(4), &params()).grid(grid, &input(&view, position, 0.0));
        let target = quote.unwrap().target;
        let side = |side| -> Vec<String> {
            target.rungs(side).map(|l| format!("{}x{}", l.px, l.qty)).collect()
        };
        (side(Side::Bid), side(Side::Ask))
    };
    // m = 39999 + 40001 = 80000: bids from (80000 - 32) / 2 = 39984, asks from 40016.
    let (bids, asks) = laid("3999.9", "4000.1", "0");
    assert_eq!((bids.len(), asks.len()), (10, 10));
    assert_eq!((bids[0].as_str(), bids[9].as_str()), ("3998.4x0.1", "3996.6x0.1"));
    assert_eq!((asks[0].as_str(), asks[9].as_str()), ("4001.6x0.1", "4003.4x0.1"));
    // Three orders and a bit long: m = 79997, 39982.5 and 40014.5; on even ticks 39982 and 40016.
    let (bids, asks) = laid("3999.9", "4000.1", "0.35");
    assert_eq!((bids[0].as_str(), asks[0].as_str()), ("3998.2x0.1", "4001.6x0.1"));
    // Short likewise, and rounded down: u = -4, m = 80004.
    let (bids, asks) = laid("3999.9", "4000.1", "-0.35");
    assert_eq!((bids[0].as_str(), asks[0].as_str()), ("3998.6x0.1", "4001.8x0.1"));
    // As long as a side: it is not wanted.
    let (bids, asks) = laid("3999.9", "4000.1", "1");
    assert_eq!((bids.len(), asks.len()), (0, 10));
    // A wide book: never better than its touch.
    let (bids, asks) = laid("3990.1", "4010.1", "0");
    assert_eq!((bids[0].as_str(), asks[0].as_str()), ("3990x0.1", "4010.2x0.1"));
}

#[test]
fn a_grid_waits_while_a_side_of_the_book_is_empty() {
    let grid = GridParams { half: 1, lots: 1, from: Nanos::ZERO };
    let mut view = view("3999.9", "4000.1", 1.0, 0.0);
    view.ask = Level::default();
    assert!(Quoter::new(instrument(4), &params()).grid(grid, &input(&view, "0", 0.0)).is_none());
}
