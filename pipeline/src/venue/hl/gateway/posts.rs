//! Posts in flight: which question or action an answer belongs to. The venue answers in any order,
//! or never.

use crate::types::limits::MAX_BATCH;
use crate::types::{Action, ActionKind, Cloid, Nanos, OrderRequest};

/// The venue allows 100 in flight; the last ones are for cancels.
const MAX_IN_FLIGHT: usize = 90;
const MAX_WITH_CANCELS: usize = 98;
/// After this time nobody waits for the answer any more.
const FORGOTTEN_AFTER: Nanos = Nanos::secs(30);

/// What an action asked for, as far as its answer has to be understood.
#[derive(Clone, Copy, Debug)]
pub struct ActionPost {
    /// What it did with its items.
    pub kind: ActionKind,
    len: u8,
    items: [OrderRequest; MAX_BATCH],
}

impl ActionPost {
    /// What has to be remembered of an action.
    pub fn of(action: &Action) -> Self {
        Self { kind: action.kind, len: action.len, items: action.items }
    }
    /// Its items.
    pub fn items(&self) -> &[OrderRequest] {
        &self.items[..usize::from(self.len)]
    }
}

/// What a post asked.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant, reason = "they live in one table, allocated once")]
pub enum Question {
    /// An action of the order manager.
    Action(ActionPost),
    /// Cancels of orders that nobody here knows.
    CancelStrays,
    /// Fills since a time.
    Fills,
    /// All open orders.
    OpenOrders,
    /// What became of one leg of an order.
    Status {
        /// The order's slot.
        slot: u16,
        /// Which leg.
        leg: Leg,
    },
    /// The account's state.
    State,
    /// What time it is at the venue, which the account's state tells.
    Time,
    /// The request budget.
    Budget,
}

/// Which order of a slot is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// Whatever the venue knows under our id.
    ByCloid,
    /// The one that a modify replaces.
    Old,
    /// The newest, by its oid.
    Current,
}

/// One post.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    /// Its number.
    pub id: u64,
    /// When it was sent.
    pub sent: Nanos,
    /// What for.
    pub question: Question,
}

/// See the module.
#[derive(Debug)]
pub struct Posts {
    in_flight: Vec<Post>,
    next_id: u64,
    /// The newest that was answered.
    answered: u64,
}

impl Default for Posts {
    fn default() -> Self {
        Self { in_flight: Vec::with_capacity(MAX_WITH_CANCELS), next_id: 1, answered: 0 }
    }
}

impl Posts {
    /// Whether one more may be sent.
    pub fn has_room(&self, is_cancel: bool) -> bool {
        self.in_flight.len() < if is_cancel { MAX_WITH_CANCELS } else { MAX_IN_FLIGHT }
    }

    /// The number of the next post.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The next post was sent.
    pub fn sent(&mut self, now: Nanos, question: Question) -> u64 {
        assert!(self.in_flight.len() < MAX_WITH_CANCELS, "too many posts in flight");
        let id = self.next_id;
        self.next_id += 1;
        self.in_flight.push(Post { id, sent: now, question });
        id
    }

    /// The post of this number, if somebody still waits for its answer.
    pub fn get(&self, id: u64) -> Option<&Post> {
        self.in_flight.iter().find(|p| p.id == id)
    }

    /// It was answered.
    pub fn end(&mut self, id: u64) -> Option<Post> {
        self.answered = self.answered.max(id.min(self.next_id - 1));
        self.give_up(id)
    }

    /// Nobody waits for its answer any more.
    pub fn give_up(&mut self, id: u64) -> Option<Post> {
        let at = self.in_flight.iter().position(|p| p.id == id)?;
        Some(self.in_flight.swap_remove(at))
    }

    /// Whether an action about this order is in flight.
    pub fn concerns(&self, cloid: Cloid) -> bool {
        self.in_flight.iter().any(|post| match &post.question {
            Question::Action(action) => action.items().iter().any(|item| item.cloid == cloid),
            _ => false,
        })
    }

    /// The link is gone: no answer will come.
    pub fn clear(&mut self) {
        self.in_flight.clear();
    }

    /// Lets go of what will not be answered any more.
    pub fn expire(&mut self, now: Nanos) {
        self.in_flight.retain(|p| now - p.sent < FORGOTTEN_AFTER);
    }

    /// When the oldest post was sent whose answer is missing: neither it nor any that was sent after it
    /// is answered. (The venue may lose one, or take its time with it; then the others tell that the
    /// link lives.)
    pub fn missing_since(&self) -> Option<Nanos> {
        self.in_flight.iter().filter(|p| p.id > self.answered).map(|p| p.sent).min()
    }

    /// When [`Posts::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.in_flight.iter().map(|p| p.sent + FORGOTTEN_AFTER).min()
    }
}
