//! A tape as it would be written by somebody who has room: whole events, sorted twice. Whatever is put on
//! the compiled one comes off it like this.

use super::*;
use crate::types::{Level, Px, Qty, Side};
use proptest::prelude::*;

/// Whole events, by each clock.
#[derive(Clone)]
struct Twin {
    by_recv: Vec<MarketEvent>,
    by_venue: Vec<MarketEvent>,
    marks: Vec<MarkPrice>,
}

fn is_status(event: &MarketEvent) -> bool {
    matches!(event, MarketEvent::Status(_))
}

impl Twin {
    fn of(events: &[MarketEvent]) -> Self {
        let is_mark = |e: &&MarketEvent| matches!(e, MarketEvent::Mark(_));
        let mut by_recv: Vec<_> = events.iter().filter(|e| !is_mark(e)).copied().collect();
        let mut by_venue = by_recv.clone();
        by_recv.sort_by_key(|e| (e.recv_time(), e.channel_rank()));
        by_venue.sort_by_key(|e| (e.venue_time(), e.channel_rank()));
        let mark = |e: &MarketEvent| match e {
            MarketEvent::Mark(mark) => Some(*mark),
            _ => None,
        };
        let mut marks: Vec<_> = events.iter().filter_map(mark).collect();
        marks.sort_by_key(|mark| mark.recv_time);
        Self { by_recv, by_venue, marks }
    }

    fn received_after(mut self, mut delay: Latency) -> Self {
        let mut last = Nanos(i64::MIN);
        for event in self.by_venue.iter_mut().filter(|e| !is_status(e)) {
            last = last.max(event.venue_time() + delay.draw());
            event.set_recv_time(last);
        }
        self.by_recv.clone_from(&self.by_venue);
        self.by_recv.sort_by_key(|e| (e.recv_time(), is_status(e)));
        self
    }

    fn with_statuses(mut self, added: &[FeedStatus]) -> Self {
        self.by_recv.extend(added.iter().map(|s| MarketEvent::Status(*s)));
        self.by_venue.extend(added.iter().map(|s| MarketEvent::Status(*s)));
        self.by_recv.sort_by_key(|e| (e.recv_time(), is_status(e)));
        self.by_venue.sort_by_key(|e| (e.venue_time(), is_status(e)));
        self
    }
}

fn same(tape: &Tape, twin: &Twin) -> Result<(), TestCaseError> {
    prop_assert_eq!(tape.iter_recv().collect::<Vec<_>>(), &twin.by_recv[..]);
    prop_assert_eq!(tape.iter_venue().collect::<Vec<_>>(), &twin.by_venue[..]);
    prop_assert_eq!(tape.marks().collect::<Vec<_>>(), &twin.marks[..]);
    prop_assert_eq!(tape.len(), twin.by_recv.len());
    let ends = |all: &[MarketEvent], time: fn(&MarketEvent) -> Nanos| {
        Some((time(all.first()?), time(all.last()?)))
    };
    prop_assert_eq!(tape.span(), ends(&twin.by_recv, MarketEvent::recv_time));
    prop_assert_eq!(tape.venue_span(), ends(&twin.by_venue, MarketEvent::venue_time));
    prop_assert_eq!(tape.damage(), None);
    Ok(())
}

/// Times that are nearly in order, or not at all.
fn times() -> impl Strategy<Value = (Nanos, Nanos)> {
    let near = (0_i64..50, 0_i64..8).prop_map(|(venue, after)| (venue * 1_000, after * 700));
    let far = (any::<i64>(), any::<i64>()).prop_map(|(venue, recv)| (venue / 8, recv / 8));
    prop_oneof![
        30 => near.prop_map(|(venue, after)| (Nanos(venue), Nanos(venue + after))),
        1 => far.prop_map(|(venue, recv)| (Nanos(venue), Nanos(recv))),
    ]
}

fn level() -> impl Strategy<Value = Level> {
    let usual = (90_i64..110, 0_i64..9).prop_map(|(px, qty)| (px * 50_000, qty * 1_000));
    let any = (any::<i64>(), any::<i64>());
    prop_oneof![60 => usual, 1 => any]
        .prop_map(|(px, qty)| Level { px: Px::from_raw(px), qty: Qty::from_raw(qty) })
}

/// Levels of a side: sorted, as in a market, or as they come.
fn levels(side: Side) -> impl Strategy<Value = Vec<Level>> {
    (prop::collection::vec(level(), 0..=20), 0..20).prop_map(move |(mut levels, odd)| {
        if odd > 0 {
            levels.sort_by_key(|level| level.px);
            levels.dedup_by_key(|level| level.px);
            if side == Side::Bid {
                levels.reverse();
            }
        }
        levels
    })
}

fn event() -> impl Strategy<Value = MarketEvent> {
    let asset = || (0_usize..3).prop_map(AssetId::new);
    let trade = (asset(), times(), level(), any::<u64>(), any::<bool>());
    let trade = trade.prop_map(|(asset, (venue_time, recv_time), level, tid, is_sell)| {
        let aggressor = if is_sell { Side::Ask } else { Side::Bid };
        let Level { px, qty } = level;
        let plain = Trade::default();
        MarketEvent::Trade(Trade { asset, venue_time, recv_time, px, qty, tid, aggressor, ..plain })
    });
    let bbo = (asset(), times(), level(), level());
    let bbo = bbo.prop_map(|(asset, (venue_time, recv_time), bid, ask)| {
        MarketEvent::Bbo(Bbo { asset, venue_time, recv_time, bid, ask, ..Bbo::default() })
    });
    let book = (asset(), times(), levels(Side::Bid), levels(Side::Ask), any::<bool>());
    let book = book.prop_map(|(asset, (venue_time, recv_time), bids, asks, fast)| {
        let mut book = BookSnapshot { asset, venue_time, recv_time, fast, ..BookSnapshot::EMPTY };
        (book.bid_count, book.ask_count) = (bids.len() as u8, asks.len() as u8);
        book.bids[..bids.len()].copy_from_slice(&bids);
        book.asks[..asks.len()].copy_from_slice(&asks);
        MarketEvent::Book(book)
    });
    let changes = [FeedChange::Up, FeedChange::Down, FeedChange::Dropped, FeedChange::CaughtUp];
    let status = (asset(), times(), prop::sample::select(changes.to_vec()));
    let status = status.prop_map(|(asset, (_, at), change)| {
        MarketEvent::Status(FeedStatus::of(change, asset, at))
    });
    let mark = (asset(), times(), level(), prop::option::of(any::<i64>()));
    let mark = mark.prop_map(|(asset, (_, recv_time), level, rate_e10)| {
        let (px, oracle) = (level.px, Px::from_raw(level.qty.raw()));
        MarketEvent::Mark(MarkPrice {
            asset,
            recv_time,
            px,
            oracle,
            rate_e10,
            ..MarkPrice::default()
        })
    });
    prop_oneof![4 => trade, 4 => bbo, 4 => book, 1 => status, 1 => mark]
}

proptest! {
    #[test]
    fn what_goes_on_comes_off_in_both_orders(
        events in prop::collection::vec(event(), 0..400),
        cut in 0_usize..400,
        feed in prop::sample::select(vec!["0ns", "3us", "lognormal:2us,1"]),
        added in prop::collection::vec(0_i64..60_000, 0..5),
    ) {
        let mut builder = TapeBuilder::default();
        for (i, event) in events.iter().enumerate() {
            if i == cut {
                builder.begin_part();
            }
            builder.push(event);
        }
        let (tape, twin) = (builder.finish(), Twin::of(&events));
        same(&tape, &twin)?;
        let reopened = Tape::open(Box::new(tape.to_bytes(b"note".to_vec()).unwrap())).unwrap();
        prop_assert_eq!(reopened.note(), b"note");
        prop_assert_eq!(reopened.counts(), tape.counts());
        same(&reopened, &twin)?;
        let added: Vec<_> =
            added.iter().map(|t| FeedStatus::new_params(*t as u32, Nanos(*t))).collect();
        same(&tape.clone().with_statuses(added.clone()), &twin.clone().with_statuses(&added))?;
        // Times beyond all clocks overflow with any delay.
        let usual = |e: &MarketEvent| e.venue_time().0.abs() < 1 << 40;
        let usual: Vec<_> = events.iter().filter(|e| usual(e)).copied().collect();
        let delay = Latency::new(feed.parse().unwrap(), 7, 2);
        let tape = Tape::build(usual.iter().copied()).received_after(delay.clone());
        let twin = Twin::of(&usual).received_after(delay);
        same(&tape, &twin)?;
        same(&tape.with_statuses(added.clone()), &twin.with_statuses(&added))?;
    }

    /// What is torn or flipped anywhere is found: at once, or where it lies, and no event of it is told
    /// that is not the one that was written.
    #[test]
    fn no_flipped_bit_goes_unseen(
        events in prop::collection::vec(event(), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..8),
    ) {
        let tape = Tape::build(events.iter().copied());
        let bytes = tape.to_bytes(b"note".to_vec()).unwrap();
        let all: Vec<_> = tape.iter_recv().collect();
        for (at, bit) in flips {
            let mut flipped = bytes.clone();
            flipped[at.index(bytes.len())] ^= 1 << bit;
            ends_before_its_damage(flipped, &all)?;
            let torn = bytes[..at.index(bytes.len())].to_vec();
            prop_assert!(Tape::open(Box::new(torn)).is_err());
        }
    }
}

/// A tape that is damaged somewhere is not opened, or each of its walks is a part of what was written,
/// and the damage is told unless it lies in the other walk.
fn ends_before_its_damage(bytes: Vec<u8>, all: &[MarketEvent]) -> Result<(), TestCaseError> {
    let Ok(tape) = Tape::open(Box::new(bytes)) else { return Ok(()) };
    let told: Vec<_> = tape.iter_recv().collect();
    prop_assert!(all.starts_with(&told));
    prop_assert!(told.len() == all.len() || tape.damage().is_some());
    let (venue, marks) = (tape.iter_venue().count(), tape.marks().count());
    prop_assert!(tape.damage().is_some(), "{venue} {marks}: nobody saw it");
    Ok(())
}

#[test]
fn every_byte_is_summed() {
    let book = |t: i64| {
        let mut book =
            BookSnapshot { recv_time: Nanos(t), venue_time: Nanos(t / 2), ..BookSnapshot::EMPTY };
        book.bid_count = 2;
        book.bids[..2].fill(Level { px: Px::from_raw(5 + t), qty: Qty::from_raw(t) });
        MarketEvent::Book(book)
    };
    let mark = MarkPrice { px: Px::from_raw(7), ..MarkPrice::default() };
    let events = [book(10), trade(3, 20, 7), MarketEvent::Mark(mark), trade(2, 30, 8), book(40)];
    let tape = Tape::build(events);
    let bytes = tape.to_bytes(b"of these sources".to_vec()).unwrap();
    let all: Vec<_> = tape.iter_recv().collect();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            ends_before_its_damage(flipped, &all).unwrap();
        }
        assert!(Tape::open(Box::new(bytes[..at].to_vec())).is_err());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Tape::open(Box::new(longer)).is_err());
    let mut other = bytes;
    other[8] += 1;
    let found = Tape::open(Box::new(other)).unwrap_err();
    assert_eq!(found, TapeError::OtherVersion { version: VERSION + 1 });
    assert_eq!(
        Tape::open(Box::new(b"timestamp,sequence".to_vec())).unwrap_err(),
        TapeError::NoTape
    );
}

/// What fits its sums and makes no sense all the same ends the tape, and nothing else.
#[test]
fn no_bytes_lead_to_a_panic() {
    let events = (0..40).map(|t| if t % 3 == 0 { book(t, t + 5) } else { trade(t, t + 3, 9) });
    let tape = Tape::build(events);
    let good = tape.to_bytes(Vec::new()).unwrap();
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..3_000 {
        let mut bytes = good[..tape.core.data_end as usize].to_vec();
        let mut index = tape.core.index.clone();
        for _ in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = HEAD + random as usize % (bytes.len() - HEAD);
            bytes[at] = (random >> 32) as u8;
        }
        let sums = |extent: &mut index::Extent| {
            let (from, to) = (extent.offset as usize, (extent.offset + extent.len) as usize);
            extent.sums = bytes[from..to].chunks(index::CHUNK).map(crc32fast::hash).collect();
        };
        [&mut index.by_recv, &mut index.by_venue].into_iter().for_each(sums);
        index.streams.iter_mut().for_each(|stream| sums(&mut stream.extent));
        let tape = Tape::open(Box::new(build::with_index(bytes, &index))).unwrap();
        assert!(tape.iter_recv().count() + tape.iter_venue().count() <= 80);
    }
}
