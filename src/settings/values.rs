//! Words and numbers that a person types, in a file or as a flag: durations, fees, money, the
//! simulator's queue and latency models. All exact: a number that does not fit is refused.

use botmm_pipeline::types::decimal::parse_decimal_exp;
use botmm_pipeline::types::{Bps, Nanos, Usd};
use std::fmt;
use std::str::FromStr;

/// What a duration may look like; part of every message about one.
pub const DURATION_ALLOWED: &str = "a number with a unit: ns, us, ms, s, m, h (50ms, 1.5s, 5m)";
/// What a queue model may be called.
pub const QUEUE_ALLOWED: &str = "risk_averse, prob_power, prob_power:N (N above 0), prob_log";
/// What a latency model may look like.
pub const LATENCY_ALLOWED: &str =
    "a duration (50ms) or lognormal:MEDIAN,SIGMA (lognormal:50ms,0.3; SIGMA from 0 to 5)";

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
    let number =
        botmm_pipeline::types::parse_decimal(number.trim().as_bytes()).map_err(|_| refuse())?;
    let exact = i128::from(number) * i128::from(unit_ns);
    let scale = i128::from(botmm_pipeline::types::SCALE);
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

/// Reads an amount of money exactly.
pub fn parse_usd(text: &str) -> Result<Usd, String> {
    parse_decimal_exp(plain(text).as_bytes()).map(Usd::from_raw).map_err(|e| e.to_string())
}

/// Reads a rate in basis points exactly; at most four decimals, at most ±100 bps.
pub fn parse_bps(text: &str) -> Result<Bps, String> {
    const ALLOWED: &str = "allowed: -100 to 100 bps, at most 4 decimals; positive = cost";
    let raw = parse_decimal_exp(plain(text).as_bytes())
        .map_err(|e| format!("{text:?}: {e}; {ALLOWED}"))?;
    if raw % 10_000 != 0 || raw.abs() > 100 * botmm_pipeline::types::SCALE {
        return Err(format!("{text:?} is out of range; {ALLOWED}"));
    }
    i32::try_from(raw / 10_000)
        .map(Bps::from_e8)
        .map_err(|_| format!("{text:?} is out of range; {ALLOWED}"))
}

/// TOML and people may write a plus sign; the venue's grammar has none.
fn plain(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('+').unwrap_or(text)
}

/// How the simulator estimates our place in a recorded queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueueModel {
    /// Only trades at our price move us up.
    RiskAverse,
    /// Cancellations move us up with a probability, f(x) = x^n.
    ProbPower(f64),
    /// The same with f(x) = ln(1 + x).
    ProbLog,
}

/// Exponent of `prob_power` when none is given.
const DEFAULT_POWER: f64 = 3.0;

impl FromStr for QueueModel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a queue model; allowed: {QUEUE_ALLOWED}");
        match text.trim().split_once(':') {
            None => match text.trim() {
                "risk_averse" => Ok(Self::RiskAverse),
                "prob_power" => Ok(Self::ProbPower(DEFAULT_POWER)),
                "prob_log" => Ok(Self::ProbLog),
                _ => Err(refuse()),
            },
            Some(("prob_power", n)) => match n.parse::<f64>() {
                Ok(n) if n > 0.0 && n <= 100.0 => Ok(Self::ProbPower(n)),
                _ => Err(refuse()),
            },
            Some(_) => Err(refuse()),
        }
    }
}

impl fmt::Display for QueueModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RiskAverse => f.write_str("risk_averse"),
            Self::ProbPower(n) => write!(f, "prob_power:{n}"),
            Self::ProbLog => f.write_str("prob_log"),
        }
    }
}

/// How long the simulator takes, each way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatencyModel {
    /// Always the same.
    Constant(Nanos),
    /// Lognormal, drawn with the session's seed.
    LogNormal {
        /// Half of the draws are below.
        median: Nanos,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl FromStr for LatencyModel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a latency; allowed: {LATENCY_ALLOWED}");
        let Some(drawn) = text.trim().strip_prefix("lognormal:") else {
            return parse_duration(text).map(Self::Constant).map_err(|_| refuse());
        };
        let (median, sigma) = drawn.split_once(',').ok_or_else(refuse)?;
        let median = parse_duration(median).map_err(|_| refuse())?;
        match sigma.trim().parse::<f64>() {
            Ok(sigma) if (0.0..=5.0).contains(&sigma) && median > Nanos::ZERO => {
                Ok(Self::LogNormal { median, sigma })
            }
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(span) => f.write_str(&format_duration(*span)),
            Self::LogNormal { median, sigma } => {
                write!(f, "lognormal:{},{sigma}", format_duration(*median))
            }
        }
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

    #[test]
    fn models_are_read_back_as_written() {
        for text in ["risk_averse", "prob_power:2", "prob_log"] {
            assert_eq!(text.parse::<QueueModel>().unwrap().to_string(), text);
        }
        assert_eq!("prob_power".parse(), Ok(QueueModel::ProbPower(3.0)));
        for bad in ["", "prob", "prob_power:0", "prob_power:x", "prob_power:nan", "prob_log:2"] {
            assert!(bad.parse::<QueueModel>().unwrap_err().contains("risk_averse"), "{bad}");
        }
        for text in ["50ms", "1s", "lognormal:50ms,0.3"] {
            assert_eq!(text.parse::<LatencyModel>().unwrap().to_string(), text);
        }
        for bad in ["50", "lognormal:50,0.3", "lognormal:50ms", "lognormal:50ms,-1", "normal:1ms"] {
            assert!(bad.parse::<LatencyModel>().unwrap_err().contains("lognormal:"), "{bad}");
        }
    }

    #[test]
    fn money_and_fees_are_exact() {
        assert_eq!(parse_usd("0.1"), Ok(Usd::from_raw(10_000_000)));
        assert_eq!(parse_usd("+1e3"), Ok(Usd::whole(1000)));
        assert!(parse_usd("0.000000001").is_err());
        assert!(parse_usd("nan").is_err());
        assert_eq!(parse_bps("1.425").unwrap().e8(), 14_250);
        assert_eq!(parse_bps("-0.3").unwrap().e8(), -3_000);
        for bad in ["", "1.5bps", "1.00001", "101", "-101", "inf"] {
            assert!(parse_bps(bad).is_err(), "{bad}");
        }
    }
}
