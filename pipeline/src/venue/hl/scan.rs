//! The scanner: market frames in exactly the compact form and key order that the venue sends.
//!
//! It answers [`Some`] or "don't know" ([`None`]); the twin then decides. Anything out of the
//! ordinary (whitespace, another key order, escapes, a coin we do not trade, an unsorted side) is
//! "don't know", so that there is one place where frames are refused.
//!
//! Digits are converted eight at a time in a `u64`. A price `65011.25` is read as two words, one
//! that starts at its first digit and one that starts after its point: the bytes of the first are
//! shifted up so that its last digit is the word's last byte, those of the second are cut off
//! behind the last digit. Both then hold eight digits, and value = whole·10⁸ + fraction: neither a
//! branch on the length nor a table of powers of ten is needed. All of it is safe Rust: one bounds
//! check a word, and so no padding is needed behind the frame.

use super::decode::{Channel, Context, Scratch, nanos_from_ms};
use crate::types::limits::BOOK_LEVELS;
use crate::types::{
    AssetId, Bbo, Level, Nanos, Px, Qty, SCALE, Side, Trade, Universe, parse_decimal,
};

/// The longest decimal text that is tried before the twin is asked.
const MAX_DECIMAL_BYTES: usize = 32;
/// The longest coin name, with its closing quote.
const MAX_COIN_BYTES: usize = 16;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Reads a market frame or a pong into `out`; [`None`] = ask the twin.
pub(super) fn scan(frame: &[u8], context: Context, out: &mut Scratch) -> Option<Channel> {
    let mut cursor = Cursor { bytes: frame, at: 0 };
    cursor.eat(br#"{"channel":""#)?;
    match frame.get(cursor.at)? {
        b'l' => book(&mut cursor, context, out),
        b'b' => bbo(&mut cursor, context, out),
        b't' => trades(&mut cursor, context, out),
        b'p' => cursor.ends_with(br#"pong"}"#).then_some(Channel::Pong),
        _ => None,
    }
}

fn book(c: &mut Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"l2Book","data":{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","time":"#)?;
    let venue_time = c.time()?;
    out.begin_book(asset, venue_time, context.recv_time);
    c.eat(br#","levels":[["#)?;
    out.book.bid_count = side::<{ Side::Bid as u8 }>(c, &mut out.book.bids)?;
    c.eat(b",[")?;
    out.book.ask_count = side::<{ Side::Ask as u8 }>(c, &mut out.book.asks)?;
    out.book.fast = match c.bytes.get(c.at..)? {
        b"]}}" => false,
        br#"],"fast":true}}"# => true,
        br#"],"fast":false}}"# => false,
        _ => return None,
    };
    Some(Channel::Book)
}

/// The levels of one side, from behind its `[` to behind its `]`.
fn side<const SIDE: u8>(c: &mut Cursor, levels: &mut [Level; BOOK_LEVELS]) -> Option<u8> {
    if c.eat(b"]").is_some() {
        *levels = [Level::default(); BOOK_LEVELS];
        return Some(0);
    }
    c.eat(br#"{"px":""#)?;
    let ask = SIDE == Side::Ask as u8;
    let mut last = if ask { Px::ZERO } else { Px::from_raw(i64::MAX) };
    for i in 0..BOOK_LEVELS {
        let level = c.level()?;
        if (ask && level.px <= last) || (!ask && level.px >= last) {
            return None;
        }
        last = level.px;
        levels[i] = level;
        if c.eat(br#",{"px":""#).is_none() {
            c.eat(b"]")?;
            levels[i + 1..].fill(Level::default());
            return Some(i as u8 + 1);
        }
    }
    None
}

fn bbo(c: &mut Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"bbo","data":{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","time":"#)?;
    let venue_time = c.time()?;
    c.eat(br#","bbo":["#)?;
    let bid = c.level_or_null()?;
    c.eat(b",")?;
    let ask = c.level_or_null()?;
    if !c.ends_with(b"]}}") {
        return None;
    }
    let recv_time = context.recv_time;
    out.bbo = Bbo { asset, venue_time, recv_time, bid, ask, ..Bbo::default() };
    Some(Channel::Bbo)
}

fn trades(c: &mut Cursor, context: Context, out: &mut Scratch) -> Option<Channel> {
    c.eat(br#"trades","data":["#)?;
    out.trades.clear();
    if c.ends_with(b"]}") {
        return Some(Channel::Trades(0));
    }
    loop {
        out.trades.push(trade(c, context)?);
        if c.eat(b",").is_none() {
            break;
        }
    }
    c.ends_with(b"]}").then_some(Channel::Trades(out.trades.len() as u32))
}

fn trade(c: &mut Cursor, context: Context) -> Option<Trade> {
    c.eat(br#"{"coin":""#)?;
    let asset = c.coin(context.universe)?;
    c.eat(br#"","side":""#)?;
    let aggressor = match c.bytes.get(c.at)? {
        b'B' => Side::Bid,
        b'A' => Side::Ask,
        _ => return None,
    };
    c.at += 1;
    c.eat(br#"","px":""#)?;
    let px = Px::from_raw(c.positive()?);
    c.eat(br#"","sz":""#)?;
    let qty = Qty::from_raw(c.positive()?);
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

/// A position in a frame. Every method moves it behind what was read, or returns [`None`].
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// The next `N` bytes, without moving.
    #[inline(always)]
    fn peek<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.bytes.get(at..)?.first_chunk()
    }

    /// The eight bytes at `at`, the first in the lowest byte; behind the frame's end they are zero,
    /// which is neither a digit nor anything else that may be in a frame.
    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        match self.peek(at) {
            Some(bytes) => Some(u64::from_le_bytes(*bytes)),
            None => self.last_word(at),
        }
    }

    #[inline(never)]
    fn last_word(&self, at: usize) -> Option<u64> {
        let rest = self.bytes.get(at..)?;
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Some(u64::from_le_bytes(bytes))
    }

    #[inline(always)]
    fn eat<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        (self.peek::<N>(self.at)? == literal).then(|| self.at += N)
    }

    /// Whether exactly `literal` is left.
    fn ends_with(&self, literal: &[u8]) -> bool {
        self.bytes.get(self.at..) == Some(literal)
    }

    /// A level from its price's first digit to behind its `}`.
    #[inline(always)]
    fn level(&mut self) -> Option<Level> {
        let px = Px::from_raw(self.positive()?);
        self.eat(br#"","sz":""#)?;
        let qty = Qty::from_raw(self.positive()?);
        self.eat(br#"","n":"#)?;
        self.order_count()?;
        Some(Level { px, qty })
    }

    /// A side of a bbo; `null` is the empty level.
    fn level_or_null(&mut self) -> Option<Level> {
        if self.eat(b"null").is_some() {
            return Some(Level::default());
        }
        self.eat(br#"{"px":""#)?;
        self.level()
    }

    /// A decimal above zero, in units of 1e-8, up to the byte behind it: the caller asks for the
    /// quote there.
    #[inline(always)]
    fn positive(&mut self) -> Option<i64> {
        let raw = match self.usual_decimal() {
            Some(raw) => raw,
            None => self.unusual_decimal()?,
        };
        (raw > 0).then_some(raw)
    }

    /// A decimal of 1 to 7 whole digits, a point and at most 7 decimals: all that are in use.
    #[inline(always)]
    fn usual_decimal(&mut self) -> Option<i64> {
        let whole = self.word(self.at)?;
        let point = first_below_digits(whole);
        // Eight = no point within the word; 0 = nothing before it.
        if !(1..8).contains(&point) || (whole >> (8 * point)) as u8 != b'.' {
            return None;
        }
        let start = self.at + point + 1;
        let fraction = self.word(start)?;
        let end = first_below_digits(fraction);
        if end == 8 {
            return None;
        }
        let whole = (whole ^ (ONES * 0x30)) << (8 * (8 - point));
        let fraction = (fraction ^ (ONES * 0x30)) & ((1 << (8 * end)) - 1);
        if !(are_digits(whole) && are_digits(fraction)) {
            return None;
        }
        self.at = start + end;
        // At most seven whole digits: below 1e15 in all, no overflow.
        Some((eight_digits(whole) * SCALE as u64 + eight_digits(fraction)) as i64)
    }

    /// Any other decimal.
    #[cold]
    #[inline(never)]
    fn unusual_decimal(&mut self) -> Option<i64> {
        let rest = self.bytes.get(self.at..)?;
        let len = rest.iter().take(MAX_DECIMAL_BYTES).position(|&b| b == b'"')?;
        let raw = parse_decimal(&rest[..len]).ok()?;
        self.at += len;
        Some(raw)
    }

    /// The `n` of a level and its `}`. The value is of no use to us, but must be a JSON number.
    #[inline(always)]
    fn order_count(&mut self) -> Option<()> {
        let word = self.word(self.at)?;
        // '}' is the only byte of this shape with bit 6 set.
        let len = ((word & (ONES * 0x40)).trailing_zeros() / 8) as usize;
        if !(1..8).contains(&len) || (word >> (8 * len)) as u8 != b'}' {
            return None;
        }
        let leading_zero = word as u8 == b'0' && len > 1;
        if leading_zero || !are_digits((word ^ (ONES * 0x30)) << (8 * (8 - len))) {
            return None;
        }
        self.at += len + 1;
        Some(())
    }

    /// A time in ms: 13 digits, as from 2001 to 2286.
    #[inline(always)]
    fn time(&mut self) -> Option<Nanos> {
        let high = self.word(self.at)? ^ (ONES * 0x30);
        let low = (self.word(self.at + 8)? ^ (ONES * 0x30)) << 24;
        let leading_zero = high as u8 == 0;
        // The byte behind the digits is the next key's comma, which the caller asks for.
        if leading_zero || !(are_digits(high) && are_digits(low)) {
            return None;
        }
        self.at += 13;
        nanos_from_ms(eight_digits(high) * 100_000 + eight_digits(low))
    }

    /// A trade id of 8 to 15 digits or 16 (about 50 bits: nearly always 14 to 16).
    fn tid(&mut self) -> Option<u64> {
        let high = self.word(self.at)? ^ (ONES * 0x30);
        let low = self.word(self.at + 8)?;
        let len = first_below_digits(low);
        let low = match len {
            0 => 0,
            _ => (low ^ (ONES * 0x30)) << (8 * (8 - len)),
        };
        let leading_zero = high as u8 == 0;
        if leading_zero || !(are_digits(high) && are_digits(low)) {
            return None;
        }
        self.at += 8 + len;
        Some(eight_digits(high) * 10_u64.pow(len as u32) + eight_digits(low))
    }

    /// A coin of ours, up to its closing quote.
    fn coin(&mut self, universe: &Universe) -> Option<AssetId> {
        let rest = self.bytes.get(self.at..)?;
        let len = rest.iter().take(MAX_COIN_BYTES).position(|&b| b == b'"')?;
        let name = &rest[..len];
        self.at += len;
        // A backslash would be an escape, which only the twin reads.
        if name.contains(&b'\\') { None } else { universe.find(name) }
    }

    /// `N` bytes that mean themselves inside a JSON string.
    fn plain<const N: usize>(&mut self) -> Option<()> {
        let means_itself = |b: u8| (0x20..0x80).contains(&b) & (b != b'"') & (b != b'\\');
        let text = self.peek::<N>(self.at)?;
        // No early exit: the loop becomes a few vector instructions.
        text.iter().fold(true, |ok, &b| ok & means_itself(b)).then(|| self.at += N)
    }
}

/// Index of the first byte with bit 4 clear, 8 = none. Digits have it set; the point, the quote and
/// the comma that end them do not. Other bytes are told apart by [`are_digits`].
#[inline(always)]
fn first_below_digits(word: u64) -> usize {
    ((!word & (ONES * 0x10)).trailing_zeros() / 8) as usize
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Option<(i64, usize)> {
        let mut c = Cursor { bytes: text.as_bytes(), at: 0 };
        c.positive().map(|raw| (raw, c.at))
    }

    #[test]
    fn decimals_stop_at_the_quote() {
        assert_eq!(decimal(r#"65011.0","sz":""#), Some((6_501_100_000_000, 7)));
        assert_eq!(decimal(r#"0.08794","n":12}"#), Some((8_794_000, 7)));
        assert_eq!(decimal(r#"9999999.9999999","n""#), Some((999_999_999_999_990, 15)));
        // The unusual ones: no point, eight decimals, eight whole digits, the frame's end.
        assert_eq!(decimal(r#"65011","sz":"1""#), Some((6_501_100_000_000, 5)));
        assert_eq!(decimal(r#"0.00000001","n":1"#), Some((1, 10)));
        assert_eq!(decimal(r#"12345678.5","n":1}"#), Some((1_234_567_850_000_000, 10)));
        assert_eq!(decimal(r#"1.5""#), Some((150_000_000, 3)));
        for bad in ["0.0\",123456", "-1.0\",12345", "1e5\",12345", "1.2x3\",123", "1", "\"", ""] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
        assert_eq!(decimal("1.2.3\",123"), Some((120_000_000, 3)), "no quote there: see callers");
    }

    #[test]
    fn every_byte_but_a_digit_is_noticed() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"12345678";
                text[place] = byte;
                let word = u64::from_le_bytes(text) ^ (ONES * 0x30);
                assert_eq!(are_digits(word), byte.is_ascii_digit(), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn trade_ids_and_times() {
        let tid = |text: &str| Cursor { bytes: text.as_bytes(), at: 0 }.tid();
        assert_eq!(tid(r#"717978735161105,"users""#), Some(717_978_735_161_105));
        assert_eq!(tid(r#"9999999999999999,"users""#), Some(9_999_999_999_999_999));
        assert_eq!(tid(r#"12345678,"users":"#), Some(12_345_678));
        assert_eq!(tid(r#"01797873516110,"users""#), None);
        let time = |text: &str| Cursor { bytes: text.as_bytes(), at: 0 }.time();
        assert_eq!(time("1795359600439,\"le"), Some(Nanos::millis(1_795_359_600_439)));
        assert_eq!(time("9795359600439,\"le"), None, "beyond 64-bit nanoseconds");
        assert_eq!(time("179535960043x,\"le"), None);
    }

    proptest! {
        #[test]
        fn eight_digits_are_a_number(n in 0_u64..100_000_000) {
            let text = format!("{n:08}");
            let word = u64::from_le_bytes(text.as_bytes().try_into().unwrap());
            prop_assert_eq!(eight_digits(word ^ (ONES * 0x30)), n);
        }

        #[test]
        fn any_text_reads_as_the_plain_parser_reads_it(text in "[0-9]{0,9}(\\.[0-9]{0,9})?") {
            let expected = parse_decimal(text.as_bytes()).ok().filter(|raw| *raw > 0);
            let got = decimal(&format!("{text}\",\"sz\":\""));
            prop_assert_eq!(got, expected.map(|raw| (raw, text.len())));
        }

        #[test]
        fn trade_ids_read_back(tid in 10_000_000_u64..10_000_000_000_000_000) {
            let text = format!("{tid},\"users\"");
            prop_assert_eq!(Cursor { bytes: text.as_bytes(), at: 0 }.tid(), Some(tid));
        }
    }
}
