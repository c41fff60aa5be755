//! From the merged tables to parameters of one coin, and what must hold between two keys.

use super::document::{Origins, merge};
use super::error::ConfigError;
use super::file::{self, Overrides, Root};
use super::{SHIPPED_NAME, place_of};
use botmm_pipeline::types::instrument::MIN_NOTIONAL;
use botmm_pipeline::types::{AssetParams, Bps};
use std::cmp::Ordering;
use toml::Table;

/// Reads the parameters of one coin after another, and gathers warnings.
pub(super) struct Reader<'a> {
    root: &'a Root,
    origins: &'a Origins,
    maker_fee: Bps,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

/// `low` may not exceed `high`.
struct Pair {
    low: (&'static str, &'static str),
    high: (&'static str, &'static str),
    order: Option<Ordering>,
}

impl<'a> Reader<'a> {
    pub fn new(root: &'a Root, origins: &'a Origins, maker_fee: Bps) -> Self {
        Self { root, origins, maker_fee, warnings: Vec::new() }
    }

    /// The parameters of a coin with overrides, or the defaults.
    pub fn params(&mut self, coin: Option<&str>) -> Result<AssetParams, ConfigError> {
        let none = Overrides::default();
        let own = coin.and_then(|c| self.root.asset.get(c)).unwrap_or(&none);
        let (mut quote, mut risk) =
            (self.root.defaults.quote.clone(), self.root.defaults.risk.clone());
        merge(&mut quote, &own.quote);
        merge(&mut risk, &own.risk);
        let prefix = coin.map_or("defaults".to_owned(), |c| format!("asset.{c}"));
        let q: file::Quote = file::read(&quote, &format!("{prefix}.quote"), self.origins)?;
        let r: file::Risk = file::read(&risk, &format!("{prefix}.risk"), self.origins)?;
        let params = q.to_params(&r, self.maker_fee);
        self.check_order(&params, coin, &quote, &risk)?;
        self.check_weights(&params, coin)?;
        if !params.is_usable() {
            // Every way to get here has its own message above; this keeps that true.
            return Err(ConfigError::general(prefix, "these parameters cannot be quoted with"));
        }
        self.warn(&params, coin);
        Ok(params)
    }

    fn check_order(
        &self,
        p: &AssetParams,
        coin: Option<&str>,
        quote: &Table,
        risk: &Table,
    ) -> Result<(), ConfigError> {
        let r = &p.risk;
        let pairs = [
            Pair {
                low: ("quote", "min_spread_bps"),
                high: ("quote", "max_spread_bps"),
                order: p.min_spread_bps.partial_cmp(&p.max_spread_bps),
            },
            Pair {
                low: ("quote", "requote_min_ms"),
                high: ("quote", "tick_ms"),
                order: Some(p.requote_min.cmp(&p.tick)),
            },
            Pair {
                low: ("quote", "order_size_usd"),
                high: ("risk", "max_position_usd"),
                order: Some(p.order_size_usd.cmp(&r.max_position_usd)),
            },
            Pair {
                low: ("risk", "max_position_usd"),
                high: ("risk", "max_total_position_usd"),
                order: Some(r.max_position_usd.cmp(&r.max_total_position_usd)),
            },
        ];
        for Pair { low, high, order } in pairs {
            if matches!(order, Some(Ordering::Less | Ordering::Equal)) {
                continue;
            }
            let show = |(section, key): (&str, &str)| {
                let table = if section == "quote" { quote } else { risk };
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

    fn check_weights(&self, p: &AssetParams, coin: Option<&str>) -> Result<(), ConfigError> {
        let used: f64 = p.level_weights[..p.num_levels].iter().sum();
        if used > 0.0 {
            return Ok(());
        }
        let key = self.path(coin, ("quote", "level_weights"));
        let problem = format!("the weights of the {} levels in use are all 0", p.num_levels);
        Err(ConfigError::at(place_of(self.origins, &key), key, problem))
    }

    fn warn(&mut self, p: &AssetParams, coin: Option<&str>) {
        let whose = coin.unwrap_or("defaults");
        let used = &p.level_weights[..p.num_levels];
        let total: f64 = used.iter().sum();
        for (i, weight) in used.iter().enumerate() {
            let size_usd = p.order_size_usd.to_f64() * weight / total;
            if size_usd < MIN_NOTIONAL.to_f64() {
                self.warnings.push(format!(
                    "{whose}: level {} gets {size_usd:.2} USD of order_size_usd = {}; the venue \
                     refuses orders below ${MIN_NOTIONAL}, so it is never quoted",
                    i + 1,
                    p.order_size_usd
                ));
            }
        }
        if !p.fee_floor {
            self.warnings.push(format!(
                "{whose}: fee_floor = false: quotes may cost more in fees than they earn"
            ));
        }
    }

    /// Where a coin's value is set: in its own table, or in the defaults.
    fn path(&self, coin: Option<&str>, (section, key): (&str, &str)) -> String {
        let own = coin.map(|c| format!("asset.{c}.{section}.{key}"));
        own.filter(|path| self.origins.contains_key(path))
            .unwrap_or_else(|| format!("defaults.{section}.{key}"))
    }

    fn is_own(&self, path: &str) -> bool {
        self.origins.get(path).is_some_and(|o| !o.starts_with(SHIPPED_NAME))
    }
}
