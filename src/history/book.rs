//! What the history says, by whose money it is.

use super::error::HistoryError;
use super::store::History;
use botmm_pipeline::types::{Nanos, Px, Qty, Side, Usd};
use rusqlite::Row;
use std::collections::BTreeMap;

/// What one account of a venue, or one run with a simulated account, traded. Money of two books is never
/// added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// What the history calls it.
    pub name: String,
    /// Its runs, oldest first.
    pub runs: Vec<RunRow>,
    /// Its fills, oldest first.
    pub fills: Vec<Fill>,
    /// What its runs found at their starts, oldest first.
    pub openings: Vec<Opening>,
    /// Funding, oldest first.
    pub funding: Vec<Funding>,
    /// Profit by UTC day.
    pub days: BTreeMap<String, Usd>,
    /// What came to the account otherwise than by trading.
    pub transfers: Usd,
}

impl Book {
    /// What its newest run says of it.
    pub fn newest(&self) -> &RunRow {
        let newest = self.runs.last();
        newest.unwrap_or_else(|| unreachable!("a book is made of runs"))
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its folder's name, or path.
    pub name: String,
    /// `run`, `paper`, `replay`, or `unknown`.
    pub kind: String,
    /// `mainnet`, or where else it traded.
    pub network: String,
    /// Real money was at stake.
    pub is_real_money: bool,
    /// Whom it traded for.
    pub account: Option<String>,
    /// Its first line.
    pub started: Nanos,
    /// Its newest line.
    pub last: Nanos,
    /// [`None`] = it goes on, or was killed.
    pub ended: Option<Nanos>,
    /// Before fees and funding, at the newest marks.
    pub gross: Usd,
    /// Positive = paid.
    pub fees: Usd,
    /// Positive = paid.
    pub funding: Usd,
    /// All together.
    pub net: Usd,
    /// Why it was halted, if it was.
    pub halted: String,
}

/// A fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Which run's.
    pub run: String,
    /// When it happened, by the venue's clock.
    pub time: Nanos,
    /// Of which coin.
    pub coin: String,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub px: Px,
    /// How much.
    pub qty: Qty,
    /// Positive = paid.
    pub fee: Usd,
    /// The trade's number.
    pub tid: u64,
    /// The order's.
    pub oid: u64,
    /// We took.
    pub is_taker: bool,
    /// The mid just before it.
    pub mid: Option<Px>,
    /// The mid five seconds later.
    pub mid_5s: Option<Px>,
}

/// Funding of a coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funding {
    /// When, by the venue's clock.
    pub time: Nanos,
    /// Of which coin.
    pub coin: String,
    /// Positive = paid.
    pub paid: Usd,
}

/// What a run's account held when it came, of a coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When the run began.
    pub time: Nanos,
    /// Of which coin.
    pub coin: String,
    /// Signed.
    pub qty: Qty,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Traded {
    /// Not before.
    pub since: Option<Nanos>,
    /// Before.
    pub until: Option<Nanos>,
    /// Of this coin alone.
    pub coin: Option<String>,
}

impl Traded {
    /// Whether something of this moment and coin is asked for.
    pub fn has(&self, time: Nanos, coin: &str) -> bool {
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && self.coin.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(coin))
    }
}

/// All books; those of real money first, then by the newest run.
///
/// # Errors
/// What SQLite says.
pub fn books(history: &History) -> Result<Vec<Book>, HistoryError> {
    let mut all: Vec<Book> = Vec::new();
    let runs = rows(
        history,
        "SELECT name, kind, network, is_real_money, account, coalesce(started, 0),
             coalesce(last, 0), ended, gross, fees, funding, net, coalesce(halted, ''), book
         FROM runs ORDER BY started, name",
        run,
    )?;
    for (name, run) in runs {
        match all.iter_mut().find(|book| book.name == name) {
            Some(book) => book.runs.push(run),
            None => all.push(Book::of(name, run)),
        }
    }
    let of = |all: &mut Vec<Book>, name: &str, add: &mut dyn FnMut(&mut Book)| {
        all.iter_mut().find(|book| book.name == name).map(add);
    };
    let fills = rows(
        history,
        "SELECT run, venue_time, coin, side, px, qty, fee, tid, oid, is_taker, mid, mid_5s, book
         FROM fills ORDER BY venue_time, tid, side",
        fill,
    )?;
    for (name, fill) in fills {
        of(&mut all, &name, &mut |book| book.fills.push(fill.clone()));
    }
    let funding = rows(
        history,
        "SELECT venue_time, coin, paid, book FROM funding ORDER BY venue_time, coin",
        |row| {
            let paid = Usd::from_raw(row.get(2)?);
            Ok((row.get(3)?, Funding { time: Nanos(row.get(0)?), coin: row.get(1)?, paid }))
        },
    )?;
    for (name, paid) in funding {
        of(&mut all, &name, &mut |book| book.funding.push(paid.clone()));
    }
    for (name, opening) in openings(history)? {
        of(&mut all, &name, &mut |book| book.openings.push(opening.clone()));
    }
    let days = "SELECT r.book, d.date, d.net FROM pnl_by_day d JOIN runs r ON r.name = d.run";
    let days = rows(history, days, |row| {
        Ok((row.get::<_, String>(0)?, (row.get::<_, String>(1)?, Usd::from_raw(row.get(2)?))))
    })?;
    for (name, (date, net)) in days {
        of(&mut all, &name, &mut |book| *book.days.entry(date.clone()).or_default() += net);
    }
    let moved = "SELECT r.book, t.usd FROM transfers t JOIN runs r ON r.name = t.run";
    let moved = rows(history, moved, |row| Ok((row.get(0)?, Usd::from_raw(row.get(1)?))))?;
    for (name, usd) in moved {
        of(&mut all, &name, &mut |book| book.transfers += usd);
    }
    all.sort_by_key(|book| {
        let newest = book.newest();
        (!newest.is_real_money, std::cmp::Reverse(newest.started))
    });
    Ok(all)
}

impl Book {
    fn of(name: String, run: RunRow) -> Self {
        Self {
            name,
            runs: vec![run],
            fills: Vec::new(),
            openings: Vec::new(),
            funding: Vec::new(),
            days: BTreeMap::new(),
            transfers: Usd::ZERO,
        }
    }
}

/// What a position was without the run's own fills. A run that neither held nor traded a coin says nothing
/// of what it found: it may have ended before it knew.
fn openings(history: &History) -> Result<Vec<(String, Opening)>, HistoryError> {
    let found = rows(
        history,
        "SELECT r.book, coalesce(r.started, 0), p.coin, p.qty,
             coalesce(sum(CASE f.side WHEN 'buy' THEN f.qty ELSE -f.qty END), 0), count(f.qty)
         FROM positions p JOIN runs r ON r.name = p.run
         LEFT JOIN fills f ON f.run = p.run AND f.coin = p.coin AND f.time <= p.time
         GROUP BY p.run, p.coin ORDER BY r.started, p.run, p.coin",
        |row| {
            let (held, traded, fills): (i64, i64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
            let qty = Qty::from_raw(held.saturating_sub(traded));
            let opening = Opening { time: Nanos(row.get(1)?), coin: row.get(2)?, qty };
            Ok((row.get(0)?, (opening, held != 0 || fills > 0)))
        },
    )?;
    let told = found.into_iter().filter(|(_, (_, is_told))| *is_told);
    Ok(told.map(|(book, (opening, _))| (book, opening)).collect())
}

fn run(row: &Row<'_>) -> rusqlite::Result<(String, RunRow)> {
    let usd = |at| row.get(at).map(Usd::from_raw);
    let run = RunRow {
        name: row.get(0)?,
        kind: row.get(1)?,
        network: row.get(2)?,
        is_real_money: row.get(3)?,
        account: row.get(4)?,
        started: Nanos(row.get(5)?),
        last: Nanos(row.get(6)?),
        ended: row.get::<_, Option<i64>>(7)?.map(Nanos),
        gross: usd(8)?,
        fees: usd(9)?,
        funding: usd(10)?,
        net: usd(11)?,
        halted: row.get(12)?,
    };
    Ok((row.get(13)?, run))
}

fn fill(row: &Row<'_>) -> rusqlite::Result<(String, Fill)> {
    let side: String = row.get(3)?;
    let mid = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(Px::from_raw));
    let fill = Fill {
        run: row.get(0)?,
        time: Nanos(row.get(1)?),
        coin: row.get(2)?,
        side: if side == "buy" { Side::Bid } else { Side::Ask },
        px: Px::from_raw(row.get(4)?),
        qty: Qty::from_raw(row.get(5)?),
        fee: Usd::from_raw(row.get(6)?),
        tid: row.get::<_, i64>(7)?.cast_unsigned(),
        oid: row.get::<_, i64>(8)?.cast_unsigned(),
        is_taker: row.get(9)?,
        mid: mid(10)?,
        mid_5s: mid(11)?,
    };
    Ok((row.get(12)?, fill))
}

/// Each row of an answer, with its book.
fn rows<T>(
    history: &History,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<(String, T)>,
) -> Result<Vec<(String, T)>, HistoryError> {
    let failed = HistoryError::sql(history.path());
    let mut asked = history.db().prepare(sql).map_err(&failed)?;
    let found = asked.query_map([], read).map_err(&failed)?;
    found.collect::<Result<_, _>>().map_err(&failed)
}
