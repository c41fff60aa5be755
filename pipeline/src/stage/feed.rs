//! Feed: takes events from the venue's feed, numbers them, hands them to the book. New parameters are
//! let in here, among the events, so that they have a place in the order of things.

use crate::rt::{In, Out, Stage};
use crate::stage::metrics::Metrics;
use crate::types::limits::{MAX_ASSETS, POLL_BATCH};
use crate::types::{
    AssetId, BookSnapshot, FeedStatus, Link, MarketEvent, Nanos, NewParams, Record,
};
use crate::venue::Feed;
use std::sync::Arc;

/// The rings of the feed stage.
pub struct FeedRings {
    /// To book.
    pub out: Out<MarketEvent>,
    /// From the side thread.
    pub commands: In<NewParams>,
    /// To the side thread.
    pub records: Out<Record>,
}

/// See the module.
pub struct FeedStage<F> {
    feed: F,
    rings: FeedRings,
    metrics: Arc<Metrics>,
    lossless: bool,
    seq: u64,
    /// Events of these assets were dropped, and the book does not know yet.
    dropped: [bool; MAX_ASSETS],
    any_dropped: bool,
    /// Parameters that the book's ring had no room for: never dropped, nothing goes before them.
    waiting: Option<FeedStatus>,
    event: MarketEvent,
}

impl<F: Feed> FeedStage<F> {
    /// When `lossless`, nothing is taken from the feed that the book's ring has no room for.
    pub fn new(feed: F, rings: FeedRings, metrics: Arc<Metrics>, lossless: bool) -> Self {
        Self {
            feed,
            rings,
            metrics,
            lossless,
            seq: 0,
            dropped: [false; MAX_ASSETS],
            any_dropped: false,
            waiting: None,
            event: MarketEvent::Book(BookSnapshot::EMPTY),
        }
    }

    /// Tells the book that what it knows of an asset is void.
    fn report_dropped(&mut self, now: Nanos) {
        for index in 0..MAX_ASSETS {
            if self.dropped[index] {
                let status = FeedStatus::of_link(Link::Dropped, AssetId::new(index), now);
                if self.rings.out.push(MarketEvent::Status(status)).is_err() {
                    return;
                }
                self.dropped[index] = false;
            }
        }
        self.any_dropped = false;
    }

    /// Numbers the event and hands it on.
    fn hand_on(&mut self, now: Nanos) {
        self.seq += 1;
        self.event.set_seq(self.seq);
        self.metrics.events_by_kind[self.event.kind()].add(1);
        if let MarketEvent::Status(status) = self.event
            && status.link == Link::NewParams
        {
            let FeedStatus { generation, .. } = status;
            let record = Record::Params { generation, time: now, market_seq: self.seq };
            self.rings.records.push_or_drop(record);
            self.waiting = Some(status);
            self.let_in();
            return;
        }
        let is_book = !matches!(self.event, MarketEvent::Trade(_) | MarketEvent::Mark(_));
        if !self.rings.out.push_or_drop(self.event) && is_book {
            self.dropped[self.event.asset().index()] = true;
            self.any_dropped = true;
        }
    }

    /// Hands new parameters on when there is room.
    fn let_in(&mut self) {
        if let Some(status) = self.waiting
            && self.rings.out.push(MarketEvent::Status(status)).is_ok()
        {
            self.waiting = None;
        }
    }

    fn may_take(&self) -> bool {
        self.waiting.is_none() && !(self.lossless && self.rings.out.free() == 0)
    }
}

impl<F: Feed> Stage for FeedStage<F> {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.let_in();
        if self.any_dropped {
            self.report_dropped(now);
        }
        let mut work = 0;
        while work < POLL_BATCH && self.may_take() {
            if self.feed.next(now, &mut self.event) {
                self.hand_on(now);
            } else if let Some(NewParams { generation }) = self.rings.commands.pop() {
                self.event = MarketEvent::Status(FeedStatus::new_params(generation, now));
                self.hand_on(now);
            } else {
                break;
            }
            work += 1;
        }
        self.metrics.events.add(work as u64);
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.feed.next_deadline()
    }
}
