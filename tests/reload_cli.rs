//! Parameters that change while `botmm paper` runs: written to a file, seen in what it quotes, told of
//! in its journal.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm::journal::line::{Decision, Line, Params, ParamsRefused};
use botmm::predictor::{self, Head, Learned};
use botmm::settings::MODEL_KEY;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::params::Forest;
use common::{Ended, check_sound, count, decisions, journal, journal_so_far, params, spawnable};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// Longer than anything takes on any machine that is not hanging.
const HANG: Duration = Duration::from_secs(60);
/// A quote of which both sides stand half a spread from the mid, whatever else moves.
const PLAIN: &str = "[defaults.quote]\nfair_price = \"mid\"\nbias_strength = 0\n\
                     imbalance_strength = 0\nskew_factor = 0\nrequote_threshold_bps = 0\n";

/// A running `paper` of BTC alone, one thread. Stopped at the end, killed when dropped.
struct Bot {
    dir: TempDir,
    child: Child,
}

impl Bot {
    fn new(config: &str) -> Self {
        Self::in_folder(TempDir::new().unwrap(), config)
    }

    fn in_folder(dir: TempDir, config: &str) -> Self {
        fs::write(dir.path().join("my.toml"), config).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let file = |name: &str| fs::File::create(dir.path().join(name)).unwrap();
        let args = "paper --json --out run --config my.toml --symbols BTC --plan solo";
        let args: Vec<&str> = args.split(' ').collect();
        let mut command = spawnable(dir.path(), &args);
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        let mut bot = Self { dir, child };
        bot.until("quote", |lines| count(lines, "place") > 0);
        bot.decisions(5);
        bot
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The journal's lines so far.
    fn lines(&self) -> Vec<Line> {
        journal_so_far(&self.path("run/journal.jsonl"))
    }

    /// Waits until something is in the journal.
    fn until(&mut self, what: &str, look: impl Fn(&[Line]) -> bool) {
        let deadline = Instant::now() + HANG;
        while !look(&self.lines()) {
            let stderr = fs::read_to_string(self.path("stderr")).unwrap();
            assert!(Instant::now() < deadline, "no {what} in {HANG:?}: {stderr}");
            assert!(self.child.try_wait().unwrap().is_none(), "no {what}: {stderr}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The newest line of a kind, once there are `n` of them.
    fn nth<T>(&mut self, n: usize, kind: &str, of_kind: impl Fn(Line) -> Option<T>) -> T {
        self.until(&format!("{kind} line {n}"), |lines| count(lines, kind) >= n);
        let lines: Vec<T> = self.lines().into_iter().filter_map(of_kind).collect();
        assert_eq!(lines.len(), n, "{kind}");
        lines.into_iter().next_back().unwrap()
    }

    /// The newest change of parameters, once there are `n` of them.
    fn change(&mut self, n: usize) -> Params {
        self.nth(n, "params", |line| if let Line::Params(p) = line { Some(p) } else { None })
    }

    /// The newest refusal of a file, once there are `n` of them.
    fn refusal(&mut self, n: usize) -> ParamsRefused {
        let refused = |line| if let Line::ParamsRefused(r) = line { Some(r) } else { None };
        self.nth(n, "params_refused", refused)
    }

    /// Waits for so many more decisions.
    fn decisions(&mut self, more: usize) {
        let before = count(&self.lines(), "decision");
        self.until("decision", |lines| count(lines, "decision") >= before + more);
    }

    /// Its summary and its journal, after it was told to stop.
    fn stop(mut self) -> (Value, Vec<Line>, String) {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap();
        assert_eq!(status.code(), Some(0), "{}", read("stderr"));
        let summary = serde_json::from_str(&read("stdout")).unwrap();
        check_sound(&summary);
        (summary, journal(&self.path("run/journal.jsonl")), read("stderr"))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It has mostly ended; what matters was asserted.
        let _ = self.child.wait();
    }
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

/// How far the nearest bid and ask of the decisions between two changes stand from the mid, in bps, and
/// how many levels there are.
fn quotes(lines: &[Line], from: Option<&Params>, to: Option<&Params>) -> Vec<(f64, usize)> {
    let decimal = |text: &str| -> f64 { text.parse().unwrap() };
    let quoted = decisions(lines).filter(|d| d.bid == "quoted").filter(|d| {
        // A decision's time is cut to the microsecond.
        from.is_none_or(|from| time(&d.time) > time(&from.time))
            && to.is_none_or(|to| time(&d.time) + Duration::from_micros(1) < time(&to.time))
    });
    quoted
        .flat_map(|d| {
            let mid = decimal(d.mid.as_ref().unwrap());
            let sides = [&d.bids, &d.asks].into_iter().filter(|side| !side.is_empty());
            sides.map(move |side| ((decimal(&side[0][0]) / mid - 1.0).abs() * 1e4, side.len()))
        })
        .collect()
}

#[test]
fn a_file_that_is_written_while_it_runs_changes_what_it_quotes() {
    let mut bot = Bot::new(PLAIN);
    bot.write("data/live_params.json", "{\"BTCUSDT\": {\"spread\": 20, \"size\": 200.00000001}}");
    let change = bot.change(1);
    assert_eq!(change.source, "data/live_params.json");
    assert_eq!(
        json!(change.changes),
        json!([
            {"coin": "BTC", "key": "quote.min_spread_bps", "from": 2.0, "to": 20.0},
            {"coin": "BTC", "key": "quote.order_size_usd", "from": "150", "to": "200.00000001"},
        ])
    );
    assert_eq!(change.generation, 1);
    bot.decisions(5);

    // A file that is not sound as a whole changes nothing, and is told of once.
    bot.write("data/live_params.json", "{\"BTCUSDT\": {\"levels\": 1, \"spread\": 2");
    let ParamsRefused { source, error, .. } = bot.refusal(1);
    assert_eq!(source, "data/live_params.json");
    assert!(error.starts_with("data/live_params.json: not valid JSON: EOF"), "{error}");
    bot.write("data/live_params.json", "{\"BTCUSDT\": {\"levels\": 1, \"spread\": 0}}");
    let error = bot.refusal(2).error;
    assert!(error.starts_with("data/live_params.json: BTCUSDT.spread: 0 is not"), "{error}");
    bot.decisions(5);

    // Back to where it was: the old values, written again.
    bot.write("data/live_params.json", "{}");
    let back = bot.change(2);
    assert_eq!(back.changes[0].to.get(), "2.0");
    bot.decisions(5);

    let (summary, lines, stderr) = bot.stop();
    let (near, far) =
        (quotes(&lines, None, Some(&change)), quotes(&lines, Some(&change), Some(&back)));
    assert!(!near.is_empty() && near.iter().all(|(bps, _)| *bps < 9.0), "{near:?}");
    assert!(far.len() >= 10 && far.iter().all(|(bps, n)| *bps >= 9.999 && *n == 2), "{far:?}");
    let again = quotes(&lines, Some(&back), None);
    assert!(!again.is_empty() && again.iter().all(|(bps, _)| *bps < 9.0), "{again:?}");
    for said in [
        "data/live_params.json: BTC quote.min_spread_bps 2.0 → 20.0, BTC quote.order_size_usd 150 →",
        "parameters refused, nothing changed: data/live_params.json: BTCUSDT.spread: 0",
    ] {
        assert_eq!(stderr.matches(said).count(), 1, "{said}: {stderr}");
    }
    let notes = summary["assumptions"]["notes"].to_string();
    assert!(notes.contains("changes of parameters while it ran, see the journal: 2"), "{notes}");
}

#[test]
fn the_configuration_s_own_parameters_change_and_the_rest_does_not() {
    let mut bot = Bot::new(PLAIN);
    bot.write(
        "my.toml",
        &format!("{PLAIN}num_levels = 1\n[asset.BTC.quote]\nmin_spread_bps = 20\n"),
    );
    let change = bot.change(1);
    assert_eq!((&*change.source, change.changes[1].to.get()), ("my.toml", "1"));
    bot.decisions(5);
    let cannot = "cannot change while the bot runs";
    for (n, (text, want)) in (1..).zip([
        ("[general]\nseed = 2\n", format!("my.toml:8: general.seed: {cannot}")),
        ("[signal]\n", "my.toml:7: signal: unknown key".to_owned()),
        ("[sim]\nlatency = \"9ms\"\n", format!("my.toml:8: sim.latency: {cannot}")),
    ]) {
        // Moved over the old one, as editors do.
        bot.write(
            "new.toml",
            &format!("{}{text}", PLAIN.replace("skew_factor = 0", "skew_factor = 9")),
        );
        fs::rename(bot.path("new.toml"), bot.path("my.toml")).unwrap();
        let error = bot.refusal(n).error;
        assert!(error.starts_with(&want), "{error}\nwant {want}");
    }
    bot.decisions(5);
    let (_, lines, _) = bot.stop();
    let after = quotes(&lines, Some(&change), None);
    assert!(
        after.len() >= 10 && after.iter().all(|(bps, n)| *bps >= 9.999 && *n == 1),
        "{after:?}"
    );
    assert_eq!(params(&lines).len(), 1);
}

/// A model of no trees: what it expects a fill to lose, bps. Its hash.
fn write_model(path: &Path, adverse_bps: f64) -> String {
    let head = Head {
        made_by: "a test".to_owned(),
        seed: 1,
        horizon: Nanos::secs(5),
        data_sha256: String::new(),
        sources: vec![],
        coins: vec![],
        trained: [Nanos::ZERO; 2],
        tested: [Nanos::ZERO; 2],
        options: Value::Null,
        scores: Value::Null,
    };
    let adverse = Forest { base: adverse_bps, ..Forest::default() };
    predictor::write(path, Learned { head, fill: Forest::default(), adverse }).unwrap()
}

#[test]
fn a_fill_model_that_is_trained_again_under_its_name_is_quoted_by() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("models/mine");
    let first = write_model(&path, -1000.0);
    let mut bot = Bot::in_folder(dir, &format!("{PLAIN}fill_model = \"models/mine\"\n"));
    let second = write_model(&path, 1000.0);
    let change = bot.change(1);
    assert_eq!(change.source, "models/mine");
    let known = json!([{"coin": "BTC", "key": MODEL_KEY, "from": first[..16], "to": second[..16]}]);
    assert_eq!(json!(change.changes), known);
    let is_silent = |d: &Decision| d.bid == "no_edge" && d.ask == "no_edge";
    bot.until("quiet", |lines| decisions(lines).any(is_silent));
    // Torn, as a copy that broke off leaves it: the one before holds.
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let refused = bot.refusal(1);
    assert_eq!(refused.source, "models/mine");
    assert!(refused.error.starts_with("models/mine: torn: "), "{}", refused.error);
    write_model(&path, -1000.0);
    let again = bot.change(2);
    bot.decisions(3);
    let (summary, lines, _) = bot.stop();
    assert!(quotes(&lines, Some(&change), Some(&again)).is_empty(), "it expects to lose");
    assert!(!quotes(&lines, Some(&again), None).is_empty());
    let notes = summary["assumptions"]["notes"].to_string();
    for hash in [&first, &second] {
        assert!(notes.contains(&hash[..16]), "{notes}");
    }
    assert_eq!(params(&lines).len(), 2);
}

#[test]
fn what_lies_there_at_the_start_holds_from_the_start() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    let write = |text: &str| fs::write(dir.path().join("data/live_params.json"), text).unwrap();
    let run = |args: &str| Ended::of(dir.path(), &args.split(' ').collect::<Vec<_>>());

    write("{\"BTC\": {\"spread\": 41, \"size\": 200}, \"HYPE\": {\"levels\": 1}}");
    let shown = run("check");
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    for line in [
        "# The resolved configuration: the built-in defaults, then data/live_params.json.",
        "min_spread_bps = 41  # data/live_params.json: BTC.spread",
        "order_size_usd = 200  # data/live_params.json: BTC.size",
    ] {
        assert!(shown.stdout.lines().any(|l| l == line), "no {line} in {}", shown.stdout);
    }
    let shown: Value = serde_json::from_str(&run("check --json").stdout).unwrap();
    assert_eq!(shown["live_params"], "data/live_params.json");
    assert_eq!(
        shown["set_by"]["asset.HYPE.quote.num_levels"],
        "data/live_params.json: HYPE.levels"
    );

    // Of a coin that the venue does not list here, and of the ladder before the first change.
    let ended = run("paper --for 2s --json --out run --symbols BTC");
    check_sound(&ended.summary());
    let lines = journal(&dir.path().join("run/journal.jsonl"));
    let quoted = quotes(&lines, None, None);
    assert!(!quoted.is_empty() && quoted.iter().all(|(bps, _)| *bps > 12.0), "{quoted:?}");
    assert!(params(&lines).is_empty(), "nothing changed");

    // A file that is not sound is no file to start with.
    write("{\"BTC\": {\"spraed\": 41}}");
    for verb in ["check", "paper --for 60s --out other"] {
        let ended = run(verb);
        let want = "botmm: data/live_params.json: BTC.spraed: unknown key; did you mean spread?\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (3, want), "{verb}");
    }
    fs::write(dir.path().join("off.toml"), "[general]\nlive_params = \"\"\n").unwrap();
    assert_eq!(run("check --config off.toml").code, 0, "turned off");
}
