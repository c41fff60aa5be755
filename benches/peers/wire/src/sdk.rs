//! hyperliquid_rust_sdk: its messages; its orders, and the libraries that it signs with.

use crate::Work;
use crate::made::{KEY, NONCE, Order, PAIRS, fixed, hex, pairs, told};
use ethers::contract::{Eip712, EthAbiType};
use ethers::signers::LocalWallet;
use ethers::types::transaction::eip712::Eip712 as _;
use ethers::types::{H256, Signature};
use ethers::utils::keccak256;
use hyperliquid_rust_sdk::{Actions, BulkOrder, Message};
use rust_decimal::Decimal;
use serde_json::json;
use std::hint::black_box;

/// Its message, in which numbers are text: it parses them where they are used.
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
    fn made(&self) -> String {
        let Some(Message::L2Book(book)) = &self.made else { panic!("not a book") };
        told(book.data.levels.iter().flatten().map(|l| (fixed(&l.px), fixed(&l.sz))))
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

struct Sign {
    wallet: LocalWallet,
    actions: Vec<Actions>,
    made: Option<(Signature, String)>,
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
    Box::new(Sign { wallet: KEY.parse().expect("a key"), actions: pairs(action), made: None })
}

impl Work for Sign {
    /// The steps of its `bulk_order`, whose parts are private: its types and the libraries that it is built upon.
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
        let body = json!({ "action": value, "signature": signature, "nonce": nonce, "vaultAddress": null });
        self.made = Some((signature, body.to_string()));
    }
    fn made(&self) -> String {
        let (signature, _) = self.made.as_ref().expect("a call");
        let mut parts = [[0; 32]; 2];
        signature.r.to_big_endian(&mut parts[0]);
        signature.s.to_big_endian(&mut parts[1]);
        format!("{}/{}/{}", hex(&parts[0]), hex(&parts[1]), signature.v)
    }
}
