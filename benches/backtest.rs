//! A backtest from a compiled tape: rows a second, bytes a row, and the memory that it takes.
//!
//! `cargo bench --bench backtest`. A row is the change of one level, or a trade, of the made feed that
//! engines are compared by (`harness/feed.rs`, 8 million rows). It is compiled, written to a file, and replayed
//! from there through the five stages, inline, against a recorded market with queue positions, latency and
//! fees: as a replay goes, with market data taken in ahead of time from one decision to the next, and moment
//! by moment, in turns. Both must decide the same. Each replay is a process of its own, so that the memory it
//! says is its own.

mod harness;

use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, Stage, WallClock};
use botmm_pipeline::types::limits::RING_COMMENTARY;
use botmm_pipeline::types::{
    AssetParams, Bps, LevelChange, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe, Usd,
};
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::{Bytes, Tape, TapeFeed};
use botmm_pipeline::wiring::{self, Config};
use harness::feed::{self, Row, Spec};
use harness::made;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

/// Each way, as in the job that engines are compared by.
const LATENCY: Nanos = Nanos::millis(60);
const TICK: i64 = 10_000_000;
const LOT: i64 = 10_000;
const SMOKE_ROWS: u64 = 20_000;
/// Of each way to replay.
const RUNS: usize = 5;
/// Moments between two looks at what the side thread would take.
const LOOK_EVERY: u64 = 64;
/// Set for a process that replays: the tape, and how.
const TAPE: &str = "BOTMM_BENCH_TAPE";
const HOW: &str = "BOTMM_BENCH_HOW";

/// How rows are replayed; quiet = with quotes that are far from the market.
const WAYS: [&str; 4] = ["quiet", "quiet, by moments", "quoting", "quoting, by moments"];

fn main() {
    if let Some(tape) = std::env::var_os(TAPE) {
        let how = std::env::var(HOW).unwrap_or_default();
        return replay(Path::new(&tape), &how);
    }
    harness::print_rig();
    let rows = if harness::is_smoke() { SMOKE_ROWS } else { feed::FULL.rows };
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("tape");
    compile(Spec { rows, ..feed::FULL }, &path);
    let runs = if harness::is_smoke() { 1 } else { RUNS };
    let mut told: [Vec<Told>; WAYS.len()] = Default::default();
    for _ in 0..runs {
        for (way, told) in WAYS.iter().zip(&mut told) {
            told.extend(in_process(&path, way));
        }
    }
    for (way, told) in WAYS.iter().zip(&mut told) {
        told.sort_by(|a, b| a.rows_per_s.total_cmp(&b.rows_per_s));
        let Some(Told { rows_per_s, peak_mib, line, .. }) = told.get(told.len() / 2) else {
            continue;
        };
        println!("{way}: {:.2} M rows a second, peak {peak_mib:.0} MiB; {line}", rows_per_s * 1e-6);
    }
    for pair in told.chunks(2) {
        let hashes: Vec<&str> = pair.iter().flatten().map(|told| told.hash.as_str()).collect();
        assert!(hashes.windows(2).all(|two| two[0] == two[1]), "both decide the same: {hashes:?}");
        let mut ratios: Vec<f64> =
            pair[0].iter().zip(&pair[1]).map(|(a, b)| a.rows_per_s / b.rows_per_s).collect();
        ratios.sort_by(f64::total_cmp);
        if let Some(ratio) = ratios.get(ratios.len() / 2) {
            println!("ahead of time / by moments: x {ratio:.2} (median of sorted runs)");
        }
    }
}

/// Makes the feed's tape, and says how large it is and how fast it is walked.
fn compile(spec: Spec, path: &Path) {
    let started = Instant::now();
    let tape = Tape::build(feed::rows(spec).enumerate().map(|(i, row)| event(i as u64, &row)));
    let wall = started.elapsed().as_secs_f64();
    let bytes = tape.to_bytes(Vec::new()).unwrap_or_default();
    let rows = tape.len() as f64;
    println!(
        "tape: {rows} rows, {:.1} MB, {:.2} bytes a row; compiled in {wall:.1} s",
        bytes.len() as f64 * 1e-6,
        bytes.len() as f64 / rows
    );
    assert!(bytes.len() as f64 <= 32.0 * rows, "a row takes 32 bytes at most");
    if let Err(e) = std::fs::write(path, &bytes) {
        panic!("{}: {e}", path.display());
    }
    let mut cursor = tape.by_recv();
    let started = Instant::now();
    while black_box(cursor.next_event()).is_some() {}
    println!(
        "walked by one clock: {:.1} M rows a second",
        rows / started.elapsed().as_secs_f64() * 1e-6
    );
}

fn event(number: u64, row: &Row) -> MarketEvent {
    let (venue_time, recv_time) = (Nanos(row.exch_ts), Nanos(row.local_ts));
    let (px, qty) = (Px::from_raw(row.tick * TICK), Qty::from_raw(row.lots * LOT));
    let side = if row.is_buy() { Side::Bid } else { Side::Ask };
    match row.kind() {
        feed::TRADE => MarketEvent::Trade(Trade {
            aggressor: side,
            venue_time,
            recv_time,
            px,
            qty,
            tid: number,
            ..Trade::default()
        }),
        _ => MarketEvent::Level(LevelChange {
            side,
            tick: TICK as u32,
            venue_time,
            recv_time,
            px,
            qty,
            ..LevelChange::default()
        }),
    }
}

/// What a process said of its replay.
struct Told {
    rows_per_s: f64,
    peak_mib: f64,
    hash: String,
    line: String,
}

fn in_process(tape: &Path, how: &str) -> Option<Told> {
    let own = std::env::current_exe().ok()?;
    let output = Command::new(own).env(TAPE, tape).env(HOW, how).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{how}: {errors}");
    let mut parts = text.trim().splitn(4, '\t');
    let mut next = || parts.next().map(str::to_owned);
    let (rows_per_s, peak_mib) = (next()?.parse().ok()?, next()?.parse().ok()?);
    Some(Told { rows_per_s, peak_mib, hash: next()?, line: next()? })
}

/// A tape on disk.
#[derive(Debug)]
struct OnDisk(Mutex<File>, u64);

impl Bytes for OnDisk {
    fn size(&self) -> u64 {
        self.1
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut file = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }
}

fn open(path: &Path) -> Tape {
    let file = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (len, file) = file.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Tape::open(Box::new(OnDisk(Mutex::new(file), len))).unwrap_or_else(|e| panic!("{e}"))
}

/// A stage that takes nothing in ahead of time.
struct ByMoments(Box<dyn Stage>);

impl Stage for ByMoments {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn on_start(&mut self) {
        self.0.on_start();
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.0.poll(now)
    }
    fn hear(&mut self, now: Nanos) -> usize {
        self.0.hear(now)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.0.next_deadline()
    }
    fn on_stop(&mut self) {
        self.0.on_stop();
    }
}

fn replay(path: &Path, how: &str) {
    let (tape, is_quoting) = (open(path), how.starts_with("quoting"));
    let wrap = |stage: Box<dyn Stage>| -> Box<dyn Stage> {
        if how.ends_with("by moments") { Box::new(ByMoments(stage)) } else { stage }
    };
    let universe = Universe::new(vec![made::instrument("ETH", 4)]);
    let far = AssetParams { min_spread_bps: 400.0, max_spread_bps: 500.0, ..made::params() };
    let params = if is_quoting { made::params() } else { far };
    let config = Config {
        universe: universe.clone(),
        params: vec![params],
        session: 1,
        lossless: false,
        risk: None,
        venue_clock: VenueClock::default(),
        commentary: RING_COMMENTARY,
    };
    let (start, end) = tape.venue_span().unwrap_or_default();
    let exchange_config = ExchangeConfig {
        latency: LatencyModel::Constant(LATENCY),
        maker_fee: Bps::from_f64(-0.3),
        taker_fee: Bps::from_f64(4.5),
        seed: 1,
        rules: Rules::REPLAY,
        deposit: Usd::ZERO,
        start,
    };
    let market = RecordedMarket::new(&tape, &universe, QueueModel::RiskAverse);
    let (exchange, Ends { gateway, .. }) = Exchange::new(market, universe, exchange_config, false);
    let wiring::Pipeline { stages, mut records, metrics, .. } =
        wiring::build(&config, TapeFeed::new(&tape), gateway);
    let stages = stages.into_iter().map(wrap).collect();
    let (lanes, mut latencies) = Lane::inline(stages, &WallClock::default());
    let mut moments = 0_u64;
    let mut after_moment = |_| {
        moments += 1;
        if moments.is_multiple_of(LOOK_EVERY) {
            latencies.drain();
            records.iter_mut().for_each(|ring| while ring.pop().is_some() {});
        }
        true
    };
    let drive = Drive {
        start,
        end: end + LATENCY + LATENCY,
        venue: wrap(Box::new(exchange)),
        after_moment: &mut after_moment,
    };
    let started = Instant::now();
    run_inline(lanes, drive);
    let wall = started.elapsed().as_secs_f64();
    let rows = metrics.feed.events.get();
    assert_eq!(rows, tape.len() as u64, "every row went through");
    println!(
        "{}\t{}\t{:016x}\t{moments} moments, {} decisions, {} fills",
        rows as f64 / wall,
        peak_mib(),
        metrics.decision_hash(),
        metrics.risk.decisions.get(),
        metrics.dispatch.fills.get()
    );
}

/// The most that this process ever had in memory.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
