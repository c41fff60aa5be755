//! The end of a run on a bad day: a full disk, a venue that hangs. What rests, the summary, the risk
//! state and the exit code are told all the same.

use crate::bot::Home;
use crate::common::spawnable;
use crate::server::wait;
use crate::venue::{Market, Seen};
use serde_json::{Value, json};
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The command with files that cannot grow beyond 24 KiB: a write beyond that fails, as on a full disk.
fn with_small_files(command: &Command) -> Command {
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -f 24; exec \"$0\" \"$@\""]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.current_dir(command.get_current_dir().unwrap());
    limited
}

/// Quotes often, so that the journal grows.
const BUSY: &str = "[defaults.quote]\nrequote_min_ms = 50\nrequote_threshold_bps = 0.0\n";

#[test]
fn a_full_disk_stops_neither_the_trading_nor_the_end() {
    let home = Home::new("full disk");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    fs::write(home.path().join("my.toml"), BUSY).unwrap();
    let args = ["--symbols", "BTC,ETH,SOL", "--json", "--config", "my.toml"];
    let command = with_small_files(&home.command(&market.url(), &args));
    let mut bot = home.start("run", command);
    bot.until("the word about the disk", |bot| bot.has_said("journal.jsonl: cannot write"));
    std::thread::sleep(Duration::from_secs(1));
    assert!(market.seen.open_orders(account) > 0, "it trades on");
    let ended = bot.terminated();
    println!("{}: {}", ended.code, ended.stderr);
    assert_eq!(market.seen.open_orders(account), 0);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(summary["orders"].as_u64().unwrap() > 0);
    assert!(ended.stderr.lines().last().unwrap().contains("journal.jsonl: cannot write"));
    let state = fs::read_to_string(home.path().join(format!("state/{account}.json"))).unwrap();
    assert!(state.contains("\"ended\": true"), "{state}");
}

/// The disk is full, an older process turns out to trade on the account (a halt that needs no luck), and the
/// venue refuses every cancel: the halt, what rests, the summary and the risk state are told all the same.
#[test]
fn a_full_disk_hides_neither_a_halt_nor_what_rests() {
    let home = Home::new("full disk and halt");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    fs::write(home.path().join("my.toml"), BUSY).unwrap();
    let args = ["--symbols", "BTC,ETH,SOL", "--json", "--config", "my.toml"];
    let mut bot = home.start("run", with_small_files(&home.command(&market.url(), &args)));
    bot.until("the word about the disk", |bot| bot.has_said("journal.jsonl: cannot write"));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    market.fault("POST", &json!({ "kind": "refuse_cancels", "duration": "1h" }));
    market.seen.bid_as_run(&home.key, 1);
    let ended = bot.ended();
    println!("{}: {}", ended.code, ended.stderr);
    assert_eq!(ended.code, 6, "nobody may start it again by itself");
    let lines: Vec<_> = ended.stderr.lines().collect();
    let place = |words: &str| lines.iter().rposition(|l| l.contains(words));
    let (disk, rests) = (place("lines are lost"), place("still rest at the venue"));
    let halt = place("risk halt: ").unwrap();
    assert_eq!(halt + 1, lines.len(), "last of all");
    assert!(lines[halt].contains("another process trades on this account"), "{}", lines[halt]);
    assert!(disk.unwrap() < rests.unwrap() && rests.unwrap() < halt, "{}", ended.stderr);
    // The other's order is left alone, and not counted.
    let resting = market.seen.open_orders(account) - 1;
    let told = format!("{resting} order{} still rest at", if resting == 1 { "" } else { "s" });
    assert!(resting > 0 && lines[rests.unwrap()].contains(&told), "{told}: {}", ended.stderr);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(summary["orders"].as_u64().unwrap() > 0);
    assert!(summary["assumptions"]["notes"].to_string().contains("still rest at the venue"));
    assert!(home.path().join(format!("state/{account}.risk.json")).exists());
}

/// An exchange that can be stopped.
struct Exchange(Child);

impl Exchange {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_venue_that_hangs_is_told_of_within_the_units_time() {
    let home = Home::new("hung venue");
    let account = home.key.address();
    let said = fs::File::create(home.path().join("exchange")).unwrap();
    let funded = format!("{account}=10000");
    let args = ["exchange", "--listen", "127.0.0.1:0", "--seed", "3", "--fund", &funded];
    let mut exchange = spawnable(home.path(), &args);
    exchange.stdout(said.try_clone().unwrap()).stderr(said);
    let exchange = Exchange(exchange.spawn().unwrap());
    let url = wait("the exchange to listen", || {
        let said = fs::read_to_string(home.path().join("exchange")).unwrap();
        Some(said.split_once("listening on ")?.1.split_once('\n')?.0.to_owned())
    });
    let venue = Seen::new(&url);
    let mut bot = home.start("run", home.command(&url, &["--symbols", "BTC"]));
    bot.until("resting orders", |_| venue.open_orders(account) > 0);
    exchange.signal("-STOP");
    let asked = Instant::now();
    let ended = bot.terminated();
    println!("{:?}, {}: {}", asked.elapsed(), ended.code, ended.stderr);
    let unit = include_str!("../../deploy/botmm.service");
    let limit = unit.lines().find_map(|l| l.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(limit.parse().unwrap()), "the unit's time");
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains("cannot see whether orders still rest; 4 orders open"), "{last}");
    assert!(last.contains("no answer within 3 s"), "{last}");
    assert_eq!(ended.code, 5);
    assert!(ended.stdout.contains("net PnL"), "{}", ended.stdout);
    exchange.signal("-CONT");
}
