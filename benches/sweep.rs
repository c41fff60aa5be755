//! Sweeps: replays a second with one worker and with two.
//!
//! `cargo bench --bench sweep`. A grid of parameters over a recording (the shared one where it is there,
//! `BOTMM_SHARED`, else the small one that comes with the source), planned once; then worked off from nothing by
//! `botmm backtest --resume` with one worker and with two, in turns, each `ROUNDS` times. The fastest of each counts:
//! whatever else this machine does makes all of them slower. Every time the results must be the same bytes.

mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
/// Sizes of orders that are tried, with two queue models each.
const SIZES: usize = 16;

fn main() {
    harness::print_rig();
    let dir = std::env::temp_dir().join(format!("botmm-sweep-{}", std::process::id()));
    let outcome =
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string()).and_then(|()| bench(&dir));
    let _ = std::fs::remove_dir_all(&dir); // It costs nothing but room.
    if let Err(why) = outcome {
        panic!("{why}");
    }
}

fn bench(dir: &Path) -> Result<(), String> {
    let (sizes, rounds) = if harness::is_smoke() { (2, 1) } else { (SIZES, ROUNDS) };
    let sizes: Vec<String> = (0..sizes).map(|i| (60 + 10 * i).to_string()).collect();
    let param = format!("order_size_usd={}", sizes.join(","));
    let recording = recording();
    let path = recording.display().to_string();
    botmm(dir, &["sweep", "plan", &path, "--param", &param, "--out", "plan"])?;
    let tasks = std::fs::read_to_string(dir.join("plan/tasks.jsonl")).map_err(|e| e.to_string())?;
    let tasks = tasks.lines().count();
    let (mut best, mut hashes) = ([Duration::MAX; 2], Vec::new());
    for _ in 0..rounds {
        for (workers, best) in best.iter_mut().enumerate() {
            let _ = std::fs::remove_dir_all(dir.join("plan/tasks")); // What is not there is made.
            std::fs::create_dir(dir.join("plan/tasks")).map_err(|e| e.to_string())?;
            let begun = Instant::now();
            let jobs = (workers + 1).to_string();
            let output = botmm(dir, &["backtest", "--resume", "--out", "plan", "--jobs", &jobs])?;
            *best = begun.elapsed().min(*best);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            hashes.extend(said.lines().last().map(str::to_owned));
        }
    }
    hashes.dedup();
    if hashes.len() != 1 {
        return Err(format!("the results differ: {hashes:?}"));
    }
    println!("{tasks} replays of {}", recording.file_name().unwrap_or_default().to_string_lossy());
    for (workers, time) in best.iter().enumerate() {
        let rate = tasks as f64 / time.as_secs_f64();
        println!("  {} worker(s)  {:>8.2} s  {rate:>8.2} tasks/s", workers + 1, time.as_secs_f64());
    }
    let gain = best[0].as_secs_f64() / best[1].as_secs_f64();
    println!("  two are {gain:.2} times as fast as one (goal on two cores: 1.8)");
    Ok(())
}

fn recording() -> PathBuf {
    let shared = std::env::var_os("BOTMM_SHARED").unwrap_or_else(|| "../shared".into());
    let shared = PathBuf::from(shared).join("data/hyperliquid/l2_2025-09-04_1946");
    let shared = Some(shared).filter(|dir| dir.is_dir() && !harness::is_smoke());
    shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recording"))
}

fn botmm(dir: &Path, args: &[&str]) -> Result<Output, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botmm"));
    command
        .current_dir(dir)
        .args(args)
        .env("BOTMM_TAPES", dir.join("tapes"))
        .env_remove("MM_SYMBOLS");
    let output = command.output().map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(output),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
