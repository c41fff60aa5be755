use super::super::escaped::escaped;
use super::super::model::{Cell, Page, Table};
use super::*;
use botmm_pipeline::types::{Nanos, Usd};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A coin that a browser would take for more than a name.
const EVIL: &str = "<img src=x onerror=alert(1)>\"'&";
/// 2026-11-22T17:45:00Z.
const BEGIN_S: i64 = 1_795_369_500;

fn time(s: f64) -> String {
    crate::when::utc(Nanos(BEGIN_S * 1_000_000_000 + (s * 1e9) as i64))
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

/// Lines of a journal.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn begun(coin: &str) -> Self {
        let mut lines = Self::default();
        lines.add(
            json!({"type": "run", "time": time(0.0), "kind": "replay", "network": "recording",
            "is_real_money": false, "account": null, "botmm": "0.1.0", "coins": [coin],
            "config_sha256": "ab", "params": {}}),
        );
        lines
    }

    fn add(&mut self, line: Value) {
        self.0.push(line.to_string());
    }

    fn decision(&mut self, s: f64, coin: &str, mid: f64) {
        let level = |px: f64| json!([[format!("{px:.2}"), "1"]]);
        self.add(json!({"type": "decision", "time": time(s), "coin": coin, "mid": format!("{mid:.2}"),
            "fair": format!("{mid:.2}"), "vol_bps": 1.0, "bids": level(mid - 1.0), "asks": level(mid + 1.0),
            "bid": "quoted", "ask": "quoted", "terms": null}));
    }

    /// A fill at a price, with the mid just before it and five seconds after.
    fn fill(&mut self, s: f64, coin: &str, side: &str, [px, mid, later]: [&str; 3], tid: u64) {
        self.add(json!({"type": "fill", "time": time(s), "coin": coin, "side": side, "px": px, "qty": "2",
            "fee_usd": "0.05", "venue_time": time(s), "oid": tid, "tid": tid, "taker": false,
            "cause": "traded_through"}));
        self.add(
            json!({"type": "mid_at_fill", "time": time(s), "coin": coin, "tid": tid, "side": side,
            "px": px, "qty": "2", "venue_time": time(s), "mid": mid}),
        );
        self.add(
            json!({"type": "markout", "time": time(s + 5.0), "coin": coin, "tid": tid, "side": side,
            "px": px, "qty": "2", "after_s": 5, "mid_at_fill": mid, "mid": later}),
        );
    }

    fn account(&mut self, s: f64, coin: &str, position: &str, [gross, fees, net]: [&str; 3]) {
        self.add(json!({"type": "account", "time": time(s), "position": {coin: position},
            "entry": {coin: "100"}, "mark": {coin: "100"}, "realized_usd": gross, "unrealized_usd": "0",
            "fees_usd": fees, "funding_usd": "0", "net_usd": net}));
    }

    fn end(&mut self, s: f64, [gross, fees, funding, net]: [&str; 4], fills: u64) {
        self.add(json!({"type": "end", "time": time(s), "gross_usd": gross, "fees_usd": fees,
            "funding_usd": funding, "net_usd": net, "fills": fills, "volume_usd": "0",
            "transfers_usd": null, "today": null, "halted": []}));
    }

    fn in_folder(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LIVE), self.0.join("\n") + "\n").unwrap();
        dir
    }
}

/// A buy and a sell that lose: 1.2 USD of spread, 1.0 of it lost to the market, fees 0.1, funding 0.2, drift -0.9.
fn losing() -> Lines {
    let mut lines = Lines::begun(EVIL);
    lines.add(
        json!({"type": "state", "time": time(1.0), "coin": EVIL, "bid": "warmup", "ask": "warmup"}),
    );
    lines.add(
        json!({"type": "state", "time": time(5.0), "coin": EVIL, "bid": "quoted", "ask": "quoted"}),
    );
    lines.add(json!({"type": "place", "time": time(5.0), "coin": EVIL, "market_seq": 1, "items": [
        {"cloid": "0xb0774d4d000000010001000000000001", "side": "buy", "px": "100", "qty": "2"},
        {"cloid": "0xb0774d4d000000010004000000000002", "side": "sell", "px": "101", "qty": "2"}]}));
    for (s, mid) in [(6.0, 100.25), (9.0, 100.5), (20.0, 100.0)] {
        lines.decision(s, EVIL, mid);
    }
    lines.fill(10.0, EVIL, "buy", ["100", "100.25", "100"], 7);
    lines.account(10.0, EVIL, "2", ["0.5", "0.05", "0.45"]);
    lines.fill(20.0, EVIL, "sell", ["101", "100.65", "100.9"], 8);
    lines.account(20.0, EVIL, "0", ["-0.7", "0.1", "-0.8"]);
    lines.add(json!({"type": "alert", "time": time(21.0), "coin": null, "alert": "</script><script>alert(2)"}));
    lines.end(30.0, ["-0.7", "0.1", "0.2", "-1"], 2);
    lines
}

fn figure<'a>(page: &'a Page, id: &str) -> &'a super::super::model::Figure {
    page.figures.iter().find(|f| f.id == id).unwrap()
}

#[test]
fn a_loss_is_taken_apart_to_the_last_digit_and_its_causes_are_ranked() {
    let dir = losing().in_folder();
    let page = page(dir.path()).unwrap();
    assert!(page.is_loss);
    let expected = "A loss of 1.00 USD after 0.10 USD of fees and 0.20 USD of funding paid, from 2 fills worth \
                    402.00 USD in 30.0 s.";
    assert_eq!(page.verdict, expected);
    let begins: Vec<&str> = page.causes.iter().map(|c| c.split(':').next().unwrap()).collect();
    assert_eq!(begins, ["Adverse selection", "Inventory", "Funding", "Fees", "Spread captured"]);
    assert!(page.causes[0].contains("cost 1.00 USD, -24.88 bps"), "{}", page.causes[0]);
    let all = figure(&page, "split").table.as_ref().unwrap().rows.last().unwrap();
    let money = ["1.2", "-1", "-0.9", "-0.1", "-0.2", "-1"].map(|text| Cell::Usd(usd(text)));
    assert_eq!(all[3..9], money);
    // The orders' ids say at which level they stood.
    let fills = figure(&page, "fills").table.as_ref().unwrap();
    let levels: Vec<String> =
        fills.rows.iter().filter(|r| r[0] == Cell::text("level")).map(|r| r[1].shown()).collect();
    assert_eq!(levels, ["level 1", "level 2"]);
    let said = page.sentences.join(" ");
    assert!(said.contains("Nothing is annualised") && said.contains("Too short to tell"), "{said}");
    assert!(page.warnings[0].starts_with("There is no summary"), "{:?}", page.warnings);
}

#[test]
fn html_text_and_json_carry_the_same_numbers() {
    let dir = losing().in_folder();
    let page = page(dir.path()).unwrap();
    let (html, text) = (page.to_html(), page.to_string());
    let json: Value = serde_json::from_str(&page.to_json().unwrap()).unwrap();
    let mut numbers = 0;
    let mut look = |table: &Table, twin: &Value| {
        for (row, rows) in table.rows.iter().zip(twin["rows"].as_array().unwrap()) {
            for (cell, value) in row.iter().zip(rows.as_array().unwrap()) {
                let shown = cell.shown();
                assert!(
                    html.contains(&format!(">{}</td>", escaped(&shown))),
                    "{shown} is not in the page"
                );
                assert!(text.contains(&shown), "{shown} is not in the text");
                match cell {
                    Cell::Text(text) => assert_eq!(value, text),
                    Cell::Usd(amount) => assert_eq!(usd(&value.to_string()), *amount),
                    Cell::Count(n) | Cell::Nanos(n) => assert_eq!(value, n),
                    Cell::Number(n, digits, None) => {
                        let twin = value.as_f64().unwrap();
                        assert_eq!(format!("{twin:.digits$}"), format!("{n:.digits$}"));
                    }
                    Cell::Number(..) => assert_eq!(value.as_array().unwrap().len(), 3),
                    Cell::Unknown => assert!(value.is_null()),
                }
                numbers += 1;
            }
        }
    };
    for (figure, twin) in page.figures.iter().zip(json["figures"].as_array().unwrap()) {
        assert!(html.contains(&escaped(&figure.how_to_read)), "{}", figure.id);
        assert!(!figure.how_to_read.is_empty() && figure.how_to_read.ends_with('.'));
        if let Some(table) = &figure.table {
            look(table, &twin["table"]);
        }
        for (chart, twin) in figure.charts.iter().zip(twin["charts"].as_array().unwrap()) {
            assert!(!chart.is_empty(), "{}: {}", figure.id, chart.name);
            look(&chart.numbers, &twin["numbers"]);
        }
        let is_seen =
            !figure.charts.is_empty() || figure.table.is_some() || figure.absent.is_some();
        assert!(is_seen, "{} shows nothing and does not say why", figure.id);
    }
    assert!(numbers > 100, "{numbers}");
    for said in [&page.verdict, &page.causes[0], &page.sentences[1]] {
        let words: Vec<&str> = said.split_whitespace().collect();
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(html.contains(&escaped(said)) && flat.contains(&words.join(" ")), "{said}");
    }
}

#[test]
fn no_foreign_text_becomes_markup_and_nothing_is_loaded() {
    let dir = losing().in_folder();
    let html = page(dir.path()).unwrap().to_html();
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"));
    for bad in [
        "<img",
        "onerror=alert(1)>",
        "</script><script>",
        "http:",
        "https:",
        "src=\"",
        "@import",
        "url(",
    ] {
        let found = html
            .replace("http://www.w3.org/2000/svg", "")
            .find(bad)
            .map(|at| html[at..].chars().take(80).collect::<String>());
        assert_eq!(found, None, "{bad}");
    }
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(html.contains("Content-Security-Policy\" content=\"default-src 'none'"));
}

#[test]
fn the_same_files_give_the_same_bytes_wherever_the_folder_lies() {
    let lines = losing();
    let made = || {
        let dir = lines.in_folder();
        let folder = dir.path().join("run");
        std::fs::create_dir(&folder).unwrap();
        std::fs::rename(dir.path().join(LIVE), folder.join(LIVE)).unwrap();
        let page = page(&folder).unwrap();
        (page.to_html(), page.to_json().unwrap(), page.to_string())
    };
    assert_eq!(made(), made());
}

#[test]
fn a_torn_journal_an_empty_one_and_none() {
    let mut lines = losing();
    lines.0.insert(3, "{\"type\":\"fill\",\"time\":\"yesterday\"}".to_owned());
    let dir = lines.in_folder();
    let path = dir.path().join(LIVE);
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let page_ = page(dir.path()).unwrap();
    let warned = page_.warnings.join(" ");
    assert!(
        warned.contains("2 lines of the journal are passed over: journal.jsonl:4: "),
        "{warned}"
    );
    assert!(page_.verdict.contains("2 fills"), "{}", page_.verdict);
    std::fs::write(&path, "").unwrap();
    let empty = page(dir.path()).unwrap();
    assert!(empty.verdict.starts_with("No fills in 0.0 s"), "{}", empty.verdict);
    assert!(empty.figures.iter().all(|f| f.charts.is_empty()));
    assert!(empty.to_html().contains("class=\"absent\"") && !empty.to_string().is_empty());
    std::fs::remove_file(&path).unwrap();
    let error = page(dir.path()).unwrap_err();
    assert!(error.to_string().contains("journal.jsonl: cannot read"), "{error}");
    std::fs::write(&path, whole).unwrap();
    std::fs::write(dir.path().join(SUMMARY), "{\"fills\": \"many\"}").unwrap();
    let error = page(dir.path()).unwrap_err().to_string();
    assert!(error.contains("not a run's summary"), "{error}");
}

#[test]
fn a_run_without_fills_says_nothing_about_profit() {
    let mut lines = Lines::begun("BTC");
    lines.decision(1.0, "BTC", 100.0);
    lines.account(2.0, "BTC", "0", ["0", "0", "0"]);
    lines.end(60.0, ["0", "0", "0", "0"], 0);
    let page = page(lines.in_folder().path()).unwrap();
    assert_eq!(page.verdict, "No fills in 1 m 0 s: this says nothing about profit.");
    assert!(page.causes.is_empty() && page.sentences.is_empty() && !page.is_loss);
    for id in ["split", "markouts", "fills", "inventory", "queue", "latency", "reasons"] {
        assert!(figure(&page, id).absent.is_some(), "{id}");
    }
    assert!(figure(&page, "price").absent.is_none());
}

#[test]
fn what_the_summary_says_otherwise_is_told() {
    let dir = losing().in_folder();
    let mut summary =
        crate::report::Summary { fills: 3, span_s: 30.0, ..crate::report::Summary::default() };
    summary.net_pnl_usd = usd("5");
    std::fs::write(dir.path().join(SUMMARY), summary.to_json().unwrap()).unwrap();
    let warned = page(dir.path()).unwrap().warnings.join("\n");
    for part in [
        "net: the journal's lines come to -1 USD, the summary says 5 USD",
        "fills: 2 are in the journal, 3 in the summary",
    ] {
        assert!(warned.contains(part), "{warned}");
    }
}

#[test]
fn a_gain_is_told_with_how_sure_it_is() {
    let mut lines = Lines::begun("BTC");
    let mut sum = 0.0;
    for n in 0..50_u32 {
        let s = f64::from(n) * 30.0 + 1.0;
        lines.fill(s, "BTC", "buy", ["100", "100.5", "100.4"], u64::from(n));
        sum += 0.7 + f64::from(n % 3) * 0.1;
        let [gross, fees, net] = [sum, f64::from(n + 1) * 0.05, sum - f64::from(n + 1) * 0.05];
        lines.account(
            s,
            "BTC",
            "2",
            [&format!("{gross:.2}"), &format!("{fees:.2}"), &format!("{net:.2}")],
        );
    }
    let page = page(lines.in_folder().path()).unwrap();
    assert!(
        page.verdict.starts_with("A gain of 37.40 USD after 2.50 USD of fees, from 50 fills"),
        "{}",
        page.verdict
    );
    assert!(
        page.sentences[0].contains("t = ") && page.sentences[0].contains("more than chance"),
        "{}",
        page.sentences[0]
    );
    assert!(page.causes[0].starts_with("Spread captured: brought 50.00 USD"), "{:?}", page.causes);
    let table = figure(&page, "markouts").table.as_ref().unwrap();
    // 0.4 of 100 USD at 5 s, alike in every minute.
    let Cell::Number(value, 2, Some([low, high])) = &table.rows[0][4] else { panic!("{table:?}") };
    assert!((value - 40.0).abs() < 1e-9 && (high - low).abs() < 1e-6, "{table:?}");
}

#[test]
fn a_journal_of_many_lines_becomes_a_page_of_bounded_size() {
    let mut lines = Lines::begun("BTC");
    for n in 0..30_000_u32 {
        let s = f64::from(n) * 0.1;
        lines.decision(s, "BTC", 100.0 + f64::from(n % 977) * 0.01);
        if n % 6 == 0 {
            let side = if n % 12 == 0 { "buy" } else { "sell" };
            lines.fill(s, "BTC", side, ["100", "100.5", "100.4"], u64::from(n));
            lines.account(s, "BTC", if n % 12 == 0 { "2" } else { "0" }, ["1", "0.1", "0.9"]);
        }
    }
    let dir = lines.in_folder();
    let bytes = dir.path().join(LIVE).metadata().unwrap().len();
    let page = page(dir.path()).unwrap();
    let html = page.to_html();
    assert!(bytes > 8_000_000 && html.len() < 1_500_000, "{bytes} became {}", html.len());
    assert!(page.verdict.contains("from 5,000 fills"), "{}", page.verdict);
    let notes = figure(&page, "price").notes.join(" ");
    assert!(notes.contains("of 2500 buys the 1250 largest are drawn"), "{notes}");
    let by_shape: BTreeMap<&str, usize> = [
        ("dot", html.matches("class=\"dot").count()),
        ("line", html.matches("class=\"line").count()),
    ]
    .into();
    assert!(by_shape["dot"] < 4_000, "{by_shape:?}");
}
