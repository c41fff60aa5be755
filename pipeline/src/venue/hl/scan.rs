//! The scanner: market frames in exactly the compact form and key order that the venue sends.
//!
//! It answers [`Some`] or "don't know" ([`None`]); the twin then decides. Anything out of the
//! ordinary (whitespace, another key order, escapes, a coin we do not trade, an unsorted side) is
//! "don't know", so that there is one place where frames are refused.
//!
//! Digits are converted eight at a time in a `u64`. A decimal `65011.25` becomes two words: its
//! whole part, shifted up so that the last digit is the word's last byte, and its decimals, cut off
//! behind the last one. Both then hold eight digits, and value = whole·10⁸ + decimals: neither a
//! branch on the length nor a table of powers of ten is needed. Where the machine has SSE4.1 a book's
//! decimals are read sixteen bytes at a time (`sse`), which is asked when it runs; both say the same. The
//! `unsafe` there is the call of a function for such a machine, and no padding is needed behind the frame.

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod sse;

use super::frame::{Channel, Context, Scratch, nanos_from_ms};
use crate::types::instrument::MAX_COIN_BYTES;
use crate::types::limits::{BOOK_LEVELS, MAX_PX, MAX_QTY};
use crate::types::{
    AssetId, Bbo, Level, Nanos, Px, Qty, SCALE, Side, Trade, Universe, parse_decimal,
};

/// The longest decimal text that is tried before the twin is asked.
const MAX_DECIMAL_BYTES: usize = 32;
const ONES: u64 = 0x0101_0101_0101_0101;
/// Eight digits `0`.
const ZEROS: u64 = ONES * 0x30;

/// Reads a market frame or a pong into `out`; [`None`] = ask the twin.
pub(super) fn scan(frame: &[u8], context: Context, out: &mut Scratch) -> Option<Channel> {
    let mut cursor = Cursor { rest: frame };
    cursor.eat(br#"{"channel":""#)?;
    match cursor.rest.first()? {
        b'l' => book(cursor, context, out),
        b'b' => bbo(cursor, context, out),
        b't' => trades(cursor, context, out),
        b'p' => (cursor.rest == br#"pong"}"#).then_some(Channel::Pong),
        _ => None,
    }
}

fn book(mut c: Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"l2Book","data":{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","time":"#)?;
    let venue_time = c.time()?;
    out.begin_book(asset, venue_time, context.recv_time);
    c.eat(br#","levels":[["#)?;
    out.book.bid_count = side::<false>(&mut c, &mut out.book.bids)?;
    c.eat(b",[")?;
    out.book.ask_count = side::<true>(&mut c, &mut out.book.asks)?;
    out.book.fast = match c.rest {
        b"]}}" => false,
        br#"],"fast":true}}"# => true,
        br#"],"fast":false}}"# => false,
        _ => return None,
    };
    Some(Channel::Book)
}

/// The levels of one side, from behind its `[` to behind its `]`.
#[inline(always)]
fn side<const ASK: bool>(left: &mut Cursor, levels: &mut [Level; BOOK_LEVELS]) -> Option<u8> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let Some(sse) = sse::Sse::detect() {
        return sse.side::<ASK>(left, levels);
    }
    portable_side::<ASK>(left, levels)
}

#[inline(never)]
fn portable_side<const ASK: bool>(
    left: &mut Cursor,
    levels: &mut [Level; BOOK_LEVELS],
) -> Option<u8> {
    side_by::<ASK, _>(Portable, left, levels)
}

#[inline(always)]
fn side_by<const ASK: bool, D: Decimals>(
    decimals: D,
    left: &mut Cursor,
    levels: &mut [Level; BOOK_LEVELS],
) -> Option<u8> {
    let mut c = *left;
    let mut count = 0;
    if c.eat(b"]").is_none() {
        c.eat(br#"{"px":""#)?;
        let mut last = if ASK { Px::ZERO } else { Px::from_raw(i64::MAX) };
        loop {
            let level = c.level(decimals)?;
            if (ASK && level.px <= last) || (!ASK && level.px >= last) {
                return None;
            }
            last = level.px;
            *levels.get_mut(count)? = level;
            count += 1;
            if c.eat(br#",{"px":""#).is_none() {
                break;
            }
        }
        c.eat(b"]")?;
    }
    levels[count..].fill(Level::default());
    *left = c;
    Some(count as u8)
}

fn bbo(mut c: Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"bbo","data":{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","time":"#)?;
    let venue_time = c.time()?;
    c.eat(br#","bbo":["#)?;
    let bid = c.level_or_null()?;
    c.eat(b",")?;
    let ask = c.level_or_null()?;
    if c.rest != b"]}}" {
        return None;
    }
    let recv_time = context.recv_time;
    out.bbo = Bbo { asset, venue_time, recv_time, bid, ask, ..Bbo::default() };
    Some(Channel::Bbo)
}

fn trades(mut c: Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"trades","data":["#)?;
    out.trades.clear();
    if c.rest == b"]}" {
        return Some(Channel::Trades(0));
    }
    loop {
        out.trades.push(trade(&mut c, context)?);
        if c.eat(b",").is_none() {
            break;
        }
    }
    (c.rest == b"]}").then_some(Channel::Trades(out.trades.len() as u32))
}

fn trade(c: &mut Cursor, context: Context) -> Option<Trade> {
    c.eat(br#"{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","side":""#)?;
    let aggressor = match c.rest.first()? {
        b'B' => Side::Bid,
        b'A' => Side::Ask,
        _ => return None,
    };
    c.skip(1)?;
    c.eat(br#"","px":""#)?;
    let px = c.px(Portable)?;
    c.eat(br#"","sz":""#)?;
    let qty = c.qty(Portable)?;
    c.eat(br#"","time":"#)?;
    let venue_time = c.time()?;
    c.eat(br#","hash":"0x"#)?;
    c.plain::<64>()?;
    c.eat(br#"","tid":"#)?;
    let tid = c.tid()?;
    c.eat(br#","users":["0x"#)?;
    c.plain::<40>()?;
    c.eat(br#"","0x"#)?;
    c.plain::<40>()?;
    c.eat(br#""]}"#)?;
    let recv_time = context.recv_time;
    Some(Trade { asset, aggressor, venue_time, recv_time, px, qty, tid, ..Trade::default() })
}

/// What is left of a frame. Every method drops what it read, or returns [`None`].
///
/// The hot ones are inlined and hand only values to those that are not: so `rest` stays in
/// registers, and the next number need not wait for a store.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    #[inline(always)]
    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    #[inline(always)]
    fn eat<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// The next eight bytes, the first in the lowest byte; behind the frame's end they are zero,
    /// which is neither a digit nor anything else that may be in a frame.
    #[inline(always)]
    fn word(self) -> u64 {
        match self.rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => last_word(self.rest),
        }
    }

    /// A level from its price's first digit to behind its `}`.
    #[inline(always)]
    fn level(&mut self, decimals: impl Decimals) -> Option<Level> {
        let px = self.px(decimals)?;
        self.eat(br#"","sz":""#)?;
        let qty = self.qty(decimals)?;
        self.eat(br#"","n":"#)?;
        self.order_count()?;
        Some(Level { px, qty })
    }

    /// A side of a bbo; `null` is the empty level.
    #[inline(always)]
    fn level_or_null(&mut self) -> Option<Level> {
        if self.eat(b"null").is_some() {
            return Some(Level::default());
        }
        self.eat(br#"{"px":""#)?;
        self.level(Portable)
    }

    /// A price of some market; one of no market is left to the twin, which says so.
    #[inline(always)]
    fn px(&mut self, decimals: impl Decimals) -> Option<Px> {
        self.positive(decimals, MAX_PX.raw()).map(Px::from_raw)
    }

    /// A size of some market, likewise.
    #[inline(always)]
    fn qty(&mut self, decimals: impl Decimals) -> Option<Qty> {
        self.positive(decimals, MAX_QTY.raw()).map(Qty::from_raw)
    }

    /// A decimal above zero and at most `max`, in units of 1e-8, up to the byte behind it: the
    /// caller asks for the quote there.
    #[inline(always)]
    fn positive(&mut self, decimals: impl Decimals, max: i64) -> Option<i64> {
        let (raw, len) = match decimals.usual(self.rest) {
            Some(usual) => usual,
            None => unusual_decimal(self.rest)?,
        };
        self.skip(len)?;
        (1..=max).contains(&raw).then_some(raw)
    }

    /// The `n` of a level and its `}`. The value is of no use to us, but must be a JSON number.
    #[inline(always)]
    fn order_count(&mut self) -> Option<()> {
        let word = self.word();
        // '}' is the only byte of this shape with bit 6 set.
        let len = first(word & (ONES * 0x40));
        if !(1..8).contains(&len) || (word >> (8 * len)) as u8 != b'}' {
            return None;
        }
        let leading_zero = word as u8 == b'0' && len > 1;
        if leading_zero || !are_digits((word ^ ZEROS) << (8 * (8 - len))) {
            return None;
        }
        self.skip(len + 1)
    }

    /// A time in ms: 13 digits, as from 2001 to 2286.
    #[inline(always)]
    fn time(&mut self) -> Option<Nanos> {
        let high = self.word() ^ ZEROS;
        self.skip(8)?;
        let low = (self.word() ^ ZEROS) << 24;
        self.skip(5)?;
        let leading_zero = high as u8 == 0;
        // The byte behind the digits is the next key's comma, which the caller asks for.
        if leading_zero || !(are_digits(high) && are_digits(low)) {
            return None;
        }
        nanos_from_ms(eight_digits(high) * 100_000 + eight_digits(low))
    }

    /// A trade id of 8 to 16 digits (about 50 bits: nearly always 14 to 16).
    #[inline(always)]
    fn tid(&mut self) -> Option<u64> {
        let high = self.word() ^ ZEROS;
        self.skip(8)?;
        let low = self.word();
        let len = first(below_digits(low));
        self.skip(len)?;
        let low = match len {
            0 => 0,
            _ => (low ^ ZEROS) << (8 * (8 - len)),
        };
        let leading_zero = high as u8 == 0;
        if leading_zero || !(are_digits(high) && are_digits(low)) {
            return None;
        }
        Some(eight_digits(high) * 10_u64.pow(len as u32) + eight_digits(low))
    }

    /// A coin of ours, up to its closing quote.
    #[inline(always)]
    fn coin(&mut self, universe: &Universe) -> Option<AssetId> {
        let len = self.rest.iter().take(MAX_COIN_BYTES + 1).position(|&b| b == b'"')?;
        let (name, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        // A backslash would be an escape, which only the twin reads.
        if name.contains(&b'\\') { None } else { universe.find(name) }
    }

    /// `N` bytes that mean themselves inside a JSON string.
    #[inline(always)]
    fn plain<const N: usize>(&mut self) -> Option<()> {
        let means_itself = |b: u8| (0x20..0x80).contains(&b) & (b != b'"') & (b != b'\\');
        let (text, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        // No early exit: the loop becomes a few vector instructions.
        text.iter().fold(true, |ok, &b| ok & means_itself(b)).then_some(())
    }
}

/// A way to read decimals. All of them say the same.
trait Decimals: Copy {
    /// As [`usual_decimal`].
    fn usual(self, rest: &[u8]) -> Option<(i64, usize)>;
}

/// The way that every machine has.
#[derive(Clone, Copy)]
struct Portable;

impl Decimals for Portable {
    #[inline(always)]
    fn usual(self, rest: &[u8]) -> Option<(i64, usize)> {
        usual_decimal(rest)
    }
}

/// A decimal of 1 to 7 whole digits, a point and at most 7 decimals, as all that are in use, and
/// its length. It must have 16 bytes from its start to the frame's end.
#[inline(always)]
fn usual_decimal(rest: &[u8]) -> Option<(i64, usize)> {
    let both = u128::from_le_bytes(*rest.first_chunk()?);
    let (low, high) = (both as u64, (both >> 64) as u64);
    let ends = below_digits(low);
    let point = first(ends);
    // Eight = no point within the word; 0 = nothing before it.
    if !(1..8).contains(&point) {
        return None;
    }
    let from_point = low >> (8 * point);
    let later = ends & ends.wrapping_sub(1);
    // A branch: measured a little faster than a select, for all the sizes of nine bytes.
    let end = if later != 0 { first(later) } else { 8 + first(below_digits(high)) };
    let decimals = end.wrapping_sub(point + 1);
    if from_point as u8 != b'.' || decimals > 7 {
        return None;
    }
    // The eight bytes behind the point, put together from both words.
    let fraction = (from_point >> 8) | (high << (8 * (7 - point)));
    let whole = (low ^ ZEROS) << (8 * (8 - point));
    let fraction = (fraction ^ ZEROS) & ((1 << (8 * decimals)) - 1);
    if !(are_digits(whole) && are_digits(fraction)) {
        return None;
    }
    // At most seven whole digits: below 1e15 in all, no overflow.
    Some(((eight_digits(whole) * SCALE as u64 + eight_digits(fraction)) as i64, end))
}

/// Any other decimal, up to its closing quote.
#[cold]
#[inline(never)]
fn unusual_decimal(rest: &[u8]) -> Option<(i64, usize)> {
    let len = rest.iter().take(MAX_DECIMAL_BYTES).position(|&b| b == b'"')?;
    parse_decimal(&rest[..len]).ok().map(|raw| (raw, len))
}

/// Fewer than eight bytes, and zeros.
#[inline(never)]
fn last_word(rest: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(bytes)
}

/// Marks the bytes with bit 4 clear. Digits have it set; the point, the quote and the comma that
/// end them do not. Other bytes are told apart by [`are_digits`].
#[inline(always)]
fn below_digits(word: u64) -> u64 {
    !word & (ONES * 0x10)
}

/// Index of the first marked byte, 8 = none.
#[inline(always)]
fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Whether every byte is 0..=9 (the text of digits, XOR `0`).
#[inline(always)]
fn are_digits(word: u64) -> bool {
    // A byte above 9 gets a bit in its upper half, from itself or from adding 6. A carry can only
    // come out of a byte that already has one.
    (word | word.wrapping_add(ONES * 6)) & (ONES * 0xF0) == 0
}

/// The number that eight bytes of 0..=9 spell, first byte first: pairs, fours, then eight.
#[inline(always)]
fn eight_digits(word: u64) -> u64 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

#[cfg(test)]
mod tests;
