//! One event as numbers: what changed since the last one of its stream.
//!
//! A **stream** is one coin's trades, touches, changes of levels, books or fast books, or all changes of the
//! link, or all marks. An event begins with its two times; a book is the levels that came, went and changed.

use super::bits::{unzigzag, zigzag};
use super::book::{read_book, write_book};
use super::field::{Field, Reading, Sink, Units, moved, signed, unsigned};
use crate::types::limits::{BOOK_LEVELS, MAX_ASSETS};
use crate::types::{
    AssetId, Bbo, BookSnapshot, FeedChange, FeedStatus, LentEvent, LevelChange, LevelNews,
    MarkPrice, MarketEvent, Nanos, Qty, Side, Trade,
};

/// No event takes more: two times, and of each level of a book a price and a size, all at their widest.
pub const MAX_RECORD: usize = 1_024;
const _: () = assert!((2 + 2 + 6 + 2 * 2 * BOOK_LEVELS) * 67 <= MAX_RECORD * 8);

/// What a stream is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One coin's trades.
    Trades,
    /// One coin's touches.
    Touches,
    /// One coin's books.
    Books,
    /// One coin's books of the fast feed.
    FastBooks,
    /// Changes of the link or of parameters, of all coins.
    Statuses,
    /// The venue's marks of all coins.
    Marks,
    /// Changes of the levels of one coin's book.
    Levels,
}

impl Kind {
    /// In the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Trades,
        Self::Touches,
        Self::Books,
        Self::FastBooks,
        Self::Statuses,
        Self::Marks,
        Self::Levels,
    ];

    /// Of which kind of stream an event is.
    pub fn of(event: &MarketEvent) -> Self {
        match event {
            MarketEvent::Trade(_) => Self::Trades,
            MarketEvent::Bbo(_) => Self::Touches,
            MarketEvent::Book(book) if book.fast => Self::FastBooks,
            MarketEvent::Book(_) => Self::Books,
            MarketEvent::Status(_) => Self::Statuses,
            MarketEvent::Mark(_) => Self::Marks,
            MarketEvent::Level(_) => Self::Levels,
        }
    }

    /// As written in a file.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// [`MarketEvent::channel_rank`] of its events.
    pub fn channel_rank(self) -> u8 {
        match self {
            Self::Trades => 0,
            Self::Touches => 1,
            Self::Books | Self::FastBooks | Self::Levels => 2,
            Self::Statuses => 3,
            Self::Marks => 4,
        }
    }
}

/// Both times of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it happened at the venue.
    pub venue: Nanos,
    /// When we received it.
    pub recv: Nanos,
}

/// The last event of a stream, which the next one is told from.
#[derive(Clone, Debug)]
pub enum Last {
    /// Of trades.
    Trade(Trade),
    /// Of touches.
    Bbo(Bbo),
    /// Of books of either feed.
    Book(Box<BookSnapshot>),
    /// Of changes of the link.
    Status(FeedStatus),
    /// Of changes of levels.
    Level(LevelChange),
    /// Of marks: by coin, and whose came last.
    Marks(Box<[MarkPrice; MAX_ASSETS]>, AssetId),
}

impl Last {
    /// At the begin of a stream.
    pub fn none(kind: Kind, asset: AssetId) -> Self {
        let book = |fast| Box::new(BookSnapshot { asset, fast, ..BookSnapshot::EMPTY });
        match kind {
            Kind::Trades => Self::Trade(Trade { asset, ..Trade::default() }),
            Kind::Touches => Self::Bbo(Bbo { asset, ..Bbo::default() }),
            Kind::Books => Self::Book(book(false)),
            Kind::FastBooks => Self::Book(book(true)),
            Kind::Levels => Self::Level(LevelChange { asset, tick: 1, ..LevelChange::default() }),
            Kind::Statuses => Self::Status(FeedStatus::of(FeedChange::Up, asset, Nanos::ZERO)),
            Kind::Marks => {
                let of = |i| MarkPrice { asset: AssetId::new(i), ..MarkPrice::default() };
                Self::Marks(Box::new(core::array::from_fn(of)), asset)
            }
        }
    }

    /// Its times.
    #[inline]
    pub fn times(&self) -> Times {
        match self {
            Self::Trade(t) => Times { venue: t.venue_time, recv: t.recv_time },
            Self::Bbo(b) => Times { venue: b.venue_time, recv: b.recv_time },
            Self::Book(b) => Times { venue: b.venue_time, recv: b.recv_time },
            Self::Level(l) => Times { venue: l.venue_time, recv: l.recv_time },
            Self::Status(s) => Times { venue: s.recv_time, recv: s.recv_time },
            Self::Marks(marks, asset) => {
                let recv = marks[asset.index()].recv_time;
                Times { venue: recv, recv }
            }
        }
    }

    /// It, lent.
    #[inline]
    pub fn lend(&self) -> LentEvent<'_> {
        match self {
            Self::Trade(t) => MarketEvent::Trade(*t),
            Self::Bbo(b) => MarketEvent::Bbo(*b),
            Self::Book(b) => MarketEvent::Book(b),
            Self::Level(l) => MarketEvent::Level(*l),
            Self::Status(s) => MarketEvent::Status(*s),
            Self::Marks(marks, asset) => MarketEvent::Mark(marks[asset.index()]),
        }
    }

    /// Writes an event of this stream, and keeps it; how many changes of levels, touches or trades it is.
    /// What the venue numbers nothing by is not kept: see [`MarketEvent`], `seq`.
    ///
    /// # Panics
    /// It is of another stream.
    pub fn write(&mut self, event: &MarketEvent, units: &Units, to: &mut impl Sink) -> u64 {
        write_times(self.times(), event, units, to);
        match (self, event) {
            (Self::Trade(last), MarketEvent::Trade(new)) => write_trade(last, new, units, to),
            (Self::Bbo(last), MarketEvent::Bbo(new)) => write_bbo(last, new, units, to),
            (Self::Book(last), MarketEvent::Book(new)) => return write_book(last, new, units, to),
            (Self::Level(last), MarketEvent::Level(new)) => write_level(last, new, units, to),
            (Self::Status(last), MarketEvent::Status(new)) => write_status(last, new, to),
            (Self::Marks(last, whose), MarketEvent::Mark(new)) => {
                *whose = new.asset;
                write_mark(&mut last[new.asset.index()], new, units, to);
            }
            (last, event) => panic!("{event:?} is not of the stream of {last:?}"),
        }
        1
    }

    /// Reads the times of the next event, which are still the next one's.
    #[inline]
    pub fn read_times(&self, last: Times, units: &Units, from: &mut Reading<'_, '_>) -> Times {
        let recv = Nanos(last.recv.0.wrapping_add(from.unsigned(Field::Recv, units.recv)));
        if matches!(self, Self::Status(_) | Self::Marks(..)) {
            return Times { venue: recv, recv };
        }
        let venue = Nanos(last.venue.0.wrapping_add(from.unsigned(Field::Venue, units.venue)));
        Times { venue, recv }
    }

    /// Reads the next event of changes of levels or of trades, whole; its times. [`None`] when no writer wrote
    /// that, or it is of something else.
    #[inline(always)]
    pub fn read_row(
        &mut self,
        last: Times,
        units: &Units,
        from: &mut Reading<'_, '_>,
    ) -> Option<Times> {
        let recv = Nanos(last.recv.0.wrapping_add(from.unsigned(Field::Recv, units.recv)));
        let venue = Nanos(last.venue.0.wrapping_add(from.unsigned(Field::Venue, units.venue)));
        match self {
            Self::Level(last) => {
                (last.venue_time, last.recv_time) = (venue, recv);
                read_level(last, units, from)?;
            }
            Self::Trade(last) => {
                (last.venue_time, last.recv_time) = (venue, recv);
                read_trade(last, units, from);
            }
            _ => return None,
        }
        Some(Times { venue, recv })
    }

    /// Reads the rest of it, and keeps it. [`None`] when no writer wrote that.
    #[inline]
    pub fn read(&mut self, times: Times, units: &Units, from: &mut Reading<'_, '_>) -> Option<()> {
        match self {
            Self::Trade(last) => {
                (last.venue_time, last.recv_time) = (times.venue, times.recv);
                read_trade(last, units, from);
            }
            Self::Bbo(last) => {
                (last.venue_time, last.recv_time) = (times.venue, times.recv);
                read_bbo(last, units, from);
            }
            Self::Book(last) => {
                (last.venue_time, last.recv_time) = (times.venue, times.recv);
                read_book(last, units, from)?;
            }
            Self::Level(last) => {
                (last.venue_time, last.recv_time) = (times.venue, times.recv);
                read_level(last, units, from)?;
            }
            Self::Status(last) => {
                last.recv_time = times.recv;
                read_status(last, from)?;
            }
            Self::Marks(last, whose) => {
                *whose = asset(from.number(Field::Other))?;
                let mark = &mut last[whose.index()];
                mark.recv_time = times.recv;
                read_mark(mark, units, from);
            }
        }
        Some(())
    }
}

fn asset(index: u64) -> Option<AssetId> {
    usize::try_from(index).ok().filter(|i| *i < MAX_ASSETS).map(AssetId::new)
}

fn write_times(last: Times, event: &MarketEvent, units: &Units, to: &mut impl Sink) {
    unsigned(Field::Recv, last.recv.0, event.recv_time().0, units.recv, to);
    if !matches!(event, MarketEvent::Status(_) | MarketEvent::Mark(_)) {
        unsigned(Field::Venue, last.venue.0, event.venue_time().0, units.venue, to);
    }
}

fn write_trade(last: &mut Trade, new: &Trade, units: &Units, to: &mut impl Sink) {
    to.bit(new.aggressor == Side::Ask);
    signed(Field::Px, last.px.raw(), new.px.raw(), units.px, to);
    unsigned(Field::Qty, 0, new.qty.raw(), units.qty, to);
    to.number(Field::Other, zigzag(new.tid.wrapping_sub(last.tid).cast_signed()));
    *last = Trade { seq: 0, ..*new };
}

#[inline]
fn read_trade(last: &mut Trade, units: &Units, from: &mut Reading<'_, '_>) {
    last.aggressor = if from.bits.bits(1) == 1 { Side::Ask } else { Side::Bid };
    last.px = moved(last.px, from.signed(Field::Px, units.px));
    last.qty = Qty::from_raw(from.unsigned(Field::Qty, units.qty));
    last.tid = last.tid.wrapping_add(unzigzag(from.number(Field::Other)).cast_unsigned());
}

fn write_bbo(last: &mut Bbo, new: &Bbo, units: &Units, to: &mut impl Sink) {
    for (last, new) in [(last.bid, new.bid), (last.ask, new.ask)] {
        signed(Field::Px, last.px.raw(), new.px.raw(), units.px, to);
        if last.px == new.px {
            signed(Field::Change, last.qty.raw(), new.qty.raw(), units.qty, to);
        } else {
            unsigned(Field::Qty, 0, new.qty.raw(), units.qty, to);
        }
    }
    *last = Bbo { seq: 0, ..*new };
}

#[inline]
fn read_bbo(last: &mut Bbo, units: &Units, from: &mut Reading<'_, '_>) {
    for level in [&mut last.bid, &mut last.ask] {
        let by = from.signed(Field::Px, units.px);
        if by == 0 {
            let by = from.signed(Field::Change, units.qty);
            level.qty = Qty::from_raw(level.qty.raw().wrapping_add(by));
        } else {
            level.px = moved(level.px, by);
            level.qty = Qty::from_raw(from.unsigned(Field::Qty, units.qty));
        }
    }
}

fn write_level(last: &mut LevelChange, new: &LevelChange, units: &Units, to: &mut impl Sink) {
    to.number(Field::Other, (new.news as u64) << 1 | new.side as u64);
    signed(Field::Px, last.px.raw(), new.px.raw(), units.px, to);
    unsigned(Field::Qty, 0, new.qty.raw(), units.qty, to);
    *last = LevelChange { seq: 0, ..*new };
}

#[inline(always)]
fn read_level(last: &mut LevelChange, units: &Units, from: &mut Reading<'_, '_>) -> Option<()> {
    let what = from.number(Field::Other);
    last.side = if what & 1 == 1 { Side::Ask } else { Side::Bid };
    last.news = match what >> 1 {
        0 => LevelNews::Size,
        1 => LevelNews::Cleared,
        2 => LevelNews::AllCleared,
        _ => return None,
    };
    last.tick = tick(units.px);
    last.px = moved(last.px, from.signed(Field::Px, units.px));
    last.qty = Qty::from_raw(from.unsigned(Field::Qty, units.qty));
    Some(())
}

/// What prices are counted in, or where that is too large for an event, a part of it.
#[inline]
fn tick(unit: i64) -> u32 {
    u32::try_from(unit).unwrap_or(1)
}

fn write_status(last: &mut FeedStatus, new: &FeedStatus, to: &mut impl Sink) {
    to.number(Field::Other, new.asset.index() as u64);
    to.number(Field::Levels, new.change as u64);
    to.number(Field::Qty, new.generation.into());
    *last = *new;
}

fn read_status(last: &mut FeedStatus, from: &mut Reading<'_, '_>) -> Option<()> {
    const CHANGES: [FeedChange; 9] = [
        FeedChange::Up,
        FeedChange::Down,
        FeedChange::Dropped,
        FeedChange::Silent,
        FeedChange::Refused,
        FeedChange::Resumed,
        FeedChange::Behind,
        FeedChange::CaughtUp,
        FeedChange::NewParams,
    ];
    last.asset = asset(from.number(Field::Other))?;
    last.change = *CHANGES.get(usize::try_from(from.number(Field::Levels)).ok()?)?;
    last.generation = from.number(Field::Qty).try_into().ok()?;
    Some(())
}

fn write_mark(last: &mut MarkPrice, new: &MarkPrice, units: &Units, to: &mut impl Sink) {
    to.number(Field::Other, new.asset.index() as u64);
    signed(Field::Px, last.px.raw(), new.px.raw(), units.px, to);
    signed(Field::Qty, last.oracle.raw(), new.oracle.raw(), units.px, to);
    to.bit(new.rate_e10.is_some());
    if let Some(rate) = new.rate_e10 {
        signed(Field::Change, last.rate_e10.unwrap_or_default(), rate, 1, to);
    }
    *last = MarkPrice { seq: 0, ..*new };
}

fn read_mark(last: &mut MarkPrice, units: &Units, from: &mut Reading<'_, '_>) {
    last.px = moved(last.px, from.signed(Field::Px, units.px));
    last.oracle = moved(last.oracle, from.signed(Field::Qty, units.px));
    let before = last.rate_e10.unwrap_or_default();
    let is_said = from.bits.bits(1) == 1;
    last.rate_e10 = is_said.then(|| before.wrapping_add(from.signed(Field::Change, 1)));
}
