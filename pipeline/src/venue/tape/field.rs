//! The numbers that an event is made of, and how they are written and read.

use super::bits::{BitReader, BitWriter, Coder, Lengths, unzigzag, zigzag};
use crate::types::Px;

/// What the numbers of an event are of. Each stream has its own widths for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Since the last venue time.
    Venue,
    /// Since the last receive time.
    Recv,
    /// A price, from another price.
    Px,
    /// A new size. Of a link: the generation. Of a mark: its oracle.
    Qty,
    /// A size, from what it was at its price. Of a mark: the rate.
    Change,
    /// Of a trade: its id, from the last. Of a book: how many levels more. Else: the asset.
    Other,
    /// Which levels came, which went. Of a link: what happened.
    Levels,
    /// Which levels changed their size.
    Changed,
}

/// How many kinds of them.
pub const FIELDS: usize = 8;

/// What the numbers of a stream are counted in, so that they are small: a tick, a lot, a millisecond.
/// All values of the stream are whole numbers of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Of venue times, ns.
    pub venue: i64,
    /// Of receive times, ns.
    pub recv: i64,
    /// Of prices, 1e-8.
    pub px: i64,
    /// Of sizes, 1e-8.
    pub qty: i64,
}

impl Units {
    /// Of anything.
    pub const ONE: Self = Self { venue: 1, recv: 1, px: 1, qty: 1 };
}

/// Where the numbers of an event go.
pub trait Sink {
    /// A number of a field.
    fn number(&mut self, field: Field, value: u64);
    /// A bit.
    fn bit(&mut self, bit: bool);
}

/// Writes them.
pub struct Writing<'a> {
    /// To where.
    pub bits: &'a mut BitWriter,
    /// The widths.
    pub coders: &'a [Coder; FIELDS],
}

impl Sink for Writing<'_> {
    fn number(&mut self, field: Field, value: u64) {
        self.bits.number(&self.coders[field as usize], value);
    }
    fn bit(&mut self, bit: bool) {
        self.bits.put(bit.into(), 1);
    }
}

/// Only counts how long they are.
#[derive(Clone, Debug)]
pub struct Measuring(pub [Lengths; FIELDS]);

impl Sink for Measuring {
    fn number(&mut self, field: Field, value: u64) {
        self.0[field as usize][64 - value.leading_zeros() as usize] += 1;
    }
    fn bit(&mut self, _: bool) {}
}

/// The numbers of an event, to be read.
pub struct Reading<'a, 'b> {
    /// Where they are.
    pub bits: &'a mut BitReader<'b>,
    coders: &'a [Coder; FIELDS],
}

impl<'a, 'b> Reading<'a, 'b> {
    /// With the widths of its stream.
    #[inline]
    pub fn new(bits: &'a mut BitReader<'b>, coders: &'a [Coder; FIELDS]) -> Self {
        Self { bits, coders }
    }
    /// The next number, of this field.
    #[inline(always)]
    pub fn number(&mut self, field: Field) -> u64 {
        self.bits.number(&self.coders[field as usize])
    }
    /// See [`signed`].
    #[inline(always)]
    pub fn signed(&mut self, field: Field, unit: i64) -> i64 {
        unzigzag(self.number(field)).wrapping_mul(unit)
    }
    /// See [`unsigned`].
    #[inline(always)]
    pub fn unsigned(&mut self, field: Field, unit: i64) -> i64 {
        self.number(field).cast_signed().wrapping_mul(unit)
    }
}

/// In units. What has another unit than one was found to be whole in it, and far from overflowing.
fn in_units(value: i64, unit: i64) -> i64 {
    debug_assert!(value % unit == 0, "{value} is no whole number of {unit}");
    if unit == 1 { value } else { value / unit }
}

/// How far from one value to another, in units.
pub fn signed(field: Field, from: i64, to: i64, unit: i64, sink: &mut impl Sink) {
    sink.number(field, zigzag(in_units(to.wrapping_sub(from), unit)));
}

/// The same for what hardly ever goes down.
pub fn unsigned(field: Field, from: i64, to: i64, unit: i64, sink: &mut impl Sink) {
    sink.number(field, in_units(to.wrapping_sub(from), unit).cast_unsigned());
}

/// A price so far from another.
#[inline]
pub fn moved(px: Px, by: i64) -> Px {
    Px::from_raw(px.raw().wrapping_add(by))
}
