//! Whether what we believe of the account is what the venue says, asked over HTTPS and so beside the order
//! link, which compares on its own account: were it that is wrong, it would not find out by itself.
//!
//! One difference says nothing, since fills are on their way. What differs three times in a row (a position, how
//! many orders rest, what was gained) is only reduced, whichever of the two is right, until they agree again: a
//! position that coin, orders and worth all of them.

mod value;

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::venue_api::account::Way;
use crate::venue_api::worth::{Closing, Transfers, Worth};
use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::record::AccountView;
use botmm_pipeline::types::{AssetId, Fact, Nanos, Px, Qty, RiskCommand, Universe, Usd};
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::cmp::Ordering;
use std::sync::Arc;
use value::{Value, Verdict};

/// How often it is asked, and how soon again after a difference.
const EVERY: Nanos = Nanos::secs(10);
const AGAIN: Nanos = Nanos::secs(3);
/// How long the answer may take.
const PATIENCE: Nanos = Nanos::secs(8);
/// So many differences in a row are one.
const DIFFERENCES: u32 = 3;

/// What the venue is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Positions count at these.
    pub marks: [Px; MAX_ASSETS],
    /// What came and went since then is to be told too.
    pub transfers_since: Option<Nanos>,
}

/// What the venue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Positions, in the universe's order.
    pub held: Vec<Qty>,
    /// Orders of ours that rest.
    pub orders: u64,
    /// The account at the marks.
    pub closing: Closing,
    /// What came and went, if that was asked.
    pub transfers: Option<Transfers>,
}

/// A way to ask. May block.
pub type AskVenue = Arc<dyn Fn(&Question) -> Result<Said, AppError> + Send + Sync>;

/// Of this account.
pub fn ask_over(way: Way) -> AskVenue {
    Arc::new(move |question| {
        let venue = way()?;
        let orders = venue.open_orders()?.len() as u64;
        let (closing, held) = venue.closing(&question.marks)?;
        let transfers = question.transfers_since.map(|since| venue.transfers(since)).transpose()?;
        Ok(Said { held, orders, closing, transfers })
    })
}

/// What we believe.
#[derive(Clone, Debug, PartialEq)]
struct Believed {
    held: Vec<Qty>,
    /// The fewest orders that there were since the question, and the most.
    orders: [u64; 2],
    account: Option<AccountView>,
    is_up: bool,
}

/// How far the venue's word was from ours when they were compared last: the venue's less ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// When; [`None`] = they were not yet.
    pub compared: Option<Nanos>,
    /// Of positions, in the universe's order.
    pub positions: Vec<Qty>,
    /// Of the number of orders that rest.
    pub orders: i64,
    /// Of what was gained; [`None`] = that cannot be said.
    pub gained: Option<Usd>,
}

/// See the module.
pub struct Reconcile {
    ask: AskVenue,
    link: BoardReader<VIEW_WORDS>,
    status: Vec<BoardReader<STATUS_WORDS>>,
    metrics: Arc<Metrics>,
    universe: Universe,
    /// Our ledger's last word.
    account: Option<AccountView>,
    value: Value,
    next: Nanos,
    asking: Option<(Believed, Pending<Result<Said, AppError>>)>,
    /// How often each position differed in a row, and the venue's that the gate was told of.
    positions: Vec<(u32, Option<Qty>)>,
    /// How often the venue listed more orders in a row, or fewer; and how often the account's worth differed.
    orders_differ: (Ordering, u32),
    value_differs: u32,
    /// Which of the two are in doubt: then the gate only reduces.
    doubts: [bool; 2],
    drift: Drift,
}

impl Reconcile {
    /// Of a run that begins, with an account that was worth this.
    pub fn new(
        ask: AskVenue,
        link: BoardReader<VIEW_WORDS>,
        (status, metrics): (Vec<BoardReader<STATUS_WORDS>>, Arc<Metrics>),
        universe: Universe,
        start: Worth,
    ) -> Self {
        let positions = vec![(0, None); universe.len()];
        Self {
            ask,
            link,
            status,
            metrics,
            universe,
            account: None,
            value: Value::new(start),
            next: Nanos::ZERO,
            asking: None,
            positions,
            orders_differ: (Ordering::Equal, 0),
            value_differs: 0,
            doubts: [false; 2],
            drift: Drift::default(),
        }
    }

    /// See [`Drift`].
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// What is in doubt, so that it is only reduced: a position, the orders, what was gained.
    pub fn doubts(&self) -> [(&'static str, bool); 3] {
        let [orders, gained] = self.doubts;
        let position = self.positions.iter().any(|(_, doubted)| doubted.is_some());
        [("position", position), ("orders", orders), ("gained", gained)]
    }

    fn believed(&self) -> Believed {
        Believed {
            held: self.status.iter().map(|board| AssetStatus::read(board).position).collect(),
            orders: [self.metrics.dispatch.open_orders.get(); 2],
            account: self.account,
            is_up: GatewayView::read(&self.link).is_up,
        }
    }

    /// What was believed before the question and after the answer bounds what the venue may say.
    fn compare(&mut self, before: &Believed, said: &Said, turn: &mut Turn<'_>) {
        let after = self.believed();
        if !before.is_up || !after.is_up {
            return; // It reconciles by itself, and nothing is quoted until it has.
        }
        let mut differs = false;
        self.drift.compared = Some(turn.now);
        self.drift.positions.resize(said.held.len(), Qty::ZERO);
        for (i, venue) in said.held.iter().enumerate() {
            let (ours, now_ours) = (before.held[i], after.held[i]);
            let agrees = [ours, now_ours].contains(venue);
            if !agrees && ours != now_ours {
                continue; // More than one fill in between: no telling.
            }
            differs |= !agrees;
            // What was so when the venue was asked agrees too: a fill came on the answer's way.
            let ours = if agrees { *venue } else { now_ours };
            self.drift.positions[i] = *venue - ours;
            self.judge(AssetId::new(i), (ours, *venue), turn);
        }
        let more = self.count_orders(before.orders, said.orders);
        let value = self.judge_value(before, &after, said, turn);
        let [fewest, most] = before.orders;
        self.drift.orders =
            said.orders.cast_signed() - said.orders.clamp(fewest, most).cast_signed();
        self.drift.gained = match value {
            Verdict::Unknown => None,
            Verdict::Agrees => Some(Usd::ZERO),
            Verdict::Differs { ours, venue } => Some(venue - ours),
        };
        self.judge_account((more, said.orders), value, turn);
        if differs || more.is_ne() || matches!(value, Verdict::Differs { .. }) {
            self.next = turn.now + AGAIN;
        }
    }

    /// Whether the venue lists more orders than there were at any time since the question, or fewer. Cancels and
    /// new orders on their way make it look so once and again, but not the same way three times.
    fn count_orders(&mut self, [fewest, most]: [u64; 2], venue: u64) -> Ordering {
        let more = match venue {
            _ if venue > most => Ordering::Greater,
            _ if venue < fewest => Ordering::Less,
            _ => Ordering::Equal,
        };
        let (was, in_a_row) = self.orders_differ;
        let goes_on = was == more || in_a_row >= DIFFERENCES;
        let in_a_row = match more {
            Ordering::Equal => 0,
            _ if goes_on => in_a_row + 1,
            _ => 1,
        };
        self.orders_differ = (more, in_a_row);
        more
    }

    /// The account's worth, if nothing happened to it while the venue was asked.
    fn judge_value(
        &mut self,
        before: &Believed,
        after: &Believed,
        said: &Said,
        turn: &mut Turn<'_>,
    ) -> Verdict {
        let (Some(ours), Some(since)) = (before.account, after.account) else {
            return Verdict::Unknown;
        };
        let money = |a: &AccountView| (a.position, a.realized, a.fees, a.funding);
        if money(&ours) != money(&since) || !ours.position.starts_with(&said.held) {
            return Verdict::Unknown;
        }
        let view = GatewayView::read(&self.link);
        let venue = (&said.closing, said.transfers.as_ref());
        let verdict = self.value.judge(&view, &ours, venue, &mut turn.out.said);
        match verdict {
            Verdict::Unknown => {}
            Verdict::Agrees => self.value_differs = 0,
            Verdict::Differs { .. } => self.value_differs += 1,
        }
        verdict
    }

    fn judge_account(
        &mut self,
        (more, orders): (Ordering, u64),
        value: Verdict,
        turn: &mut Turn<'_>,
    ) {
        let doubts =
            [self.orders_differ.1, self.value_differs].map(|in_a_row| in_a_row >= DIFFERENCES);
        let (was, is) = (self.doubts.contains(&true), doubts.contains(&true));
        // A full ring refuses: the next comparison tries again.
        if was != is && turn.to_risk.push(RiskCommand::ReduceOnly(is)).is_err() {
            return;
        }
        let [orders_before, value_before] = std::mem::replace(&mut self.doubts, doubts);
        let until =
            format!("{DIFFERENCES} times in a row: every coin is only reduced until they agree");
        if doubts[0] && !orders_before && more.is_ne() {
            let ours = self.metrics.dispatch.open_orders.get();
            turn.say(Alert::critical(
                Topic::Orders,
                format!(
                    "the venue lists {orders} orders of ours, and we know of {ours}, {until}; should \
                     that last, look at its page, and `botmm kill` cancels them all"
                ),
            ));
        }
        if let (true, false, Verdict::Differs { ours, venue }) = (doubts[1], value_before, value) {
            let apart = self.value.tolerance();
            turn.say(Alert::critical(
                Topic::Account,
                format!(
                    "by our ledger this run gained {ours} USD, and {venue} by the venue's account \
                     (more than {apart} apart, and no transfer explains it), {until}; should that \
                     last, stop and compare the fills"
                ),
            ));
        }
        if was && !is {
            let words = "orders and worth of the account are the venue's again: quoted as before";
            turn.say(Alert::info(Topic::Account, words));
        }
    }

    fn judge(&mut self, asset: AssetId, (ours, venue): (Qty, Qty), turn: &mut Turn<'_>) {
        let coin = self.universe.get(asset).coin;
        let (in_a_row, doubted) = &mut self.positions[asset.index()];
        *in_a_row = if ours == venue { 0 } else { *in_a_row + 1 };
        let wanted = match (ours == venue, *in_a_row >= DIFFERENCES) {
            (true, _) => None,
            (false, true) => Some(venue),
            (false, false) => *doubted,
        };
        // A full ring refuses: the next comparison tries again.
        if wanted == *doubted
            || turn.to_risk.push(RiskCommand::Doubt { asset, venue: wanted }).is_err()
        {
            return;
        }
        let was = std::mem::replace(doubted, wanted);
        match (was, wanted) {
            (None, Some(_)) => turn.say(Alert::critical(
                Topic::Account,
                format!(
                    "{coin}: our position is {ours}, and {venue} by the venue, {DIFFERENCES} times in a row: \
                     it is only reduced until they agree; should that last, stop and compare the fills"
                ),
            )),
            (_, None) => turn.say(Alert::info(
                Topic::Account,
                format!("{coin}: our position is the venue's again ({venue}): quoted as before"),
            )),
            _ => {}
        }
    }
}

impl Task for Reconcile {
    fn name(&self) -> &'static str {
        "reconcile"
    }

    fn hear(&mut self, fact: &Fact) {
        if let Fact::Account(account) = fact {
            self.account = Some(*account);
        }
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        if let Some((mut before, pending)) = self.asking.take() {
            let orders = self.metrics.dispatch.open_orders.get();
            let [fewest, most] = before.orders;
            before.orders = [fewest.min(orders), most.max(orders)];
            match pending.told(turn.now) {
                None => self.asking = Some((before, pending)),
                Some(Ok(said)) => self.compare(&before, &said, turn),
                Some(Err(_)) => {} // Whoever watches the connections says so.
            }
        }
        if self.asking.is_none() && turn.now >= self.next && GatewayView::read(&self.link).is_up {
            self.next = turn.now + EVERY;
            let (ask, believed) = (self.ask.clone(), self.believed());
            let question = Question {
                marks: believed.account.map_or([Px::ZERO; MAX_ASSETS], |account| account.mark),
                transfers_since: self.value.transfers_since(&GatewayView::read(&self.link)),
            };
            let pending = turn.workers.questions.send(turn.now, PATIENCE, move || ask(&question));
            self.asking = Some((believed, pending));
        }
    }
}

#[cfg(test)]
mod tests;
