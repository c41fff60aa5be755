//! A gateway, its line and the tiny venue, in virtual time.

use super::line::{BotEnd, Line};
use super::{ACCOUNT, KEY, Venue, universe};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, Bps, Cloid, Nanos, Oid, OrderRequest, Px, Qty, Side, VenueEvent,
    VenueEventKind,
};
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, GatewayView, HlGateway};
use botmm_pipeline::venue::hl::session::DEAD_LINK;
use botmm_pipeline::venue::hl::sign::{Address, Network, Nonce, RequestSigner, Signer};

/// Where the clocks start.
pub const START: Nanos = Nanos::millis(1_795_360_000_000);
/// Between the bot and the venue, one way.
const ONE_WAY: Nanos = Nanos::millis(20);
/// How far the venue's clock may be off.
pub const MAX_CLOCK_OFFSET: Nanos = Nanos::secs(5);
/// Our session; leftovers are of another.
pub const SESSION: u32 = 7;

/// See the module.
pub struct Rig {
    /// What is tested.
    pub gateway: HlGateway<BotEnd>,
    read_view: Box<dyn Fn() -> GatewayView>,
    /// The connection.
    pub line: Line,
    /// The venue.
    pub venue: Venue,
    /// Now.
    pub now: Nanos,
    /// What the gateway told since last asked.
    pub events: Vec<VenueEvent>,
    /// Every frame that the bot sent.
    pub sent: Vec<String>,
    /// Frames of the bot that contain one of these do not reach the venue.
    pub lose_sent: Vec<&'static str>,
    /// Frames of the venue that contain one of these do not reach the bot.
    pub lose_said: Vec<&'static str>,
    /// Frames of the venue that contain one of these wait in `held`.
    pub hold_said: Vec<&'static str>,
    /// See `hold_said`.
    pub held: Vec<String>,
}

/// A gateway on this line.
pub fn gateway(end: BotEnd) -> (HlGateway<BotEnd>, Box<dyn Fn() -> GatewayView>) {
    gateway_that_watches(end, None)
}

/// The same; see [`GatewayConfig::watch`].
pub fn gateway_that_watches(
    end: BotEnd,
    watch: Option<Nanos>,
) -> (HlGateway<BotEnd>, Box<dyn Fn() -> GatewayView>) {
    let signer = RequestSigner::new(Signer::from_hex(KEY).unwrap(), Network::Testnet);
    let account = Address::parse(ACCOUNT).unwrap();
    let config = GatewayConfig {
        account,
        vault: None,
        seed: 5,
        settle: Nanos::ZERO,
        session: SESSION,
        watch,
        offset: VenueOffset::default(),
        max_clock_offset: MAX_CLOCK_OFFSET,
        dead_after: DEAD_LINK,
        maker_fee: Bps::from_f64(1.5),
        taker_fee: Bps::from_f64(4.5),
    };
    let (gateway, board) = HlGateway::new(end, universe(), signer, Nonce::after(0), config);
    (gateway, Box::new(move || GatewayView::read(&board)))
}

impl Rig {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::that_watches(None)
    }

    /// The same; see [`GatewayConfig::watch`].
    pub fn that_watches(watch: Option<Nanos>) -> Self {
        let (line, end) = Line::new();
        line.ends().open_after = ONE_WAY;
        let (gateway, read_view) = gateway_that_watches(end, watch);
        Self {
            gateway,
            read_view,
            line,
            venue: Venue::default(),
            now: START,
            events: Vec::new(),
            sent: Vec::new(),
            lose_sent: Vec::new(),
            lose_said: Vec::new(),
            hold_said: Vec::new(),
            held: Vec::new(),
        }
    }

    /// A link that is up, with nothing at the venue.
    pub fn up() -> Self {
        let mut rig = Self::new();
        rig.run(Nanos::secs(1));
        assert!(rig.view().is_up, "{:?}", rig.sent);
        rig.events.clear();
        rig
    }

    /// The same with a bid of ours resting there (1 at 98): its request, and its id at the venue. The
    /// gateway has told of it.
    pub fn with_bid() -> (Self, OrderRequest, u64) {
        let mut rig = Self::up();
        let bid = order(1, Side::Bid, "98", "1");
        rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
        rig.run(Nanos::millis(100));
        let oid = rig.venue.orders[0].oid;
        assert!(rig.venue.order(oid).is_open());
        // By the answer, and by the update.
        let told = rig.kinds();
        assert!(matches!(told[..], [VenueEventKind::Ack { .. }, VenueEventKind::Ack { .. }]));
        (rig, bid, oid)
    }

    /// What a person sees.
    pub fn view(&self) -> GatewayView {
        (self.read_view)()
    }

    /// Lets everything happen for so long. Time jumps from deadline to deadline; one that does not
    /// move on is a busy loop, and fails.
    pub fn run(&mut self, time: Nanos) {
        let end = self.now + time;
        loop {
            self.settle();
            let deadline = self.gateway.next_deadline().unwrap();
            assert!(deadline > self.now, "busy loop: {deadline} is due at {}", self.now);
            if deadline > end {
                break;
            }
            self.now = deadline;
        }
        self.now = end;
        self.settle();
    }

    /// Everything that happens now.
    pub fn settle(&mut self) {
        while let Some(event) = self.gateway.next(self.now) {
            self.events.push(event);
            assert!(self.events.len() < 100_000, "events without end");
        }
        while let Some(text) = self.line.take_sent() {
            if !self.lose_sent.iter().any(|part| text.contains(part)) {
                let said = self.venue.handle(self.now + ONE_WAY, &text);
                said.iter().for_each(|text| self.say(text));
            }
            self.sent.push(text);
        }
    }

    /// The venue says something: it reaches the bot in a while, unless it is lost or held.
    pub fn say(&mut self, text: &str) {
        if self.lose_said.iter().any(|part| text.contains(part)) {
            return;
        }
        if self.hold_said.iter().any(|part| text.contains(part)) {
            return self.held.push(text.to_owned());
        }
        self.line.deliver(self.now + ONE_WAY + ONE_WAY, text);
    }

    /// Delivers what was held, the newest first.
    pub fn release(&mut self) {
        self.hold_said.clear();
        for text in std::mem::take(&mut self.held).iter().rev() {
            self.say(text);
        }
    }

    /// An order trades.
    pub fn fill(&mut self, oid: u64, qty: &str) {
        let said = self.venue.fill(self.now, oid, Qty::parse(qty).unwrap());
        said.iter().for_each(|text| self.say(text));
    }

    /// Sends an action that the gateway must take.
    pub fn submit(&mut self, action: &Action) {
        assert!(self.gateway.submit(self.now, action), "not taken: {action:?}");
    }

    /// What the gateway told, without the times.
    pub fn told(&mut self) -> Vec<(Cloid, VenueEventKind)> {
        std::mem::take(&mut self.events).into_iter().map(|e| (e.cloid, e.kind)).collect()
    }

    /// Kinds only.
    pub fn kinds(&mut self) -> Vec<VenueEventKind> {
        self.told().into_iter().map(|(_, kind)| kind).collect()
    }

    /// How often a notice was given.
    pub fn notices(&self, kind: AlertKind) -> usize {
        self.events.iter().filter(|e| e.kind == VenueEventKind::Notice(kind)).count()
    }

    /// Frames that the bot sent and that contain this.
    pub fn sent_with(&self, part: &str) -> usize {
        self.sent.iter().filter(|text| text.contains(part)).count()
    }
}

/// An order of ours.
pub fn order(sequence: u64, side: Side, px: &str, qty: &str) -> OrderRequest {
    let slot = 4 * side.index() as u16;
    OrderRequest {
        cloid: Cloid::new(SESSION, slot, sequence),
        px: Px::parse(px).unwrap(),
        qty: Qty::parse(qty).unwrap(),
        asset: AssetId::new(0),
        side,
        ..OrderRequest::default()
    }
}

/// An action of these items, made now.
pub fn action(now: Nanos, kind: ActionKind, items: &[OrderRequest]) -> Action {
    let mut action = Action::new(kind);
    (action.sent_time, action.expires_after) = (now, now + Nanos::secs(3));
    items.iter().for_each(|item| action.push(*item));
    action
}

/// The same order under the venue's id.
pub fn under(oid: u64, item: OrderRequest) -> OrderRequest {
    OrderRequest { oid: Oid(oid), ..item }
}
