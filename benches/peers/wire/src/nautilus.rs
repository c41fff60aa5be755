//! nautilus-hyperliquid at what its clients do between a message's text and its deltas of a book, and between orders and the
//! bytes of a request. Which of its functions each step is, and where it calls them, is said at each.

use crate::Work;
use crate::made::{KEY, Made, NONCE, Order, PAIRS, fixed, pairs, told};
use nautilus_core::UnixNanos;
use nautilus_hyperliquid::common::credential::EvmPrivateKey;
use nautilus_hyperliquid::http::models::{
    Cloid, HyperliquidExchangeRequest, HyperliquidExecAction, HyperliquidExecGrouping,
    HyperliquidExecLimitParams, HyperliquidExecOrderKind, HyperliquidExecPlaceOrderRequest,
    HyperliquidExecTif,
};
use nautilus_hyperliquid::signing::{
    HyperliquidActionType, HyperliquidEip712Signer, SignRequest, TimeNonce,
};
use nautilus_hyperliquid::websocket::messages::HyperliquidWsMessage;
use nautilus_hyperliquid::websocket::parse::parse_ws_order_book_deltas;
use nautilus_model::data::OrderBookDeltas;
use nautilus_model::enums::{BookAction, BookType, OrderSide};
use nautilus_model::identifiers::{InstrumentId, Symbol, Venue};
use nautilus_model::instruments::{CryptoPerpetual, InstrumentAny};
use nautilus_model::orderbook::{BookLevel, OrderBook};
use nautilus_model::types::{Currency, Price, Quantity};
use rust_decimal::Decimal;
use std::hint::black_box;

/// Text to its `OrderBookDeltas`: a clearing, and an addition for each level in its fixed-point types.
struct Decode {
    frames: Vec<String>,
    instrument: InstrumentAny,
    made: Option<OrderBookDeltas>,
}

pub fn decode(frames: &[String]) -> Box<dyn Work> {
    Box::new(Decode::new(frames))
}

impl Decode {
    fn new(frames: &[String]) -> Self {
        let instrument = InstrumentAny::CryptoPerpetual(perpetual());
        Self { frames: frames.to_vec(), instrument, made: None }
    }

    fn read(&mut self, i: usize) -> &OrderBookDeltas {
        let frame = self.frames[i % self.frames.len()].as_str();
        // As its websocket handler's `next`: serde_json into its message (`HyperliquidCodec::decode` is the same of bytes).
        let message: HyperliquidWsMessage =
            serde_json::from_str(black_box(frame)).expect("it reads the venue's frames");
        let HyperliquidWsMessage::L2Book { data } = message else { panic!("not a book") };
        // As its `handle_l2_book`.
        let deltas = parse_ws_order_book_deltas(&data, &self.instrument, UnixNanos::default());
        self.made.insert(deltas.expect("it makes a book of it"))
    }
}

impl Work for Decode {
    fn call(&mut self, i: usize) {
        self.read(i);
    }
    fn made(&self) -> Made {
        let deltas = self.made.iter().flat_map(|made| &made.deltas);
        let levels: Vec<_> = deltas.filter(|d| d.action == BookAction::Add).collect();
        let side = |side| {
            let of_side = levels.iter().map(|d| d.order).filter(|order| order.side == side);
            of_side.map(|order| level_of(order.price, order.size)).collect()
        };
        told([OrderSide::Buy, OrderSide::Sell].map(side))
    }
}

/// In 1e-8, by what it says itself.
fn level_of(price: Price, size: Quantity) -> (i64, i64) {
    (fixed(&price.to_string()), fixed(&size.to_string()))
}

/// The same, and the deltas into its book of levels, as its data engine keeps one for who subscribes to a book.
struct ToBook {
    decode: Decode,
    book: OrderBook,
}

pub fn decode_to_order_book(frames: &[String]) -> Box<dyn Work> {
    let book = OrderBook::new(perpetual().id, BookType::L2_MBP);
    Box::new(ToBook { decode: Decode::new(frames), book })
}

impl Work for ToBook {
    fn call(&mut self, i: usize) {
        let deltas = self.decode.read(i);
        self.book.apply_deltas(deltas).expect("its own deltas");
    }
    fn made(&self) -> Made {
        let levels = |side: Vec<&BookLevel>| {
            let size = |level: &BookLevel| fixed(&level.size_decimal().to_string());
            side.iter().map(|l| (fixed(&l.price.value.to_string()), size(l))).collect()
        };
        told([levels(self.book.bids(None).collect()), levels(self.book.asks(None).collect())])
    }
}

fn perpetual() -> CryptoPerpetual {
    let symbol = Symbol::new("BTC-USD-PERP");
    let usdc = Currency::from("USDC");
    let (px_digits, qty_digits) = (1, 5);
    CryptoPerpetual::new(
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
    )
}

/// Its typed orders to the bytes of its request. How it comes from its own orders to those
/// (`order_to_hyperliquid_request_with_asset`) is left out, in its favour, as are its lock for nonces and its limiter.
struct Sign {
    signer: HyperliquidEip712Signer,
    actions: Vec<HyperliquidExecAction>,
    made: Vec<u8>,
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
        made: Vec::new(),
    })
}

impl Work for Sign {
    /// The steps of its `HyperliquidRawHttpClient::post_action_exec`, by which its execution client sends orders, up to the
    /// network: its types as JSON and msgpack, its `HyperliquidEip712Signer::sign`, its `HyperliquidExchangeRequest` as JSON.
    fn call(&mut self, i: usize) {
        let action = black_box(&self.actions[i % PAIRS]);
        let nonce = NONCE + i as u64;
        let request = SignRequest {
            action: serde_json::to_value(action).expect("JSON"),
            action_bytes: Some(rmp_serde::to_vec_named(action).expect("msgpack")),
            time_nonce: TimeNonce::from_millis(i128::from(nonce)),
            action_type: HyperliquidActionType::L1,
            is_testnet: false,
            vault_address: None,
        };
        let signature = self.signer.sign(&request).expect("a signature").signature;
        let body = HyperliquidExchangeRequest::new(action.clone(), nonce, signature);
        self.made = serde_json::to_string(&body).expect("JSON").into_bytes();
    }
    fn made(&self) -> Made {
        let body = String::from_utf8(self.made.clone()).expect("JSON");
        Made { body, ..Made::default() }
    }
}
