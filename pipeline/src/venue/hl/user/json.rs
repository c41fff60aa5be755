//! A walk over simd-json's tape in which every value knows its key, so that errors can name it.

use super::error::{Fault, UserError};
use crate::types::limits::{MAX_PX, MAX_QTY};
use crate::types::{Nanos, Oid, Px, Qty, Usd, read_decimal};
use crate::venue::hl::frame::nanos_from_ms;
use core::ops::RangeInclusive;
use simd_json::{Buffers, Node, StaticNode, Tape};

/// Frames of this size and below never make a buffer grow.
const USUAL_FRAME_BYTES: usize = 64 << 10;

/// Beyond this a float may stand for another whole number.
const LARGEST_WHOLE_F64: f64 = 9_007_199_254_740_992.0;

/// The buffers that make the walk reusable.
pub(super) struct Document {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Document {
    pub fn new() -> Self {
        let tape = Tape(Vec::with_capacity(USUAL_FRAME_BYTES / 8));
        Self { buffers: Buffers::new(USUAL_FRAME_BYTES), tape }
    }

    /// Parses a frame (strings are unescaped in place) and hands its root to `read`.
    pub fn read<T>(
        &mut self,
        frame: &mut [u8],
        read: impl FnOnce(Value<'_, '_>) -> Result<T, UserError>,
    ) -> Result<T, UserError> {
        let mut tape = core::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let result = match simd_json::fill_tape(frame, &mut self.buffers, &mut tape) {
            Ok(()) => read(Value { nodes: &tape.0, at: 0, key: "frame" }),
            Err(e) => Err(UserError::new("frame", Fault::NotJson { at: e.index() as u32 })),
        };
        self.tape = tape.reset();
        result
    }
}

/// A value of the frame, or its absence (`null` counts as absent).
#[derive(Clone, Copy)]
pub(super) struct Value<'t, 'i> {
    nodes: &'t [Node<'i>],
    /// Where it starts on the tape; beyond its end = absent.
    at: usize,
    key: &'static str,
}

impl<'t, 'i> Value<'t, 'i> {
    fn node(self) -> Option<&'t Node<'i>> {
        match self.nodes.get(self.at) {
            Some(Node::Static(StaticNode::Null)) => None,
            node => node,
        }
    }

    /// Where the value behind this one starts.
    fn end(self) -> usize {
        match self.nodes.get(self.at) {
            Some(Node::Object { count, .. } | Node::Array { count, .. }) => self.at + 1 + count,
            _ => self.at + 1,
        }
    }

    /// The error of this value.
    pub fn error(self, why: Fault) -> UserError {
        UserError::new(self.key, why)
    }

    /// The error of a value that is not what it should be.
    fn wrong(self) -> UserError {
        self.error(if self.node().is_some() { Fault::WrongType } else { Fault::Missing })
    }

    /// Itself, if it is there.
    pub fn present(self) -> Option<Self> {
        self.node().map(|_| self)
    }

    /// The values of the named keys of an object; other keys are skipped.
    pub fn keys<const N: usize>(self, names: [&'static str; N]) -> Result<[Self; N], UserError> {
        let Some(Node::Object { len, .. }) = self.node() else { return Err(self.wrong()) };
        let mut found = names.map(|key| Self { at: usize::MAX, key, ..self });
        let mut at = self.at + 1;
        for _ in 0..*len {
            let Some(Node::String(name)) = self.nodes.get(at) else { return Err(self.wrong()) };
            let mut value = Self { at: at + 1, ..self };
            if let Some(i) = names.iter().position(|wanted| wanted == name) {
                value.key = names[i];
                if found[i].at != usize::MAX {
                    return Err(value.error(Fault::Duplicate));
                }
                found[i] = value;
            }
            at = value.end();
        }
        Ok(found)
    }

    /// The items of an array.
    pub fn items(self) -> Result<Items<'t, 'i>, UserError> {
        let Some(Node::Array { len, .. }) = self.node() else { return Err(self.wrong()) };
        Ok(Items { next: Self { at: self.at + 1, ..self }, left: *len })
    }

    /// A string.
    pub fn text(self) -> Result<&'i str, UserError> {
        match self.node() {
            Some(Node::String(text)) => Ok(text),
            _ => Err(self.wrong()),
        }
    }

    /// A whole number, which the venue has also been seen to write as `12.0`.
    pub fn unsigned(self) -> Result<u64, UserError> {
        match self.node() {
            Some(Node::Static(StaticNode::U64(n))) => Ok(*n),
            Some(Node::Static(StaticNode::F64(x))) if x.fract() == 0.0 => {
                let is_exact = (0.0..=LARGEST_WHOLE_F64).contains(x);
                is_exact.then_some(*x as u64).ok_or_else(|| self.error(Fault::OutOfRange))
            }
            Some(Node::Static(StaticNode::I64(n))) => {
                u64::try_from(*n).map_err(|_| self.error(Fault::OutOfRange))
            }
            _ => Err(self.wrong()),
        }
    }

    /// A boolean.
    pub fn flag(self) -> Result<bool, UserError> {
        match self.node() {
            Some(Node::Static(StaticNode::Bool(flag))) => Ok(*flag),
            _ => Err(self.wrong()),
        }
    }

    /// A boolean that is false when it is not there.
    pub fn flag_or_false(self) -> Result<bool, UserError> {
        self.present().map_or(Ok(false), Self::flag)
    }

    /// The venue's order id.
    pub fn oid(self) -> Result<Oid, UserError> {
        self.unsigned().map(Oid)
    }

    /// Milliseconds since the epoch.
    pub fn time(self) -> Result<Nanos, UserError> {
        nanos_from_ms(self.unsigned()?).ok_or_else(|| self.error(Fault::OutOfRange))
    }

    /// A decimal in units of 1e-8, to the nearest one.
    fn decimal(self, range: RangeInclusive<i64>) -> Result<i64, UserError> {
        match read_decimal(self.text()?.as_bytes()) {
            Ok(raw) if range.contains(&raw) => Ok(raw),
            Ok(_) => Err(self.error(Fault::OutOfRange)),
            Err(why) => Err(self.error(Fault::Number(why))),
        }
    }
}

/// The items of an array, one after the other.
pub(super) struct Items<'t, 'i> {
    next: Value<'t, 'i>,
    left: usize,
}

impl<'t, 'i> Iterator for Items<'t, 'i> {
    type Item = Value<'t, 'i>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        self.next.at = item.end();
        Some(item)
    }
}

/// How numbers are read: to the nearest 1e-8, since the venue's carry the noise of floats. Those of our
/// own coins must be sound: inside their bounds no arithmetic overflows. Of anything else, what cannot be read reads as zero, so that an odd number of
/// some other market (spot, other dexes) never costs us a frame with fills of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Sound,
    AnyOrZero,
}

impl Numbers {
    fn read(self, v: Value, range: RangeInclusive<i64>) -> Result<i64, UserError> {
        match (v.decimal(range), self) {
            (Err(_), Self::AnyOrZero) => Ok(0),
            (read, _) => read,
        }
    }

    /// A price, not negative.
    pub fn px(self, v: Value) -> Result<Px, UserError> {
        self.read(v, 0..=MAX_PX.raw()).map(Px::from_raw)
    }

    /// A price above zero.
    pub fn positive_px(self, v: Value) -> Result<Px, UserError> {
        self.read(v, 1..=MAX_PX.raw()).map(Px::from_raw)
    }

    /// A size, not negative.
    pub fn qty(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, 0..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// A size above zero.
    pub fn positive_qty(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, 1..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// A signed position.
    pub fn position(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, -MAX_QTY.raw()..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// An amount of money.
    pub fn usd(self, v: Value) -> Result<Usd, UserError> {
        let largest = Usd::LARGEST_VALUE.raw();
        self.read(v, -largest..=largest).map(Usd::from_raw)
    }
}
