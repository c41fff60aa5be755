//! What the venue remembers of one account besides what its core keeps: what became of its orders, its
//! fills and payments, its agents and its schedule.

use crate::exchange::model::{Agent, FundingPayment, Order, UserFill};
use botmm_pipeline::types::{Nanos, Oid, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use std::collections::{BTreeMap, VecDeque};

/// Order updates remembered.
const MAX_HISTORY: usize = 2_000;
/// Orders of which it is remembered how they stand.
const MAX_ORDERS: usize = 10_000;
/// Fills remembered.
const MAX_FILLS: usize = 10_000;
/// Funding payments remembered.
const MAX_FUNDINGS: usize = 10_000;
/// Days of volume remembered; more than the fourteen that fees look at.
const MAX_DAYS: usize = 30;

/// Volume of one UTC day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    pub day: i64,
    pub taker: Usd,
    pub maker: Usd,
}

/// See the module. Its place is that of its account in the core.
#[derive(Debug)]
pub(super) struct Client {
    pub address: Address,
    pub history: VecDeque<Order>,
    /// The newest orders, as they stood when they were last told of.
    pub known: BTreeMap<Oid, Order>,
    pub fills: VecDeque<UserFill>,
    pub fundings: VecDeque<FundingPayment>,
    pub days: VecDeque<Day>,
    /// When to cancel everything, Unix milliseconds.
    pub schedule_ms: Option<u64>,
    /// Schedules that fired, and on which day.
    pub triggers: (i64, u32),
    pub agents: Vec<Agent>,
    pub removal_until: Nanos,
    /// What it was given, and when.
    pub deposits: Vec<(Nanos, Usd)>,
}

impl Client {
    /// Of whom nothing is known yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            history: VecDeque::new(),
            known: BTreeMap::new(),
            fills: VecDeque::new(),
            fundings: VecDeque::new(),
            days: VecDeque::new(),
            schedule_ms: None,
            triggers: (0, 0),
            agents: Vec::new(),
            removal_until: Nanos(i64::MIN),
            deposits: Vec::new(),
        }
    }

    /// An order that is remembered, as it was told of last.
    pub fn remembered(&self, id: OrderRef) -> Option<&Order> {
        match id {
            OrderRef::Oid(oid) => self.known.get(&oid),
            OrderRef::Cloid(cloid) => self.known.values().rev().find(|o| o.cloid == Some(cloid)),
        }
    }

    /// Remembers where an order stands.
    pub fn remember(&mut self, order: Order) {
        self.known.insert(order.oid, order.clone());
        if self.known.len() > MAX_ORDERS {
            self.known.pop_first();
        }
        push_bounded(&mut self.history, order, MAX_HISTORY);
    }

    /// Remembers a fill.
    pub fn remember_fill(&mut self, fill: UserFill) {
        push_bounded(&mut self.fills, fill, MAX_FILLS);
    }

    /// Remembers a payment.
    pub fn remember_funding(&mut self, payment: FundingPayment) {
        push_bounded(&mut self.fundings, payment, MAX_FUNDINGS);
    }

    /// Counts traded value.
    pub fn add_volume(&mut self, time: Nanos, value: Usd, crossed: bool) {
        let day = utc_day(time);
        if self.days.back().is_none_or(|d| d.day != day) {
            push_bounded(&mut self.days, Day { day, taker: Usd::ZERO, maker: Usd::ZERO }, MAX_DAYS);
        }
        if let Some(today) = self.days.back_mut() {
            *if crossed { &mut today.taker } else { &mut today.maker } += value;
        }
    }
}

/// The UTC day of a moment, counted from 1970.
pub(super) fn utc_day(time: Nanos) -> i64 {
    time.0.div_euclid(86_400_000_000_000)
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(item);
}
