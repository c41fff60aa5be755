use super::*;
use crate::rungs::{Rung, Rungs};
use botmm_pipeline::stage::numbers::{AssetNumbers, MeasuredFills, SideNumbers};
use botmm_pipeline::types::{Bps, DayNet, Nanos, Qty, Reason, Usd};
use std::collections::BTreeMap;

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn by_symbol<T>(value: T) -> BTreeMap<String, T> {
    BTreeMap::from([("BTC".to_owned(), value)])
}

/// 42 fills that lose: 30 bought and 12 sold, all but the last 2 measured.
fn traded() -> BySymbol {
    let measured = |fills, value: &str, markout: &str, adverse: &str| MeasuredFills {
        fills,
        value: usd(value),
        markout: usd(markout),
        adverse: usd(adverse),
    };
    let bought = SideNumbers {
        fills: 30,
        captured: usd("0.9"),
        measured: [
            measured(30, "4500.12345678", "0.6", "-0.3"),
            measured(30, "4500.12345678", "0.225", "-0.675"),
            measured(30, "4500.12345678", "0.1", "-0.8"),
            measured(30, "4500.12345678", "-0.1", "-1"),
        ],
    };
    let mut sold = SideNumbers { fills: 11, captured: usd("-0.1"), ..SideNumbers::default() };
    sold.measured[0] = measured(12, "1800", "-0.3", "-0.2");
    sold.measured[1] = measured(10, "1500", "-0.3", "-0.2");
    let mut bid = [Nanos::ZERO; Reason::COUNT];
    (bid[Reason::Quoted as usize], bid[Reason::OneSided as usize]) = (Nanos(1), Nanos(1));
    let mut ask = [Nanos::ZERO; Reason::COUNT];
    ask[Reason::Quoted as usize] = Nanos(2);
    by_symbol(AssetNumbers {
        quotes: 2_224,
        quoted: usd("315006.172839"),
        fills: 42,
        volume: usd("6300.12345678"),
        fees: usd("0.945018"),
        funding: Usd::ZERO,
        net: usd("-2.145018"),
        sides: [bought, sold],
        reasons: [bid, ask],
        ..AssetNumbers::default()
    })
}

fn day(day: i64, net: &str, whole: bool) -> DayNet {
    DayNet { day, net: usd(net), whole }
}

fn run_counts() -> RunCounts {
    RunCounts { capital: Usd::whole(10_000), max_drawdown: usd("2.5"), cancels: 11 }
}

fn sample() -> Summary {
    let traded = traded();
    let mut days = Days::default();
    days.add(day(20_335, "-2.145018", false));
    let mut bid = [Nanos::ZERO; Reason::COUNT];
    bid[Reason::Quoted as usize] = Nanos::secs(1791);
    bid[Reason::Warmup as usize] = Nanos::secs(9);
    let mut ask = [Nanos::ZERO; Reason::COUNT];
    ask[Reason::Quoted as usize] = Nanos::secs(900);
    ask[Reason::OneSided as usize] = Nanos::secs(900);
    let stage = |p50| LatencyNs { p50, p99: 4 * p50, max: 12_345_678 };
    let names = [("quote", 640), ("feed", 950), ("book", 210), ("total", 2_400)];
    Summary {
        events: 1_234_567,
        events_by_kind: BTreeMap::from([("book", 1_234_567)]),
        span_s: 1800.0,
        events_per_s: 512_345.6,
        decisions: 17_990,
        decision_hash: 0x0123_4567_89ab_cdef,
        orders: 420,
        cancels: 11,
        modifies: 1_804,
        rejects: 3,
        signing: None,
        fills: 42,
        fills_by_cause: [("traded_at", 30), ("touch_reached", 12)]
            .map(|(cause, fills)| (cause, CauseFills { fills, volume_usd: usd("150.05") }))
            .into(),
        volume_usd: usd("6300.12345678"),
        gross_pnl_usd: usd("-1.2"),
        fees_usd: usd("0.945018"),
        net_pnl_usd: usd("-2.145018"),
        pnl_split: PnlSplit::of(&traded),
        markouts: traded.iter().map(|(s, t)| (s.clone(), SideMarkouts::of(t))).collect(),
        by_symbol: traded.iter().map(|(s, t)| (s.clone(), SymbolResult::of(t))).collect(),
        metrics: RunMetrics::of(&traded, &days, &run_counts()),
        fit: BTreeMap::new(),
        position: by_symbol(Qty::parse("-0.00123").unwrap()),
        position_usd: by_symbol(usd("-135.191605")),
        equity_residual_usd: Some(Usd::ZERO),
        transfers_usd: Some(Usd::ZERO),
        max_worst_case_exposure_usd: by_symbol(usd("812.5")),
        max_position_usd: by_symbol(Usd::whole(1000)),
        reasons: ReasonShares::from_times([("BTC", [bid, ask])]),
        warnings: vec!["BTC had a side unquoted 12.0 % of the time".to_owned()],
        rungs: Some(Rungs {
            exchange: Rung::not_armed("12 of 1000000 USD traded"),
            guard: Rung::ARMED,
            systemd: Rung::ARMED,
            exchange_requests: 3,
        }),
        dropped: [("feed-book", 0), ("book-quote", 17)].map(|(r, n)| (r.to_owned(), n)).into(),
        latency_ns: names.map(|(n, p50)| (n.to_owned(), stage(p50))).into(),
        wire: Some(WireResult {
            counts_from: "kernel",
            trips: 1_234,
            over_budget: 5,
            steps_ns: [("to_wire", 41_000), ("read", 12_000)]
                .map(|(n, p50)| (n.to_owned(), stage(p50)))
                .into(),
        }),
        assumptions: Assumptions {
            queue: "risk_averse".to_owned(),
            rules: "replay".to_owned(),
            latency: "50ms".to_owned(),
            feed: "recorded".to_owned(),
            feed_late: "warn above 150 ms".to_owned(),
            fee_bps: Bps::from_e8(15_000),
            capital_usd: Usd::whole(10_000),
            seed: 1,
            plan: "inline".to_owned(),
            lossless: false,
            market: "recorded".to_owned(),
            config_sha256: "c0ffee".to_owned(),
            data: vec![DataFile {
                path: "BTC.csv.zst".to_owned(),
                sha256: "abc123".to_owned(),
                rows: 99_000,
                skipped: 0,
            }],
            notes: vec!["30 minutes are too short to tell profit from luck".to_owned()],
        },
    }
}

#[test]
fn text_for_people() {
    let expected = "\
Result
  net PnL               -2.15 USD (loss) after fees, from 42 fills in 30 m 0 s
  gross PnL             -1.20 USD (loss) before fees
  fees                   0.95 USD paid, at 1.5 bps
  volume             6,300.12 USD
  drawdown               2.50 USD at most, from a peak of the profit at the marks
  residual                  0 USD: the accounts add up
  position     BTC -0.00123 (-135.19 USD) at the end

Where it came from     5 s after a fill         60 s after a fill
  spread captured             0.80 USD                  0.80 USD
  adverse selection          -0.88 USD (loss)          -1.00 USD (loss)
  inventory drift            -1.13 USD (loss)          -1.00 USD (loss)
  fees                       -0.95 USD (paid)          -0.95 USD (paid)
  funding                     0.00 USD                  0.00 USD
  net after fees             -2.15 USD (loss)          -2.15 USD (loss)
  fills measured                40                        30
  note         42 fills in 30 m 0 s; of those not measured all is drift
  note         1 fills: the mid just before them is not known
  markouts, bps     bid 5 s   bid 60 s    ask 5 s   ask 60 s        fee
  BTC                  0.50      -0.22      -2.00          -       1.50

Activity
  events       1,234,567 (512346 a second)
  decisions    17,990, hash 0123456789abcdef
  actions      420 orders, 1,804 modifies, 11 cancels; 3 rejected
  fills        30 traded at, after the queue; 12 displayed touch reached us
  dropped      book-quote 17
  if it died   rungs armed: guard, systemd; no exchange: 12 of 1000000 USD traded
               the venue's switch took 3 requests of the account

Positions      at the end, coin    worst exposure, USD    limit, USD
  BTC                    -0.00123                 812.50      1,000.00

Why each side was quoted or not, share of time
  BTC bid      quoted 99.5 %, warming up 0.5 %
  BTC ask      only reducing position 50.0 %, quoted 50.0 %
  all          quoted 74.8 %, only reducing position 25.0 %, warming up 0.2 %
  WARNING      BTC had a side unquoted 12.0 % of the time

Latency                 p50          p99          max
  feed               950 ns      3.80 us     12.35 ms
  book               210 ns       840 ns     12.35 ms
  quote              640 ns      2.56 us     12.35 ms
  total             2.40 us      9.60 us     12.35 ms

Wire to wire            p50          p99          max
  read             12.00 us     48.00 us     12.35 ms
  to_wire          41.00 us    164.00 us     12.35 ms
  1,234 trips to the wire, counted from the kernel, 5 over the budget

Assumptions
  market       recorded, queue risk_averse, rules replay
  feed         recorded (from the venue to us)
  late feed    warn above 150 ms
  latency      50ms (orders, and their answers)
  maker fee    1.5 bps (positive = cost)
  capital      10,000.00 USD (loss limits are shares of it)
  run          seed 1, plan inline
  config       sha256 c0ffee
  data         BTC.csv.zst: 99,000 rows, sha256 abc123
  note         30 minutes are too short to tell profit from luck
";
    let text = sample().to_string();
    assert_eq!(text, expected, "got:\n{text}");
}

#[test]
fn json_has_exactly_these_keys_and_exact_money() {
    let json = sample().to_json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "events",
        "events_by_kind",
        "span_s",
        "events_per_s",
        "decisions",
        "decision_hash",
        "orders",
        "cancels",
        "modifies",
        "rejects",
        "fills",
        "fills_by_cause",
        "volume_usd",
        "gross_pnl_usd",
        "fees_usd",
        "net_pnl_usd",
        "pnl_split",
        "markouts",
        "by_symbol",
        "metrics",
        "position",
        "position_usd",
        "equity_residual_usd",
        "transfers_usd",
        "max_worst_case_exposure_usd",
        "max_position_usd",
        "reasons",
        "warnings",
        "rungs",
        "dropped",
        "latency_ns",
        "wire",
        "assumptions",
    ];
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    for part in [
        "\"volume_usd\": 6300.12345678,",
        "\"net_pnl_usd\": -2.145018,",
        "\"equity_residual_usd\": 0,",
        "\"decision_hash\": \"0123456789abcdef\"",
        "\"fee_bps\": 1.5,",
        "\"BTC\": -0.00123",
        "\"BTC\": 812.5",
    ] {
        assert!(json.contains(part), "no {part} in {json}");
    }
    assert_eq!(value["reasons"]["BTC"]["ask"]["one_sided"], 0.5);
    assert_eq!(value["latency_ns"]["feed"]["p99"], 3_800);
    assert_eq!(value["wire"]["steps_ns"]["to_wire"]["p50"], 41_000);
    assert_eq!(value["wire"]["counts_from"], "kernel");
    assert_eq!(value["assumptions"]["data"][0]["rows"], 99_000);
}

#[test]
fn the_split_adds_up_for_every_horizon() {
    let value: serde_json::Value = serde_json::from_str(&sample().to_json().unwrap()).unwrap();
    let usd = |v: &serde_json::Value| usd(&v.to_string());
    let (split, btc) = (&value["pnl_split"], &value["by_symbol"]["BTC"]);
    for h in ["1s", "5s", "30s", "60s"] {
        let parts = usd(&split["spread_captured_usd"])
            + usd(&split["adverse_selection_usd"][h])
            + usd(&split["inventory_drift_usd"][h]);
        let net = parts - usd(&split["fees_usd"]) - usd(&split["funding_usd"]);
        assert_eq!(net, usd(&split["net_usd"]), "{h}");
    }
    assert_eq!(split["adverse_selection_usd"]["60s"].to_string(), "-1");
    assert_eq!(split["net_usd"], value["net_pnl_usd"]);
    assert_eq!(btc["gross_pnl_usd"].to_string(), "-1.2");
    let bid = &value["markouts"]["BTC"]["bid"]["5s"];
    assert_eq!((bid["fills"].as_u64(), usd(&bid["usd"])), (Some(30), super::tests::usd("0.225")));
    assert!((bid["markout_bps"].as_f64().unwrap() - 0.5).abs() < 1e-4, "{bid}");
    assert!((bid["adverse_bps"].as_f64().unwrap() + 1.5).abs() < 1e-4, "{bid}");
    let never = &value["markouts"]["BTC"]["ask"]["60s"];
    assert_eq!((never["fills"].as_u64(), never["markout_bps"].is_null()), (Some(0), true));
}

#[test]
fn rates_are_by_hand() {
    let m = sample().metrics;
    let near = |value: Option<f64>, expected: f64| {
        assert!((value.unwrap() - expected).abs() < 1e-9, "{value:?} is not {expected}");
    };
    near(m.fill_rate, 42.0 / 2_224.0);
    near(m.volume_fill_rate, 0.02);
    near(m.turnover, 0.630_012_345_678);
    near(m.time_at_limit, 0.5);
    near(m.actions_per_fill, 2_235.0 / 42.0);
    assert_eq!(m.partial_days, ["2025-09-04"]);
    assert_eq!(m.daily_pnl_usd["2025-09-04"], usd("-2.145018"));
    let idle = RunMetrics::of(&BTreeMap::new(), &Days::default(), &run_counts());
    assert_eq!((idle.fill_rate, idle.actions_per_fill, idle.time_at_limit), (None, None, None));
}

/// Whole days of 2025-09-05 and after, between a first and a last that are not whole.
fn metrics_of_days(nets: &[&str]) -> RunMetrics {
    let mut days = Days::default();
    days.add(day(20_335, "-999", false));
    (20_336..).zip(nets).for_each(|(n, net)| days.add(day(n, net, true)));
    days.add(day(20_336 + nets.len() as i64, "999", false));
    RunMetrics::of(&traded(), &days, &run_counts())
}

#[test]
fn under_seven_whole_days_there_is_no_sharpe_ratio() {
    let six = metrics_of_days(&["1", "2", "3", "4", "5", "6"]);
    let json = serde_json::to_value(&six).unwrap();
    assert!(json["sharpe"].is_null());
    let note = json["sharpe_note"].as_str().unwrap();
    assert_eq!(note, "nothing under 7 whole UTC days is annualised, and this run has 6");
    assert_eq!(six.partial_days, ["2025-09-04", "2025-09-11"]);
    assert_eq!(json["daily_pnl_usd"].as_object().unwrap().len(), 8);
    let alike = metrics_of_days(&["5"; 9]);
    assert_eq!(alike.sharpe, None, "{alike:?}");
    assert!(!Summary { metrics: six, ..sample() }.to_string().contains("Sharpe"));
}

#[test]
fn the_sharpe_ratio_and_its_interval_are_by_hand() {
    // Returns on 10,000: 1, 2, 3, 4, 5, 6, 7 in 1e-4. Their mean is 4e-4, the sum of squared
    // differences 28e-8, the deviation √(28/6) · 1e-4; so a day's ratio is 4/√(14/3) = 1.851640…,
    // its square 24/7, its standard error √((1 + 12/7)/7) = √(19)/7 = 0.622699…
    let m = metrics_of_days(&["1", "2", "3", "4", "5", "6", "7"]);
    let Sharpe { value, low, high } = m.sharpe.unwrap();
    let root = 19.104_973_174_542_8; // √365
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    near(value, 1.851_640_199_5 * root);
    near(low, (1.851_640_199_5 - 1.96 * 0.622_699_849_0) * root);
    near(high, (1.851_640_199_5 + 1.96 * 0.622_699_849_0) * root);
    assert_eq!(m.sharpe_note, None);
    let text = Summary { metrics: m, ..sample() }.to_string();
    assert!(text.contains("35.38 a year (95 %: 12.06 to 58.69), of 7 whole days"), "{text}");
}

#[test]
fn a_day_that_comes_twice_is_added_up_and_not_whole() {
    let mut days = Days::default();
    days.add(day(20_335, "5", true));
    days.add(day(20_335, "-3", false));
    let m = RunMetrics::of(&traded(), &days, &run_counts());
    assert_eq!(m.daily_pnl_usd["2025-09-04"], Usd::whole(2));
    assert_eq!(m.partial_days, ["2025-09-04"]);
}

#[test]
fn money_beyond_a_double_stays_exact() {
    let summary = Summary { volume_usd: usd("92233720368.54775807"), ..Summary::default() };
    assert!(summary.to_json().unwrap().contains("\"volume_usd\": 92233720368.54775807,"));
    let tiny = Summary { net_pnl_usd: Usd::from_raw(-1), ..Summary::default() };
    assert!(tiny.to_json().unwrap().contains("\"net_pnl_usd\": -0.00000001,"));
}

#[test]
fn two_runs_differ_in_timings_only() {
    let (one, mut two) = (sample(), sample());
    two.events_per_s = 1.0;
    two.latency_ns.clear();
    two.wire = None;
    assert_ne!(one, two);
    assert_eq!(one.without_timings(), two.without_timings());
    two.fills += 1;
    assert_ne!(one.without_timings(), two.without_timings());
}

#[test]
fn what_is_left_is_told_for_every_coin() {
    let mut s = sample();
    s.position.insert("ETH".to_owned(), Qty::ZERO);
    s.position_usd.insert("ETH".to_owned(), Usd::ZERO);
    s.position.insert("SOL".to_owned(), Qty::parse("1.5").unwrap());
    let text = s.to_string();
    let told =
        "position     BTC -0.00123 (-135.19 USD), ETH flat, SOL 1.5 (no mark is known) at the end";
    assert!(text.contains(told), "{text}");
}

#[test]
fn how_requests_were_signed_is_told_where_that_was_done_ahead() {
    let mut s = sample();
    assert!(!s.to_string().contains("signed") && !s.to_json().unwrap().contains("\"signing\""));
    s.signing = Some(Signing { presigned: 1_234, ordinary: 3, dropped: 640 });
    let told = "  signed       1,234 requests ahead, 3 the ordinary way; 640 made and not used\n";
    assert!(s.to_string().contains(told), "{s}");
    let json: serde_json::Value = serde_json::from_str(&s.to_json().unwrap()).unwrap();
    let expected = serde_json::json!({ "presigned": 1_234, "ordinary": 3, "dropped": 640 });
    assert_eq!(json["signing"], expected);
}

#[test]
fn what_is_wrong_is_said_loudly() {
    let mut s = sample();
    s.equity_residual_usd = Some(usd("-0.02"));
    s.max_worst_case_exposure_usd = by_symbol(usd("1000.01"));
    s.fills = 0;
    s.fees_usd = usd("-0.5");
    let text = s.to_string();
    assert!(text.contains("-0.02 USD: THE ACCOUNTS DO NOT ADD UP"), "{text}");
    assert!(text.contains("1,000.01      1,000.00  OVER THE LIMIT"), "{text}");
    assert!(text.contains("no fills: this says nothing about profit"), "{text}");
    assert!(text.contains("-0.50 USD (rebate)"), "{text}");
    s.equity_residual_usd = Some(Usd::from_raw(1));
    assert!(s.to_string().contains("0.00000001 USD: below the alarm"), "{s}");
}
