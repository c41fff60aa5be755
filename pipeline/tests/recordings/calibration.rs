//! The figures that the synthetic market was calibrated to are those of the recording.

use botmm_pipeline::types::decimal::parse_decimal_exp;
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade,
};
use botmm_pipeline::venue::sim::synthetic::{MarketFigures, MarketStats};
use std::collections::HashMap;
use std::path::Path;

const KEPT: [(&str, MarketFigures); 3] =
    [("BTC", MarketFigures::BTC), ("ETH", MarketFigures::ETH), ("SOL", MarketFigures::SOL)];

pub fn the_kept_figures_are_its_own(folder: &Path) {
    for (coin, kept) in KEPT {
        let measured = recorded_figures(folder, coin);
        for ((name, measured), (_, kept)) in measured.rows().iter().zip(kept.rows()) {
            assert!((measured / kept - 1.0).abs() < 0.005, "{coin} {name}: {measured} of {kept}");
        }
    }
}

fn recorded_figures(folder: &Path, coin: &str) -> MarketFigures {
    let mut stats = MarketStats::default();
    for row in rows(folder, "orderbooks", coin) {
        stats.on_event(&MarketEvent::Book(book(&row)));
    }
    for row in rows(folder, "trades", coin) {
        stats.on_event(&MarketEvent::Trade(trade(&row)));
    }
    let mut quotes: HashMap<i64, Bbo> = HashMap::new();
    for row in rows(folder, "prices", coin) {
        let at = Nanos::millis(row.number("exchange_timestamp"));
        let quote = quotes.entry(at.0).or_default();
        quote.venue_time = at;
        let level = Level { px: row.px("price"), qty: row.qty("size") };
        match row.text("side") {
            "bid" => quote.bid = level,
            "ask" => quote.ask = level,
            other => panic!("side {other}"),
        }
    }
    let mut quotes: Vec<Bbo> = quotes.into_values().collect();
    quotes.sort_by_key(|q| q.venue_time);
    for quote in quotes {
        stats.on_event(&MarketEvent::Bbo(quote));
    }
    stats.figures().unwrap()
}

fn book(row: &Row) -> BookSnapshot {
    let mut book = BookSnapshot::EMPTY;
    book.venue_time = Nanos::millis(row.number("exchange_timestamp"));
    for i in 0..book.bids.len() {
        let level = |side: &str| {
            let px = row.text(&format!("{side}_price_{i}"));
            (!px.is_empty()).then(|| Level {
                px: row.px(&format!("{side}_price_{i}")),
                qty: row.qty(&format!("{side}_size_{i}")),
            })
        };
        if let Some(bid) = level("bid") {
            book.bids[i] = bid;
            book.bid_count += 1;
        }
        if let Some(ask) = level("ask") {
            book.asks[i] = ask;
            book.ask_count += 1;
        }
    }
    book
}

fn trade(row: &Row) -> Trade {
    Trade {
        asset: AssetId::new(0),
        aggressor: if row.text("side") == "buy" { Side::Bid } else { Side::Ask },
        venue_time: Nanos::millis(row.number("exchange_timestamp")),
        px: row.px("price"),
        qty: row.qty("size"),
        tid: row.number("trade_id") as u64,
        ..Trade::default()
    }
}

/// A CSV row with its header.
struct Row {
    columns: std::rc::Rc<HashMap<String, usize>>,
    cells: Vec<String>,
}

impl Row {
    fn text(&self, column: &str) -> &str {
        &self.cells[self.columns[column]]
    }
    fn number(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap()
    }
    fn fixed(&self, column: &str) -> i64 {
        parse_decimal_exp(self.text(column).as_bytes()).unwrap()
    }
    fn px(&self, column: &str) -> Px {
        Px::from_raw(self.fixed(column))
    }
    fn qty(&self, column: &str) -> Qty {
        Qty::from_raw(self.fixed(column))
    }
}

fn rows(folder: &Path, kind: &str, coin: &str) -> Vec<Row> {
    let path = folder.join(format!("{kind}_{coin}.csv.zst"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    let mut lines = text.lines();
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let header = cells(lines.next().unwrap());
    let columns = std::rc::Rc::new(header.into_iter().enumerate().map(|(i, c)| (c, i)).collect());
    lines.map(|line| Row { columns: std::rc::Rc::clone(&columns), cells: cells(line) }).collect()
}
