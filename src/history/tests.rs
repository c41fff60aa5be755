//! What a journal says is in the history once, however it comes there.

use super::*;
use crate::journal::line;
use crate::journal::segments::LIVE;
use botmm_pipeline::types::{Nanos, Px, Qty, Side, Usd};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

/// A moment of the day on which all of this happens.
fn time(s: u32) -> String {
    format!("2026-11-28T{:02}:{:02}:{:02}.000000Z", s / 3_600, s / 60 % 60, s % 60)
}

fn text(mut line: Value, kind: &str) -> String {
    line["type"] = kind.into();
    line["v"] = line::VERSION.into();
    format!("{line}\n")
}

fn begin(kind: &str, account: Option<&str>) -> String {
    let line = json!({
        "time": time(0), "kind": kind, "network": if kind == "run" { "mainnet" } else { "embedded" },
        "is_real_money": kind == "run", "account": account, "botmm": "0.1.0", "coins": ["BTC"],
        "config_sha256": "00", "params": {"BTC": {"quote": {"min_spread_bps": 2.0}}},
    });
    text(line, "run")
}

fn fill(s: u32, tid: u64, side: &str, px: &str, qty: &str) -> String {
    let line = json!({
        "time": time(s), "coin": "BTC", "side": side, "px": px, "qty": qty, "fee_usd": "0.015",
        "venue_time": time(s), "oid": 7, "tid": tid, "taker": false, "cause": null,
    });
    text(line, "fill")
}

fn account(s: u32, position: &str, net: &str) -> String {
    let map = |value: &str| json!({ "BTC": value });
    let line = json!({
        "time": time(s), "position": map(position), "entry": map("100"), "mark": map("101"),
        "realized_usd": net, "unrealized_usd": "0", "fees_usd": "0", "funding_usd": "0",
        "net_usd": net,
    });
    text(line, "account")
}

/// A line of every `type` that the history keeps something of, and some that it does not.
fn a_day() -> Vec<String> {
    let at = |line: Value, kind: &str| text(line, kind);
    vec![
        begin("run", Some("0xabc")),
        at(json!({"time": time(1), "coin": "BTC", "bid": "warmup", "ask": "warmup"}), "state"),
        at(
            json!({"time": time(2), "coin": "BTC", "market_seq": 1, "items": [
                {"cloid": "0x1", "side": "buy", "px": "100.5", "qty": "0.01"},
                {"cloid": "0x2", "side": "sell", "px": "101.5", "qty": "0.01"}]}),
            "place",
        ),
        fill(3, 1, "buy", "100.5", "0.01"),
        account(3, "0.01", "-0.015"),
        at(
            json!({"time": time(4), "coin": "BTC", "tid": 1, "side": "buy", "px": "100.5",
                "qty": "0.01", "venue_time": time(3), "mid": "100.55"}),
            "mid_at_fill",
        ),
        at(
            json!({"time": time(8), "coin": "BTC", "tid": 1, "side": "buy", "px": "100.5",
                "qty": "0.01", "after_s": 5, "mid_at_fill": "100.55", "mid": "100.7"}),
            "markout",
        ),
        at(
            json!({"time": time(9), "coin": "BTC", "venue_time": time(9), "paid_usd": "-0.02"}),
            "funding",
        ),
        at(
            json!({"time": time(10), "generation": 1, "market_seq": 5, "source": "live.json",
                "changes": [{"coin": null, "key": "risk.max_daily_loss_pct", "from": 5.0, "to": 4.0}]}),
            "params",
        ),
        at(
            json!({"time": time(11), "coin": null, "state": "circuit_break",
                "breaks": {"daily_loss": "by_hand"}, "marks": {}}),
            "risk",
        ),
        at(json!({"time": time(12), "coin": null, "alert": "daily loss"}), "alert"),
        at(
            json!({"time": time(13), "coin": "BTC", "of": "place", "reason": "alo_would_match",
                "best_bid": "1", "best_ask": "2"}),
            "reject",
        ),
        at(json!({"time": time(14), "lost": 3}), "gap"),
        fill(15, 2, "sell", "101.5", "0.01"),
        account(15, "0", "0.1"),
        at(json!({"date": "2026-11-27", "net_usd": "1.25", "whole": true}), "day"),
        at(
            json!({"time": time(16), "stages": {"book": {"p50": 100, "p99": 900, "max": 5000}}}),
            "latency",
        ),
        at(
            json!({"time": time(17), "gross_usd": "1.5", "fees_usd": "0.03", "funding_usd": "-0.02",
                "net_usd": "1.49", "fills": 2, "volume_usd": "2.02", "transfers_usd": "50",
                "today": {"date": "2026-11-28", "net_usd": "0.24"}, "halted": ["daily loss"]}),
            "end",
        ),
    ]
}

fn write(runs: &Path, run: &str, lines: &str) {
    let dir = runs.join(run);
    fs::create_dir_all(&dir).unwrap();
    let mut file = OpenOptions::new().append(true).create(true).open(dir.join(LIVE)).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn open(runs: &Path) -> History {
    let Opened { history, said } = History::open(&runs.join(NAME)).unwrap();
    assert_eq!(said, None);
    history
}

/// The history of these runs, made at once.
fn made_of(runs: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(runs).unwrap().flatten().filter(|e| e.path().is_dir()) {
        let to = dir.path().join(entry.file_name());
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(entry.path()).unwrap().flatten() {
            fs::write(to.join(file.file_name()), fs::read(file.path()).unwrap()).unwrap();
        }
    }
    let mut history = open(dir.path());
    assert!(catch_up(&mut history, dir.path(), LONG).unwrap().is_at_end);
    history.dump().unwrap()
}

fn number(history: &History, sql: &str) -> i64 {
    history.db().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn every_kind_of_line_is_in_its_table() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", &a_day().concat());
    let mut history = open(dir.path());
    let followed = catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!((followed.passed_over, followed.problem), (0, None));
    assert_eq!(followed.lines, a_day().len() as u64);
    for (table, rows) in [
        ("runs", 1),
        ("fills", 2),
        ("funding", 1),
        ("transfers", 1),
        ("orders", 2),
        ("days", 2),
        ("positions", 1),
        ("params", 2),
        ("events", 4),
        ("latencies", 1),
        ("fees", 1),
    ] {
        let found = number(&history, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(found, rows, "{table}");
    }
    let dump = history.dump().unwrap();
    for row in [
        "fills|mainnet 0xabc|BTC|1|buy|1795824003000000000|a|1795824003000000000|10050000000|1000000\
         |1500000|7|0||10055000000||10070000000||",
        "transfers|a|1795824017000000000|5000000000",
        "params|a|1795824010000000000||risk.max_daily_loss_pct|4.0|live.json",
        "events|a|1795824011000000000|risk||circuit_break; daily_loss until by_hand",
    ] {
        assert!(dump.contains(row), "{row} is not in\n{dump}");
    }
    let [book] = &books(&history).unwrap()[..] else { panic!("one account") };
    assert!(book.newest().is_real_money && book.newest().halted == "daily loss");
    assert_eq!(book.days.values().copied().sum::<Usd>(), book.newest().net, "days add up");
    assert_eq!(book.fills[0].mid_5s, Some(Px::parse("100.7").unwrap()));
    assert_eq!(book.transfers, Usd::whole(50));
}

#[test]
fn an_accounts_orders_are_kept_for_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    let on = |date: &str, line: &str| line.replace("2026-11-28", date);
    let place = a_day().into_iter().find(|line| line.contains(r#""type":"place""#)).unwrap();
    let day = |date: &str| text(json!({"date": date, "net_usd": "0", "whole": true}), "day");
    let old = [on("2026-09-01", &begin("run", Some("0xabc"))), on("2026-09-01", &place)];
    write(dir.path(), "a", &old.concat());
    // Another account's, of the same day.
    write(
        dir.path(),
        "b",
        &[on("2026-09-01", &begin("run", Some("0xdef"))), old[1].clone()].concat(),
    );
    let rows = |history: &History, run: &str| {
        number(history, &format!("SELECT count(*) FROM orders WHERE run = '{run}'"))
    };
    let mut history = open(dir.path());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!((rows(&history, "a"), rows(&history, "b")), (2, 2));
    write(dir.path(), "a", &[on("2026-09-20", &place), day("2026-09-30")].concat());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!(rows(&history, "a"), 4, "none is older than thirty days");
    write(dir.path(), "a", &day("2026-10-02"));
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!(rows(&history, "a"), 2, "those of 1 September are gone");
    // The next run of the same account begins.
    write(dir.path(), "c", &[begin("run", Some("0xabc")), place].concat());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!(["a", "b", "c"].map(|run| rows(&history, run)), [0, 2, 2]);
    assert_eq!(history.dump().unwrap(), made_of(dir.path()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The lines come in portions, some of them twice, with half lines in between, over segments.
    #[test]
    fn in_whatever_portions_lines_come_and_however_often_the_history_is_the_same(
        cuts in prop::collection::vec(1_usize..400, 1..12),
        again in any::<bool>(),
        rotate_at in 0_usize..12,
    ) {
        let (dir, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = a_day().concat();
        write(whole.path(), "a", &all);
        let mut history = open(dir.path());
        let (mut rest, run) = (all.as_str(), dir.path().join("a"));
        for (n, cut) in cuts.into_iter().chain([usize::MAX]).enumerate() {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            write(dir.path(), "a", now);
            rest = later;
            catch_up(&mut history, dir.path(), LONG).unwrap();
            if n == rotate_at && fs::read(run.join(LIVE)).unwrap().ends_with(b"\n") {
                // As the journal's writer does it; and packed at once, before anything else is read.
                let plain = fs::read(run.join(LIVE)).unwrap();
                fs::remove_file(run.join(LIVE)).unwrap();
                let packed = zstd::encode_all(&plain[..], 3).unwrap();
                fs::write(run.join("journal.000001.jsonl.zst"), packed).unwrap();
                write(dir.path(), "a", "");
            }
            if again {
                history.change(|db| {
                    db.execute("DELETE FROM progress", []).map_err(HistoryError::sql(dir.path()))
                }).unwrap();
                catch_up(&mut history, dir.path(), LONG).unwrap();
            }
        }
        prop_assert_eq!(history.dump().unwrap(), made_of(whole.path()));
    }
}

#[test]
fn what_two_runs_tell_of_one_fill_counts_once_and_books_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let real = |run: &str, lines: &str| {
        write(dir.path(), run, &(begin("run", Some("0xabc")) + lines));
    };
    real("a", &fill(3, 1, "buy", "100", "1"));
    real("b", &(fill(3, 1, "buy", "100", "1") + &fill(4, 2, "buy", "100", "1")));
    for run in ["p", "q"] {
        write(dir.path(), run, &(begin("paper", None) + &fill(3, 1, "buy", "100", "1")));
    }
    let mut history = open(dir.path());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    let books = books(&history).unwrap();
    let told: Vec<_> =
        books.iter().map(|b| (b.name.as_str(), b.runs.len(), b.fills.len())).collect();
    assert_eq!(told, [("mainnet 0xabc", 2, 2), ("p", 1, 1), ("q", 1, 1)]);
    assert_eq!(books[0].fills[0].run, "a");
}

#[test]
fn a_run_that_was_killed_has_its_newest_account_for_its_last_day() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        begin("run", Some("0xabc")),
        text(json!({"date": "2026-11-27", "net_usd": "1", "whole": false}), "day"),
        account(5, "0", "3"),
        account(65, "0", "2.5"),
        "{\"type\":\"fill\",\"coin\":".to_owned(),
    ];
    write(dir.path(), "a", &lines.concat());
    let mut history = open(dir.path());
    let followed = catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!((followed.lines, followed.passed_over), (4, 0), "half a line waits for its end");
    let books = books(&history).unwrap();
    let days: Vec<_> =
        books[0].days.iter().map(|(day, net)| (day.as_str(), net.to_string())).collect();
    assert_eq!(days, [("2026-11-27", "1".to_owned()), ("2026-11-28", "1.5".to_owned())]);
    assert_eq!(books[0].newest().ended, None);
}

#[test]
fn a_line_that_is_none_is_passed_over_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let lines = begin("run", None)
        + "not a line\n"
        + &fill(3, 1, "buy", "a lot", "1")
        + &fill(4, 2, "buy", "100", "1");
    write(dir.path(), "a", &lines);
    let mut history = open(dir.path());
    let followed = catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!((followed.lines, followed.passed_over), (4, 2));
    assert!(followed.problem.unwrap().starts_with("a: not a line of a journal"));
    assert_eq!(number(&history, "SELECT count(*) FROM fills"), 1);
}

#[test]
fn a_journal_whose_first_segments_are_gone_is_followed_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", &(begin("run", None) + &fill(3, 1, "buy", "100", "1")));
    let mut history = open(dir.path());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    let run = dir.path().join("a");
    fs::rename(run.join(LIVE), run.join("journal.000001.jsonl")).unwrap();
    write(dir.path(), "a", &fill(4, 2, "buy", "100", "1"));
    catch_up(&mut history, dir.path(), LONG).unwrap();
    fs::remove_file(run.join("journal.000001.jsonl")).unwrap(); // The newest says that it is number 1.
    write(dir.path(), "a", &fill(5, 3, "buy", "100", "1"));
    catch_up(&mut history, dir.path(), LONG).unwrap();
    fs::rename(run.join(LIVE), run.join("journal.000002.jsonl")).unwrap();
    write(dir.path(), "a", &fill(6, 4, "buy", "100", "1"));
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!(number(&history, "SELECT count(*) FROM fills"), 4);
}

#[test]
fn a_newer_one_and_a_strangers_are_left_alone_and_a_spoilt_one_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    write(dir.path(), "a", &a_day().concat());
    let mut history = open(dir.path());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    let sound = history.dump().unwrap();
    history.db().pragma_update(None, "user_version", VERSION + 1).unwrap();
    let newer = History::open(&path).unwrap_err().to_string();
    assert!(newer.contains("version 2, and this botmm knows up to 1: use a newer one"), "{newer}");
    assert!(History::read(&path).unwrap_err().to_string().contains("use a newer one"));
    history.db().pragma_update(None, "user_version", VERSION).unwrap();
    history.db().pragma_update(None, "application_id", 1).unwrap();
    let foreign = History::open(&path).unwrap_err().to_string();
    assert!(foreign.contains("a database of something else, and it is left alone"), "{foreign}");
    drop(history);

    fs::write(&path, "x".repeat(10_000)).unwrap();
    let _ = fs::remove_file(dir.path().join("history.db-wal"));
    let Opened { mut history, said } = History::open(&path).unwrap();
    let said = said.unwrap();
    assert!(said.contains("put aside as") && said.contains("history.db.spoilt-"), "{said}");
    catch_up(&mut history, dir.path(), LONG).unwrap();
    assert_eq!(history.dump().unwrap(), sound, "made anew");
}

fn lot(book: &Book) -> Vec<(Side, String, Option<String>)> {
    let told = |lot: Lot| (lot.side, lot.qty.to_string(), lot.gain().map(|gain| gain.to_string()));
    lots(book).into_iter().map(told).collect()
}

fn book_of(lines: &str) -> Book {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", &(begin("run", Some("0xabc")) + lines));
    let mut history = open(dir.path());
    catch_up(&mut history, dir.path(), LONG).unwrap();
    books(&history).unwrap().remove(0)
}

#[test]
fn the_first_bought_is_the_first_sold_and_a_turn_opens_a_lot() {
    let lines = fill(1, 1, "buy", "100", "1")
        + &fill(2, 2, "buy", "110", "2")
        + &fill(3, 3, "sell", "120", "2")
        + &fill(4, 4, "sell", "130", "3");
    let told = lot(&book_of(&lines));
    let gain = |text: &str| Some(text.to_owned());
    let expected = [
        // 20, less 0.015 and half of 0.015.
        (Side::Bid, "1".to_owned(), gain("19.9775")),
        (Side::Bid, "1".to_owned(), gain("9.985")),
        // 20, less half of 0.015 and a third of 0.015.
        (Side::Bid, "1".to_owned(), gain("19.9875")),
        (Side::Ask, "2".to_owned(), None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_was_traded_elsewhere_has_no_gain_and_spoils_none() {
    // The account held 0.5 when the run came.
    let lines =
        fill(1, 1, "sell", "100", "1") + &account(1, "-0.5", "0") + &fill(2, 2, "buy", "90", "1");
    let told = lot(&book_of(&lines));
    let expected = [
        (Side::Bid, "0.5".to_owned(), None),
        (Side::Ask, "0.5".to_owned(), Some("4.985".to_owned())),
        (Side::Bid, "0.5".to_owned(), None),
    ];
    assert_eq!(told, expected);
}

proptest! {
    /// Whatever was traded: gains, fees and what is open add up to the cash, to the last unit.
    #[test]
    fn lots_add_up_to_the_cash(trades in prop::collection::vec((any::<bool>(), 1_i64..500, 1_i64..40), 1..60)) {
        let fills: Vec<Fill> = trades.iter().enumerate().map(|(n, (buys, px, qty))| Fill {
            run: "a".to_owned(),
            time: Nanos::secs(n as i64),
            coin: "BTC".to_owned(),
            side: if *buys { Side::Bid } else { Side::Ask },
            px: Px::from_raw(px * 10_000_000),
            qty: Qty::from_raw(qty * 1_000_000),
            fee: Usd::from_raw(px * 7 + 1),
            tid: n as u64,
            oid: 1,
            is_taker: false,
            mid: None,
            mid_5s: None,
        }).collect();
        let mut book = book_of("");
        let worth = |px: Px, qty: Qty| botmm_pipeline::types::notional(px, qty);
        let cash: Usd = fills.iter().map(|f| {
            let paid = worth(f.px, f.qty);
            (if f.side == Side::Bid { -paid } else { paid }) - f.fee
        }).sum();
        book.fills = fills;
        let all = lots(&book);
        let of_lot = |lot: &Lot| match lot.gain() {
            Some(gain) => gain,
            None => {
                let paid = worth(lot.open_px.unwrap(), lot.qty);
                (if lot.side == Side::Bid { -paid } else { paid }) - lot.open_fee
            }
        };
        prop_assert_eq!(all.iter().map(of_lot).sum::<Usd>(), cash);
    }
}
