use super::*;
use crate::exit::AppError;
use crate::journal::line::{Line, ParamsRefused};
use crate::settings::{Overrides, ParamSetting};
use crate::side::params::Params;
use crate::side::task::tests::Stand;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

mod models;

/// A configuration and a file of live parameters under watch, in steps of a second.
struct World {
    dir: TempDir,
    reload: Reload,
    universe: Universe,
    now: Nanos,
    stand: Stand,
}

impl World {
    fn new(config: &str, live: Option<&str>) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("my.toml");
        let named = live_line(&dir);
        fs::write(&path, format!("{named}{config}")).unwrap();
        if let Some(live) = live {
            fs::write(dir.path().join("live.json"), live).unwrap();
        }
        let draft = Draft::load(Some(&path), &|_| None).unwrap().with_live_file().unwrap();
        let flags = Overrides { symbols: Some("BTC,ETH".to_owned()), ..Overrides::default() };
        let complete: Complete = Box::new(move |draft: Draft| draft.with(&flags)?.build());
        let settings = complete(draft.clone()).unwrap();
        let universe = settings.universe();
        let reload = Reload::new(draft, complete, settings, universe.clone(), Nanos::ZERO);
        Self { dir, reload, universe, now: Nanos::ZERO, stand: Stand::with_room(4) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&mut self, text: &str) -> Vec<String> {
        fs::write(self.path("my.toml"), format!("{}{text}", live_line(&self.dir))).unwrap();
        self.turns()
    }

    fn live(&mut self, text: &str) -> Vec<String> {
        fs::write(self.path("live.json"), text).unwrap();
        self.turns()
    }

    /// Five turns; what was said in them, without the folder.
    fn turns(&mut self) -> Vec<String> {
        let folder = format!("{}/", self.dir.path().display());
        let mut said = Vec::new();
        for _ in 0..5 {
            self.now = self.now + Nanos::secs(1);
            self.stand.now = self.now;
            let mut out = self.stand.turn(&mut self.reload);
            let files = &self.stand.workers.files;
            files.send(self.now, PATIENCE, || ()).wait(Duration::from_secs(60)).unwrap();
            let more = self.stand.turn(&mut self.reload);
            out.said.extend(more.said);
            out.lines.extend(more.lines);
            let mut refused = Vec::new();
            for line in &out.lines {
                let Line::ParamsRefused(ParamsRefused { source, error, .. }) = line else {
                    panic!("{line}");
                };
                assert!(!error.contains('\n'), "{error}");
                let told = format!("parameters refused, nothing changed: {error}");
                out.said.retain(|said| said.text != told);
                refused.push(format!("refused {source}: {error}"));
            }
            refused.extend(out.said.into_iter().map(|said| said.text));
            said.extend(refused.into_iter().map(|said| said.replace(&folder, "")));
        }
        said
    }

    /// The change of the newest generation, in words.
    fn took_effect(&mut self) -> String {
        let change = self.reload.took_effect(self.stand.handed.len() as u32).unwrap();
        change.in_words().replace(&format!("{}/", self.dir.path().display()), "")
    }

    /// The lowest spreads that the stages know of.
    fn spreads(&self) -> [f64; 2] {
        let mut spreads = [2.0, 2.5];
        for (asset, params) in self.stand.handed.iter().flatten() {
            spreads[asset.index()] = params.min_spread_bps;
        }
        spreads
    }
}

fn live_line(dir: &TempDir) -> String {
    format!("general.live_params = {:?}\n", dir.path().join("live.json").to_str().unwrap())
}

#[test]
fn what_changed_is_handed_over_as_one_generation() {
    let mut w = World::new("", None);
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 0));
    assert_eq!(w.live("{\"ETH\": {\"spread\": 7, \"size\": 200}}"), [""; 0]);
    assert_eq!(w.stand.handed.len(), 1);
    let [(asset, params)] = w.stand.handed[0][..] else { panic!("BTC did not change") };
    assert_eq!((asset.index(), params.order_size_usd.to_string()), (1, "200".to_owned()));
    assert_eq!(
        w.took_effect(),
        "live.json: ETH quote.min_spread_bps 2.5 → 7.0, ETH quote.order_size_usd 150 → 200"
    );
    assert!(w.reload.took_effect(1).is_none(), "once");
    assert_eq!(w.config("[defaults.risk]\ncapital_usd = 5000\n"), [""; 0]);
    assert_eq!(w.stand.handed[1].len(), 2, "what holds for the account is told to every asset");
    assert_eq!(w.took_effect(), "my.toml: risk.capital_usd 10000 → 5000");
    // Back to where it was.
    assert_eq!(w.live("{}"), [""; 0]);
    assert_eq!(w.spreads().map(f64::to_bits), [2.0, 2.5].map(f64::to_bits));
    assert_eq!(w.reload.settings().capital().to_string(), "5000");
    // A coin that is not traded, and a comment: nothing to hand over.
    assert_eq!(w.live("{\"SOL\": {\"spread\": 7}}"), [""; 0]);
    assert_eq!(w.config("[defaults.risk]\ncapital_usd = 5000.0 # as before\n"), [""; 0]);
    assert_eq!(w.stand.handed.len(), 3);
}

#[test]
fn what_the_tuner_sets_lies_below_what_a_person_sets() {
    let other = TempDir::new().unwrap();
    let tuned = other.path().join("tuned.json");
    let config = format!("[tuner]\nmode = \"act\"\nparams = {:?}\n", tuned.to_str().unwrap());
    let mut w = World::new(&config, Some("{\"BTC\": {\"spread\": 3}}"));
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 0));
    let both = r#"{"BTC": {"min_spread_bps": 2.2}, "ETH": {"min_spread_bps": 2.75}}"#;
    fs::write(&tuned, both).unwrap();
    assert_eq!(w.turns(), [""; 0]);
    let [(asset, params)] = w.stand.handed[0][..] else { panic!("a person set BTC") };
    assert_eq!((asset.index(), params.min_spread_bps.to_bits()), (1, 2.75_f64.to_bits()));
    let said = w.took_effect();
    assert!(said.ends_with("tuned.json: ETH quote.min_spread_bps 2.5 → 2.75"), "{said}");
    let begun = w.reload.untuned().unwrap();
    assert_eq!(begun["ETH"].values["min_spread_bps"].to_bits(), 2.5_f64.to_bits());
    assert!(begun["ETH"].held.is_empty() && begun["BTC"].held.contains("min_spread_bps"));
    assert_eq!(begun["BTC"].values["min_spread_bps"].to_bits(), 3.0_f64.to_bits());
    // Once that person lets go, the tuner's shows; and without it what was configured.
    assert_eq!(w.live("{}"), [""; 0]);
    assert_eq!(w.spreads().map(f64::to_bits), [2.2, 2.75].map(f64::to_bits));
    fs::write(&tuned, "{\"ETH\": {\"min_spread_bps\": true}}").unwrap();
    assert!(w.turns()[0].contains("is not allowed"), "nothing changed");
    fs::write(&tuned, "{}").unwrap();
    w.turns();
    assert_eq!(w.spreads().map(f64::to_bits), [2.0, 2.5].map(f64::to_bits));
}

#[test]
fn what_was_there_at_the_start_holds_already() {
    let mut w =
        World::new("[asset.BTC.quote]\nskew_factor = 1\n", Some("{\"BTC\": {\"skew\": 2}}"));
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 0));
    assert_eq!(w.live("{}"), [""; 0]);
    assert_eq!(w.took_effect(), "live.json: BTC quote.skew_factor 2.0 → 1.0");
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_of_once() {
    let mut w = World::new("", Some("{\"BTC\": {\"spread\": 3}}"));
    let bad = [
        ("{\"BTC\": {\"spread\": 3", "live.json: not valid JSON: EOF"),
        ("", "live.json: empty;"),
        (
            "{\"BTC\": {\"spread\": 60}}",
            "live.json: BTC.spread: asset.BTC.quote.min_spread_bps: BTC: min",
        ),
        ("{\"XYZ\": {}}", "live.json: XYZ: unknown coin \"XYZ\";"),
        ("{\"BTC\": {\"levels\": 9}, \"ETH\": {\"spread\": 7}}", "live.json: BTC.levels: 9 is not"),
    ];
    for (text, want) in bad {
        let said = w.live(text);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("refused live.json: {want}")), "{text}: {said:?}");
        assert_eq!(w.turns(), [""; 0]);
    }
    assert_eq!(w.stand.handed.len(), 0);
    assert_eq!(
        w.live("{\"BTC\": {\"spread\": 3.0}}"),
        ["live.json: sound again, and changes nothing"]
    );
    assert_eq!(w.live("{\"BTC\": {\"spread\": 4}}"), [""; 0]);
    assert_eq!(w.took_effect(), "live.json: BTC quote.min_spread_bps 3.0 → 4.0");
}

#[test]
fn a_configuration_that_takes_a_restart_changes_nothing() {
    let mut w = World::new("", None);
    let said = w.config("general.seed = 7\n[defaults.quote]\nmin_spread_bps = 9\n");
    let takes = "cannot change while the bot runs; restart it to change this";
    assert_eq!(said, [format!("refused my.toml: my.toml:2: general.seed: {takes}")]);
    let said = w.config("[asset.BTC.signal]\natr_bar_s = 30\n");
    assert_eq!(said, [format!("refused my.toml: my.toml:3: asset.BTC.signal.atr_bar_s: {takes}")]);
    assert_eq!(w.stand.handed.len(), 0);
    // A flag has the last word, and keeps it.
    assert_eq!(w.config("[defaults.quote]\nmin_spread_bps = 9\n"), [""; 0]);
    assert_eq!(w.reload.settings().symbols, ["BTC", "ETH"]);
    assert_eq!(w.spreads().map(f64::to_bits), [9.0, 9.0].map(f64::to_bits));
}

#[test]
fn what_was_refused_alone_may_be_sound_together() {
    let mut w = World::new("", None);
    assert_eq!(w.live("{\"BTC\": {\"spread\": 60}}").len(), 1, "above max_spread_bps");
    assert_eq!(w.config("[defaults.quote]\nmax_spread_bps = 100\n"), [""; 0]);
    assert_eq!(w.stand.handed.len(), 1);
    assert_eq!(
        w.took_effect(),
        "my.toml, live.json: BTC quote.min_spread_bps 2.0 → 60.0, BTC quote.max_spread_bps 50.0 → \
         100.0, ETH quote.max_spread_bps 50.0 → 100.0"
    );
    // And what is refused while the other is not sound, either, does not stop the other.
    assert_eq!(w.live("{").len(), 1);
    assert_eq!(w.config("[defaults.quote]\nmax_spread_bps = 90\n"), [""; 0]);
    assert_eq!(w.stand.handed.len(), 2);
    assert_eq!(w.config("[defaults.quote]\nmax_spread_bps = 50\n").len(), 1, "60 still holds");
}

#[test]
fn what_the_stages_cannot_take_is_tried_again_as_it_is_then() {
    let mut w = World::new("", None);
    w.stand.is_full = true;
    assert_eq!(w.live("{\"BTC\": {\"spread\": 7}}"), [""; 0]);
    assert_eq!(w.live("{\"BTC\": {\"spread\": 8}}"), [""; 0]);
    assert_eq!(w.config("[asset.ETH.quote]\nmin_spread_bps = 9\n"), [""; 0]);
    w.stand.is_full = false;
    w.turns();
    assert_eq!(w.stand.handed.len(), 1);
    let words = "live.json, my.toml: BTC quote.min_spread_bps 2.0 → 8.0, \
                 ETH quote.min_spread_bps 2.5 → 9.0";
    assert_eq!(w.took_effect(), words);
}

#[test]
fn a_vanished_file_still_holds() {
    let mut w = World::new("", Some("{\"BTC\": {\"spread\": 3}}"));
    fs::remove_file(w.path("live.json")).unwrap();
    assert_eq!(w.turns(), ["live.json: gone; what it set still holds"]);
    assert_eq!(w.config("[defaults.quote]\nmin_spread_bps = 9\n"), [""; 0]);
    assert_eq!(w.spreads().map(f64::to_bits), [2.0, 9.0].map(f64::to_bits), "BTC is set above");
    fs::create_dir(w.path("live.json")).unwrap();
    let said = w.turns();
    assert!(said[0].starts_with("refused live.json: live.json: cannot read: "), "{said:?}");
}

#[test]
fn new_warnings_are_said() {
    let mut w = World::new("", None);
    let said = w.live("{\"BTC\": {\"size\": 20}}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("warning: BTC: level 2 gets 7.50 USD"), "{said:?}");
    assert_eq!(w.live("{\"BTC\": {\"size\": 20, \"spread\": 4}}"), [""; 0]);
    assert_eq!(w.stand.handed.len(), 2);
}

#[test]
fn a_line_says_all_that_a_replay_needs() {
    let mut w = World::new("", None);
    w.live("{\"BTC\": {\"spread\": 3.3000000000000003, \"size\": 999999999.12345678}}");
    assert!(w.stand.handed.is_empty(), "above max_position_usd");
    w.config("[defaults.risk]\nmax_position_usd = 1e9\nmax_total_position_usd = 1e9\n");
    let change = w.reload.took_effect(1).unwrap();
    let time = Nanos(1_757_015_216_123_456_789);
    let line = line(&change, &Effect { generation: 1, time, market_seq: 7 });
    let written: serde_json::Value = serde_json::from_str(&line.to_string()).unwrap();
    assert_eq!(written["time"], "2025-09-04T19:46:56.123456789Z");
    assert_eq!(
        (&written["market_seq"], &written["changes"][0]["coin"]),
        (&7.into(), &serde_json::Value::Null)
    );
    let (when, settings) = read(&line.to_string()).unwrap().unwrap();
    let plain = Settings::load(None, &|_| None).unwrap();
    let again = plain.with_params(&settings, "j:1").unwrap();
    assert_eq!(when, time);
    for (_, instrument) in w.universe.iter() {
        let coin = instrument.coin.as_str();
        assert_eq!(again.params(coin), w.reload.settings().params(coin), "{coin}");
    }
    let coins: Vec<_> = settings.iter().map(ParamSetting::coin).collect();
    assert_eq!(coins, [None, Some("BTC"), Some("BTC"), Some("BTC"), Some("ETH")]);

    assert_eq!(read("{\"type\": \"fill\", \"changes\": 5}"), Ok(None));
    let other = refused_line(time, "my.toml", "no \"good\"");
    assert_eq!(read(&other.to_string()), Ok(None));
    for (bad, want) in [
        ("{", "not a line of a journal: "),
        ("[]", "not a line of a journal: "),
        ("{\"type\": \"params\"}", "not a line of a journal: missing field `time`"),
        ("{\"type\":\"params\",\"time\":\"soon\",\"changes\":[]}", "time: "),
        (
            "{\"type\":\"params\",\"time\":\"2025-09-04T19:46:56Z\",\"changes\":\
             [{\"coin\":null,\"key\":\"quote.tick_ms\",\"to\":1}]}",
            "quote.tick_ms: needs a coin",
        ),
    ] {
        let said = read(bad).unwrap_err();
        assert!(said.starts_with(want), "{bad}: {said}");
    }
}

#[test]
fn a_shorter_expires_after_must_still_hold_the_tolerated_clock_which_takes_a_restart() {
    let mut world = World::new("", None);
    let said = world.config("[defaults.risk]\nexpires_after_ms = 2500\n");
    assert!(said[0].contains("not below a third of expires_after_ms = 2500"), "{said:?}");
    assert!(world.stand.handed.is_empty());
    let said = world.config("[defaults.risk]\nmax_clock_offset_ms = 800\n");
    assert!(said[0].contains("max_clock_offset_ms: cannot change while the bot runs"), "{said:?}");
    assert!(world.stand.handed.is_empty());
    world.config("[defaults.risk]\nexpires_after_ms = 2800\n");
    assert_eq!(world.stand.handed.len(), 1);
}

#[test]
fn limits_follow_what_the_account_is_worth() {
    let mut w = World::new("", None);
    w.reload.account_is_worth(Usd::whole(250));
    assert_eq!(w.turns(), [""; 0]);
    assert_eq!(w.took_effect(), "the account's value: risk.capital_usd 10000 → 250");
    let capital = |w: &World| w.stand.handed.last().unwrap()[0].1.risk.capital_usd;
    assert_eq!((w.stand.handed[0].len(), capital(&w)), (2, Usd::whole(250)));
    // Told again it is no news.
    w.reload.account_is_worth(Usd::whole(250));
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 1));
    // A file that changes keeps to it, and an amount beyond it is lowered and said.
    let said = w.config("[defaults.risk]\ncapital_usd = 5000\n");
    assert!(said[0].contains("more than the account is worth (250 USD): lowered"), "{said:?}");
    assert_eq!((w.stand.handed.len(), w.reload.settings().capital()), (1, Usd::whole(250)));
    w.reload.account_is_worth(Usd::whole(9_000));
    w.turns();
    assert_eq!(w.took_effect(), "the account's value: risk.capital_usd 250 → 5000");
    assert_eq!(capital(&w), Usd::whole(5_000));
}

#[test]
fn more_than_the_account_can_hold_is_a_warning() {
    let draft = |worth: i64| Draft::load(None, &|_| None).unwrap().with_account(Usd::whole(worth));
    let warnings = |worth| draft(worth).build().unwrap().warnings.join("; ");
    assert!(!warnings(10_000).contains("the account"), "{}", warnings(10_000));
    assert!(
        warnings(50).contains("max_total_position_usd = 2500 is more than the account can hold")
    );
}

/// At 00:00 UTC the limits become shares of what the account is worth by then, money that was brought or
/// taken included: it is no profit of the new day.
#[test]
fn a_new_day_counts_from_what_the_account_is_worth_then() {
    let mut w = World::new("", None);
    w.reload.account_is_worth(Usd::whole(2_000));
    let evening = Nanos::secs(86_400 * 20_000 - 30);
    let answers = Arc::new(Mutex::new(vec![
        Ok(Usd::whole(1_200)),
        Err(AppError::data("venue", "no answer", "wait")),
    ]));
    let asked = answers.clone();
    let ask = Arc::new(move || asked.lock().unwrap().pop().unwrap());
    let mut params = Params::new(w.reload, ask, evening);
    let mut at = |seconds: i64| {
        w.stand.now = evening + Nanos::secs(seconds);
        let mut said = Vec::new();
        for _ in 0..3 {
            said.extend(w.stand.turn(&mut params).said.into_iter().map(|said| said.text));
            for errands in [&w.stand.workers.files, &w.stand.workers.questions] {
                errands.send(w.stand.now, PATIENCE, || ()).wait(Duration::from_secs(60)).unwrap();
            }
        }
        (said, params.reload.settings().capital(), answers.lock().unwrap().len())
    };
    assert_eq!(at(29), (vec![], Usd::whole(2_000), 2), "the old day");
    let (said, capital, _) = at(30);
    assert!(said[0].contains("no answer") && said[0].contains("asking again"), "{said:?}");
    assert_eq!((said.len(), capital), (1, Usd::whole(2_000)));
    assert_eq!(at(60), (vec![], Usd::whole(2_000), 1), "not at every turn");
    assert_eq!(at(90), (vec![], Usd::whole(1_200), 0));
    assert_eq!(at(86_000), (vec![], Usd::whole(1_200), 0), "once a day");
}

/// A file on a disk that does not answer keeps nothing waiting, is told once, and goes on when it does.
#[test]
fn files_that_cannot_be_looked_at_hold_nothing_up() {
    let mut w = World::new("", None);
    let (release, held) = std::sync::mpsc::channel::<()>();
    w.stand.now = Nanos::secs(1);
    let hang = w.stand.workers.files.send(w.stand.now, Nanos::secs(3_600), move || held.recv());
    let mut said = Vec::new();
    for second in 1..=60 {
        w.stand.now = Nanos::secs(second);
        said.extend(w.stand.turn(&mut w.reload).said.into_iter().map(|said| said.text));
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("cannot be looked at"), "{said:?}");
    drop(release);
    assert!(hang.wait(Duration::from_secs(60)).is_some());
    w.now = Nanos::secs(60);
    assert_eq!(w.config("[defaults.quote]\nmin_spread_bps = 3.0\n"), Vec::<String>::new());
    assert_eq!(w.stand.handed.len(), 1);
}

/// A grid comes from the venue and crosses like a parameter; what changes later does not undo it.
#[test]
fn another_grid_is_handed_over_like_a_parameter_and_stays() {
    let mut world = World::new("", None);
    world.turns();
    let eth = AssetId::new(1);
    world.reload.regrid(Regridded { asset: eth, from: 4, to: 3 });
    assert_eq!(world.turns(), [""; 0]);
    let grids = |world: &World| -> Vec<(usize, Option<u8>)> {
        let newest = world.stand.handed.last().unwrap();
        newest.iter().map(|(asset, params)| (asset.index(), params.sz_decimals)).collect()
    };
    assert_eq!((world.stand.handed.len(), grids(&world)), (1, vec![(1, Some(3))]));
    let generation = world.stand.handed.len() as u32;
    let change = world.reload.took_effect(generation).unwrap();
    assert!(change.in_words().contains("the venue's list") && change.in_words().contains(GRID_KEY));
    let effect = Effect { generation, time: Nanos::secs(9), market_seq: 1 };
    let written = line(&change, &effect).to_string();
    assert!(written.contains("\"from\":4") && written.contains("\"to\":3"), "{written}");
    let (_, settings) = read(&written).unwrap().unwrap();
    assert!(settings.is_empty(), "a replay keeps the grid of its recording");
    world.config("[defaults.quote]\nmin_spread_bps = 9.0\n");
    assert_eq!((world.stand.handed.len(), grids(&world)), (2, vec![(0, None), (1, Some(3))]));
    assert_eq!(world.turns(), [""; 0]);
    assert_eq!(world.stand.handed.len(), 2, "and is told once");
}
