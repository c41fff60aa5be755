//! Money and rates that a person types, in a file or as a flag. Exact: what does not fit is refused.

use botmm_pipeline::types::decimal::parse_decimal_exp;
use botmm_pipeline::types::{Bps, Usd};
use botmm_pipeline::venue::hl::sign::Address;

/// Reads an amount of money exactly.
pub fn parse_usd(text: &str) -> Result<Usd, String> {
    parse_decimal_exp(plain(text).as_bytes()).map(Usd::from_raw).map_err(|e| e.to_string())
}

/// A guard on another host: `0x…@127.0.0.1:7750`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardAt {
    /// The address of its key.
    pub key: Address,
    /// Where it is reached: a host or an address, and a port.
    pub at: String,
}

impl GuardAt {
    /// Reads it; [`None`] = it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, at) = text.split_once('@')?;
        let (host, port) = at.rsplit_once(':')?;
        let of_names = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        let is_whole = key.starts_with("0x") && !host.is_empty() && host.chars().all(of_names);
        let is_port = !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok();
        (is_whole && is_port).then_some(())?;
        Some(Self { key: Address::parse(key)?, at: at.to_owned() })
    }
}

/// What the limits are shares of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capital {
    /// What the account is worth.
    Account,
    /// This, or what the account is worth when that is less.
    Fixed(Usd),
}

impl Capital {
    /// The word for [`Capital::Account`].
    pub const ACCOUNT: &'static str = "account";
    /// Where there is no account: a replay, and what `paper` funds its own with.
    const WITHOUT_ACCOUNT: Usd = Usd::whole(10_000);

    /// Reads the word, or an amount exactly.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            Self::ACCOUNT => Ok(Self::Account),
            amount => parse_usd(amount).map(Self::Fixed),
        }
    }

    /// In money, for an account that is worth so much; [`None`] = there is none.
    pub fn of(self, account: Option<Usd>) -> Usd {
        match (self, account) {
            (Self::Account, worth) => worth.unwrap_or(Self::WITHOUT_ACCOUNT),
            (Self::Fixed(amount), worth) => worth.map_or(amount, |worth| amount.min(worth)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_is_the_accounts_and_never_more() {
        let of = |text: &str, account: Option<i64>| {
            Capital::parse(text).unwrap().of(account.map(Usd::whole)).to_string()
        };
        assert_eq!((of("account", None), of("account", Some(250))), ("10000".into(), "250".into()));
        assert_eq!((of("5e3", None), of("5e3", Some(9_000))), ("5000".into(), "5000".into()));
        assert_eq!(of("5000", Some(250)), "250", "lowered to what is there");
        assert!(Capital::parse("acount").is_err());
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
