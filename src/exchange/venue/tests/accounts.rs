//! Money: positions, margin, leverage, liquidation, funding, fees, candles.

use super::*;
use botmm_pipeline::types::notional;
use botmm_pipeline::venue::sim::core::hourly_rate;

#[test]
fn an_account_adds_up() {
    let mut w = World::new();
    w.order(1, bid(Tif::Ioc, "101", "10"));
    let state = w.venue.account(&user(1));
    let mark = w.venue.ctx(btc()).mark;
    let position = state.positions[0];
    assert_eq!(state.account_value, state.total_raw_usd + notional(mark, position.szi));
    assert_eq!(position.entry_px, Px::whole(101));
    assert_eq!(position.unrealized, notional(mark, qty("10")) - Usd::whole(1_010));
    assert_eq!(position.margin_used.raw(), position.value.raw() / 20);
    assert_eq!(state.maintenance.raw(), position.value.raw() / 40);
    // 10 000 less 1010 and a fee of 4.5 bps.
    assert_eq!(state.total_raw_usd, usd("8989.5455"));
    // At the liquidation price, equity is maintenance: none here, it would be below zero.
    assert_eq!(position.liquidation_px, None);
}

#[test]
fn a_short_is_liquidated_at_the_price_it_shows() {
    let mut w = World::new();
    w.order(1, ask(Tif::Ioc, "98", "20"));
    let resting = w.rests(1, bid(Tif::Alo, "90", "1"));
    let shown = w.venue.account(&user(1)).positions[0].liquidation_px.unwrap();
    let below = |w: &mut World, px: Px| {
        w.venue.core.marks[0] = px;
        let margin = w.venue.core.margin(0);
        margin.equity() < margin.maintenance()
    };
    assert!(!below(&mut w, Px::from_raw(shown.raw() - 1_000)));
    assert!(below(&mut w, Px::from_raw(shown.raw() + 1_000)));
    w.venue.core.liquidate(&mut w.venue.records);
    assert_eq!(w.szi(1), Qty::ZERO, "closed at market");
    assert_eq!(w.status(1, resting), OrderStatus::LiquidatedCanceled);
    let (mark, told) = (w.venue.core.marks[0], &w.venue.records.events);
    let is_forced =
        |e: &Event| matches!(e, Event::Fill(f) if f.liquidation == Some((user(1), mark)));
    assert!(told.iter().any(is_forced), "{told:?}");
    let value = told.iter().find_map(|event| match event {
        Event::Liquidated(told) if told.user == user(1) => Some(told.value),
        _ => None,
    });
    assert_eq!(value, Some(notional(mark, Qty::whole(20))));
}

#[test]
fn open_orders_take_margin_of_the_worse_side_only() {
    let mut w = World::new();
    // 20x of 10 000 at a mark of 100: 2000 a side.
    w.rests(1, bid(Tif::Alo, "99", "1500"));
    w.rests(1, ask(Tif::Alo, "101", "1900"));
    let refused = w.order(1, bid(Tif::Alo, "99", "600"));
    assert_eq!(refused, ItemAnswer::Error(Refusal::Order(Refused::Margin)));
    w.rests(1, bid(Tif::Alo, "99", "400"));
    let state = w.venue.account(&user(1));
    assert_eq!(state.withdrawable, Usd::whole(10_000) - Usd::whole(1_900 * 100 / 20));
}

#[test]
fn leverage_and_isolated_margin() {
    let mut w = World::new();
    let set = |w: &mut World, is_cross, leverage| {
        w.ask(1, Command::UpdateLeverage { asset: 3, is_cross, leverage })
    };
    assert_eq!(refused(set(&mut w, true, 21)), Refusal::Order(Refused::InvalidLeverage));
    assert_eq!(refused(set(&mut w, true, 0)), Refusal::Order(Refused::InvalidLeverage));
    assert_eq!(set(&mut w, false, 10), Answer::Default);
    assert_eq!(w.venue.leverage(&user(1), btc()), Leverage { is_cross: false, value: 10 });
    w.order(1, bid(Tif::Ioc, "101", "5"));
    let state = w.venue.account(&user(1));
    assert_eq!(state.positions[0].raw_usd, Some(usd("50.5") - Usd::whole(505)));
    assert_eq!(
        state.account_value,
        Usd::whole(10_000) - usd("0.22725") + state.positions[0].unrealized
    );
    assert_eq!(refused(set(&mut w, true, 10)), Refusal::Order(Refused::LeverageSwitch));
    let margin =
        |w: &mut World, micro_usd| w.ask(1, Command::UpdateIsolatedMargin { asset: 3, micro_usd });
    assert_eq!(margin(&mut w, 100_000_000), Answer::Default);
    assert_eq!(refused(margin(&mut w, -110_000_000)), Refusal::Order(Refused::Margin));
    assert_eq!(margin(&mut w, -90_000_000), Answer::Default);
    assert_eq!(refused(margin(&mut w, i64::MIN)), Refusal::Order(Refused::Margin));
    assert_eq!(refused(margin(&mut w, i64::MAX)), Refusal::Order(Refused::Margin));
    let before = w.venue.account(&user(1)).account_value;
    assert_eq!(set(&mut w, false, 2), Answer::Default);
    let state = w.venue.account(&user(1));
    assert_eq!(state.account_value, before, "margin moves, money does not");
    assert!(state.positions[0].margin_used.raw() >= state.positions[0].value.raw() / 2);
    // Closing gives it all back.
    w.order(1, ask(Tif::Ioc, "99", "5"));
    let state = w.venue.account(&user(1));
    assert_eq!(w.venue.core.accounts[0].positions[0].raw, Usd::ZERO);
    assert_eq!(state.account_value, usd("10000") - Usd::whole(10) - usd("0.45"));
    assert_eq!(refused(margin(&mut w, 1)), Refusal::Order(Refused::NotIsolated));
}

#[test]
fn volume_lowers_fees_the_day_after() {
    let mut w = World::new();
    w.order(1, bid(Tif::Ioc, "102", "12"));
    assert_eq!(w.venue.fees(&user(1)), FeeRates { taker_e8: 45_000, maker_e8: 15_000 });
    let (_, taker, maker) = w.venue.daily_volume(&user(1))[0];
    assert_eq!((taker, maker), (Usd::whole(1_010 + 204), Usd::ZERO));
    w.venue.config.block_interval = Nanos::secs(60);
    w.pass(Nanos::secs(13 * 3_600));
    assert_eq!(w.venue.fees(&user(1)), FeeRates { taker_e8: 40_000, maker_e8: 12_000 });
    w.pass(Nanos::secs(14 * 86_400));
    assert_eq!(w.venue.fees(&user(1)), FeeRates { taker_e8: 45_000, maker_e8: 15_000 });
}

#[test]
fn funding_is_paid_on_the_hour_from_long_to_short() {
    let mut w = World::new();
    w.order(1, bid(Tif::Ioc, "101", "4"));
    let long_before = w.venue.account(&user(1)).total_raw_usd;
    w.venue.config.block_interval = Nanos::secs(1);
    w.pass(Nanos::secs(3_601));
    let payment = w.venue.fundings(&user(1)).back().unwrap().clone();
    // The book is too thin for impact prices: the premium counts as zero, interest is paid.
    assert_eq!((payment.rate_e10, payment.szi), (125_000, qty("4")));
    let oracle = w.venue.ctx(btc()).oracle;
    let want = notional(oracle, qty("4")).raw() as f64 * 0.0000125 / 1e8;
    assert!((payment.usdc.to_f64() + want).abs() < 2e-6, "{} {want}", payment.usdc);
    assert_eq!(w.venue.account(&user(1)).total_raw_usd, long_before + payment.usdc);
    let (time, rate, _) = w.venue.funding_history(btc())[0];
    assert_eq!((time.0 % 3_600_000_000_000 < 2_000_000_000, rate), (true, 125_000));
    assert_eq!(w.venue.account(&user(1)).positions[0].funding_since_open, -payment.usdc);
}

#[test]
fn rates_follow_the_published_formula() {
    // Premium 0.1 %: 0.1 % − 0.05 % in eight hours. Minus 0.02 %: interest pulls it whole to 0.01 %.
    assert_eq!(hourly_rate(10_000_000), (10_000_000 - 5_000_000) / 8);
    assert_eq!(hourly_rate(-2_000_000), 1_000_000 / 8);
    assert_eq!(hourly_rate(9_000_000_000), 400_000_000);
}

#[test]
fn candles_hold_every_trade_once_and_gaps_are_flat() {
    let mut w = World::new();
    w.venue.config.block_interval = Nanos::secs(1);
    w.order(1, bid(Tif::Ioc, "101", "1"));
    w.pass(Nanos::secs(1));
    w.pass(Nanos::secs(180));
    let action = w.signed(user(1), Command::Order(vec![ask(Tif::Ioc, "99", "2")]));
    w.venue.submit(w.now, action);
    w.pass(Nanos::secs(2));
    let minute = Nanos::secs(60);
    let bars = w.venue.candles(btc(), minute, START, w.now);
    let shown: Vec<_> = bars.iter().map(|b| (b.open, b.close, b.volume, b.trades)).collect();
    let p = Px::whole;
    assert_eq!(
        shown,
        [
            (p(101), p(101), qty("1"), 1),
            (p(101), p(101), Qty::ZERO, 0),
            (p(101), p(101), Qty::ZERO, 0),
            (p(99), p(99), qty("2"), 1)
        ]
    );
    let hour = w.venue.candles(btc(), Nanos::secs(3_600), Nanos::ZERO, Nanos::MAX);
    assert_eq!((hour.len(), hour[0].high, hour[0].low, hour[0].trades), (1, p(101), p(99), 2));
    assert_eq!(w.venue.candles(btc(), Nanos::ZERO, START, w.now), []);
    assert_eq!(w.venue.ctx(btc()).day_volume_usd, Usd::whole(101 + 198));
    assert_eq!(w.venue.ctx(btc()).prev_day, p(101));
}

/// Orders of one user, none of which trades: what is accepted is always covered.
#[test]
fn accepted_orders_are_covered() {
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut w = World::new();
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..60 {
            let qty = (dice.below(300) + 1).to_string();
            let new = match dice.below(2) {
                0 => bid(Tif::Alo, "98", &qty),
                _ => ask(Tif::Gtc, "103", &qty),
            };
            let asset = [3, 13][dice.below(2) as usize];
            match w.order(1, NewOrder { asset, ..new }) {
                ItemAnswer::Resting { .. } => accepted += 1,
                ItemAnswer::Error(Refusal::Order(Refused::Margin)) => refused += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
            assert!(!w.venue.core.margin(0).available().is_negative(), "seed {seed}");
        }
        assert!(accepted > 5 && refused > 5, "seed {seed}: {accepted} {refused}");
    }
}

/// At the mark of 100 ten coins take 50; buying them at 101 loses ten more, and the fee.
#[test]
fn a_fill_must_be_covered_with_its_slippage_and_fee() {
    let buy = |funds| {
        let mut w = World::new();
        w.venue.fund(user(9), usd(funds));
        w.order(9, bid(Tif::Ioc, "101", "10"))
    };
    assert_eq!(buy("60.4"), ItemAnswer::Error(Refusal::Order(Refused::Margin)));
    assert!(matches!(buy("60.5"), ItemAnswer::Filled { .. }));
}

#[test]
fn a_builder_takes_what_it_was_allowed() {
    let mut w = World::new();
    let builder = user(77);
    let with = |tenths_bp, new: NewOrder| NewOrder {
        builder: Some(BuilderFee { builder, tenths_bp }),
        ..new
    };
    let refused = ItemAnswer::Error(Refusal::Order(Refused::BuilderFee));
    assert_eq!(w.order(1, with(1, bid(Tif::Ioc, "101", "1"))), refused);
    for tenths_bp in [10, 200] {
        let fee = BuilderFee { builder, tenths_bp };
        assert_eq!(w.ask(1, Command::ApproveBuilderFee(fee)), Answer::Default);
        assert_eq!(w.venue.max_builder_fee(&user(1), &builder), tenths_bp);
    }
    assert_eq!(w.order(1, with(101, bid(Tif::Ioc, "101", "1"))), refused, "never above 10 bps");
    assert_eq!(w.order(2, with(1, bid(Tif::Ioc, "101", "1"))), refused, "another's permission");
    w.order(2, with(0, bid(Tif::Ioc, "101", "1")));
    w.order(1, with(10, bid(Tif::Ioc, "101", "1.111")));
    // 112.211 at 4.5 bps, and 1 bp on top, each cut off after six decimals.
    let paid = |n| w.venue.fills(&user(n)).back().map(|f| (f.fee, f.builder_fee)).unwrap();
    assert_eq!(paid(1), (usd("0.061715"), usd("0.011221")));
    assert_eq!(paid(2), (usd("0.04545"), Usd::ZERO));
    // As a maker too.
    w.rests(1, with(10, bid(Tif::Alo, "100", "1")));
    w.order(3, ask(Tif::Ioc, "100", "1"));
    assert_eq!(
        w.venue.fills(&user(1)).back().map(|f| (f.crossed, f.fee, f.builder_fee)),
        Some((false, usd("0.025"), usd("0.01")))
    );
}
