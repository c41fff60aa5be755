//! From an action's JSON to what it asks for. [`super::schema`] has checked it before: what is
//! missing here is no action either.

use crate::exchange::front::json::parse_cloid;
use crate::exchange::model::{
    BuilderFee, Command, Grouping, NewOrder, NewTwap, Tif, TpSl, Trigger,
};
use botmm_pipeline::types::limits::{MAX_PX, MAX_QTY};
use botmm_pipeline::types::{Oid, Px, Qty, SCALE, Side, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use serde_json::Value;

/// What an L1 action asks for.
pub fn l1_command(action: &Value) -> Option<Command> {
    let kind = text(action, "type")?;
    Some(match kind {
        "order" => {
            let mut orders = each(action, "orders", order)?;
            let builder = action.get("builder").filter(|b| !b.is_null()).map(builder_fee);
            if let Some(builder) = builder {
                let builder = builder?;
                orders.iter_mut().for_each(|order| order.builder = Some(builder));
            }
            match text(action, "grouping") {
                Some("normalTpsl") => Command::Grouped(Grouping::NormalTpsl, orders),
                Some("positionTpsl") => Command::Grouped(Grouping::PositionTpsl, orders),
                _ => Command::Order(orders),
            }
        }
        "cancel" => cancels(action, |cancel| {
            Some((u32_of(cancel, "a")?, OrderRef::Oid(Oid(u64_of(cancel, "o")?))))
        })?,
        "cancelByCloid" => cancels(action, |cancel| {
            let cloid = parse_cloid(text(cancel, "cloid")?)?;
            Some((u32_of(cancel, "asset")?, OrderRef::Cloid(cloid)))
        })?,
        "modify" => Command::Modify {
            items: vec![modification(action)?],
            always_place: flag(action, "a"),
            batch: false,
        },
        "batchModify" => Command::Modify {
            items: each(action, "modifies", modification)?,
            always_place: flag(action, "a"),
            batch: true,
        },
        "twapOrder" => Command::TwapOrder(twap(action.get("twap")?)?),
        "twapCancel" => Command::TwapCancel(u32_of(action, "a")?, u64_of(action, "t")?),
        "scheduleCancel" => Command::ScheduleCancel(u64_of(action, "time")),
        "updateLeverage" => Command::UpdateLeverage {
            asset: u32_of(action, "asset")?,
            is_cross: flag(action, "isCross"),
            leverage: u32_of(action, "leverage")?,
        },
        "updateIsolatedMargin" => Command::UpdateIsolatedMargin {
            asset: u32_of(action, "asset")?,
            micro_usd: action.get("ntli")?.as_i64()?,
        },
        "noop" => Command::Noop,
        "reserveRequestWeight" => Command::ReserveRequestWeight {
            weight: u64_of(action, "weight")?,
            destination: text(action, "destination").and_then(Address::parse),
        },
        "setReferrer" | "evmUserModify" => Command::Accepted,
        other => Command::Unsupported(other.to_owned()),
    })
}

/// What an action asks for that the account itself signed.
pub fn user_command(action: &Value) -> Option<Command> {
    Some(match text(action, "type")? {
        "approveAgent" => {
            let (name, valid_until_ms) = agent_name(text(action, "agentName").unwrap_or(""));
            let agent = Address::parse(text(action, "agentAddress")?)?;
            Command::ApproveAgent { agent, name, valid_until_ms }
        }
        "approveBuilderFee" => Command::ApproveBuilderFee(BuilderFee {
            builder: Address::parse(text(action, "builder")?)?,
            tenths_bp: tenths_bp_of_percent(text(action, "maxFeeRate")?)?,
        }),
        other => Command::Unsupported(other.to_owned()),
    })
}

/// The assets that the items of an answer are about, in their order.
pub fn assets_of(command: &Command) -> Vec<u32> {
    match command {
        Command::Order(orders) | Command::Grouped(_, orders) => {
            orders.iter().map(|o| o.asset).collect()
        }
        Command::Cancel(cancels) | Command::FastCancel(cancels) => {
            cancels.iter().map(|(asset, _)| *asset).collect()
        }
        Command::Modify { items, .. } => items.iter().map(|(_, o)| o.asset).collect(),
        _ => Vec::new(),
    }
}

/// A name, and when it ends: `bot valid_until 1795446000000`.
fn agent_name(text: &str) -> (Option<String>, Option<u64>) {
    let (name, valid_until_ms) = match text.rsplit_once(" valid_until ") {
        Some((name, ms)) if ms.parse::<u64>().is_ok() => (name, ms.parse().ok()),
        _ => (text, None),
    };
    ((!name.is_empty()).then(|| name.to_owned()), valid_until_ms)
}

fn builder_fee(value: &Value) -> Option<BuilderFee> {
    let builder = Address::parse(text(value, "b")?)?;
    Some(BuilderFee { builder, tenths_bp: u32_of(value, "f")? })
}

/// `0.01%` = 10 tenths of a basis point; what is finer is cut off.
fn tenths_bp_of_percent(text: &str) -> Option<u32> {
    const TENTHS_BP_PER_PERCENT: i64 = 1_000;
    let percent = Usd::parse(text.strip_suffix('%')?).ok()?.raw();
    u32::try_from(percent / (SCALE / TENTHS_BP_PER_PERCENT)).ok()
}

fn order(value: &Value) -> Option<NewOrder> {
    let tif = value.get("t")?.get("limit").and_then(|limit| text(limit, "tif"));
    Some(NewOrder {
        asset: u32_of(value, "a")?,
        side: if flag(value, "b") { Side::Bid } else { Side::Ask },
        px: Px::parse(text(value, "p")?).ok().filter(|px| (Px::ZERO..=MAX_PX).contains(px)),
        qty: Qty::parse(text(value, "s")?).ok().filter(|q| (Qty::ZERO..=MAX_QTY).contains(q)),
        reduce_only: flag(value, "r"),
        tif: tif.and_then(|tif| match tif {
            "Alo" => Some(Tif::Alo),
            "Gtc" => Some(Tif::Gtc),
            "Ioc" => Some(Tif::Ioc),
            "FrontendMarket" => Some(Tif::FrontendMarket),
            _ => None,
        }),
        trigger: value.get("t")?.get("trigger").and_then(trigger),
        cloid: text(value, "c").and_then(parse_cloid),
        builder: None,
    })
}

/// A price that is none of ours is left to the core, as zero.
fn trigger(value: &Value) -> Option<Trigger> {
    let px = Px::parse(text(value, "triggerPx")?).ok();
    Some(Trigger {
        px: px.filter(|px| (Px::ZERO..=MAX_PX).contains(px)).unwrap_or_default(),
        is_market: flag(value, "isMarket"),
        tpsl: if text(value, "tpsl")? == "tp" { TpSl::TakeProfit } else { TpSl::StopLoss },
    })
}

fn twap(value: &Value) -> Option<NewTwap> {
    Some(NewTwap {
        asset: u32_of(value, "a")?,
        side: if flag(value, "b") { Side::Bid } else { Side::Ask },
        qty: Qty::parse(text(value, "s")?).ok().filter(|q| (Qty::ZERO..=MAX_QTY).contains(q)),
        reduce_only: flag(value, "r"),
        minutes: u64_of(value, "m")?,
        randomize: flag(value, "t"),
    })
}

fn cancels(action: &Value, read: impl Fn(&Value) -> Option<(u32, OrderRef)>) -> Option<Command> {
    let cancels = each(action, "cancels", read)?;
    Some(if flag(action, "f") { Command::FastCancel(cancels) } else { Command::Cancel(cancels) })
}

fn modification(value: &Value) -> Option<(OrderRef, NewOrder)> {
    let target = match value.get("oid")? {
        Value::String(cloid) => OrderRef::Cloid(parse_cloid(cloid)?),
        oid => OrderRef::Oid(Oid(oid.as_u64()?)),
    };
    Some((target, order(value.get("order")?)?))
}

fn each<T>(map: &Value, key: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    map.get(key)?.as_array()?.iter().map(read).collect()
}

fn text<'v>(map: &'v Value, key: &str) -> Option<&'v str> {
    map.get(key)?.as_str()
}

fn u64_of(map: &Value, key: &str) -> Option<u64> {
    map.get(key)?.as_u64()
}

fn u32_of(map: &Value, key: &str) -> Option<u32> {
    u32::try_from(u64_of(map, key)?).ok()
}

fn flag(map: &Value, key: &str) -> bool {
    map.get(key).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn agent_names_may_carry_their_end() {
        let name = |text| agent_name(text);
        assert_eq!(name("mmbot"), (Some("mmbot".to_owned()), None));
        assert_eq!(name("mm bot valid_until 17"), (Some("mm bot".to_owned()), Some(17)));
        assert_eq!(name(""), (None, None));
        assert_eq!(name(" valid_until 17"), (None, Some(17)));
        let odd = "bot valid_until soon";
        assert_eq!(name(odd), (Some(odd.to_owned()), None));
    }

    #[test]
    fn builders_fees_are_percent_of_the_value() {
        for (text, tenths_bp) in [("0.01%", 10), ("1%", 1_000), ("0.0%", 0), ("0.0019%", 1)] {
            assert_eq!(tenths_bp_of_percent(text), Some(tenths_bp), "{text}");
        }
        for bad in ["0.01", "", "%", "-1%", "1e2%", "99999999999%"] {
            assert_eq!(tenths_bp_of_percent(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_that_are_none_of_ours_are_left_to_the_core() {
        let read = |p: &str, s: &str| {
            let limit = json!({"limit": {"tif": "Gtc"}});
            order(&json!({"a":0,"b":true,"p":p,"s":s,"r":false,"t":limit})).unwrap()
        };
        let good = read("65000.5", "0.1");
        assert_eq!((good.px, good.qty), (Px::parse("65000.5").ok(), Qty::parse("0.1").ok()));
        for bad in ["0.000000001", "-1", "99999999999999999999"] {
            assert_eq!((read(bad, "1").px, read("1", bad).qty), (None, None), "{bad}");
        }
        assert_eq!(read("1", "0").qty, Some(Qty::ZERO));
        let trigger = json!({"trigger":{"isMarket":true,"triggerPx":"1","tpsl":"sl"}});
        let order = order(&json!({"a":0,"b":true,"p":"1","s":"1","r":false,"t":trigger})).unwrap();
        assert_eq!(order.tif, None);
    }
}
