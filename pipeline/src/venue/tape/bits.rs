//! Numbers as bits: what a compiled tape is written in.
//!
//! A number is three bits that say which of eight widths follows, then so many bits of it. The widths
//! are fitted to what is to be written ([`Coder::fitted`]), field by field, so that a field of small
//! numbers is small, and one that never changes takes three bits.

/// Widths that a number may have.
const CLASSES: usize = 8;
/// Bits that say which.
const CLASS_BITS: u32 = 3;
/// Of how many bits one reading is sure, wherever it begins in a byte.
const WORD_BITS: u32 = 56;

/// Signed → unsigned, small for small: 0, −1, 1, −2 …
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The other way.
#[inline]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[inline]
fn mask(width: u32) -> u64 {
    !u64::MAX.unbounded_shl(width)
}

/// How often each length of a number was seen, in bits.
pub type Lengths = [u64; 65];

/// The widths of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coder {
    /// Ascending, so that the first that is wide enough is the narrowest.
    widths: [u8; CLASSES],
}

impl Coder {
    /// For numbers of which nothing is known.
    pub const PLAIN: Self = Self { widths: [0, 8, 16, 24, 32, 40, 48, 64] };

    /// As written in a file; [`None`] when no writer wrote it.
    pub fn from_widths(widths: [u8; CLASSES]) -> Option<Self> {
        let ok = widths.is_sorted() && widths[CLASSES - 1] <= 64;
        ok.then_some(Self { widths })
    }

    /// To be written in a file.
    pub fn widths(self) -> [u8; CLASSES] {
        self.widths
    }

    /// The widths with which these numbers take the fewest bits.
    pub fn fitted(seen: &Lengths) -> Self {
        let longest = seen.iter().rposition(|&count| count > 0).unwrap_or_default();
        // `bits[k][w]`: the least that all numbers of at most w bits take with k + 1 widths, the widest w;
        // `before[k][w]`: the next narrower one.
        let mut bits = [[u64::MAX; 65]; CLASSES];
        let mut before = [[0_usize; 65]; CLASSES];
        let of = |from: usize, to: usize| seen[from..=to].iter().sum::<u64>() * to as u64;
        for (width, least) in bits[0].iter_mut().enumerate().take(longest + 1) {
            *least = of(0, width);
        }
        for k in 1..CLASSES {
            for width in 0..=longest {
                (bits[k][width], before[k][width]) = (bits[k - 1][width], before[k - 1][width]);
                for narrower in 0..width {
                    let all = bits[k - 1][narrower].saturating_add(of(narrower + 1, width));
                    if all < bits[k][width] {
                        (bits[k][width], before[k][width]) = (all, narrower);
                    }
                }
            }
        }
        let mut widths = [longest as u8; CLASSES];
        let mut width = longest;
        for k in (1..CLASSES).rev() {
            // As few widths are used as are of use: what k widths do not better, k − 1 do.
            if bits[k][width] < bits[k - 1][width] {
                width = before[k][width];
            }
            widths[k - 1] = width as u8;
        }
        Self { widths }
    }
}

/// Collects bits.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    used: u32,
}

impl BitWriter {
    /// The lowest `width` bits of a value.
    pub fn put(&mut self, value: u64, width: u32) {
        if width > WORD_BITS {
            self.put(value & mask(32), 32);
            return self.put(value >> 32, width - 32);
        }
        self.word |= (value & mask(width)) << self.used;
        self.used += width;
        while self.used >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.used -= 8;
        }
    }

    /// A number, with the widths of its field.
    ///
    /// # Panics
    /// It is longer than its field was fitted to.
    pub fn number(&mut self, coder: &Coder, value: u64) {
        let length = 64 - value.leading_zeros();
        let class = coder.widths.iter().position(|&width| u32::from(width) >= length);
        assert!(class.is_some(), "{value} is wider than any width of {coder:?}");
        let class = class.unwrap_or_default();
        self.put(class as u64, CLASS_BITS);
        self.put(value, coder.widths[class].into());
    }

    /// Goes on at the next whole byte.
    pub fn align(&mut self) {
        if self.used > 0 {
            self.put(0, 8 - self.used);
        }
    }

    /// All of it, to whole bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }

    /// The whole bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads bits. Past the end all are zero: whoever reads looks at [`BitReader::at`] afterwards.
#[derive(Clone, Copy, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// From a bit of these bytes on.
    #[inline]
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next bit to be read.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    fn word(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(rest),
        };
        word.unbounded_shr((self.at % 8) as u32)
    }

    /// The next `width` bits.
    #[inline]
    pub fn bits(&mut self, width: u32) -> u64 {
        if width > WORD_BITS {
            return self.bits(32) | self.bits(width - 32) << 32;
        }
        let value = self.word() & mask(width);
        self.at = self.at.wrapping_add(width as usize);
        value
    }

    /// The next number.
    #[inline(always)]
    pub fn number(&mut self, coder: &Coder) -> u64 {
        let word = self.word();
        let width = u32::from(coder.widths[(word & mask(CLASS_BITS)) as usize]);
        if width > WORD_BITS - CLASS_BITS {
            return self.wide(width);
        }
        self.at = self.at.wrapping_add((CLASS_BITS + width) as usize);
        (word >> CLASS_BITS) & mask(width)
    }

    /// One that is wider than a reading is sure of.
    #[cold]
    fn wide(&mut self, width: u32) -> u64 {
        self.at += CLASS_BITS as usize;
        self.bits(width)
    }
}

/// The last bytes, with zeros behind them.
#[cold]
fn last_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(values: &[u64]) -> Lengths {
        let mut seen = [0; 65];
        values.iter().for_each(|v| seen[64 - v.leading_zeros() as usize] += 1);
        seen
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            values in prop::collection::vec((any::<u64>(), 0_u32..64), 0..200),
        ) {
            let values: Vec<u64> = values.into_iter().map(|(v, shift)| v >> shift).collect();
            for coder in [Coder::fitted(&lengths(&values)), Coder::PLAIN] {
                prop_assert_eq!(Coder::from_widths(coder.widths()), Some(coder));
                let mut writer = BitWriter::default();
                for &value in &values {
                    writer.number(&coder, value);
                    writer.put(value, 7);
                }
                let bytes = writer.finish();
                let mut reader = BitReader::new(&bytes, 0);
                for &value in &values {
                    prop_assert_eq!(reader.number(&coder), value);
                    prop_assert_eq!(reader.bits(7), value & 127);
                }
                prop_assert_eq!(reader.at().div_ceil(8), bytes.len());
            }
        }

        #[test]
        fn signs_come_back(value in any::<i64>()) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
            prop_assert!(value.unsigned_abs() > 1 << 60 || zigzag(value) <= 2 * value.unsigned_abs());
        }
    }

    #[test]
    fn a_field_is_as_wide_as_it_must_be() {
        let widths = |values: &[u64]| Coder::fitted(&lengths(values)).widths();
        assert_eq!(widths(&[]), [0; 8]);
        assert_eq!(widths(&[0, 0, 0]), [0; 8]);
        assert_eq!(widths(&[1, 2, 200])[7], 8);
        let few: Vec<u64> = (0..8).map(|k| 1 << (5 * k)).collect();
        assert_eq!(widths(&few), [1, 6, 11, 16, 21, 26, 31, 36]);
        assert_eq!(widths(&[u64::MAX])[7], 64);
        // What is frequent has a width of its own.
        let mut many = vec![0b1_0000; 1_000];
        many.extend((0..40).map(|shift| 1 << shift));
        assert!(widths(&many).contains(&5), "{:?}", widths(&many));
    }

    #[test]
    fn past_the_end_all_is_zero() {
        let mut reader = BitReader::new(&[0xff], 4);
        assert_eq!((reader.bits(16), reader.at()), (0x0f, 20));
        assert_eq!((reader.bits(64), reader.at()), (0, 84));
        assert_eq!(Coder::from_widths([9, 8, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Coder::from_widths([65; 8]), None);
    }
}
