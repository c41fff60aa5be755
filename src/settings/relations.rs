//! From the merged tables to parameters of one coin, and what must hold between two keys.

use super::SHIPPED_NAME;
use super::document::merge;
use super::error::ConfigError;
use super::file::{self, CoinFile, Parts, Root};
use super::origins::{Origins, place_of};
use super::values::Capital;
use crate::predictor::{self, ModelError};
use botmm_pipeline::types::instrument::MIN_NOTIONAL;
use botmm_pipeline::types::params::LateAction;
use botmm_pipeline::types::{AssetParams, Bps, RiskLimits, Usd};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The tolerated offset of the venue's clock is less than this part of `expires_after_ms`.
const CLOCK_SHARE: i64 = 3;

/// Reads the parameters of coins, and gathers warnings.
pub(super) struct Reader<'a> {
    root: &'a Root,
    origins: &'a Origins,
    maker_fee: Bps,
    /// What a late feed does where the file leaves it to the run.
    late: LateAction,
    /// What is allowed but probably not meant, and of which coins.
    warnings: Vec<(String, Vec<&'a str>)>,
}

/// A key: its part, and its name.
type Key = (&'static str, &'static str);

/// The value of `low` may not exceed that of `high`.
struct Pair {
    low: Key,
    high: Key,
    order: Option<Ordering>,
}

/// What must not exceed what.
fn pairs(p: &AssetParams) -> [Pair; 8] {
    let (r, a) = (&p.risk, &p.adaptive);
    let at_most = |low, high, order| Pair { low, high, order };
    [
        at_most(
            ("quote", "min_spread_bps"),
            ("quote", "max_spread_bps"),
            p.min_spread_bps.partial_cmp(&p.max_spread_bps),
        ),
        at_most(
            ("quote", "requote_min_ms"),
            ("quote", "tick_ms"),
            Some(p.requote_min.cmp(&p.tick)),
        ),
        at_most(
            ("quote", "order_size_usd"),
            ("risk", "max_position_usd"),
            Some(p.order_size_usd.cmp(&r.max_position_usd)),
        ),
        at_most(
            ("risk", "max_position_usd"),
            ("risk", "max_total_position_usd"),
            Some(r.max_position_usd.cmp(&r.max_total_position_usd)),
        ),
        at_most(
            ("sizer", "size_min_usd"),
            ("sizer", "size_max_usd"),
            Some(p.sizer.size_min_usd.cmp(&p.sizer.size_max_usd)),
        ),
        at_most(
            ("adaptive", "regime_short_s"),
            ("adaptive", "regime_long_s"),
            Some(a.regime_short.cmp(&a.regime_long)),
        ),
        at_most(
            ("adaptive", "regime_low_ratio"),
            ("adaptive", "regime_high_ratio"),
            a.regime_low_ratio.partial_cmp(&a.regime_high_ratio),
        ),
        at_most(
            ("adaptive", "fill_rate_low"),
            ("adaptive", "fill_rate_high"),
            a.fill_rate_band[0].partial_cmp(&a.fill_rate_band[1]),
        ),
    ]
}

/// What is configured beyond what the account can carry, in words.
pub(super) fn beyond_account(
    capital: Capital,
    limits: &RiskLimits,
    worth: Usd,
    leverage: u8,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Capital::Fixed(amount) = capital
        && amount > worth
    {
        warnings.push(format!(
            "capital_usd = {amount} is more than the account is worth ({worth} USD): lowered to that; \
             loss limits are shares of it"
        ));
    }
    let most = limits.max_total_position_usd;
    if most.to_f64() > worth.to_f64() * f64::from(leverage) {
        warnings.push(format!(
            "max_total_position_usd = {most} is more than the account can hold ({worth} USD, {leverage} \
             times leverage): the venue will refuse orders for want of margin; lower it"
        ));
    }
    warnings
}

impl<'a> Reader<'a> {
    pub fn new(root: &'a Root, origins: &'a Origins, (maker_fee, late): (Bps, LateAction)) -> Self {
        Self { root, origins, maker_fee, late, warnings: Vec::new() }
    }

    /// The parameters of a coin, or the defaults. What must hold between two keys is not looked at.
    pub fn params(&self, coin: Option<&str>) -> Result<AssetParams, ConfigError> {
        let parts = self.merged(coin);
        let own = coin.filter(|coin| self.root.asset.contains_key(*coin));
        let prefix = own.map_or("defaults".to_owned(), |c| format!("asset.{c}"));
        let place = |part: &str| format!("{prefix}.{part}");
        let file = CoinFile {
            quote: file::read(&parts.quote, &place("quote"), self.origins)?,
            signal: file::read(&parts.signal, &place("signal"), self.origins)?,
            adaptive: file::read(&parts.adaptive, &place("adaptive"), self.origins)?,
            toxicity: file::read(&parts.toxicity, &place("toxicity"), self.origins)?,
            fit: file::read(&parts.fit, &place("fit"), self.origins)?,
            sizer: file::read(&parts.sizer, &place("sizer"), self.origins)?,
            risk: file::read(&parts.risk, &place("risk"), self.origins)?,
        };
        let mut params = file.to_params(self.maker_fee, self.late);
        let path = &file.quote.fill_model;
        if !path.as_os_str().is_empty() {
            let key = place("quote") + ".fill_model";
            let error = |e: ModelError| {
                ConfigError::at(place_of(self.origins, &key), key.clone(), e.to_string())
            };
            params.fill_model = Some(predictor::model(path).map_err(error)?);
        }
        Ok(params)
    }

    /// The parameters of the coins that are traded, which must be fit to trade with. An error names
    /// every coin that it holds of.
    pub fn traded(
        &mut self,
        coins: &'a [String],
    ) -> Result<BTreeMap<String, AssetParams>, ConfigError> {
        let mut params = BTreeMap::new();
        let mut refused: Option<(ConfigError, Vec<&str>)> = None;
        for coin in coins {
            let of_coin = self.params(Some(coin))?;
            if let Err(error) = self.check(&of_coin, coin) {
                let (first, named) = refused.get_or_insert_with(|| (error.clone(), Vec::new()));
                if *first == error {
                    named.push(coin);
                }
                continue;
            }
            self.warn(&of_coin, coin);
            params.insert(coin.clone(), of_coin);
        }
        match refused {
            Some((error, named)) => {
                let problem = format!("{}: {}", named.join(", "), error.problem);
                Err(ConfigError { problem, ..error })
            }
            None => Ok(params),
        }
    }

    /// What is allowed but probably not meant, each with the coins that it holds of.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.iter().map(|(text, coins)| format!("{}: {text}", coins.join(", "))).collect()
    }

    fn check(&self, params: &AssetParams, coin: &str) -> Result<(), ConfigError> {
        self.check_order(params, coin)?;
        self.check_weights(params, coin)?;
        self.check_clock(params, coin)?;
        if !params.is_usable() {
            // Every way to get here has its own message above; this keeps that true.
            let place = format!("asset.{coin}");
            return Err(ConfigError::general(place, "these parameters cannot be quoted with"));
        }
        Ok(())
    }

    /// The defaults, with what is set for a coin on top.
    fn merged(&self, coin: Option<&str>) -> Parts {
        let mut parts = self.root.defaults.clone();
        if let Some(own) = coin.and_then(|c| self.root.asset.get(c)) {
            merge(&mut parts.quote, &own.quote);
            merge(&mut parts.signal, &own.signal);
            merge(&mut parts.adaptive, &own.adaptive);
            merge(&mut parts.toxicity, &own.toxicity);
            merge(&mut parts.fit, &own.fit);
            merge(&mut parts.sizer, &own.sizer);
            merge(&mut parts.risk, &own.risk);
        }
        parts
    }

    fn check_order(&self, p: &AssetParams, coin: &str) -> Result<(), ConfigError> {
        let parts = self.merged(Some(coin));
        for Pair { low, high, order } in pairs(p) {
            if matches!(order, Some(Ordering::Less | Ordering::Equal)) {
                continue;
            }
            let show = |(section, key): (&str, &str)| {
                let table = parts.get(section);
                let value = table.get(key).map_or(String::new(), |v| super::render::value(key, v));
                format!("{key} = {value}")
            };
            // Blame the one that the user wrote; the other may well be a default.
            let (low_path, high_path) = (self.path(coin, low), self.path(coin, high));
            let blamed = if self.is_own(&low_path) { low_path } else { high_path };
            let problem = format!(
                "{} is above {}; allowed: {} at most {}",
                show(low),
                show(high),
                low.1,
                high.1
            );
            return Err(ConfigError::at(place_of(self.origins, &blamed), blamed, problem));
        }
        Ok(())
    }

    fn check_weights(&self, p: &AssetParams, coin: &str) -> Result<(), ConfigError> {
        let used: f64 = p.level_weights[..p.num_levels].iter().sum();
        if used > 0.0 {
            return Ok(());
        }
        let key = self.path(coin, ("quote", "level_weights"));
        let problem = format!("the weights of the {} levels in use are all 0", p.num_levels);
        Err(ConfigError::at(place_of(self.origins, &key), key, problem))
    }

    /// An action must arrive in time, and be void soon, even if the venue's offset were measured wrong.
    fn check_clock(&self, p: &AssetParams, coin: &str) -> Result<(), ConfigError> {
        let (offset_ms, expires_ms) =
            (p.risk.max_clock_offset.as_millis(), p.risk.expires_after.as_millis());
        if offset_ms * CLOCK_SHARE < expires_ms {
            return Ok(());
        }
        let offset = self.path(coin, ("risk", "max_clock_offset_ms"));
        let expires = self.path(coin, ("risk", "expires_after_ms"));
        let blamed = if self.is_own(&offset) { offset } else { expires };
        let problem = format!(
            "max_clock_offset_ms = {offset_ms} is not below a third of expires_after_ms = \
             {expires_ms}; allowed: max_clock_offset_ms at most {}",
            (expires_ms - 1) / CLOCK_SHARE
        );
        Err(ConfigError::at(place_of(self.origins, &blamed), blamed, problem))
    }

    fn warn(&mut self, p: &AssetParams, coin: &'a str) {
        let used = &p.level_weights[..p.num_levels];
        let total: f64 = used.iter().sum();
        for (i, weight) in used.iter().enumerate() {
            let size_usd = p.order_size_usd.to_f64() * weight / total;
            if size_usd < MIN_NOTIONAL.to_f64() {
                let text = format!(
                    "level {} gets {size_usd:.2} USD of order_size_usd = {}; the venue refuses \
                     orders below ${MIN_NOTIONAL}, so it is never quoted",
                    i + 1,
                    p.order_size_usd
                );
                self.add_warning(text, coin);
            }
        }
        if !p.fee_floor {
            let text = "fee_floor = false: quotes may cost more in fees than they earn".to_owned();
            self.add_warning(text, coin);
        }
    }

    fn add_warning(&mut self, text: String, coin: &'a str) {
        match self.warnings.iter_mut().find(|(before, _)| *before == text) {
            Some((_, coins)) => coins.push(coin),
            None => self.warnings.push((text, vec![coin])),
        }
    }

    /// Where a coin's value is set: in its own table, or in the defaults.
    fn path(&self, coin: &str, (section, key): (&str, &str)) -> String {
        Some(format!("asset.{coin}.{section}.{key}"))
            .filter(|path| self.origins.contains_key(path))
            .unwrap_or_else(|| format!("defaults.{section}.{key}"))
    }

    fn is_own(&self, path: &str) -> bool {
        self.origins.get(path).is_some_and(|o| !o.starts_with(SHIPPED_NAME))
    }
}
