//! A walk over simd-json's tape in which every value knows its key, so that errors can name it.

use super::error::{Fault, UserError};
use crate::types::limits::{MAX_PX, MAX_QTY};
use crate::types::{DecimalError, Nanos, Oid, Px, Qty, SCALE, Usd, parse_decimal};
use crate::venue::hl::decode::nanos_from_ms;
use core::ops::RangeInclusive;
use simd_json::{Buffers, Node, StaticNode, Tape};

/// Frames of this size and below never make a buffer grow.
const USUAL_FRAME_BYTES: usize = 64 << 10;

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

    /// A whole number.
    pub fn unsigned(self) -> Result<u64, UserError> {
        match self.node() {
            Some(Node::Static(StaticNode::U64(n))) => Ok(*n),
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

    fn decimal(self, round: Round, range: RangeInclusive<i64>) -> Result<i64, UserError> {
        let text = self.text()?.as_bytes();
        let raw = match (parse_decimal(text), round) {
            (Err(DecimalError::TooFine), Round::Up | Round::Down) => parse_rounded(text, round),
            (parsed, _) => parsed,
        };
        match raw {
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

/// What happens to decimals finer than 1e-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// They are an error.
    Exact,
    /// Toward −∞.
    Down,
    /// Toward +∞.
    Up,
}

/// A decimal that is [`DecimalError::TooFine`], so that its digits beyond the eighth are not zero.
fn parse_rounded(text: &[u8], round: Round) -> Result<i64, DecimalError> {
    let kept = text.iter().position(|b| *b == b'.').map_or(0, |point| point + 1 + 8);
    let (kept, cut) = text.split_at_checked(kept).ok_or(DecimalError::TooFine)?;
    if let Some(bad) = cut.iter().find(|b| !b.is_ascii_digit()) {
        return Err(DecimalError::BadByte(*bad));
    }
    let raw = parse_decimal(kept)?;
    match (round, text.first() == Some(&b'-')) {
        (Round::Up, false) => raw.checked_add(1).ok_or(DecimalError::TooLarge),
        (Round::Down, true) => raw.checked_sub(1).ok_or(DecimalError::TooLarge),
        _ => Ok(raw),
    }
}

/// How numbers are read. Those of our own coins must be sound: inside their bounds no arithmetic
/// leaves 64 bits. Of anything else, what cannot be read reads as zero, so that an odd number of
/// some other market (spot, other dexes) never costs us a frame with fills of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Sound,
    AnyOrZero,
}

impl Numbers {
    fn read(self, v: Value, round: Round, range: RangeInclusive<i64>) -> Result<i64, UserError> {
        match (v.decimal(round, range), self) {
            (Err(_), Self::AnyOrZero) => Ok(0),
            (read, _) => read,
        }
    }

    /// A price, not negative.
    pub fn px(self, v: Value, round: Round) -> Result<Px, UserError> {
        self.read(v, round, 0..=MAX_PX.raw()).map(Px::from_raw)
    }

    /// A size, not negative.
    pub fn qty(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, Round::Exact, 0..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// A size above zero.
    pub fn positive_qty(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, Round::Exact, 1..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// A signed position.
    pub fn position(self, v: Value) -> Result<Qty, UserError> {
        self.read(v, Round::Exact, -MAX_QTY.raw()..=MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// An amount of money.
    pub fn usd(self, v: Value, round: Round) -> Result<Usd, UserError> {
        let largest = Usd::LARGEST_VALUE.raw();
        self.read(v, round, -largest..=largest).map(Usd::from_raw)
    }
}

const _: () = assert!(SCALE == 100_000_000, "eight decimals are kept");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounding_is_directed() {
        let both = |text: &str| {
            let at = |round| parse_rounded(text.as_bytes(), round);
            (at(Round::Down), at(Round::Up))
        };
        assert_eq!(both("0.0000000049"), (Ok(0), Ok(1)));
        assert_eq!(both("-0.0000000049"), (Ok(-1), Ok(0)));
        assert_eq!(both("39907.5661399998"), (Ok(3_990_756_613_999), Ok(3_990_756_614_000)));
        let bad = Err(DecimalError::BadByte(b'x'));
        assert_eq!(both("0.0000000049x"), (bad, bad));
        let large = "92233720368.547758071";
        assert_eq!(both(large), (Ok(i64::MAX), Err(DecimalError::TooLarge)));
    }

    proptest! {
        /// Held against 128-bit arithmetic on twelve decimals.
        #[test]
        fn rounding_is_what_division_says(units in -10_i128.pow(16)..10_i128.pow(16)) {
            let magnitude = units.unsigned_abs();
            let (whole, fine) = (magnitude / 10_u128.pow(12), magnitude % 10_u128.pow(12));
            let sign = if units < 0 { "-" } else { "" };
            let text = format!("{sign}{whole}.{fine:012}");
            prop_assume!(units % 10_000 != 0);
            let down = units.div_euclid(10_000) as i64;
            prop_assert_eq!(parse_rounded(text.as_bytes(), Round::Down), Ok(down));
            prop_assert_eq!(parse_rounded(text.as_bytes(), Round::Up), Ok(down + 1));
        }
    }
}
