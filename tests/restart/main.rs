//! Bots as real processes, killed (`kill -9`) at random moments and started again, against one
//! exchange on real sockets: what a killed one left is cancelled, the position taken over is the
//! venue's, and no order id or nonce is ever used twice.
//!
//! `BOTMM_KILLS` kills (default 12, over two sequences); `BOTMM_SEED` draws the moments.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

#[path = "../common/mod.rs"]
mod common;
mod endings;
mod guarded;
mod proxy;

use botmm::exchange::faults::{Faulty, Schedule};
use botmm::exchange::front::{Hub, HubConfig};
use botmm::exchange::local::{self, HISTORY, LocalConfig};
use botmm::exchange::model::{Order, OrderStatus};
use botmm::exchange::server::{Limits, Server, ServerHandle};
use botmm::exchange::venue::{Venue, VenueConfig};
use botmm::exchange::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm::journal::line::Line;
use botmm::settings::Settings;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{AssetId, Cloid, Nanos, Oid, Qty, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use common::coins::coin;
use common::{journal_so_far, number, spawnable};
use proxy::Proxy;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A key for tests.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
/// A hang guard, no measure: a bot quotes within a second, or three after a kill.
const PATIENCE: Duration = Duration::from_secs(60);
/// The last bot trades on for so long.
const LAST_FOR: Duration = Duration::from_secs(6);
const COINS: [(&str, u8); 2] = [("BTC", 5), ("ETH", 4)];
/// Close to the touch, so that much is traded. After a kill a bot waits until what was on its way is
/// void: short here.
const CONFIG: &str = "\
[defaults.quote]
min_spread_bps = 0.1
vol_multiplier = 0.0
vol_sample_ms = 100
fee_floor = false
requote_min_ms = 50
requote_threshold_bps = 0.1
order_size_usd = 300
[defaults.risk]
expires_after_ms = 1000
max_clock_offset_ms = 300
";

#[test]
fn killed_at_any_moment_a_bot_comes_back_to_what_the_venue_says() {
    let env = |name, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let (kills, seed) = (env("BOTMM_KILLS", 12), env("BOTMM_SEED", 1));
    for (sequence, kills) in [(seed, kills - kills / 2), (seed + 1, kills / 2)] {
        println!("{kills} kills, seed {sequence} (BOTMM_SEED={sequence} runs it first)");
        Sequence::new(sequence).run(kills);
    }
}

/// The exchange, served on a thread and looked at from here.
#[derive(Clone)]
struct Exchange {
    host: Arc<Mutex<Faulty<Hub>>>,
    nonces_refused: Arc<AtomicU64>,
}

/// One exchange, and bots one after the other.
struct Sequence {
    dir: TempDir,
    exchange: Exchange,
    server: ServerHandle<Exchange>,
    proxy: Proxy,
    rng: ChaCha8Rng,
    /// Every life of every order so far: by our id, then the venue's.
    orders: BTreeMap<Cloid, BTreeMap<Oid, Vec<Order>>>,
    sessions: BTreeSet<u32>,
    runs: Vec<PathBuf>,
    kills: u64,
    left_open: usize,
    /// Bots start a guard.
    is_guarded: bool,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let exchange = Exchange::new(seed);
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let server =
            Server::bind(any, exchange.clone(), WallClock::default(), Limits::default()).unwrap();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("bot.toml"), CONFIG).unwrap();
        let server = server.spawn().unwrap();
        Self {
            dir,
            exchange,
            proxy: Proxy::before(server.addr()),
            server,
            rng: ChaCha8Rng::seed_from_u64(seed),
            orders: BTreeMap::new(),
            sessions: BTreeSet::new(),
            runs: Vec::new(),
            kills: 0,
            left_open: 0,
            is_guarded: false,
        }
    }

    fn run(mut self, kills: u64) {
        for kill in 0..kills {
            let mut bot = self.start(&[]);
            // One in four is killed while it starts, whatever it has done by then; the others when they
            // trade, or no kill might leave an order behind.
            if kill % 4 == 3 {
                std::thread::sleep(Duration::from_millis(self.rng.random_range(0..600)));
            } else {
                self.wait_until_it_quotes(&mut bot);
                std::thread::sleep(Duration::from_millis(self.rng.random_range(0..1_000)));
            }
            bot.kill().unwrap();
            bot.wait().unwrap();
            let left = self.look();
            self.note_kill(left);
            println!("kill {kill}: {left} orders left, {:?} held", self.exchange.positions());
        }
        self.ends_well();
    }

    fn note_kill(&mut self, left: usize) {
        self.kills += 1;
        self.left_open += usize::from(left > 0);
    }

    /// The last bot ends in good order: then everything must agree.
    fn ends_well(mut self) {
        let mut bot = self.start(&["--json"]);
        self.wait_until_it_quotes(&mut bot);
        self.until("fill", || self.exchange.with(|venue| !venue.fills(&user()).is_empty()));
        std::thread::sleep(LAST_FOR);
        endings::signal(&bot, "-TERM");
        let output = bot.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = std::fs::read_to_string(self.stderr()).unwrap();
        assert!(output.status.success(), "{}: {said}", output.status);
        assert_eq!(self.look(), 0, "orders rest after a clean stop");

        let summary: Value = serde_json::from_str(&text).unwrap();
        for ((coin, _), held) in COINS.iter().zip(self.exchange.positions()) {
            let ours = number(&summary["position"][coin]);
            assert!((ours - held.to_f64()).abs() < 1e-9, "{coin}: {ours} and {held}");
        }
        assert!(number(&summary["equity_residual_usd"]).abs() < 0.01, "{summary:#}");
        assert_eq!(self.exchange.nonces_refused.load(Ordering::Relaxed), 0, "nonces were refused");
        self.positions_are_the_venues();
        self.ids_are_used_once();
        self.fills_are_booked_once();
        let fills = self.exchange.with(|venue| venue.fills(&user()).len());
        assert!(fills > 0, "nothing was traded");
        assert!(self.kills < 6 || self.left_open > 0, "no kill left an order behind");
        println!(
            "{} runs, {} of the kills left orders, {} order ids, {fills} fills",
            self.runs.len(),
            self.left_open,
            self.orders.len()
        );
        self.server.stop().unwrap();
    }

    fn start(&mut self, more: &[&str]) -> Child {
        self.start_by(None, more)
    }

    /// Starts a bot, by a shell script that runs its arguments if there is one.
    fn start_by(&mut self, script: Option<&str>, more: &[&str]) -> Child {
        let run = self.dir.path().join(format!("run{}", self.runs.len()));
        let network = format!("http://{}", self.proxy.addr());
        let args = ["run", "--network", &network, "--symbols", "BTC,ETH", "--config", "bot.toml"];
        let mut command = spawnable(self.dir.path(), &args);
        if let Some(script) = script {
            let program = command.get_program().to_owned();
            command = std::process::Command::new("bash");
            command.current_dir(self.dir.path()).args(["-c", script]).arg(program).args(args);
        }
        command.args(["--plan", "solo", "--out"]).arg(&run).args(more);
        if self.is_guarded {
            command.env("BOTMM_GUARD_KEY", guarded::GUARD_KEY);
        }
        command.env("HL_PRIVATE_KEY", KEY).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(self.stderr()).unwrap());
        self.runs.push(run);
        command.spawn().unwrap()
    }

    fn stderr(&self) -> PathBuf {
        self.dir.path().join("stderr.txt")
    }

    fn stall(&self, directions: [bool; 2]) {
        self.proxy.stall(directions);
    }

    fn draw(&mut self, range: Range<u64>) -> u64 {
        self.rng.random_range(range)
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "no {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for an order of a session that was not there before. By then nothing may rest of the
    /// sessions before it.
    fn wait_until_it_quotes(&mut self, bot: &mut Child) {
        let began = Instant::now();
        let fresh = loop {
            let resting = self.exchange.resting();
            let sessions: BTreeSet<u32> = resting.iter().map(|c| c.session()).collect();
            if let Some(new) = sessions.difference(&self.sessions).next() {
                assert_eq!(sessions.len(), 1, "it quotes beside what an earlier run left");
                break *new;
            }
            if let Some(status) = bot.try_wait().unwrap() {
                let said = std::fs::read_to_string(self.stderr()).unwrap();
                panic!("it ended by itself: {status}: {said}");
            }
            assert!(began.elapsed() < PATIENCE, "it does not quote");
            std::thread::sleep(Duration::from_millis(5));
        };
        let newest = self.sessions.last().copied().unwrap_or(0);
        assert!(fresh > newest, "session {fresh} after {newest}");
    }

    /// Takes note of the venue's state; how many orders rest.
    fn look(&mut self) -> usize {
        let resting = self.exchange.resting();
        let ids: BTreeSet<_> = resting.iter().collect();
        assert_eq!(ids.len(), resting.len(), "two orders rest under one id");
        let slots: BTreeSet<_> = resting.iter().map(|c| c.slot()).collect();
        assert_eq!(slots.len(), resting.len(), "two orders rest in one slot");
        let history: Vec<Order> =
            self.exchange.with(|venue| venue.history(&user()).iter().cloned().collect());
        for order in history {
            let cloid = order.cloid.unwrap();
            self.sessions.insert(cloid.session());
            let life = self.orders.entry(cloid).or_default().entry(order.oid).or_default();
            if !life.contains(&order) {
                life.push(order);
            }
        }
        resting.len()
    }

    /// An id that two orders had was kept by a modify: the first was replaced when the second came.
    fn ids_are_used_once(&self) {
        for (cloid, lives) in &self.orders {
            let lives: Vec<_> = lives.values().collect();
            for pair in lives.windows(2) {
                let next = pair[1][0].time;
                let replaced =
                    |o: &Order| matches!(o.status, OrderStatus::Canceled) && o.status_time == next;
                // A modify whose new order was refused leaves no open one behind.
                assert!(pair[0].iter().any(replaced), "{cloid} was used again: {pair:#?}");
            }
        }
    }

    /// No run has booked a fill of another, or one that never was.
    fn fills_are_booked_once(&self) {
        let mut theirs: BTreeSet<(String, u64)> = BTreeSet::new();
        self.exchange.with(|venue| {
            let name = |f: &botmm::exchange::model::UserFill| COINS[f.asset.index()].0.to_owned();
            theirs.extend(venue.fills(&user()).iter().map(|f| (name(f), f.tid)));
        });
        for run in &self.runs {
            for line in journal_so_far(&run.join("journal.jsonl")) {
                let Line::Fill(fill) = line else { continue };
                let is_theirs = theirs.remove(&(fill.coin.clone(), fill.tid));
                assert!(is_theirs, "{}: {} {} again", run.display(), fill.coin, fill.tid);
            }
        }
    }

    /// Every position in every journal, once a run had filled something, is one that the venue saw.
    fn positions_are_the_venues(&self) {
        let seen: Vec<BTreeSet<String>> = (0..COINS.len())
            .map(|asset| {
                self.exchange.with(|venue| {
                    let fills = venue.fills(&user()).iter();
                    let after = |f: &botmm::exchange::model::UserFill| {
                        let change = if f.side == Side::Bid { f.qty } else { -f.qty };
                        (f.start_position + change).to_string()
                    };
                    let of_it = fills.filter(|f| f.asset == AssetId::new(asset));
                    of_it.map(after).chain([Qty::ZERO.to_string()]).collect()
                })
            })
            .collect();
        for run in &self.runs {
            let path = run.join("journal.jsonl");
            let lines = journal_so_far(&path);
            for line in lines.iter().skip_while(|line| line.kind() != "fill") {
                let Line::Account(account) = line else { continue };
                for ((coin, _), seen) in COINS.iter().zip(&seen) {
                    let held = &account.position[*coin];
                    assert!(seen.contains(held), "{}: {coin} {held}", path.display());
                }
            }
        }
    }
}

fn user() -> Address {
    Signer::from_hex(KEY).unwrap().address()
}

fn universe() -> Universe {
    local::listed(COINS.map(|(name, sz_decimals)| coin(name, sz_decimals)))
}

impl Exchange {
    fn new(seed: u64) -> Self {
        let (universe, start) = (universe(), WallClock::default().now());
        let fees = Settings::load(None, &|_| None).unwrap().fees;
        let host = local::host(LocalConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            admin: None,
            market: Box::new(local::synthetic(&universe, start - HISTORY, seed)),
            universe,
            venue: VenueConfig { history: HISTORY, fees, ..VenueConfig::default() },
            hub: HubConfig::default(),
            funded: vec![(user(), Usd::whole(100_000))],
            faults: Schedule::default(),
            start,
        });
        Self { host: Arc::new(Mutex::new(host)), nonces_refused: Arc::default() }
    }

    fn with<R>(&self, look: impl FnOnce(&Venue) -> R) -> R {
        look(self.host.lock().unwrap().inner().venue())
    }

    fn resting(&self) -> Vec<Cloid> {
        self.with(|venue| venue.open_orders(&user()).iter().map(|o| o.cloid.unwrap()).collect())
    }

    fn positions(&self) -> Vec<Qty> {
        let account = self.with(|venue| venue.account(&user()));
        let held = |asset: AssetId| account.positions.iter().find(|p| p.asset == asset);
        universe().assets().map(|a| held(a).map_or(Qty::ZERO, |p| p.szi)).collect()
    }
}

impl Host for Exchange {
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
        self.host.lock().unwrap().http(now, peer, id, request);
    }
    fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
        self.host.lock().unwrap().open(now, peer, conn)
    }
    fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]) {
        self.host.lock().unwrap().frame(now, conn, text);
    }
    fn close(&mut self, now: Nanos, conn: ConnId) {
        self.host.lock().unwrap().close(now, conn);
    }
    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        let first = out.len();
        self.host.lock().unwrap().poll(now, out);
        for said in &out[first..] {
            let text = match said {
                Outgoing::Reply(_, reply) => &reply.body,
                Outgoing::Frame(_, text) => text,
                Outgoing::Close(_) => continue,
            };
            if String::from_utf8_lossy(text).contains("nvalid nonce") {
                self.nonces_refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.host.lock().unwrap().next_deadline()
    }
}
