use super::*;
use crate::rt::{In, Out, ring};
use crate::types::{BookSnapshot, FeedStatus, Level, MarkPrice, ParamsChange, Px, Qty, Trade};
use crate::venue::market_ring::{MarketOut, market_ring};

const ASSET: usize = 0;

/// A stage of one asset, its rings, and the newest view.
struct Rig {
    stage: BookStage,
    market: MarketOut,
    seq: u64,
    views: In<BookView>,
    params: Out<ParamsChange>,
    view: BookView,
    now: Nanos,
}

impl Rig {
    fn new() -> Self {
        let (market, input) = market_ring(("feed->book", 1), ("feed->book books", 1));
        let (out, views) = ring("book->quote", 8);
        let (params, changes) = ring("side->book", 8);
        let (out, changes) = (OutLatest::new(out, 1), ParamsIn::new(changes));
        let stage = BookStage::new(input, out, changes, &[AssetParams::default()]);
        let view = BookView::default();
        Self { stage, market, seq: 0, views, params, view, now: Nanos::ZERO }
    }

    fn tell(&mut self, event: MarketEvent) {
        self.seq += 1;
        assert!(self.market.push(self.seq, event.lend()));
        self.stage.poll(self.now);
        while let Some(view) = self.views.pop() {
            self.view = view;
        }
    }

    fn status(&mut self, change: FeedChange) {
        self.tell(MarketEvent::Status(FeedStatus::of(change, AssetId::new(ASSET), self.now)));
    }

    /// A second later: a purchase that many bps above the mid of 100, and the book after it.
    fn trade_and_book(&mut self, bps: i64) {
        self.now = self.now + Nanos::secs(1);
        let (venue_time, recv_time) = (self.now, self.now);
        let px = Px::from_raw(Px::whole(100).raw() + bps * 1_000_000);
        self.tell(MarketEvent::Trade(Trade { venue_time, recv_time, px, ..Trade::default() }));
        let mut book = BookSnapshot { venue_time, recv_time, ..BookSnapshot::EMPTY };
        (book.bid_count, book.ask_count) = (1, 1);
        book.bids[0] = Level { px: Px::whole(99), qty: Qty::whole(1) };
        book.asks[0] = Level { px: Px::whole(101), qty: Qty::whole(1) };
        self.tell(MarketEvent::Book(book));
    }
}

impl Rig {
    /// A second later: a book of these levels; zero = none.
    fn book(&mut self, bid: i64, ask: i64) -> (BookState, Option<Px>) {
        self.now = self.now + Nanos::secs(1);
        let (venue_time, recv_time) = (self.now, self.now);
        let mut book = BookSnapshot { venue_time, recv_time, ..BookSnapshot::EMPTY };
        (book.bid_count, book.ask_count) = (u8::from(bid > 0), u8::from(ask > 0));
        book.bids[0] = Level { px: Px::whole(bid), qty: Qty::whole(1) };
        book.asks[0] = Level { px: Px::whole(ask), qty: Qty::whole(3) };
        self.tell(MarketEvent::Book(book));
        (self.view.state, self.view.mid)
    }
}

#[test]
fn a_book_without_a_sound_mid_teaches_nothing() {
    let mut rig = Rig::new();
    for bid in [999, 1000, 999, 1000] {
        assert_eq!(rig.book(bid, bid + 2), (BookState::Ok, Some(Px::whole(bid + 1))));
    }
    let known = rig.view;
    assert!(known.vol_bps_e6 > 0);
    let cases = [
        (1000, 0, BookState::OneSided),
        (0, 1002, BookState::OneSided),
        (1000, 2000, BookState::Wide),
        (1, 1002, BookState::Wide),
        (1002, 1000, BookState::Crossed),
    ];
    for (bid, ask, state) in cases {
        assert_eq!(rig.book(bid, ask), (state, None));
        let of = |v: &BookView| (v.microprice, v.imbalance_e6, v.vol_bps_e6, v.arrivals.rate_e6);
        assert_eq!(of(&rig.view), (None, of(&known).1, of(&known).2, of(&known).3), "{state:?}");
    }
    assert_eq!(rig.book(1000, 1002), (BookState::Ok, Some(Px::whole(1001))));
    assert!(rig.view.vol_bps_e6 <= known.vol_bps_e6, "the price had not moved");
}

#[test]
fn the_venues_mark_goes_along_and_makes_no_book_newer() {
    let mut rig = Rig::new();
    rig.book(999, 1001);
    let before = rig.view;
    rig.now = rig.now + Nanos::secs(3);
    let (asset, px) = (AssetId::new(ASSET), Px::whole(990));
    let mark = MarkPrice { asset, px, recv_time: rig.now, seq: 9, ..MarkPrice::default() };
    rig.tell(MarketEvent::Mark(mark));
    let venue_mark = Some(Marked { px, time: rig.now });
    assert_eq!(rig.view, BookView { venue_mark, ..before });
    rig.book(1000, 0);
    assert_eq!(rig.view.venue_mark, venue_mark);
    rig.status(FeedChange::Down);
    assert_eq!(rig.view.venue_mark, venue_mark, "it ages, and says when it came");
}

#[test]
fn views_say_when_takers_took_from_bids_and_from_asks() {
    let mut rig = Rig::new();
    rig.book(99, 101);
    assert_eq!(rig.view.taken, [Nanos::ZERO; 2]);
    rig.trade_and_book(0);
    let bought = rig.now;
    assert_eq!(rig.view.taken, [Nanos::ZERO, bought]);
    let sold = bought + Nanos::millis(700);
    let trade = Trade { aggressor: Side::Ask, venue_time: sold, ..Trade::default() };
    rig.tell(MarketEvent::Trade(Trade { recv_time: sold, px: Px::whole(99), ..trade }));
    rig.book(99, 101);
    assert_eq!(rig.view.taken, [sold, bought]);
}

#[test]
fn views_carry_the_fit_of_the_trades_seen() {
    let mut rig = Rig::new();
    (0..30).for_each(|i| rig.trade_and_book(i % 10));
    let fit = rig.view.arrivals;
    assert_eq!((fit.rate_e6, fit.trades), (0, 29), "the first was met by no mid");
    (0..60).for_each(|i| rig.trade_and_book(i % 10));
    let fit = rig.view.arrivals;
    assert!(fit.rate_e6 > 0 && fit.decay_e6 > 0 && fit.r2_e6 > 700_000, "{fit:?}");

    rig.status(FeedChange::Down);
    rig.now = rig.now + Nanos::secs(3_600);
    rig.trade_and_book(5);
    rig.trade_and_book(5);
    let after = rig.view.arrivals;
    assert!((after.rate_e6 - fit.rate_e6).abs() < fit.rate_e6 / 20, "{after:?} after {fit:?}");

    let wider = AssetParams { arrival_bin_bps: 1.0, ..AssetParams::default() };
    let asset = AssetId::new(ASSET);
    rig.params.push(ParamsChange { generation: 1, asset, params: wider }).unwrap();
    rig.tell(MarketEvent::Status(FeedStatus::new_params(1, rig.now)));
    rig.trade_and_book(5);
    assert_eq!((rig.view.generation, rig.view.arrivals.rate_e6), (1, 0), "counted anew");
}

#[test]
fn levels_that_find_no_room_are_counted() {
    let mut rig = Rig::new();
    let metrics: Arc<Metrics> = Arc::default();
    let stage = std::mem::replace(&mut rig.stage, Rig::new().stage);
    rig.stage = stage.counting(metrics.clone());
    let level = |rig: &Rig, px: i64| {
        let (asset, side, recv_time) = (AssetId::new(ASSET), Side::Bid, rig.now);
        let (px, qty) = (Px::from_raw(px), Qty::whole(1));
        MarketEvent::Level(LevelChange {
            asset,
            side,
            px,
            qty,
            recv_time,
            tick: 1,
            ..LevelChange::default()
        })
    };
    rig.tell(level(&rig, 1_000_000));
    for i in 0..5_000 {
        rig.now = rig.now + Nanos::millis(1);
        rig.tell(level(&rig, 500_000 - i));
    }
    assert!(metrics.numbers(ASSET + 1).assets[ASSET].levels_lost > 0);
}

#[test]
fn no_book_is_shown_of_the_past_until_all_of_it_is_taken_in() {
    let mut rig = Rig::new();
    rig.trade_and_book(5);
    assert_eq!(rig.view.state, BookState::Ok);
    rig.status(FeedChange::Behind);
    assert_eq!(rig.view.state, BookState::Void, "at once");
    (0..20).for_each(|_| rig.trade_and_book(5));
    assert_eq!(rig.view.state, BookState::Void);
    rig.status(FeedChange::CaughtUp);
    assert_eq!((rig.view.state, rig.view.recv_time), (BookState::Ok, rig.now));
}

#[test]
fn a_view_says_how_late_its_message_was() {
    let mut rig = Rig::new();
    let book = |block_s: i64, received_s: i64| {
        let (venue_time, recv_time) = (Nanos::secs(block_s), Nanos::secs(received_s));
        MarketEvent::Book(BookSnapshot { venue_time, recv_time, ..BookSnapshot::EMPTY })
    };
    rig.tell(book(100, 108));
    assert_eq!(rig.view.delay, Nanos::secs(8));
    rig.tell(book(109, 109));
    assert_eq!(rig.view.delay, Nanos::ZERO);
}
