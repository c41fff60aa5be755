//! From a book view to the orders we want (STRATEGY §3, the `linear` model).
//!
//! Spread in bps of fair, total over both sides:
//! `s = clamp(max(min_spread, vol · vol_multiplier), min, max) · emergency`, then never below
//! `2 · (maker_fee + min_edge)`. Both prices move down by `skew = q · skew_factor · ATR` when long
//! (the seed's document adds it; that would buy more of what we have too much of), and by
//! `shift = (signal · bias_strength + imbalance · imbalance_strength) · s/2` with the direction.

use super::sizing;
use crate::types::params::FairPrice;
use crate::types::{
    AssetParams, BookState, BookView, Cause, Instrument, Nanos, Px, Qty, QuoteLevel, QuoteTarget,
    Reason, SCALE, Side, notional,
};

/// |q| beyond which the skew grows faster, and by how much (STRATEGY §3).
const SKEW_KNEE: f64 = 0.6;
const SKEW_KNEE_SLOPE: f64 = 1.5;

/// What a quote is computed from.
#[derive(Clone, Copy, Debug)]
pub struct QuoteInput<'a> {
    /// The book.
    pub view: &'a BookView,
    /// Our position (+ long).
    pub position: Qty,
    /// Average true range in price units.
    pub atr: f64,
    /// Direction signal in [−1, 1]; 0 until the signals are there.
    pub signal: f64,
    /// Now.
    pub now: Nanos,
    /// Venue events seen so far, for the cause.
    pub venue_seq: u64,
}

/// The orders wanted now, or one reason a side why there are none.
pub fn quote(input: &QuoteInput<'_>, params: &AssetParams, instrument: &Instrument) -> QuoteTarget {
    let view = input.view;
    let mut target = QuoteTarget {
        asset: view.asset,
        generation: view.generation,
        time: input.now,
        cause: Cause {
            market_seq: view.market_seq,
            recv_time: view.recv_time,
            venue_time: view.venue_time,
            venue_seq: input.venue_seq,
        },
        mid: view.mid,
        fair: fair(view, params),
        best_bid: view.bid.px,
        best_ask: view.ask.px,
        vol_bps_e6: view.vol_bps_e6,
        vol_slow_bps_e6: view.vol_slow_bps_e6,
        ..QuoteTarget::default()
    };
    if let Some(reason) = blocked(input, params) {
        Side::BOTH.into_iter().for_each(|side| target.clear(side, reason));
        return target;
    }
    let q = inventory(view.mid, input.position, params);
    let [bid, ask] = touch_prices(input, &target, q, params);
    let spacing = target.fair.to_f64() * params.level_spacing_bps * 1e-4;
    let nearest = legal_pair(bid, ask, view, instrument);
    for (side, from, px) in [(Side::Bid, bid, nearest[0]), (Side::Ask, ask, nearest[1])] {
        let adds = q * side.sign() as f64 > 0.0;
        if adds && q.abs() >= params.one_sided_at {
            target.clear(side, Reason::OneSided);
            continue;
        }
        let ladder = Ladder { side, from, nearest: px, spacing };
        fill_side(&mut target, &ladder, params, instrument);
    }
    target
}

/// Why nothing may be quoted at all.
fn blocked(input: &QuoteInput<'_>, params: &AssetParams) -> Option<Reason> {
    let view = input.view;
    if !params.is_usable() {
        return Some(Reason::ParamInvalid);
    }
    let too_old = input.now - view.recv_time > params.risk.stale_book;
    match view.state {
        BookState::Void => Some(Reason::StaleBook),
        BookState::OneSided | BookState::Crossed => Some(Reason::CrossedBook),
        BookState::Ok if too_old => Some(Reason::StaleBook),
        BookState::Ok if view.vol_bps_e6 < 0 => Some(Reason::Warmup),
        BookState::Ok if !(input.atr.is_finite() && input.signal.is_finite()) => {
            Some(Reason::ParamInvalid)
        }
        BookState::Ok => None,
    }
}

fn fair(view: &BookView, params: &AssetParams) -> Px {
    match params.fair_price {
        FairPrice::Mid => view.mid,
        FairPrice::Microprice => view.microprice,
    }
}

/// q: the position as a share of its limit, in [−1, 1].
fn inventory(mid: Px, position: Qty, params: &AssetParams) -> f64 {
    let share = notional(mid, position).to_f64() / params.risk.max_position_usd.to_f64();
    share.clamp(-1.0, 1.0)
}

/// Total spread in bps of fair.
pub fn spread_bps(view: &BookView, params: &AssetParams) -> f64 {
    let (vol, slow) = (view.vol_bps_e6 as f64 * 1e-6, view.vol_slow_bps_e6 as f64 * 1e-6);
    let wanted = params.min_spread_bps.max(vol * params.vol_multiplier);
    let mut s = wanted.clamp(params.min_spread_bps, params.max_spread_bps);
    if slow > 0.0 && vol > params.risk.vol_emergency_ratio * slow {
        s *= params.risk.vol_emergency_mult;
    }
    if params.fee_floor {
        s = s.max(2.0 * (params.maker_fee.to_f64() + params.min_edge_bps));
    }
    s
}

/// The nearest bid and ask, before any rounding.
fn touch_prices(
    input: &QuoteInput<'_>,
    target: &QuoteTarget,
    q: f64,
    params: &AssetParams,
) -> [f64; 2] {
    let fair = target.fair.to_f64();
    let half = fair * spread_bps(input.view, params) * 1e-4 / 2.0;
    let knee = 1.0 + SKEW_KNEE_SLOPE * (q.abs() - SKEW_KNEE).max(0.0);
    let skew = q * params.skew_factor * input.atr * knee;
    let imbalance = input.view.imbalance_e6 as f64 * 1e-6;
    let direction = input.signal * params.bias_strength + imbalance * params.imbalance_strength;
    let shift = direction * half;
    [fair - half - skew + shift, fair + half - skew + shift]
}

/// A float price to the grid, away from the spread: bids down, asks up.
fn to_legal(side: Side, px: f64, instrument: &Instrument) -> Px {
    let raw = px.max(0.0) * SCALE as f64;
    match side {
        Side::Bid => instrument.round_px_down(Px::from_raw(raw.floor() as i64)),
        Side::Ask => instrument.round_px_up(Px::from_raw(raw.ceil() as i64)),
    }
}

/// The nearest bid and ask on the grid: never crossing the visible touch (a post-only order would
/// be rejected), and at least a tick apart.
fn legal_pair(bid: f64, ask: f64, view: &BookView, instrument: &Instrument) -> [Px; 2] {
    let mut bid = to_legal(Side::Bid, bid, instrument).min(instrument.tick_below(view.ask.px));
    let mut ask = to_legal(Side::Ask, ask, instrument).max(instrument.tick_above(view.bid.px));
    if bid >= ask {
        (bid, ask) = (instrument.tick_below(bid), instrument.tick_above(ask));
    }
    [bid, ask]
}

/// One side's ladder.
struct Ladder {
    side: Side,
    /// Unrounded price of the nearest level; the others are spaced from it.
    from: f64,
    /// The nearest level on the grid.
    nearest: Px,
    spacing: f64,
}

fn fill_side(
    target: &mut QuoteTarget,
    ladder: &Ladder,
    params: &AssetParams,
    instrument: &Instrument,
) {
    let side = ladder.side;
    let weights = &params.level_weights[..params.num_levels];
    let total: f64 = weights.iter().sum();
    let away = -side.sign() as f64 * ladder.spacing;
    let mut px = ladder.nearest;
    let mut used = 0;
    for (level, weight) in weights.iter().enumerate() {
        if level > 0 {
            let spaced = to_legal(side, ladder.from + away * level as f64, instrument);
            // At least one tick behind the level before it.
            px = match side {
                Side::Bid => spaced.min(instrument.tick_below(px)),
                Side::Ask => spaced.max(instrument.tick_above(px)),
            };
        }
        if !px.is_positive() {
            break;
        }
        let qty = sizing::share_of(params.order_size_usd, *weight, total, px);
        if let Some(qty) = sizing::finish(instrument, px, qty) {
            target.side_mut(side)[used] = QuoteLevel { px, qty };
            used += 1;
        }
    }
    match used {
        0 => target.clear(side, Reason::BelowMinNotional),
        _ => target.set_reason(side, Reason::Quoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Bps, Coin, Level, Usd};
    use proptest::prelude::*;

    fn instrument(sz_decimals: u8) -> Instrument {
        Instrument { coin: Coin::new("X").unwrap(), venue_index: 0, sz_decimals, max_leverage: 20 }
    }

    fn view(bid: &str, ask: &str, vol_bps: f64, imbalance: f64) -> BookView {
        let level = |s: &str| Level { px: Px::parse(s).unwrap(), qty: Qty::whole(1) };
        let mid = Px::from_raw((level(bid).px.raw() + level(ask).px.raw()) / 2);
        BookView {
            state: BookState::Ok,
            bid: level(bid),
            ask: level(ask),
            mid,
            microprice: mid,
            imbalance_e6: (imbalance * 1e6) as i64,
            vol_bps_e6: (vol_bps * 1e6) as i64,
            vol_slow_bps_e6: (vol_bps * 1e6) as i64,
            ..BookView::default()
        }
    }

    fn at(view: &BookView, position: &str, atr: f64) -> QuoteTarget {
        let input = QuoteInput {
            view,
            position: Qty::parse(position).unwrap(),
            atr,
            signal: 0.0,
            now: Nanos::ZERO,
            venue_seq: 0,
        };
        let maker_fee = Bps::from_f64(1.5);
        quote(&input, &AssetParams { maker_fee, ..AssetParams::default() }, &instrument(4))
    }

    #[test]
    fn a_quote_by_hand() {
        // vol 4 bps x 1.5 = 6 bps of 3000 = 1.8: 2999.1 and 3000.9 around 3000.
        let t = at(&view("2999.9", "3000.1", 4.0, 0.0), "0", 10.0);
        assert_eq!((t.bids[0].px, t.asks[0].px), (px("2999.1"), px("3000.9")));
        // Second level one bp (0.30) further out; .50/.80 and .30/.80 of $150.
        assert_eq!((t.bids[1].px, t.asks[1].px), (px("2998.8"), px("3001.2")));
        assert_eq!(t.bids[0].qty.to_string(), "0.0312");
        assert_eq!(t.bids[1].qty.to_string(), "0.0187");
        assert_eq!((t.bid_reason, t.ask_reason), (Reason::Quoted, Reason::Quoted));
    }

    fn px(s: &str) -> Px {
        Px::parse(s).unwrap()
    }

    #[test]
    fn skew_shift_and_floor() {
        let flat = at(&view("2999.9", "3000.1", 4.0, 0.0), "0", 10.0);
        // q = 0.2 x 3000 / 1000 = 0.6: skew = 0.6 x 0.3 x 10 = 1.8.
        let long = at(&view("2999.9", "3000.1", 4.0, 0.0), "0.2", 10.0);
        assert_eq!(long.bids[0].px, px("2997.3"));
        assert_eq!(long.asks[0].px, px("3000"), "moved to a tick behind the best bid, not through");
        let up = at(&view("2999.9", "3000.1", 4.0, 1.0), "0", 10.0);
        // 0.3 x half of 1.8 = 0.27 up, rounded outwards.
        assert_eq!((up.bids[0].px, up.asks[0].px), (px("2999.3"), px("3001.2")));
        assert!(flat.bids[0].px < up.bids[0].px);
        // No volatility: the fee floor 2 x (1.5 + 0.2) = 3.4 bps beats the 2 bps minimum.
        let calm = at(&view("2999.9", "3000.1", 0.0, 0.0), "0", 10.0);
        assert_eq!((calm.bids[0].px, calm.asks[0].px), (px("2999.4"), px("3000.6")));
    }

    #[test]
    fn every_reason_this_stage_gives() {
        let good = view("2999.9", "3000.1", 4.0, 0.0);
        let reasons = |v: &BookView, pos: &str| {
            let t = at(v, pos, 1.0);
            (t.bid_reason, t.ask_reason)
        };
        let both = |r| (r, r);
        let warm = BookView { vol_bps_e6: -1, ..good };
        assert_eq!(reasons(&warm, "0"), both(Reason::Warmup));
        let void = BookView { state: BookState::Void, ..good };
        assert_eq!(reasons(&void, "0"), both(Reason::StaleBook));
        let old = BookView { recv_time: Nanos::secs(-3), ..good };
        assert_eq!(reasons(&old, "0"), both(Reason::StaleBook));
        let crossed = BookView { state: BookState::Crossed, ..good };
        assert_eq!(reasons(&crossed, "0"), both(Reason::CrossedBook));
        assert_eq!(reasons(&good, "0.3"), (Reason::OneSided, Reason::Quoted));
        assert_eq!(reasons(&good, "-0.3"), (Reason::Quoted, Reason::OneSided));
        let small = AssetParams { order_size_usd: Usd::whole(9), ..AssetParams::default() };
        let input = QuoteInput {
            view: &good,
            position: Qty::ZERO,
            atr: 1.0,
            signal: 0.0,
            now: Nanos::ZERO,
            venue_seq: 0,
        };
        let t = quote(&input, &small, &instrument(4));
        assert_eq!((t.bid_reason, t.ask_reason), both(Reason::BelowMinNotional));
        let broken = AssetParams { min_spread_bps: f64::NAN, ..AssetParams::default() };
        let t = quote(&input, &broken, &instrument(4));
        assert_eq!((t.bid_reason, t.ask_reason), both(Reason::ParamInvalid));
    }

    proptest! {
        #[test]
        fn quotes_are_legal_uncrossed_and_lean_against_inventory(
            base in 100_i64..10_000_000, gap in 1_i64..200, sz_decimals in 0_u8..=5,
            vol in 0.0_f64..200.0, imbalance in -1.0_f64..1.0, signal in -1.0_f64..1.0,
            share in -1.2_f64..1.2, more in 0.0_f64..0.5, atr_bps in 0.0_f64..100.0,
            levels in 1_usize..=4,
        ) {
            let inst = instrument(sz_decimals);
            let bid = inst.round_px_down(Px::from_raw(base * 1_000_000));
            prop_assume!(bid.is_positive());
            let ask = (0..gap).fold(bid, |p, _| inst.tick_above(p));
            let mut v = view("1", "2", vol, imbalance);
            (v.bid.px, v.ask.px) = (bid, ask);
            v.mid = Px::from_raw((bid.raw() + ask.raw()) / 2);
            v.microprice = v.mid;
            let maker_fee = Bps::from_f64(1.5);
            let params = AssetParams { num_levels: levels, maker_fee, ..AssetParams::default() };
            let position = |share: f64| {
                let usd = params.risk.max_position_usd.to_f64() * share;
                Qty::from_raw((usd / v.mid.to_f64() * 1e8) as i64)
            };
            let ask_for = |share: f64| {
                let input = QuoteInput {
                    view: &v, position: position(share), atr: v.mid.to_f64() * atr_bps * 1e-4,
                    signal, now: Nanos::ZERO, venue_seq: 0,
                };
                quote(&input, &params, &inst)
            };
            let t = ask_for(share);
            let live = |side: Side| t.side(side).iter().filter(|l| l.qty.is_positive()).copied()
                .collect::<Vec<_>>();
            for side in Side::BOTH {
                let ladder = live(side);
                prop_assert_eq!(ladder.is_empty(), t.reason(side) != Reason::Quoted);
                for l in &ladder {
                    prop_assert!(inst.is_legal_px(l.px) && inst.is_legal_qty(l.qty));
                    prop_assert!(notional(l.px, l.qty) >= Usd::whole(10));
                }
                for pair in ladder.windows(2) {
                    prop_assert!(side.is_better(pair[0].px, pair[1].px));
                }
            }
            let (bids, asks) = (live(Side::Bid), live(Side::Ask));
            if let Some(b) = bids.first() {
                prop_assert!(b.px < v.ask.px, "bid {} crosses", b.px);
                if let Some(a) = asks.first() {
                    prop_assert!(b.px < a.px);
                }
            }
            if let Some(a) = asks.first() {
                prop_assert!(a.px > v.bid.px, "ask {} crosses", a.px);
            }
            // Longer never means higher quotes.
            let longer = ask_for(share + more);
            for side in Side::BOTH {
                let (before, after) = (t.side(side)[0], longer.side(side)[0]);
                if before.qty.is_positive() && after.qty.is_positive() {
                    prop_assert!(after.px <= before.px, "{:?} rose", side);
                }
            }
        }
    }
}
