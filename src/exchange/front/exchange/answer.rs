//! What an action is answered (PROTOCOL §3).

use crate::exchange::front::json::{ClientId, Decimal, to_bytes};
use crate::exchange::model::{Answer, ItemAnswer};
use crate::exchange::refusal::Refusal;
use serde::Serialize;

#[derive(Serialize)]
#[serde(tag = "status", content = "response", rename_all = "camelCase")]
enum Envelope {
    Ok(Response),
    Err(String),
}

#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
enum Response {
    Default,
    Order { statuses: Vec<Status> },
    Cancel { statuses: Vec<Status> },
    TwapOrder { status: TwapStatus },
    TwapCancel { status: Status },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum TwapStatus {
    Running { twap_id: u64 },
    Error(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Status {
    Success,
    WaitingForFill,
    WaitingForTrigger,
    Resting {
        oid: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        cloid: Option<ClientId>,
    },
    Filled {
        total_sz: Decimal,
        avg_px: Decimal,
        oid: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        cloid: Option<ClientId>,
    },
    Error(String),
}

impl Status {
    fn new(item: &ItemAnswer, asset: Option<&u32>) -> Self {
        match item {
            ItemAnswer::Success => Self::Success,
            ItemAnswer::WaitingForFill => Self::WaitingForFill,
            ItemAnswer::WaitingForTrigger => Self::WaitingForTrigger,
            ItemAnswer::Resting { oid, cloid } => {
                Self::Resting { oid: oid.0, cloid: cloid.map(ClientId) }
            }
            ItemAnswer::Filled { total, avg_px, oid, cloid } => Self::Filled {
                total_sz: (*total).into(),
                avg_px: (*avg_px).into(),
                oid: oid.0,
                cloid: cloid.map(ClientId),
            },
            ItemAnswer::Error(why) => Self::Error(match asset {
                Some(asset) if why.has_asset_suffix() => format!("{why} asset={asset}"),
                _ => why.to_string(),
            }),
        }
    }
}

/// The JSON of an answer; `assets`: those of the action's items, in their order.
pub fn answer_json(answer: &Answer, assets: &[u32]) -> Vec<u8> {
    let statuses = |items: &[ItemAnswer]| -> Vec<Status> {
        items.iter().enumerate().map(|(i, item)| Status::new(item, assets.get(i))).collect()
    };
    to_bytes(&match answer {
        Answer::Default => Envelope::Ok(Response::Default),
        Answer::Order(items) => Envelope::Ok(Response::Order { statuses: statuses(items) }),
        Answer::Cancel(items) => Envelope::Ok(Response::Cancel { statuses: statuses(items) }),
        Answer::TwapOrder(done) => Envelope::Ok(Response::TwapOrder {
            status: match done {
                Ok(twap_id) => TwapStatus::Running { twap_id: *twap_id },
                Err(why) => TwapStatus::Error(why.to_string()),
            },
        }),
        Answer::TwapCancel(done) => Envelope::Ok(Response::TwapCancel {
            status: match done {
                Ok(()) => Status::Success,
                Err(why) => Status::Error(why.to_string()),
            },
        }),
        Answer::Refused(why) => Envelope::Err(why.to_string()),
    })
}

/// The JSON of a refusal that the core never sees.
pub fn refusal_json(why: &Refusal) -> Vec<u8> {
    to_bytes(&Envelope::Err(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::{Cloid, Oid, Px, Qty};
    use botmm_pipeline::venue::sim::core::Refused;

    fn json(answer: &Answer, assets: &[u32]) -> String {
        String::from_utf8(answer_json(answer, assets)).unwrap()
    }

    /// The shapes of PROTOCOL §3 and appendix C.
    #[test]
    fn answers_have_the_venues_shapes() {
        assert_eq!(json(&Answer::Default, &[]), r#"{"status":"ok","response":{"type":"default"}}"#);
        let px = |text| Some(Px::parse(text).unwrap());
        let cloid = Some(Cloid::from_u128(0xa));
        let items = vec![
            ItemAnswer::Resting { oid: Oid(101), cloid },
            ItemAnswer::Resting { oid: Oid(102), cloid: None },
            ItemAnswer::Filled {
                total: Qty::parse("0.02").unwrap(),
                avg_px: Px::parse("1891.4").unwrap(),
                oid: Oid(77_747_314),
                cloid: None,
            },
            ItemAnswer::Error(Refusal::Order(Refused::BadAloPx(px("65011"), px("65012")))),
            ItemAnswer::Error(Refusal::Order(Refused::UpgradePostOnly)),
        ];
        let expected = concat!(
            r#"{"status":"ok","response":{"type":"order","data":{"statuses":["#,
            r#"{"resting":{"oid":101,"cloid":"0x0000000000000000000000000000000a"}},"#,
            r#"{"resting":{"oid":102}},"#,
            r#"{"filled":{"totalSz":"0.02","avgPx":"1891.4","oid":77747314}},"#,
            r#"{"error":"Post only order would have immediately matched, bbo was 65011.0@65012.0. asset=3"},"#,
            r#"{"error":"Only post-only orders allowed immediately after a network upgrade"}]}}}"#,
        );
        assert_eq!(json(&Answer::Order(items), &[0, 1, 2, 3, 4]), expected);
        let cancels =
            vec![ItemAnswer::Success, ItemAnswer::Error(Refusal::Order(Refused::MissingOrder))];
        let expected = concat!(
            r#"{"status":"ok","response":{"type":"cancel","data":{"statuses":["success","#,
            r#"{"error":"Order was never placed, already canceled, or filled. asset=7"}]}}}"#,
        );
        assert_eq!(json(&Answer::Cancel(cancels), &[0, 7]), expected);
        for (answer, status) in [
            (Answer::TwapOrder(Ok(77_738_308)), r#"{"running":{"twapId":77738308}}"#),
            (
                Answer::TwapOrder(Err(Refusal::TwapDuration(1))),
                r#"{"error":"Invalid TWAP duration: 1 min(s)"}"#,
            ),
            (Answer::TwapCancel(Ok(())), r#""success""#),
            (
                Answer::TwapCancel(Err(Refusal::TwapMissing)),
                r#"{"error":"TWAP was never placed, already canceled, or filled."}"#,
            ),
        ] {
            let shown = json(&answer, &[]);
            assert!(shown.ends_with(&format!(r#""data":{{"status":{status}}}}}}}"#)), "{shown}");
        }
        assert_eq!(
            json(&Answer::Refused(Refusal::DuplicateNonce(5)), &[]),
            r#"{"status":"err","response":"Invalid nonce: duplicate nonce 5"}"#
        );
    }
}
