//! What the market tells us: book snapshots, best bid/offer, trades, the venue's marks, link status.

use super::fixed::{Nanos, Px, Qty};
use super::level::{AssetId, Level, LevelChange, Side};
use super::limits::BOOK_LEVELS;

/// When something that a connection said reached this machine. A moment of zero is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Arrival {
    /// When the kernel had it, by its own stamp: the newest of the segments that were read together.
    pub kernel: Nanos,
    /// When it had been read.
    pub read: Nanos,
}

impl Arrival {
    /// The earliest known moment: the kernel's, or that of the read.
    pub fn first(&self) -> Nanos {
        if self.kernel > Nanos::ZERO { self.kernel } else { self.read }
    }
}

/// A whole visible book (`l2Book`): up to 20 levels a side, best first.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BookSnapshot {
    /// Whose book.
    pub asset: AssetId,
    /// Levels on the bid side, 0..=20.
    pub bid_count: u8,
    /// Levels on the ask side, 0..=20.
    pub ask_count: u8,
    /// True for the venue's 5-level `fast` feed: depth beyond the levels is unknown, not empty.
    pub fast: bool,
    /// Explicit padding.
    pub _pad: [u8; 3],
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
    /// Bids, best (highest) first.
    pub bids: [Level; BOOK_LEVELS],
    /// Asks, best (lowest) first.
    pub asks: [Level; BOOK_LEVELS],
}

impl BookSnapshot {
    /// An empty book of an asset.
    pub const EMPTY: Self = Self {
        asset: AssetId::FIRST,
        bid_count: 0,
        ask_count: 0,
        fast: false,
        _pad: [0; 3],
        venue_time: Nanos::ZERO,
        recv_time: Nanos::ZERO,
        bids: [Level { px: Px::ZERO, qty: Qty::ZERO }; BOOK_LEVELS],
        asks: [Level { px: Px::ZERO, qty: Qty::ZERO }; BOOK_LEVELS],
    };
    /// The filled bid levels, best first.
    pub fn bids(&self) -> &[Level] {
        &self.bids[..usize::from(self.bid_count)]
    }
    /// The filled ask levels, best first.
    pub fn asks(&self) -> &[Level] {
        &self.asks[..usize::from(self.ask_count)]
    }
    /// The filled levels of a side, best first.
    pub fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Bid => self.bids(),
            Side::Ask => self.asks(),
        }
    }
}

impl core::fmt::Debug for BookSnapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BookSnapshot")
            .field("asset", &self.asset)
            .field("venue_time", &self.venue_time)
            .field("recv_time", &self.recv_time)
            .field("fast", &self.fast)
            .field("bids", &self.bids())
            .field("asks", &self.asks())
            .finish()
    }
}

/// What of a book travels among the other events; the rest has a ring of its own.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BookHead {
    /// Whose book.
    pub asset: AssetId,
    /// Explicit padding.
    pub _pad: [u8; 6],
    /// Set by the feed stage: position in this session's input.
    pub seq: u64,
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
}

/// A byte that is always zero. What else it could hold tells the kinds of [`MarketEvent`] apart, so that
/// none of them is larger than a touch.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Zero {
    /// The only one.
    #[default]
    Zero = 0,
}

/// Best bid and offer. A side with zero size is empty.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bbo {
    /// Whose.
    pub asset: AssetId,
    /// Explicit padding.
    pub _pad: [Zero; 6],
    /// Set by the feed stage: position in this session's input.
    pub seq: u64,
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// One public trade.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Trade {
    /// Whose.
    pub asset: AssetId,
    /// Who crossed the spread.
    pub aggressor: Side,
    /// Explicit padding.
    pub _pad: [u8; 5],
    /// Set by the feed stage: position in this session's input.
    pub seq: u64,
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
    /// Trade price.
    pub px: Px,
    /// Trade size.
    pub qty: Qty,
    /// Venue trade id; unique together with time and coin.
    pub tid: u64,
}

/// The venue's own mark of an asset (`activeAssetCtx`): what it values positions at; and what it says
/// there of funding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MarkPrice {
    /// Whose.
    pub asset: AssetId,
    /// Explicit padding.
    pub _pad: [u8; 6],
    /// Set by the feed stage: position in this session's input.
    pub seq: u64,
    /// When it reached us. The venue writes no time into it.
    pub recv_time: Nanos,
    /// The price.
    pub px: Px,
    /// What it measures funding by; zero = it did not say.
    pub oracle: Px,
    /// What the present hour pays, units of 1e-10; [`None`] = it did not say.
    pub rate_e10: Option<i64>,
}

/// What a [`FeedStatus`] says.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedChange {
    /// Connected and subscribed.
    Up,
    /// Gone: every book is void until a new snapshot.
    Down,
    /// Events of this asset were dropped: its book is void until a new snapshot.
    Dropped,
    /// This asset's streams fell silent while the link lives: its book is void likewise.
    Silent,
    /// This asset's streams are refused: its book is void likewise.
    Refused,
    /// This asset, silent or refused until now, is told of again.
    Resumed,
    /// This process stood still: what comes next is what waited meanwhile. Nothing is decided from it.
    Behind,
    /// What waited is taken in.
    CaughtUp,
    /// Not of the link: from here on the parameters of a generation hold. They keep their place
    /// among the market's events, so that a replay applies them at the same one.
    NewParams,
}

impl FeedChange {
    /// Whether it concerns one asset alone.
    pub const fn is_of_asset(self) -> bool {
        matches!(self, Self::Dropped | Self::Silent | Self::Refused | Self::Resumed)
    }
}

/// A change of the link's state, or of the parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedStatus {
    /// Whose stream, where [`FeedChange`] says "this asset"; the others concern all.
    pub asset: AssetId,
    /// What happened.
    pub change: FeedChange,
    /// Explicit padding.
    pub _pad: u8,
    /// Of the parameters ([`FeedChange::NewParams`] only).
    pub generation: u32,
    /// When it reached us.
    pub recv_time: Nanos,
}

impl FeedStatus {
    /// The link's state, as of an asset (see [`FeedChange`]).
    pub fn of(change: FeedChange, asset: AssetId, recv_time: Nanos) -> Self {
        Self { asset, change, _pad: 0, generation: 0, recv_time }
    }
    /// From here on the parameters of this generation hold.
    pub fn new_params(generation: u32, recv_time: Nanos) -> Self {
        Self { generation, ..Self::of(FeedChange::NewParams, AssetId::default(), recv_time) }
    }
}

/// How a book is held in a [`MarketEvent`]: whole, lent, or its head alone.
pub trait BookForm {
    /// Its head; the number is zero until the feed stage has given one.
    fn head(&self) -> BookHead;
}

impl BookForm for BookSnapshot {
    fn head(&self) -> BookHead {
        let Self { asset, venue_time, recv_time, .. } = *self;
        BookHead { asset, _pad: [0; 6], seq: 0, venue_time, recv_time }
    }
}

impl BookForm for &BookSnapshot {
    fn head(&self) -> BookHead {
        (**self).head()
    }
}

impl BookForm for BookHead {
    fn head(&self) -> BookHead {
        *self
    }
}

/// Anything that a feed tells the book. Kept, it holds a whole book; on its way no more than a cache
/// line: a feed lends it ([`LentEvent`]), and between feed and book only a book's head goes among the
/// others ([`EventHead`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "whole events are kept, not handed around")]
pub enum MarketEvent<B = BookSnapshot> {
    /// A whole visible book.
    Book(B),
    /// The touch.
    Bbo(Bbo),
    /// A trade.
    Trade(Trade),
    /// The link.
    Status(FeedStatus),
    /// The venue's mark. Live feeds only: recordings have none.
    Mark(MarkPrice),
    /// A level of a book that is told by its changes. Recordings only: the venue tells whole books.
    Level(LevelChange),
}

/// An event whose book lies with whoever tells it.
pub type LentEvent<'a> = MarketEvent<&'a BookSnapshot>;
/// An event without a book's levels.
pub type EventHead = MarketEvent<BookHead>;

impl MarketEvent {
    /// The same, lent.
    pub fn lend(&self) -> LentEvent<'_> {
        match self {
            Self::Book(book) => MarketEvent::Book(book),
            Self::Bbo(bbo) => MarketEvent::Bbo(*bbo),
            Self::Trade(trade) => MarketEvent::Trade(*trade),
            Self::Status(status) => MarketEvent::Status(*status),
            Self::Mark(mark) => MarketEvent::Mark(*mark),
            Self::Level(level) => MarketEvent::Level(*level),
        }
    }
    /// Sets the receive time.
    pub fn set_recv_time(&mut self, at: Nanos) {
        match self {
            Self::Book(b) => b.recv_time = at,
            Self::Bbo(b) => b.recv_time = at,
            Self::Trade(t) => t.recv_time = at,
            Self::Status(s) => s.recv_time = at,
            Self::Mark(m) => m.recv_time = at,
            Self::Level(l) => l.recv_time = at,
        }
    }
}

impl LentEvent<'_> {
    /// A copy to keep.
    pub fn to_kept(self) -> MarketEvent {
        self.map(|book| *book)
    }
}

impl EventHead {
    /// Sets the position in this session's input.
    pub fn set_seq(&mut self, seq: u64) {
        match self {
            Self::Book(b) => b.seq = seq,
            Self::Bbo(b) => b.seq = seq,
            Self::Trade(t) => t.seq = seq,
            Self::Status(_) => {}
            Self::Mark(m) => m.seq = seq,
            Self::Level(l) => l.seq = seq,
        }
    }
}

impl<B> MarketEvent<B> {
    /// The same with its book held in another way.
    pub fn map<C>(self, book: impl FnOnce(B) -> C) -> MarketEvent<C> {
        match self {
            Self::Book(b) => MarketEvent::Book(book(b)),
            Self::Bbo(bbo) => MarketEvent::Bbo(bbo),
            Self::Trade(trade) => MarketEvent::Trade(trade),
            Self::Status(status) => MarketEvent::Status(status),
            Self::Mark(mark) => MarketEvent::Mark(mark),
            Self::Level(level) => MarketEvent::Level(level),
        }
    }
}

impl<B: BookForm> MarketEvent<B> {
    /// When it reached us.
    pub fn recv_time(&self) -> Nanos {
        match self {
            Self::Book(b) => b.head().recv_time,
            Self::Bbo(b) => b.recv_time,
            Self::Trade(t) => t.recv_time,
            Self::Status(s) => s.recv_time,
            Self::Mark(m) => m.recv_time,
            Self::Level(l) => l.recv_time,
        }
    }
    /// Block time at the venue (of a status or a mark: when it reached us).
    pub fn venue_time(&self) -> Nanos {
        match self {
            Self::Book(b) => b.head().venue_time,
            Self::Bbo(b) => b.venue_time,
            Self::Trade(t) => t.venue_time,
            Self::Status(s) => s.recv_time,
            Self::Mark(m) => m.recv_time,
            Self::Level(l) => l.venue_time,
        }
    }
    /// Whose.
    pub fn asset(&self) -> AssetId {
        match self {
            Self::Book(b) => b.head().asset,
            Self::Bbo(b) => b.asset,
            Self::Trade(t) => t.asset,
            Self::Status(s) => s.asset,
            Self::Mark(m) => m.asset,
            Self::Level(l) => l.asset,
        }
    }
    /// Index of its kind: 0 book, 1 touch, 2 trade, 3 status, 4 mark, 5 level.
    pub const fn kind(&self) -> usize {
        match self {
            Self::Book(_) => 0,
            Self::Bbo(_) => 1,
            Self::Trade(_) => 2,
            Self::Status(_) => 3,
            Self::Mark(_) => 4,
            Self::Level(_) => 5,
        }
    }
    /// Order of events that carry the same time: trades before the touch and the book that they
    /// cause, then the status and the mark.
    pub fn channel_rank(&self) -> u8 {
        match self {
            Self::Trade(_) => 0,
            Self::Bbo(_) => 1,
            Self::Book(_) | Self::Level(_) => 2,
            Self::Status(_) => 3,
            Self::Mark(_) => 4,
        }
    }
}

const _: () = assert!(size_of::<BookSnapshot>() == 24 + 2 * BOOK_LEVELS * 16);
const _: () = assert!(size_of::<Bbo>() == 64);
const _: () = assert!(size_of::<Trade>() == 56);
const _: () = assert!(size_of::<MarkPrice>() == 56);
const _: () = assert!(size_of::<FeedStatus>() == 16);
const _: () = assert!(size_of::<BookHead>() == 32);
const _: () = assert!(size_of::<EventHead>() == 64, "an event on its way is one cache line");
const _: () = assert!(size_of::<LentEvent<'_>>() == 64);
const _: () = assert!(size_of::<MarketEvent>() == size_of::<BookSnapshot>());
