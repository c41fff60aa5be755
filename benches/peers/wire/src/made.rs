//! What all works start from, and how what they made is said, so that it can be compared with what `botmm-hotpath` made.
#![allow(dead_code, reason = "each client has its own part")]

/// What a call made; empty what is not its work.
#[derive(Default)]
pub struct Made {
    /// Prices and sizes of a book in 1e-8, bids and asks.
    pub book: String,
    /// A signed body.
    pub body: String,
}

/// A book by what its levels are, a side each, the best first.
pub fn told(sides: [Vec<(i64, i64)>; 2]) -> Made {
    let side = |levels: Vec<(i64, i64)>| {
        levels.iter().map(|(px, qty)| format!("{px}x{qty}")).collect::<Vec<_>>().join(" ")
    };
    Made { book: sides.map(side).join(" / "), ..Made::default() }
}

/// Digits of a whole, as raw numbers count them.
const DECIMALS: usize = 8;

/// A decimal in units of 1e-8: digits, perhaps a point and digits.
pub fn fixed(text: &str) -> i64 {
    let (mut raw, mut after) = (0i64, None);
    for byte in text.bytes() {
        match byte {
            b'.' => after = Some(0),
            digit => {
                raw = raw * 10 + i64::from(digit - b'0');
                after = after.map(|n| n + 1);
            }
        }
    }
    raw * 10i64.pow((DECIMALS - after.unwrap_or(0)) as u32)
}

/// Whether it buys, price, size in 1e-5, cloid.
pub type Order = (bool, i64, i64, [u8; 16]);

/// A throw-away key, as in the vectors.
pub const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
pub const NONCE: u64 = 1_795_359_600_000;
/// Different pairs of orders.
pub const PAIRS: usize = 256;

/// An order of pair `i`.
pub fn order(i: usize, is_buy: bool) -> Order {
    let i = i as i64;
    let px = 65_000 + i * 7 % 900 - if is_buy { 1 } else { -1 };
    let cloid = (i as u128) << 8 | u128::from(is_buy);
    (is_buy, px, 1 + i * 37 % 5_000, cloid.to_be_bytes())
}

pub fn pairs<T>(of: impl Fn([Order; 2]) -> T) -> Vec<T> {
    (0..PAIRS).map(|i| of([order(i, true), order(i, false)])).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of their digits, perhaps after `0x`; digits that lead may be missing where they are zero.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let text = format!("{:0>64}", text.trim_start_matches("0x"));
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (text.len() == 64).then_some(bytes)
}
