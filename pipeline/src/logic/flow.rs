//! What takers bought less what they sold in the last second, of one asset.

use crate::types::{Nanos, Trade, Usd, notional};

/// Parts that the second is counted in.
const PARTS: i64 = 10;
/// How long one is.
const PART: Nanos = Nanos::millis(1_000 / PARTS);

/// Counts by the time at which trades reached us.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// Of each part of the last second, by its number.
    parts: [Usd; PARTS as usize],
    /// Number of the newest part that was counted in.
    newest: i64,
}

impl Flow {
    /// Takes note of a print.
    pub fn on_trade(&mut self, trade: &Trade) {
        self.pass(trade.recv_time);
        let value = notional(trade.px, trade.qty);
        let signed = if trade.aggressor.sign() > 0 { value } else { -value };
        self.parts[self.newest.rem_euclid(PARTS) as usize] += signed;
    }

    /// Bought less sold by now, to a tenth of a second.
    pub fn signed(&mut self, now: Nanos) -> Usd {
        self.pass(now);
        self.parts.iter().copied().sum()
    }

    /// A clock that goes back begins anew.
    fn pass(&mut self, now: Nanos) {
        let part = now.0.div_euclid(PART.0);
        if part < self.newest || part - self.newest >= PARTS {
            self.parts = Default::default();
        } else {
            for passed in self.newest + 1..=part {
                self.parts[passed.rem_euclid(PARTS) as usize] = Usd::ZERO;
            }
        }
        self.newest = part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Px, Qty, Side};
    use proptest::prelude::*;

    fn trade(ms: i64, aggressor: Side, usd: i64) -> Trade {
        let recv_time = Nanos::millis(ms);
        Trade { aggressor, recv_time, px: Px::whole(usd), qty: Qty::whole(1), ..Trade::default() }
    }

    proptest! {
        /// Against a list of all trades, by the tenth of a second that they fell into.
        #[test]
        fn it_is_the_sum_of_the_last_ten_parts(
            told in proptest::collection::vec((0_i64..700, any::<bool>(), 1_i64..1_000), 1..60),
            later in 0_i64..1_500,
        ) {
            let (mut flow, mut all, mut now) = (Flow::default(), Vec::new(), 1_000);
            for (step, buys, usd) in told {
                now += step;
                let side = if buys { Side::Bid } else { Side::Ask };
                flow.on_trade(&trade(now, side, usd));
                all.push((now / 100, side.sign() * usd));
            }
            let from = (now + later) / 100 - 9;
            let wanted: i64 = all.iter().filter(|(part, _)| *part >= from).map(|(_, usd)| usd).sum();
            prop_assert_eq!(flow.signed(Nanos::millis(now + later)), Usd::whole(wanted));
        }
    }

    #[test]
    fn a_clock_that_goes_back_or_far_ahead_begins_anew() {
        let mut flow = Flow::default();
        flow.on_trade(&trade(5_000, Side::Bid, 10));
        assert_eq!(flow.signed(Nanos::millis(4_000)), Usd::ZERO);
        flow.on_trade(&trade(4_000, Side::Ask, 10));
        assert_eq!(flow.signed(Nanos::millis(4_900)), Usd::whole(-10));
        assert_eq!(flow.signed(Nanos::millis(i64::MAX / 2_000_000)), Usd::ZERO);
    }
}
