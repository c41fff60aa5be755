//! Book: keeps each asset's book and its estimates, publishes views.

use crate::logic::arrivals::ArrivalCounts;
use crate::logic::book::Book;
use crate::logic::estimates::{Imbalance, Volatility};
use crate::rt::{Ahead, Input, OutLatest, Stage};
use crate::stage::params::ParamsIn;
use crate::types::limits::POLL_BATCH;
use crate::types::{
    AssetId, AssetParams, BookState, BookView, EventHead, FeedChange, LevelChange, Marked,
    MarketEvent, Nanos, Side,
};
use crate::venue::hl::clock::VenueClock;
use crate::venue::market_ring::MarketIn;

struct AssetBook {
    book: Book,
    volatility: Volatility,
    imbalance: Imbalance,
    arrivals: ArrivalCounts,
    params: AssetParams,
    view: BookView,
    /// Of a book that is told level by level.
    news: LevelNewsOf,
}

/// What a book that is told level by level has to say: its touch when that moved, the rest now and then.
/// Most of its changes are deep in the book, and nobody decides by them.
#[derive(Default)]
struct LevelNewsOf {
    /// The newest change.
    last: LevelChange,
    /// Since when it has to be shown; [`None`] = it need not be yet.
    due: Option<Nanos>,
    /// When the next view is due, whatever changed.
    next_view: Nanos,
    /// When the imbalance is next taken note of.
    next_weighing: Nanos,
}

/// Longest time, by the clock of receipt, for which changes that are not of the touch wait for a view.
const VIEW_EVERY: Nanos = Nanos::millis(100);
/// Shortest time between two takings of the imbalance of a book that is told level by level: as often as
/// the venue tells whole books.
const WEIGH_EVERY: Nanos = Nanos::millis(500);

/// See the module.
pub struct BookStage {
    input: MarketIn,
    out: OutLatest<BookView>,
    params: ParamsIn,
    assets: Vec<AssetBook>,
    /// What comes in is of the past: until it is taken in, no book is shown.
    is_behind: bool,
    /// Some book that is told level by level has to be shown.
    has_news: bool,
    /// Rows may lie in the ring before their time.
    is_ahead: bool,
    venue_clock: VenueClock,
}

fn volatility(params: &AssetParams) -> Volatility {
    let mut volatility =
        Volatility::new(params.vol_sample, params.vol_halflife_s, params.vol_horizon_s);
    volatility.begin_with(params.start_vol_bps);
    volatility
}

impl BookStage {
    /// One set of parameters for each asset.
    pub fn new(
        input: MarketIn,
        out: OutLatest<BookView>,
        changes: ParamsIn,
        params: &[AssetParams],
    ) -> Self {
        let asset = |(i, p): (usize, &AssetParams)| AssetBook {
            book: Book::default(),
            volatility: volatility(p),
            imbalance: Imbalance::default(),
            arrivals: ArrivalCounts::new(p.arrival_halflife_s, p.arrival_bin_bps),
            params: *p,
            view: BookView { asset: AssetId::new(i), ..BookView::default() },
            news: LevelNewsOf::default(),
        };
        let assets = params.iter().enumerate().map(asset).collect();
        let venue_clock = VenueClock::default();
        let (is_behind, has_news, is_ahead) = (false, false, false);
        Self { input, out, params: changes, assets, is_behind, has_news, is_ahead, venue_clock }
    }

    /// Judges how late a message is by this clock; without it, by ours.
    pub fn by(self, venue_clock: VenueClock) -> Self {
        Self { venue_clock, ..self }
    }

    fn on_event(&mut self, event: &EventHead) {
        let offset = self.venue_clock.offset();
        match event {
            MarketEvent::Book(head) => {
                let asset = &mut self.assets[head.asset.index()];
                if self.input.take_book(head, |snapshot| asset.book.apply_snapshot(snapshot)) {
                    asset.weigh();
                    asset.refresh(event, head.seq, offset);
                    self.publish(head.asset);
                }
            }
            MarketEvent::Bbo(bbo) => {
                let asset = &mut self.assets[bbo.asset.index()];
                if asset.book.apply_bbo(bbo) {
                    asset.refresh(event, bbo.seq, offset);
                    self.publish(bbo.asset);
                }
            }
            MarketEvent::Level(change) => {
                let AssetBook { book, news, .. } = &mut self.assets[change.asset.index()];
                let (is_touch, now) = (book.apply_level(change), change.recv_time);
                news.last = *change;
                if is_touch || now >= news.next_view {
                    news.due.get_or_insert(now);
                    self.has_news = true;
                }
            }
            // Trades move no book.
            MarketEvent::Trade(trade) => self.assets[trade.asset.index()].arrivals.on_trade(trade),
            // Handed on at once, with what is known of the book, which may be silent.
            MarketEvent::Mark(mark) => {
                let marked = Marked { px: mark.px, time: mark.recv_time };
                self.assets[mark.asset.index()].view.venue_mark = Some(marked);
                self.publish(mark.asset);
            }
            MarketEvent::Status(status) => match status.change {
                FeedChange::Up | FeedChange::Resumed => {}
                FeedChange::Dropped | FeedChange::Silent | FeedChange::Refused => {
                    self.void(status.asset, event)
                }
                FeedChange::Down => {
                    (0..self.assets.len()).for_each(|i| self.void(AssetId::new(i), event));
                }
                FeedChange::Behind => self.set_behind(true),
                FeedChange::CaughtUp => self.set_behind(false),
                FeedChange::NewParams => self.take_params(status.generation),
            },
        }
    }

    /// Every asset's view is published anew, so that the generation reaches all later stages.
    fn take_params(&mut self, generation: u32) {
        let Self { params, assets, .. } = self;
        params.advance(generation, |asset, new| assets[asset.index()].set_params(new));
        for i in 0..self.assets.len() {
            self.assets[i].view.generation = generation;
            self.publish(AssetId::new(i));
        }
    }

    fn void(&mut self, id: AssetId, event: &EventHead) {
        let asset = &mut self.assets[id.index()];
        asset.book.void();
        asset.news = LevelNewsOf::default();
        asset.volatility.break_series();
        asset.refresh(event, asset.view.market_seq, self.venue_clock.offset());
        self.publish(id);
    }

    /// Every asset's view is published anew: none may be decided from, or all may again.
    fn set_behind(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
        (0..self.assets.len()).for_each(|i| self.publish(AssetId::new(i)));
    }

    /// Views of the books that have to be shown by now.
    fn show_levels(&mut self, now: Nanos) {
        let offset = self.venue_clock.offset();
        self.has_news = false;
        for i in 0..self.assets.len() {
            let asset = &mut self.assets[i];
            let Some(due) = asset.news.due else { continue };
            if due > now {
                self.has_news = true;
                continue;
            }
            let change = asset.news.last;
            asset.news.due = None;
            asset.news.next_view = change.recv_time + VIEW_EVERY;
            if change.recv_time >= asset.news.next_weighing {
                asset.news.next_weighing = change.recv_time + WEIGH_EVERY;
                asset.weigh();
            }
            asset.refresh(&MarketEvent::Level(change), change.seq, offset);
            self.publish(AssetId::new(i));
        }
    }

    /// Whether an event waits whose time has come. Live all of them have come by then.
    #[inline]
    fn is_there(&self, now: Nanos) -> bool {
        !self.is_ahead || self.input.next_time().is_some_and(|at| at <= now)
    }

    fn publish(&mut self, asset: AssetId) {
        let mut view = self.assets[asset.index()].view;
        if self.is_behind {
            (view.state, view.mid, view.microprice) = (BookState::Void, None, None);
        }
        self.out.push(asset.index(), view);
    }
}

impl AssetBook {
    fn set_params(&mut self, new: &AssetParams) {
        self.params = *new;
        self.volatility.set(new.vol_sample, new.vol_halflife_s, new.vol_horizon_s);
        self.arrivals.set(new.arrival_halflife_s, new.arrival_bin_bps);
    }

    /// Whether it can be quoted on.
    fn state(&self) -> BookState {
        self.book.state(self.params.risk.large_move_frac)
    }

    /// Takes note of a new snapshot's imbalance. An empty side or a stub is no lean of the market.
    fn weigh(&mut self) {
        if self.state() == BookState::Ok {
            let raw = self.book.imbalance(self.params.imbalance_levels);
            self.imbalance.update(raw, self.params.imbalance_alpha);
        }
    }

    /// `offset`: the venue's clock minus ours.
    fn refresh(&mut self, event: &EventHead, seq: u64, offset: Nanos) {
        let state = self.state();
        let mid = self.book.mid().filter(|_| state == BookState::Ok);
        let (now, block) = (event.recv_time(), event.venue_time());
        match mid {
            Some(mid) => {
                self.volatility.update(now, mid);
                self.arrivals.on_mid(now, block, mid);
            }
            None => self.arrivals.break_series(now),
        }
        let e6 = |bps: Option<f64>| bps.map_or(-1, |v| (v * 1e6) as i64);
        self.view = BookView {
            asset: self.view.asset,
            state,
            _pad: 0,
            generation: self.view.generation,
            market_seq: seq,
            venue_time: block,
            recv_time: now,
            delay: now + offset - block,
            bid: self.book.best(Side::Bid),
            ask: self.book.best(Side::Ask),
            mid,
            microprice: mid.and_then(|_| self.book.microprice()),
            venue_mark: self.view.venue_mark,
            imbalance_e6: (self.imbalance.get() * 1e6) as i64,
            vol_bps_e6: e6(self.volatility.bps()),
            vol_slow_bps_e6: e6(self.volatility.slow_bps()),
            arrivals: self.arrivals.fit(),
        };
    }
}

impl Stage for BookStage {
    fn name(&self) -> &'static str {
        "book"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        let work = self.hear(now);
        if self.has_news {
            self.show_levels(now);
        }
        work
    }

    /// What changes of levels have come to is shown once all of a moment is taken in.
    fn hear(&mut self, now: Nanos) -> usize {
        self.out.flush();
        let mut work = 0;
        while work < POLL_BATCH && self.is_there(now) {
            let Some(event) = self.input.pop() else { break };
            self.on_event(&event);
            work += 1;
        }
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        if !self.is_ahead {
            return None;
        }
        let news = self.assets.iter().filter_map(|asset| asset.news.due);
        news.chain(self.input.next_time()).min()
    }

    /// Its rows are taken in ahead of time too, up to the first that has to be shown.
    fn calm_until(&self) -> Option<Nanos> {
        None
    }

    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        self.is_ahead = true;
        let mut ahead = Ahead::nothing(until);
        while !self.has_news && self.is_there(until - Nanos(1)) {
            let Some(event) = self.input.pop() else { break };
            self.on_event(&event);
            ahead.last = Some(event.recv_time());
        }
        if self.has_news {
            let due = self.assets.iter().filter_map(|asset| asset.news.due).min();
            ahead.until = due.map_or(until, |due| due.min(until));
        }
        ahead
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(self.input.input());
    }
}

#[cfg(test)]
mod tests {
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
            let of =
                |v: &BookView| (v.microprice, v.imbalance_e6, v.vol_bps_e6, v.arrivals.rate_e6);
            assert_eq!(
                of(&rig.view),
                (None, of(&known).1, of(&known).2, of(&known).3),
                "{state:?}"
            );
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
}
