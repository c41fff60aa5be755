//! A replay from memory: rows a second, and what a row takes.
//!
//! `cargo bench --bench replay`. A made recording (the synthetic market: three assets, twenty
//! virtual minutes, every event received 50 ms after it happened) goes through the five stages
//! inline, against a recorded market with queue positions, latency and fees. A row is one recorded
//! event: a book of 20 levels a side, a touch, or a trade. Then a day of it is opened as a compiled tape and
//! walked; and where the shared recording is here (`BOTMM_SHARED`), it is read raw, and opened compiled.

mod harness;

use botmm::data::{Cache, LoadOptions, find_compiled};
use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::{Bps, MarketEvent, Nanos, Universe, Usd};
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig, VenueAccount};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use botmm_pipeline::venue::tape::{Tape, TapeFeed};
use botmm_pipeline::wiring::{self, Config};
use harness::{Samples, made};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SPAN: Nanos = Nanos::secs(20 * 60);
const SMOKE_SPAN: Nanos = Nanos::secs(20);
const SEED: u64 = 42;
const LATENCY: Nanos = Nanos::millis(50);
/// Replays of the same recording; the first is the one that is checked.
const RUNS: usize = 10;
/// Moments between two looks at what the side thread would take.
const LOOK_EVERY: u64 = 64;

fn main() {
    harness::print_rig();
    let universe = universe();
    let span = if harness::is_smoke() { SMOKE_SPAN } else { SPAN };
    let tape = record(&universe, span);
    let first = replay(&tape, &universe);
    first.assert_sound(&tape);
    let mut runs = vec![first];
    for _ in 1..harness::calls(RUNS).min(if harness::is_smoke() { 2 } else { RUNS }) {
        let run = replay(&tape, &universe);
        assert_eq!(run.hash, runs[0].hash, "the same replay decides the same");
        runs.push(run);
    }
    print(&tape, span, &runs);
    open_and_walk("a day of it", &day(&tape, span));
    real();
}

/// The same again and again, for a day; a few times when it is only tried.
fn day(tape: &Tape, span: Nanos) -> Tape {
    let times = if harness::is_smoke() { 3 } else { Nanos::secs(86_400).0 / span.0 };
    let again = |n: i64| {
        tape.iter_recv().map(move |mut event| {
            let by = Nanos(n * (span.0 + Nanos::secs(1).0));
            let recv = event.recv_time() + by;
            match &mut event {
                MarketEvent::Book(b) => b.venue_time = b.venue_time + by,
                MarketEvent::Bbo(b) => b.venue_time = b.venue_time + by,
                MarketEvent::Trade(t) => t.venue_time = t.venue_time + by,
                MarketEvent::Level(l) => l.venue_time = l.venue_time + by,
                MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
            }
            event.set_recv_time(recv);
            event
        })
    };
    Tape::build((0..times).flat_map(again))
}

/// From the bytes of a tape to its first event by either clock, and to its last.
fn open_and_walk(what: &str, tape: &Tape) {
    let bytes = tape.to_bytes(Vec::new()).unwrap_or_default();
    let (rows, size) = (tape.len() as f64, bytes.len() as f64);
    let started = Instant::now();
    let Ok(tape) = Tape::open(Box::new(bytes)) else { return };
    let (mut recv, mut venue) = (tape.by_recv(), tape.by_venue());
    let is_there = recv.next_event().is_some() && venue.next_event().is_some();
    let opened = started.elapsed();
    let started = Instant::now();
    while black_box(recv.next_event()).is_some() && black_box(venue.next_event()).is_some() {}
    let walked = started.elapsed().as_secs_f64();
    assert!(is_there && tape.damage().is_none(), "it was just written");
    println!(
        "{what}: {rows} rows, {:.1} MB, {:.1} bytes a row, {:.2} an event; {:.3} ms to the first event; \
         {:.1} M rows a second by both clocks",
        size * 1e-6,
        size / rows,
        size / tape.changes() as f64,
        opened.as_secs_f64() * 1e3,
        rows / walked * 1e-6
    );
}

/// The shared recording, raw and compiled.
fn real() {
    let shared = std::env::var_os("BOTMM_SHARED").unwrap_or_else(|| "../shared".into());
    let path = PathBuf::from(shared).join("data/hyperliquid/l2_2025-09-04_1946");
    let Ok(folder) = tempfile::tempdir() else { return };
    if !path.exists() {
        return println!("no recording here: see BOTMM_SHARED in docs/recordings.md");
    }
    let cache = Cache { beside: false, elsewhere: Some(folder.path().to_owned()) };
    let instrument =
        |coin: &str| universe().iter().find(|(_, i)| i.coin.as_str() == coin).map(|(_, i)| *i);
    for what in ["raw, and compiled", "compiled before"] {
        let started = Instant::now();
        let options = LoadOptions {
            symbols: &[],
            instrument: &instrument,
            allow_unsound: false,
            decode: &mut |_, _, _, _| Ok(()),
            progress: &|_, _| {},
        };
        let found = find_compiled(std::slice::from_ref(&path), Some(&cache), &|_, _| {});
        let Ok(loaded) = found.and_then(|found| found.load(options)) else { return };
        let first = loaded.tape.by_recv().next_event().is_some();
        let wall = started.elapsed();
        let rows = loaded.tape.len();
        println!(
            "the shared recording, {what}: {:.1} ms to its first event of {rows} ({:.0} rows a second), {first}",
            wall.as_secs_f64() * 1e3,
            rows as f64 / wall.as_secs_f64()
        );
        if what == "compiled before" {
            open_and_walk("the shared recording", &loaded.tape);
        }
    }
}

fn universe() -> Universe {
    let coins = [("BTC", 5), ("ETH", 4), ("SOL", 2)];
    Universe::new(coins.map(|(name, decimals)| made::instrument(name, decimals)).into())
}

/// Lets the synthetic market run, and keeps what it says.
fn record(universe: &Universe, span: Nanos) -> Tape {
    let profiles = vec![MarketProfile::btc(), MarketProfile::eth(), MarketProfile::sol()];
    let mut market = SyntheticMarket::new(universe, profiles, made::START, SEED);
    let mut out = MarketOutput::default();
    market.advance(made::START + span, &mut out);
    Tape::build(out.events.into_iter().map(|mut event| {
        event.set_recv_time(event.venue_time() + LATENCY);
        event
    }))
}

/// What one replay came to.
struct Run {
    wall: Duration,
    hash: u64,
    events: u64,
    decisions: u64,
    fills: u64,
    dropped: u64,
    /// Our profit and the venue's differ by this much.
    residual: Usd,
    /// Moments of virtual time, each with all that happens then.
    moments: Samples,
}

fn replay(tape: &Tape, universe: &Universe) -> Run {
    let config = Config::new(universe.clone(), vec![made::params(); universe.len()]);
    let maker_fee = Bps::from_f64(1.5);
    let exchange_config = ExchangeConfig {
        latency: LatencyModel::Constant(LATENCY),
        maker_fee,
        taker_fee: maker_fee,
        seed: SEED,
        rules: Rules::REPLAY,
        deposit: Usd::ZERO,
        start: tape.venue_span().unwrap_or_default().0,
    };
    let market = RecordedMarket::new(tape, universe, QueueModel::ProbPower(3.0));
    let (exchange, Ends { gateway, account, .. }) =
        Exchange::new(market, universe.clone(), exchange_config, false);
    let wiring::Pipeline { stages, mut records, metrics, rings, .. } =
        wiring::build(&config, TapeFeed::new(tape), gateway);
    let clock = WallClock::default();
    let (lanes, mut latencies) = Lane::inline(stages, &clock);

    let mut moments = Samples::new("one moment of virtual time");
    let (mut count, mut before) = (0_u64, clock.raw());
    let mut after_moment = |_| {
        let after = clock.raw();
        moments.record(clock.span_ns(before, after));
        count += 1;
        if count.is_multiple_of(LOOK_EVERY) {
            latencies.drain();
            records.iter_mut().for_each(|ring| while ring.pop().is_some() {});
        }
        before = clock.raw();
        true
    };
    let (start, end) = tape.venue_span().unwrap_or_default();
    let started = Instant::now();
    let drive = Drive {
        start,
        end: end + LATENCY + LATENCY,
        venue: Box::new(exchange),
        after_moment: &mut after_moment,
    };
    run_inline(lanes, drive);
    let wall = started.elapsed();
    let marks = core::array::from_fn(|i| {
        botmm_pipeline::types::Px::from_raw(metrics.risk.mark[i].get() as i64)
    });
    let net = metrics.risk.realized.usd() + metrics.risk.unrealized.usd() - metrics.risk.fees.usd();
    Run {
        wall,
        hash: metrics.decision_hash(),
        events: metrics.feed.events.get(),
        decisions: metrics.risk.decisions.get(),
        fills: metrics.dispatch.fills.get(),
        dropped: rings.iter().map(|r| r.dropped()).sum(),
        residual: net - VenueAccount::read(&account).net(&marks),
        moments,
    }
}

impl Run {
    fn assert_sound(&self, tape: &Tape) {
        assert_eq!(self.events, tape.len() as u64, "every row went through");
        assert!(self.decisions > 0, "the market was quoted");
        let residual = self.residual.to_f64().abs();
        assert!(residual < 0.01, "our profit and the venue's differ by ${residual}");
    }
}

fn print(tape: &Tape, span: Nanos, runs: &[Run]) {
    let counts = tape.counts();
    let rows = counts.total();
    println!(
        "\nrecording: {:.0} virtual s, {rows} rows ({} books, {} touches, {} trades)",
        span.as_secs_f64(),
        counts.books,
        counts.bbos,
        counts.trades
    );
    println!(
        "tape: {:.1} bytes a row, {:.2} an event (a changed level, a touch or a trade: {} of them)",
        tape.size() as f64 / rows as f64,
        tape.size() as f64 / tape.changes() as f64,
        tape.changes()
    );
    let Some(first) = runs.first() else { return };
    println!(
        "replay: {} decisions, {} fills, {} superseded, hash {:016x}, {} runs alike",
        first.decisions,
        first.fills,
        first.dropped,
        first.hash,
        runs.len()
    );
    let mut rates: Vec<f64> = runs.iter().map(|r| rows as f64 / r.wall.as_secs_f64()).collect();
    rates.sort_by(f64::total_cmp);
    let (low, mid, high) = (rates[0], rates[rates.len() / 2], rates[rates.len() - 1]);
    println!("rows a second: median {mid:.0}, lowest {low:.0}, highest {high:.0}");
    let fastest = runs.iter().min_by_key(|r| r.wall).unwrap_or(first);
    harness::print_table("the fastest run, by moments", &[fastest.moments.percentiles()]);
}
