//! What the adaptive strategy does to a quote.

use super::*;

#[test]
fn the_adaptive_multipliers_and_their_order() {
    let v = view("2997", "3003", 4.0, 0.0);
    let adapted = Adapted {
        regime: Regime::High,
        spread_mult: 1.5,
        size_mult: 0.6,
        fill_mult: 0.8,
        decay: 0.5,
    };
    // 6 bps x 1.5 x 0.8 = 7.2 bps: half 3.6. Long 0.02 = 60 of 1000 USD: q = 0.06; skew 0.06 x 0.3 x 10.
    let input = QuoteInput { adapted, ..input(&v, "0.02", 10.0) };
    let q = quote(&input, &params());
    let millibps =
        |side: Side, term| (q.terms.side(side).get(term).to_f64() / 0.3 * 1e3).round() as i64;
    assert_eq!(millibps(Side::Bid, Term::Base), -1000);
    assert_eq!(millibps(Side::Bid, Term::Risk), -2000);
    assert_eq!(millibps(Side::Ask, Term::Regime), 1500);
    assert_eq!(millibps(Side::Ask, Term::FillRate), -900);
    // The bid adds to the position: 3.6 x 0.2 wider. The ask goes half the way to the floor of 1.7.
    assert_eq!(millibps(Side::Bid, Term::Decay), -720);
    assert_eq!(millibps(Side::Ask, Term::Decay), -950);
    assert_eq!(millibps(Side::Bid, Term::Skew), -600);
    assert_eq!(q.target.bids[0].px, px("2998.5"));
    assert_eq!(q.target.asks[0].px, px("3000.7"));
    assert_eq!(q.terms.size_usd, Usd::whole(90));
    assert_eq!(q.target.bids[0].qty.to_string(), "0.0187", "size x 0.6");
}
