//! The venue's error texts and what they mean (PROTOCOL §3, Appendix F). Matched by prefix: live
//! texts end in numbers, addresses, and mostly ` asset=N`.

use super::text::VenueText;
use crate::types::limits::MAX_PX;
use crate::types::{Px, RejectReason};

/// Why a whole request was refused. What each asks of the bot: PROTOCOL, Appendix F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The recovered signer is nobody: a wrong signature, or an agent that is gone.
    UnknownSigner,
    /// The recovered account has no money: a wrong signature, or indeed none.
    MustDeposit,
    /// This nonce was used: the request, or another one, landed before.
    DuplicateNonce,
    /// Below the hundred nonces that the venue remembers.
    NonceTooLow,
    /// It came after its `expiresAfter`.
    Expired,
    /// The address has spent its budget of requests.
    AddressRateLimit,
    /// The order to modify is gone.
    ModifyDead,
    /// A dead man's switch needs more traded volume.
    ScheduleVolume,
    /// A dead man's switch must be at least 5 s ahead.
    ScheduleTooEarly,
    /// A leverage that the asset does not have.
    LeverageInvalid,
    /// Cross to isolated or back while there is a position.
    LeverageSwitch,
    /// An isolated margin change of a cross position.
    NotIsolated,
    /// No such vault or sub-account.
    VaultUnknown,
    /// The signature is no signature.
    BadSig,
    /// Approving an agent: too many, used before, or a removal is pending.
    Agent,
    /// A text of single orders, said once for the whole batch: it concerns every item.
    Order(RejectReason),
    /// A text that is new to us.
    Other,
}

impl RequestError {
    /// What a text means.
    pub fn of(text: &str) -> Self {
        let of_order = || by_prefix(&ORDER_TEXTS, text).map(Self::Order);
        by_prefix(&REQUEST_TEXTS, text).or_else(of_order).unwrap_or(Self::Other)
    }

    /// The reason that every item of the request gets.
    pub const fn as_reject(self) -> RejectReason {
        match self {
            Self::Order(reason) => reason,
            Self::Expired => RejectReason::Expired,
            Self::AddressRateLimit => RejectReason::RateLimit,
            Self::ModifyDead => RejectReason::NotFound,
            _ => RejectReason::Other,
        }
    }
}

/// Why one item of a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Why.
    pub reason: RejectReason,
    /// The best bid that the venue saw ([`RejectReason::BadAloPx`] only); zero = not told.
    pub best_bid: Px,
    /// The best ask, likewise.
    pub best_ask: Px,
    /// In the venue's words.
    pub text: VenueText,
}

impl ItemError {
    /// What a text means; the text of a whole batch can be read like this too.
    pub fn of(text: &str) -> Self {
        // The new leg of a modify is quoted.
        let cause = text.strip_prefix("Error placing new order during modify: ").unwrap_or(text);
        let reason = RequestError::of(cause).as_reject();
        let (best_bid, best_ask) = match reason {
            RejectReason::BadAloPx => touch(cause),
            _ => (Px::ZERO, Px::ZERO),
        };
        Self { reason, best_bid, best_ask, text: VenueText::new(text) }
    }
}

/// What a text on the channel `error` complains about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelErrorKind {
    /// A subscription that we have: as good as an acknowledgement.
    AlreadySubscribed,
    /// An end of a subscription that we do not have.
    AlreadyUnsubscribed,
    /// We sent what the venue cannot read. If it was a post, it was not executed.
    ParseError,
    /// No such coin or subscription.
    InvalidSubscription,
    /// More users than one IP may follow.
    TooManyUsers,
    /// More posts in flight than allowed; this one was not executed.
    TooManyPosts,
    /// A text that is new to us.
    Other,
}

impl ChannelErrorKind {
    /// What a text means.
    pub fn of(text: &str) -> Self {
        by_prefix(&CHANNEL_TEXTS, text).unwrap_or(Self::Other)
    }
}

const CHANNEL_TEXTS: [(&str, ChannelErrorKind); 6] = [
    ("Already subscribed", ChannelErrorKind::AlreadySubscribed),
    ("Already unsubscribed", ChannelErrorKind::AlreadyUnsubscribed),
    ("Error parsing JSON", ChannelErrorKind::ParseError),
    ("Invalid subscription", ChannelErrorKind::InvalidSubscription),
    ("Cannot track more than", ChannelErrorKind::TooManyUsers),
    ("too many pending post requests", ChannelErrorKind::TooManyPosts),
];

const REQUEST_TEXTS: [(&str, RequestError); 17] = [
    ("User or API Wallet ", RequestError::UnknownSigner),
    ("Must deposit before performing actions", RequestError::MustDeposit),
    ("Invalid nonce: duplicate nonce", RequestError::DuplicateNonce),
    ("Invalid nonce: nonce too low", RequestError::NonceTooLow),
    ("Action already expired", RequestError::Expired),
    ("Too many cumulative requests sent", RequestError::AddressRateLimit),
    ("Cannot modify canceled or filled order", RequestError::ModifyDead),
    ("Cannot set scheduled cancel time until", RequestError::ScheduleVolume),
    ("Scheduled cancel time too early", RequestError::ScheduleTooEarly),
    ("Invalid leverage value", RequestError::LeverageInvalid),
    ("Cannot switch leverage type", RequestError::LeverageSwitch),
    ("Position does not use isolated margin", RequestError::NotIsolated),
    ("Vault not registered", RequestError::VaultUnknown),
    ("Unable to recover signer", RequestError::BadSig),
    ("Too many extra agents", RequestError::Agent),
    ("Extra agent already used", RequestError::Agent),
    ("User has pending agent removal", RequestError::Agent),
];

const ORDER_TEXTS: [(&str, RejectReason); 21] = [
    ("Post only order would have immediately matched", RejectReason::BadAloPx),
    ("Order was never placed, already canceled, or filled", RejectReason::NotFound),
    ("Price must be divisible by tick size", RejectReason::Tick),
    ("Order has invalid price", RejectReason::Tick),
    ("Order has invalid size", RejectReason::Size),
    ("Order has zero size", RejectReason::Size),
    ("Order must have minimum value", RejectReason::MinNotional),
    ("Insufficient margin to place order", RejectReason::Margin),
    ("Order would cause position to exceed margin tier limit", RejectReason::Margin),
    ("Reduce only order would increase position", RejectReason::ReduceOnly),
    ("Order could not immediately match", RejectReason::Other),
    ("Invalid TP/SL price", RejectReason::Other),
    ("No liquidity available for market order", RejectReason::Other),
    ("Order would increase open interest", RejectReason::Other),
    ("Order rejected due to price more aggressive than oracle", RejectReason::Other),
    ("Order price too far from oracle", RejectReason::Other),
    ("Price too far from oracle", RejectReason::Other),
    ("Order price cannot be more than", RejectReason::Other),
    ("Only post-only orders allowed", RejectReason::Other),
    ("Builder fee has not been approved", RejectReason::Other),
    ("Too many open orders", RejectReason::RateLimit),
];

fn by_prefix<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    table.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, meaning)| *meaning)
}

/// The touch in `…, bbo was 65011.0@65012.0. asset=0`. A side that is not a price is not told.
fn touch(text: &str) -> (Px, Px) {
    let Some((_, told)) = text.split_once("bbo was ") else { return (Px::ZERO, Px::ZERO) };
    let told = told.split_whitespace().next().unwrap_or("");
    let (bid, ask) = told.split_once('@').unwrap_or((told, ""));
    let px = |text: &str| match Px::parse(text) {
        Ok(px) if px.is_positive() && px <= MAX_PX => px,
        _ => Px::ZERO,
    };
    (px(bid), px(ask.trim_end_matches(['.', ','])))
}

/// What follows `"key":` in a text that quotes JSON, perhaps cut: good enough for the flat objects
/// that the venue quotes.
pub(super) fn quoted<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let behind_key = |(at, _)| text[at..].strip_prefix(key)?.strip_prefix('"');
    let value = |rest: &'t str| rest.trim_start().strip_prefix(':').map(str::trim_start);
    text.match_indices('"')
        .map(|(at, quote)| (at + quote.len(), quote))
        .filter_map(behind_key)
        .find_map(value)
}

/// The quoted string that follows `"key":`.
pub(super) fn quoted_text<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    quoted(text, key)?.strip_prefix('"')?.split_once('"').map(|(value, _)| value)
}

/// The id of the post that an error text speaks of: `… id=7`, or inside what we sent.
pub(super) fn post_id(text: &str) -> Option<u64> {
    let digits = text.split_once(" id=").map(|(_, rest)| rest).or_else(|| quoted(text, "id"))?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_touch_of_a_post_only_reject() {
        let of = |tail: &str| {
            let text = format!("Post only order would have immediately matched{tail}");
            let e = ItemError::of(&text);
            assert_eq!((e.reason, e.text.as_str()), (RejectReason::BadAloPx, &text[..]));
            (e.best_bid.to_string(), e.best_ask.to_string())
        };
        let both = ("2410.1".into(), "2410.2".into());
        assert_eq!(of(", bbo was 2410.1@2410.2. asset=1"), both);
        assert_eq!(of(", bbo was 2410.1@2410.2."), both);
        assert_eq!(of(", bbo was 2410.1@2410.2"), both);
        assert_eq!(of(", bbo was 7@8. asset=3"), ("7".into(), "8".into()));
        assert_eq!(of(", bbo was 2410.1@None."), ("2410.1".into(), "0".into()));
        for nothing in
            [".", ", bbo was ", ", bbo was @.", ", bbo was -1@99999999.0", ", bbo was x@y"]
        {
            assert_eq!(of(nothing), ("0".into(), "0".into()), "{nothing}");
        }
        let leg = "Error placing new order during modify: Post only order would have immediately \
            matched, bbo was 5@6.";
        assert_eq!(ItemError::of(leg).best_ask, Px::whole(6));
    }

    #[test]
    fn items_and_requests_share_their_texts() {
        let item = |text| ItemError::of(text).reason;
        assert_eq!(item("Cannot modify canceled or filled order"), RejectReason::NotFound);
        assert_eq!(item("Too many cumulative requests sent (9 > 8)"), RejectReason::RateLimit);
        assert_eq!(item("Action already expired"), RejectReason::Expired);
        assert_eq!(item("Something new asset=4"), RejectReason::Other);
        let all = RequestError::of("Order has invalid size. asset=4");
        assert_eq!(all, RequestError::Order(RejectReason::Size));
        assert_eq!(all.as_reject(), RejectReason::Size);
        assert_eq!(RequestError::of("Something new"), RequestError::Other);
    }

    #[test]
    fn ids_in_error_texts() {
        assert_eq!(post_id("too many pending post requests id=1234"), Some(1234));
        let sent = r#"Error parsing JSON into valid websocket request: {"method":"post","id":77,"#;
        assert_eq!(post_id(sent), Some(77), "cut short");
        assert_eq!(post_id(r#"{ "request":{}, "id" : 5 }"#), Some(5));
        assert_eq!(post_id(r#"{"id":"5"}"#), None);
        assert_eq!(post_id(r#"{"method":"id"}"#), None);
        assert_eq!(post_id(r#"{"id":99999999999999999999999}"#), None);
        assert_eq!(post_id("nothing"), None);
    }
}
