//! What the core tells, as answers on their way to the bot: each arrives late, and in order.

use crate::types::limits::RING_SIM;
use crate::types::{
    ActionKind, AlertKind, AssetId, Cloid, Done, DoneWhy, Fill, Nanos, Px, Reject, VenueEvent,
    VenueEventKind,
};
use crate::venue::sim::core::{Fact, Order, Refused, Sink, Status};
use crate::venue::sim::latency::Latency;
use std::collections::VecDeque;

/// Answers on their way.
pub(super) struct Answers {
    response: Latency,
    /// The item that is being dealt with; [`None`] = what happens was asked for by nobody.
    pub asked: Option<Item>,
    /// Messages that found a full ring, oldest first.
    pub waiting: VecDeque<VenueEvent>,
    last_arrival: Nanos,
    /// The account is not what was last shown.
    pub is_new: bool,
}

/// One item of an action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub of: ActionKind,
    pub cloid: Cloid,
    pub asset: AssetId,
    /// The whole request is refused with it.
    pub is_whole: bool,
    /// An item of its request was refused for a fault before: breakers count requests.
    pub is_after_fault: bool,
}

impl Answers {
    /// None on their way yet.
    pub fn new(response: Latency) -> Self {
        Self {
            response,
            asked: None,
            waiting: VecDeque::with_capacity(RING_SIM),
            last_arrival: Nanos::ZERO,
            is_new: false,
        }
    }

    fn push(&mut self, venue_time: Nanos, cloid: Cloid, asset: AssetId, kind: VenueEventKind) {
        let arrival = venue_time + self.response.draw();
        self.last_arrival = self.last_arrival.max(arrival);
        let recv_time = self.last_arrival;
        self.waiting.push_back(VenueEvent::new(cloid, asset, [venue_time, recv_time], kind));
    }
}

impl Sink for Answers {
    fn take(&mut self, time: Nanos, fact: Fact<'_>) {
        let (order, kind) = match fact {
            Fact::Refused(refused) => {
                let Some(asked) = self.asked else { return };
                let kind = VenueEventKind::Reject(reject(&asked, refused));
                return self.push(time, asked.cloid, asked.asset, kind);
            }
            Fact::Funding(_, asset, _, _, cost) => {
                self.is_new = true;
                return self.push(time, Cloid::default(), asset, VenueEventKind::Funding(cost));
            }
            Fact::Liquidated(..) => {
                let kind = VenueEventKind::Notice(AlertKind::Liquidated);
                return self.push(time, Cloid::default(), AssetId::default(), kind);
            }
            // The venue's own order, which closes a position: its fills are told.
            Fact::Order(Order { cloid: None, .. }, _) => return,
            Fact::Order(o, Status::Open) => {
                (o, VenueEventKind::Ack { oid: o.oid, leaves: o.leaves })
            }
            Fact::Order(o, status) => {
                let Some(why) = why_done(status) else { return };
                let done = Done { oid: o.oid, leaves: o.leaves, why, _pad: [0; 7] };
                (o, VenueEventKind::Done(done))
            }
            Fact::Fill(o, filled) => {
                self.is_new = true;
                let fill = Fill {
                    oid: o.oid,
                    px: filled.px,
                    qty: filled.qty,
                    fee: filled.fee.total,
                    tid: filled.tid,
                    side: o.side,
                    crossed: filled.crossed,
                    cause: filled.cause,
                    is_liquidation: filled.liquidation.is_some(),
                    ..Fill::default()
                };
                (o, VenueEventKind::Fill(fill))
            }
            _ => return,
        };
        self.push(time, order.cloid.unwrap_or_default(), order.asset, kind);
    }
}

/// How an order ended, as a bot hears of it. [`None`]: it did not, or it is told otherwise.
const fn why_done(status: Status) -> Option<DoneWhy> {
    Some(match status {
        Status::Open | Status::Triggered | Status::Rejected(_) => return None,
        Status::Filled => DoneWhy::Filled,
        Status::Canceled => DoneWhy::Canceled,
        Status::Replaced => DoneWhy::Replaced,
        Status::MarginCanceled => DoneWhy::Margin,
        Status::LiquidatedCanceled => DoneWhy::Liquidated,
        Status::ScheduledCancel
        | Status::SelfTradeCanceled
        | Status::ReduceOnlyCanceled
        | Status::SiblingFilledCanceled => DoneWhy::VenueCanceled,
    })
}

/// A refusal as a bot hears of it.
fn reject(asked: &Item, refused: Refused) -> Reject {
    let (best_bid, best_ask) = match refused {
        Refused::BadAloPx(bid, ask) => (bid.unwrap_or_default(), ask.unwrap_or_default()),
        _ => (Px::ZERO, Px::ZERO),
    };
    let mut reject = Reject { best_bid, best_ask, ..Reject::new(asked.of, refused.reason()) };
    reject.is_whole = asked.is_whole;
    reject.is_counted &= !asked.is_after_fault;
    reject
}
