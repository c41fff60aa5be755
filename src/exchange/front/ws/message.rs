//! What clients send (PROTOCOL §5.1), and subscriptions as the venue writes them back (§5.2).

use crate::exchange::front::info::{FirstDex, InfoRequest, Interval, is_book_rounding};
use crate::exchange::front::json::User;
use botmm_pipeline::types::Universe;
use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message.
#[derive(Debug)]
pub enum ClientMessage {
    /// Send me this.
    Subscribe(Subscription),
    /// Send me this no more.
    Unsubscribe(Subscription),
    /// Are you there?
    Ping,
    /// What could have been an HTTP request.
    Post {
        /// The client's number for it.
        id: u64,
        /// The request.
        request: Box<PostRequest>,
    },
}

/// A request in a post.
#[derive(Debug)]
pub enum PostRequest {
    /// For `/info`, with its `type`.
    Info(String, InfoRequest),
    /// For `/exchange`: the body, not looked at yet.
    Action(Value),
}

#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "camelCase")]
enum Message {
    Subscribe { subscription: Subscription },
    Unsubscribe { subscription: Subscription },
    Ping,
    Post { id: u64, request: Request },
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "camelCase")]
enum Request {
    Info(Value),
    Action(Value),
}

impl ClientMessage {
    /// [`None`] when it is no message.
    pub fn read(text: &[u8]) -> Option<Self> {
        Some(match serde_json::from_slice(text).ok()? {
            Message::Subscribe { subscription } => Self::Subscribe(subscription),
            Message::Unsubscribe { subscription } => Self::Unsubscribe(subscription),
            Message::Ping => Self::Ping,
            Message::Post { id, request } => {
                let request = match request {
                    Request::Action(body) => PostRequest::Action(body),
                    Request::Info(body) => {
                        let kind = body.get("type")?.as_str()?.to_owned();
                        let request = InfoRequest::deserialize(body).ok()?;
                        PostRequest::Info(kind, request.is_sound().then_some(request)?)
                    }
                };
                Self::Post { id, request: Box::new(request) }
            }
        })
    }
}

/// What can be subscribed to. Two that are equal are one; written with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[allow(missing_docs, reason = "named as PROTOCOL names them")]
pub enum Subscription {
    // In the order in which one block's frames are sent: trades before the book that they left.
    Trades {
        coin: String,
    },
    Bbo {
        coin: String,
    },
    L2Book {
        coin: String,
        #[serde(default)]
        n_sig_figs: Option<u8>,
        #[serde(default)]
        mantissa: Option<u8>,
        #[serde(default, deserialize_with = "or_default")]
        fast: bool,
    },
    OrderUpdates {
        user: User,
    },
    UserEvents {
        user: User,
    },
    UserFills {
        user: User,
        #[serde(default, deserialize_with = "or_default")]
        aggregate_by_time: bool,
    },
    UserFundings {
        user: User,
    },
    UserNonFundingLedgerUpdates {
        user: User,
    },
    OpenOrders {
        user: User,
        #[serde(default)]
        dex: NamedDex,
    },
    ClearinghouseState {
        user: User,
        #[serde(default)]
        dex: NamedDex,
    },
    SpotState {
        user: User,
    },
    ActiveAssetData {
        user: User,
        coin: String,
    },
    Notification {
        user: User,
    },
    WebData3 {
        user: User,
    },
    TwapStates {
        user: User,
        #[serde(default)]
        dex: NamedDex,
    },
    UserTwapSliceFills {
        user: User,
    },
    UserTwapHistory {
        user: User,
    },
    UserHistoricalOrders {
        user: User,
    },
    AllDexsClearinghouseState {
        user: User,
    },
    Candle {
        interval: Interval,
        coin: String,
    },
    AllMids {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dex: Option<NamedDex>,
    },
    ActiveAssetCtx {
        coin: String,
    },
    AllDexsAssetCtxs,
    FastAssetCtxs,
    OutcomeMetaUpdates,
}

/// The first perp exchange, written as its (empty) name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct NamedDex(FirstDex);

impl Serialize for NamedDex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

/// Null is as good as absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Subscription {
    /// Whose it is, of a user's channels.
    pub const fn user(&self) -> Option<&User> {
        match self {
            Self::OrderUpdates { user }
            | Self::UserEvents { user }
            | Self::UserFills { user, .. }
            | Self::UserFundings { user }
            | Self::UserNonFundingLedgerUpdates { user }
            | Self::OpenOrders { user, .. }
            | Self::ClearinghouseState { user, .. }
            | Self::SpotState { user }
            | Self::ActiveAssetData { user, .. }
            | Self::Notification { user }
            | Self::WebData3 { user }
            | Self::TwapStates { user, .. }
            | Self::UserTwapSliceFills { user }
            | Self::UserTwapHistory { user }
            | Self::UserHistoricalOrders { user }
            | Self::AllDexsClearinghouseState { user } => Some(user),
            _ => None,
        }
    }

    /// Of which coin it is, of a coin's channels.
    pub fn coin(&self) -> Option<&str> {
        match self {
            Self::Trades { coin }
            | Self::Bbo { coin }
            | Self::L2Book { coin, .. }
            | Self::ActiveAssetData { coin, .. }
            | Self::Candle { coin, .. }
            | Self::ActiveAssetCtx { coin } => Some(coin),
            _ => None,
        }
    }

    /// Whether there is such a thing here: a traded coin, figures that a book can have.
    pub fn is_offered(&self, universe: &Universe) -> bool {
        let is_book = match self {
            Self::L2Book { n_sig_figs, mantissa, .. } => is_book_rounding(*n_sig_figs, *mantissa),
            _ => true,
        };
        is_book && self.coin().is_none_or(|coin| universe.find(coin.as_bytes()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::front::json::to_bytes;

    fn subscription(text: &str) -> Option<Subscription> {
        serde_json::from_str(text).ok()
    }

    /// PROTOCOL §5.2: defaults are filled in, users in lower case, the venue's own key order.
    #[test]
    fn subscriptions_are_normalised() {
        let user = "0x4fe48aDeBfC287E591EB0a544Dc7dCB5a4F583a6";
        let lower = user.to_lowercase();
        let cases = [
            (
                r#"{"coin":"BTC","type":"l2Book"}"#.to_owned(),
                r#"{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":false}"#
                    .to_owned(),
            ),
            (
                r#"{"type":"l2Book","coin":"BTC","nSigFigs":5,"mantissa":null,"fast":null}"#.into(),
                r#"{"type":"l2Book","coin":"BTC","nSigFigs":5,"mantissa":null,"fast":false}"#
                    .into(),
            ),
            (
                r#"{"type":"candle","coin":"BTC","interval":"1M"}"#.into(),
                r#"{"type":"candle","interval":"1M","coin":"BTC"}"#.into(),
            ),
            (
                format!(r#"{{"type":"userFills","user":"{user}"}}"#),
                format!(r#"{{"type":"userFills","user":"{lower}","aggregateByTime":false}}"#),
            ),
            (
                format!(r#"{{"type":"openOrders","user":"{user}","dex":null}}"#),
                format!(r#"{{"type":"openOrders","user":"{lower}","dex":""}}"#),
            ),
            (r#"{"type":"allMids"}"#.into(), r#"{"type":"allMids"}"#.into()),
            (r#"{"type":"allMids","dex":""}"#.into(), r#"{"type":"allMids","dex":""}"#.into()),
        ];
        for (sent, expected) in cases {
            let read = subscription(&sent).unwrap_or_else(|| panic!("{sent}"));
            assert_eq!(String::from_utf8(to_bytes(&read)).unwrap(), expected);
            assert_eq!(subscription(&expected), Some(read), "what is written back is the same");
        }
    }

    #[test]
    fn what_the_venue_refuses_is_no_subscription() {
        for bad in [
            r#"{"type":"webData2","user":"0x4fe48adebfc287e591eb0a544dc7dcb5a4f583a6"}"#,
            r#"{"type":"trades"}"#,
            r#"{"type":"candle","coin":"BTC","interval":"7m"}"#,
            r#"{"type":"orderUpdates","user":"0x4f"}"#,
            r#"{"type":"openOrders","user":"0x4fe48adebfc287e591eb0a544dc7dcb5a4f583a6","dex":"x"}"#,
            r#"{"type":"l2Book","coin":"BTC","nSigFigs":-1}"#,
            r#"{"coin":"BTC"}"#,
            "[]",
        ] {
            assert_eq!(subscription(bad), None, "{bad}");
        }
    }
}
