//! Bad days of one coin's market: what becomes of its public frames, and of the orders that are sent
//! for it.

use super::FaultKind;
use botmm_pipeline::types::{Coin, Side};
use serde_json::{Value, json};

/// How far away the one level of a side stands that has nothing better: prices there are this many
/// times what they were, or this part of it.
const FAR: f64 = 2.0;

/// The coin that a public frame is about.
fn coin_of(frame: &Value) -> Option<&str> {
    let data = &frame["data"];
    match frame["channel"].as_str()? {
        "l2Book" | "bbo" | "activeAssetCtx" => data["coin"].as_str(),
        "trades" => data[0]["coin"].as_str(),
        "candle" => data["s"].as_str(),
        _ => None,
    }
}

/// Which coin's book, or touch, a public frame tells.
pub(super) fn news_of(frame: &Value) -> Option<News> {
    let channel =
        frame["channel"].as_str().filter(|channel| ["l2Book", "bbo"].contains(channel))?;
    Some((channel.to_owned(), coin_of(frame)?.to_owned()))
}

/// A channel and a coin.
pub(super) type News = (String, String);

/// What a fault does to what is told of one coin's market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Disturbance {
    coin: Coin,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Silent,
    Empty(Side),
    Far(Side),
}

impl Disturbance {
    /// The faults that disturb a coin's market.
    pub fn of(kind: FaultKind) -> Option<Self> {
        let (coin, how) = match kind {
            FaultKind::SilentCoin { coin } => (coin, How::Silent),
            FaultKind::EmptySide { coin, side } => (coin, How::Empty(side)),
            FaultKind::FarLevel { coin, side } => (coin, How::Far(side)),
            _ => return None,
        };
        Some(Self { coin, how })
    }

    /// What it makes of a public frame.
    pub fn of_frame(self, frame: &Value) -> Fate {
        if coin_of(frame) != Some(self.coin.as_str()) {
            return Fate::AsItWas;
        }
        match self.how {
            How::Silent => Fate::Lost,
            How::Empty(side) => with_side(frame, side, |_| None),
            How::Far(side) => with_side(frame, side, |best| far_from(best, side)),
        }
    }
}

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    AsItWas,
    Lost,
    Changed(Value),
}

/// The frame with one side of its book replaced by what there is instead of its best level.
fn with_side(frame: &Value, side: Side, instead: impl Fn(&Value) -> Option<Value>) -> Fate {
    let mut changed = frame.clone();
    let (data, at) = (&mut changed["data"], side.index());
    match frame["channel"].as_str() {
        Some("l2Book") => {
            let best = &frame["data"]["levels"][at][0];
            data["levels"][at] = instead(best).into_iter().collect();
        }
        Some("bbo") => {
            data["bbo"][at] = instead(&frame["data"]["bbo"][at]).unwrap_or(Value::Null);
        }
        _ => return Fate::AsItWas,
    }
    Fate::Changed(changed)
}

/// A level far from where the best one stood, on the same grid: the digits of its price in whole
/// dollars, and so of no more significance than before.
fn far_from(best: &Value, side: Side) -> Option<Value> {
    let px: f64 = best["px"].as_str()?.parse().ok()?;
    let px = if side == Side::Ask { px * FAR } else { px / FAR };
    Some(json!({ "px": format!("{}", px.round()), "sz": best["sz"], "n": 1 }))
}

/// An action as far as faults look at it.
struct Items<'a> {
    /// Type of the answer.
    answer: &'static str,
    items: &'a [Value],
}

impl Items<'_> {
    fn of(action: &Value) -> Option<Items<'_>> {
        let (answer, list) = match action["type"].as_str()? {
            "order" => ("order", "orders"),
            "batchModify" => ("order", "modifies"),
            "cancel" | "cancelByCloid" => ("cancel", "cancels"),
            _ => return None,
        };
        Some(Items { answer, items: action[list].as_array()? })
    }

    /// The venue's number of an item's asset.
    fn asset(item: &Value) -> Option<u64> {
        [&item["a"], &item["order"]["a"], &item["asset"]].into_iter().find_map(Value::as_u64)
    }
}

/// The payload that an action is answered with when each of its items is refused by this fault; `index`
/// tells the venue's number of a coin. An action that has items of other coins too is left alone.
pub(super) fn refusal(
    kind: FaultKind,
    action: &Value,
    index: impl Fn(Coin) -> Option<u32>,
) -> Option<Value> {
    let Items { answer, items } = Items::of(action)?;
    let words = match kind {
        FaultKind::RefuseOrders { coin } if answer == "order" => {
            let asset = u64::from(index(coin)?);
            let are_of_it = items.iter().all(|item| Items::asset(item) == Some(asset));
            are_of_it.then(|| format!("Trading is halted. asset={asset}"))?
        }
        FaultKind::RefuseCancels if answer == "cancel" => "Cannot cancel right now.".to_owned(),
        _ => return None,
    };
    let statuses = vec![json!({ "error": words }); items.len()];
    let response = json!({ "type": answer, "data": { "statuses": statuses } });
    Some(json!({ "status": "ok", "response": response }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(name: &str) -> Coin {
        Coin::new(name).unwrap()
    }

    fn disturbed(kind: FaultKind, frame: &Value) -> Fate {
        Disturbance::of(kind).unwrap().of_frame(frame)
    }

    fn book() -> Value {
        let level = |px: &str| json!({ "px": px, "sz": "1.5", "n": 3 });
        json!({ "channel": "l2Book", "data": { "coin": "ETH", "time": 7, "levels":
            [[level("4321.9"), level("4321.8")], [level("4322.1")]] } })
    }

    fn bbo() -> Value {
        let level = |px: &str| json!({ "px": px, "sz": "1.5", "n": 3 });
        json!({ "channel": "bbo", "data": { "coin": "ETH", "time": 7,
            "bbo": [level("4321.9"), level("4322.1")] } })
    }

    #[test]
    fn a_market_is_disturbed_and_no_other() {
        let silent = FaultKind::SilentCoin { coin: coin("ETH") };
        let trades = json!({ "channel": "trades", "data": [{ "coin": "ETH" }] });
        for frame in [book(), bbo(), trades] {
            assert_eq!(disturbed(silent, &frame), Fate::Lost, "{frame}");
            let other = FaultKind::SilentCoin { coin: coin("BTC") };
            assert_eq!(disturbed(other, &frame), Fate::AsItWas);
        }
        let other = json!({ "channel": "post", "data": {} });
        assert_eq!(disturbed(silent, &other), Fate::AsItWas);

        let empty = FaultKind::EmptySide { coin: coin("ETH"), side: Side::Ask };
        let Fate::Changed(frame) = disturbed(empty, &book()) else { panic!() };
        assert_eq!(frame["data"]["levels"][1], json!([]));
        assert_eq!(frame["data"]["levels"][0], book()["data"]["levels"][0]);
        let Fate::Changed(frame) = disturbed(empty, &bbo()) else { panic!() };
        assert_eq!(frame["data"]["bbo"][1], Value::Null);

        for (side, px) in [(Side::Bid, "2161"), (Side::Ask, "8644")] {
            let far = FaultKind::FarLevel { coin: coin("ETH"), side };
            let Fate::Changed(frame) = disturbed(far, &book()) else { panic!() };
            let levels = frame["data"]["levels"][side.index()].as_array().unwrap();
            assert_eq!((levels.len(), &levels[0]["px"]), (1, &json!(px)));
            let Fate::Changed(frame) = disturbed(far, &bbo()) else { panic!() };
            assert_eq!(frame["data"]["bbo"][side.index()]["px"], px);
        }
    }

    #[test]
    fn each_item_of_what_is_refused_is_answered() {
        let halted = FaultKind::RefuseOrders { coin: coin("ETH") };
        let index = |c: Coin| (c == coin("ETH")).then_some(1);
        let refused = |kind, action: Value| {
            let payload = refusal(kind, &action, index)?;
            let statuses = payload["response"]["data"]["statuses"].as_array().unwrap().clone();
            Some((statuses.len(), statuses[0]["error"].as_str().unwrap().to_owned()))
        };
        let words = "Trading is halted. asset=1".to_owned();
        let orders = json!({ "type": "order", "orders": [{ "a": 1 }, { "a": 1 }] });
        assert_eq!(refused(halted, orders.clone()), Some((2, words.clone())));
        let modifies = json!({ "type": "batchModify", "modifies": [{ "order": { "a": 1 } }] });
        assert_eq!(refused(halted, modifies), Some((1, words)));
        for left in [
            json!({ "type": "order", "orders": [{ "a": 1 }, { "a": 0 }] }),
            json!({ "type": "cancel", "cancels": [{ "a": 1 }] }),
            json!({ "type": "scheduleCancel" }),
            json!(null),
        ] {
            assert_eq!(refused(halted, left.clone()), None, "{left}");
        }
        let cancels = json!({ "type": "cancelByCloid", "cancels": [{ "asset": 1 }] });
        assert!(refused(FaultKind::RefuseCancels, cancels).is_some());
        assert_eq!(refused(FaultKind::RefuseCancels, orders), None);
    }
}
