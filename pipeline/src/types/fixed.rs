//! Fixed-point money and time. Prices, sizes and dollars are `i64` in units of 1e-8; times are
//! `i64` nanoseconds since the Unix epoch. Sums saturate: what is beyond ±92 billion is garbage, and
//! must trip a limit, not end the process. (Prices, sizes and positions of a message are held to
//! [`super::limits::MAX_PX`] and [`super::limits::MAX_QTY`] where they come in, so that none gets there.)
//!
//! A Hyperliquid perp price has at most `6 − szDecimals` decimals and a size at most `szDecimals`,
//! so their product has at most six: a notional is exact on our grid, with no rounding.

use super::decimal::{DecimalError, SCALE, parse_decimal, write_decimal};
use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use serde::{Deserialize, Serialize};

macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub struct $name(i64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// From units of 1e-8.
            pub const fn from_raw(raw: i64) -> Self { Self(raw) }
            /// Units of 1e-8.
            pub const fn raw(self) -> i64 { self.0 }
            /// Whole units.
            pub const fn whole(units: i64) -> Self { Self(units * SCALE) }
            /// Exact decimal text, as the venue sends it.
            pub fn parse(text: &str) -> Result<Self, DecimalError> {
                parse_decimal(text.as_bytes()).map(Self)
            }
            /// For estimates and display only; never on the way to the wire or the ledger.
            pub fn to_f64(self) -> f64 { self.0 as f64 / SCALE as f64 }
            /// True when below zero.
            pub const fn is_negative(self) -> bool { self.0 < 0 }
            /// True when above zero.
            pub const fn is_positive(self) -> bool { self.0 > 0 }
            /// True when zero.
            pub const fn is_zero(self) -> bool { self.0 == 0 }
            /// Magnitude.
            pub const fn abs(self) -> Self { Self(self.0.saturating_abs()) }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write_decimal(self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write_decimal(self.0, f) }
        }
        impl Add for $name { type Output = Self; fn add(self, o: Self) -> Self { Self(self.0.saturating_add(o.0)) } }
        impl Sub for $name { type Output = Self; fn sub(self, o: Self) -> Self { Self(self.0.saturating_sub(o.0)) } }
        impl Neg for $name { type Output = Self; fn neg(self) -> Self { Self(self.0.saturating_neg()) } }
        impl AddAssign for $name { fn add_assign(&mut self, o: Self) { *self = *self + o; } }
        impl SubAssign for $name { fn sub_assign(&mut self, o: Self) { *self = *self - o; } }
        impl core::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self { iter.fold(Self::ZERO, Add::add) }
        }
    };
}

fixed!(
    /// A price in USD per coin.
    Px
);
fixed!(
    /// A size or signed position in coin (+ long, − short).
    Qty
);
fixed!(
    /// An amount of money in USD (USDC on the venue).
    Usd
);

/// `px · qty` in USD. Exact for legal venue prices and sizes (at most six decimals together);
/// otherwise rounded toward zero, and clamped as [`Usd::clamped`] says.
pub fn notional(px: Px, qty: Qty) -> Usd {
    Usd::clamped(by_scale(i128::from(px.raw()) * i128::from(qty.raw())))
}

/// A product of two numbers in units of 1e-8 in such units itself, rounded toward zero. What markets make
/// is divided in two steps of 64 bits by a constant: each value of a position is one of these, and the
/// division of 128 bits costs several times as much.
pub fn by_scale(product: i128) -> i128 {
    let magnitude = product.unsigned_abs();
    let Ok(high) = u64::try_from(magnitude >> 32) else { return product / i128::from(SCALE) };
    let scale = SCALE as u64;
    let low = ((high % scale) << 32) + (magnitude as u64 & u64::from(u32::MAX));
    let quotient = (i128::from(high / scale) << 32) + i128::from(low / scale);
    if product < 0 { -quotient } else { quotient }
}

/// The nearest whole number, halves away from zero: [`f64::round`] in 64 bits (what is beyond them is the last of
/// them, NaN is 0), without a call of the C library, which a build for any x86-64 takes for it.
#[inline]
pub fn nearest(value: f64) -> i64 {
    let whole = value as i64;
    let rest = value - whole as f64;
    whole.saturating_add(i64::from(rest >= 0.5)).saturating_sub(i64::from(rest <= -0.5))
}

impl Usd {
    /// 2.88 billion USD: far beyond every limit that can be set, and small enough that the values
    /// of all assets add up (`limits.rs` asserts it). A price that is garbage must trip limits, not end
    /// the process.
    pub const LARGEST_VALUE: Self = Self(i64::MAX / 32);

    /// From units of 1e-8, at most [`Usd::LARGEST_VALUE`] either way.
    pub fn clamped(raw: i128) -> Self {
        let largest = i128::from(Self::LARGEST_VALUE.0);
        Self(raw.clamp(-largest, largest) as i64)
    }

    /// The coin size this amount buys at `px`, rounded down (toward zero). Zero when `px` ≤ 0.
    pub fn qty_at(self, px: Px) -> Qty {
        if px.raw() <= 0 {
            return Qty::ZERO;
        }
        let q = i128::from(self.raw()) * i128::from(SCALE) / i128::from(px.raw());
        Qty::from_raw(q.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

/// A signed rate in basis points (1e-4), stored in 1e-4 of a basis point, so that 1.425 bps is
/// exact. As a fee: positive = cost, negative = rebate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Bps(i32);

/// A micro-dollar, in 1e-16 USD × 1e-8.
const FEE_UNIT: i128 = 1_000_000_000_000_000_000;

impl Bps {
    /// Units of 1e-8 (1e-4 of a basis point).
    pub const fn from_e8(e8: i32) -> Self {
        Self(e8)
    }
    /// Units of 1e-8.
    pub const fn e8(self) -> i32 {
        self.0
    }
    /// Nearest representable rate.
    pub fn from_f64(bps: f64) -> Self {
        Self(nearest(bps * 1e4).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }
    /// In basis points.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 1e4
    }
    /// Fee on `px · qty` at this rate: truncated toward zero to six decimals, as the venue does
    /// (PROTOCOL §2.7, checked there on 91 fills).
    pub fn fee_on(self, px: Px, qty: Qty) -> Usd {
        let value_e16 = i128::from(px.raw()) * i128::from(qty.raw());
        // × rate / 1e18; both parts have the sign of the whole, so nothing is lost between them.
        let (whole, rest) = (value_e16 / FEE_UNIT, value_e16 % FEE_UNIT);
        let micro_usd = whole * i128::from(self.0) + rest * i128::from(self.0) / FEE_UNIT;
        Usd::clamped(micro_usd * 100)
    }
}

impl fmt::Display for Bps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(i64::from(self.0) * 10_000, f)
    }
}
impl fmt::Debug for Bps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} bps")
    }
}

/// A moment (nanoseconds since the Unix epoch, UTC) or a span of time in nanoseconds.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Nanos(pub i64);

impl Nanos {
    /// The epoch, or no time at all.
    pub const ZERO: Self = Self(0);
    /// Later than anything.
    pub const MAX: Self = Self(i64::MAX);
    /// Of so many milliseconds.
    pub const fn millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }
    /// Of so many seconds.
    pub const fn secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }
    /// In whole milliseconds, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    /// In seconds, for display and estimates.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }
}
impl Sub for Nanos {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self(self.0.saturating_sub(o.0))
    }
}
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ns", self.0)
    }
}
impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn px(s: &str) -> Px {
        Px::parse(s).unwrap()
    }
    fn qty(s: &str) -> Qty {
        Qty::parse(s).unwrap()
    }

    #[test]
    fn notional_is_exact_on_venue_grids() {
        assert_eq!(notional(px("65012"), qty("0.00123")).to_string(), "79.96476");
        assert_eq!(notional(px("65012"), qty("-0.00123")).to_string(), "-79.96476");
    }

    proptest::proptest! {
        #[test]
        fn values_are_what_division_says(a: i64, b: i64, shift in 0..64_u32, wide in 0..30_u32) {
            for product in [
                i128::from(a) * i128::from(b),
                i128::from(a >> shift) * i128::from(b >> wide),
                i128::from(a) << 64 | i128::from(b),
            ] {
                assert_eq!(by_scale(product), product / i128::from(SCALE), "{product}");
            }
        }

        #[test]
        fn the_nearest_is_what_round_says(bits: u64, halves in -1_000_000_i64..1_000_000, ulps in -2_i64..=2) {
            let near_a_half = f64::from_bits((halves as f64 * 0.5).to_bits().wrapping_add_signed(ulps));
            for value in [f64::from_bits(bits), near_a_half] {
                assert_eq!(nearest(value), value.round() as i64, "{value:e}");
            }
        }
    }

    #[test]
    fn values_beyond_any_account_are_clamped() {
        let largest = notional(Px::from_raw(i64::MAX), Qty::from_raw(i64::MAX));
        assert_eq!(largest, Usd::LARGEST_VALUE);
        assert_eq!(notional(Px::from_raw(i64::MAX), Qty::from_raw(i64::MIN)), -largest);
        let all: Usd = [largest; 16].into_iter().chain([largest]).sum();
        assert!(all > largest, "they add up");
    }

    #[test]
    fn fees_truncate_toward_zero_at_six_decimals() {
        // A captured mainnet fill: 64007 x 0.00018 sold as maker paid 0.000829 (0.72 bps tier).
        let fee = Bps::from_e8(7_200).fee_on(px("64007"), qty("0.00018"));
        assert_eq!(fee.to_string(), "0.000829");
        assert_eq!(Bps::from_f64(1.5).fee_on(px("100"), qty("1")).to_string(), "0.015");
        assert_eq!(Bps::from_f64(-0.1).fee_on(px("100"), qty("0.9")).to_string(), "-0.0009");
        assert_eq!(Bps::from_f64(1.425).to_string(), "1.425");
        let worst = Bps::from_e8(i32::MIN);
        let fee = worst.fee_on(Px::from_raw(i64::MAX), Qty::from_raw(i64::MAX));
        assert_eq!(fee, -Usd::LARGEST_VALUE, "no product leaves 128 bits");
    }

    #[test]
    fn sums_saturate() {
        let (most, least) = (Usd::from_raw(i64::MAX), Usd::from_raw(i64::MIN));
        assert_eq!((most + Usd::whole(1), least - Usd::whole(1)), (most, least));
        assert_eq!(
            (-least, least.abs(), [most, most].into_iter().sum::<Usd>()),
            (most, most, most)
        );
        let mut sum = most;
        sum += most;
        sum -= least;
        assert_eq!(sum, most);
    }

    #[test]
    fn dollars_to_coin_rounds_down() {
        assert_eq!(Usd::whole(150).qty_at(px("70000")).to_string(), "0.00214285");
        assert_eq!(Usd::whole(150).qty_at(Px::ZERO), Qty::ZERO);
    }
}
