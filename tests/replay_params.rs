//! `botmm replay --params-from JOURNAL`: parameters change where the journal says, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm::journal::line::{Decision, Fit, Line};
use common::{Ended, check_sound, decisions, head, journal, params, sample};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Within the made-up recording, which lasts two minutes.
const AT: &str = "2025-10-09T08:54:05.000000001Z";

/// A folder with a journal of these lines, and a configuration whose quotes stand half a spread from
/// the mid.
fn folder(lines: &[Value]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(dir.path().join("j.jsonl"), text).unwrap();
    let plain = "[defaults.quote]\nfair_price = \"mid\"\nbias_strength = 0\n\
                 imbalance_strength = 0\nskew_factor = 0\ntouch = \"free\"\n";
    fs::write(dir.path().join("my.toml"), plain).unwrap();
    dir
}

fn replay(dir: &Path, recording: &str, more: &str) -> Ended {
    let args = ["replay", recording, "--json", "--config", "my.toml"];
    let more = more.split(' ').filter(|word| !word.is_empty());
    Ended::of(dir, &args.into_iter().chain(more).collect::<Vec<_>>())
}

/// The summary and the journal of a run on the made-up recording that went well.
fn replayed(dir: &Path, more: &str, out: &str) -> (Value, Vec<Line>) {
    let ended = replay(dir, sample().to_str().unwrap(), &format!("{more} --out {out}"));
    assert_eq!(ended.stderr, "", "{more}");
    let summary = ended.summary();
    check_sound(&summary);
    (summary, journal(&dir.join(out).join("journal.jsonl")))
}

fn line(time: &str, changes: Value) -> Value {
    json!({ "type": "params", "time": time, "changes": changes })
}

fn wider(coin: &str, to: f64) -> Value {
    json!([{ "coin": coin, "key": "quote.min_spread_bps", "from": 2.0, "to": to }])
}

fn notes(summary: &Value) -> String {
    summary["assumptions"]["notes"].to_string()
}

/// In bps, between the nearest bid and the nearest ask.
fn spread(decision: &Decision) -> Option<f64> {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let nearest = |side: &[[String; 2]]| side.first().map(|[px, _]| number(px));
    let mid = number(decision.mid.as_ref()?);
    Some((nearest(&decision.asks)? - nearest(&decision.bids)?) / mid * 1e4)
}

/// Lines as they are written.
fn texts<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<String> {
    lines.into_iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_differs_before_and_everything_after() {
    let dir = folder(&[line(AT, wider("BTC", 33.0))]);
    let (plain, without) = replayed(dir.path(), "", "plain");
    let (changed, with) = replayed(dir.path(), "--params-from j.jsonl", "changed");
    assert_ne!(plain["decision_hash"], changed["decision_hash"]);
    let until = |lines: &[Line]| texts(lines.iter().filter(|l| head(l).1.unwrap().as_str() < AT));
    assert!(until(&without).len() > 100);
    assert_eq!(until(&without), until(&with), "what came before is as it was");

    let told = params(&with);
    let [told] = told[..] else { panic!("{told:?}") };
    assert_eq!((told.time.as_str(), told.generation, &*told.source), (AT, 1, "j.jsonl:1"));
    assert_eq!(json!(told.changes), wider("BTC", 33.0));
    let of = |coin: &str| -> Vec<(&str, f64)> {
        let of_coin = decisions(&with).filter(|d| d.coin == coin);
        of_coin.filter_map(|d| Some((d.time.as_str(), spread(d)?))).collect()
    };
    // The time of a decision is cut to the microsecond, and the first one is of the very moment.
    let moment = "2025-10-09T08:54:05.000000Z";
    let (btc, sol) = (of("BTC"), of("SOL"));
    assert!(btc.iter().any(|(t, _)| *t == moment), "new parameters do not wait");
    let (before, after): (Vec<_>, Vec<_>) = btc.iter().partition(|(t, _)| *t < moment);
    assert!(before.len() > 20 && before.iter().all(|(_, s)| *s < 20.0), "{before:?}");
    assert!(after.len() > 20 && after.iter().all(|(_, s)| *s >= 33.0), "{after:?}");
    assert!(sol.iter().filter(|(t, _)| *t >= moment).all(|(_, s)| *s < 20.0), "{sol:?}");
    let notes = notes(&changed);
    assert!(notes.contains("changes of parameters, as j.jsonl tells: 1"), "{notes}");
}

/// Changes of every kind, some at one moment, some of account and limits.
fn many() -> Vec<Value> {
    let one =
        |coin: Option<&str>, key: &str, to: Value| json!({"coin": coin, "key": key, "to": to});
    let at = |s: &str| format!("2025-10-09T08:5{s}Z");
    vec![
        json!({"type": "fill", "time": "whatever", "changes": "not looked at"}),
        line(&at("3:30"), json!([one(Some("BTC"), "quote.num_levels", json!(4))])),
        line(
            &at("3:30"),
            json!([
                one(Some("SOL"), "quote.tick_ms", json!(300)),
                one(Some("SOL"), "quote.requote_min_ms", json!(37))
            ]),
        ),
        line(
            &at("3:41.5"),
            json!([
                one(Some("BTC"), "quote.order_size_usd", json!("321.00000001")),
                one(None, "risk.max_total_position_usd", json!("1200")),
                one(Some("BTC"), "risk.max_position_usd", json!("600")),
                one(Some("SOL"), "quote.level_weights", json!([0.1, 0.2, 0.3, 0.4])),
                one(Some("ETH"), "quote.num_levels", json!(1)),
            ]),
        ),
        line(
            &at("4:20"),
            json!([
                one(Some("BTC"), "quote.vol_sample_ms", json!(200)),
                one(Some("SOL"), "quote.fee_floor", json!(false)),
                one(Some("SOL"), "quote.min_spread_bps", json!(0.30000000000000004)),
                one(Some("BTC"), "risk.max_position_usd", json!("900")),
            ]),
        ),
        line(&at("4:20.000000001"), json!([one(Some("BTC"), "quote.skew_factor", json!(2))])),
        line(&at("4:30"), json!([one(Some("BTC"), "quote.skew_factor", json!(2.0))])),
    ]
}

/// A journal's changes, without what differs from run to run.
fn changes(lines: &[Line]) -> Vec<(String, Value)> {
    params(lines).iter().map(|p| (p.time.clone(), json!(p.changes))).collect()
}

#[test]
fn a_replay_of_a_replay_s_own_journal_is_the_same_under_every_plan() {
    let dir = folder(&many());
    let (first, lines) = replayed(dir.path(), "--lossless --params-from j.jsonl", "first");
    let told = changes(&lines);
    let counts: Vec<_> = told.iter().map(|(_, c)| c.as_array().unwrap().len()).collect();
    assert_eq!(counts, [3, 4, 4, 1], "one moment is one change; what is there is none: {told:#?}");
    let notes_of_first = notes(&first);
    assert!(notes_of_first.contains("changes of ETH in j.jsonl left out"), "{notes_of_first}");
    for plan in ["inline", "solo", "paired"] {
        let more = format!("--lossless --plan {plan} --params-from first/journal.jsonl");
        let ended = replay(dir.path(), sample().to_str().unwrap(), &format!("{more} --out {plan}"));
        if ended.code == 2 && ended.stderr.contains("does not fit this machine") {
            println!("skipped: {plan} does not fit this machine");
            continue;
        }
        let summary = ended.summary();
        check_sound(&summary);
        for key in ["decision_hash", "decisions", "fills", "net_pnl_usd"] {
            assert_eq!(summary[key], first[key], "{key} under {plan}");
        }
        let again = journal(&dir.path().join(plan).join("journal.jsonl"));
        assert_eq!(changes(&again), told, "{plan}");
    }
    // The limit that is shown is the highest that held: 600 and 900 were, after the 1000 of the start.
    assert_eq!(first["max_position_usd"]["BTC"], 1000.0);
}

#[test]
fn what_lies_outside_the_recording_is_said() {
    let early = "2025-01-01T00:00:00Z";
    let dir = folder(&[
        line(early, wider("BTC", 9.0)),
        line(early, wider("BTC", 33.0)),
        line("2025-12-31T00:00:00Z", wider("BTC", 50.0)),
    ]);
    let (summary, lines) = replayed(dir.path(), "--params-from j.jsonl", "first");
    let said = notes(&summary);
    for part in [
        "changes of parameters, as j.jsonl tells: 1",
        "changes in j.jsonl from before the recording, made at its start: 2",
        "changes in j.jsonl from after the recording, left out: 1",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let spreads: Vec<_> =
        decisions(&lines).filter(|d| d.coin == "BTC").filter_map(spread).collect();
    assert!(spreads.len() > 20 && spreads.iter().all(|s| *s >= 33.0), "from the first quote on");
    let told = params(&lines)[0];
    assert_eq!((&*told.source, json!(told.changes)), ("j.jsonl:1-2", wider("BTC", 33.0)));
    let (again, _) = replayed(dir.path(), "--params-from first/journal.jsonl", "again");
    assert_eq!(again["decision_hash"], summary["decision_hash"]);
}

#[test]
fn a_journal_without_changes_changes_nothing() {
    let dir = folder(&[]);
    let (plain, lines) = replayed(dir.path(), "", "plain");
    // A killed run's journal: the last line is cut.
    let cut = fs::read_to_string(dir.path().join("plain/journal.jsonl")).unwrap();
    fs::write(dir.path().join("cut.jsonl"), &cut[..cut.len() - 9]).unwrap();
    let (same, again) = replayed(dir.path(), "--params-from cut.jsonl", "same");
    assert_eq!(plain["decision_hash"], same["decision_hash"]);
    assert_eq!(texts(&lines), texts(&again));
    let said = notes(&same);
    assert!(said.contains("the last line of cut.jsonl is cut: left out"), "{said}");
    assert!(said.contains("as cut.jsonl tells: 0"), "{said}");
}

#[test]
fn a_replay_reads_no_live_parameters() {
    let dir = folder(&[]);
    let (plain, _) = replayed(dir.path(), "", "plain");
    fs::create_dir(dir.path().join("data")).unwrap();
    for text in ["{\"BTC\": {\"spread\": 33}}", "{"] {
        fs::write(dir.path().join("data/live_params.json"), text).unwrap();
        let ended = replay(dir.path(), sample().to_str().unwrap(), "");
        assert_eq!(ended.summary()["decision_hash"], plain["decision_hash"]);
    }
}

#[test]
fn bad_lines_are_named() {
    let good = line(AT, wider("BTC", 33.0)).to_string();
    let setting = |coin: &str, key: &str, to: &str| {
        format!(
            "{{\"type\":\"params\",\"time\":\"{AT}\",\"changes\":[{{\"coin\":{coin},\"key\":{key:?},\
             \"to\":{to}}}]}}"
        )
    };
    let cases = [
        ("{".to_owned(), ":2: not a line of a journal: EOF while parsing"),
        ("plain text".to_owned(), ":2: not a line of a journal: "),
        ("{\"type\": \"params\"}".to_owned(), ":2: not a line of a journal: missing field `time`"),
        (line("yesterday", json!([])).to_string(), ":2: time: "),
        (line("2025-10-09T08:54:05Z", json!([])).to_string(), ":2: time: earlier than in the line"),
        (
            setting("\"BTC\"", "quote.min_spread", "3"),
            ":2: asset.BTC.quote.min_spread: unknown key;",
        ),
        (
            setting("\"BTC\"", "quote.min_spread_bps", "0"),
            ":2: asset.BTC.quote.min_spread_bps: 0 is",
        ),
        (
            setting("\"BTC\"", "quote.min_spread_bps", "\"3\""),
            ":2: asset.BTC.quote.min_spread_bps:",
        ),
        (
            setting("\"BTC\"", "quote.min_spread_bps", "1e999"),
            ":2: asset.BTC.quote.min_spread_bps:",
        ),
        (
            setting("\"BTC\"", "quote.min_spread_bps", "60"),
            ":2: asset.BTC.quote.min_spread_bps: BTC: min_",
        ),
        (
            setting("\"BTC\"", "quote.max_spread_bps", "9"),
            ":2: asset.BTC.quote.min_spread_bps: BTC: min_",
        ),
        (setting("\"BTC\"", "signal.atr_bar_s", "30.0"), ":2: asset.BTC.signal.atr_bar_s: cannot"),
        (setting("null", "quote.num_levels", "1"), ":2: quote.num_levels: needs a coin"),
        (
            setting("\"BTC\"", "risk.capital_usd", "\"9000\""),
            ":2: asset.BTC.risk.capital_usd: holds",
        ),
    ];
    let dir = folder(&[]);
    for (bad, want) in cases {
        // The line before it asks for 33 bps.
        let after = "{\"type\": \"fill\"}";
        fs::write(dir.path().join("j.jsonl"), format!("{good}\n{bad}\n{after}\n")).unwrap();
        let ended = replay(dir.path(), sample().to_str().unwrap(), "--params-from j.jsonl");
        assert_eq!((ended.code, ended.stdout.as_str()), (5, ""), "{bad}: {}", ended.stderr);
        let want = format!("botmm: j.jsonl{want}");
        assert!(ended.stderr.starts_with(&want), "{bad}\n got {}\nwant {want}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    let ended = replay(dir.path(), sample().to_str().unwrap(), "--params-from none.jsonl");
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.starts_with("botmm: none.jsonl: cannot read"), "{}", ended.stderr);
}

#[test]
fn a_journal_in_segments_is_read_as_one() {
    let later = "2025-10-09T08:54:35.000000001Z";
    let (first, second) = (line(AT, wider("BTC", 33.0)), line(later, wider("BTC", 44.0)));
    let dir = folder(&[first.clone(), second.clone()]);
    let run = dir.path().join("run");
    fs::create_dir(&run).unwrap();
    let packed = zstd::encode_all(format!("{first}\n").as_bytes(), 3).unwrap();
    fs::write(run.join("journal.000001.jsonl.zst"), packed).unwrap();
    fs::write(run.join("journal.jsonl"), format!("{second}\n")).unwrap();
    let (whole, _) = replayed(dir.path(), "--params-from j.jsonl", "whole");
    let (parts, _) = replayed(dir.path(), "--params-from run/journal.jsonl", "parts");
    assert_eq!(parts["decision_hash"], whole["decision_hash"]);
    assert!(notes(&parts).contains("as run/journal.jsonl tells: 2"), "{}", notes(&parts));
    // What is wrong is named where it is.
    let packed = zstd::encode_all(format!("{first}\nnonsense\n").as_bytes(), 3).unwrap();
    fs::write(run.join("journal.000001.jsonl.zst"), packed).unwrap();
    let more = "--params-from run/journal.jsonl";
    let ended = replay(dir.path(), sample().to_str().unwrap(), more);
    assert!(ended.stderr.contains("journal.000001.jsonl.zst:2: not a line"), "{}", ended.stderr);
    fs::remove_file(run.join("journal.000001.jsonl.zst")).unwrap();
    fs::write(run.join("journal.000002.jsonl"), format!("{first}\n")).unwrap();
    let (parts, _) = replayed(dir.path(), more, "removed");
    assert!(notes(&parts).contains("the oldest files of run/journal.jsonl were removed (1)"));
}

/// Weights that were fitted on what is replayed would know its future.
#[test]
fn a_fit_goes_on_from_what_was_learned_before_and_from_nothing_later() {
    let dir = folder(&[]);
    let mine = "[defaults.quote]\nfair_price = \"fitted\"\n[defaults.fit]\nfit_min_samples = 30\n";
    fs::write(dir.path().join("my.toml"), mine).unwrap();
    let (plain, lines) = replayed(dir.path(), "", "plain");
    let fits = |lines: &[Line]| -> Vec<Fit> {
        let of_btc = |line: &Line| match line {
            Line::Fit(fit) if fit.coin == "BTC" => Some(fit.clone()),
            _ => None,
        };
        lines.iter().filter_map(of_btc).collect()
    };
    let learned = fits(&lines).pop().unwrap();
    assert!(learned.samples > 100, "{learned:?}");

    // The run's own journal tells of later alone.
    let (again, _) = replayed(dir.path(), "--params-from plain/journal.jsonl", "again");
    assert_eq!(again["decision_hash"], plain["decision_hash"]);
    assert!(notes(&again).contains("plain/journal.jsonl: 0; what was learned after"));

    let before = Fit { time: "2025-10-09T00:00:00Z".to_owned(), ..learned.clone() };
    fs::write(dir.path().join("early.jsonl"), format!("{}\n", Line::Fit(before))).unwrap();
    let (went_on, lines) = replayed(dir.path(), "--params-from early.jsonl", "went_on");
    assert!(notes(&went_on).contains("early.jsonl: 1;"), "{}", notes(&went_on));
    let told = fits(&lines);
    assert_eq!(
        told[0].state.products, learned.state.products,
        "it begins with it, to the last digit"
    );
    assert!(told.last().unwrap().samples > learned.samples);
    let first = decisions(&lines).find(|d| d.coin == "BTC").unwrap();
    assert_eq!(
        first.terms.as_ref().unwrap().fit.as_ref().unwrap().samples,
        i64::from(learned.samples)
    );
}
