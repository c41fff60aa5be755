//! The gate that every event passes on its way to the tape, whatever file it came from.

use super::Loaded;
use super::error::DataError;
use super::order::{Stamp, judge_states, judge_trades};
use super::report::{Crossings, FileLog, KINDS, LoadReport};
use botmm_pipeline::types::decimal::SCALE_DIGITS;
use botmm_pipeline::types::instrument::MAX_SZ_DECIMALS;
use botmm_pipeline::types::limits::{MAX_ASSETS, MAX_PX, MAX_QTY};
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Instrument, Level, LevelChange, LevelNews, MarketEvent, Nanos, Px,
    Qty, Side, Trade, Universe,
};
use botmm_pipeline::venue::tape::{TapeBuilder, TapeCounts};
use std::collections::{BTreeMap, HashSet};

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

/// Where an event stood: the last of its lines, and how many there were.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub line: u64,
    pub rows: u64,
}

/// The times so far of one series: one kind of data of one coin in one file.
#[derive(Clone, Copy)]
struct Series {
    recv: Nanos,
    venue: Nanos,
    /// One of both went back.
    is_out_of_order: bool,
}

const NO_SERIES: Series = Series { recv: FIRST_TIME, venue: FIRST_TIME, is_out_of_order: false };

/// What was taken in.
#[derive(Clone, Default)]
struct Tally {
    counts: Vec<TapeCounts>,
    early: u64,
    worst_lead: Nanos,
}

impl Tally {
    fn of(assets: usize) -> Self {
        Self { counts: vec![TapeCounts::default(); assets], ..Self::default() }
    }

    fn add(&mut self, event: &MarketEvent) {
        let counts = &mut self.counts[event.asset().index()];
        match event {
            MarketEvent::Trade(_) => counts.trades += 1,
            MarketEvent::Bbo(_) => counts.bbos += 1,
            MarketEvent::Book(_) => counts.books += 1,
            MarketEvent::Status(_) => counts.statuses += 1,
            MarketEvent::Level(_) => counts.levels += 1,
            // No row: see `TapeBuilder::push`.
            MarketEvent::Mark(_) => {}
        }
        if event.recv_time() < event.venue_time() {
            self.early += 1;
            self.worst_lead = self.worst_lead.max(event.venue_time() - event.recv_time());
        }
    }

    fn merge(&mut self, file: &Self) {
        for (all, new) in self.counts.iter_mut().zip(&file.counts) {
            all.trades += new.trades;
            all.bbos += new.bbos;
            all.books += new.books;
            all.statuses += new.statuses;
            all.levels += new.levels;
        }
        self.early += file.early;
        self.worst_lead = self.worst_lead.max(file.worst_lead);
    }
}

/// Lines and rows of the events of a file: runs of those that follow one another.
#[derive(Default)]
struct Places {
    /// Of each run: its first event, the line of that, and the rows of each.
    runs: Vec<(usize, u32, u8)>,
    events: usize,
}

impl Places {
    fn push(&mut self, line: u32, rows: u8) {
        let follows = self.runs.last().is_some_and(|(first, of_first, same)| {
            let next = u64::from(*of_first) + (self.events - first) as u64;
            (next, *same) == (line.into(), rows)
        });
        if !follows {
            self.runs.push((self.events, line, rows));
        }
        self.events += 1;
    }

    fn get(&self, position: usize) -> (u32, u8) {
        let run = self.runs.partition_point(|(first, ..)| *first <= position) - 1;
        let (first, line, rows) = self.runs[run];
        (line + (position - first) as u32, rows)
    }
}

/// Collects sound events; says what is wrong with the others.
pub struct Intake {
    builder: TapeBuilder,
    seen: HashSet<(AssetId, u64)>,
    duplicates: u64,
    all: Tally,
    crossings: Vec<[Crossings; KINDS.len()]>,
    /// Size decimals seen, of the coins that nobody told the size decimals of.
    inferred: [Option<u8>; MAX_ASSETS],
    /// A file may be as unsound as it likes.
    allow_unsound: bool,
    // Of the current file.
    series: [[Series; 3]; MAX_ASSETS],
    file: Tally,
    repeated_trades: u64,
    places: Places,
}

impl Intake {
    /// `is_inferred` = the size decimals of a coin are to be told from its sizes.
    pub fn new(
        universe: &Universe,
        is_inferred: impl Fn(&str) -> bool,
        allow_unsound: bool,
    ) -> Self {
        let mut inferred = [None; MAX_ASSETS];
        for (asset, instrument) in universe.iter() {
            inferred[asset.index()] = is_inferred(instrument.coin.as_str()).then_some(0);
        }
        Self {
            builder: TapeBuilder::default(),
            seen: HashSet::new(),
            duplicates: 0,
            all: Tally::of(universe.len()),
            crossings: vec![[Crossings::default(); KINDS.len()]; universe.len()],
            inferred,
            allow_unsound,
            series: [[NO_SERIES; 3]; MAX_ASSETS],
            file: Tally::of(universe.len()),
            repeated_trades: 0,
            places: Places::default(),
        }
    }

    /// Takes an event in, or says what is wrong with it. A repeated trade is not wrong: it is
    /// counted and dropped.
    pub fn admit(&mut self, event: &MarketEvent, place: Place) -> Result<(), String> {
        if event.asset().index() >= self.file.counts.len() {
            return Err("an asset that was not asked for".to_owned());
        }
        self.count_crossing(event);
        sound(event)?;
        match event {
            // Of the simulated venue alone: no row that a feed plays back.
            MarketEvent::Mark(_) => {
                self.builder.push(event);
                return Ok(());
            }
            MarketEvent::Trade(trade) if !self.seen.insert((trade.asset, trade.tid)) => {
                self.repeated_trades += 1;
                return Ok(());
            }
            _ => {}
        }
        if let Some(series) = self.series[event.asset().index()].get_mut(kind(event)) {
            let (recv, venue) = (event.recv_time(), event.venue_time());
            series.is_out_of_order |= recv < series.recv || venue < series.venue;
            (series.recv, series.venue) = (recv, venue);
        }
        self.infer(event);
        self.file.add(event);
        self.builder.push(event);
        let line = u32::try_from(place.line).unwrap_or(u32::MAX);
        self.places.push(line, place.rows.min(u64::from(u8::MAX)) as u8);
        Ok(())
    }

    /// The end of a file: puts its rows in order, and takes those out that are out of time. Files are
    /// recordings of their own: one may well be older than the one before it.
    ///
    /// # Errors
    /// Too little of the file is sound.
    pub fn end_file(&mut self, log: &mut FileLog<'_>) -> Result<(), DataError> {
        if self.series.iter().flatten().any(|series| series.is_out_of_order) {
            self.put_in_order(log);
        }
        let counts = self.file.counts.iter();
        let admitted = counts.fold([self.repeated_trades as usize, 0, 0], |[t, b, k], c| {
            [t + c.trades, b + c.bbos, k + c.books + c.levels]
        });
        log.admitted = admitted.map(|n| n as u64);
        self.all.merge(&self.file);
        self.duplicates += self.repeated_trades;
        self.file = Tally::of(self.file.counts.len());
        (self.series, self.repeated_trades) = ([[NO_SERIES; 3]; MAX_ASSETS], 0);
        self.builder.begin_part();
        self.places = Places::default();
        match log.check() {
            Err(why) if !self.allow_unsound => return Err(why),
            checked => log.unsound = checked.err().map(|why| why.to_string()),
        }
        Ok(())
    }

    /// Whether books or touches of a coin were taken in, of files that are over.
    pub fn has_books(&self, asset: AssetId) -> bool {
        let counts = &self.all.counts[asset.index()];
        counts.books + counts.bbos + counts.levels > 0
    }

    fn count_crossing(&mut self, event: &MarketEvent) {
        let (bid, ask) = match event {
            MarketEvent::Bbo(bbo) => (bbo.bid, bbo.ask),
            MarketEvent::Book(book) => match (book.bids().first(), book.asks().first()) {
                (Some(bid), Some(ask)) => (*bid, *ask),
                _ => return,
            },
            // A level alone crosses nothing.
            MarketEvent::Trade(_)
            | MarketEvent::Status(_)
            | MarketEvent::Mark(_)
            | MarketEvent::Level(_) => return,
        };
        if !bid.qty.is_positive() || !ask.qty.is_positive() || bid.px < ask.px {
            return;
        }
        let count = &mut self.crossings[event.asset().index()][kind(event)];
        match bid.px == ask.px {
            true => count.locked += 1,
            false => count.crossed += 1,
        }
    }

    fn put_in_order(&mut self, log: &mut FileLog<'_>) {
        let place = |position: usize| self.places.get(position);
        let mut wrong: Vec<(usize, String)> = Vec::new();
        let mut first_back: Option<usize> = None;
        for ((_, of_kind), (positions, stamps)) in self.out_of_order() {
            let judge = if of_kind == 0 { judge_trades } else { judge_states };
            let verdict = judge(&stamps);
            wrong.extend(verdict.wrong.into_iter().map(|(i, why)| (positions[i], why)));
            let back = verdict.first_back.map(|i| positions[i]);
            first_back = [first_back, back].into_iter().flatten().min();
        }
        wrong.sort_by_key(|(position, _)| *position);
        for (position, why) in &wrong {
            let (line, rows) = place(*position);
            log.skip(line.into(), rows.into(), why);
        }
        if let Some(position) = first_back {
            let line = place(position).0;
            log.warn(&format!(
                "its rows are not in order of time (line {line} is older than the row before it): \
                 read in order of time"
            ));
        }
        if wrong.is_empty() {
            return;
        }
        let is_wrong = |position: usize| wrong.binary_search_by_key(&position, |w| w.0).is_ok();
        self.builder.retain(|position| !is_wrong(position));
        self.file = Tally::of(self.file.counts.len());
        self.builder.part().for_each(|event| self.file.add(&event));
    }

    /// The rows of the file's series that are out of order, by asset and kind.
    fn out_of_order(&self) -> BTreeMap<(usize, usize), (Vec<usize>, Vec<Stamp>)> {
        let mut all: BTreeMap<_, (Vec<usize>, Vec<Stamp>)> = BTreeMap::new();
        for (position, event) in self.builder.part().enumerate() {
            let key = (event.asset().index(), kind(&event));
            if self.series[key.0].get(key.1).is_some_and(|series| series.is_out_of_order) {
                let (positions, stamps) = all.entry(key).or_default();
                positions.push(position);
                stamps.push(Stamp { recv: event.recv_time(), venue: event.venue_time() });
            }
        }
        all
    }

    /// Keeps the most decimals of the sizes of a coin that nobody told them of.
    fn infer(&mut self, event: &MarketEvent) {
        let Some(seen) = &mut self.inferred[event.asset().index()] else { return };
        let mut see = |qty: Qty| *seen = (*seen).max(decimals_of(qty));
        match event {
            MarketEvent::Trade(trade) => see(trade.qty),
            MarketEvent::Bbo(bbo) => [bbo.bid, bbo.ask].iter().for_each(|level| see(level.qty)),
            MarketEvent::Book(book) => {
                let levels = book.bids().iter().chain(book.asks());
                levels.for_each(|level| see(level.qty));
            }
            MarketEvent::Level(change) => see(change.qty),
            MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
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
        let mut instruments = Vec::with_capacity(universe.len());
        for (asset, instrument) in universe.iter() {
            let (coin, counts) = (instrument.coin.as_str(), self.all.counts[asset.index()]);
            if counts.total() == 0 && symbols.iter().any(|s| s == coin) {
                return Err(nothing(coin, &report));
            }
            if counts.books + counts.bbos + counts.levels == 0 {
                report.warn(format!("{coin}: no book and no best bid/offer: it cannot be quoted"));
            }
            let told = |sz_decimals| Instrument { sz_decimals, ..*instrument };
            let inferred = self.inferred[asset.index()].map(told);
            report.inferred.extend(inferred);
            instruments.push(inferred.unwrap_or(*instrument));
        }
        if self.all.early > 0 {
            report.warn(format!(
                "{} events were received up to {} ms before they happened at the venue: the \
                 recorder's clock was behind, and a replay sees that far ahead",
                self.all.early,
                (self.all.worst_lead + Nanos(999_999)).as_millis()
            ));
        }
        (report.duplicates, report.early) = (self.duplicates, self.all.early);
        (report.counts, report.crossings) = (self.builder.counts(), self.crossings);
        let universe = Universe::new(instruments);
        drop(self.seen); // Not small, and the tape needs room of its own.
        let tape = self.builder.finish();
        Ok(Loaded { tape, universe, report, orders: None, compiled: None })
    }
}

fn kind(event: &MarketEvent) -> usize {
    usize::from(event.channel_rank())
}

/// Whether an event can have been so, by itself; an error says in words why not.
pub fn sound(event: &MarketEvent) -> Result<(), String> {
    check_times(event)?;
    match event {
        MarketEvent::Trade(trade) => check_trade(trade),
        MarketEvent::Bbo(bbo) => check_bbo(bbo),
        MarketEvent::Book(book) => check_book(book),
        MarketEvent::Level(change) => check_change(change),
        MarketEvent::Status(_) | MarketEvent::Mark(_) => Ok(()),
    }
}

/// Decimals that a size needs, as far as a coin's sizes can have them.
fn decimals_of(qty: Qty) -> u8 {
    let mut raw = qty.raw();
    let mut decimals = SCALE_DIGITS as u8;
    while decimals > 0 && raw % 10 == 0 {
        (raw, decimals) = (raw / 10, decimals - 1);
    }
    decimals.min(MAX_SZ_DECIMALS)
}

fn check_times(event: &MarketEvent) -> Result<(), String> {
    for (time, clock) in [(event.recv_time(), "local"), (event.venue_time(), "venue")] {
        if !plausible(time) {
            return Err(format!("{clock} time {time} is not of this century: wrong unit?"));
        }
    }
    let apart = Nanos((event.recv_time() - event.venue_time()).0.abs());
    let most = if matches!(event, MarketEvent::Trade(_)) { MAX_TRADE_APART } else { MAX_APART };
    if apart > most {
        let seconds = apart.as_millis() / 1000;
        return Err(format!("local and venue time are {seconds} s apart: one of them is wrong"));
    }
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

/// A size of zero says that the level is gone; what is cleared has no size, and both sides no price.
fn check_change(change: &LevelChange) -> Result<(), String> {
    let one = Qty::from_raw(1);
    match change.news {
        LevelNews::Size if change.qty.is_positive() => {
            check_level("level", &Level { px: change.px, qty: change.qty })
        }
        LevelNews::Size | LevelNews::Cleared => {
            check_level("level", &Level { px: change.px, qty: one })
        }
        LevelNews::AllCleared => Ok(()),
    }
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
