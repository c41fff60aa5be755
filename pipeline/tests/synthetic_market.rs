//! The synthetic market as the simulator and the public see it: hygiene, queue priority,
//! determinism, and that there is no free lunch in it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod coins;

use botmm_pipeline::types::{
    AssetId, BookSnapshot, DecisionHash, Instrument, Level, MarketEvent, Nanos, Oid, Px, Qty, Side,
    Universe, Usd,
};
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::sim::{
    Execution, Market, MarketOutput, RestingOrder, Taken, TakingOrder,
};
use std::collections::HashSet;

const START: Nanos = Nanos::secs(1_757_000_000);

fn majors() -> Universe {
    coins::universe(coins::MAJORS)
}

fn market(universe: &Universe, seed: u64) -> SyntheticMarket {
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    SyntheticMarket::new(universe, profiles, START, seed)
}

fn run_to(market: &mut SyntheticMarket, after: Nanos) -> MarketOutput {
    let mut out = MarketOutput::default();
    market.advance(START + after, &mut out);
    out
}

fn hash(out: &MarketOutput) -> u64 {
    let mut hash = DecisionHash::default();
    let level = |hash: &mut DecisionHash, l: &Level| {
        hash.word(l.px.raw() as u64);
        hash.word(l.qty.raw() as u64);
    };
    for event in &out.events {
        hash.word(event.venue_time().0 as u64);
        hash.word((event.asset().index() as u64) << 8 | u64::from(event.channel_rank()));
        match event {
            MarketEvent::Book(b) => b.bids.iter().chain(&b.asks).for_each(|l| level(&mut hash, l)),
            MarketEvent::Bbo(b) => [b.bid, b.ask].iter().for_each(|l| level(&mut hash, l)),
            MarketEvent::Trade(t) => {
                level(&mut hash, &Level { px: t.px, qty: t.qty });
                hash.word(t.tid);
                hash.word(t.aggressor as u64);
            }
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {}
        }
    }
    for x in &out.executions {
        hash.word(x.time.0 as u64);
        hash.word(x.oid.0);
        hash.word(x.tid);
        level(&mut hash, &Level { px: x.px, qty: x.qty });
    }
    hash.finish()
}

fn check_book(book: &BookSnapshot, instrument: &Instrument) {
    assert_eq!((book.bid_count, book.ask_count), (20, 20), "levels at {}", book.venue_time);
    for side in Side::BOTH {
        let levels = book.side(side);
        assert!(levels.windows(2).all(|w| side.is_better(w[0].px, w[1].px)), "{side:?} not sorted");
        for level in levels {
            assert!(instrument.is_legal_px(level.px), "price {}", level.px);
            assert!(instrument.is_legal_qty(level.qty), "size {}", level.qty);
        }
    }
    assert!(book.bids[0].px < book.asks[0].px, "crossed or locked");
}

fn check_hygiene(universe: &Universe, seed: u64, minutes: i64) {
    println!("seed {seed}");
    let mut market = market(universe, seed);
    let out = run_to(&mut market, Nanos::secs(60 * minutes));
    let mut last = (Nanos::ZERO, 0);
    let mut tids = HashSet::new();
    let mut shown = vec![(Level::default(), Level::default()); universe.len()];
    let mut last_book = vec![None; universe.len()];
    let mut counts = [0_usize; 4];
    for event in &out.events {
        let (asset, at) = (event.asset().index(), event.venue_time());
        let order = (at, event.channel_rank());
        assert!(order >= last, "seed {seed}: {order:?} after {last:?}");
        last = order;
        counts[usize::from(event.channel_rank())] += 1;
        let instrument = universe.get(event.asset());
        match event {
            MarketEvent::Trade(t) => {
                assert!(tids.insert(t.tid), "seed {seed}: trade id {} twice", t.tid);
                assert!(instrument.is_legal_px(t.px) && instrument.is_legal_qty(t.qty));
            }
            MarketEvent::Bbo(b) => {
                assert!((b.bid, b.ask) != shown[asset], "seed {seed}: the touch did not change");
                assert!(b.bid.px < b.ask.px && b.bid.qty.is_positive() && b.ask.qty.is_positive());
                shown[asset] = (b.bid, b.ask);
            }
            MarketEvent::Book(b) => {
                check_book(b, instrument);
                assert_eq!((b.bids[0], b.asks[0]), shown[asset], "seed {seed}: book against bbo");
                if let Some(before) = last_book[asset].replace(at) {
                    let gap = at - before;
                    assert!(gap >= Nanos::millis(500) && gap <= Nanos::millis(600), "gap {gap}");
                }
            }
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {
                panic!("a market has none of these")
            }
        }
    }
    assert!(counts[..3].iter().all(|&c| c > 100), "seed {seed}: {counts:?} events");
}

#[test]
fn public_events_are_ordered_legal_and_uncrossed() {
    for seed in 0..4 {
        check_hygiene(&majors(), seed, 10);
    }
}

#[test]
fn the_generic_profile_behaves_on_coarse_and_fine_grids() {
    // Prices from 0.01 to 100 USD, and a tick change at 100 right where the price starts.
    for (sz_decimals, px) in [(0, "0.012345"), (1, "5.4321"), (2, "100"), (0, "99.999")] {
        let universe = coins::universe([("X", sz_decimals)]);
        let instrument = *universe.get(AssetId::new(0));
        let start_px = instrument.round_px_down(Px::parse(px).unwrap());
        let profile = MarketProfile::for_instrument(&instrument, start_px);
        let mut market = SyntheticMarket::new(&universe, vec![profile], START, 5);
        let out = run_to(&mut market, Nanos::secs(600));
        for event in &out.events {
            if let MarketEvent::Book(book) = event {
                check_book(book, &instrument);
            }
        }
        assert!(out.events.iter().any(|e| matches!(e, MarketEvent::Trade(_))));
    }
}

#[test]
fn equal_seeds_give_equal_markets_however_time_is_cut() {
    let whole = |seed| hash(&run_to(&mut market(&majors(), seed), Nanos::secs(600)));
    assert_eq!(whole(1), whole(1), "two runs of seed 1");
    assert_ne!(whole(1), whole(2), "seeds 1 and 2");
    for step in [Nanos::millis(7), Nanos::millis(80), Nanos::secs(13)] {
        let (mut market, mut out) = (market(&majors(), 1), MarketOutput::default());
        let mut now = START;
        while now < START + Nanos::secs(600) {
            now = (now + step).min(START + Nanos::secs(600));
            market.advance(now, &mut out);
        }
        assert_eq!(hash(&out), whole(1), "steps of {step}");
    }
    // By jumps from event to event, as virtual time goes.
    let (mut market, mut out) = (market(&majors(), 1), MarketOutput::default());
    while let Some(next) = market.next_time().filter(|&t| t <= START + Nanos::secs(600)) {
        market.advance(next, &mut out);
    }
    assert_eq!(hash(&out), whole(1), "by deadlines");
}

#[test]
fn assets_do_not_disturb_one_another() {
    let only = |out: MarketOutput| MarketOutput {
        events: out.events.into_iter().filter(|e| e.asset().index() == 0).collect(),
        executions: Vec::new(),
    };
    let alone = run_to(&mut market(&coins::universe([("BTC", 5)]), 3), Nanos::secs(300));
    let mut three = market(&majors(), 3);
    let (bid, _) = three.touch(AssetId::new(1));
    three.place(&RestingOrder {
        oid: Oid(1),
        asset: AssetId::new(1),
        side: Side::Bid,
        px: bid.px,
        qty: Qty::whole(1),
    });
    assert_eq!(hash(&only(run_to(&mut three, Nanos::secs(300)))), hash(&only(alone)));
}

#[test]
fn our_orders_are_displayed_and_leave_the_fair_value_alone() {
    let asset = AssetId::new(0);
    let (mut with, mut without) = (market(&majors(), 4), market(&majors(), 4));
    let (before, _) = with.touch(asset);
    let qty = Qty::whole(3);
    with.place(&RestingOrder { oid: Oid(1), asset, side: Side::Bid, px: before.px, qty });
    assert_eq!(with.touch(asset).0.qty, before.qty + qty);
    let (a, b) = (run_to(&mut with, Nanos::secs(120)), run_to(&mut without, Nanos::secs(120)));
    assert_ne!(hash(&a), hash(&b), "an order of 3 BTC at the touch must be seen");
    let same = with.fair_value(asset).to_bits() == without.fair_value(asset).to_bits();
    assert!(same, "nobody moves the fair value");
}

/// What traded through a price and at it, as far as the public can tell.
fn volume_at(out: &MarketOutput, asset: AssetId, side: Side, px: Px) -> Qty {
    let at = |e: &MarketEvent| match e {
        MarketEvent::Trade(t) if t.asset == asset && t.aggressor != side && t.px == px => t.qty,
        _ => Qty::ZERO,
    };
    out.events.iter().map(at).sum()
}

#[test]
fn the_back_of_the_queue_fills_after_the_volume_ahead() {
    let (mut filled, mut partial) = (0, 0);
    for seed in 0..40 {
        let (mut market, asset) = (market(&majors(), seed), AssetId::new(2));
        let (bid, _) = market.touch(asset);
        let qty = Qty::whole(40);
        market.place(&RestingOrder { oid: Oid(9), asset, side: Side::Bid, px: bid.px, qty });
        assert_eq!(market.book(asset).qty_ahead(Oid(9)), Some(bid.qty));
        let (mut got, mut traded) = (Qty::ZERO, Qty::ZERO);
        let mut now = START;
        while now < START + Nanos::secs(120) && got < qty {
            let ahead = market.book(asset).qty_ahead(Oid(9)).unwrap();
            now = market.next_time().unwrap();
            let mut out = MarketOutput::default();
            market.advance(now, &mut out);
            let block = volume_at(&out, asset, Side::Bid, bid.px);
            traded += block;
            for x in &out.executions {
                assert_eq!((x.oid, x.px, x.time), (Oid(9), bid.px, now), "seed {seed}");
                check_print(&out, x);
                got += x.qty;
                partial += usize::from(got < qty);
            }
            let ours: Qty = out.executions.iter().map(|x| x.qty).sum();
            // Cancels may shorten the queue ahead of us, nothing may lengthen it.
            let left = market.book(asset).qty_ahead(Oid(9)).unwrap_or(Qty::ZERO);
            assert!(left <= ahead - (block - ours).min(ahead), "seed {seed}: overtaken");
            assert!(ours.is_zero() || left.is_zero(), "seed {seed}: filled out of turn");
        }
        assert!(got <= traded && got <= qty, "seed {seed}: {got} of {traded}");
        let rest = market.cancel(Oid(9));
        assert_eq!(rest.unwrap_or(Qty::ZERO), qty - got, "seed {seed}: what a cancel leaves");
        assert_eq!(market.cancel(Oid(9)), None);
        filled += usize::from(got.is_positive());
    }
    assert!(filled > 5 && partial > 0, "{filled} filled, {partial} partially");
}

/// A fill of ours is one public print: same id, price, size and time, aggressor opposite.
fn check_print(out: &MarketOutput, x: &Execution) {
    let print = out.events.iter().find_map(|e| match e {
        MarketEvent::Trade(t) if t.tid == x.tid => Some(t),
        _ => None,
    });
    let print = print.expect("a fill without a print");
    assert_eq!((print.px, print.qty, print.venue_time), (x.px, x.qty, x.time));
}

#[test]
fn the_fair_value_does_not_drift() {
    let universe = majors();
    let runs: Vec<SyntheticMarket> = (0..20)
        .map(|seed| {
            let mut market = market(&universe, seed);
            run_to(&mut market, Nanos::secs(600));
            market
        })
        .collect();
    for (asset, instrument) in universe.iter() {
        let start = MarketProfile::of(instrument, None).start_px;
        let drifts: Vec<f64> = runs.iter().map(|m| m.fair_value(asset) / start - 1.0).collect();
        let (mean, error) = mean_and_error(&drifts);
        println!("{} drift {:.2} ± {:.2} bps", instrument.coin, mean * 1e4, error * 1e4);
        assert!(mean.abs() < 3.0 * error, "seeds 0..20: drift {mean} ± {error}");
    }
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Edge of a quoter's fills in basis points: what the coin was worth right after, against the
/// price. The fair value is a martingale, so this mean is what it earns before fees.
struct NaiveQuoter {
    /// Distance of its quotes from the touch, basis points.
    away_bps: f64,
    working: [Option<(Oid, Px)>; 2],
    oids: u64,
    edges_bps: Vec<f64>,
}

impl NaiveQuoter {
    fn new(away_bps: f64) -> Self {
        Self { away_bps, working: [None, None], oids: 0, edges_bps: Vec::new() }
    }

    /// Moves each quote that is not where it belongs; at once, faster than anybody could.
    fn requote(&mut self, market: &mut SyntheticMarket, asset: AssetId, instrument: &Instrument) {
        for side in Side::BOTH {
            let away = 1.0 - side.sign() as f64 * self.away_bps * 1e-4;
            let touch = self.others_best(market, asset, side);
            let px = Px::from_raw((touch.raw() as f64 * away).round() as i64);
            let px = match side {
                Side::Bid => instrument.round_px_down(px),
                Side::Ask => instrument.round_px_up(px),
            };
            let working = &mut self.working[side.index()];
            if working.is_some_and(|(_, at)| at == px) {
                continue;
            }
            if let Some((oid, _)) = working.take() {
                market.cancel(oid);
            }
            // The id tells the side: even bids, odd asks.
            self.oids += 2;
            let oid = Oid(self.oids + side.index() as u64);
            let qty = instrument.round_qty_down(Usd::whole(500).qty_at(px));
            market.place(&RestingOrder { oid, asset, side, px, qty });
            *working = Some((oid, px));
        }
    }

    /// The best price at which anybody else is.
    fn others_best(&self, market: &SyntheticMarket, asset: AssetId, side: Side) -> Px {
        let own = self.working[side.index()].map(|(oid, _)| oid);
        let book = market.book(asset);
        let mut prices = book.levels(side).map(|level| level.px);
        prices.find(|&px| book.queue(side, px).any(|(oid, _)| Some(oid) != own)).unwrap()
    }

    fn on_fills(&mut self, fills: &[Execution], fair: f64, market: &SyntheticMarket, of: AssetId) {
        for x in fills {
            let side = if x.oid.0.is_multiple_of(2) { Side::Bid } else { Side::Ask };
            self.edges_bps.push((fair / x.px.to_f64() - 1.0) * 1e4 * side.sign() as f64);
            if market.book(of).remaining(x.oid).is_none() {
                self.working[side.index()] = None;
            }
        }
    }
}

#[test]
fn a_naive_quoter_loses_to_informed_takers_before_fees() {
    for (coin, sz_decimals) in [("BTC", 5), ("ETH", 4), ("SOL", 2)] {
        let universe = coins::universe([(coin, sz_decimals)]);
        let (asset, instrument) = (AssetId::new(0), *universe.get(AssetId::new(0)));
        for away_bps in [0.0, 0.5, 2.0] {
            let mut quoter = NaiveQuoter::new(away_bps);
            for seed in 0..4 {
                let mut market = market(&universe, seed);
                quoter.working = [None, None];
                let mut out = MarketOutput::default();
                while market.next_time().unwrap() < START + Nanos::secs(1_800) {
                    quoter.requote(&mut market, asset, &instrument);
                    out.executions.clear();
                    out.events.clear();
                    market.advance(market.next_time().unwrap(), &mut out);
                    let fair = market.fair_value(asset);
                    quoter.on_fills(&out.executions, fair, &market, asset);
                }
            }
            let (mean, error) = mean_and_error(&quoter.edges_bps);
            let fills = quoter.edges_bps.len();
            println!("{coin} {away_bps} bps away: {fills} fills, edge {mean:.3} ± {error:.3} bps");
            // Too few fills far away to say much: those must only not gain for sure.
            let bound = if fills > 1_000 { -3.0 * error } else { 2.0 * error };
            assert!(
                fills < 30 || mean < bound,
                "seeds 0..4: {coin} {away_bps} bps away: {mean:.3}"
            );
        }
    }
}

#[test]
fn an_aggressive_order_takes_from_the_book_and_its_trades_have_ids_of_their_own() {
    let universe = majors();
    let mut market = market(&universe, 5);
    let out = run_to(&mut market, Nanos::secs(30));
    let asset = AssetId::new(0);
    let (bid, ask) = market.touch(asset);
    // First in line at a new best price: an order of ours; then the old best.
    let own = Px::from_raw(ask.px.raw() - Px::whole(1).raw());
    let (oid, qty) = (Oid(77), Qty::parse("0.5").unwrap());
    let locked = own <= bid.px;
    if !locked {
        market.place(&RestingOrder { oid, asset, side: Side::Ask, px: own, qty });
        assert_eq!(market.front(asset, Side::Ask).unwrap().oid, Some(oid));
    }
    let mut levels = Vec::new();
    market.depth(asset, Side::Ask, 3, &mut levels);
    assert_eq!(levels.len(), 3);
    assert_eq!(levels[0].level, market.touch(asset).1);
    let counted = market.book(asset).queue(Side::Ask, levels[1].level.px).count();
    assert_eq!(levels[1].orders as usize, counted);

    let total = levels[0].level.qty + levels[1].level.qty;
    let before: Qty = market.book(asset).levels(Side::Ask).map(|l| l.qty).sum();
    let mut taken = Vec::new();
    let limit = levels[1].level.px;
    let order = TakingOrder { asset, side: Side::Bid, limit, qty: total + qty };
    assert_eq!(market.take(&order, &mut taken), qty, "beyond its limit it takes nothing");
    let after: Qty = market.book(asset).levels(Side::Ask).map(|l| l.qty).sum();
    assert_eq!(before - after, total);
    assert_eq!(taken.iter().map(|t| t.qty).sum::<Qty>(), total);
    assert_eq!(market.touch(asset).1, levels[2].level);
    let ours: Vec<&Taken> = taken.iter().filter(|t| t.maker.is_some()).collect();
    assert_eq!(ours.len(), usize::from(!locked));
    assert_eq!(market.cancel(oid), None, "filled whole");

    let mut tids: HashSet<u64> = out.events.iter().filter_map(tid).collect();
    assert!(taken.iter().all(|t| tids.insert(t.tid)));
    let later = run_to(&mut market, Nanos::secs(60));
    assert!(later.events.iter().filter_map(tid).all(|tid| tids.insert(tid)));
}

fn tid(event: &MarketEvent) -> Option<u64> {
    match event {
        MarketEvent::Trade(trade) => Some(trade.tid),
        _ => None,
    }
}
