//! An exchange for a test, keys for it, and what its owner sees.

use botmm::exchange::faults::{Faulty, parse_schedule};
use botmm::exchange::front::{Hub, HubConfig};
use botmm::exchange::local::{self, HISTORY, LocalConfig};
use botmm::exchange::server::ServerHandle;
use botmm::exchange::venue::VenueConfig;
use botmm::net::{Endpoint, Rest, Tls};
use botmm::settings::Settings;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Cloid, Instrument, Px, Qty, Side, Usd};
use botmm_pipeline::venue::hl::sign::{
    Address, ApproveAgent, Envelope, Network, RequestSigner, Signer, TimeInForce, WireAction,
    WireOrder, hex, keccak256,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

/// What the exchanges list, in the order of `meta`.
const COINS: [&str; 4] = ["BTC", "ETH", "SOL", "kPEPE"];

/// A key that anybody can compute from its name.
pub struct Key {
    /// 64 hex digits, lower case.
    pub hex: String,
    pub signer: Arc<Signer>,
}

impl Key {
    pub fn of(name: &str) -> Self {
        let hex = hex::text(&keccak256(name.as_bytes()));
        let signer = Arc::new(Signer::from_hex(&hex).unwrap());
        Self { hex: hex.trim_start_matches("0x").to_owned(), signer }
    }

    pub fn address(&self) -> Address {
        self.signer.address()
    }
}

/// An exchange in this process.
pub struct Market {
    server: Option<ServerHandle<Faulty<Hub>>>,
    port: u16,
    pub seen: Seen,
}

impl Market {
    pub fn open(funded: &[(&Key, i64)]) -> Self {
        Self::at(0, funded, "")
    }

    /// On a port of choice, and with a schedule of faults.
    pub fn at(port: u16, funded: &[(&Key, i64)], faults: &str) -> Self {
        let settings = Settings::load(None, &|_| None).unwrap();
        let coins = COINS.map(|coin| settings.instrument(coin).unwrap());
        Self::of(coins, port, funded, faults)
    }

    /// One that lists these.
    pub fn listing(coins: impl IntoIterator<Item = Instrument>, funded: &[(&Key, i64)]) -> Self {
        Self::of(coins, 0, funded, "")
    }

    fn of(
        coins: impl IntoIterator<Item = Instrument>,
        port: u16,
        funded: &[(&Key, i64)],
        faults: &str,
    ) -> Self {
        let settings = Settings::load(None, &|_| None).unwrap();
        let clock = WallClock::default();
        let (start, listen) = (clock.now(), |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let universe = local::listed(coins);
        let config = LocalConfig {
            listen: listen(port),
            admin: Some(listen(0)),
            market: Box::new(local::synthetic(&universe, start - HISTORY, 5)),
            universe,
            venue: VenueConfig {
                history: HISTORY,
                fees: settings.fees.clone(),
                ..VenueConfig::default()
            },
            hub: HubConfig::default(),
            funded: funded.iter().map(|(key, usd)| (key.address(), Usd::whole(*usd))).collect(),
            faults: parse_schedule(faults, "test").unwrap(),
            start,
        };
        let server = local::launch(config, clock).unwrap();
        let port = server.addr().port();
        Self { server: Some(server), port, seen: Seen::new(&format!("http://127.0.0.1:{port}")) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Asks for a fault, or ends all of them, by hand.
    pub fn fault(&self, method: &str, body: &Value) {
        let body = body.to_string();
        let admin = self.server.as_ref().unwrap().admin_addr().unwrap();
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(
            stream,
            "{method} /faults HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Ends it as a crash would: connections break, and all that it knew is gone.
    pub fn kill(mut self) {
        drop(self.server.take().unwrap().stop().unwrap());
    }
}

/// A venue, as one who only looks at it sees it, or who trades by hand.
pub struct Seen(Rest);

impl Seen {
    pub fn new(url: &str) -> Self {
        Self(Rest::new(&Endpoint::parse(url).unwrap(), &Tls::default()).unwrap())
    }

    fn info(&self, kind: &str, user: Address) -> Value {
        self.0.info(&json!({ "type": kind, "user": user.to_string() })).unwrap()
    }

    pub fn open_orders(&self, user: Address) -> usize {
        self.info("frontendOpenOrders", user).as_array().unwrap().len()
    }

    /// Coins that are held, as text; none that is flat.
    pub fn positions(&self, user: Address) -> BTreeMap<String, String> {
        let state = self.info("clearinghouseState", user);
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let positions = state["assetPositions"].as_array().unwrap().iter().map(|e| &e["position"]);
        positions.map(|p| (text(&p["coin"]), text(&p["szi"]))).collect()
    }

    /// The account lets a key trade for it.
    pub fn approve(&self, account: &Key, agent: &Key) {
        let nonce = nonce();
        let action =
            ApproveAgent::new(agent.address(), Some("mm"), nonce, Network::Testnet).unwrap();
        let body = action.signed_body(&account.signer).unwrap();
        let answer = self.0.exchange(&body).unwrap();
        assert_eq!(answer["status"], "ok", "{answer}");
    }

    /// A bid far from the market comes to rest, as one that a run of this number has sent.
    pub fn bid_as_run(&self, account: &Key, session: u32) {
        self.bid_far(account, Some(Cloid::new(session, 0, 1)));
    }

    /// The same as a person's.
    pub fn bid_by_hand(&self, account: &Key) {
        self.bid_far(account, None);
    }

    fn bid_far(&self, account: &Key, cloid: Option<Cloid>) {
        let order = WireOrder {
            asset: 0,
            side: Side::Bid,
            px: Px::whole(60_000),
            qty: Qty::parse("0.001").unwrap(),
            tif: TimeInForce::Alo,
            cloid,
            ..WireOrder::default()
        };
        let status = self.send(account, order);
        assert!(status["resting"]["oid"].is_u64(), "{status}");
    }

    /// Buys or sells so much BTC at whatever it costs; how much found a counterpart.
    pub fn take_btc(&self, account: &Key, side: Side, qty: &str) -> String {
        let mids = self.0.info(&json!({ "type": "allMids" })).unwrap();
        let mid: f64 = mids["BTC"].as_str().unwrap().parse().unwrap();
        let order = WireOrder {
            asset: 0,
            side,
            px: Px::whole((mid * if side == Side::Bid { 1.01 } else { 0.99 }) as i64),
            qty: Qty::parse(qty).unwrap(),
            tif: TimeInForce::Ioc,
            ..WireOrder::default()
        };
        let status = self.send(account, order);
        let filled = status["filled"]["totalSz"].as_str();
        filled.unwrap_or_else(|| panic!("{status}")).to_owned()
    }

    /// An order, signed by the account itself; what the venue says of it.
    fn send(&self, account: &Key, order: WireOrder) -> Value {
        let mut body = Vec::new();
        let envelope = Envelope { nonce: nonce(), ..Envelope::default() };
        RequestSigner::new(account.signer.clone(), Network::Testnet).write_body(
            &WireAction::Order(&[order]),
            &envelope,
            &mut body,
        );
        let answer = self.0.exchange(&body).unwrap();
        answer["response"]["data"]["statuses"][0].clone()
    }
}

fn nonce() -> u64 {
    WallClock::default().now().as_millis() as u64
}
