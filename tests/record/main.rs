//! The recorder as a process of its own, against an exchange that notes what it sends: whatever happens, every frame
//! is in the files once, or within a gap that is told.
//!
//! Long: `BOTMM_RECORD_SOAK=SECONDS cargo test --test record soak -- --nocapture`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops at the first surprise")]

mod checker;
#[path = "../common/mod.rs"]
mod common;
mod relay;

use botmm::data::capture::Folder;
use botmm::data::capture::mark::GapKind;
use botmm_pipeline::types::Nanos;
use checker::{Outcome, check_one, check_two, recorded, sent};
use common::{Ended, ask_port, free_port, spawnable};
use relay::Relay;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A hang guard, no measure.
const GUARD: Duration = Duration::from_secs(120);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < GUARD, "not within {} s: {what}", GUARD.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ended with the test, however that goes.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Ends it in good order.
    fn end(mut self) {
        self.signal("-TERM");
        let mut status = None;
        until("it ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{status:?}");
    }

    /// What it holds in memory.
    fn resident_mb(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
        kb.unwrap_or_default() / 1e3
    }
}

struct World {
    dir: TempDir,
    exchange: Process,
    relay: Relay,
    capture: PathBuf,
}

impl World {
    fn new(block_interval: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("sent");
        let args = [
            "exchange",
            "--listen",
            "127.0.0.1:0",
            "--symbols",
            "BTC,ETH,SOL",
            "--block-interval",
            block_interval,
        ];
        let mut command =
            spawnable(dir.path(), &[&args[..], &["--frame-log", log.to_str().unwrap()]].concat());
        let out = dir.path().join("exchange.out");
        let child = command.stdout(fs::File::create(&out).unwrap()).spawn().unwrap();
        let exchange = Process(child);
        let mut addr: Option<SocketAddr> = None;
        until("the exchange listens", || {
            let text = fs::read_to_string(&out).unwrap();
            let line = text.split_once('\n').map(|(line, _)| line.to_owned());
            addr = line.map(|l| {
                l.strip_prefix("exchange: listening on http://").unwrap().parse().unwrap()
            });
            addr.is_some()
        });
        let capture = dir.path().join("capture");
        Self { relay: Relay::before(addr.unwrap()), dir, exchange, capture }
    }

    fn recorder(&self, more: &[&str]) -> Process {
        self.recorder_with(more, &[])
    }

    fn recorder_with(&self, more: &[&str], env: &[(&str, String)]) -> Process {
        let venue = format!("http://{}", self.relay.addr);
        let args = [
            "record",
            "--symbols",
            "BTC,ETH,SOL",
            "--out",
            self.capture.to_str().unwrap(),
            "--network",
            &venue,
            "--min-free-gb",
            "0",
        ];
        let said = fs::File::options()
            .append(true)
            .create(true)
            .open(self.dir.path().join("said"))
            .unwrap();
        let mut command = spawnable(self.dir.path(), &[&args[..], more].concat());
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Process(command.stderr(said).spawn().unwrap())
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("said")).unwrap_or_default()
    }

    /// Bytes of its segments, which grow with every second.
    fn bytes(&self) -> u64 {
        let segments = botmm::data::capture::segments(&self.capture).unwrap_or_default();
        segments.iter().map(|s| s.path.metadata().map_or(0, |m| m.len())).sum()
    }

    fn until_it_grows(&self) {
        let before = self.bytes();
        until("it records", || self.bytes() > before + 2_000);
    }

    /// Both ended in good order, the exchange last: what it sent is in its log then.
    fn outcome(
        self,
        check: fn(&[checker::Sent], &[checker::Entry]) -> Outcome,
        recorder: Process,
    ) -> Outcome {
        recorder.end();
        let (said, World { dir, exchange, capture, .. }) = (self.said(), self);
        exchange.end();
        assert!(!said.contains("panicked"), "{said}");
        let mut outcome = check(&sent(&dir.path().join("sent")), &recorded(&capture));
        println!("{outcome:?}");
        for day in fs::read_dir(&capture).unwrap().flatten().filter(|d| d.path().is_dir()) {
            let text = fs::read_to_string(day.path().join("manifest.json")).unwrap();
            let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            let runs = manifest["runs"].as_array().unwrap();
            outcome.killed += runs.iter().filter(|run| run["state"] == "killed").count();
            let last = manifest["runs"].as_array().unwrap().last().unwrap();
            assert!(
                ["ended", "ended with the day"].contains(&last["state"].as_str().unwrap()),
                "{manifest:#}"
            );
        }
        outcome
    }
}

#[test]
fn every_frame_is_there_once_or_in_a_gap_over_disconnects_and_kills() {
    let world = World::new("20ms");
    let mut recorder = world.recorder(&[]);
    world.until_it_grows();
    for round in 0..4 {
        world.relay.cut(9);
        world.until_it_grows();
        if round % 2 == 1 {
            recorder.signal("-KILL");
            drop(recorder);
            recorder = world.recorder(&[]);
            world.until_it_grows();
        }
    }
    let outcome = world.outcome(check_one, recorder);
    assert!(outcome.recorded > 500, "{outcome:?}");
    assert_eq!(outcome.killed, 2, "by the manifest: {outcome:?}");
    assert_eq!(outcome.gaps.get(&GapKind::Recorder), Some(&2), "{outcome:?}");
    assert!(outcome.gaps.get(&GapKind::Link).is_some_and(|n| (2..=4).contains(n)), "{outcome:?}");
}

#[test]
fn of_two_connections_one_may_go_at_any_time_and_nothing_is_lost_or_doubled() {
    let world = World::new("20ms");
    let recorder = world.recorder(&["--redundant"]);
    world.until_it_grows();
    for _ in 0..4 {
        // The other one has to be whole first, or that would be a gap.
        std::thread::sleep(Duration::from_millis(1_500));
        world.relay.cut(1);
        world.until_it_grows();
    }
    let outcome = world.outcome(check_two, recorder);
    assert!(outcome.recorded > 500, "{outcome:?}");
    if outcome.gaps.is_empty() {
        assert_eq!(outcome.lost_in_gaps, 0, "{outcome:?}");
    }
}

#[test]
fn a_full_disk_is_a_gap_and_not_the_end() {
    let world = World::new("20ms");
    // No file may grow beyond this: the disk is full until another hour, or another run, begins a segment.
    let venue = format!("http://{}", world.relay.addr);
    let line = format!(
        "ulimit -f 120; exec {} record --symbols BTC,ETH,SOL --out capture --network {venue} --min-free-gb 0",
        assert_cmd::cargo::cargo_bin("botmm").display()
    );
    let said = fs::File::create(world.dir.path().join("said")).unwrap();
    let mut shell = Command::new("sh");
    let child =
        shell.args(["-c", &line]).current_dir(world.dir.path()).stderr(said).spawn().unwrap();
    let full = Process(child);
    until("the disk is full", || world.said().contains("nothing is recorded"));
    let text = world.said();
    assert!(text.contains("cannot write"), "{text}");
    std::thread::sleep(Duration::from_millis(1_500));
    full.signal("-TERM");
    drop_when_ended(full);
    let recorder = world.recorder(&[]);
    world.until_it_grows();
    let outcome = world.outcome(check_one, recorder);
    assert!(outcome.lost_in_gaps > 0 && outcome.recorded > 100, "{outcome:?}");
}

fn drop_when_ended(mut process: Process) {
    until("it ends", || process.0.try_wait().unwrap().is_some());
}

#[test]
fn what_cannot_begin_says_why() {
    let dir = TempDir::new().unwrap();
    let refused =
        |args: &[&str]| Ended::of(dir.path(), &[&["record", "--out", "capture"], args].concat());
    for symbols in ["", " , "] {
        let ended = refused(&["--symbols", symbols]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("--symbols names no coin"), "{}", ended.stderr);
    }
    let ended = refused(&["--network", "http://127.0.0.1:1", "--for", "500ms"]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("nothing was recorded: the venue did not say what it lists"),
        "{}",
        ended.stderr
    );
    let world = World::new("80ms");
    let venue = format!("http://{}", world.relay.addr);
    let run = |more: &[&str]| {
        let args = [
            "record",
            "--out",
            "capture",
            "--network",
            &venue,
            "--min-free-gb",
            "0",
            "--for",
            "4s",
        ];
        Ended::of(world.dir.path(), &[&args[..], more].concat())
    };
    let ended = run(&["--symbols", "BTC,NOSUCH"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("NOSUCH"), "{}", ended.stderr);
    let recorder = world.recorder(&[]);
    until("it records", || world.bytes() > 0);
    let second = run(&[]);
    assert_eq!(second.code, 5, "{}", second.stderr);
    assert!(
        second.stderr.contains("another recorder writes here; stop it, or name another folder"),
        "{}",
        second.stderr
    );
    recorder.end();
    // What was recorded is replayed as it lies, a capture by its root or by its day.
    let capture = world.capture.clone();
    let replayed = Ended::of(world.dir.path(), &["replay", capture.to_str().unwrap(), "--json"]);
    let summary = replayed.summary();
    assert!(summary["events"].as_u64().is_some_and(|n| n > 0), "{summary:#}");
}

#[test]
fn a_clock_that_was_set_back_is_told_and_both_stretches_are_kept() {
    let world = World::new("80ms");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let later = Nanos(now.as_nanos() as i64) + Nanos::secs(7_200);
    let folder = Folder::take(&world.capture).unwrap();
    let mut writer = folder.begin(later, "botmm test").unwrap();
    let line = format!("{} {{\"channel\":\"trades\",\"data\":[]}}\n", later.0);
    writer.append(line.as_bytes(), 1, (later, later)).unwrap();
    writer.close().unwrap();
    drop(folder);
    let recorder = world.recorder(&[]);
    world.until_it_grows();
    recorder.end();
    assert!(
        world.said().contains("the clock was set back; lines of both stretches are kept"),
        "{}",
        world.said()
    );
    let all = recorded(&world.capture);
    let frames = |after: i64| {
        let of = |e: &&checker::Entry| matches!(e, checker::Entry::Frame { at, .. } if (*at >= later.0) == (after == 1));
        all.iter().filter(of).count()
    };
    assert!(frames(0) > 10 && frames(1) == 1, "{} {}", frames(0), frames(1));
}

/// A webhook that takes everything; what it was told.
fn webhook() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let told: Arc<Mutex<String>> = Arc::default();
    let heard = told.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let heard = heard.clone();
            std::thread::spawn(move || {
                let mut block = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut block) {
                    let text = String::from_utf8_lossy(&block[..n]).into_owned();
                    let is_whole = text.trim_end().ends_with('}');
                    heard.lock().unwrap().push_str(&text);
                    if is_whole {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    }
                }
            });
        }
    });
    (url, told)
}

#[test]
fn systemd_prometheus_and_webhooks_are_told_how_it_goes() {
    let world = World::new("80ms");
    let socket = UnixDatagram::bind(world.dir.path().join("notify")).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut heard = String::new();
    let mut hear = |what: &str| {
        until(what, || {
            let mut text = [0; 256];
            while let Ok(n) = socket.recv(&mut text) {
                heard.push_str(std::str::from_utf8(&text[..n]).unwrap());
                heard.push('\n');
            }
            heard.contains(what)
        });
    };
    let port = free_port();
    fs::write(world.dir.path().join("my.toml"), format!("[http]\nport = {port}\n")).unwrap();
    let (url, told) = webhook();
    let env = [
        ("NOTIFY_SOCKET", world.dir.path().join("notify").display().to_string()),
        ("WATCHDOG_USEC", "2000000".to_owned()),
        ("BOTMM_WEBHOOK_URL", url),
    ];
    let recorder = world.recorder_with(&["--config", "my.toml"], &env);
    hear("READY=1");
    world.until_it_grows();
    hear("WATCHDOG=1");
    hear("STATUS=1 of 1 links");
    let metrics =
        || ask_port(port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    let shows = |line: &str| metrics().is_some_and(|text| text.lines().any(|l| l == line));
    until("metrics", || {
        shows("botmm_recorder_connections_open 1") && shows("botmm_recorder_disk_ok 1")
    });
    assert!(shows("botmm_recorder_gaps_total 0"));
    world.relay.cut(9);
    until("the gap is counted", || shows("botmm_recorder_gaps_total 1"));
    until("the gap is told", || told.lock().unwrap().contains("a gap of "));
    assert!(told.lock().unwrap().contains("botmm record"));
    recorder.signal("-HUP");
    hear("STOPPING=1");
    drop_when_ended(recorder);
    assert!(told.lock().unwrap().contains("ended: "), "its last words");
}

/// By the clock, over as long as is asked for: cuts, kills, memory. With `BOTMM_RECORD_SOAK_DISK=DIR`, a folder on a
/// small file system of its own, that is full from the middle on for a twentieth of the time.
#[test]
fn soak() {
    let of_env = |name: &str| std::env::var(name).ok();
    let Some(seconds) = of_env("BOTMM_RECORD_SOAK").and_then(|s| s.parse::<u64>().ok()) else {
        return;
    };
    let mut world = World::new(&of_env("BOTMM_RECORD_SOAK_BLOCKS").unwrap_or("2ms".to_owned()));
    let disk = of_env("BOTMM_RECORD_SOAK_DISK").map(PathBuf::from);
    if let Some(disk) = &disk {
        world.capture = disk.join("capture");
    }
    let mut recorder = world.recorder(&[]);
    world.until_it_grows();
    let (begun, span) = (Instant::now(), Duration::from_secs(seconds));
    let (mut cuts, mut kills, mut most_mb, mut ballast) = (0, 0, 0.0_f64, None);
    while begun.elapsed() < span {
        std::thread::sleep(Duration::from_millis(250));
        most_mb = most_mb.max(recorder.resident_mb());
        let share = begun.elapsed().as_secs_f64() / span.as_secs_f64();
        let due = |of: u32| (share * f64::from(of)) as u32;
        if due(20) > kills {
            kills += 1;
            recorder.signal("-KILL");
            drop(recorder);
            recorder = world.recorder(&[]);
        } else if due(100) > cuts {
            cuts += 1;
            world.relay.cut(9);
        }
        let is_full = (0.51..0.56).contains(&share);
        match (&disk, &mut ballast) {
            (Some(disk), none @ None) if is_full => *none = Some(disk.join("ballast")),
            (Some(_), Some(path)) if is_full => fill(path),
            (Some(_), Some(path)) => {
                let _ = fs::remove_file(path);
            }
            _ => {}
        }
    }
    // The last kill may be a moment ago: it cannot end in good order before it has begun.
    until("the last one records", || world.said().matches(": records ").count() > kills as usize);
    world.until_it_grows();
    let bytes = world.bytes();
    println!(
        "{seconds} s, {cuts} cuts, {kills} kills, {most_mb:.1} MB resident at most, {bytes} bytes"
    );
    let outcome = world.outcome(check_one, recorder);
    let disk_gaps = outcome.gaps.contains_key(&GapKind::Disk);
    assert_eq!(disk_gaps, disk.is_some(), "{outcome:?}");
    assert!(most_mb < 40.0, "{most_mb} MB");
}

/// Takes all that is left of a disk.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}
