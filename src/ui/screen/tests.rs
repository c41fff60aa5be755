use super::*;
use crate::coins::coin;
use crate::rungs::{Rung, Rungs};
use crate::ui::curve::Curve;
use crate::ui::fills::LastFills;
use crate::ui::fills::tests::{fill, markout};
use crate::ui::view::{Parts, Source, View};
use botmm_pipeline::rt::trips::Sent;
use botmm_pipeline::rt::{Came, Lane, Latencies, Trips, WallClock, Went, ring};
use botmm_pipeline::stage::numbers::{AssetNumbers, FeedTrouble, Numbers};
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{Arrival, Px, Qty, Reason, Regime, Side, Strategy, Universe, Usd};
use console::{measure_text_width, strip_ansi_codes};

/// Everything that a picture is of.
struct World {
    universe: Universe,
    assets: Vec<AssetStatus>,
    strategies: Vec<StrategyStatus>,
    numbers: Numbers,
    fills: LastFills,
    alerts: Vec<String>,
    latencies: Latencies,
    trips: Trips,
    rungs: Rungs,
    unattended: Option<(Duration, String)>,
    commentary_dropped: u64,
}

impl World {
    /// So many coins, each with a lot to tell.
    fn new(coins: usize) -> Self {
        let instrument = |i| coin(&format!("COIN{i}"), 5);
        let status = AssetStatus {
            mid: Px::whole(100_000),
            mark: Px::whole(100_000),
            bid: Px::whole(99_970),
            position: Qty::parse("0.01").unwrap(),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::OneSided,
            fills: 3,
            ..AssetStatus::default()
        };
        let strategy = StrategyStatus {
            strategy: Strategy::Adaptive,
            vol_bps_e6: 3_200_000,
            emergency_mult_e6: 3_000_000,
            signal_is_ready: true,
            signal: -1,
            score_e6: -750_000,
            regime: Regime::High,
            regime_mults_e6: [1_500_000, 600_000],
            fill_rate_e6: 120_000,
            fill_mult_e6: 850_000,
            age: Nanos::secs(45),
            decay_e6: 500_000,
            toxicity_e6: [0, 450_000],
            ..StrategyStatus::default()
        };
        let mut fills = LastFills::default();
        (1..=4).for_each(|tid| fills.take(&fill(tid, Side::Ask, 1_000)));
        fills.take(&markout(4, Side::Ask, 1_000, 1_001, 1));
        let alert = |i| {
            format!(
                "2026-11-26T20:41:47Z COIN{i}: large move within a second: all quotes \
                                 pulled for the cool-down; `botmm rearm` ends it now"
            )
        };
        Self {
            universe: Universe::new((0..coins).map(instrument).collect()),
            assets: vec![status; coins],
            strategies: vec![strategy; coins],
            numbers: Numbers { assets: vec![AssetNumbers::default(); coins], ..Numbers::default() },
            fills,
            alerts: (0..5).map(alert).collect(),
            latencies: Lane::inline(Vec::new(), &WallClock::default()).1,
            trips: trips(),
            rungs: Rungs {
                exchange: Rung::not_armed("999999 of 1000000 USD traded"),
                guard: Rung::ARMED,
                systemd: Rung::not_armed("not started by it"),
                exchange_requests: 12,
            },
            unattended: None,
            commentary_dropped: 0,
        }
    }

    fn view(&self) -> View {
        let parts = Parts {
            now: Nanos::secs(1_795_824_000),
            network: "PAPER",
            is_real_money: false,
            title: "botmm paper  ·  embedded exchange, synthetic market, seed 1",
            elapsed: Duration::from_secs(3_725),
            opening: Some(Usd::whole(10_000)),
            requests_left: Some(9_000),
            rungs: self.rungs.clone(),
            unattended: self.unattended.clone(),
            universe: &self.universe,
            assets: &self.assets,
            strategies: &self.strategies,
            risk: "risk: safe  ·  today -0.04 USD (halts beyond -500.00)  ·  0.04 below peak"
                .to_owned(),
            numbers: &self.numbers,
            commentary_dropped: self.commentary_dropped,
            latencies: &self.latencies,
            trips: &self.trips,
            curve: &Curve::default(),
            fills: &self.fills,
            alerts: &self.alerts,
        };
        parts.view()
    }

    fn text(&self, cols: usize, rows: usize) -> String {
        self.view().text(Sheet { cols, rows, has_colour: false })
    }
}

/// One trip, over its budget, of which each step took another time.
fn trips() -> Trips {
    let us = |us: i64| Nanos(1_795_824_000_000_000_000 + 1_000 * us);
    let ((mut came, came_in), (mut went, went_in)) = (ring("came", 1), ring("went", 2));
    let arrival = Arrival { kernel: us(0), read: us(42) };
    came.push(Came { seq: 1, arrival }).unwrap();
    let [decided, signed, written] = [us(50), us(66), us(75)];
    let sent = Sent { id: 1, market_seq: 1, is_prompt: true, decided, signed, written };
    went.push(Went::Sent(sent)).unwrap();
    let answered = Arrival { kernel: us(12_875), read: us(12_900) };
    went.push(Went::Answered(1, answered)).unwrap();
    let mut trips = Trips::new(came_in, went_in, Some(Nanos(50_000)));
    trips.drain();
    trips
}

fn holds(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in\n{text}"));
}

#[test]
fn says_in_words_why_a_side_is_not_quoted() {
    let world = World::new(1);
    let text = world.text(200, 50);
    holds(
        &text,
        &[
            " PAPER ",
            "01:02:05",
            "q or Ctrl-C",
            "account 10000.00 USD",
            "9000 requests left",
            "-3.00",
            "ask: only reducing position",
            "1000.00",
            "! 2026-11-26T20:41:47Z COIN4: large move",
            "\nrisk: safe",
            "linear, adaptive  ·  vol 3.20 bps  ·  signal -1 (score -0.75)",
            "VOLATILITY BREAKER: spread x3.00",
            "regime high: spread x1.50, size x0.60",
            "fill rate 12 %: spread x0.85",
            "position 45 s old: decay 50 %",
            "toxicity of fills 0.00 bid, 0.45 ask",
            "sold 1 at 1000  after 5 s -10.00 bps",
            "after 5 s –",
        ],
    );
    assert!(world.view().line().contains("COIN0 100000 bid 99970 ask – pos 0.01"));
}

#[test]
fn fits_every_terminal_with_colours_or_without() {
    for coins in [1, 3, 5, 16] {
        let mut world = World::new(coins);
        world.unattended = Some((Duration::from_secs(7), "order link down".to_owned()));
        world.numbers.open_orders = 6;
        for (cols, rows) in [(80, 24), (120, 40), (200, 50), (40, 10), (20, 5), (1, 1)] {
            for has_colour in [false, true] {
                let text = world.view().text(Sheet { cols, rows, has_colour });
                let lines: Vec<&str> = text.split('\n').collect();
                assert!(lines.len() <= rows, "{} lines at {cols}x{rows}:\n{text}", lines.len());
                let wide = lines.iter().find(|l| measure_text_width(l) > cols);
                assert_eq!(wide, None, "at {cols}x{rows}");
                let plain = world.view().text(Sheet { cols, rows, has_colour: false });
                assert_eq!(strip_ansi_codes(&text), plain, "colours change no text");
            }
        }
    }
}

#[test]
fn how_requests_were_signed_is_shown_where_that_was_done_ahead() {
    let mut world = World::new(1);
    assert!(!world.text(120, 40).contains("signed ahead"));
    (world.numbers.signing.presigned, world.numbers.signing.ordinary) = (417, 2);
    holds(&world.text(120, 40), &["417 signed ahead, 2 not"]);
}

#[test]
fn at_80_by_24_strategies_give_way_then_latencies_then_coins() {
    let text = World::new(3).text(80, 24);
    holds(&text, &["COIN0", "COIN2", "account 10000.00", "risk: safe", "last fills", "rearm"]);
    let rungs = "rungs armed: guard  ·  no exchange: 999999 of 1000000 USD traded";
    holds(&text, &[rungs, "no systemd: not started by it"]);
    assert!(!text.contains("adaptive") && !text.contains("stage"), "{text}");
    let text = World::new(16).text(80, 24);
    holds(&text, &["COIN0", "+ 1", " more", "account 10000.00", "risk: safe", "last fills"]);
    assert!(!text.contains("COIN15"), "{text}");
    let mut quiet = World::new(1);
    quiet.alerts.clear();
    quiet.fills = LastFills::default();
    let text = quiet.text(80, 24);
    assert!(!text.contains("adaptive"), "latencies fit where strategies do not:\n{text}");
    holds(&quiet.text(80, 32), &["stage", "linear, adaptive"]);
    // Kernel to read to decided, signed, written, acked; and all that is ours.
    let steps = ["kernel:", "42.0 µs", "8003 ns", "16.0 µs", "9007 ns", "12.8 ms", "75.0 µs"];
    holds(&text, &steps);
    let over = "1 of 1 trips over budget";
    holds(&text, &["to_wire", over]);
    let line = text.lines().find(|line| line.starts_with("stage")).unwrap();
    assert!(line.contains("kernel:"), "side by side: {line}");
    let narrow = quiet.text(60, 40);
    holds(&narrow, &["\nkernel:", over]);
}

#[test]
fn what_still_rests_is_named_while_the_order_link_is_down() {
    let mut world = World::new(1);
    assert!(!world.text(80, 24).contains("LINK DOWN"));
    world.unattended = Some((Duration::from_secs(7), "order link down".to_owned()));
    world.numbers.open_orders = 2;
    let expected = "ORDER LINK DOWN for 7 s: 2 orders may still rest: COIN0 99970 / –";
    holds(&world.text(80, 24), &[expected]);
    world.numbers.open_orders = 0;
    holds(&world.text(80, 24), &["no order of ours rests"]);
}

#[test]
fn what_was_not_measured_is_a_dash() {
    let mut world = World::new(1);
    world.assets = vec![AssetStatus::default()];
    let mut picture = world.view();
    (picture.opening_usd, picture.equity_usd, picture.requests_left) = (None, None, None);
    let text = picture.text(Sheet { cols: 200, rows: 50, has_colour: false });
    holds(&text, &["account – USD", "requests left –", "COIN0    –"]);
}

#[test]
fn losses_and_halts_are_red() {
    let mut world = World::new(1);
    let red = |world: &World| {
        let text = world.view().text(Sheet { cols: 200, rows: 50, has_colour: true });
        text.split("\u{1b}[31m").skip(1).map(|t| t[..9].to_owned()).collect::<Vec<_>>()
    };
    let usual = red(&world);
    world.numbers.fees = Usd::whole(3);
    world.numbers.halted = Some(Vec::new());
    let halted = red(&world);
    assert!(!usual.iter().any(|t| t.starts_with("net") || t.contains("risk")), "{usual:?}");
    assert!(halted.iter().any(|t| t.starts_with("net -3.00")), "{halted:?}");
    assert!(halted.iter().any(|t| t.contains("risk")), "{halted:?}");
}

#[test]
fn says_what_is_wrong_with_a_stale_book() {
    let late = |delay_ms, age_ms, trouble| {
        let mut world = World::new(1);
        (world.assets[0].bid_reason, world.assets[0].ask_reason) =
            (Reason::StaleBook, Reason::StaleBook);
        let (feed_delay, book_age) = (Nanos::millis(delay_ms), Nanos::millis(age_ms));
        world.strategies[0] = StrategyStatus { feed_delay, book_age, ..world.strategies[0] };
        world.numbers.assets[0].trouble = trouble;
        let said = world.text(200, 50);
        assert!(world.view().line().contains(&world.view().coins[0].why));
        (said, world.view().coins[0].why.clone())
    };
    for (delay_ms, age_ms, trouble, says) in [
        (8_040, 120, None, "book is stale: 8.0 s late"),
        (90, 2_600, None, "book is stale: 2.6 s old"),
        (-3_000, 100, None, "book is stale: dated 3.0 s ahead"),
        (90, 9_000, Some(FeedTrouble::Silent), "NO DATA, asking again"),
        (90, 9_000, Some(FeedTrouble::Refused), "data REFUSED, asking again"),
    ] {
        let (text, why) = late(delay_ms, age_ms, trouble);
        assert_eq!(why, says);
        holds(&text, &[says, &delay_ms.to_string()]);
    }
}

#[test]
fn commentary_that_was_dropped_is_counted() {
    let mut world = World::new(1);
    let said = "17 lines of commentary dropped";
    assert!(!world.text(200, 50).contains("dropped") && !world.view().line().contains("dropped"));
    world.commentary_dropped = 17;
    holds(&world.text(200, 50), &[said]);
    holds(&world.view().line(), &[said]);
}

#[test]
fn a_view_is_the_same_after_a_way_through_json_and_its_amounts_are_exact_text() {
    let mut world = World::new(2);
    world.numbers.gross = Usd::parse("0.1").unwrap();
    world.numbers.assets[0].reasons[1][Reason::OneSided as usize] = Nanos::secs(7);
    let view = world.view();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(
        (&json["gross_usd"], &json["coins"][0]["position"]),
        (&"0.1".into(), &"0.01".into())
    );
    assert_eq!(json["coins"][0]["reason_s"][1]["one_sided"], 7.0);
    assert_eq!(serde_json::from_value::<View>(json).unwrap(), view);
    let told = view.to_json(Nanos::secs(1_795_824_002));
    assert_eq!((&told["is_running"], &told["age_s"]), (&true.into(), &2.0.into()));
}

#[test]
fn asked_from_elsewhere_it_says_whose_word_it_is_and_how_old() {
    let sheet = Sheet { cols: 80, rows: 24, has_colour: false };
    let mut view = World::new(3).view();
    let now = Nanos::secs(1_795_824_000 + 3 * 3_600 + 12 * 60);
    let text = view.report(sheet, now - Nanos::secs(3 * 3_600 + 12 * 60));
    holds(&text, &["running 01:02:05", "process ", "0.0 s ago", "account 10000.00 USD"]);
    assert!(!text.contains("q or Ctrl-C"), "{text}");
    view.source = Source::Journal { path: "runs/x/journal.jsonl".to_owned(), is_held: false };
    let text = view.report(sheet, now);
    holds(
        &text,
        &["NOT RUNNING", "as of 2026-11-28T00:00:00", "3 h 12 min ago", "runs/x/journal.jsonl"],
    );
    assert!(!text.contains("open orders"), "nothing is known of them: {text}");
    assert!(text.lines().count() <= 24 && text.lines().all(|l| measure_text_width(l) <= 80));
}
