//! Feed: takes events from the venue's feed, numbers them, hands them to the book.

use crate::rt::{Out, Stage};
use crate::stage::metrics::Metrics;
use crate::types::limits::{MAX_ASSETS, POLL_BATCH};
use crate::types::{AssetId, BookSnapshot, FeedStatus, Link, MarketEvent, Nanos};
use crate::venue::Feed;
use std::sync::Arc;

/// See the module.
pub struct FeedStage<F> {
    feed: F,
    out: Out<MarketEvent>,
    metrics: Arc<Metrics>,
    lossless: bool,
    seq: u64,
    /// Events of these assets were dropped, and the book does not know yet.
    dropped: [bool; MAX_ASSETS],
    any_dropped: bool,
    event: MarketEvent,
}

impl<F: Feed> FeedStage<F> {
    /// When `lossless`, nothing is taken from the feed that the book's ring has no room for.
    pub fn new(feed: F, out: Out<MarketEvent>, metrics: Arc<Metrics>, lossless: bool) -> Self {
        Self {
            feed,
            out,
            metrics,
            lossless,
            seq: 0,
            dropped: [false; MAX_ASSETS],
            any_dropped: false,
            event: MarketEvent::Book(BookSnapshot::EMPTY),
        }
    }

    /// Tells the book that what it knows of an asset is void.
    fn report_dropped(&mut self, now: Nanos) {
        for index in 0..MAX_ASSETS {
            if self.dropped[index] {
                let asset = AssetId::new(index);
                let status =
                    FeedStatus { asset, link: Link::Dropped, _pad: [0; 5], recv_time: now };
                if self.out.push(MarketEvent::Status(status)).is_err() {
                    return;
                }
                self.dropped[index] = false;
            }
        }
        self.any_dropped = false;
    }
}

impl<F: Feed> Stage for FeedStage<F> {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        if self.any_dropped {
            self.report_dropped(now);
        }
        let mut work = 0;
        while work < POLL_BATCH && !(self.lossless && self.out.free() == 0) {
            if !self.feed.next(now, &mut self.event) {
                break;
            }
            work += 1;
            self.seq += 1;
            self.event.set_seq(self.seq);
            self.metrics.events_by_kind[self.event.kind()].add(1);
            let is_book = !matches!(self.event, MarketEvent::Trade(_));
            if !self.out.push_or_drop(self.event) && is_book {
                self.dropped[self.event.asset().index()] = true;
                self.any_dropped = true;
            }
        }
        self.metrics.events.add(work as u64);
        work
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.feed.next_deadline()
    }
}
