//! The two forms of an action. What is hashed and what is sent come from one description
//! ([`super::action`]), which tells a [`WireWriter`] its maps, lists and values in order; so the two
//! forms cannot disagree.
//!
//! [`Msgpack`] is the form that is hashed: shortest integers, no floats, no nil (PROTOCOL §4.1).
//! [`Json`] is the form that is sent: compact, same order.

use super::hex;
use crate::types::decimal::{SCALE, SCALE_DIGITS};

/// Takes an action apart, value by value. Words are our own ASCII: nothing ever needs escaping.
pub trait WireWriter {
    /// A map of exactly so many fields follows, up to its [`Self::end_map`].
    fn begin_map(&mut self, fields: usize);
    /// The map is complete.
    fn end_map(&mut self);
    /// A list of exactly so many items follows, up to its [`Self::end_list`].
    fn begin_list(&mut self, items: usize);
    /// The list is complete.
    fn end_list(&mut self);
    /// The name of the field whose value comes next.
    fn key(&mut self, name: &'static str);
    /// A word of the protocol, or a name that was checked to need no escaping.
    fn word(&mut self, word: &str);
    /// A number that is never negative.
    fn uint(&mut self, value: u64);
    /// A number that may be negative.
    fn int(&mut self, value: i64);
    /// A flag.
    fn flag(&mut self, value: bool);
    /// Units of 1e-8 as decimal text, without trailing zeros (PROTOCOL §4.4).
    fn decimal(&mut self, raw: i64);
    /// Text of `0x` and hex digits.
    fn hex(&mut self, bytes: &[u8]);
}

/// Writes msgpack behind what is in the buffer.
pub struct Msgpack<'b>(pub &'b mut Vec<u8>);

impl Msgpack<'_> {
    #[inline]
    fn text(&mut self, text: &[u8]) {
        self.text_header(text.len());
        self.0.extend_from_slice(text);
    }

    #[inline]
    fn text_header(&mut self, len: usize) {
        match len {
            0..=31 => self.0.push(0xa0 | len as u8),
            32..=0xff => self.0.extend_from_slice(&[0xd9, len as u8]),
            _ => self.tagged(0xda, &(len as u16).to_be_bytes()),
        }
    }

    #[inline]
    fn tagged(&mut self, tag: u8, value: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(value);
    }
}

impl WireWriter for Msgpack<'_> {
    #[inline]
    fn begin_map(&mut self, fields: usize) {
        debug_assert!(fields < 16, "no action has a map of {fields} fields");
        self.0.push(0x80 | fields as u8);
    }
    #[inline]
    fn end_map(&mut self) {}
    #[inline]
    fn begin_list(&mut self, items: usize) {
        assert!(items <= usize::from(u16::MAX), "{items} items in one action");
        match items {
            0..=15 => self.0.push(0x90 | items as u8),
            _ => self.tagged(0xdc, &(items as u16).to_be_bytes()),
        }
    }
    #[inline]
    fn end_list(&mut self) {}
    #[inline]
    fn key(&mut self, name: &'static str) {
        self.text(name.as_bytes());
    }
    #[inline]
    fn word(&mut self, word: &str) {
        self.text(word.as_bytes());
    }
    #[inline]
    fn uint(&mut self, value: u64) {
        match value {
            0..=0x7f => self.0.push(value as u8),
            0x80..=0xff => self.0.extend_from_slice(&[0xcc, value as u8]),
            0x100..=0xffff => self.tagged(0xcd, &(value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.tagged(0xce, &(value as u32).to_be_bytes()),
            _ => self.tagged(0xcf, &value.to_be_bytes()),
        }
    }
    fn int(&mut self, value: i64) {
        match value {
            0.. => self.uint(value.unsigned_abs()),
            -32..=-1 => self.0.push(value as u8),
            -0x80..=-33 => self.0.extend_from_slice(&[0xd0, value as u8]),
            -0x8000..=-0x81 => self.tagged(0xd1, &(value as i16).to_be_bytes()),
            -0x8000_0000..=-0x8001 => self.tagged(0xd2, &(value as i32).to_be_bytes()),
            _ => self.tagged(0xd3, &value.to_be_bytes()),
        }
    }
    #[inline]
    fn flag(&mut self, value: bool) {
        self.0.push(if value { 0xc3 } else { 0xc2 });
    }
    #[inline]
    fn decimal(&mut self, raw: i64) {
        self.text(DecimalText::new(raw).as_bytes());
    }
    #[inline]
    fn hex(&mut self, bytes: &[u8]) {
        self.text_header(2 + 2 * bytes.len());
        self.0.extend_from_slice(b"0x");
        hex::push(self.0, bytes);
    }
}

/// No key of the protocol is longer.
const MAX_KEY: usize = 20;

/// Writes compact JSON behind what is in the buffer.
pub struct Json<'b> {
    out: &'b mut Vec<u8>,
    /// A value stands before the next one in its map or list.
    comma: bool,
}

impl<'b> Json<'b> {
    /// The next value is the first of its map or list.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// A value that is already JSON.
    #[inline]
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.out.extend_from_slice(json);
    }

    #[inline]
    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    #[inline]
    fn quoted(&mut self, text: &[u8]) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }
}

impl WireWriter for Json<'_> {
    #[inline]
    fn begin_map(&mut self, _fields: usize) {
        self.raw(b"{");
        self.comma = false;
    }
    #[inline]
    fn end_map(&mut self) {
        self.out.push(b'}');
        self.comma = true;
    }
    #[inline]
    fn begin_list(&mut self, _items: usize) {
        self.raw(b"[");
        self.comma = false;
    }
    #[inline]
    fn end_list(&mut self) {
        self.out.push(b']');
        self.comma = true;
    }
    #[inline]
    fn key(&mut self, name: &'static str) {
        // Put together first: one copy for the field's name and all that stands around it.
        const AROUND: usize = 4;
        let mut piece = [0; AROUND + MAX_KEY];
        let end = name.len() + AROUND;
        piece[..2].copy_from_slice(b",\"");
        piece[2..end - 2].copy_from_slice(name.as_bytes());
        piece[end - 2..end].copy_from_slice(b"\":");
        self.out.extend_from_slice(&piece[usize::from(!self.comma)..end]);
        self.comma = false;
    }
    #[inline]
    fn word(&mut self, word: &str) {
        self.quoted(word.as_bytes());
    }
    #[inline]
    fn uint(&mut self, value: u64) {
        let mut text = DecimalText::EMPTY;
        text.push_front_whole(value);
        self.raw(text.as_bytes());
    }
    fn int(&mut self, value: i64) {
        let mut text = DecimalText::EMPTY;
        text.push_front_whole(value.unsigned_abs());
        if value < 0 {
            text.push_front(b'-');
        }
        self.raw(text.as_bytes());
    }
    #[inline]
    fn flag(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }
    #[inline]
    fn decimal(&mut self, raw: i64) {
        self.quoted(DecimalText::new(raw).as_bytes());
    }
    #[inline]
    fn hex(&mut self, bytes: &[u8]) {
        self.raw(b"\"0x");
        hex::push(self.out, bytes);
        self.out.push(b'"');
    }
}

/// A number's digits on the stack, written from the back.
pub struct DecimalText {
    bytes: [u8; Self::CAPACITY],
    start: usize,
}

impl DecimalText {
    /// Longest is `-92233720368.54775808`; an integer has at most 20 digits.
    const CAPACITY: usize = 24;
    const EMPTY: Self = Self { bytes: [0; Self::CAPACITY], start: Self::CAPACITY };

    /// `raw · 1e-8`: plain digits, no trailing zeros, no point without decimals (PROTOCOL §4.4).
    /// Never the `-0` that floats make.
    #[inline]
    pub fn new(raw: i64) -> Self {
        let mut text = Self::EMPTY;
        let magnitude = raw.unsigned_abs();
        let (whole, mut fraction) = (magnitude / SCALE as u64, magnitude % SCALE as u64);
        if fraction != 0 {
            let mut places = SCALE_DIGITS;
            while fraction.is_multiple_of(10) {
                fraction /= 10;
                places -= 1;
            }
            for _ in 0..places {
                text.push_front(b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            text.push_front(b'.');
        }
        text.push_front_whole(whole);
        if raw < 0 {
            text.push_front(b'-');
        }
        text
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    #[inline]
    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    #[inline]
    fn push_front_whole(&mut self, mut value: u64) {
        loop {
            self.push_front(b'0' + (value % 10) as u8);
            value /= 10;
            if value == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::decimal::write_decimal;
    use proptest::prelude::*;

    #[test]
    fn integers_in_the_shortest_form() {
        let packed = |v: i64| {
            let mut out = Vec::new();
            Msgpack(&mut out).int(v);
            hex::text(&out)
        };
        let cases = [
            (0, "0x00"),
            (127, "0x7f"),
            (128, "0xcc80"),
            (255, "0xccff"),
            (256, "0xcd0100"),
            (65_536, "0xce00010000"),
            (4_294_967_296, "0xcf0000000100000000"),
            (-1, "0xff"),
            (-32, "0xe0"),
            (-33, "0xd0df"),
            (-128, "0xd080"),
            (-129, "0xd1ff7f"),
            (-32_769, "0xd2ffff7fff"),
            (-2_147_483_649, "0xd3ffffffff7fffffff"),
        ];
        for (value, expected) in cases {
            assert_eq!(packed(value), expected, "{value}");
        }
    }

    #[test]
    fn json_has_commas_between_values_only() {
        let mut out = Vec::new();
        let mut w = Json::new(&mut out);
        w.begin_map(4);
        w.key("a");
        w.begin_list(3);
        w.uint(u64::MAX);
        w.int(i64::MIN);
        w.begin_map(0);
        w.end_map();
        w.end_list();
        w.key("b");
        w.flag(false);
        w.key("c");
        w.hex(&[1, 0xab]);
        w.key("d");
        w.decimal(-150_000_000);
        w.end_map();
        let expected = r#"{"a":[18446744073709551615,-9223372036854775808,{}],"b":false,"c":"0x01ab","d":"-1.5"}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn decimals_are_those_of_the_plain_formatter(raw in any::<i64>(), shift in 0_u32..60) {
            for raw in [raw, raw >> shift, (raw >> shift) / 1000 * 1000, i64::MIN, i64::MAX, 0] {
                let mut expected = String::new();
                write_decimal(raw, &mut expected).unwrap();
                let text = DecimalText::new(raw);
                prop_assert_eq!(text.as_bytes(), expected.as_bytes());
            }
        }
    }
}
