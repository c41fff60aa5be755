//! hyperliquid_rust_sdk at what it does between a message's text and what it hands to its user, and between orders and the
//! text of a request.

use crate::Work;
use crate::made::{KEY, Made, NONCE, Order, PAIRS, fixed, hex, pairs, told};
use ethers::contract::{Eip712, EthAbiType};
use ethers::signers::LocalWallet;
use ethers::types::transaction::eip712::Eip712 as _;
use ethers::types::{H160, H256, Signature};
use ethers::utils::keccak256;
use hyperliquid_rust_sdk::{Actions, BulkOrder, Message};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use std::hint::black_box;

/// Text to its `Message`, as its `WsManager` does. Numbers stay text in it: whoever uses it parses them, which is left out, in
/// its favour.
struct Decode {
    frames: Vec<String>,
    made: Option<Message>,
}

pub fn decode(frames: &[String]) -> Box<dyn Work> {
    Box::new(Decode { frames: frames.to_vec(), made: None })
}

impl Work for Decode {
    fn call(&mut self, i: usize) {
        let frame = self.frames[i % self.frames.len()].as_str();
        self.made =
            Some(serde_json::from_str(black_box(frame)).expect("it reads the venue's frames"));
    }
    fn made(&self) -> Made {
        let Some(Message::L2Book(book)) = &self.made else { panic!("not a book") };
        let side = |side: usize| {
            book.data.levels[side].iter().map(|l| (fixed(&l.px), fixed(&l.sz))).collect()
        };
        told([0, 1].map(side))
    }
}

/// What is signed of an action, as the venue's documents have it; the SDK's own is private.
#[derive(Clone, Debug, Eip712, EthAbiType)]
#[eip712(
    name = "Exchange",
    version = "1",
    chain_id = 1337,
    verifying_contract = "0x0000000000000000000000000000000000000000"
)]
struct Agent {
    source: String,
    connection_id: H256,
}

/// The request, as its own, which is private.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExchangePayload {
    action: Value,
    signature: Signature,
    nonce: u64,
    vault_address: Option<H160>,
}

/// Its typed orders to the text of its request. How it comes to those from orders with floats (`ClientOrderRequest::convert`)
/// is left out, in its favour.
struct Sign {
    wallet: LocalWallet,
    actions: Vec<Actions>,
    made: String,
}

pub fn sign(_: &[String]) -> Box<dyn Work> {
    let request = |(is_buy, px, lots, cloid): Order| {
        json!({
            "a": 0, "b": is_buy, "p": px.to_string(), "s": Decimal::new(lots, 5).normalize().to_string(), "r": false,
            "t": { "limit": { "tif": "Alo" } }, "c": format!("0x{}", hex(&cloid)),
        })
    };
    let action = |orders: [Order; 2]| {
        let orders: Vec<_> = orders.into_iter().map(request).collect();
        let bulk: BulkOrder = serde_json::from_value(json!({ "orders": orders, "grouping": "na" }))
            .expect("its orders");
        Actions::Order(bulk)
    };
    Box::new(Sign { wallet: KEY.parse().expect("a key"), actions: pairs(action), made: String::new() })
}

impl Work for Sign {
    /// The steps of its `ExchangeClient::bulk_order`, up to the network: its parts are private or wait for an answer, so this
    /// is its public `Actions` and, line by line as there, the libraries it is built upon (`Actions::hash`, `sign_l1_action`,
    /// `post`). Its own digest that stands for SHA-256 is ethers' `sign_hash` here, which signs the same by the same crate.
    fn call(&mut self, i: usize) {
        let action = black_box(&self.actions[i % PAIRS]);
        let nonce = NONCE + i as u64;
        let mut bytes = rmp_serde::to_vec_named(action).expect("msgpack");
        bytes.extend(nonce.to_be_bytes());
        bytes.push(0);
        let connection_id = H256(keccak256(bytes));
        let value = serde_json::to_value(action).expect("JSON");
        let agent = Agent { source: "a".to_owned(), connection_id };
        let hash = H256::from(agent.encode_eip712().expect("a hash"));
        let signature = self.wallet.sign_hash(hash).expect("a signature");
        let payload = ExchangePayload { action: value, signature, nonce, vault_address: None };
        self.made = serde_json::to_string(&payload).expect("JSON");
    }
    fn made(&self) -> Made {
        Made { body: self.made.clone(), ..Made::default() }
    }
}
