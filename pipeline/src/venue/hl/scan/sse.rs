//! Decimals sixteen bytes at a time, where the machine has SSE4.1: the same answers as the portable way.

use super::{Decimals, Level, side_by};
use crate::types::SCALE;
use crate::types::limits::BOOK_LEVELS;
use core::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si64, _mm_madd_epi16,
    _mm_maddubs_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_packus_epi32,
    _mm_set_epi64x, _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_shuffle_epi8,
    _mm_slli_epi16, _mm_xor_si128,
};

/// Proof that the machine has SSE4.1: only [`Sse::detect`] makes one.
#[derive(Clone, Copy)]
pub(super) struct Sse(());

impl Sse {
    /// Looked up once in a process.
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        is_x86_feature_detected!("sse4.1").then_some(Self(()))
    }

    /// As [`side_by`], compiled for SSE4.1.
    #[inline(always)]
    #[allow(unsafe_code, reason = "a function for one kind of machine")]
    pub fn side<const ASK: bool>(
        self,
        left: &mut super::Cursor,
        levels: &mut [Level; BOOK_LEVELS],
    ) -> Option<u8> {
        // SAFETY: `self` proves that the machine has SSE4.1.
        unsafe { side::<ASK>(self, left, levels) }
    }
}

impl Decimals for Sse {
    #[inline(always)]
    #[allow(unsafe_code, reason = "a function for one kind of machine")]
    fn usual(self, rest: &[u8]) -> Option<(i64, usize)> {
        // SAFETY: `self` proves that the machine has SSE4.1.
        unsafe { usual_decimal(rest) }
    }
}

#[target_feature(enable = "sse4.1")]
#[inline(never)]
fn side<const ASK: bool>(
    sse: Sse,
    left: &mut super::Cursor,
    levels: &mut [Level; BOOK_LEVELS],
) -> Option<u8> {
    side_by::<ASK, _>(sse, left, levels)
}

/// As [`super::usual_decimal`]. One shuffle lays the digits before the point at the end of the first half
/// and those behind it at the beginning of the second, zeros around them; three multiplications make two
/// numbers of eight digits of it.
#[target_feature(enable = "sse4.1")]
#[inline]
fn usual_decimal(rest: &[u8]) -> Option<(i64, usize)> {
    let both = u128::from_le_bytes(*rest.first_chunk()?);
    let text = _mm_set_epi64x((both >> 64) as i64, both as i64);
    // Bytes with bit 4 clear are below the digits.
    let ends = !_mm_movemask_epi8(_mm_slli_epi16::<3>(text)) as u32 & 0xffff;
    let (point, end) = (ends.trailing_zeros(), (ends & ends.wrapping_sub(1)).trailing_zeros());
    let decimals = end.wrapping_sub(point + 1);
    if !(1..8).contains(&point) || decimals > 7 || (both >> (8 * point)) as u8 != b'.' {
        return None;
    }
    let digits = laid_out(text, point as i8, end as i8);
    let nine = _mm_min_epu8(digits, _mm_set1_epi8(9));
    if _mm_movemask_epi8(_mm_cmpeq_epi8(nine, digits)) != 0xffff {
        return None;
    }
    // 10 and 1, 100 and 1, 10,000 and 1: pairs, fours, eights.
    let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x0001_0064));
    let eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x0001_2710));
    let numbers = _mm_cvtsi128_si64(eights) as u64;
    // At most seven whole digits: below 1e15 in all, no overflow.
    let (whole, fraction) = (numbers & 0xffff_ffff, numbers >> 32);
    Some(((whole * SCALE as u64 + fraction) as i64, end as usize))
}

/// The digits as numbers: eight before the point, the last of them last, and eight behind it.
#[target_feature(enable = "sse4.1")]
#[inline]
fn laid_out(text: __m128i, point: i8, end: i8) -> __m128i {
    // Where each byte comes from: from −8 to −1 before the point, from +1 to +8 behind it. A place with its
    // upper bit set gives zero: those before the text have it, those behind its end are given it.
    let around = _mm_set_epi64x(0x0807_0605_0403_0201, 0xfffe_fdfc_fbfa_f9f8_u64 as i64);
    let from = _mm_add_epi8(around, _mm_set1_epi8(point));
    let beyond = _mm_cmpgt_epi8(from, _mm_set1_epi8(end - 1));
    let values = _mm_xor_si128(text, _mm_set1_epi8(0x30));
    _mm_shuffle_epi8(values, _mm_or_si128(from, beyond))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sse(text: &[u8]) -> Option<Option<(i64, usize)>> {
        Some(Sse::detect()?.usual(text))
    }

    proptest! {
        /// Whatever the bytes are.
        #[test]
        fn it_answers_as_the_portable_way(text in "[0-9.\",:x]{0,20}", raw in any::<[u8; 18]>()) {
            for text in [text.as_bytes(), &raw] {
                let Some(read) = by_sse(text) else { return Ok(()) };
                prop_assert_eq!(read, super::super::usual_decimal(text));
            }
        }

        #[test]
        fn every_length_reads(whole in 1_usize..=7, decimals in 0_usize..=7, digits in 0_u64..100_000_000_000_000) {
            let digits = format!("{digits:014}");
            let text = format!("{}.{}\",\"sz\":\"16.87185\"", &digits[..whole], &digits[7..7 + decimals]);
            let Some(read) = by_sse(text.as_bytes()) else { return Ok(()) };
            prop_assert_eq!(read, super::super::usual_decimal(text.as_bytes()));
            prop_assert!(read.is_some(), "{}", text);
        }

        /// A byte that is no digit is noticed wherever it is.
        #[test]
        fn one_wrong_byte(place in 0_usize..15, byte in any::<u8>()) {
            let mut text = *b"1234567.1234567\",\"sz\":\"";
            text[place] = byte;
            let Some(read) = by_sse(&text) else { return Ok(()) };
            prop_assert_eq!(read, super::super::usual_decimal(&text));
        }
    }
}
