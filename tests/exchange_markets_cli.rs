//! `botmm exchange` on a recording and on a mirrored venue, over sockets, and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm::exchange::faults::Schedule;
use botmm::exchange::front::HubConfig;
use botmm::exchange::local::{self, LocalConfig};
use botmm::exchange::venue::VenueConfig;
use botmm::net::{Endpoint, Rest, Tls};
use botmm::settings::Settings;
use botmm_pipeline::rt::WallClock;
use common::{Ended, sample, spawnable};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far beyond anything that does not hang.
const HANG: Duration = Duration::from_secs(60);

/// `botmm exchange` as a process of its own, ended with its owner.
struct Served {
    child: Child,
    url: String,
    dir: TempDir,
}

impl Served {
    fn start(args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut all = vec!["exchange", "--listen", "127.0.0.1:0"];
        all.extend(args);
        let mut command = spawnable(dir.path(), &all);
        let stderr = std::fs::File::create(dir.path().join("stderr")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(Ok(first)) = lines.next() else {
            child.wait().unwrap();
            panic!("{}", std::fs::read_to_string(dir.path().join("stderr")).unwrap());
        };
        let url = first.strip_prefix("exchange: listening on ").unwrap().to_owned();
        // Its pipe stays open as long as it may print.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, dir }
    }

    fn rest(&self) -> Rest {
        Rest::new(&Endpoint::parse(&self.url).unwrap(), &Tls::default()).unwrap()
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < HANG, "{what}: not within {HANG:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn book_of(rest: &Rest) -> Value {
    rest.info(&json!({"type": "l2Book", "coin": "BTC"})).unwrap()
}

#[test]
fn a_mirror_over_sockets_outlives_its_source() {
    let clock = WallClock::default();
    let launch = |at: SocketAddr| {
        let coin = Settings::load(None, &|_| None).unwrap().instrument("BTC").unwrap();
        let universe = local::listed([coin]);
        let start = clock.now();
        let config = LocalConfig {
            listen: at,
            admin: None,
            market: Box::new(local::synthetic(&universe, start, 1)),
            universe,
            venue: VenueConfig::default(),
            hub: HubConfig::default(),
            funded: Vec::new(),
            faults: Schedule::default(),
            start,
        };
        local::launch(config, clock.clone()).unwrap()
    };
    let source = launch(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (addr, url) = (source.addr(), format!("http://{}", source.addr()));
    let args = ["--market", "mirror", "--mirror-url", &url, "--symbols", "BTC"];
    let mirror = Served::start(&args);
    let (theirs, ours) =
        (Rest::new(&Endpoint::parse(&url).unwrap(), &Tls::default()), mirror.rest());
    let theirs = theirs.unwrap();
    until("a book that both show", || {
        let (a, b) = (book_of(&theirs), book_of(&ours));
        let px = |book: &Value| {
            let side = |s: usize| book["levels"][s][0]["px"].as_str().map(str::to_owned);
            (side(0), side(1))
        };
        px(&b).0.is_some() && px(&a) == px(&b)
    });
    source.stop().unwrap();
    until("the loss is said", || mirror.stderr().contains("no books of BTC"));
    let stale = book_of(&ours);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(book_of(&ours), stale, "as last seen");
    let source = launch(addr);
    until("a fresh book", || book_of(&ours)["time"].as_i64() > stale["time"].as_i64());
    until("the return is said", || mirror.stderr().contains("is back"));
    assert_eq!(mirror.stderr().lines().count(), 2, "{}", mirror.stderr());
    drop(mirror);
    source.stop().unwrap();
}

#[test]
fn what_cannot_be_played_is_refused_in_one_line() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let sample = sample();
    let sample = sample.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--market", "tape", "no/such"], 5, "no/such: no such file"),
        (&["--market", "tape", "empty"], 5, "no recording in this folder"),
        (&["--market", "tape", sample, "--symbols", "ETH"], 5, "it has: BTC, SOL"),
        (&["--market", "tape", sample, "--symbols", "NOPE"], 2, "unknown coin"),
        (&["--market", "tape", sample, "--speed", "0"], 2, "0.1 to 1000"),
        (&["--market", "synthetic", "--speed", "2"], 2, "--speed is for --market tape"),
        (&["--market", "mirror", "--mirror-url", "ftp://x"], 2, "not an address of a venue"),
        (&["--market", "mirror", "--mirror-url", "http://127.0.0.1:1"], 5, "127.0.0.1:1"),
    ];
    for (args, code, expected) in cases {
        let all = [&["exchange", "--listen", "127.0.0.1:0"], args].concat();
        let ended = Ended::of(dir.path(), &all);
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{args:?}: {}", ended.stderr);
        // Of a wrong value, clap says where to read more.
        assert!(code == 2 || ended.stderr.lines().count() == 1, "{args:?}: {}", ended.stderr);
    }
}
