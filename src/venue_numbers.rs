//! Numbers as the venue tells them in JSON over HTTPS, read as on the order connection: by
//! [`read_decimal`], to the nearest 1e-8, inside the same bounds. [`None`] = no such number.

use botmm_pipeline::types::limits::{MAX_PX, MAX_QTY};
use botmm_pipeline::types::{Bps, Px, Qty, Usd, read_decimal};
use serde_json::Value;

/// Fees beyond 100 bps are of no venue.
const MAX_RATE_E8: i64 = 1_000_000;
/// Beyond this a float may stand for another whole number.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

fn decimal(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => read_decimal(text.as_bytes()).ok(),
        Value::Number(number) => read_decimal(number.to_string().as_bytes()).ok(),
        _ => None,
    }
}

fn within(value: &Value, least: i64, most: i64) -> Option<i64> {
    decimal(value).filter(|raw| (least..=most).contains(raw))
}

/// An amount of money.
pub fn usd(value: &Value) -> Option<Usd> {
    let most = Usd::LARGEST_VALUE.raw();
    within(value, -most, most).map(Usd::from_raw)
}

/// A price above zero.
pub fn px(value: &Value) -> Option<Px> {
    within(value, 1, MAX_PX.raw()).map(Px::from_raw)
}

/// A signed position.
pub fn position(value: &Value) -> Option<Qty> {
    within(value, -MAX_QTY.raw(), MAX_QTY.raw()).map(Qty::from_raw)
}

/// A fee as a fraction (`0.00015`).
pub fn rate(value: &Value) -> Option<Bps> {
    let raw = within(value, -MAX_RATE_E8, MAX_RATE_E8)?;
    i32::try_from(raw).ok().map(Bps::from_e8)
}

/// A whole number, which may be written `12.0` or `"12"`.
pub fn whole(value: &Value) -> Option<u64> {
    let float =
        |x: f64| (x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(&x)).then_some(x as u64);
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(float)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_read_to_the_nearest_unit() {
        let text = |v: Value| usd(&v).map(|v| v.to_string());
        assert_eq!(text(json!("9989.525556")).as_deref(), Some("9989.525556"));
        assert_eq!(text(json!("-12")).as_deref(), Some("-12"));
        assert_eq!(text(json!(-12.5)).as_deref(), Some("-12.5"));
        assert_eq!(text(json!("39907.5661399998000001")).as_deref(), Some("39907.56614"));
        for bad in [json!("1.5e3 USD"), json!("99999999999"), json!(null), json!([]), json!("")] {
            assert_eq!(usd(&bad), None, "{bad}");
        }
    }

    #[test]
    fn rates_with_the_noise_of_floats() {
        for (told, e8) in [
            (json!("0.00014249999999999999"), 14_250),
            (json!("0.00010000000000000001"), 10_000),
            (json!("1.5e-4"), 15_000),
            (json!(0.00015), 15_000),
            (json!("-0.00001"), -1_000),
        ] {
            assert_eq!(rate(&told).map(Bps::e8), Some(e8), "{told}");
        }
        assert_eq!((rate(&json!("0.011")), rate(&json!("x"))), (None, None));
    }

    #[test]
    fn whole_numbers_in_any_dress() {
        for told in [json!(12), json!(12.0), json!("12")] {
            assert_eq!(whole(&told), Some(12), "{told}");
        }
        for bad in [json!(12.5), json!(-1), json!("12.0x"), json!(1e300), json!(null), json!(true)]
        {
            assert_eq!(whole(&bad), None, "{bad}");
        }
        assert_eq!(whole(&json!(u64::MAX)), Some(u64::MAX));
    }

    #[test]
    fn prices_and_positions_keep_their_bounds() {
        assert_eq!(
            px(&json!("0.30000000000000004")).map(|p| p.to_string()).as_deref(),
            Some("0.3")
        );
        assert_eq!((px(&json!("0")), px(&json!("-1")), px(&json!("10000001"))), (None, None, None));
        assert_eq!(position(&json!("-0.5")).map(|p| p.to_string()).as_deref(), Some("-0.5"));
        assert_eq!(position(&json!("1000000001")), None);
    }
}
