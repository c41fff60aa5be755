use super::*;
use botmm_pipeline::types::{Bps, Nanos, Qty, Reason, Usd};
use std::collections::BTreeMap;

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn by_symbol<T: Copy>(value: T) -> BTreeMap<String, T> {
    BTreeMap::from([("BTC".to_owned(), value)])
}

fn sample() -> Summary {
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
        fills: 42,
        volume_usd: usd("6300.12345678"),
        gross_pnl_usd: usd("-1.2"),
        fees_usd: usd("0.945018"),
        net_pnl_usd: usd("-2.145018"),
        position: by_symbol(Qty::parse("-0.00123").unwrap()),
        equity_residual_usd: Some(Usd::ZERO),
        max_worst_case_exposure_usd: by_symbol(usd("812.5")),
        max_position_usd: by_symbol(Usd::whole(1000)),
        reasons: ReasonShares::from_times([("BTC", [bid, ask])]),
        dropped: [("feed-book", 0), ("book-quote", 17)].map(|(r, n)| (r.to_owned(), n)).into(),
        latency_ns: names.map(|(n, p50)| (n.to_owned(), stage(p50))).into(),
        assumptions: Assumptions {
            queue: "risk_averse".to_owned(),
            latency: "50ms".to_owned(),
            fee_bps: Bps::from_e8(15_000),
            seed: 1,
            plan: "inline".to_owned(),
            lossless: false,
            market: "recorded".to_owned(),
            config_sha256: "c0ffee".to_owned(),
            data: vec![DataFile {
                path: "BTC.csv.zst".to_owned(),
                sha256: "abc123".to_owned(),
                rows: 99_000,
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
  residual                  0 USD: the accounts add up

Activity
  events       1,234,567 (512346 a second)
  decisions    17,990, hash 0123456789abcdef
  actions      420 orders, 1,804 modifies, 11 cancels; 3 rejected
  dropped      book-quote 17

Positions      at the end, coin    worst exposure, USD    limit, USD
  BTC                    -0.00123                 812.50      1,000.00

Why each side was quoted or not, share of time
  BTC bid      quoted 99.5 %, warming up 0.5 %
  BTC ask      only reducing position 50.0 %, quoted 50.0 %
  all          quoted 74.8 %, only reducing position 25.0 %, warming up 0.2 %

Latency                 p50          p99          max
  feed               950 ns      3.80 us     12.35 ms
  book               210 ns       840 ns     12.35 ms
  quote              640 ns      2.56 us     12.35 ms
  total             2.40 us      9.60 us     12.35 ms

Assumptions
  market       recorded, queue risk_averse
  latency      50ms
  maker fee    1.5 bps (positive = cost)
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
        "volume_usd",
        "gross_pnl_usd",
        "fees_usd",
        "net_pnl_usd",
        "position",
        "equity_residual_usd",
        "max_worst_case_exposure_usd",
        "max_position_usd",
        "reasons",
        "dropped",
        "latency_ns",
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
    assert_eq!(value["assumptions"]["data"][0]["rows"], 99_000);
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
    assert_ne!(one, two);
    assert_eq!(one.without_timings(), two.without_timings());
    two.fills += 1;
    assert_ne!(one.without_timings(), two.without_timings());
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
