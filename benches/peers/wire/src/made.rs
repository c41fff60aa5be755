//! What all works start from and are compared by: orders as `botmm-hotpath` makes them, and what a book comes to.
#![allow(dead_code, reason = "each client has its own part")]

/// Digits of a whole, as raw numbers count them.
pub const DECIMALS: usize = 8;

pub fn told(levels: impl Iterator<Item = (i64, i64)>) -> String {
    let (mut n, mut px, mut qty) = (0, 0i128, 0i128);
    for level in levels {
        (n, px, qty) = (n + 1, px + i128::from(level.0), qty + i128::from(level.1));
    }
    format!("{n}/{px}/{qty}")
}

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
