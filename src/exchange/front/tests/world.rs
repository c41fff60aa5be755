//! A hub on a synthetic market in virtual time, and what a client does to it.

use crate::coins::coin;
use crate::exchange::front::{Hub, HubConfig};
use crate::exchange::venue::{Venue, VenueConfig};
use crate::exchange::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm_pipeline::types::{AssetId, Instrument, Nanos, Oid, Px, Qty, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Network, RequestSigner, Signer, WireAction,
};
use botmm_pipeline::venue::sim::core::{self, Tif};
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

pub const START: Nanos = Nanos::millis(1_795_359_600_000);
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// A test key, and its address.
pub const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
pub const USER: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";

pub struct World {
    pub hub: Hub,
    pub now: Nanos,
    signer: RequestSigner,
    last_http: u64,
    last_nonce: u64,
}

pub fn user() -> Address {
    Address::parse(USER).unwrap()
}

/// An order of nobody in particular, for what is shown of orders.
pub fn kept_order() -> core::Order {
    let time = Nanos::millis(1_795_359_648_890);
    let (px, qty) = (Px::whole(65_011), Qty::from_raw(20_705_000));
    core::Order {
        oid: Oid(569_017_209_592),
        who: 0,
        cloid: None,
        asset: AssetId::new(0),
        side: Side::Bid,
        px,
        orig: qty,
        leaves: qty,
        tif: Tif::Alo,
        reduce_only: false,
        builder: None,
        time,
    }
}

impl World {
    pub fn new(config: HubConfig) -> Self {
        let listed = |name, venue_index, sz_decimals, max_leverage| Instrument {
            venue_index,
            max_leverage,
            ..coin(name, sz_decimals)
        };
        let universe = Universe::new(vec![
            listed("BTC", 0, 5, 40),
            listed("ETH", 1, 4, 25),
            listed("kPEPE", 3, 0, 10),
        ]);
        let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
        let market = SyntheticMarket::new(&universe, profiles, START, 7);
        let venue = Venue::new(VenueConfig::default(), universe, Box::new(market), START);
        let signer = RequestSigner::new(Signer::from_hex(KEY).unwrap(), Network::Testnet);
        let hub = Hub::new(venue, config);
        let mut world = Self { hub, now: START, signer, last_http: 0, last_nonce: 0 };
        world.run(Nanos::secs(2));
        world
    }

    /// One whose account has money.
    pub fn funded(config: HubConfig) -> Self {
        let mut world = Self::new(config);
        world.hub.venue_mut().fund(user(), Usd::whole(100_000));
        world.run(Nanos::secs(1));
        world
    }

    /// Lets time go on; what was sent meanwhile.
    pub fn run(&mut self, span: Nanos) -> Vec<Outgoing> {
        let end = self.now + span;
        let mut out = Vec::new();
        while let Some(next) = self.hub.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.hub.poll(self.now, &mut out);
        }
        self.now = end;
        self.hub.poll(end, &mut out);
        out
    }

    /// The reply to a request, within two seconds; what else was sent meanwhile is lost.
    pub fn http(&mut self, path: &str, body: &[u8]) -> HttpReply {
        self.last_http += 1;
        let id = HttpId(self.last_http);
        let content_type = Some("application/json");
        let request = HttpRequest { method: "POST", path, content_type, body };
        self.hub.http(self.now, PEER, id, &request);
        for _ in 0..20 {
            for sent in self.run(Nanos::millis(100)) {
                match sent {
                    Outgoing::Reply(to, reply) if to == id => return reply,
                    _ => {}
                }
            }
        }
        panic!("no reply to {path} {}", String::from_utf8_lossy(body));
    }

    /// The answer to a question that has one.
    pub fn info(&mut self, body: &str) -> Value {
        let reply = self.http("/info", body.as_bytes());
        let text = String::from_utf8(reply.body).unwrap();
        assert_eq!((reply.status, reply.content_type), (200, "application/json"), "{body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A signed body, with a nonce of its own.
    pub fn signed(&mut self, action: &WireAction<'_>) -> Vec<u8> {
        let now_ms = u64::try_from(self.now.as_millis()).unwrap();
        self.last_nonce = now_ms.max(self.last_nonce + 1);
        let envelope = Envelope { nonce: self.last_nonce, ..Envelope::default() };
        let mut body = Vec::new();
        self.signer.write_body(action, &envelope, &mut body);
        body
    }

    /// The answer to a signed action.
    pub fn act(&mut self, action: &WireAction<'_>) -> Value {
        let body = self.signed(action);
        let reply = self.http("/exchange", &body);
        assert_eq!(reply.status, 200);
        serde_json::from_slice(&reply.body).unwrap()
    }

    pub fn open(&mut self, conn: u64) -> ConnId {
        self.hub.open(self.now, PEER, ConnId(conn)).unwrap();
        ConnId(conn)
    }

    /// Sends a frame; the frames that answer it at once.
    pub fn send(&mut self, conn: ConnId, text: &str) -> Vec<String> {
        self.hub.frame(self.now, conn, text.as_bytes());
        let mut out = Vec::new();
        self.hub.poll(self.now, &mut out);
        frames(&out, conn)
    }
}

/// The frames for a connection.
pub fn frames(out: &[Outgoing], conn: ConnId) -> Vec<String> {
    out.iter()
        .filter_map(|sent| match sent {
            Outgoing::Frame(to, text) if *to == conn => {
                Some(String::from_utf8(text.clone()).unwrap())
            }
            _ => None,
        })
        .collect()
}

/// Frames of a channel, read.
pub fn of_channel(frames: &[String], channel: &str) -> Vec<Value> {
    let read = frames.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
    read.filter(|frame| frame["channel"] == channel).map(|mut f| f["data"].take()).collect()
}

/// The keys of an object, sorted.
pub fn keys(value: &Value) -> Vec<&str> {
    let map = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
