//! Order events in few bytes: one stream of all assets in order of time, written once, read from the
//! front. A block of an asset begins with its time; numbers are differences to what came before, in
//! the asset's own steps, seven bits a byte.

use super::event::{OrderEvent, Posted};
use crate::types::{AssetId, Instrument, Nanos, Oid, Px, Qty, Side, Universe};

/// First byte of an event: what it is, in the three lowest bits.
const BLOCK: u8 = 0;
const NEW: u8 = 1;
const RESIZED: u8 = 2;
const REMOVED: u8 = 3;
const FILLED: u8 = 4;
const FILLED_UNSEEN: u8 = 5;
const MISSED: u8 = 6;
/// Void, snapshot or whole: the number at [`DETAIL_SHIFT`].
const STATE: u8 = 7;
const KIND_MASK: u8 = 7;
/// The side.
const ASK_BIT: u8 = 1 << 3;
/// Two bits of detail.
const DETAIL_SHIFT: u32 = 4;
/// Price and size are not in the asset's steps but whole.
const RAW_BIT: u8 = 1 << 6;

/// A recording of single orders. Immutable; only what [`super::builder`] found sound is in it.
#[derive(Debug, Default)]
pub struct OrderTape {
    bytes: Vec<u8>,
    steps: Vec<Steps>,
    events: u64,
    blocks: u64,
    span: Option<(Nanos, Nanos)>,
}

/// The smallest differences of an asset's prices and sizes.
#[derive(Clone, Copy, Debug)]
struct Steps {
    px: i64,
    qty: i64,
}

/// What numbers are differences to.
#[derive(Clone, Debug, Default)]
struct Last {
    time: i64,
    /// By asset: the newest order's id, and the last price.
    assets: Vec<(u64, i64)>,
}

/// Writes an [`OrderTape`].
#[derive(Debug)]
pub struct Writer {
    tape: OrderTape,
    last: Last,
    asset: AssetId,
}

/// Reads an [`OrderTape`] from its front.
#[derive(Clone, Debug)]
pub struct Cursor {
    at: usize,
    last: Last,
    /// The block that is read, or that comes next.
    block: Option<(AssetId, Nanos)>,
}

impl OrderTape {
    /// How many events, block heads not included.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many blocks of an asset.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// How many bytes they take.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// First and last block time.
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        self.span
    }

    /// At the front.
    pub fn cursor(&self) -> Cursor {
        let last = Last { time: 0, assets: vec![(0, 0); self.steps.len()] };
        let mut cursor = Cursor { at: 0, last, block: None };
        cursor.read_head(self);
        cursor
    }
}

impl Writer {
    /// Of events of the assets of `universe`.
    pub fn new(universe: &Universe) -> Self {
        let steps = |instrument: &Instrument| Steps {
            px: 10_i64.pow(2 + u32::from(instrument.sz_decimals)),
            qty: instrument.lot().raw(),
        };
        let steps = universe.iter().map(|(_, instrument)| steps(instrument)).collect();
        let last = Last { time: 0, assets: vec![(0, 0); universe.len()] };
        let tape = OrderTape { steps, ..OrderTape::default() };
        Self { tape, last, asset: AssetId::default() }
    }

    /// The events of a block of an asset follow. Times never go back.
    pub fn block(&mut self, asset: AssetId, time: Nanos) {
        let since = time.0 - self.last.time;
        assert!(since >= 0, "order tape: {time:?} after {:?}", Nanos(self.last.time));
        self.tape.bytes.push(BLOCK);
        self.number(asset.index() as u64);
        self.number(since as u64);
        self.last.time = time.0;
        self.asset = asset;
        self.tape.blocks += 1;
        let first = self.tape.span.map_or(time, |(first, _)| first);
        self.tape.span = Some((first, time));
    }

    /// Adds an event of the block.
    pub fn event(&mut self, event: &OrderEvent) {
        self.tape.events += 1;
        match *event {
            OrderEvent::New { oid, side, px, qty, posted } => {
                self.level(NEW | (posted as u8) << DETAIL_SHIFT, side, px, qty);
                self.oid(oid);
                self.last.assets[self.asset.index()].0 = oid.0;
            }
            OrderEvent::Resized { oid, qty, keeps_place } => {
                self.sized(RESIZED | u8::from(keeps_place) << DETAIL_SHIFT, qty);
                self.oid(oid);
            }
            OrderEvent::Removed { oid } => {
                self.tape.bytes.push(REMOVED);
                self.oid(oid);
            }
            OrderEvent::Filled { oid, qty, tid } => {
                self.sized(FILLED, qty);
                self.oid(oid);
                self.number(tid);
            }
            OrderEvent::FilledUnseen { side, px, qty, tid } => {
                self.level(FILLED_UNSEEN, side, px, qty);
                self.number(tid);
            }
            OrderEvent::Missed { side, px, qty } => self.level(MISSED, side, px, qty),
            OrderEvent::Void => self.tape.bytes.push(STATE),
            OrderEvent::Snapshot => self.tape.bytes.push(STATE | 1 << DETAIL_SHIFT),
            OrderEvent::Whole => self.tape.bytes.push(STATE | 2 << DETAIL_SHIFT),
        }
    }

    /// The tape.
    pub fn finish(mut self) -> OrderTape {
        self.tape.bytes.shrink_to_fit();
        self.tape
    }

    fn level(&mut self, kind: u8, side: Side, px: Px, qty: Qty) {
        let steps = self.tape.steps[self.asset.index()];
        let is_raw = px.raw() % steps.px != 0 || qty.raw() % steps.qty != 0;
        let ask = if side == Side::Ask { ASK_BIT } else { 0 };
        self.tape.bytes.push(kind | ask | if is_raw { RAW_BIT } else { 0 });
        let (px_step, qty_step) = if is_raw { (1, 1) } else { (steps.px, steps.qty) };
        let last = std::mem::replace(&mut self.last.assets[self.asset.index()].1, px.raw());
        // Both are multiples of the step, or were not and are cut down alike.
        self.signed(px.raw() / px_step - last / px_step);
        self.number((qty.raw() / qty_step) as u64);
    }

    fn sized(&mut self, kind: u8, qty: Qty) {
        let step = self.tape.steps[self.asset.index()].qty;
        let is_raw = qty.raw() % step != 0;
        self.tape.bytes.push(kind | if is_raw { RAW_BIT } else { 0 });
        self.number((qty.raw() / if is_raw { 1 } else { step }) as u64);
    }

    fn oid(&mut self, oid: Oid) {
        let newest = self.last.assets[self.asset.index()].0;
        self.signed(oid.0.wrapping_sub(newest) as i64);
    }

    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.tape.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.tape.bytes.push(value as u8);
    }
}

impl Cursor {
    /// Asset and time of the block whose events come next; [`None`] = the end.
    pub fn block(&self) -> Option<(AssetId, Nanos)> {
        self.block
    }

    /// The next event of the block; [`None`] = the block is over, and [`Cursor::block`] is the next.
    pub fn next(&mut self, tape: &OrderTape) -> Option<OrderEvent> {
        let (asset, _) = self.block?;
        let first = tape.bytes.get(self.at).copied().filter(|b| b & KIND_MASK != BLOCK);
        let Some(first) = first else {
            self.read_head(tape);
            return None;
        };
        self.at += 1;
        Some(self.read(tape, asset, first))
    }

    fn read_head(&mut self, tape: &OrderTape) {
        if self.at >= tape.bytes.len() {
            self.block = None;
            return;
        }
        self.at += 1;
        let asset = AssetId::new(self.number(tape) as usize);
        self.last.time += self.number(tape) as i64;
        self.block = Some((asset, Nanos(self.last.time)));
    }

    fn read(&mut self, tape: &OrderTape, asset: AssetId, first: u8) -> OrderEvent {
        let side = if first & ASK_BIT == 0 { Side::Bid } else { Side::Ask };
        let detail = first >> DETAIL_SHIFT & 3;
        match first & KIND_MASK {
            NEW => {
                let posted = match detail {
                    0 => Posted::Unknown,
                    1 => Posted::Only,
                    _ => Posted::AfterTaking,
                };
                let (px, qty) = self.level(tape, asset, first);
                let oid = self.oid(tape, asset);
                self.last.assets[asset.index()].0 = oid.0;
                OrderEvent::New { oid, side, px, qty, posted }
            }
            RESIZED => {
                let (qty, oid) = (self.sized(tape, asset, first), self.oid(tape, asset));
                OrderEvent::Resized { oid, qty, keeps_place: detail == 1 }
            }
            REMOVED => OrderEvent::Removed { oid: self.oid(tape, asset) },
            FILLED => {
                let (qty, oid) = (self.sized(tape, asset, first), self.oid(tape, asset));
                OrderEvent::Filled { oid, qty, tid: self.number(tape) }
            }
            FILLED_UNSEEN => {
                let (px, qty) = self.level(tape, asset, first);
                OrderEvent::FilledUnseen { side, px, qty, tid: self.number(tape) }
            }
            MISSED => {
                let (px, qty) = self.level(tape, asset, first);
                OrderEvent::Missed { side, px, qty }
            }
            _ => match detail {
                0 => OrderEvent::Void,
                1 => OrderEvent::Snapshot,
                _ => OrderEvent::Whole,
            },
        }
    }

    fn level(&mut self, tape: &OrderTape, asset: AssetId, first: u8) -> (Px, Qty) {
        let steps = tape.steps[asset.index()];
        let is_raw = first & RAW_BIT != 0;
        let (px_step, qty_step) = if is_raw { (1, 1) } else { (steps.px, steps.qty) };
        let last = self.last.assets[asset.index()].1;
        let px = (last / px_step + self.signed(tape)) * px_step;
        self.last.assets[asset.index()].1 = px;
        (Px::from_raw(px), Qty::from_raw(self.number(tape) as i64 * qty_step))
    }

    fn sized(&mut self, tape: &OrderTape, asset: AssetId, first: u8) -> Qty {
        let is_raw = first & RAW_BIT != 0;
        let step = if is_raw { 1 } else { tape.steps[asset.index()].qty };
        Qty::from_raw(self.number(tape) as i64 * step)
    }

    fn oid(&mut self, tape: &OrderTape, asset: AssetId) -> Oid {
        let newest = self.last.assets[asset.index()].0;
        Oid(newest.wrapping_add(self.signed(tape) as u64))
    }

    fn signed(&mut self, tape: &OrderTape) -> i64 {
        let value = self.number(tape);
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    fn number(&mut self, tape: &OrderTape) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = tape.bytes[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = OrderEvent> {
        let side = any::<bool>().prop_map(|b| if b { Side::Bid } else { Side::Ask });
        let oid = prop_oneof![0_u64..100, any::<u64>()].prop_map(Oid);
        let px = prop_oneof![1_i64..1_000, 1..1_i64 << 50].prop_map(Px::from_raw);
        let qty = prop_oneof![1_i64..1_000, 1..1_i64 << 50].prop_map(Qty::from_raw);
        let posted =
            prop_oneof![Just(Posted::Unknown), Just(Posted::Only), Just(Posted::AfterTaking)];
        (0..9, side, oid, px, qty, posted, any::<u64>()).prop_map(
            |(kind, side, oid, px, qty, posted, tid)| match kind {
                0 => OrderEvent::New { oid, side, px, qty, posted },
                1 => OrderEvent::Resized { oid, qty, keeps_place: tid.is_multiple_of(2) },
                2 => OrderEvent::Removed { oid },
                3 => OrderEvent::Filled { oid, qty, tid },
                4 => OrderEvent::FilledUnseen { side, px, qty, tid },
                5 => OrderEvent::Missed { side, px, qty },
                6 => OrderEvent::Void,
                7 => OrderEvent::Snapshot,
                _ => OrderEvent::Whole,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            blocks in prop::collection::vec(
                (0_usize..2, 0_i64..1 << 40, prop::collection::vec(event(), 0..20)), 0..20),
        ) {
            let universe = crate::coins::universe([("ONE", 5), ("TWO", 0)]);
            let mut writer = Writer::new(&universe);
            let mut time = 0;
            for (asset, since, events) in &blocks {
                time += since;
                writer.block(AssetId::new(*asset), Nanos(time));
                events.iter().for_each(|event| writer.event(event));
            }
            let tape = writer.finish();
            let (mut cursor, mut time) = (tape.cursor(), 0);
            for (asset, since, events) in &blocks {
                time += since;
                prop_assert_eq!(cursor.block(), Some((AssetId::new(*asset), Nanos(time))));
                for event in events {
                    prop_assert_eq!(cursor.next(&tape), Some(*event));
                }
                prop_assert_eq!(cursor.next(&tape), None);
            }
            prop_assert_eq!(cursor.block(), None);
        }
    }
}
