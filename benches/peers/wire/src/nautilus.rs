//! nautilus-hyperliquid: its codec and deltas of a book; its orders, signer and request.

use crate::Work;
use crate::made::{KEY, NONCE, Order, PAIRS, fixed, pairs, told};
use nautilus_core::UnixNanos;
use nautilus_hyperliquid::common::credential::EvmPrivateKey;
use nautilus_hyperliquid::http::models::{
    Cloid, HyperliquidExchangeRequest, HyperliquidExecAction, HyperliquidExecGrouping,
    HyperliquidExecLimitParams, HyperliquidExecOrderKind, HyperliquidExecPlaceOrderRequest,
    HyperliquidExecTif, HyperliquidSignature,
};
use nautilus_hyperliquid::signing::{
    HyperliquidActionType, HyperliquidEip712Signer, SignRequest, TimeNonce,
};
use nautilus_hyperliquid::websocket::codec::HyperliquidCodec;
use nautilus_hyperliquid::websocket::messages::HyperliquidWsMessage;
use nautilus_hyperliquid::websocket::parse::parse_ws_order_book_deltas;
use nautilus_model::data::OrderBookDeltas;
use nautilus_model::enums::BookAction;
use nautilus_model::identifiers::{InstrumentId, Symbol, Venue};
use nautilus_model::instruments::{CryptoPerpetual, InstrumentAny};
use nautilus_model::types::{Currency, Price, Quantity};
use rust_decimal::Decimal;
use std::hint::black_box;

/// Its codec, then its deltas of a book, in its fixed-point types.
struct Decode {
    frames: Vec<String>,
    codec: HyperliquidCodec,
    instrument: InstrumentAny,
    made: Option<OrderBookDeltas>,
}

pub fn decode(frames: &[String]) -> Box<dyn Work> {
    let symbol = Symbol::new("BTC-USD-PERP");
    let usdc = Currency::from("USDC");
    let (px_digits, qty_digits) = (1, 5);
    let perpetual = CryptoPerpetual::new(
        InstrumentId::new(symbol, Venue::new("HYPERLIQUID")),
        Symbol::new("BTC"),
        Currency::from("BTC"),
        usdc,
        usdc,
        false,
        px_digits,
        qty_digits,
        Price::from("0.1"),
        Quantity::from("0.00001"),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        UnixNanos::default(),
        UnixNanos::default(),
    );
    Box::new(Decode {
        frames: frames.to_vec(),
        codec: HyperliquidCodec::new(),
        instrument: InstrumentAny::CryptoPerpetual(perpetual),
        made: None,
    })
}

impl Work for Decode {
    fn call(&mut self, i: usize) {
        let frame = self.frames[i % self.frames.len()].as_bytes();
        let message = self.codec.decode(black_box(frame)).expect("it reads the venue's frames");
        let HyperliquidWsMessage::L2Book { data } = message else { panic!("not a book") };
        let deltas = parse_ws_order_book_deltas(&data, &self.instrument, UnixNanos::default());
        self.made = Some(deltas.expect("it makes a book of it"));
    }
    fn made(&self) -> String {
        let deltas = self.made.iter().flat_map(|made| &made.deltas);
        let levels = deltas.filter(|d| d.action == BookAction::Add);
        told(levels.map(|d| (fixed(&d.order.price.to_string()), fixed(&d.order.size.to_string()))))
    }
}

struct Sign {
    signer: HyperliquidEip712Signer,
    actions: Vec<HyperliquidExecAction>,
    made: Option<(HyperliquidSignature, Vec<u8>)>,
}

pub fn sign(_: &[String]) -> Box<dyn Work> {
    let key = EvmPrivateKey::new(KEY).expect("a key");
    let limit = HyperliquidExecLimitParams { tif: HyperliquidExecTif::Alo };
    let request = |(is_buy, px, lots, cloid): Order| HyperliquidExecPlaceOrderRequest {
        asset: 0,
        is_buy,
        price: Decimal::from(px),
        size: Decimal::new(lots, 5).normalize(),
        reduce_only: false,
        kind: HyperliquidExecOrderKind::Limit { limit: limit.clone() },
        cloid: Some(Cloid(cloid)),
    };
    Box::new(Sign {
        signer: HyperliquidEip712Signer::new(&key).expect("a signer"),
        actions: pairs(|orders| HyperliquidExecAction::Order {
            orders: orders.into_iter().map(request).collect(),
            grouping: HyperliquidExecGrouping::Na,
            builder: None,
        }),
        made: None,
    })
}

impl Work for Sign {
    /// The steps of its HTTP client, which are behind a network call: its types, its signer, its request.
    fn call(&mut self, i: usize) {
        let action = black_box(&self.actions[i % PAIRS]);
        let nonce = NONCE + i as u64;
        let request = SignRequest {
            action: serde_json::to_value(action).expect("JSON"),
            action_bytes: Some(rmp_serde::to_vec_named(action).expect("msgpack")),
            time_nonce: TimeNonce::from_millis(nonce as i64),
            action_type: HyperliquidActionType::L1,
            is_testnet: false,
            vault_address: None,
        };
        let signature = self.signer.sign(&request).expect("a signature").signature;
        let body = HyperliquidExchangeRequest::new(action.clone(), nonce, signature.clone());
        self.made = Some((signature, serde_json::to_vec(&body).expect("JSON")));
    }
    fn made(&self) -> String {
        let (signature, _) = self.made.as_ref().expect("a call");
        let plain = |text: &str| text.trim_start_matches("0x").to_owned();
        format!("{}/{}/{}", plain(&signature.r), plain(&signature.s), signature.v)
    }
}
