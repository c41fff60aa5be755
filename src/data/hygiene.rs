//! The gate that every event passes on its way to the tape, whatever file it came from.

use super::Loaded;
use super::error::DataError;
use super::report::LoadReport;
use botmm_pipeline::types::limits::{MAX_ASSETS, MAX_PX, MAX_QTY};
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Side, Trade, Universe,
};
use botmm_pipeline::venue::tape::{TapeBuilder, TapeCounts};
use std::collections::HashSet;

/// Receive and venue times outside these are a wrong unit or a broken line: 2001-09 to 2096-10.
const FIRST_TIME: Nanos = Nanos(1_000_000_000_000_000_000);
const LAST_TIME: Nanos = Nanos(4_000_000_000_000_000_000);

/// How far the two clocks of an event may be apart. One wrong digit in a time is years of nothing
/// to replay. Trades may be old: the venue sends the last few after a subscription.
const MAX_APART: Nanos = Nanos::secs(3_600);
const MAX_TRADE_APART: Nanos = Nanos::secs(86_400);

/// Whether a time is one at which a recording can have been made.
pub fn plausible(time: Nanos) -> bool {
    FIRST_TIME <= time && time <= LAST_TIME
}

/// Collects sound events; says what is wrong with the others.
pub struct Intake {
    builder: TapeBuilder,
    seen: HashSet<(AssetId, u64)>,
    /// Newest venue time of books and of touches, by asset, in the current file.
    newest: [[Nanos; 2]; MAX_ASSETS],
    counts: Vec<TapeCounts>,
    duplicates: u64,
    early: u64,
    worst_lead: Nanos,
}

impl Intake {
    pub fn new(universe: &Universe) -> Self {
        Self {
            builder: TapeBuilder::default(),
            seen: HashSet::new(),
            newest: [[FIRST_TIME; 2]; MAX_ASSETS],
            counts: vec![TapeCounts::default(); universe.len()],
            duplicates: 0,
            early: 0,
            worst_lead: Nanos::ZERO,
        }
    }

    /// Files are recordings of their own: one may well be older than the one before it.
    pub fn start_file(&mut self) {
        self.newest = [[FIRST_TIME; 2]; MAX_ASSETS];
    }

    /// Takes an event in, or says what is wrong with it. A repeated trade is not wrong: it is
    /// counted and dropped.
    pub fn admit(&mut self, event: &MarketEvent) -> Result<(), String> {
        let Some(counts) = self.counts.get_mut(event.asset().index()) else {
            return Err("an asset that was not asked for".to_owned());
        };
        for (time, clock) in [(event.recv_time(), "local"), (event.venue_time(), "venue")] {
            if !plausible(time) {
                return Err(format!("{clock} time {time} is not of this century: wrong unit?"));
            }
        }
        let apart = Nanos((event.recv_time() - event.venue_time()).0.abs());
        let most = if matches!(event, MarketEvent::Trade(_)) { MAX_TRADE_APART } else { MAX_APART };
        if apart > most {
            let seconds = apart.as_millis() / 1000;
            return Err(format!(
                "local and venue time are {seconds} s apart: one of them is wrong"
            ));
        }
        match event {
            MarketEvent::Trade(trade) => {
                check_trade(trade)?;
                if !self.seen.insert((trade.asset, trade.tid)) {
                    self.duplicates += 1;
                    return Ok(());
                }
                counts.trades += 1;
            }
            MarketEvent::Bbo(bbo) => {
                check_bbo(bbo)?;
                forward(&mut self.newest[bbo.asset.index()][0], bbo.venue_time)?;
                counts.bbos += 1;
            }
            MarketEvent::Book(book) => {
                check_book(book)?;
                forward(&mut self.newest[book.asset.index()][1], book.venue_time)?;
                counts.books += 1;
            }
            MarketEvent::Status(_) => counts.statuses += 1,
            // Not replayed: see `TapeBuilder::push`.
            MarketEvent::Mark(_) => return Ok(()),
        }
        if event.recv_time() < event.venue_time() {
            self.early += 1;
            self.worst_lead = self.worst_lead.max(event.venue_time() - event.recv_time());
        }
        self.builder.push(event);
        Ok(())
    }

    /// The tape, when there is anything on it.
    pub fn finish(
        self,
        symbols: &[String],
        universe: &Universe,
        mut report: LoadReport,
    ) -> Result<Loaded, DataError> {
        let nothing = |of: &str, report: &LoadReport| DataError::NoEvents {
            of: of.to_owned(),
            files: report.files.len(),
            skipped: report.skipped(),
            first: report.warnings.first().map(|w| format!(" (first: {w})")).unwrap_or_default(),
        };
        if self.builder.counts().total() == 0 {
            return Err(nothing("any coin", &report));
        }
        for (asset, instrument) in universe.iter() {
            let (coin, counts) = (instrument.coin.as_str(), self.counts[asset.index()]);
            if counts.total() == 0 && symbols.iter().any(|s| s == coin) {
                return Err(nothing(coin, &report));
            }
            if counts.books + counts.bbos == 0 {
                report.warn(format!("{coin}: no book and no best bid/offer: it cannot be quoted"));
            }
        }
        if self.early > 0 {
            report.warn(format!(
                "{} events were received up to {} ms before they happened at the venue: the \
                 recorder's clock was behind, and a replay sees that far ahead",
                self.early,
                (self.worst_lead + Nanos(999_999)).as_millis()
            ));
        }
        (report.duplicates, report.early) = (self.duplicates, self.early);
        report.counts = self.builder.counts();
        Ok(Loaded { tape: self.builder.finish(), universe: universe.clone(), report })
    }
}

/// Venue time may stand still, never go back.
fn forward(newest: &mut Nanos, time: Nanos) -> Result<(), String> {
    if time < *newest {
        let back = newest.as_millis() - time.as_millis();
        return Err(format!("venue time goes back by {back} ms"));
    }
    *newest = time;
    Ok(())
}

fn check_level(what: &str, level: &Level) -> Result<(), String> {
    if !level.px.is_positive() {
        return Err(format!("{what} price {} is not positive", level.px));
    }
    if !level.qty.is_positive() {
        return Err(format!("{what} size {} is not positive", level.qty));
    }
    if level.px > MAX_PX {
        return Err(format!("{what} price {} is above {MAX_PX}, as in no market", level.px));
    }
    if level.qty > MAX_QTY {
        return Err(format!("{what} size {} is above {MAX_QTY}, as in no market", level.qty));
    }
    Ok(())
}

fn check_spread(bid: Px, ask: Px) -> Result<(), String> {
    if bid == ask {
        return Err(format!("book is locked at {bid}"));
    }
    if bid > ask {
        return Err(format!("book is crossed (bid {bid}, ask {ask})"));
    }
    Ok(())
}

fn check_trade(trade: &Trade) -> Result<(), String> {
    check_level("trade", &Level { px: trade.px, qty: trade.qty })
}

/// A side of zero size is empty, which the venue may say.
fn check_bbo(bbo: &Bbo) -> Result<(), String> {
    let empty = |l: &Level| *l == Level::default();
    for (what, level) in [("bid", &bbo.bid), ("ask", &bbo.ask)] {
        if !empty(level) {
            check_level(what, level)?;
        }
    }
    if empty(&bbo.bid) || empty(&bbo.ask) {
        return Ok(());
    }
    check_spread(bbo.bid.px, bbo.ask.px)
}

fn check_book(book: &BookSnapshot) -> Result<(), String> {
    for (side, what) in [(Side::Bid, "bid"), (Side::Ask, "ask")] {
        let levels = book.side(side);
        for level in levels {
            check_level(what, level)?;
        }
        for (i, pair) in levels.windows(2).enumerate() {
            if !side.is_better(pair[0].px, pair[1].px) {
                let what_is = if pair[0].px == pair[1].px { "duplicate" } else { "unsorted" };
                let (n, px) = (i + 1, pair[1].px);
                return Err(format!("{what_is} {what} levels: level {n} at {px}"));
            }
        }
    }
    match (book.bids().first(), book.asks().first()) {
        (None, None) => Err("book has no level on either side".to_owned()),
        (Some(bid), Some(ask)) => check_spread(bid.px, ask.px),
        _ => Ok(()),
    }
}
