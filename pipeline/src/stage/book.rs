//! Book: keeps each asset's book and its estimates, publishes views.

use crate::logic::arrivals::ArrivalCounts;
use crate::logic::book::Book;
use crate::logic::estimates::{Imbalance, Volatility};
use crate::logic::flow::Flow;
use crate::rt::{Ahead, Input, OutLatest, Stage, bring_near};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::types::limits::{BOOK_LEVELS, POLL_BATCH};
use crate::types::{
    AssetId, AssetParams, BookState, BookView, EventHead, FeedChange, LevelChange, Marked,
    MarketEvent, Nanos, Side,
};
use crate::venue::hl::clock::VenueClock;
use crate::venue::market_ring::MarketIn;
use std::sync::Arc;

struct AssetBook {
    book: Book,
    volatility: Volatility,
    imbalance: Imbalance,
    arrivals: ArrivalCounts,
    flow: Flow,
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

/// Levels of the imbalances that the fit learns from.
const FIT_LEVELS: [usize; 2] = [BOOK_LEVELS, 5];

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
    metrics: Arc<Metrics>,
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
            flow: Flow::default(),
            params: *p,
            view: BookView { asset: AssetId::new(i), ..BookView::default() },
            news: LevelNewsOf::default(),
        };
        let assets = params.iter().enumerate().map(asset).collect();
        let (venue_clock, metrics) = (VenueClock::default(), Arc::default());
        let (is_behind, has_news, is_ahead) = (false, false, false);
        Self {
            input,
            out,
            params: changes,
            assets,
            is_behind,
            has_news,
            is_ahead,
            venue_clock,
            metrics,
        }
    }

    /// Judges how late a message is by this clock; without it, by ours.
    pub fn by(self, venue_clock: VenueClock) -> Self {
        Self { venue_clock, ..self }
    }

    /// Counts there.
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
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
            MarketEvent::Trade(trade) => {
                let asset = &mut self.assets[trade.asset.index()];
                asset.arrivals.on_trade(trade);
                asset.view.taken[trade.aggressor.opposite().index()] = trade.venue_time;
                if asset.params.wants_fit() {
                    asset.flow.on_trade(trade);
                }
            }
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
            self.metrics.book.levels_lost[i].set(asset.book.levels_lost());
            self.publish(AssetId::new(i));
        }
    }

    /// When the first of the books that have to be shown has to be.
    fn news_due(&self) -> Option<Nanos> {
        self.assets.iter().filter_map(|asset| asset.news.due).min()
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
        let (imbalances_e6, flow) = match self.params.wants_fit() && mid.is_some() {
            true => (FIT_LEVELS.map(|n| self.imbalance_e6(n)), self.flow.signed(now)),
            false => Default::default(),
        };
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
            imbalances_e6,
            flow,
            taken: self.view.taken,
        };
    }

    /// As it is, millionths.
    fn imbalance_e6(&self, levels: usize) -> i32 {
        (self.book.imbalance(levels).unwrap_or(0.0) * 1e6) as i32
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

    fn hears(&self, now: Nanos) -> bool {
        self.out.has_pending() || (self.is_there(now) && self.input.next_time().is_some())
    }

    fn is_due(&self, now: Nanos) -> bool {
        self.has_news || self.hears(now)
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
        self.news_due().into_iter().chain(self.input.next_time()).min()
    }

    /// Its rows are taken in ahead of time too, and views shown: whoever decides on one waits for its time.
    fn calm_until(&self) -> Option<Nanos> {
        None
    }

    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        self.is_ahead = true;
        let mut ahead = Ahead::nothing(until);
        loop {
            let next = self.input.next_time().filter(|at| *at < until);
            let due = if self.has_news { self.news_due() } else { None };
            // All of that moment is taken in.
            if let Some(due) = due.filter(|due| *due < until && next.is_none_or(|at| at > *due)) {
                if self.out.free() < self.assets.len() {
                    ahead.until = due;
                    return ahead;
                }
                self.show_levels(due);
            } else if next.is_some()
                && let Some(event) = self.input.pop()
            {
                self.on_event(&event);
                ahead.last = Some(event.recv_time());
            } else {
                return ahead;
            }
        }
    }

    fn warm(&mut self, _: Nanos) {
        bring_near(self);
        bring_near(&self.assets[..]);
        self.out.warm();
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(self.input.input());
    }
}

#[cfg(test)]
mod tests;
