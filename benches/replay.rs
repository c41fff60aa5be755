//! A replay from memory: rows a second, and what a row takes.
//!
//! `cargo bench --bench replay`. A made recording (the synthetic market: three assets, twenty
//! virtual minutes, every event received 50 ms after it happened) goes through the five stages
//! inline, against a recorded market with queue positions, latency and fees. A row is one recorded
//! event: a book of 20 levels a side, a touch, or a trade. Reading files is not part of it.

mod harness;

use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::{Bps, Nanos, Universe, Usd};
use botmm_pipeline::venue::hl::clock::VenueClock;
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
    let config = Config {
        universe: universe.clone(),
        params: vec![made::params(); universe.len()],
        session: 1,
        lossless: false,
        risk: None,
        venue_clock: VenueClock::default(),
        commentary: botmm_pipeline::types::limits::RING_COMMENTARY,
    };
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
