//! Spans of time as people type them: `50ms`, `30s`, `1.5s`, `5m`, `1h`. Exact.

use super::decimal::{SCALE, parse_decimal};
use super::fixed::Nanos;

/// What a duration may look like; part of every message about one.
pub const DURATION_ALLOWED: &str = "a number with a unit: ns, us, ms, s, m, h (50ms, 1.5s, 5m)";

/// Longest duration anyone may type: 366 days.
const MAX_DURATION: Nanos = Nanos::secs(366 * 86_400);

/// Reads `50ms`, `30s`, `1.5s`, `5m`, `1h`. Never negative, never without a unit.
pub fn parse_duration(text: &str) -> Result<Nanos, String> {
    let refuse = || format!("{text:?} is not a duration; allowed: {DURATION_ALLOWED}");
    let text_ = text.trim();
    let split = text_.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refuse)?;
    let (number, unit) = text_.split_at(split);
    let unit_ns: i64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(refuse()),
    };
    let number = parse_decimal(number.trim().as_bytes()).map_err(|_| refuse())?;
    let exact = i128::from(number) * i128::from(unit_ns);
    let scale = i128::from(SCALE);
    if exact < 0 || exact % scale != 0 {
        return Err(refuse());
    }
    match i64::try_from(exact / scale) {
        Ok(ns) if ns <= MAX_DURATION.0 => Ok(Nanos(ns)),
        _ => Err(format!("{text:?} is too long; at most 366 days (8784h)")),
    }
}

/// A duration as [`parse_duration`] reads it, in its largest whole unit.
pub fn format_duration(span: Nanos) -> String {
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    match units.iter().find(|(ns, _)| span.0 != 0 && span.0 % ns == 0) {
        Some((ns, unit)) => format!("{}{unit}", span.0 / ns),
        None => format!("{}ns", span.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_need_a_unit() {
        let ok = |s: &str, ns: i64| assert_eq!(parse_duration(s), Ok(Nanos(ns)), "{s}");
        ok("50ms", 50_000_000);
        ok("30s", 30_000_000_000);
        ok("1.5s", 1_500_000_000);
        ok("5m", 300_000_000_000);
        ok("1h", 3_600_000_000_000);
        ok("250 us", 250_000);
        ok("0ms", 0);
        for bad in ["", "50", "ms", "-1s", "1d", "1e3s", "0.5ns", "1s2", "nan s", "5 min"] {
            let message = parse_duration(bad).unwrap_err();
            assert!(message.contains("ns, us, ms, s, m, h"), "{bad}: {message}");
        }
        assert!(parse_duration("99999999h").unwrap_err().contains("too long"));
    }
}
