//! Parameters that a repetition is given in place of the run's own: what would it have decided with these?

use crate::settings::param_name;
use botmm_pipeline::types::{AssetId, AssetParams, Universe};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// `[COIN.][TABLE.]KEY=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    coin: Option<String>,
    key: String,
    value: Value,
}

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected [COIN.][TABLE.]KEY=VALUE")?;
        // No two tables have a key of one name.
        let (coin, _, key) = param_name(name);
        let coin = coin.map(str::to_owned);
        if key.is_empty() || coin.as_ref().is_some_and(String::is_empty) {
            return Err("expected [COIN.][TABLE.]KEY=VALUE".to_owned());
        }
        // What is no JSON is a word.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { coin, key: key.to_owned(), value })
    }
}

impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { coin, key, value } = self;
        coin.iter().try_for_each(|coin| write!(f, "{coin}."))?;
        write!(f, "{key} = {value}")
    }
}

impl WhatIf {
    /// Whether it is about this coin.
    fn is_of(&self, coin: &str) -> bool {
        self.coin.as_ref().is_none_or(|own| own == coin)
    }

    /// Puts it in place; what it was of each coin that it changes: `COIN.KEY was → is`.
    ///
    /// # Errors
    /// In words: there is no such coin or key, or the value does not suit it.
    pub fn put(
        &self,
        universe: &Universe,
        params: &mut [(AssetId, AssetParams)],
    ) -> Result<Vec<String>, String> {
        if let Some(coin) =
            self.coin.as_ref().filter(|coin| universe.find(coin.as_bytes()).is_none())
        {
            return Err(format!("{self}: the run did not trade {coin}"));
        }
        let mut changed = Vec::new();
        for (asset, params) in params {
            let coin = universe.get(*asset).coin.to_string();
            if self.is_of(&coin) {
                let was = self.put_into(params)?;
                changed.push(format!("{coin}.{} {was} → {}", self.key, self.value));
            }
        }
        Ok(changed)
    }

    fn put_into(&self, params: &mut AssetParams) -> Result<Value, String> {
        let mut all = serde_json::to_value(*params).map_err(|e| e.to_string())?;
        let place = find(&mut all, &self.key).ok_or(format!("{self}: there is no such key"))?;
        let was = std::mem::replace(place, self.value.clone());
        let made: AssetParams =
            serde_json::from_value(all).map_err(|e| format!("{self}, which was {was}: {e}"))?;
        if !made.is_usable() {
            return Err(format!("{self}, which was {was}: out of range"));
        }
        *params = made;
        Ok(was)
    }
}

/// The value of a key, in whatever part it is.
fn find<'a>(all: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let map = all.as_object_mut()?;
    if map.contains_key(key) {
        return map.get_mut(key);
    }
    map.values_mut().find_map(|part| find(part, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_whatever_part_and_said_as_it_was() {
        let universe = crate::coins::universe(crate::coins::MAJORS);
        let coin = universe.get(AssetId::new(0)).coin.to_string();
        let mut params: Vec<_> =
            universe.iter().map(|(asset, _)| (asset, AssetParams::default())).collect();
        let was = params[0].1.min_spread_bps;
        let one: WhatIf = format!("{coin}.min_spread_bps=7.5").parse().unwrap();
        let said = one.put(&universe, &mut params).unwrap();
        assert_eq!(said, [format!("{coin}.min_spread_bps {was:?} → 7.5")]);
        let spreads: Vec<f64> = params.iter().map(|(_, p)| p.min_spread_bps).collect();
        assert_eq!(spreads[..2], [7.5, was]);
        for all in ["min_spread_bps=8.0", "quote.min_spread_bps=8.5"] {
            let all: WhatIf = all.parse().unwrap();
            assert_eq!(all.put(&universe, &mut params).unwrap().len(), params.len());
        }
        let one: WhatIf = format!("{coin}.quote.min_spread_bps=9.5").parse().unwrap();
        assert_eq!(
            one.put(&universe, &mut params).unwrap(),
            [format!("{coin}.min_spread_bps 8.5 → 9.5")]
        );
    }

    #[test]
    fn what_does_not_suit_is_refused_in_words() {
        let universe = crate::coins::universe(crate::coins::MAJORS);
        for (text, words) in [
            ("NOPE.min_spread_bps=1", "did not trade NOPE"),
            ("min_spred_bps=1", "no such key"),
            ("min_spread_bps=wide", "invalid type"),
            ("min_spread_bps=-5", "out of range"),
        ] {
            let mut params = vec![(AssetId::new(0), AssetParams::default())];
            let given: WhatIf = text.parse().unwrap();
            let said = given.put(&universe, &mut params).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
            assert_eq!(params[0].1, AssetParams::default());
        }
        for text in ["min_spread_bps", "=1", ".x=1", "BTC.=1"] {
            assert!(text.parse::<WhatIf>().is_err(), "{text}");
        }
    }
}
