//! A backtest from a compiled tape: rows a second, bytes a row, and the memory that it takes.
//!
//! `cargo bench --bench backtest`. A row is the change of one level, or a trade, of the made feed that
//! engines are compared by (`harness/feed.rs`, 8 million rows). It is compiled, written to a file, and replayed
//! from there through the five stages, inline, against a recorded market with queue positions, latency and
//! fees: as a replay goes, the same lean (`--lean`), and moment by moment with every stage polled, in turns. All
//! three must decide the same. The grid is the job that engines are compared by. Each replay is a process of its
//! own, so that the memory it says is its own.

mod harness;

use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, Stage, WallClock};
use botmm_pipeline::types::params::GridParams;
use botmm_pipeline::types::{
    AssetParams, Bps, LevelChange, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe, Usd,
};
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::queue::{QueueModel, QueueSemantics};
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
const RUNS: usize = 3;
/// Moments between two looks at what the side thread would take.
const LOOK_EVERY: u64 = 64;
/// Set for a process that replays: the tape, and how.
const TAPE: &str = "BOTMM_BENCH_TAPE";
const HOW: &str = "BOTMM_BENCH_HOW";

/// What is traded; quiet = with quotes that are far from the market.
const JOBS: [&str; 3] = ["grid", "quoting", "quiet"];
/// How rows are replayed; the first is what the others are compared with.
const WAYS: [&str; 3] = ["full", "lean", "by moments"];

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
    for job in JOBS {
        let mut told: [Vec<Told>; WAYS.len()] = Default::default();
        for _ in 0..runs {
            for (way, told) in WAYS.iter().zip(&mut told) {
                told.extend(in_process(&path, &format!("{job}, {way}")));
            }
        }
        print_job(job, &mut told);
    }
}

fn print_job(job: &str, told: &mut [Vec<Told>; WAYS.len()]) {
    let hashes: Vec<&str> = told.iter().flatten().map(|told| told.hash.as_str()).collect();
    assert!(
        hashes.windows(2).all(|two| two[0] == two[1]),
        "{job}: all decide the same: {hashes:?}"
    );
    for runs in told.iter_mut() {
        runs.sort_by(|a, b| a.rows_per_s.total_cmp(&b.rows_per_s));
    }
    let middle = |runs: &[Told]| runs.get(runs.len() / 2).map_or(0.0, |told| told.rows_per_s);
    let full = middle(&told[0]);
    for (way, runs) in WAYS.iter().zip(told.iter()) {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { continue };
        let (speed, peak_mib) = (middle(runs), last.peak_mib);
        println!(
            "{job}, {way}: {:.2} M rows a second ({:.2} to {:.2}), x {:.2} of full, peak {peak_mib:.0} MiB; {}",
            speed * 1e-6,
            first.rows_per_s * 1e-6,
            last.rows_per_s * 1e-6,
            speed / full,
            last.line
        );
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
        "tape: {rows} rows, {:.1} MB, {:.2} bytes a row; compiled in {wall:.1} s, peak {:.0} MiB",
        bytes.len() as f64 * 1e-6,
        bytes.len() as f64 / rows,
        peak_mib()
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

/// The grid, and limits that hold none of it back (`harness/grid.toml`).
fn grid(from: Nanos) -> AssetParams {
    let mut params = made::params();
    params.grid = Some(GridParams { half: 16, lots: 1_000, from });
    params.risk.max_position_usd = Usd::whole(1_000_000);
    params.risk.max_total_position_usd = Usd::whole(1_000_000);
    params.risk.capital_usd = Usd::whole(10_000_000);
    (params.risk.max_daily_loss_frac, params.risk.max_drawdown_frac) = (1.0, 1.0);
    params
}

fn replay(path: &Path, how: &str) {
    let tape = open(path);
    let (job, way) = how.split_once(", ").unwrap_or((how, ""));
    let wrap = |stage: Box<dyn Stage>| -> Box<dyn Stage> {
        if way == "by moments" { Box::new(ByMoments(stage)) } else { stage }
    };
    let universe = Universe::new(vec![made::instrument("ETH", 4)]);
    let (start, end) = tape.venue_span().unwrap_or_default();
    let params = match job {
        "grid" => grid(start),
        "quiet" => AssetParams { min_spread_bps: 400.0, max_spread_bps: 500.0, ..made::params() },
        _ => made::params(),
    };
    let mut config = Config::new(universe.clone(), vec![params]);
    if way == "lean" {
        config.commentary = 0;
    }
    let exchange_config = ExchangeConfig {
        latency: LatencyModel::Constant(LATENCY),
        maker_fee: Bps::from_f64(-0.3),
        taker_fee: Bps::from_f64(4.5),
        seed: 1,
        rules: Rules::REPLAY,
        deposit: Usd::ZERO,
        start,
    };
    let semantics = match job {
        "grid" => QueueSemantics::Hftbacktest,
        _ => QueueSemantics::Botmm,
    };
    let market = RecordedMarket::new(&tape, &universe, QueueModel::RiskAverse).by(semantics);
    let (exchange, Ends { gateway, .. }) = Exchange::new(market, universe, exchange_config, false);
    let wiring::Pipeline { stages, mut records, metrics, .. } =
        wiring::build(&config, TapeFeed::new(&tape), gateway);
    let stages = stages.into_iter().map(wrap).collect();
    let (lanes, mut latencies) = Lane::inline(stages, &WallClock::default());
    let lanes = lanes.into_iter().map(|lane| if way == "lean" { lane.unmeasured() } else { lane });
    let lanes = lanes.collect();
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
