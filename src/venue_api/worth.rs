//! What the account is worth, by its kind, and what became of it since the start: the venue's side of the
//! summary's residual. Where the two cannot be compared, that is said, and no alarm is raised.

use crate::exit::AppError;
use crate::venue_numbers;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::gateway::GatewayView;
use serde_json::{Value, json};

/// Where the money is that perpetuals are traded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the perpetuals' side: `clearinghouseState` tells all of it.
    Perpetuals,
    /// In one balance with everything else (unified and portfolio-margin accounts), which
    /// `spotClearinghouseState` tells.
    Unified,
}

/// An account, looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// Which kind it is.
    pub kind: Kind,
    /// Money and open profit.
    pub value: Usd,
    /// The one balance, of a unified account.
    pub balance: Usd,
}

impl Worth {
    /// Of an account whose `clearinghouseState` is at hand. [`None`] = an answer has not the venue's
    /// shape.
    pub fn ask(
        ask: &dyn Fn(&Value) -> Result<Value, AppError>,
        user: &str,
        state: &Value,
    ) -> Result<Option<Self>, AppError> {
        let kind = ask(&json!({ "type": "userAbstraction", "user": user }))?;
        match kind.as_str() {
            Some("unifiedAccount" | "portfolioMargin") => {
                let question = json!({ "type": "spotClearinghouseState", "user": user });
                Ok(Self::unified(state, &ask(&question)?))
            }
            _ => Ok(Self::perpetuals(state)),
        }
    }

    fn perpetuals(state: &Value) -> Option<Self> {
        let value = venue_numbers::usd(&state["marginSummary"]["accountValue"])?;
        Some(Self { kind: Kind::Perpetuals, value, balance: Usd::ZERO })
    }

    fn unified(state: &Value, spot: &Value) -> Option<Self> {
        let balance = usdc(spot)?;
        let positions = state["assetPositions"].as_array()?;
        let open: Option<Vec<Usd>> =
            positions.iter().map(|p| venue_numbers::usd(&p["position"]["unrealizedPnl"])).collect();
        let value = balance + open?.into_iter().sum();
        Some(Self { kind: Kind::Unified, value, balance })
    }
}

/// USDC of a `spotClearinghouseState`; an account without any has none.
pub fn usdc(spot: &Value) -> Option<Usd> {
    let balances = spot["balances"].as_array()?;
    match balances.iter().find(|b| b["coin"] == "USDC") {
        Some(balance) => venue_numbers::usd(&balance["total"]),
        None => Some(Usd::ZERO),
    }
}

/// The account at the end, at our marks. Coins that are not this run's are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Cash and positions; of a unified account its balance and the positions' open profit.
    pub value: Usd,
    /// See [`Worth::balance`].
    pub balance: Usd,
    /// It holds other coins too.
    pub holds_others: bool,
}

/// Money that came or went otherwise than by trading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// What came, less what went.
    pub sum: Usd,
    /// A word of the venue's whose amount we cannot be sure of.
    pub unclear: Option<String>,
    /// When the last of them was, by the venue's clock; [`None`] = there was none.
    pub newest: Option<Nanos>,
}

impl Transfers {
    /// Of `userNonFundingLedgerUpdates`, those after a moment. [`None`] = not the venue's shape.
    pub fn since(list: &Value, since: Nanos, user: &str, kind: Kind) -> Option<Self> {
        let mut all = Self::default();
        for update in list.as_array()? {
            let time = i64::try_from(venue_numbers::whole(&update["time"])?).ok()?;
            let time = Nanos::millis(time);
            if time <= since {
                continue;
            }
            all.newest = all.newest.max(Some(time));
            let delta = &update["delta"];
            match amount(delta, user, kind) {
                Some(amount) => all.sum += amount,
                None => {
                    let word = delta["type"].as_str().unwrap_or("something new");
                    all.unclear.get_or_insert_with(|| word.chars().take(40).collect());
                }
            }
        }
        Some(all)
    }
}

/// What one update did to the money that is traded with; [`None`] = we cannot be sure.
fn amount(delta: &Value, user: &str, kind: Kind) -> Option<Usd> {
    let usdc = || venue_numbers::usd(&delta["usdc"]);
    let is_free = delta["fee"].is_null() || venue_numbers::usd(&delta["fee"]) == Some(Usd::ZERO);
    let is_us = |key: &str| delta[key].as_str().is_some_and(|who| who.eq_ignore_ascii_case(user));
    match (delta["type"].as_str()?, kind) {
        ("deposit", _) => usdc(),
        ("accountClassTransfer", Kind::Unified) => Some(Usd::ZERO),
        ("accountClassTransfer", Kind::Perpetuals) => match delta["toPerp"].as_bool()? {
            true => usdc(),
            false => usdc().map(|usd| -usd),
        },
        ("internalTransfer" | "subAccountTransfer", _) if is_free => {
            match (is_us("user"), is_us("destination")) {
                (true, true) => Some(Usd::ZERO),
                (true, false) => usdc().map(|usd| -usd),
                (false, true) => usdc(),
                (false, false) => None,
            }
        }
        ("spotTransfer" | "spotGenesis", Kind::Perpetuals) => Some(Usd::ZERO),
        _ => None,
    }
}

/// What the venue says that we gained by trading, or why that cannot be said.
pub fn gained(
    start: &Worth,
    view: &GatewayView,
    end: &Closing,
    transfers: &Transfers,
    fees: Usd,
) -> Result<Usd, String> {
    let Some(opening) = view.opening else {
        return Err("the account was never read on the order link".to_owned());
    };
    if view.trades_others || end.holds_others {
        return Err("the account also trades coins that are not this run's".to_owned());
    }
    if view.estimated_fees > 0 {
        return Err(format!(
            "of {} fills the fee is an estimate (it was paid in another token than USDC)",
            view.estimated_fees
        ));
    }
    if let Some(word) = &transfers.unclear {
        return Err(format!("money came or went by `{word}`, whose exact amount is not told"));
    }
    let before = match start.kind {
        Kind::Perpetuals => opening.value,
        Kind::Unified if end.balance == start.balance && !fees.is_zero() => {
            return Err(
                "the account is unified, and its balance does not show what perpetuals cost \
                        (unchanged although fees were paid)"
                    .to_owned(),
            );
        }
        Kind::Unified => start.balance + opening.open_profit,
    };
    Ok(end.value - before - transfers.sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::venue::hl::gateway::Opening;
    use botmm_pipeline::venue::hl::user::VenueText;

    const US: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    fn view() -> GatewayView {
        let time = Nanos::millis(1_000);
        GatewayView {
            is_up: true,
            is_dead: false,
            answered: Nanos::ZERO,
            losses: 0,
            foreign_orders: 0,
            requests: (0, 0),
            clock_skew_ms: 0,
            opening: Some(Opening { time, value: usd("10000"), open_profit: usd("-5") }),
            trades_others: false,
            estimated_fees: 0,
            text: VenueText::EMPTY,
        }
    }

    const START: Worth =
        Worth { kind: Kind::Perpetuals, value: Usd::whole(10_000), balance: Usd::ZERO };

    fn end(value: &str) -> Closing {
        Closing { value: usd(value), balance: Usd::ZERO, holds_others: false }
    }

    #[test]
    fn what_is_left_after_transfers_was_gained() {
        let none = Transfers::default();
        let fees = usd("0.5");
        assert_eq!(gained(&START, &view(), &end("10003.25"), &none, fees), Ok(usd("3.25")));
        let came = Transfers { sum: Usd::whole(500), ..Transfers::default() };
        assert_eq!(gained(&START, &view(), &end("10503.25"), &came, fees), Ok(usd("3.25")));
    }

    #[test]
    fn what_cannot_be_compared_is_said_in_words() {
        let (none, fees) = (Transfers::default(), usd("0.5"));
        let why = |view: GatewayView, end: Closing, transfers: &Transfers| {
            gained(&START, &view, &end, transfers, fees).unwrap_err()
        };
        let unread = GatewayView { opening: None, ..view() };
        assert!(why(unread, end("1"), &none).contains("never read"));
        let others = GatewayView { trades_others: true, ..view() };
        assert!(why(others, end("1"), &none).contains("not this run's"));
        let others = Closing { holds_others: true, ..end("1") };
        assert!(why(view(), others, &none).contains("not this run's"));
        let estimated = GatewayView { estimated_fees: 3, ..view() };
        assert!(why(estimated, end("1"), &none).contains("of 3 fills"));
        let unclear = Transfers { unclear: Some("withdraw".to_owned()), ..Transfers::default() };
        assert!(why(view(), end("1"), &unclear).contains("`withdraw`"));
    }

    #[test]
    fn the_kind_of_an_account_says_where_its_money_is() {
        let positions = json!([{ "position": { "unrealizedPnl": "-1.25" } }]);
        let state = json!({
            "marginSummary": { "accountValue": "3.5" }, "assetPositions": positions
        });
        let worth = |kind: &str| {
            let ask = |question: &Value| match question["type"].as_str() {
                Some("userAbstraction") => Ok(json!(kind)),
                Some("spotClearinghouseState") => {
                    Ok(json!({ "balances": [{ "coin": "USDC", "total": "1000.0" }] }))
                }
                _ => panic!("{question}"),
            };
            Worth::ask(&ask, "0x00", &state).unwrap().unwrap()
        };
        for kind in ["unifiedAccount", "portfolioMargin"] {
            let (value, balance) = (usd("998.75"), usd("1000"));
            assert_eq!(worth(kind), Worth { kind: Kind::Unified, value, balance }, "{kind}");
        }
        for kind in ["disabled", "default", "dexAbstraction"] {
            let (value, balance) = (usd("3.5"), Usd::ZERO);
            assert_eq!(worth(kind), Worth { kind: Kind::Perpetuals, value, balance }, "{kind}");
        }
    }

    #[test]
    fn a_unified_account_is_its_balance_and_the_open_profit() {
        let position = |pnl: &str| json!({ "position": { "unrealizedPnl": pnl } });
        let state = json!({
            "marginSummary": { "accountValue": "12.5" },
            "assetPositions": [position("1.5"), position("-0.25")],
        });
        let spot = json!({ "balances": [
            { "coin": "HYPE", "total": "3.0" }, { "coin": "USDC", "total": "10000.0" }] });
        let start = Worth::unified(&state, &spot).unwrap();
        assert_eq!((start.value, start.balance), (usd("10001.25"), usd("10000")));
        assert_eq!(Worth::perpetuals(&state).unwrap().value, usd("12.5"));
        assert_eq!(usdc(&json!({ "balances": [] })), Some(Usd::ZERO));
        assert_eq!((usdc(&json!({})), usdc(&json!(null))), (None, None));

        let (none, fees) = (Transfers::default(), usd("0.5"));
        let end = Closing { value: usd("10006"), balance: usd("10002"), holds_others: false };
        assert_eq!(gained(&start, &view(), &end, &none, fees), Ok(usd("11")));
        let still = Closing { balance: usd("10000"), ..end };
        assert!(gained(&start, &view(), &still, &none, fees).unwrap_err().contains("unified"));
        assert_eq!(gained(&start, &view(), &still, &none, Usd::ZERO), Ok(usd("11")));
    }

    #[test]
    fn transfers_by_the_venues_words() {
        let update = |ms: u64, delta: Value| json!({ "time": ms, "hash": "0x00", "delta": delta });
        let of = |delta: Value, kind| {
            let since = Nanos::millis(1_000);
            let list = json!([
                update(1_000, json!({"type": "deposit", "usdc": "7.0"})),
                update(1_001, delta)
            ]);
            Transfers::since(&list, since, US, kind).unwrap()
        };
        let other = "0x00000000000000000000000000000000000000aa";
        let us = US.to_uppercase().replace("0X", "0x");
        for (delta, expected) in [
            (json!({"type": "deposit", "usdc": "5.0"}), "5"),
            (json!({"type": "accountClassTransfer", "usdc": "5.0", "toPerp": true}), "5"),
            (json!({"type": "accountClassTransfer", "usdc": "5.0", "toPerp": false}), "-5"),
            (
                json!({"type": "subAccountTransfer", "usdc": "5.0", "user": other, "destination": us}),
                "5",
            ),
            (
                json!({"type": "internalTransfer", "usdc": "5.0", "user": US, "destination": other, "fee": "0.0"}),
                "-5",
            ),
            (json!({"type": "spotTransfer", "token": "HYPE", "amount": "1.0"}), "0"),
        ] {
            let found = of(delta.clone(), Kind::Perpetuals);
            assert_eq!(
                (found.sum.to_string().as_str(), found.unclear),
                (expected, None),
                "{delta}"
            );
        }
        for delta in [
            json!({"type": "withdraw", "usdc": "5.0", "fee": "1.0"}),
            json!({"type": "internalTransfer", "usdc": "5.0", "user": US, "destination": other, "fee": "1.0"}),
            json!({"type": "deposit", "usdc": "?"}),
            json!({"type": "moonTransfer"}),
            json!(null),
        ] {
            assert!(of(delta.clone(), Kind::Perpetuals).unclear.is_some(), "{delta}");
        }
        assert_eq!(Transfers::since(&json!(null), Nanos::ZERO, US, Kind::Perpetuals), None);
    }
}
