//! The coarse engine: the quoter, the gate and the ledger of the pipeline, driven by bars.
//!
//! At the open of a bar each coin is quoted from the bars before it, and from nothing else; the quotes stand
//! for the whole bar. What the bar fills of them is decided next, and only then what the bar was is learnt.

use super::coin::{Coin, Rates};
use crate::data::bars::Bar;
use botmm_pipeline::logic::equity::Equity;
use botmm_pipeline::logic::freshness::Pulse;
use botmm_pipeline::logic::gate::Gate;
use botmm_pipeline::types::limits::MAX_CLOCK_STEP;
use botmm_pipeline::types::{
    AssetId, AssetParams, Bps, BreakWhy, Cloid, DayNet, Fill, Nanos, Px, Qty, QuoteTarget, Side,
    Universe, Usd, VenueEvent, VenueEventKind,
};
use botmm_pipeline::venue::sim::core::funding_cost;

/// Funding is paid at each whole hour.
const FUNDING_EVERY: Nanos = Nanos::secs(3_600);

/// What is assumed.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What a maker pays.
    pub maker_fee: Bps,
    /// Our fills are at most so much of a bar's volume, both sides together; thousandths.
    pub share_e3: u16,
}

/// What is done with a bar, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Quotes are made at its open.
    Quote,
    /// It fills what it trades through.
    Fill,
    /// What it was becomes known.
    Learn,
}

/// The only honest order.
const ORDER: [Step; 3] = [Step::Quote, Step::Fill, Step::Learn];

/// One fill, for tests and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// When the bar opened.
    pub open: Nanos,
    /// Of which coin.
    pub asset: AssetId,
    /// Our side.
    pub side: Side,
    /// Our price.
    pub px: Px,
    /// How much.
    pub qty: Qty,
}

/// See the module.
pub struct Engine<'a> {
    pub coins: Vec<Coin<'a>>,
    pub gate: Gate,
    pub equity: Equity,
    /// Each UTC day that ended.
    pub days: Vec<DayNet>,
    /// Breaks that began: why, and at which open.
    pub breaks: Vec<(BreakWhy, Nanos)>,
    /// What holds now.
    held: Option<BreakWhy>,
    terms: Terms,
    pulse: Pulse,
    order: [Step; 3],
    now: Nanos,
    tid: u64,
    /// Each quote and fill, when somebody looks.
    pub seen: Option<Seen>,
}

/// What was decided and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// By the open of the bar that they stood for.
    pub targets: Vec<(Nanos, QuoteTarget)>,
    /// In order.
    pub fills: Vec<Filled>,
}

impl<'a> Engine<'a> {
    /// An engine for these bars of each coin of a universe, in order of time and of one length, with what
    /// funding each pays.
    pub fn new(
        universe: &Universe,
        params: &[AssetParams],
        bars: Vec<(&'a [Bar], Rates)>,
        terms: Terms,
    ) -> Self {
        assert_eq!(universe.len(), bars.len(), "bars for each coin");
        let mut coins = Vec::with_capacity(universe.len());
        for (((asset, instrument), params), (bars, rates)) in universe.iter().zip(params).zip(bars)
        {
            coins.push(Coin::new(asset, *instrument, params, bars, rates));
        }
        Self {
            coins,
            gate: Gate::new(universe.clone(), params),
            equity: Equity::default(),
            days: Vec::new(),
            breaks: Vec::new(),
            held: None,
            terms,
            pulse: Pulse::default(),
            order: ORDER,
            now: Nanos::ZERO,
            tid: 0,
            seen: None,
        }
    }

    /// The same with another order of steps: one that cheats, for a test that is to catch it.
    #[cfg(test)]
    pub fn in_order(self, order: [Step; 3]) -> Self {
        Self { order, ..self }
    }

    /// Goes through all bars.
    pub fn run(&mut self) {
        while let Some(open) = self.coins.iter().filter_map(Coin::next_open).min() {
            self.pass_to(open);
            self.pay_funding(open);
            for step in self.order {
                match step {
                    Step::Quote => self.quote(open),
                    Step::Fill => self.fill(open),
                    Step::Learn => self.coins.iter_mut().for_each(|coin| coin.learn(open)),
                }
            }
            let net = self.net();
            self.days.extend(self.equity.update(self.now, net));
            self.coins.iter_mut().for_each(|coin| coin.go_on(open));
        }
        self.days.extend(self.equity.today());
    }

    /// Lets time pass as the gate wants to see it: in steps that are no jumps of a clock.
    fn pass_to(&mut self, until: Nanos) {
        if self.now == Nanos::ZERO {
            self.now = until;
        }
        while self.now < until {
            self.now = until.min(self.now + MAX_CLOCK_STEP);
            self.gate.on_time(self.now);
        }
    }

    /// What is held at an hour pays for it.
    fn pay_funding(&mut self, open: Nanos) {
        let Self { coins, gate, now, .. } = self;
        for coin in coins {
            let position = gate.ledger(coin.asset).position();
            let Some(bar) = coin.bar_at(open) else { continue };
            let (mut hour, end) = (next_hour(open), bar.end());
            while hour < end {
                if let Some((mark, rate)) = coin.mark().zip(coin.rate_at(hour))
                    && !position.is_zero()
                {
                    let paid = funding_cost(position, mark, rate);
                    coin.desk.on_funding(paid);
                    let kind = VenueEventKind::Funding(paid);
                    gate.on_venue(
                        *now,
                        &VenueEvent::new(Cloid::default(), coin.asset, [hour; 2], kind),
                    );
                }
                hour = hour + FUNDING_EVERY;
            }
        }
    }

    fn quote(&mut self, open: Nanos) {
        let Self { coins, gate, pulse, seen, breaks, held, .. } = self;
        for coin in coins.iter_mut().filter(|coin| coin.bar_at(open).is_some()) {
            let Some(wanted) = coin.quote(open, pulse) else { continue };
            let target = *gate.approve(open, wanted).get();
            coin.note(&target);
            coin.target = Some(target);
            if let Some(seen) = seen {
                seen.targets.push((open, target));
            }
        }
        while gate.next_alert().is_some() {} // What holds is asked for instead.
        let holds = gate.breaks().iter().next().map(|(why, _)| why);
        if holds != std::mem::replace(held, holds) {
            breaks.extend(holds.map(|why| (why, open)));
        }
    }

    /// The bars of an open fill what they trade through, a nanosecond before they end.
    fn fill(&mut self, open: Nanos) {
        let Some(end) = self.coins.iter().find_map(|c| c.bar_at(open)).map(|bar| bar.end()) else {
            return;
        };
        self.pass_to(Nanos(end.0 - 1));
        for i in 0..self.coins.len() {
            let coin = &mut self.coins[i];
            let (Some(bar), Some(target)) = (coin.bar_at(open), coin.target.take()) else {
                continue;
            };
            for (side, px, qty) in coin.fills(&target, &bar, self.terms.share_e3) {
                self.tid += 1;
                let fee = self.terms.maker_fee.fee_on(px, qty);
                let fill = Fill { side, px, qty, fee, tid: self.tid, ..Fill::default() };
                coin.on_fill(self.now, &fill);
                let kind = VenueEventKind::Fill(fill);
                let event = VenueEvent::new(Cloid::default(), coin.asset, [self.now; 2], kind);
                self.gate.on_venue(self.now, &event);
                if let Some(seen) = &mut self.seen {
                    seen.fills.push(Filled { open, asset: coin.asset, side, px, qty });
                }
            }
        }
    }

    /// Profit after fees and funding, at the last close of each coin.
    pub fn net(&self) -> Usd {
        let net =
            |coin: &Coin<'_>| self.gate.ledger(coin.asset).net(coin.mark().unwrap_or_default());
        self.coins.iter().map(net).sum()
    }
}

/// The first whole hour at or after a moment.
fn next_hour(at: Nanos) -> Nanos {
    let every = FUNDING_EVERY.0;
    Nanos((at.0 + every - 1).div_euclid(every) * every)
}
