//! What can be asked of the venue (PROTOCOL §3.1), described once. The order of the keys here is the
//! order of the bytes that are hashed: changing it changes who the venue thinks has signed.

use super::key::Address;
use super::writer::WireWriter;
use crate::types::limits::MAX_BATCH;
use crate::types::{Action, ActionKind, Cloid, Oid, OrderRequest, Px, Qty, Side, Tif, Universe};

/// Tells a writer what it consists of.
pub trait Encode {
    /// In the venue's key order.
    fn encode<W: WireWriter>(&self, w: &mut W);
}

/// How long an order may live, in the wire's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimeInForce {
    /// Post only.
    #[default]
    Alo,
    /// Immediate or cancel.
    Ioc,
    /// Till cancelled.
    Gtc,
}

impl TimeInForce {
    const fn word(self) -> &'static str {
        match self {
            Self::Alo => "Alo",
            Self::Ioc => "Ioc",
            Self::Gtc => "Gtc",
        }
    }
}

impl From<Tif> for TimeInForce {
    fn from(tif: Tif) -> Self {
        match tif {
            Tif::Alo => Self::Alo,
            Tif::Ioc => Self::Ioc,
        }
    }
}

/// A limit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct WireOrder {
    /// The venue's asset index (`meta.universe`).
    pub asset: u32,
    /// Which side.
    pub side: Side,
    /// Limit price.
    pub px: Px,
    /// Size.
    pub qty: Qty,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Time in force.
    pub tif: TimeInForce,
    /// Our id.
    pub cloid: Option<Cloid>,
}

/// An order at the venue, by the venue's id or by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// The venue's.
    Oid(Oid),
    /// Ours.
    Cloid(Cloid),
}

impl Default for OrderRef {
    fn default() -> Self {
        Self::Oid(Oid::NONE)
    }
}

/// An order to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct WireCancel<Id> {
    /// The venue's asset index.
    pub asset: u32,
    /// Which order.
    pub id: Id,
}

/// An order to replace, and what with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Modification {
    /// The order that goes.
    pub target: OrderRef,
    /// The order that takes its place.
    pub order: WireOrder,
}

/// Everything a maker of perps asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireAction<'a> {
    /// New orders, not grouped.
    Order(&'a [WireOrder]),
    /// Cancels by the venue's id. `fast` exists only as true on the wire.
    Cancel {
        /// Which.
        cancels: &'a [WireCancel<Oid>],
        /// Not for trigger orders; otherwise recommended by the venue.
        fast: bool,
    },
    /// Cancels by our id.
    CancelByCloid {
        /// Which.
        cancels: &'a [WireCancel<Cloid>],
        /// As above.
        fast: bool,
    },
    /// Replaces one order; an error is one of the whole request.
    Modify {
        /// What.
        modification: Modification,
        /// Place the new order even when the old one is gone.
        always_place: bool,
    },
    /// Replaces orders; errors are per item.
    BatchModify {
        /// What.
        modifies: &'a [Modification],
        /// As above.
        always_place: bool,
    },
    /// Sets the time in milliseconds when everything is cancelled; `None` clears it.
    ScheduleCancel(Option<u64>),
    /// Leverage of one asset.
    UpdateLeverage {
        /// The venue's asset index.
        asset: u32,
        /// Cross margin, or isolated.
        is_cross: bool,
        /// From 1 to the asset's maximum.
        leverage: u32,
    },
    /// Adds margin to an isolated position, or takes some away.
    UpdateIsolatedMargin {
        /// The venue's asset index.
        asset: u32,
        /// Millionths of a USD.
        micro_usd: i64,
    },
    /// Uses up its nonce and nothing else.
    Noop,
    /// Buys requests for an address.
    ReserveRequestWeight {
        /// How many.
        weight: u64,
        /// For whom, when not for the signer's account.
        destination: Option<Address>,
    },
}

impl Encode for WireOrder {
    #[inline]
    fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(6 + usize::from(self.cloid.is_some()));
        w.key("a");
        w.uint(u64::from(self.asset));
        w.key("b");
        w.flag(self.side == Side::Bid);
        w.key("p");
        w.decimal(self.px.raw());
        w.key("s");
        w.decimal(self.qty.raw());
        w.key("r");
        w.flag(self.reduce_only);
        w.key("t");
        w.begin_map(1);
        w.key("limit");
        w.begin_map(1);
        w.key("tif");
        w.word(self.tif.word());
        w.end_map();
        w.end_map();
        if let Some(cloid) = self.cloid {
            w.key("c");
            w.hex(&cloid.to_u128().to_be_bytes());
        }
        w.end_map();
    }
}

impl Encode for OrderRef {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        match self {
            Self::Oid(oid) => w.uint(oid.0),
            Self::Cloid(cloid) => w.hex(&cloid.to_u128().to_be_bytes()),
        }
    }
}

impl Encode for WireCancel<Oid> {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(2);
        w.key("a");
        w.uint(u64::from(self.asset));
        w.key("o");
        w.uint(self.id.0);
        w.end_map();
    }
}

impl Encode for WireCancel<Cloid> {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(2);
        w.key("asset");
        w.uint(u64::from(self.asset));
        w.key("cloid");
        w.hex(&self.id.to_u128().to_be_bytes());
        w.end_map();
    }
}

impl Modification {
    /// Its two fields, in whatever map they stand.
    fn fields<W: WireWriter>(&self, w: &mut W) {
        w.key("oid");
        self.target.encode(w);
        w.key("order");
        self.order.encode(w);
    }
}

impl Encode for Modification {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(2);
        self.fields(w);
        w.end_map();
    }
}

/// A list under a key.
#[inline]
fn list<T: Encode, W: WireWriter>(w: &mut W, key: &'static str, items: &[T]) {
    w.key(key);
    w.begin_list(items.len());
    for item in items {
        item.encode(w);
    }
    w.end_list();
}

/// A flag that the venue wants left out when it is false (`f:false` is a wrong signature).
fn flag_if_true<W: WireWriter>(w: &mut W, key: &'static str, value: bool) {
    if value {
        w.key(key);
        w.flag(true);
    }
}

/// Opens the map of an action with so many fields besides its type.
#[inline]
fn begin<W: WireWriter>(w: &mut W, kind: &'static str, fields: usize) {
    w.begin_map(1 + fields);
    w.key("type");
    w.word(kind);
}

impl Encode for WireAction<'_> {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        match *self {
            Self::Order(orders) => {
                begin(w, "order", 2);
                list(w, "orders", orders);
                w.key("grouping");
                w.word("na");
            }
            Self::Cancel { cancels, fast } => {
                begin(w, "cancel", 1 + usize::from(fast));
                list(w, "cancels", cancels);
                flag_if_true(w, "f", fast);
            }
            Self::CancelByCloid { cancels, fast } => {
                begin(w, "cancelByCloid", 1 + usize::from(fast));
                list(w, "cancels", cancels);
                flag_if_true(w, "f", fast);
            }
            Self::Modify { modification, always_place } => {
                begin(w, "modify", 2 + usize::from(always_place));
                modification.fields(w);
                flag_if_true(w, "a", always_place);
            }
            Self::BatchModify { modifies, always_place } => {
                begin(w, "batchModify", 1 + usize::from(always_place));
                list(w, "modifies", modifies);
                flag_if_true(w, "a", always_place);
            }
            Self::ScheduleCancel(time_ms) => schedule_cancel(w, time_ms),
            Self::UpdateLeverage { asset, is_cross, leverage } => {
                begin(w, "updateLeverage", 3);
                w.key("asset");
                w.uint(u64::from(asset));
                w.key("isCross");
                w.flag(is_cross);
                w.key("leverage");
                w.uint(u64::from(leverage));
            }
            Self::UpdateIsolatedMargin { asset, micro_usd } => {
                begin(w, "updateIsolatedMargin", 3);
                w.key("asset");
                w.uint(u64::from(asset));
                w.key("isBuy"); // always true: the venue has no hedge mode
                w.flag(true);
                w.key("ntli");
                w.int(micro_usd);
            }
            Self::Noop => begin(w, "noop", 0),
            Self::ReserveRequestWeight { weight, destination } => {
                reserve_request_weight(w, weight, destination);
            }
        }
        w.end_map();
    }
}

fn schedule_cancel<W: WireWriter>(w: &mut W, time_ms: Option<u64>) {
    begin(w, "scheduleCancel", usize::from(time_ms.is_some()));
    if let Some(time_ms) = time_ms {
        w.key("time");
        w.uint(time_ms);
    }
}

fn reserve_request_weight<W: WireWriter>(w: &mut W, weight: u64, destination: Option<Address>) {
    begin(w, "reserveRequestWeight", 1 + usize::from(destination.is_some()));
    w.key("weight");
    w.uint(weight);
    if let Some(destination) = destination {
        w.key("destination");
        w.hex(destination.as_bytes());
    }
}

impl WireAction<'_> {
    /// Hands the wire form of a batch of ours to `with`. Cancels go by the venue's ids when all are
    /// known, else by ours; a modify by the venue's id when it is known. Never places a modify's new
    /// order when the old one is gone: what became of that one is not known yet.
    pub fn of_batch<R>(
        action: &Action,
        universe: &Universe,
        with: impl FnOnce(WireAction<'_>) -> R,
    ) -> R {
        let items = action.items();
        let asset = |item: &OrderRequest| universe.get(item.asset).venue_index;
        match action.kind {
            ActionKind::Place => {
                let mut orders = [WireOrder::default(); MAX_BATCH];
                for (order, item) in orders.iter_mut().zip(items) {
                    *order = WireOrder::of(item, asset(item));
                }
                with(WireAction::Order(&orders[..items.len()]))
            }
            ActionKind::Modify => {
                let mut modifies = [Modification::default(); MAX_BATCH];
                for (modification, item) in modifies.iter_mut().zip(items) {
                    let target = match item.oid {
                        Oid::NONE => OrderRef::Cloid(item.cloid),
                        oid => OrderRef::Oid(oid),
                    };
                    let order = WireOrder::of(item, asset(item));
                    *modification = Modification { target, order };
                }
                let modifies = &modifies[..items.len()];
                with(WireAction::BatchModify { modifies, always_place: false })
            }
            ActionKind::Cancel if items.iter().all(|item| item.oid != Oid::NONE) => {
                let mut cancels = [WireCancel::<Oid>::default(); MAX_BATCH];
                for (cancel, item) in cancels.iter_mut().zip(items) {
                    *cancel = WireCancel { asset: asset(item), id: item.oid };
                }
                with(WireAction::Cancel { cancels: &cancels[..items.len()], fast: true })
            }
            ActionKind::Cancel => {
                let mut cancels = [WireCancel::<Cloid>::default(); MAX_BATCH];
                for (cancel, item) in cancels.iter_mut().zip(items) {
                    *cancel = WireCancel { asset: asset(item), id: item.cloid };
                }
                with(WireAction::CancelByCloid { cancels: &cancels[..items.len()], fast: true })
            }
        }
    }
}

impl WireOrder {
    /// An order of ours, for the venue's asset index.
    pub fn of(item: &OrderRequest, asset: u32) -> Self {
        Self {
            asset,
            side: item.side,
            px: item.px,
            qty: item.qty,
            reduce_only: item.reduce_only,
            tif: item.tif.into(),
            cloid: Some(item.cloid),
        }
    }
}
