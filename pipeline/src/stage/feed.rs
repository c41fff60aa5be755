//! Feed: takes events from the venue's feed, numbers them, hands them to the book. New parameters are
//! let in here, among the events, so that they have a place in the order of things.

use crate::rt::{Ahead, Came, In, Input, Out, Stage, bring_near};
use crate::stage::metrics::Metrics;
use crate::stage::numbers::FeedTrouble;
use crate::stage::records::FactsOut;
use crate::types::AlertKind;
use crate::types::limits::{MAX_ASSETS, POLL_BATCH};
use crate::types::{
    AssetId, Fact, FeedChange, FeedStatus, LentEvent, MarketEvent, Nanos, NewParams,
};
use crate::venue::Feed;
use crate::venue::market_ring::MarketOut;
use std::sync::Arc;

/// The rings of the feed stage.
pub struct FeedRings {
    /// To book.
    pub out: MarketOut,
    /// From the side thread.
    pub commands: In<NewParams>,
    /// To the side thread.
    pub facts: FactsOut,
    /// To the side thread: when frames arrived.
    pub came: Out<Came>,
}

/// See the module.
pub struct FeedStage<F: ?Sized> {
    feed: Box<F>,
    onward: Onward,
}

/// The way of every event, whoever told it.
struct Onward {
    rings: FeedRings,
    metrics: Arc<Metrics>,
    lossless: bool,
    assets: usize,
    seq: u64,
    /// Events of these assets were dropped, and the book does not know yet.
    dropped: [bool; MAX_ASSETS],
    any_dropped: bool,
    /// A lost link was told of, and no book has come since.
    is_lost: bool,
    /// Rows go ahead of their time: there is no hurry, and nothing is dropped.
    is_ahead: bool,
    /// What concerns all assets, the link's state or new parameters, and the book's ring had no room
    /// for: never dropped, nothing goes before it.
    waiting: Option<FeedStatus>,
}

impl<F: Feed + ?Sized> FeedStage<F> {
    /// Of so many assets. When `lossless`, nothing is taken from the feed that the book's ring has no
    /// room for.
    pub fn new(
        feed: Box<F>,
        rings: FeedRings,
        metrics: Arc<Metrics>,
        assets: usize,
        lossless: bool,
    ) -> Self {
        let onward = Onward {
            rings,
            metrics,
            lossless,
            assets,
            seq: 0,
            dropped: [false; MAX_ASSETS],
            any_dropped: false,
            is_lost: false,
            is_ahead: false,
            waiting: None,
        };
        Self { feed, onward }
    }
}

impl Onward {
    /// Tells the book that what it knows of an asset is void.
    fn report_dropped(&mut self, now: Nanos) {
        for index in 0..self.assets {
            if self.dropped[index] {
                let status = FeedStatus::of(FeedChange::Dropped, AssetId::new(index), now);
                if !self.rings.out.push(self.seq, MarketEvent::Status(status)) {
                    return;
                }
                self.dropped[index] = false;
            }
        }
        self.any_dropped = false;
    }

    /// Numbers the event and hands it on.
    fn hand_on(&mut self, now: Nanos, event: LentEvent<'_>) {
        self.seq += 1;
        self.metrics.feed.events_by_kind[event.kind()].add(1);
        if let MarketEvent::Status(status) = event {
            self.tell(now, status);
            if !status.change.is_of_asset() {
                self.waiting = Some(status);
                self.let_in();
                return;
            }
        }
        if matches!(event, MarketEvent::Book(_) | MarketEvent::Bbo(_)) {
            self.is_lost = false;
        }
        let is_book = !matches!(event, MarketEvent::Trade(_) | MarketEvent::Mark(_));
        if !self.rings.out.push_or_drop(self.seq, event) && is_book {
            self.dropped[event.asset().index()] = true;
            self.any_dropped = true;
        }
    }

    /// The same of a row, for which there is room.
    #[inline]
    fn hand_on_row(&mut self, row: LentEvent<'_>) {
        self.seq += 1;
        self.metrics.feed.events_by_kind[row.kind()].add(1);
        let is_taken = self.rings.out.push_row(self.seq, row);
        assert!(is_taken, "a row that there was room for");
    }

    /// What a person, or the journal, should know of it.
    fn tell(&mut self, now: Nanos, status: FeedStatus) {
        let FeedStatus { asset, change, generation, .. } = status;
        let (asset, trouble, kind) = match change {
            FeedChange::NewParams => {
                let fact = Fact::Params { generation, time: now, market_seq: self.seq };
                self.rings.facts.tell(fact);
                return;
            }
            FeedChange::Silent => (Some(asset), Some(FeedTrouble::Silent), AlertKind::CoinSilent),
            FeedChange::Refused => {
                (Some(asset), Some(FeedTrouble::Refused), AlertKind::CoinRefused)
            }
            FeedChange::Resumed => (Some(asset), None, AlertKind::CoinResumed),
            // A link that opens and tells no price is not back.
            FeedChange::Down if self.is_lost => return,
            FeedChange::Down => {
                self.is_lost = true;
                (None, None, AlertKind::FeedLost)
            }
            FeedChange::Up | FeedChange::Dropped | FeedChange::Behind | FeedChange::CaughtUp => {
                return;
            }
        };
        if let Some(asset) = asset {
            self.metrics.set_feed_trouble(asset, trouble);
        }
        self.rings.facts.tell(Fact::Alert { asset, time: now, kind });
    }

    /// Hands on what waits, when there is room.
    fn let_in(&mut self) {
        if let Some(status) = self.waiting
            && self.rings.out.push(self.seq, MarketEvent::Status(status))
        {
            self.waiting = None;
        }
    }

    fn may_take(&self) -> bool {
        self.waiting.is_none() && (!(self.lossless || self.is_ahead) || self.rings.out.has_room())
    }
}

impl<F: Feed + ?Sized> Stage for FeedStage<F> {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        let Self { feed, onward } = self;
        onward.let_in();
        if onward.any_dropped {
            onward.report_dropped(now);
        }
        let mut work = 0;
        while work < POLL_BATCH && onward.may_take() {
            if let Some(event) = feed.next(now) {
                onward.hand_on(now, event);
                if let Some(arrival) = feed.take_arrival() {
                    onward.rings.came.push_or_drop(Came { seq: onward.seq, arrival });
                }
            } else if let Some(NewParams { generation }) = onward.rings.commands.pop() {
                let status = FeedStatus::new_params(generation, now);
                onward.hand_on(now, MarketEvent::Status(status));
            } else {
                break;
            }
            work += 1;
        }
        onward.metrics.feed.events.add(work as u64);
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.feed.next_deadline()
    }

    fn hears(&self, now: Nanos) -> bool {
        let Self { feed, onward } = self;
        feed.has_news(now)
            || onward.waiting.is_some()
            || onward.any_dropped
            || onward.rings.commands.has_some()
    }

    fn is_due(&self, now: Nanos) -> bool {
        self.hears(now)
    }

    /// Its rows are taken ahead of time, and all else says there when it is due.
    fn calm_until(&self) -> Option<Nanos> {
        None
    }

    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        let Self { feed, onward } = self;
        onward.is_ahead = true;
        if onward.waiting.is_some() || onward.any_dropped {
            return Ahead::nothing(feed.next_deadline().map_or(until, |due| due.min(until)));
        }
        let mut last = None;
        let (mut work, room) = (0, onward.rings.out.room_for_rows().min(POLL_BATCH));
        while work < room
            && let Ok(row) = feed.next_row(until)
        {
            last = Some(row.recv_time());
            onward.hand_on_row(row);
            work += 1;
        }
        let next = feed.next_deadline().map_or(until, |due| due.min(until));
        let ahead = Ahead { until: next, last, goes_on: work == room && work > 0 };
        onward.metrics.feed.events.add(work as u64);
        ahead
    }

    fn warm(&mut self, _: Nanos) {
        bring_near(self);
        bring_near(&self.onward.metrics.feed);
        self.onward.rings.out.warm();
        self.feed.warm();
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(&mut self.onward.rings.commands);
        if let Some(link) = self.feed.input() {
            see(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::ring;
    use crate::stage::records::facts;
    use crate::types::{BookSnapshot, Record};
    use crate::venue::market_ring::market_ring;

    /// A feed that tells what it was given, in order; and how much of it was told.
    struct Script(Vec<MarketEvent>, usize);

    impl Feed for Script {
        fn next(&mut self, _: Nanos) -> Option<LentEvent<'_>> {
            let event = self.0.get(self.1)?;
            self.1 += 1;
            Some(event.lend())
        }
        fn next_deadline(&self) -> Option<Nanos> {
            None
        }
    }

    fn status(change: FeedChange, asset: usize) -> MarketEvent {
        MarketEvent::Status(FeedStatus::of(change, AssetId::new(asset), Nanos::ZERO))
    }

    fn book(asset: usize) -> MarketEvent {
        MarketEvent::Book(BookSnapshot { asset: AssetId::new(asset), ..BookSnapshot::EMPTY })
    }

    /// What reaches the book through rings of that size which are emptied only after each poll, and the
    /// alerts.
    fn told(
        events: Vec<MarketEvent>,
        room: usize,
    ) -> (Vec<(usize, FeedChange, usize)>, Vec<AlertKind>) {
        told_through(events, (room, room))
    }

    /// The same through rings with so much room for events, and for books.
    fn told_through(
        events: Vec<MarketEvent>,
        (room, of_books): (usize, usize),
    ) -> (Vec<(usize, FeedChange, usize)>, Vec<AlertKind>) {
        let (out, mut market) = market_ring(("feed->book", room), ("books", of_books));
        let (_commands, commands) = ring("side->feed", 1);
        let (facts, mut said) = facts(("feed->side facts", 16), &Arc::default());
        let rings = FeedRings { out, commands, facts, came: ring("came", 1).0 };
        let (feed, metrics) = (Box::new(Script(events, 0)), Arc::new(Metrics::default()));
        let mut stage = FeedStage::new(feed, rings, metrics, 3, false);
        let (mut links, mut at) = (Vec::new(), 0);
        for _ in 0..8 {
            stage.poll(Nanos::ZERO);
            while let Some(event) = market.pop() {
                match event {
                    MarketEvent::Book(head) => market.take_book(&head, |_| ()),
                    MarketEvent::Status(s) => links.push((at, s.change, s.asset.index())),
                    _ => {}
                }
                at += 1;
            }
        }
        let alerts = std::iter::from_fn(|| said.pop()).filter_map(|record| match record {
            Record::Fact(Fact::Alert { kind, .. }) => Some(kind),
            _ => None,
        });
        (links, alerts.collect())
    }

    #[test]
    fn what_concerns_every_asset_is_never_dropped() {
        for change in [FeedChange::Up, FeedChange::Down, FeedChange::Behind, FeedChange::CaughtUp] {
            // The ring is full when it comes: it waits, and nothing overtakes it.
            let events = vec![book(0), book(1), status(change, 0), book(2)];
            let (links, alerts) = told(events, 2);
            assert_eq!(links, [(2, change, 0)]);
            assert_eq!(alerts.contains(&AlertKind::FeedLost), change == FeedChange::Down);
        }
    }

    #[test]
    fn a_lost_link_is_told_once_until_a_price_has_come() {
        let (down, up) = (|| status(FeedChange::Down, 0), || status(FeedChange::Up, 0));
        let (links, alerts) = told(vec![down(), up(), down(), up(), down()], 8);
        assert_eq!((links.len(), alerts), (5, vec![AlertKind::FeedLost]));
        let (_, alerts) = told(vec![down(), up(), book(1), down()], 8);
        assert_eq!(alerts, [AlertKind::FeedLost; 2]);
    }

    #[test]
    fn a_coins_own_news_that_find_no_room_void_that_coin() {
        for event in [book(2), status(FeedChange::Silent, 2), status(FeedChange::Refused, 2)] {
            let (links, _) = told(vec![book(0), event], 1);
            assert_eq!(links, [(1, FeedChange::Dropped, 2)]);
        }
        let trade = crate::types::Trade { asset: AssetId::new(2), ..Default::default() };
        assert_eq!(told(vec![book(0), MarketEvent::Trade(trade)], 1).0, []);
    }

    #[test]
    fn a_book_that_finds_no_room_among_the_books_voids_its_coin_and_nothing_else() {
        let touch = crate::types::Bbo { asset: AssetId::new(1), ..Default::default() };
        let events =
            vec![book(0), book(2), MarketEvent::Bbo(touch), book(0), status(FeedChange::Up, 0)];
        let (links, _) = told_through(events, (8, 1));
        // The first book and the touch came through, the others' coins are void.
        assert_eq!(
            links,
            [(2, FeedChange::Up, 0), (3, FeedChange::Dropped, 0), (4, FeedChange::Dropped, 2)]
        );
    }

    #[test]
    fn a_coins_trouble_is_told() {
        let events = [FeedChange::Silent, FeedChange::Resumed, FeedChange::Refused]
            .map(|change| status(change, 1));
        let (links, alerts) = told(events.to_vec(), 8);
        assert_eq!(links.len(), 3);
        use AlertKind::{CoinRefused, CoinResumed, CoinSilent};
        assert_eq!(alerts, [CoinSilent, CoinResumed, CoinRefused]);
    }
}
