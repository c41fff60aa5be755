//! What a job is laid out along: lists as they are typed, and fees.

use crate::settings::{FeeTable, parse_bps};
use botmm_pipeline::types::Bps;
use std::fmt;
use std::str::FromStr;

/// Values parted by commas, but for commas that are a value's own: in brackets, and behind a `lognormal:MEDIAN`.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err = String>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parts(text).into_iter().map(|part| part.parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// See [`List`].
pub(super) fn parts(text: &str) -> Vec<&str> {
    let (mut all, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !is_half_a_draw(&text[begin..at]) => {
                all.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    all.push(text[begin..].trim());
    all
}

/// `lognormal:50ms`, whose sigma comes behind a comma.
fn is_half_a_draw(part: &str) -> bool {
    part.trim_start().starts_with("lognormal:") && !part.contains(',')
}

/// What a maker pays, by the venue's table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fee {
    from: From,
    /// What staking takes off, percent.
    discount_pct: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// What the configuration says.
    Configured,
    /// A row of the table of volumes.
    Tier(usize),
    /// A row of the table of maker shares, from 1.
    Rebate(usize),
    /// So much.
    Rate(Bps),
}

/// What a fee may look like.
const ALLOWED: &str = "configured, base, tier1, tier2…, rebate1, rebate2…, or a rate (1.2bps); with staking's \
                       discount in percent behind it (base-40%)";

impl Fee {
    /// What the configuration says.
    pub const CONFIGURED: Self = Self { from: From::Configured, discount_pct: 0 };

    /// What a maker pays; `configured` is that of the configuration.
    ///
    /// # Errors
    /// The table has no such row.
    pub fn maker(&self, table: &FeeTable, configured: Bps) -> Result<Bps, String> {
        let (tiers, rebates) = (table.volume_tiers.len(), table.maker_rebates.len());
        let rate = match self.from {
            From::Configured => configured,
            From::Rate(rate) => rate,
            From::Tier(tier) if tier < tiers => table.maker_taker(tier).0,
            From::Tier(_) => {
                return Err(format!("{self}: the table has tier0 to tier{}", tiers - 1));
            }
            From::Rebate(row) if (1..=rebates).contains(&row) => table.with_rebate(0, row).0,
            From::Rebate(_) => {
                return Err(format!("{self}: the table has rebate1 to rebate{rebates}"));
            }
        };
        Ok(FeeTable::staked(rate, self.discount_pct))
    }
}

impl fmt::Display for Fee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            From::Configured => write!(f, "configured")?,
            From::Tier(0) => write!(f, "base")?,
            From::Tier(tier) => write!(f, "tier{tier}")?,
            From::Rebate(row) => write!(f, "rebate{row}")?,
            From::Rate(rate) => write!(f, "{rate}bps")?,
        }
        if self.discount_pct > 0 {
            write!(f, "-{}%", self.discount_pct)?;
        }
        Ok(())
    }
}

impl FromStr for Fee {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no fee; allowed: {ALLOWED}");
        let text = text.trim();
        let (name, discount_pct) = match text.strip_suffix('%').and_then(|t| t.rsplit_once('-')) {
            Some((name, percent)) => (name, percent.parse().map_err(|_| refuse())?),
            None => (text, 0),
        };
        let row = |digits: &str| digits.parse::<usize>().map_err(|_| refuse());
        let from = match name {
            "configured" => From::Configured,
            "base" => From::Tier(0),
            _ => match (
                name.strip_prefix("tier"),
                name.strip_prefix("rebate"),
                name.strip_suffix("bps"),
            ) {
                (Some(digits), ..) => From::Tier(row(digits)?),
                (_, Some(digits), _) => From::Rebate(row(digits)?),
                (.., Some(rate)) => From::Rate(parse_bps(rate).map_err(|_| refuse())?),
                _ => return Err(refuse()),
            },
        };
        if discount_pct > 100 {
            return Err(refuse());
        }
        Ok(Self { from, discount_pct })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{LatencyModel, Settings};

    #[test]
    fn commas_of_a_value_part_nothing() {
        assert_eq!(parts("1,2.5, x"), ["1", "2.5", "x"]);
        assert_eq!(parts("[1,0.5,0,0],[1,1,1,1]"), ["[1,0.5,0,0]", "[1,1,1,1]"]);
        let all: List<LatencyModel> = "20ms,lognormal:50ms,0.3,80ms".parse().unwrap();
        let all: Vec<String> = all.0.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["20ms", "lognormal:50ms,0.3", "80ms"]);
        assert!("20ms,,50ms".parse::<List<LatencyModel>>().is_err());
    }

    #[test]
    fn fees_are_those_of_the_table_less_what_staking_takes_off() {
        let settings = Settings::load(None, &|_| None).unwrap();
        let configured = settings.sim.maker_fee;
        let rate = |text: &str| {
            let fee: Fee = text.parse().unwrap();
            assert_eq!(fee.to_string(), text);
            fee.maker(&settings.fees, configured).map(|rate| rate.to_string())
        };
        assert_eq!(rate("configured").unwrap(), configured.to_string());
        assert_eq!(
            (rate("base").unwrap(), rate("base-40%").unwrap()),
            ("1.5".into(), "0.9".into())
        );
        assert_eq!(rate("1.2bps").unwrap(), "1.2");
        let paid = settings.fees.maker_rebates[0].maker_bps;
        assert!(paid.e8() < 0);
        assert_eq!(rate("rebate1-40%").unwrap(), paid.to_string(), "what is earned stays");
        assert!(rate("tier99").unwrap_err().contains("the table has tier0 to"));
        for text in ["", "tier", "base-101%", "gold", "-40%"] {
            assert!(text.parse::<Fee>().is_err(), "{text}");
        }
    }
}
