//! What is shown together: the books of one kind of money. Real money is never shown in one sum with any
//! other, nor two accounts.

use super::book::{Book, Fill, Traded};
use super::lots::{Lot, lots};
use botmm_pipeline::types::{Nanos, Usd, notional};
use std::collections::BTreeMap;

/// Whose money it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Money {
    /// Real money.
    Mainnet,
    /// A venue where money is worth nothing: the testnet, an exchange of one's own.
    Test,
    /// A paper run's.
    Paper,
    /// A replay's.
    Replay,
    /// A run whose journal is of before there were `run` lines: it may be any of them.
    Unknown,
}

impl Money {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Mainnet, Self::Test, Self::Paper, Self::Replay, Self::Unknown];

    /// In flags and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Test => "test",
            Self::Paper => "paper",
            Self::Replay => "replay",
            Self::Unknown => "unknown",
        }
    }

    /// In a heading.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Mainnet => "MAINNET, REAL MONEY",
            Self::Test => "TEST: no real money",
            Self::Paper => "PAPER: no real money, simulated fills",
            Self::Replay => "REPLAY: no real money, fills are estimates on a recording",
            Self::Unknown => {
                "UNKNOWN: journals of an older botmm, which do not say whose money it was"
            }
        }
    }

    /// Whether anybody's fortune is at stake.
    pub fn is_real(self) -> bool {
        self == Self::Mainnet
    }

    fn of(book: &Book) -> Self {
        let run = book.newest();
        match (run.is_real_money, run.kind.as_str()) {
            (true, _) => Self::Mainnet,
            (false, "run") => Self::Test,
            (false, "paper") => Self::Paper,
            (false, "replay") => Self::Replay,
            (false, _) => Self::Unknown,
        }
    }
}

/// What is shown under one heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Whose money it is.
    pub money: Money,
    /// Where it was traded.
    pub network: String,
    /// For whom; [`None`] = each run had a simulated account of its own.
    pub account: Option<String>,
    /// How many runs there are.
    pub runs: usize,
    /// When the first of them began, and when the last of them was last heard of.
    pub span: [Nanos; 2],
    /// The runs that have neither ended nor are known to go on, oldest first.
    pub without_end: Vec<String>,
    /// What was asked for, oldest first.
    pub fills: Vec<Fill>,
    /// FIFO lots, by when they were closed; the open ones last.
    pub lots: Vec<Lot>,
    /// By UTC date.
    pub days: BTreeMap<String, Sums>,
    /// By coin.
    pub coins: BTreeMap<String, Sums>,
    /// All together.
    pub total: Sums,
    /// What came to the account otherwise than by trading, in all.
    pub transfers: Usd,
}

/// What some fills came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many.
    pub fills: u64,
    /// Their value.
    pub volume: Usd,
    /// Positive = paid.
    pub fees: Usd,
    /// Positive = paid.
    pub funding: Usd,
    /// Of lots that were closed, after their fees and before funding.
    pub gain: Usd,
    /// Lots that were closed and have no gain: a part of them was traded elsewhere.
    pub without_gain: u64,
    /// Profit at the marks after fees and funding; [`None`] = not known of a single coin.
    pub net: Option<Usd>,
}

impl Section {
    /// The sections of these books, in their order.
    pub fn all(books: Vec<Book>, asked: &Traded) -> Vec<Self> {
        let mut groups: Vec<(Money, String, Option<String>, Vec<Book>)> = Vec::new();
        for book in books {
            let run = book.newest();
            let key = (Money::of(&book), run.network.clone(), run.account.clone());
            match groups.iter_mut().find(|(m, n, a, _)| (*m, n, a) == (key.0, &key.1, &key.2)) {
                Some((.., books)) => books.push(book),
                None => groups.push((key.0, key.1, key.2, vec![book])),
            }
        }
        groups.into_iter().map(|(m, n, a, books)| Self::of((m, n, a), books, asked)).collect()
    }

    fn of(
        (money, network, account): (Money, String, Option<String>),
        books: Vec<Book>,
        asked: &Traded,
    ) -> Self {
        let runs = || books.iter().flat_map(|book| &book.runs);
        let span = [
            runs().map(|run| run.started).min().unwrap_or(Nanos::ZERO),
            runs().map(|run| run.last).max().unwrap_or(Nanos::ZERO),
        ];
        let open = runs().filter(|run| run.ended.is_none());
        let mut without_end: Vec<_> = open.map(|run| run.name.clone()).collect();
        without_end.sort();
        let mut this = Self {
            money,
            network,
            account,
            runs: runs().count(),
            span,
            without_end,
            fills: Vec::new(),
            lots: Vec::new(),
            days: BTreeMap::new(),
            coins: BTreeMap::new(),
            total: Sums::default(),
            transfers: books.iter().map(|book| book.transfers).sum(),
        };
        books.iter().for_each(|book| this.add(book, asked));
        this.fills.sort_by_key(|fill| fill.time);
        this.lots.sort_by_key(|lot| lot.close.as_ref().map_or(Nanos(i64::MAX), |c| c.time));
        this
    }

    fn add(&mut self, book: &Book, asked: &Traded) {
        for fill in book.fills.iter().filter(|f| asked.has(f.time, &f.coin)) {
            let volume = notional(fill.px, fill.qty);
            self.sum(fill.time, &fill.coin, |sums| {
                sums.fills += 1;
                sums.volume += volume;
                sums.fees += fill.fee;
            });
            self.fills.push(fill.clone());
        }
        for paid in book.funding.iter().filter(|f| asked.has(f.time, &f.coin)) {
            self.sum(paid.time, &paid.coin, |sums| sums.funding += paid.paid);
        }
        // Of all that was traded: a lot that is closed now was opened before.
        for lot in lots(book) {
            let Some(close) = &lot.close else {
                if asked.has(lot.opened, &lot.coin) {
                    self.lots.push(lot);
                }
                continue;
            };
            if asked.has(close.time, &lot.coin) {
                let gain = lot.gain();
                self.sum(close.time, &lot.coin, |sums| match gain {
                    Some(gain) => sums.gain += gain,
                    None => sums.without_gain += 1,
                });
                self.lots.push(lot);
            }
        }
        if asked.coin.is_some() {
            return;
        }
        for (date, net) in book.days.iter().filter(|(date, _)| has_day(asked, date)) {
            for sums in [self.days.entry(date.clone()).or_default(), &mut self.total] {
                *sums.net.get_or_insert_default() += *net;
            }
        }
    }

    fn sum(&mut self, time: Nanos, coin: &str, add: impl Fn(&mut Sums)) {
        add(&mut self.total);
        add(self.coins.entry(coin.to_owned()).or_default());
        add(self.days.entry(date_of(time)).or_default());
    }
}

/// The UTC date of a moment.
fn date_of(time: Nanos) -> String {
    let mut text = crate::when::utc_s(time);
    text.truncate("2026-11-28".len());
    text
}

/// Whether any of a UTC day is asked for: what a day came to is known of the whole day alone.
fn has_day(asked: &Traded, date: &str) -> bool {
    asked.since.is_none_or(|since| date >= date_of(since).as_str())
        && asked.until.is_none_or(|until| date <= date_of(Nanos(until.0 - 1)).as_str())
}
