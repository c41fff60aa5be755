//! The still market, with agents who act at given times.

use super::same_rules::Step;
use super::*;
use botmm_pipeline::types::{MarketEvent, Trade};
use botmm_pipeline::venue::sim::Execution;

const ALL: Qty = Qty::whole(1_000_000);

/// The still market, which agents take from and move at given times.
pub struct Hit {
    pub still: Still,
    /// Each once, in this order, with its time.
    pub steps: VecDeque<(Nanos, Step)>,
}

impl Hit {
    /// The agents' orders stand around another price, and whoever of ours stood there was met.
    fn move_to(&mut self, time: Nanos, px: Px, out: &mut MarketOutput) {
        for i in 0..4 {
            self.still.books[0].cancel(Oid(AGENT | i));
        }
        let one = Px::whole(1);
        self.take(
            time,
            &TakingOrder { asset: btc(), side: Side::Ask, limit: px + one, qty: ALL },
            out,
        );
        self.take(
            time,
            &TakingOrder { asset: btc(), side: Side::Bid, limit: px - one, qty: ALL },
            out,
        );
        for (i, side, px) in [
            (0, Side::Bid, px - one),
            (1, Side::Bid, px - one - one),
            (2, Side::Ask, px + one),
            (3, Side::Ask, px + one + one),
        ] {
            self.still.books[0].place(Oid(AGENT | i), side, px, Qty::whole(10));
        }
    }

    fn take(&mut self, time: Nanos, order: &TakingOrder, out: &mut MarketOutput) {
        let mut taken = Vec::new();
        self.still.take(order, &mut taken);
        for Taken { px, qty, maker, tid } in taken {
            let (asset, aggressor) = (btc(), order.side);
            let trade =
                Trade { asset, aggressor, venue_time: time, px, qty, tid, ..Trade::default() };
            out.events.push(MarketEvent::Trade(trade));
            out.executions.extend(maker.map(|oid| Execution {
                time,
                oid,
                px,
                qty,
                tid,
                cause: None,
            }));
        }
    }
}

impl Market for Hit {
    fn next_time(&self) -> Option<Nanos> {
        self.steps.front().map(|(at, _)| *at)
    }
    fn advance(&mut self, until: Nanos, out: &mut MarketOutput) {
        while let Some((time, step)) = self.steps.pop_front_if(|(at, _)| *at <= until) {
            match step {
                Step::Take(side, limit, qty) => {
                    self.take(time, &TakingOrder { asset: btc(), side, limit, qty }, out);
                }
                Step::Move(px) => self.move_to(time, px, out),
                Step::Act { .. } | Step::Wait(_) => {}
            }
        }
    }
    fn touch(&self, asset: AssetId) -> (Level, Level) {
        self.still.touch(asset)
    }
    fn place(&mut self, order: &RestingOrder) {
        self.still.place(order);
    }
    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        self.still.cancel(oid)
    }
    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        self.still.front(asset, side)
    }
    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        self.still.take(order, taken)
    }
    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        self.still.depth(asset, side, count, levels);
    }
    fn room(&self) -> usize {
        self.still.room()
    }
}
