//! The field's standard place in a queue, hftbacktest's, to the letter and with its quirks: for comparing
//! engines fill by fill ([`QueueSemantics::Hftbacktest`](super::queue::QueueSemantics)).
//!
//! What is a quirk, and how ours differs ([`super::queue`]):
//!
//! - `ahead` is a real number and may fall below zero, by a trade or by a cancel; what is below it then is
//!   filled by the next trade, however small. Ours is exact and never below zero.
//! - What is below zero counts in whole lots, half a lot as one.
//! - Every order of ours sees the whole of a trade: one trade can fill several. Ours is shared once.
//! - An order that fills, fills whole. Ours as far as the trade goes.
//! - What of a cancel cannot have been behind us was before us. Ours leaves it to the displayed size.
//! - Where a model has no number, the order goes to the back.

use super::queue::QueueModel;
use crate::types::nearest;

/// A place, in coin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StandardPlace {
    ahead: f64,
    /// Traded at the price since its size was last told.
    traded: f64,
}

impl StandardPlace {
    /// Behind what is displayed.
    pub fn at_back(displayed: f64) -> Self {
        Self { ahead: displayed, traded: 0.0 }
    }

    /// A trade at our price; whether it fills us.
    pub fn on_trade(&mut self, qty: f64, lot: f64) -> bool {
        self.ahead -= qty;
        self.traded += qty;
        let lots = nearest(-self.ahead / lot);
        if lots > 0 {
            self.ahead = 0.0;
        }
        lots > 0
    }

    /// The displayed size at our price was told again.
    pub fn on_displayed(&mut self, before: f64, now: f64, model: QueueModel) {
        let traded = core::mem::take(&mut self.traded);
        let fell = (before - now) - traded;
        if model == QueueModel::RiskAverse || fell < 0.0 {
            self.ahead = self.ahead.min(now);
            return;
        }
        let (front, back) = (self.ahead, before - self.ahead);
        let p = p_behind(model, front, back);
        let p = if p.is_infinite() { 1.0 } else { p };
        let ahead = front - (1.0 - p) * fell + (back - p * fell).min(0.0);
        // The lesser of a number and no number is the number.
        self.ahead = ahead.min(now);
    }
}

/// The share of a decrease that happens behind us, as its formula stands: no number where it has none.
fn p_behind(model: QueueModel, front: f64, back: f64) -> f64 {
    let log = |x: f64| (1.0 + x).ln();
    match model {
        QueueModel::RiskAverse => 1.0,
        QueueModel::ProbPower(n) => back.powf(n) / (back.powf(n) + front.powf(n)),
        QueueModel::ProbPower2(n) => back.powf(n) / (back + front).powf(n),
        QueueModel::ProbPower3(n) => 1.0 - (front / (front + back)).powf(n),
        QueueModel::ProbLog => log(back) / (log(back) + log(front)),
        QueueModel::ProbLog2 => log(back) / log(back + front),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOT: f64 = 0.0001;

    fn place(ahead: f64) -> StandardPlace {
        StandardPlace::at_back(ahead)
    }

    #[test]
    fn half_a_lot_beyond_the_queue_fills() {
        assert!(!place(1.0).on_trade(1.000_04, LOT));
        assert!(place(1.0).on_trade(1.000_06, LOT));
    }

    #[test]
    fn what_a_cancel_left_below_zero_is_filled_by_the_next_trade() {
        // 10 displayed, 6 ahead, 4 behind; all but 1 go: of 9 that were cancelled at most 4 were behind.
        let mut p = place(6.0);
        p.on_displayed(10.0, 1.0, QueueModel::ProbPower2(0.1));
        assert!(p.ahead < 1.0, "{p:?}");
        let mut p = StandardPlace { ahead: -0.2, traded: 0.0 };
        assert!(p.on_trade(LOT, LOT));
        assert_eq!(p.ahead.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn an_order_whose_model_has_no_number_goes_to_the_back() {
        let mut p = StandardPlace { ahead: -0.5, traded: 0.0 };
        p.on_displayed(2.0, 1.5, QueueModel::ProbPower(2.5));
        assert_eq!(p.ahead.to_bits(), 1.5_f64.to_bits());
    }

    #[test]
    fn what_trades_explain_is_no_cancel_and_is_forgotten() {
        let mut p = place(4.0);
        assert!(!p.on_trade(3.0, LOT));
        p.on_displayed(10.0, 7.0, QueueModel::ProbPower(1.0));
        assert_eq!((p.ahead, p.traded), (1.0, 0.0));
        p.on_displayed(7.0, 6.0, QueueModel::ProbPower(1.0));
        assert!((p.ahead - (1.0 - 1.0 / 7.0)).abs() < 1e-12, "{p:?}");
    }
}
