use super::layer::Verdict;
use super::rules::Values;
use super::*;
use crate::history::NAME;
use crate::settings::Settings;
use crate::side::task::tests::Stand;
use std::path::Path;
use tempfile::TempDir;

const HOUR: Nanos = Nanos::secs(3_600);
const START: Nanos = Nanos::secs(1_790_000_000);

/// A history of one run that buys ETH at 1,000 once an hour, of 40 orders a day, and loses a dollar a fill.
fn history(dir: &Path) -> (PathBuf, String) {
    let path = dir.join(NAME);
    let opened = History::open(&path).unwrap().history;
    let db = opened.db();
    db.execute(
        "INSERT INTO runs (name, book, kind, network, is_real_money) VALUES ('r', 'b', 'paper', 'x', 0)",
        [],
    )
    .unwrap();
    for i in 0..40_i64 {
        let time = (START + Nanos(HOUR.0 * i / 2)).0;
        db.execute(
            "INSERT INTO orders (run, time, action, cloid, coin) VALUES ('r', ?1, 'place', ?2, 'ETH')",
            rusqlite::params![time, i.to_string()],
        )
        .unwrap();
        if i % 2 == 0 {
            db.execute(
                "INSERT INTO fills (book, coin, tid, side, venue_time, run, time, px, qty, fee, oid, is_taker, mid_60s)
                 VALUES ('b', 'ETH', ?1, ?2, ?3, 'r', ?3, 100000000000, 10000000, 0, 1, 0, ?4)",
                rusqlite::params![
                    i,
                    if i % 4 == 0 { "buy" } else { "sell" },
                    time + 1,
                    if i % 4 == 0 { 99_000_000_000_i64 } else { 101_000_000_000 }
                ],
            )
            .unwrap();
        }
    }
    (path, "r".to_owned())
}

fn settings(dir: &Path, mode: TunerMode) -> TunerSettings {
    let params = dir.join("tuned.json");
    TunerSettings { mode, every: Nanos(HOUR.0 * 4), window: Nanos(HOUR.0 * 24), params }
}

fn baseline(held: &[&str]) -> BTreeMap<String, Baseline> {
    let settings = Settings::load(None, &|_| None).unwrap();
    let held = held.iter().map(|key| (*key).to_owned()).collect();
    [("ETH".to_owned(), Baseline::of(&settings, "ETH", held))].into()
}

/// One judgement at this moment; what was said.
fn judgement(tuner: &mut Tuner, stand: &mut Stand, now: Nanos, held: &[&str]) -> Vec<Alert> {
    stand.now = now;
    assert!(tuner.asks(now));
    tuner.hears(now, Some(baseline(held)));
    let mut said = stand.turn(tuner).said;
    stand.until(|stand| {
        said.extend(stand.turn(tuner).said);
        tuner.under_way.is_none()
    });
    said
}

fn allow(files: &TunerFiles) {
    let values = baseline(&[])["ETH"].values.clone();
    files
        .keep(&Verdict {
            time: String::new(),
            data: Vec::new(),
            config_sha256: String::new(),
            span_s: 0.0,
            every_s: 0.0,
            window_s: 0.0,
            changes: 1,
            net_usd: [0.0, 1.0],
            fills: [1, 1],
            gain_interval_usd: Some([0.5, 1.5]),
            t: Some(4.0),
            is_better: true,
            baseline: [("ETH".to_owned(), values)].into(),
        })
        .unwrap();
}

#[test]
fn it_proposes_until_a_shadow_run_lets_it_act_and_every_step_has_its_evidence() {
    let dir = TempDir::new().unwrap();
    let told = history(dir.path());
    let mut stand = Stand::with_room(4);
    let own = settings(dir.path(), TunerMode::Act);
    assert!(Tuner::of(&settings(dir.path(), TunerMode::Off), Some(told.clone()), START).is_none());
    let mut tuner = Tuner::of(&own, Some(told), START).unwrap();
    let files = TunerFiles { layer: own.params.clone() };
    assert!(!tuner.asks(START + HOUR), "not before four hours");

    // It lost, for the first time: half of its orders filled, so nothing follows.
    let said = judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 19), &[]);
    assert!(said[0].text.contains("no change") && said[0].text.contains("fills of"), "{said:?}");
    // Twice.
    let said = judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 23), &[]);
    assert!(said[0].text.contains("proposed only: lost twice"), "{said:?}");
    assert!(said[1].text.contains("no shadow run shows that it helps"), "{said:?}");
    assert!(!files.layer.exists() && files.log().unwrap().len() == 2);

    allow(&files);
    let said = judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 27), &[]);
    assert!(said[0].text.contains("lost twice") && !said[0].text.contains("proposed"), "{said:?}");
    let begun = baseline(&[])["ETH"].values.clone();
    let spread = |layer: &Values| layer["min_spread_bps"];
    let set = files.layer().unwrap()["ETH"].clone();
    assert!((spread(&set) / spread(&begun) - 1.1).abs() < 1e-6, "{set:?}");
    assert!((set["vol_multiplier"] / begun["vol_multiplier"] - 1.1).abs() < 1e-6);
    let log = files.log().unwrap();
    assert!(log[2].is_applied && log[2].evidence.unwrap().fills > 0);

    // A person goes back: for a day what was taken back is left alone.
    assert!(files.roll_back(exact_utc(START + Nanos(HOUR.0 * 28))).unwrap().is_some());
    judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 31), &[]);
    assert!(files.layer().unwrap().is_empty());
    // And so is what a person set in the live parameters.
    judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 35), &["min_spread_bps"]);
    assert!(files.layer().unwrap().is_empty());
}

#[test]
fn what_cannot_be_read_is_told_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let told = history(dir.path());
    let own = settings(dir.path(), TunerMode::Propose);
    let mut tuner = Tuner::of(&own, Some(told), START).unwrap();
    let files = TunerFiles { layer: own.params.clone() };
    std::fs::write(files.log_path(), "torn").unwrap();
    let mut stand = Stand::with_room(4);
    let said = judgement(&mut tuner, &mut stand, START + Nanos(HOUR.0 * 20), &[]);
    assert!(said[0].text.contains("the tuner changes nothing: "), "{said:?}");
    assert!(said[0].text.contains("tuned.log.jsonl:1"), "{said:?}");
    assert!(!tuner.asks(stand.now) && tuner.asks(stand.now + AGAIN), "it tries again");
    tuner.hears(stand.now + AGAIN, None);
    assert!(!tuner.asks(stand.now + AGAIN));
}
