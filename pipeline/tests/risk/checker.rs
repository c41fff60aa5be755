//! What must not happen, by figures of its own. It complains of what a venue can prove: an order that
//! is sent when, by everything that the bot was told before, none may be.
//!
//! The bot looks at the market when it decides, at least once a tick. So a figure counts against it
//! once it has been so for [`REACTION`], and a figure that a moment's prices decide is taken in the
//! bot's favour within that time.

use crate::account::{Account, Window};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::params::DailyLossRearm;
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::*;
use std::collections::VecDeque;

/// A tick of the quoter, and the shortest time between two decisions.
pub const REACTION: Nanos = Nanos::millis(1_200);
/// A change of the market is looked at after this at the latest: the shortest time between decisions.
const LOOK: Nanos = Nanos::millis(150);
/// A cancel that is asked for has come into effect by then: there, and back for orders on their way.
const SETTLE: Nanos = Nanos::millis(300);
/// When nothing is wrong, it quotes again within this.
const QUOTES_WITHIN: Nanos = Nanos::secs(20);
const SECOND: Nanos = Nanos::secs(1);
/// A coin whose orders are refused pauses for at least so long.
const FIRST_PAUSE: Nanos = Nanos::secs(5);
const MINUTE: Nanos = Nanos::secs(60);

/// The venue's truth of our orders, by asset and side.
#[derive(Clone, Default)]
pub struct Truth {
    pub position: Vec<Qty>,
    pub resting: Vec<[Qty; 2]>,
    /// On their way to the venue.
    pub coming: Vec<[Qty; 2]>,
}

impl Truth {
    fn worst(&self, asset: usize, side: Side) -> Qty {
        let s = side.index();
        side.signed(self.position[asset]) + self.resting[asset][s] + self.coming[asset][s]
    }
    fn rests(&self) -> bool {
        self.resting.iter().flatten().any(|q| q.is_positive())
    }
}

/// A time in which nothing may be sent.
#[derive(Clone, Copy)]
struct Quiet {
    why: BreakWhy,
    from: Nanos,
    until: Nanos,
}

/// What has been seen, so that a world in which nothing happens proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub placed: u64,
    pub fills: u64,
    /// Quiet times by what began them.
    pub quiet: [u64; BreakWhy::COUNT],
    /// First orders after a quiet time that ended by itself, at a new day, by a person.
    pub after: [u64; 3],
    /// Orders of the reducing side while the position's own limit allowed no other.
    pub reducing: u64,
    /// Moments in which the orders of a minute were spent.
    pub spent: u64,
    /// Pauses of single coins.
    pub paused: u64,
    pub stale: u64,
    pub link_losses: u64,
}

pub struct Checker {
    limits: VecDeque<(Nanos, RiskLimits)>,
    account: Account,
    equity: Window<Usd>,
    /// Over the time within which it must have taken a profit for one that lasts.
    lasting: Window<Usd>,
    mids: Vec<Window<Px>>,
    moves: Vec<VecDeque<(Nanos, Px)>>,
    told: Vec<Option<Nanos>>,
    /// Requests refused, of the account and by coin.
    errors: VecDeque<Nanos>,
    coin_errors: Vec<VecDeque<Nanos>>,
    /// When each coin's newest pause began, and until when it surely holds.
    pauses: Vec<Option<(Nanos, Nanos)>>,
    day: i64,
    /// Lowest and highest that the day's beginning may be taken for.
    base: (Usd, Usd),
    /// The peak that it must have seen, and the one that it may have.
    peak: (Usd, Usd),
    quiet: [Option<Quiet>; BreakWhy::COUNT],
    /// Until then it may be halted, as far as can be seen from outside.
    excused: Nanos,
    /// How the newest quiet time ended, until it quotes again.
    ended: Option<usize>,
    idle_since: Nanos,
    link_down: bool,
    over_since: [[Option<Nanos>; 2]; 4],
    orders: VecDeque<Nanos>,
    actions: VecDeque<Nanos>,
    pub complaints: Vec<String>,
    pub seen: Seen,
}

impl Checker {
    pub fn new(start: Nanos, limits: RiskLimits, assets: usize) -> Self {
        Self {
            limits: VecDeque::from([(start, limits)]),
            account: Account::new(assets),
            equity: Window::new(REACTION + limits.loss_confirm),
            lasting: Window::new(REACTION + REACTION + limits.loss_confirm + limits.loss_confirm),
            mids: (0..assets).map(|_| Window::new(REACTION)).collect(),
            moves: vec![VecDeque::new(); assets],
            told: vec![None; assets],
            errors: VecDeque::new(),
            coin_errors: vec![VecDeque::new(); assets],
            pauses: vec![None; assets],
            day: utc_day(start),
            base: (Usd::ZERO, Usd::ZERO),
            peak: (Usd::ZERO, Usd::ZERO),
            quiet: [None; BreakWhy::COUNT],
            excused: start,
            ended: None,
            idle_since: start,
            link_down: false,
            over_since: [[None; 2]; 4],
            orders: VecDeque::new(),
            actions: VecDeque::new(),
            complaints: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn complain(&mut self, now: Nanos, what: String) {
        if self.complaints.len() < 20 {
            self.complaints.push(format!("{:.3} s: {what}", now.0 as f64 / 1e9));
        }
    }

    /// The loosest of every limit that was in force within a reaction.
    fn limits(&self, now: Nanos) -> RiskLimits {
        let mut all = self.limits.iter().rev();
        let Some((mut since, mut loosest)) = all.next().copied() else { unreachable!() };
        for (from, limits) in all {
            if now - since >= REACTION {
                break;
            }
            loosest.max_position_usd = loosest.max_position_usd.max(limits.max_position_usd);
            loosest.max_total_position_usd =
                loosest.max_total_position_usd.max(limits.max_total_position_usd);
            loosest.max_daily_loss_frac =
                loosest.max_daily_loss_frac.max(limits.max_daily_loss_frac);
            since = *from;
        }
        loosest
    }

    /// A person changes the limits now.
    pub fn on_limits(&mut self, now: Nanos, limits: RiskLimits) {
        self.limits.push_back((now, limits));
    }

    /// A person re-arms now, and the bot had said that something holds.
    pub fn on_rearm(&mut self, now: Nanos) {
        self.judge(now);
        self.quiet = [None; BreakWhy::COUNT];
        self.errors.clear();
        self.coin_errors.iter_mut().for_each(VecDeque::clear);
        self.pauses.fill(None);
        for moves in &mut self.moves {
            // Moves count from here, but the last mid may be looked at once more.
            let last = moves.back().map(|(_, mid)| (Nanos::ZERO, *mid));
            *moves = last.into_iter().collect();
        }
        let equity = self.equity.at(now);
        self.base = (equity.low().unwrap(), equity.high().unwrap());
        self.peak = self.base;
        (self.excused, self.ended) = (now, Some(2));
        self.idle_since = now;
    }

    /// Whether nothing was told of any coin for too long, or of this one for so long that it is not told
    /// of any more; longer than that by `slack`.
    fn is_stale(&self, now: Nanos, i: usize, slack: Nanos) -> bool {
        let longer = |last: &Nanos, than: Nanos| now - *last > than + slack;
        let newest = self.told.iter().flatten().max();
        newest.is_some_and(|last| longer(last, self.limits(now).stale_book))
            || self.told[i].is_some_and(|last| longer(&last, Nanos::secs(8)))
    }

    pub fn on_market(&mut self, now: Nanos, event: &MarketEvent) {
        let MarketEvent::Book(book) = event else { return };
        let (i, limits) = (book.asset.index(), self.limits(now));
        let mid = Px::from_raw((book.bids[0].px.raw() + book.asks[0].px.raw()) / 2);
        if self.is_stale(now, i, SECOND + LOOK) {
            self.seen.stale += 1;
            self.idle_since = now;
        }
        self.told[i] = Some(now);
        self.account.mid(book.asset, mid);
        self.mids[i].set(now, mid);
        let moved = |m: Px| (mid.to_f64() / m.to_f64() - 1.0).abs();
        let far = |(t, m): &(Nanos, Px)| (now - *t, moved(*m) / limits.large_move_frac);
        let far: Vec<_> = self.moves[i].iter().map(far).collect();
        if far.iter().any(|(ago, by)| *ago <= SECOND - LOOK && *by > 1.0) {
            let until = now + limits.large_move_cooldown;
            self.be_quiet(BreakWhy::LargeMove, now, now + LOOK, until);
        }
        // A mid may have been looked at again until the next one came.
        if far.iter().any(|(_, by)| *by > 0.999) {
            self.excuse(now + limits.large_move_cooldown + SECOND + SECOND);
        }
        self.moves[i].push_back((now, mid));
        while self.moves[i].len() > 1 && now - self.moves[i][1].0 > SECOND + LOOK {
            self.moves[i].pop_front();
        }
        self.judge(now);
    }

    pub fn on_venue(&mut self, now: Nanos, event: &VenueEvent) {
        match &event.kind {
            VenueEventKind::Fill(fill) => {
                self.account.fill(event.asset, fill);
                self.seen.fills += 1;
            }
            VenueEventKind::Opening { position, mark } => {
                self.account.open(event.asset, *position, *mark);
            }
            VenueEventKind::Funding(paid) => self.account.pay(*paid),
            VenueEventKind::Reject(reject) if reject.is_counted => {
                self.on_error(now, event.asset.index(), reject.reason);
            }
            VenueEventKind::Notice(AlertKind::Liquidated) => {
                self.excuse(Nanos::MAX);
                self.be_quiet(BreakWhy::Liquidation, now, now, Nanos::MAX);
            }
            VenueEventKind::LinkDown => {
                self.link_down = true;
                self.seen.link_losses += 1;
            }
            VenueEventKind::LinkUp => {
                self.link_down = false;
                self.idle_since = now;
            }
            _ => {}
        }
        self.judge(now);
    }

    /// A request was refused. What concerns one coin stops that coin, and all only with another's.
    fn on_error(&mut self, now: Nanos, asset: usize, reason: RejectReason) {
        use RejectReason::{Expired, Margin, RateLimit};
        let limits = self.limits(now);
        let most = limits.max_api_errors as usize / 2 + 1;
        let until = now + limits.api_error_cooldown;
        match reason {
            Margin | RateLimit | Expired => self.errors.push_back(now),
            _ => self.coin_errors[asset].push_back(now),
        }
        for errors in self.coin_errors.iter_mut().chain([&mut self.errors]) {
            errors.retain(|t| now - *t <= limits.api_error_window);
        }
        if !matches!(reason, Margin | RateLimit | Expired) {
            // It may have paused before: then it does so at once, and for longer.
            self.excuse(until + SECOND);
            let is_held = self.pauses[asset].is_some_and(|(_, until)| now < until);
            if self.coin_errors[asset].len() >= most && !is_held {
                self.pauses[asset] = Some((now, now + FIRST_PAUSE));
                self.seen.paused += 1;
            }
        }
        let of_coins: usize = self.coin_errors.iter().map(|e| e.len().min(most)).sum();
        if self.errors.len() + of_coins > limits.max_api_errors as usize {
            self.excuse(until + SECOND);
            self.be_quiet(BreakWhy::ApiErrors, now, now, until);
        }
    }

    fn excuse(&mut self, until: Nanos) {
        self.excused = self.excused.max(until);
    }

    fn be_quiet(&mut self, why: BreakWhy, now: Nanos, from: Nanos, until: Nanos) {
        let held = self.quiet[why as usize].filter(|q| now < q.until);
        if held.is_none() {
            self.seen.quiet[why as usize] += 1;
        }
        let from = held.map_or(from, |q| q.from);
        self.quiet[why as usize] = Some(Quiet { why, from, until });
        self.ended = None;
    }

    /// Losses by our own books.
    fn judge(&mut self, now: Nanos) {
        let limits = self.limits(now);
        self.equity.set(now, self.account.equity());
        self.lasting.set(now, self.account.equity());
        let equity = self.equity.at(now);
        let (low, high) = (equity.low().unwrap(), equity.high().unwrap());
        if utc_day(now) != self.day {
            (self.day, self.base) = (utc_day(now), (low, high));
            if limits.daily_loss_rearm == DailyLossRearm::Rollover
                && self.quiet[BreakWhy::DailyLoss as usize].take().is_some()
            {
                self.ended = Some(1);
            }
        }
        let lasting = self.lasting.at(now).low().unwrap();
        self.peak = (self.peak.0.max(lasting), self.peak.1.max(high));
        let limit = |frac: f64| Usd::from_raw((limits.capital_usd.raw() as f64 * frac) as i64);
        let of_day = limit(limits.max_daily_loss_frac);
        let of_peak = limit(limits.max_drawdown_frac);
        if self.base.1 - low > of_day || self.peak.1 - low > of_peak {
            self.excuse(Nanos::MAX);
        }
        if self.base.0 - high > of_day {
            self.be_quiet(BreakWhy::DailyLoss, now, now, Nanos::MAX);
        }
        if self.peak.0 - high > of_peak {
            self.be_quiet(BreakWhy::Drawdown, now, now, Nanos::MAX);
        }
    }

    /// Why nothing may be sent, and since when.
    fn forbidden(&self, now: Nanos) -> Option<Quiet> {
        self.quiet.iter().flatten().find(|q| q.from < now && now < q.until).copied()
    }

    /// The bot sends something; `truth` has it on its way.
    pub fn on_sent(&mut self, now: Nanos, action: &Action, truth: &Truth) {
        self.judge(now);
        if action.kind == ActionKind::Cancel {
            return;
        }
        let limits = self.limits(now);
        if let Some(Quiet { why, from, .. }) = self.forbidden(now) {
            let since = (now - from).as_secs_f64();
            self.complain(now, format!("{:?} {since:.3} s after {}", action.kind, why.as_str()));
        }
        if self.link_down {
            self.complain(now, "sent while the link is down".to_owned());
        }
        for item in action.items() {
            let i = item.asset.index();
            if self.pauses[i].is_some_and(|(from, until)| from < now && now < until) {
                self.complain(now, "sent while the coin pauses".to_owned());
            }
            if self.told[i].is_none() || self.is_stale(now, i, SECOND + LOOK) {
                self.complain(now, "sent on a stale book".to_owned());
            }
            self.check_exposure(now, item, truth);
        }
        self.count(now, action, &limits);
        self.seen.placed += u64::from(action.len);
        if let Some(how) = self.ended.take() {
            self.seen.after[how] += 1;
        }
    }

    fn value(&mut self, now: Nanos, asset: usize, qty: Qty) -> Usd {
        let low = self.mids[asset].at(now).low().unwrap_or(Px::ZERO);
        notional(low, qty.max(Qty::ZERO))
    }

    fn total_of_others(&mut self, now: Nanos, asset: usize, truth: &Truth) -> Usd {
        let others = (0..truth.position.len()).filter(|a| *a != asset);
        let worst = |a| truth.worst(a, Side::Bid).max(truth.worst(a, Side::Ask));
        others.map(|a| self.value(now, a, worst(a))).sum()
    }

    fn check_exposure(&mut self, now: Nanos, item: &OrderRequest, truth: &Truth) {
        let (i, limits) = (item.asset.index(), self.limits(now));
        let worst = self.value(now, i, truth.worst(i, item.side));
        if worst > limits.max_position_usd {
            self.complain(now, format!("worst case {worst} of {}", limits.max_position_usd));
        }
        let total = worst + self.total_of_others(now, i, truth);
        if worst.is_positive() && total > limits.max_total_position_usd {
            self.complain(now, format!("total {total} of {}", limits.max_total_position_usd));
        }
        let held = self.account.position(item.asset);
        let is_full = self.value(now, i, held.abs()) >= limits.max_position_usd;
        let adds = item.side.signed(held).is_positive();
        if is_full && adds {
            self.complain(now, format!("adds to {held} at its limit"));
        }
        let room = limits.max_position_usd - self.value(now, i, held.abs());
        self.seen.reducing += u64::from(!adds && room < Usd::whole(10));
    }

    /// Minutes are counted from the first order of each: in any minute there are at most two of them.
    fn count(&mut self, now: Nanos, action: &Action, limits: &RiskLimits) {
        for _ in action.items() {
            self.actions.push_back(now);
            if action.kind == ActionKind::Place {
                self.orders.push_back(now);
            }
        }
        let [actions, orders] = self.of_the_minute(now);
        let most = [2 * limits.max_actions_per_min, 2 * limits.max_orders_per_min];
        if actions > most[0] || orders > most[1] {
            self.complain(now, format!("{actions} actions, {orders} orders within a minute"));
        }
    }

    fn of_the_minute(&mut self, now: Nanos) -> [u32; 2] {
        [&mut self.actions, &mut self.orders].map(|times| {
            while times.front().is_some_and(|t| now - *t >= MINUTE) {
                times.pop_front();
            }
            times.len() as u32
        })
    }

    /// Time has passed at the venue.
    pub fn look(&mut self, now: Nanos, truth: &Truth) {
        self.judge(now);
        for why in BreakWhy::ALL {
            if self.quiet[why as usize].is_some_and(|q| now >= q.until) {
                self.quiet[why as usize] = None;
                self.ended = self.quiet.iter().all(Option::is_none).then_some(0);
                self.idle_since = now;
            }
        }
        if let Some(q) = self.forbidden(now)
            && now - q.from > SETTLE
            && truth.rests()
        {
            self.complain(now, format!("orders rest after {}", q.why.as_str()));
        }
        let limits = self.limits(now);
        for i in 0..truth.position.len() {
            let is_stale = self.is_stale(now, i, SECOND + LOOK + SETTLE);
            if is_stale && truth.resting[i].iter().any(|q| q.is_positive()) {
                self.complain(now, "orders rest on a stale book".to_owned());
            }
            if is_stale {
                self.idle_since = now;
            }
            Side::BOTH.into_iter().for_each(|side| self.check_resting(now, i, side, truth));
        }
        let [actions, orders] = self.of_the_minute(now);
        let is_spent = actions >= limits.max_actions_per_min || orders >= limits.max_orders_per_min;
        self.seen.spent += u64::from(is_spent);
        if truth.rests() || self.link_down || is_spent || now < self.excused {
            self.idle_since = now;
        }
        if now - self.idle_since > QUOTES_WITHIN {
            self.complain(now, "nothing is wrong, and it does not quote".to_owned());
            self.idle_since = now;
        }
    }

    /// What rests is brought within the limits, unless the position itself is beyond: then nothing
    /// rests that adds to it.
    fn check_resting(&mut self, now: Nanos, i: usize, side: Side, truth: &Truth) {
        let limits = self.limits(now);
        let rests = truth.resting[i][side.index()].is_positive();
        let mut alone = truth.clone();
        alone.coming.iter_mut().for_each(|c| *c = [Qty::ZERO; 2]);
        let worst = self.value(now, i, alone.worst(i, side));
        let total = worst + self.total_of_others(now, i, &alone);
        let over = worst > limits.max_position_usd
            || (worst.is_positive() && total > limits.max_total_position_usd);
        let since = &mut self.over_since[i][side.index()];
        if !(rests && over) {
            *since = None;
        } else if now - *since.get_or_insert(now) > REACTION + SETTLE {
            *since = None;
            self.complain(now, format!("{side:?} rests beyond a limit: {worst}, in total {total}"));
        }
    }
}
