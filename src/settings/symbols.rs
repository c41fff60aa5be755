//! Coin names as people type them (`BTCUSDT`, `eth-perp`) → the venue's (`BTC`, `ETH`).

use super::error::{by_distance, nearest};

/// Quote and product names that may follow a coin.
const SUFFIXES: [&str; 4] = ["USDT", "USDC", "USD", "PERP"];

/// A venue lists hundreds: of more than these, a message names the nearest only.
const NAMED: usize = 12;

/// Separators that may stand between a coin and what follows it.
const SEPARATORS: [char; 4] = ['-', '_', '/', ':'];

/// The venue's name for what was typed. As it was typed comes first (`xyz:GOLD`, `kPEPE`), then in any
/// case, then without suffixes, then all that without separators.
pub fn resolve<'a>(typed: &str, coins: &'a [String]) -> Result<&'a str, String> {
    let typed = typed.trim();
    let bare: String = typed.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    for mut name in [typed, &bare] {
        loop {
            let exact = coins.iter().find(|c| c.as_str() == name);
            if let Some(coin) =
                exact.or_else(|| coins.iter().find(|c| c.eq_ignore_ascii_case(name)))
            {
                return Ok(coin);
            }
            match SUFFIXES.iter().find_map(|s| strip_suffix(name, s)) {
                Some(shorter) => name = shorter.trim_end_matches(SEPARATORS),
                None => break,
            }
        }
    }
    let name = SUFFIXES.iter().find_map(|s| strip_suffix(&bare, s)).unwrap_or(&bare);
    let names = || coins.iter().map(String::as_str);
    let meant = nearest(name, names()).map_or(String::new(), |n| format!("did you mean {n}? "));
    let known = if coins.len() <= NAMED {
        format!("known: {}", coins.join(", "))
    } else {
        let near = by_distance(name, names()).take(NAMED).collect::<Vec<_>>().join(", ");
        format!("the nearest of {} known: {near}", coins.len())
    };
    Err(format!("unknown coin {typed:?}; {meant}{known}"))
}

fn strip_suffix<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let cut = name.len().checked_sub(suffix.len()).filter(|cut| *cut > 0)?;
    let (head, tail) = name.split_at_checked(cut)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

/// Takes the coins that a venue has delisted out of what was typed: what is left, and their names.
pub fn split_delisted<'t>(
    typed: impl IntoIterator<Item = &'t str>,
    coins: &[String],
    delisted: &[String],
) -> (Vec<&'t str>, Vec<String>) {
    let (mut left, mut gone) = (Vec::new(), Vec::new());
    for name in typed {
        match resolve(name, delisted) {
            Ok(coin) if resolve(name, coins).is_err() => gone.push(coin.to_owned()),
            _ => left.push(name),
        }
    }
    (left, gone)
}

/// Resolves a whole list: at least one, at most `limit`, none twice.
pub fn resolve_all<'t>(
    typed: impl IntoIterator<Item = &'t str>,
    coins: &[String],
    limit: usize,
) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for name in typed {
        let coin = resolve(name, coins)?;
        if found.iter().any(|f| f == coin) {
            return Err(format!("{coin} is listed twice; list each coin once"));
        }
        found.push(coin.to_owned());
    }
    if found.is_empty() || found.len() > limit {
        return Err(format!("{} coins; allowed: 1 to {limit}", found.len()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coins() -> Vec<String> {
        ["BTC", "ETH", "SOL", "kPEPE", "USD", "xyz:GOLD", "@107", "A-USD"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn spellings_are_tolerated_and_strangers_are_not() {
        let coins = coins();
        let ok = |typed: &str, coin: &str| assert_eq!(resolve(typed, &coins), Ok(coin), "{typed}");
        ok("BTC", "BTC");
        ok(" btcusdt ", "BTC");
        ok("BTC-USD", "BTC");
        ok("eth_usdc", "ETH");
        ok("SOL/USD-PERP", "SOL");
        ok("kPEPE", "kPEPE");
        ok("KPEPE-PERP", "kPEPE");
        ok("USD", "USD");
        ok("xyz:GOLD", "xyz:GOLD");
        ok("XYZ:gold-perp", "xyz:GOLD");
        ok("@107", "@107");
        ok("A-USD", "A-USD");
        let e = resolve("BTCC", &coins).unwrap_err();
        assert!(e.contains("did you mean BTC?") && e.contains("kPEPE"), "{e}");
        let e = resolve("ÄÖÜ", &coins).unwrap_err();
        assert!(e.contains("known: BTC"), "{e}");
        assert!(resolve("", &coins).is_err());
    }

    #[test]
    fn of_many_coins_the_nearest_are_named() {
        let coins: Vec<String> = (100..300).map(|n| format!("C{n}")).collect();
        let e = resolve("C1999", &coins).unwrap_err();
        assert!(e.contains("did you mean C199?") && e.contains("nearest of 200 known"), "{e}");
        assert!(e.len() < 150 && !e.contains("C244"), "{e}");
    }

    #[test]
    fn lists_hold_each_coin_once() {
        let coins = coins();
        let all = |s: &str| resolve_all(s.split(','), &coins, 2);
        assert_eq!(all("ethusdt,BTC"), Ok(vec!["ETH".to_owned(), "BTC".to_owned()]));
        assert!(all("BTC,BTCUSDT").unwrap_err().contains("twice"));
        assert!(all("BTC,ETH,SOL").unwrap_err().contains("1 to 2"));
    }
}
