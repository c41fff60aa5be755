//! hftbacktest's event records, a file a coin. A book becomes the changes from the one before it, as
//! hftbacktest's own converter makes them: what leaves the levels that are told is gone.

use super::double::Doubles;
use crate::data::import::event::{Event, Sink};
use crate::data::import::folder::fast_books;
use crate::data::npy::{BBO, BUY, CLEAR, DEPTH, EXCH, LOCAL, Record, SELL, TRADE, write_npz};
use crate::exit::AppError;
use crate::files::{NewFolder, Readers};
use botmm_pipeline::types::{BookSnapshot, Coin, Level, LevelNews, MarketEvent, Px, Side};
use std::collections::HashMap;
use std::path::Path;

/// See the module.
pub struct Npz {
    folder: NewFolder,
    coins: HashMap<Coin, Rows>,
    doubles: Doubles,
    fast_books: u64,
    merged: u64,
}

/// What of a coin is written at the end, in order of receipt: only then the order of the venue is known.
#[derive(Default)]
struct Rows {
    records: Vec<Record>,
    /// Levels that stand, best first.
    sides: [Vec<Level>; 2],
    /// Times of the last book.
    last: Option<[i64; 2]>,
}

impl Npz {
    /// Makes a folder, beside its place until it is whole.
    ///
    /// # Errors
    /// Something is there already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let folder = NewFolder::create(path, Readers::All)?;
        let (coins, doubles) = (HashMap::new(), Doubles::default());
        Ok(Self { folder, coins, doubles, fast_books: 0, merged: 0 })
    }
}

impl Sink for Npz {
    fn take(&mut self, event: &Event) -> Result<(), AppError> {
        let rows = self.coins.entry(event.coin).or_default();
        let (exch_ts, local_ts) = (event.data.venue_time().0, event.data.recv_time().0);
        let at = Record { exch_ts, local_ts, ..Record::default() };
        match &event.data {
            MarketEvent::Trade(trade) => {
                let level = Level { px: trade.px, qty: trade.qty };
                let ev = TRADE | bit(trade.aggressor);
                let record = record(at, ev, level, &mut self.doubles);
                rows.records.push(Record { ival: trade.tid.cast_signed(), ..record });
            }
            MarketEvent::Bbo(bbo) => {
                for (side, level) in [(Side::Bid, bbo.bid), (Side::Ask, bbo.ask)] {
                    rows.records.push(record(at, BBO | bit(side), level, &mut self.doubles));
                }
            }
            MarketEvent::Level(change) => {
                let (of, side) = match change.news {
                    LevelNews::Size => (DEPTH, bit(change.side)),
                    LevelNews::Cleared => (CLEAR, bit(change.side)),
                    LevelNews::AllCleared => (CLEAR, 0),
                };
                let level = Level { px: change.px, qty: change.qty };
                rows.records.push(record(at, of | side, level, &mut self.doubles));
            }
            MarketEvent::Book(book) => {
                self.fast_books += u64::from(book.fast);
                let moment = Some([exch_ts, local_ts]);
                self.merged += u64::from(std::mem::replace(&mut rows.last, moment) == moment);
                rows.book(book, at, &mut self.doubles);
            }
            MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, AppError> {
        for (coin, rows) in self.coins {
            let (path, file) = self.folder.file(&format!("{coin}.npz"))?;
            let records = in_both_orders(&rows.records);
            write_npz(file, records.into_iter()).map_err(AppError::io(path, "write"))?;
        }
        self.folder.finish()?;
        let fast = (self.fast_books > 0).then(|| fast_books(self.fast_books));
        let merged = (self.merged > 0).then(|| {
            format!("{} books of the very moment of the one before: one with it", self.merged)
        });
        Ok(fast.into_iter().chain(merged).chain(self.doubles.lost()).collect())
    }
}

impl Rows {
    /// The changes that make the last book this one; of two that are one, a level as it is.
    fn book(&mut self, book: &BookSnapshot, at: Record, doubles: &mut Doubles) {
        let before = self.records.len();
        let mut gone: Vec<(Side, Level)> = Vec::new();
        let mut set: Vec<(Side, Level)> = Vec::new();
        for side in Side::BOTH {
            let old = std::mem::take(&mut self.sides[side.index()]);
            let mut new = book.side(side).to_vec();
            // Of a fast book what is beyond its last level is not gone but not told.
            if let Some(last) = new.last().filter(|_| book.fast).copied() {
                new.extend(old.iter().filter(|level| side.is_better(last.px, level.px)));
            }
            let size_at =
                |levels: &[Level], px: Px| levels.iter().find(|l| l.px == px).map(|l| l.qty);
            let is_gone = |level: &&Level| size_at(&new, level.px).is_none();
            gone.extend(
                old.iter().filter(is_gone).map(|l| (side, Level { px: l.px, ..Level::default() })),
            );
            let is_new = |level: &&Level| size_at(&old, level.px) != Some(level.qty);
            set.extend(new.iter().filter(is_new).map(|level| (side, *level)));
            self.sides[side.index()] = new;
        }
        for (side, level) in gone.into_iter().chain(set) {
            self.records.push(record(at, DEPTH | bit(side), level, doubles));
        }
        if self.records.len() == before {
            let best = Side::BOTH.iter().find_map(|side| Some((*side, *book.side(*side).first()?)));
            let again = best.map(|(side, level)| record(at, DEPTH | bit(side), level, doubles));
            self.records.extend(again);
        }
    }
}

fn bit(side: Side) -> u64 {
    match side {
        Side::Bid => BUY,
        Side::Ask => SELL,
    }
}

fn record(at: Record, ev: u64, level: Level, doubles: &mut Doubles) -> Record {
    Record { ev, px: doubles.of(level.px.raw()), qty: doubles.of(level.qty.raw()), ..at }
}

/// The records, which are in order of receipt, in that order by their bit of the local clock and in the
/// venue's order by theirs of the venue's clock. One that cannot be at both places is there twice.
fn in_both_orders(records: &[Record]) -> Vec<Record> {
    let mut by_exch: Vec<usize> = (0..records.len()).collect();
    by_exch.sort_by_key(|&i| records[i].exch_ts); // Stable.
    let mut is_told = vec![false; records.len()];
    let (mut out, mut next) = (Vec::with_capacity(records.len()), by_exch.into_iter());
    for (i, record) in records.iter().enumerate() {
        if is_told[i] {
            out.push(Record { ev: record.ev | LOCAL, ..*record });
            continue;
        }
        for first in next.by_ref() {
            is_told[first] = true;
            if first == i {
                out.push(Record { ev: record.ev | EXCH | LOCAL, ..*record });
                break;
            }
            let other = &records[first];
            out.push(Record { ev: other.ev | EXCH, ..*other });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each clock's records are in its order, and each of them is there once.
        #[test]
        fn both_clocks_have_every_record_in_order(times in prop::collection::vec((0_i64..30, 0_i64..30), 0..60)) {
            let mut records: Vec<Record> = times
                .iter()
                .zip(1..)
                .map(|((exch_ts, local_ts), ival)| Record {
                    exch_ts: *exch_ts,
                    local_ts: *local_ts,
                    ival,
                    ..Record::default()
                })
                .collect();
            records.sort_by_key(|record| record.local_ts);
            let out = in_both_orders(&records);
            for (clock, time) in [(EXCH, (|r| r.exch_ts) as fn(&Record) -> i64), (LOCAL, |r| r.local_ts)] {
                let of: Vec<&Record> = out.iter().filter(|r| r.ev & clock != 0).collect();
                prop_assert!(of.windows(2).all(|w| time(w[0]) <= time(w[1])));
                let mut ids: Vec<i64> = of.iter().map(|r| r.ival).collect();
                ids.sort_unstable();
                prop_assert_eq!(ids, (1..=records.len() as i64).collect::<Vec<_>>());
            }
            prop_assert!(out.iter().all(|r| r.ev & (EXCH | LOCAL) != 0));
        }
    }
}
