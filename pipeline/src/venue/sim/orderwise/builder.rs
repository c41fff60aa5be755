//! Order events as a venue's files have them → an [`OrderTape`], and what the public saw.
//!
//! Nothing that cannot be true of the book goes in: the first such event voids the asset's book, and
//! all is left out until the next snapshot. Each is counted by kind.
//!
//! Files of a node begin without a snapshot. What rests from before is then not known, and changes of
//! it are told by their ids, which only grow: they are lower than the first that was seen, and are
//! counted. [`WARM_UP`] after the first block the book is taken to be whole.

use super::book::Orders;
use super::codec::{OrderTape, Writer};
use super::event::{Fault, OrderEvent};
use super::public::{BlockTimes, Cadence, Public, trade};
use crate::types::{AssetId, MarketEvent, Nanos, Oid, Px, Qty, Side, Universe};

/// From the first block without a snapshot to when the book is taken to be whole: most of what rests
/// near the touch is younger than that.
pub const WARM_UP: Nanos = Nanos::secs(60);

/// What came of one asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersReport {
    /// Events taken in.
    pub events: u64,
    /// What was wrong, by [`Fault::index`].
    pub faults: [u64; Fault::COUNT],
    /// The first fault, when, and about which order.
    pub first_fault: Option<(Fault, Nanos, Option<Oid>)>,
    /// Events left out because the book was void.
    pub left_out: u64,
    /// Events about orders from before the recording.
    pub unseen: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// From when on the book was whole for the first time.
    pub whole_from: Option<Nanos>,
    /// For how long it was void.
    pub void_for: Nanos,
}

/// One asset while its tape is written.
#[derive(Debug, Default)]
struct Building {
    orders: Orders,
    public: Public,
    report: OrdersReport,
    began: Option<Nanos>,
    void_since: Option<Nanos>,
}

/// See the module.
#[derive(Debug)]
pub struct Builder {
    writer: Writer,
    cadence: Cadence,
    assets: Vec<Building>,
    time: Nanos,
    /// The block that is open, and whether its head is written.
    open: Option<(BlockTimes, bool)>,
    trades: Vec<MarketEvent>,
}

impl Builder {
    /// Of events of the assets of `universe`. The public sees books at this cadence.
    pub fn new(universe: &Universe, cadence: Cadence) -> Self {
        let assets = universe.iter().map(|_| Building::default()).collect();
        let (time, trades) = (Nanos(i64::MIN), Vec::new());
        Self { writer: Writer::new(universe), cadence, assets, time, open: None, trades }
    }

    /// Whether an order rests, as far as it is known.
    pub fn order(&self, asset: AssetId, oid: Oid) -> Option<(Side, Px, Qty)> {
        let (side, level) = self.assets[asset.index()].orders.book().order(oid)?;
        Some((side, level.px, level.qty))
    }

    /// The events of a block of an asset follow. One that is older than the one before is taken for one
    /// of that time, and voids the book.
    pub fn begin(&mut self, mut block: BlockTimes) {
        assert!(self.open.is_none(), "a block is open");
        let is_late = block.venue < self.time;
        block.venue = block.venue.max(self.time);
        self.time = block.venue;
        self.open = Some((block, false));
        let asset = &mut self.assets[block.asset.index()];
        let began = *asset.began.get_or_insert(block.venue);
        if is_late {
            self.fail(Fault::Backwards, None);
        } else if asset.orders.is_beginning() && block.venue - began >= WARM_UP {
            self.take(&OrderEvent::Whole);
        }
    }

    /// Takes in an event of the open block.
    pub fn push(&mut self, event: &OrderEvent) {
        let Some((block, _)) = self.open else { return };
        let asset = &mut self.assets[block.asset.index()];
        if asset.orders.is_void() && !matches!(event, OrderEvent::Snapshot | OrderEvent::Void) {
            asset.report.left_out += 1;
            return;
        }
        let about = match *event {
            OrderEvent::New { oid, .. }
            | OrderEvent::Resized { oid, .. }
            | OrderEvent::Removed { oid }
            | OrderEvent::Filled { oid, .. } => Some(oid),
            _ => None,
        };
        match asset.orders.apply(event) {
            Ok(()) => self.took(event),
            Err(Fault::MissingOid) if about.is_some_and(|oid| asset.orders.may_be_unseen(oid)) => {
                asset.report.unseen += 1;
            }
            Err(fault) => self.fail(fault, about),
        }
    }

    /// Takes in a trade of a resting order; of one that is not known, its side and price are these.
    pub fn fill(&mut self, oid: Oid, (side, px): (Side, Px), qty: Qty, tid: u64) {
        let Some((block, _)) = self.open else { return };
        let asset = &mut self.assets[block.asset.index()];
        let orders = &asset.orders;
        let known = orders.book().order(oid).map(|(side, level)| (side, level.px));
        let (side, px) = known.unwrap_or((side, px));
        if known.is_none() && !orders.is_void() && orders.may_be_unseen(oid) {
            asset.report.unseen += 1;
            self.push(&OrderEvent::FilledUnseen { side, px, qty, tid });
        } else {
            self.push(&OrderEvent::Filled { oid, qty, tid });
        }
        // It was public whatever is known of the book.
        if px.is_positive() && qty.is_positive() {
            self.trades.push(trade(&block, side, px, qty, tid));
        }
    }

    /// The snapshot of the open block is over: the book is whole, unless something was wrong with it.
    pub fn whole(&mut self) {
        let asset = self.open.map(|(block, _)| block.asset);
        if asset.is_some_and(|asset| self.assets[asset.index()].orders.is_in_snapshot()) {
            self.take(&OrderEvent::Whole);
        }
    }

    /// Something is wrong with the open block's asset: its book is void from here on.
    pub fn fail(&mut self, fault: Fault, about: Option<Oid>) {
        let Some((block, _)) = self.open else { return };
        let asset = &mut self.assets[block.asset.index()];
        // Of a book of which nothing is known only what is missing is told.
        if asset.orders.is_void() && fault != Fault::Gap {
            asset.report.left_out += 1;
            return;
        }
        asset.report.faults[fault.index()] += 1;
        asset.report.first_fault.get_or_insert((fault, block.venue, about));
        if !asset.orders.is_void() {
            self.take(&OrderEvent::Void);
        }
    }

    /// The block is over. What the public saw of it goes to `out`.
    pub fn end(&mut self, out: &mut Vec<MarketEvent>) {
        let Some((block, _)) = self.open.take() else { return };
        out.append(&mut self.trades);
        let Building { orders, public, .. } = &mut self.assets[block.asset.index()];
        if orders.is_whole() {
            public.tell(&block, orders.book(), self.cadence, out);
        }
    }

    /// The tape, and what came of each asset.
    pub fn finish(self) -> (OrderTape, Vec<OrdersReport>) {
        let last = self.time;
        let reports = self.assets.into_iter().map(|asset| {
            let still = asset.void_since.map_or(Nanos::ZERO, |since| last - since);
            let void_for = asset.report.void_for + still;
            OrdersReport { void_for, ..asset.report }
        });
        (self.writer.finish(), reports.collect())
    }

    /// Takes in an event that is always true.
    fn take(&mut self, event: &OrderEvent) {
        let Some((block, _)) = self.open else { return };
        let told = self.assets[block.asset.index()].orders.apply(event);
        assert!(told.is_ok(), "{event:?} is never wrong");
        self.took(event);
    }

    /// An event was taken in: writes it down.
    fn took(&mut self, event: &OrderEvent) {
        let Some((block, is_written)) = &mut self.open else { return };
        let asset = &mut self.assets[block.asset.index()];
        asset.report.events += 1;
        match event {
            OrderEvent::Void => {
                asset.void_since.get_or_insert(block.venue);
                asset.public.forget();
            }
            OrderEvent::Snapshot => asset.report.snapshots += 1,
            OrderEvent::Whole => {
                asset.orders.forget_before();
                asset.report.whole_from.get_or_insert(block.venue);
                let since = asset.void_since.take();
                let void = since.map_or(Nanos::ZERO, |since| block.venue - since);
                asset.report.void_for = asset.report.void_for + void;
            }
            _ => {}
        }
        if !std::mem::replace(is_written, true) {
            self.writer.block(block.asset, block.venue);
        }
        self.writer.event(event);
    }
}
