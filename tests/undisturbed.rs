//! Quoting does not feel what goes wrong beside it: the same run again and again, in turns with everything in
//! order and with a webhook that never answers, a full disk, a history that another program has locked,
//! metrics read a hundred times a second, and three browsers at the page of which one takes nothing. What is compared is the p99 of each stage's polls, in one run of
//! this test; what went wrong must have been told and counted, or it went wrong for nobody.
//!
//! `BOTMM_ROUNDS` runs of each kind (default 2), of `BOTMM_ROUND_S` seconds each (default 6).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{ask_port, free_port, spawnable};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The stages between a book and an order.
const STAGES: [&str; 5] = ["feed", "book", "quote", "risk", "dispatch"];
/// On a machine that others use the runs of one kind differ among themselves: by at most this factor beyond
/// that may those of the other kind be slower.
const NOISE: f64 = 3.0;
const SCRAPES_A_SECOND: u64 = 100;
const BROWSERS: usize = 3;
/// So many bytes of a file can be written: the journal's first lines.
const FULL_AFTER: u32 = 8 << 10;
/// A hang guard, no measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run came to.
struct Came {
    p99_ns: Vec<f64>,
    decisions: u64,
    said: String,
    /// How often the webhook was called.
    hooked: u64,
    /// The last metrics that were read.
    metrics: String,
    scrapes: u64,
    /// Pieces that came to the browsers.
    pushed: u64,
}

#[test]
fn quoting_does_not_feel_what_goes_wrong_beside_it() {
    let env = |name, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let (rounds, seconds) = (env("BOTMM_ROUNDS", 2), env("BOTMM_ROUND_S", 6));
    let (mut calm, mut bad) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        calm.push(run(seconds, false));
        bad.push(run(seconds, true));
    }
    for came in &bad {
        assert!(came.hooked > 0, "the webhook was never called");
        for words in ["cannot write", "the history cannot be used"] {
            assert!(came.said.contains(words), "nobody was told of {words:?}: {}", came.said);
        }
        let counted = |begin: &str| {
            let of = came.metrics.lines().filter(|line| line.starts_with(begin));
            of.filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>()
        };
        assert!(counted("botmm_alerts_total{") >= 2.0, "alerts are not counted: {}", came.metrics);
        assert!(came.pushed > 2 * BROWSERS as u64, "{} pieces came to the page", came.pushed);
        let least = SCRAPES_A_SECOND * seconds / 4;
        assert!(came.scrapes > least, "{} scrapes", came.scrapes);
    }
    println!("p99 of polls, ns, {rounds} runs each of {seconds} s, in order and disturbed:");
    let mut slower = Vec::new();
    for (i, stage) in STAGES.iter().enumerate() {
        let of = |runs: &[Came]| sorted(runs.iter().map(|came| came.p99_ns[i]).collect());
        let (calm, bad) = (of(&calm), of(&bad));
        let (middle, worst) =
            (bad[bad.len() / 2] / calm[calm.len() / 2], bad[0] / calm[calm.len() - 1]);
        println!("{stage:9} {calm:?} and {bad:?}: ratio of the medians {middle:.2}");
        if worst > NOISE {
            slower.push(format!(
                "{stage}: the best disturbed run is {worst:.2} times the worst other"
            ));
        }
    }
    let decided = |runs: &[Came]| runs.iter().map(|came| came.decisions).sum::<u64>() as f64;
    let fewer = decided(&bad) / decided(&calm);
    println!("decisions: {fewer:.2} times as many when disturbed");
    assert!(slower.is_empty(), "{slower:#?}");
    assert!(fewer > 1.0 / NOISE, "it decides {fewer:.2} times as often");
}

/// One run, to its end.
fn run(seconds: u64, is_bad: bool) -> Came {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    fs::write(dir.path().join("botmm.toml"), format!("[http]\nport = {port}\n")).unwrap();
    let span = format!("{seconds}s");
    let args = ["paper", "--for", &span, "--json", "--out", "run"];
    let mut command = spawnable(dir.path(), &args);
    let over = Arc::new(AtomicBool::new(false));
    let webhook = silent_webhook();
    let pushed = Arc::new(AtomicU64::new(0));
    if is_bad {
        command.env("BOTMM_WEBHOOK_URL", &webhook.0);
    }
    let said = fs::File::create(dir.path().join("stderr")).unwrap();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said).spawn().unwrap();
    if is_bad {
        let begun = Instant::now();
        while get(port).is_none() || !dir.path().join("run/history.db").exists() {
            assert!(begun.elapsed() < PATIENCE, "it does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        lock_history(dir.path(), over.clone());
        fill_disk(&child);
        (0..BROWSERS).for_each(|n| browse(port, n > 0, over.clone(), pushed.clone()));
    }
    let readers = if is_bad { SCRAPES_A_SECOND } else { 1 };
    let (scrapes, ended) = (Arc::new(AtomicU64::new(0)), over.clone());
    let reader = {
        let scrapes = scrapes.clone();
        std::thread::spawn(move || scrape(port, readers, &ended, &scrapes))
    };
    let (summary, said) = ends(child, dir.path());
    over.store(true, Ordering::Relaxed);
    let metrics = reader.join().unwrap();
    let p99 = |stage: &&str| summary["latency_ns"][stage]["p99"].as_f64();
    let p99_ns =
        STAGES.iter().map(|stage| p99(stage).unwrap_or_else(|| panic!("{stage}: {summary:#}")));
    Came {
        p99_ns: p99_ns.collect(),
        decisions: summary["decisions"].as_u64().unwrap(),
        said,
        hooked: webhook.1.load(Ordering::Relaxed),
        metrics,
        scrapes: scrapes.load(Ordering::Relaxed),
        pushed: pushed.load(Ordering::Relaxed),
    }
}

/// From now on no file of its grows.
fn fill_disk(bot: &Child) {
    let limit = format!("--fsize={FULL_AFTER}");
    let status = Command::new("prlimit").args(["--pid", &bot.id().to_string(), &limit]).status();
    assert!(status.unwrap().success(), "the disk cannot be filled");
}

/// One that takes connections and says nothing; how many it took.
fn silent_webhook() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicU64::new(0));
    let told = taken.clone();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().map(Result::unwrap) {
            told.fetch_add(1, Ordering::Relaxed);
            kept.push(stream);
        }
    });
    (url, taken)
}

/// Another program writes in the history and does not come to an end.
fn lock_history(dir: &Path, over: Arc<AtomicBool>) {
    let other = rusqlite::Connection::open(dir.join("run/history.db")).unwrap();
    std::thread::spawn(move || {
        let tries =
            (0..500).take_while(|_| other.execute_batch("BEGIN EXCLUSIVE").is_err()).count();
        assert!(tries < 500, "the history is never free");
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Reads the metrics so often a second; the last ones.
fn scrape(port: u16, a_second: u64, over: &AtomicBool, count: &AtomicU64) -> String {
    let mut last = String::new();
    let pause = Duration::from_secs(1) / u32::try_from(a_second).unwrap();
    while !over.load(Ordering::Relaxed) {
        let next = Instant::now() + pause;
        if let Some(text) = get(port) {
            last = text;
            count.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    last
}

/// A browser with the page open; one that does not read has a connection that fills up.
fn browse(port: u16, reads: bool, over: Arc<AtomicBool>, pieces: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    std::thread::spawn(move || {
        let mut piece = vec![0; 64 << 10];
        while !over.load(Ordering::Relaxed) {
            if !reads {
                std::thread::sleep(Duration::from_millis(100));
            } else if stream.read(&mut piece).is_ok_and(|n| n > 0) {
                pieces.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
}

fn get(port: u16) -> Option<String> {
    let host = format!("Host: 127.0.0.1:{port}");
    let answer =
        ask_port(port, &format!("GET /metrics HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"))?;
    answer.starts_with("HTTP/1.1 200").then_some(answer)
}

/// Its summary, and what it said.
fn ends(child: Child, dir: &Path) -> (Value, String) {
    let output = child.wait_with_output().unwrap();
    let said = fs::read_to_string(dir.join("stderr")).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let summary = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{said}"));
    (summary, said)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
