//! From a frame to its channel's reader, and what all of them share.

use super::Kind;
use super::error::{Fault, UserError};
use super::event::{ChannelError, OrderState, Stream, StreamKind, UserEvent, VenueOrder, Via};
use super::json::{Numbers, Value};
use super::reason::{ChannelErrorKind, post_id, quoted, quoted_text};
use super::status::WireStatus;
use super::text::VenueText;
use crate::types::{AssetId, Cloid, Side, Universe};
use crate::venue::hl::sign::{Address, hex};

/// What a read without a value gives.
pub(super) type Done = Result<(), UserError>;

/// One reading of one frame.
pub(super) struct Reader<'a> {
    pub universe: &'a Universe,
    pub sink: &'a mut dyn FnMut(UserEvent),
}

impl Reader<'_> {
    /// The whole frame.
    pub fn frame(&mut self, root: Value) -> Result<Kind, UserError> {
        let [channel, data] = root.keys(["channel", "data"])?;
        let (kind, result) = match channel.text()? {
            "pong" => (Kind::Pong, self.emit(UserEvent::Pong)),
            "subscriptionResponse" => (Kind::Subscription, self.subscription(data)),
            "error" => (Kind::ChannelError, self.channel_error(data)),
            "post" => (Kind::Post, self.post(data)),
            "orderUpdates" => (Kind::OrderUpdates, self.order_updates(data)),
            "user" => (Kind::User, self.user(data)),
            "userFills" => (Kind::UserFills, self.user_fills(data)),
            "userFundings" => (Kind::UserFundings, self.user_fundings(data)),
            "userNonFundingLedgerUpdates" => (Kind::LedgerUpdates, self.ledger_updates(data)),
            "openOrders" => (Kind::OpenOrders, self.open_orders_channel(data)),
            "clearinghouseState" => (Kind::ClearinghouseState, self.clearinghouse_channel(data)),
            "l2Book" | "bbo" | "trades" | "activeAssetCtx" => (Kind::Market, Ok(())),
            _ => (Kind::Other, Ok(())),
        };
        result.map(|()| kind).map_err(|e| e.on(kind))
    }

    /// Always good, so that it can end a reading.
    pub fn emit(&mut self, event: UserEvent) -> Done {
        (self.sink)(event);
        Ok(())
    }

    /// Says that a word is new.
    pub fn unknown(&mut self, field: &'static str, word: &str) {
        (self.sink)(UserEvent::UnknownWord { field, word: VenueText::new(word) });
    }

    fn subscription(&mut self, data: Value) -> Done {
        let [method, subscription] = data.keys(["method", "subscription"])?;
        let [kind, coin, user, fast] = subscription.keys(["type", "coin", "user", "fast"])?;
        let fast = fast.flag().unwrap_or(false);
        let stream = self.stream(kind.text()?, coin.text().ok(), user.text().ok(), fast);
        match method.text()? {
            "subscribe" => self.emit(UserEvent::Subscribed(stream)),
            "unsubscribe" => self.emit(UserEvent::Unsubscribed(stream)),
            _ => Err(method.error(Fault::BadWord)),
        }
    }

    fn stream(&self, kind: &str, coin: Option<&str>, user: Option<&str>, fast: bool) -> Stream {
        let kind = match kind {
            "orderUpdates" => StreamKind::OrderUpdates,
            "userFills" => StreamKind::UserFills,
            "userEvents" => StreamKind::UserEvents,
            "userFundings" => StreamKind::UserFundings,
            "userNonFundingLedgerUpdates" => StreamKind::LedgerUpdates,
            "clearinghouseState" => StreamKind::ClearinghouseState,
            "openOrders" => StreamKind::OpenOrders,
            "l2Book" if fast => StreamKind::FastBook,
            "l2Book" => StreamKind::Book,
            "bbo" => StreamKind::Bbo,
            "trades" => StreamKind::Trades,
            "activeAssetCtx" => StreamKind::AssetCtx,
            "candle" => StreamKind::Candle,
            _ => StreamKind::Other,
        };
        let asset = coin.and_then(|coin| self.universe.find(coin.as_bytes()));
        Stream { kind, asset, user: user.and_then(Address::parse) }
    }

    /// The text is all that there is: whatever it is not, it is still a complaint.
    fn channel_error(&mut self, data: Value) -> Done {
        let text = data.text().unwrap_or("");
        let kind = ChannelErrorKind::of(text);
        let subscription = match kind {
            ChannelErrorKind::AlreadySubscribed
            | ChannelErrorKind::AlreadyUnsubscribed
            | ChannelErrorKind::InvalidSubscription => Some(text),
            ChannelErrorKind::ParseError => quoted(text, "subscription"),
            _ => None,
        };
        let id = match kind {
            ChannelErrorKind::ParseError | ChannelErrorKind::TooManyPosts => post_id(text),
            _ => None,
        };
        let stream = subscription.and_then(|text| self.quoted_stream(text));
        let text = VenueText::new(text);
        self.emit(UserEvent::ChannelError(ChannelError { kind, id, stream, text }))
    }

    fn quoted_stream(&self, text: &str) -> Option<Stream> {
        let fast = quoted(text, "fast").is_some_and(|rest| rest.starts_with("true"));
        let (coin, user) = (quoted_text(text, "coin"), quoted_text(text, "user"));
        Some(self.stream(quoted_text(text, "type")?, coin, user, fast))
    }

    fn order_updates(&mut self, data: Value) -> Done {
        for item in data.items()? {
            let state = self.order_state(item)?;
            self.emit(UserEvent::OrderUpdate(state))?;
        }
        Ok(())
    }

    fn open_orders_channel(&mut self, data: Value) -> Done {
        let [orders] = data.keys(["orders"])?;
        self.open_orders(orders, None)
    }

    /// A whole list of open orders.
    pub fn open_orders(&mut self, list: Value, id: Option<u64>) -> Done {
        let mut total = 0;
        for item in list.items()? {
            let order = self.order(item)?;
            self.emit(UserEvent::OpenOrder { id, order })?;
            total += 1;
        }
        self.emit(UserEvent::OpenOrdersEnd { id, total })
    }

    /// `{"order":{…},"status":…,"statusTimestamp":…}`
    pub fn order_state(&mut self, v: Value) -> Result<OrderState, UserError> {
        let [order, status, time] = v.keys(["order", "status", "statusTimestamp"])?;
        let word = status.text()?;
        let status = WireStatus::of(word);
        if matches!(status, WireStatus::Unknown(_)) {
            self.unknown("status", word);
        }
        Ok(OrderState { order: self.order(order)?, status, time: time.time()? })
    }

    fn order(&self, v: Value) -> Result<VenueOrder, UserError> {
        let [coin, side, px, sz, orig, oid, cloid, reduce_only] =
            v.keys(["coin", "side", "limitPx", "sz", "origSz", "oid", "cloid", "reduceOnly"])?;
        let (asset, numbers) = self.asset(coin)?;
        let leaves = numbers.qty(sz)?;
        Ok(VenueOrder {
            asset,
            oid: oid.oid()?,
            cloid: self::cloid(cloid),
            side: self::side(side)?,
            reduce_only: reduce_only.flag_or_false()?,
            px: numbers.px(px)?,
            leaves,
            orig: orig.present().map_or(Ok(leaves), |orig| numbers.qty(orig))?,
        })
    }

    /// Our asset of a coin, and how its numbers are read.
    pub fn asset(&self, coin: Value) -> Result<(Option<AssetId>, Numbers), UserError> {
        let asset = self.universe.find(coin.text()?.as_bytes());
        Ok((asset, if asset.is_some() { Numbers::Sound } else { Numbers::AnyOrZero }))
    }
}

/// Whether a frame of a "time series" channel is the first one; later ones mostly omit the key.
pub(super) fn via(is_snapshot: Value) -> Result<Via, UserError> {
    Ok(if is_snapshot.flag_or_false()? { Via::Snapshot } else { Via::Stream })
}

/// A client order id; one that is not 128 bits of hex is not ours, and as good as none.
pub(super) fn cloid(v: Value) -> Option<Cloid> {
    hex::parse(v.text().ok()?).map(|bytes| Cloid::from_u128(u128::from_be_bytes(bytes)))
}

pub(super) fn side(v: Value) -> Result<Side, UserError> {
    match v.text()? {
        "B" => Ok(Side::Bid),
        "A" => Ok(Side::Ask),
        _ => Err(v.error(Fault::BadWord)),
    }
}
