//! A venue of a few hundred lines that speaks Hyperliquid's order connection in its exact shapes
//! (PROTOCOL §2, §3, §5), from a simple state: orders, fills, positions. Text in, texts out; when
//! and whether a text reaches the bot is the test's business.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod line;
pub mod rig;
mod words;

use botmm_pipeline::types::{
    AssetId, Cloid, Instrument, Nanos, Px, Qty, Side, Universe, Usd, notional,
};
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::Value;
use words::{decimal, open_order_item, order_item, recovered, side_of};

/// The account, whose key is [`KEY`].
pub const ACCOUNT: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";
/// A throw-away key.
pub const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
/// What the venue's asset indices begin with: not ours.
pub const FIRST_INDEX: u32 = 3;
/// Coins that are traded.
pub const COINS: [&str; 2] = ["BTC", "ETH"];

/// What the tests trade.
pub fn universe() -> Universe {
    let listed = |(venue_index, name)| Instrument { venue_index, ..crate::coins::coin(name, 2) };
    Universe::new((FIRST_INDEX..).zip(COINS).map(listed).collect())
}

/// An order, as the venue keeps it for ever.
#[derive(Clone, Debug)]
pub struct Order {
    /// The venue's id.
    pub oid: u64,
    /// The client's, if it gave one.
    pub cloid: Option<Cloid>,
    /// Of [`COINS`].
    pub coin: usize,
    /// Which side.
    pub side: Side,
    /// Limit price.
    pub px: Px,
    /// Size when placed.
    pub orig: Qty,
    /// What is left.
    pub leaves: Qty,
    /// The venue's word.
    pub status: &'static str,
    /// Since when, milliseconds.
    pub time_ms: i64,
}

impl Order {
    /// Whether it is in the book.
    pub fn is_open(&self) -> bool {
        self.status == "open"
    }
}

/// One signed request, as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The post.
    pub id: u64,
    /// `order`, `cancel`, …
    pub kind: String,
    /// Its nonce.
    pub nonce: u64,
    /// When it is void.
    pub expires_after: Option<i64>,
    /// Who signed, by the signature.
    pub signer: Option<Address>,
}

/// See the module.
pub struct Venue {
    /// Every order that ever was.
    pub orders: Vec<Order>,
    /// Every fill: time in milliseconds, and its object.
    pub fills: Vec<(i64, String)>,
    /// Positions by coin.
    pub positions: [Qty; COINS.len()],
    /// Best bid and ask by coin.
    pub touch: [(Px, Px); COINS.len()],
    /// Requests used and allowed.
    pub requests: (u64, u64),
    /// Every signed request so far.
    pub seen: Vec<Request>,
    /// The next action is refused whole, in these words.
    pub refuse_next: Option<String>,
    /// The next action's posts fail like this (`429 Too Many Requests`).
    pub fail_next: Option<String>,
    /// The venue's clock minus ours.
    pub clock_ahead: Nanos,
    /// Fills that a snapshot tells of at most: the newest.
    pub snapshot_fills: usize,
    /// Fills in one answer at most: the oldest of those asked for.
    pub page_fills: usize,
    /// A refused modify has cancelled the old order all the same.
    pub cancels_before_modify: bool,
    next_oid: u64,
    next_tid: u64,
    nonces: Vec<u64>,
}

impl Default for Venue {
    fn default() -> Self {
        Self {
            orders: Vec::new(),
            fills: Vec::new(),
            positions: [Qty::ZERO; COINS.len()],
            touch: [(Px::whole(99), Px::whole(101)); COINS.len()],
            requests: (2_890, 2_864_574),
            seen: Vec::new(),
            refuse_next: None,
            fail_next: None,
            clock_ahead: Nanos::ZERO,
            snapshot_fills: 2_000,
            page_fills: 2_000,
            cancels_before_modify: false,
            next_oid: 569_017_000_000,
            next_tid: 167_376_889_247_413,
            nonces: Vec::new(),
        }
    }
}

impl Venue {
    /// Takes a frame of the bot's; what it answers, in order.
    pub fn handle(&mut self, now: Nanos, text: &str) -> Vec<String> {
        let frame: Value = serde_json::from_str(text).unwrap();
        match frame["method"].as_str().unwrap() {
            "ping" => vec![r#"{"channel":"pong"}"#.to_owned()],
            "subscribe" => self.subscribed(&frame["subscription"]),
            "post" => {
                let (id, request) = (frame["id"].as_u64().unwrap(), &frame["request"]);
                match request["type"].as_str().unwrap() {
                    "info" => vec![self.info(now, id, &request["payload"])],
                    "action" => self.action(now, id, &request["payload"], text),
                    other => panic!("a post of type {other}"),
                }
            }
            other => panic!("method {other}"),
        }
    }

    fn subscribed(&self, subscription: &Value) -> Vec<String> {
        let kind = subscription["type"].as_str().unwrap();
        let user = &subscription["user"];
        let more = if kind == "userFills" { r#","aggregateByTime":false"# } else { "" };
        let ack = format!(
            r#"{{"channel":"subscriptionResponse","data":{{"method":"subscribe","subscription":{{"type":"{kind}","user":{user}{more}}}}}}}"#
        );
        let list = match kind {
            "userFills" => {
                let older = self.fills.len().saturating_sub(self.snapshot_fills);
                let all: Vec<&str> = self.fills[older..].iter().map(|(_, f)| f.as_str()).collect();
                format!(r#""fills":[{}]"#, all.join(","))
            }
            "userFundings" => r#""fundings":[]"#.to_owned(),
            _ => return vec![ack],
        };
        let snapshot =
            format!(r#"{{"channel":"{kind}","data":{{"isSnapshot":true,"user":{user},{list}}}}}"#);
        vec![ack, snapshot]
    }

    fn info(&mut self, now: Nanos, id: u64, payload: &Value) -> String {
        let kind = payload["type"].as_str().unwrap();
        assert_eq!(payload["user"], ACCOUNT, "asked about the account");
        let data = match kind {
            "frontendOpenOrders" => {
                let open: Vec<_> =
                    self.orders.iter().filter(|o| o.is_open()).map(open_order_item).collect();
                format!("[{}]", open.join(","))
            }
            "orderStatus" => self.order_status(&payload["oid"]),
            "userFillsByTime" => {
                let since = payload["startTime"].as_i64().unwrap();
                let fills = self.fills.iter().filter(|(time, _)| *time >= since);
                let fills = fills.take(self.page_fills);
                let fills: Vec<_> = fills.map(|(_, f)| f.as_str()).collect();
                format!("[{}]", fills.join(","))
            }
            "clearinghouseState" => self.state(now),
            "userRateLimit" => {
                let (used, cap) = self.requests;
                format!(
                    r#"{{"cumVlm":"2854574.59","nRequestsUsed":{used},"nRequestsCap":{cap},"nRequestsSurplus":0}}"#
                )
            }
            other => panic!("info {other}"),
        };
        format!(
            r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"info","payload":{{"type":"{kind}","data":{data}}}}}}}}}"#
        )
    }

    fn order_status(&self, oid: &Value) -> String {
        let found = match oid.as_u64() {
            Some(oid) => self.orders.iter().find(|o| o.oid == oid),
            None => {
                let cloid = words::cloid(oid);
                self.orders.iter().rev().find(|o| o.cloid == cloid)
            }
        };
        let Some(order) = found else { return r#"{"status":"unknownOid"}"#.to_owned() };
        let (item, status, time) = (open_order_item(order), order.status, order.time_ms);
        format!(
            r#"{{"status":"order","order":{{"order":{item},"status":"{status}","statusTimestamp":{time}}}}}"#
        )
    }

    fn state(&self, now: Nanos) -> String {
        let held = |(coin, szi): (usize, &Qty)| {
            let (name, mark) = (COINS[coin], Px::whole(100));
            let value = decimal(notional(mark, Qty::from_raw(szi.raw().abs())).raw());
            let szi = decimal(szi.raw());
            format!(
                r#"{{"type":"oneWay","position":{{"coin":"{name}","szi":"{szi}","leverage":{{"type":"cross","value":10}},"entryPx":"100.0","positionValue":"{value}","unrealizedPnl":"0.0","returnOnEquity":"0.0","liquidationPx":null,"marginUsed":"1.0","maxLeverage":10,"cumFunding":{{"allTime":"1.0","sinceOpen":"0.1","sinceChange":"0.0"}}}}}}"#
            )
        };
        let positions: Vec<_> =
            self.positions.iter().enumerate().filter(|(_, q)| !q.is_zero()).map(held).collect();
        let (list, time) = (positions.join(","), self.ms(now));
        let summary = r#"{"accountValue":"1000.0","totalNtlPos":"0.0","totalRawUsd":"1000.0","totalMarginUsed":"0.0"}"#;
        format!(
            r#"{{"marginSummary":{summary},"crossMarginSummary":{summary},"crossMaintenanceMarginUsed":"0.0","withdrawable":"1000.0","assetPositions":[{list}],"time":{time}}}"#
        )
    }

    fn action(&mut self, now: Nanos, id: u64, payload: &Value, text: &str) -> Vec<String> {
        let action = &payload["action"];
        let request = Request {
            id,
            kind: action["type"].as_str().unwrap().to_owned(),
            nonce: payload["nonce"].as_u64().unwrap(),
            expires_after: payload["expiresAfter"].as_i64(),
            signer: recovered(text, payload),
        };
        let (nonce, expires) = (request.nonce, request.expires_after);
        self.seen.push(request);
        if let Some(words) = self.fail_next.take() {
            return vec![format!(
                r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"error","payload":"{words}"}}}}}}"#
            )];
        }
        let late = expires.is_some_and(|at| self.ms(now) > at);
        let refusal = self.refuse_next.take().or_else(|| {
            let again = format!("Invalid nonce: duplicate nonce {nonce}");
            self.nonces.contains(&nonce).then_some(again)
        });
        if let Some(words) = refusal.or_else(|| late.then(|| "Action already expired".to_owned())) {
            return vec![format!(
                r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"action","payload":{{"status":"err","response":"{words}"}}}}}}}}"#
            )];
        }
        self.nonces.push(nonce);
        let mut updates = Vec::new();
        let (kind, statuses) = match action["type"].as_str().unwrap() {
            "order" => {
                ("order", self.each(&action["orders"], |v, o| v.place(now, o, &mut updates)))
            }
            "batchModify" => {
                ("order", self.each(&action["modifies"], |v, m| v.modify(now, m, &mut updates)))
            }
            "cancel" | "cancelByCloid" => {
                ("cancel", self.each(&action["cancels"], |v, c| v.cancel(now, c, &mut updates)))
            }
            other => panic!("action {other}"),
        };
        let answer = format!(
            r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"action","payload":{{"status":"ok","response":{{"type":"{kind}","data":{{"statuses":[{}]}}}}}}}}}}}}"#,
            statuses.join(",")
        );
        let mut out = vec![answer];
        if !updates.is_empty() {
            out.push(format!(r#"{{"channel":"orderUpdates","data":[{}]}}"#, updates.join(",")));
        }
        out
    }

    fn each(
        &mut self,
        items: &Value,
        mut what: impl FnMut(&mut Self, &Value) -> String,
    ) -> Vec<String> {
        items.as_array().unwrap().iter().map(|item| what(self, item)).collect()
    }

    fn place(&mut self, now: Nanos, item: &Value, updates: &mut Vec<String>) -> String {
        let coin = (item["a"].as_u64().unwrap() as u32 - FIRST_INDEX) as usize;
        let side = if item["b"].as_bool().unwrap() { Side::Bid } else { Side::Ask };
        let px = Px::parse(item["p"].as_str().unwrap()).unwrap();
        let qty = Qty::parse(item["s"].as_str().unwrap()).unwrap();
        assert_eq!(item["t"]["limit"]["tif"], "Alo");
        let (bid, ask) = self.touch[coin];
        let crosses = if side == Side::Bid { px >= ask } else { px <= bid };
        let status = if crosses { "badAloPxRejected" } else { "open" };
        let oid = self.add(now, coin, side, px, qty, words::cloid(&item["c"]), status);
        updates.push(self.update(oid));
        if crosses {
            let (bid, ask) = (decimal(bid.raw()), decimal(ask.raw()));
            return format!(
                r#"{{"error":"Post only order would have immediately matched, bbo was {bid}@{ask}. asset={}"}}"#,
                item["a"]
            );
        }
        match &item["c"] {
            Value::Null => format!(r#"{{"resting":{{"oid":{oid}}}}}"#),
            cloid => format!(r#"{{"resting":{{"oid":{oid},"cloid":{cloid}}}}}"#),
        }
    }

    fn modify(&mut self, now: Nanos, item: &Value, updates: &mut Vec<String>) -> String {
        let Some(old) = self.open_order(&item["oid"]) else {
            return r#"{"error":"Cannot modify canceled or filled order"}"#.to_owned();
        };
        let status = self.place(now, &item["order"], updates);
        if !status.contains("error") || self.cancels_before_modify {
            self.end(now, old, "canceled");
            updates.push(self.update(old));
        }
        status.replace(r#"{"error":""#, r#"{"error":"Error placing new order during modify: "#)
    }

    fn cancel(&mut self, now: Nanos, item: &Value, updates: &mut Vec<String>) -> String {
        let id = if item["o"].is_null() { &item["cloid"] } else { &item["o"] };
        let Some(oid) = self.open_order(id) else {
            let words = "Order was never placed, already canceled, or filled.";
            return format!(r#"{{"error":"{words} asset={}"}}"#, FIRST_INDEX);
        };
        self.end(now, oid, "canceled");
        updates.push(self.update(oid));
        r#""success""#.to_owned()
    }

    fn open_order(&self, id: &Value) -> Option<u64> {
        let cloid = words::cloid(id);
        let is_it = |o: &&Order| match id.as_u64() {
            Some(oid) => o.oid == oid,
            None => o.cloid == cloid,
        };
        self.orders.iter().filter(|o| o.is_open()).find(is_it).map(|o| o.oid)
    }

    /// An order comes to be, from nowhere; its oid.
    #[allow(clippy::too_many_arguments, reason = "an order's fields")]
    pub fn add(
        &mut self,
        now: Nanos,
        coin: usize,
        side: Side,
        px: Px,
        qty: Qty,
        cloid: Option<Cloid>,
        status: &'static str,
    ) -> u64 {
        self.next_oid += 1;
        let (oid, time_ms) = (self.next_oid, self.ms(now));
        self.orders.push(Order {
            oid,
            cloid,
            coin,
            side,
            px,
            orig: qty,
            leaves: qty,
            status,
            time_ms,
        });
        oid
    }

    /// An order leaves the book for a reason.
    pub fn end(&mut self, now: Nanos, oid: u64, status: &'static str) {
        let time_ms = self.ms(now);
        let order = self.orders.iter_mut().find(|o| o.oid == oid).unwrap();
        (order.status, order.time_ms) = (status, time_ms);
    }

    /// An order trades: the frames that say so.
    pub fn fill(&mut self, now: Nanos, oid: u64, qty: Qty) -> Vec<String> {
        let time = self.ms(now);
        self.next_tid += 1;
        let tid = self.next_tid;
        let order = self.orders.iter_mut().find(|o| o.oid == oid).unwrap();
        assert!(order.is_open() && qty <= order.leaves, "{qty} of {order:?}");
        order.leaves -= qty;
        let (coin, side) = (order.coin, order.side);
        let start = self.positions[coin];
        self.positions[coin] += side.signed(qty);
        let cloid = order.cloid.map_or(String::new(), |c| format!(r#","cloid":"{c}""#));
        let fill = format!(
            r#"{{"coin":"{}","px":"{}","sz":"{}","side":"{}","time":{time},"startPosition":"{}","dir":"Open Long","closedPnl":"0.0","hash":"0x{:064x}","oid":{oid},"crossed":false,"fee":"0.01","tid":{tid}{cloid},"feeToken":"USDC","twapId":null}}"#,
            COINS[coin],
            decimal(order.px.raw()),
            decimal(qty.raw()),
            side_of(side),
            decimal(start.raw()),
            tid
        );
        let is_over = order.leaves.is_zero();
        let mut out = vec![format!(
            r#"{{"channel":"userFills","data":{{"user":"{ACCOUNT}","fills":[{fill}]}}}}"#
        )];
        self.fills.push((time, fill));
        if is_over {
            self.end(now, oid, "filled");
            out.push(format!(r#"{{"channel":"orderUpdates","data":[{}]}}"#, self.update(oid)));
        }
        out
    }

    /// An item of `orderUpdates` about an order as it is now.
    pub fn update(&self, oid: u64) -> String {
        let order = self.order(oid);
        let (item, status, time) = (order_item(order), order.status, order.time_ms);
        format!(r#"{{"order":{{{item}}},"status":"{status}","statusTimestamp":{time}}}"#)
    }

    /// An order.
    pub fn order(&self, oid: u64) -> &Order {
        self.orders.iter().find(|o| o.oid == oid).unwrap()
    }

    /// The oids of all open orders.
    pub fn open(&self) -> Vec<u64> {
        self.orders.iter().filter(|o| o.is_open()).map(|o| o.oid).collect()
    }

    /// The venue's time, milliseconds.
    pub fn ms(&self, now: Nanos) -> i64 {
        (now + self.clock_ahead).as_millis()
    }

    /// Value of a position at the mark.
    pub fn exposure(&self, asset: AssetId) -> Usd {
        notional(Px::whole(100), self.positions[asset.index()])
    }
}
