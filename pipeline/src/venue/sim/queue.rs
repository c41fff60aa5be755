//! Where one of our orders stands in its price's queue, estimated from what a recording shows:
//! displayed sizes and public trades, never who stands where.
//!
//! The estimate is one number, `ahead`: the displayed size that trades before us. Three things move
//! it. A trade at our price takes its size off the front. A displayed decrease that trades do not
//! explain is somebody's cancel, in front of us or behind: that is what the models differ in. And
//! it is never above the displayed size nor below zero.
//!
//! Sizes are exact integers (1e-8 coin). The models' share is computed in floating point, in *coin*
//! (`prob_log` depends on the unit), and what it takes from `ahead` is rounded down.

use crate::types::{Qty, SCALE};
use core::fmt;
use core::str::FromStr;

/// What a queue model may be called.
pub const QUEUE_ALLOWED: &str = "risk_averse, prob_power, prob_power:N (N above 0, at most 16), prob_power2:N, \
                                 prob_power3:N, prob_log, prob_log2";

/// Who is assumed to have cancelled when the displayed size falls by more than was traded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum QueueModel {
    /// Only those behind us. The cautious one: fewest fills, and the default.
    #[default]
    RiskAverse,
    /// Those behind us with probability `b^n / (b^n + a^n)`, where `a` is the size ahead of us and
    /// `b` the size behind. `n` = 3 when not given.
    ProbPower(f64),
    /// The same with `b^n / (a + b)^n`.
    ProbPower2(f64),
    /// The same with `1 − (a / (a + b))^n`.
    ProbPower3(f64),
    /// As [`Self::ProbPower`] with `ln(1 + x)`, `x` in coin, in place of `x^n`.
    ProbLog,
    /// The same with `ln(1 + b) / ln(1 + a + b)`.
    ProbLog2,
}

impl QueueModel {
    /// The exponent of a plain `prob_power`.
    pub const DEFAULT_POWER: f64 = 3.0;
    /// The largest exponent that is accepted; beyond it the model is a step function.
    pub const MAX_POWER: f64 = 16.0;

    /// The probability that a cancel was behind us; sizes in coin, at or above zero. With nobody
    /// ahead it is 1: there is nothing to take.
    pub fn p_behind(self, ahead: f64, behind: f64) -> f64 {
        let of_all = |part: f64, all: f64| if all > 0.0 { part / all } else { 1.0 };
        let p = match self {
            Self::RiskAverse => 1.0,
            Self::ProbPower(n) => of_all(behind.powf(n), ahead.powf(n) + behind.powf(n)),
            Self::ProbPower2(n) => of_all(behind.powf(n), (ahead + behind).powf(n)),
            Self::ProbPower3(n) => 1.0 - of_all(ahead, ahead + behind).powf(n),
            Self::ProbLog => of_all(behind.ln_1p(), ahead.ln_1p() + behind.ln_1p()),
            Self::ProbLog2 => of_all(behind.ln_1p(), (ahead + behind).ln_1p()),
        };
        p.clamp(0.0, 1.0)
    }

    /// What an unexplained decrease `cancelled` takes from `ahead`, rounded down.
    fn takes_from_ahead(self, cancelled: Qty, ahead: Qty, behind: Qty) -> Qty {
        let p = self.p_behind(ahead.to_f64(), behind.to_f64());
        let share = cancelled.raw() as f64 * (1.0 - p);
        Qty::from_raw((share.floor() as i64).clamp(0, cancelled.raw()))
    }
}

impl fmt::Display for QueueModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RiskAverse => write!(f, "risk_averse"),
            Self::ProbPower(n) => write!(f, "prob_power:{n}"),
            Self::ProbPower2(n) => write!(f, "prob_power2:{n}"),
            Self::ProbPower3(n) => write!(f, "prob_power3:{n}"),
            Self::ProbLog => write!(f, "prob_log"),
            Self::ProbLog2 => write!(f, "prob_log2"),
        }
    }
}

impl FromStr for QueueModel {
    type Err = String;

    /// See [`QUEUE_ALLOWED`].
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a queue model; allowed: {QUEUE_ALLOWED}");
        let (name, power) = match text.trim().split_once(':') {
            Some((name, power)) => (name, Some(power)),
            None => (text.trim(), None),
        };
        let model: fn(f64) -> Self = match name {
            "risk_averse" if power.is_none() => return Ok(Self::RiskAverse),
            "prob_log" if power.is_none() => return Ok(Self::ProbLog),
            "prob_log2" if power.is_none() => return Ok(Self::ProbLog2),
            "prob_power" => Self::ProbPower,
            "prob_power2" => Self::ProbPower2,
            "prob_power3" => Self::ProbPower3,
            _ => return Err(refuse()),
        };
        match power.map_or(Ok(Self::DEFAULT_POWER), str::parse) {
            Ok(n) if n > 0.0 && n <= Self::MAX_POWER => Ok(model(n)),
            _ => Err(refuse()),
        }
    }
}

/// By whose rules an estimated place decides fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueSemantics {
    /// Ours: sizes are exact, one trade is shared once among our orders, and a fill is what a trade leaves.
    #[default]
    Botmm,
    /// Those of hftbacktest without partial fills, to the letter (`standard.rs`), so that two engines can
    /// be compared fill by fill.
    Hftbacktest,
}

impl fmt::Display for QueueSemantics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Botmm => "botmm",
            Self::Hftbacktest => "hftbacktest",
        })
    }
}

impl FromStr for QueueSemantics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "botmm" => Ok(Self::Botmm),
            "hftbacktest" => Ok(Self::Hftbacktest),
            _ => Err(format!("{text:?} are no semantics of a queue; allowed: botmm, hftbacktest")),
        }
    }
}

/// How a replay knows our place in a queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// Every order was recorded: it is where it is ([`super::orderwise`]).
    Exact,
    /// It is estimated.
    Estimated(QueueModel),
}

impl FromStr for Queue {
    type Err = String;

    /// `exact`, or as [`QueueModel`].
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "exact" => Ok(Self::Exact),
            other => other.parse().map(Self::Estimated).map_err(|why: String| why + ", exact"),
        }
    }
}

/// What the displayed book says about one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// This size is displayed there (zero: the price is empty).
    Known(Qty),
    /// The recording does not say; this is what to assume until it does.
    Unknown(Qty),
}

/// Assumed ahead of us before anything is known of a book: more than anybody ever displays, and
/// far from overflow.
pub const NOTHING_KNOWN: Qty = Qty::from_raw(i64::MAX / 4);

/// The place of one order in its price's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    ahead: Qty,
    /// The displayed size when it was last seen; [`None`] until it is seen for the first time.
    displayed: Option<Qty>,
    /// Traded at our price since then.
    traded: Qty,
}

impl QueuePlace {
    /// At the back of the queue. An unknown price gets the assumed size ahead.
    pub fn at_back(shown: Shown) -> Self {
        let (ahead, displayed) = match shown {
            Shown::Known(qty) => (qty, Some(qty)),
            Shown::Unknown(assumed) => (assumed, None),
        };
        Self { ahead, displayed, traded: Qty::ZERO }
    }

    /// The displayed size that trades before us.
    pub fn ahead(&self) -> Qty {
        self.ahead
    }

    /// The displayed size at our price when it was last seen; [`None`] while it was not.
    #[cfg(test)]
    pub fn displayed(&self) -> Option<Qty> {
        self.displayed
    }

    /// A trade of `qty` took place at our price, of which `ours` went to orders of ours that stand
    /// before this one. What is left of it when everybody ahead is served: ours to take.
    pub fn on_trade(&mut self, qty: Qty, ours: Qty) -> Qty {
        self.traded += qty;
        let public = qty - ours;
        let left = (public - self.ahead).max(Qty::ZERO);
        self.ahead = (self.ahead - public).max(Qty::ZERO);
        left
    }

    /// The displayed size at our price was seen again.
    ///
    /// The first time that an unknown price is seen, everything displayed there is taken to be
    /// ahead of us (whoever came after us cannot be told apart): the assumption ends there.
    pub fn on_displayed(&mut self, now: Qty, model: QueueModel) {
        let traded = std::mem::take(&mut self.traded);
        let Some(before) = self.displayed.replace(now) else {
            self.ahead = now;
            return;
        };
        let cancelled = before - now - traded;
        if cancelled.is_positive() {
            let behind = (before - self.ahead).max(Qty::ZERO);
            self.ahead -= model.takes_from_ahead(cancelled, self.ahead, behind);
        }
        self.ahead = self.ahead.clamp(Qty::ZERO, now);
    }

    /// An older order of ours at this price has `ahead` before it: so have we, at least. (The
    /// models are not monotonic, and would otherwise let us overtake ourselves.)
    pub fn not_before(&mut self, ahead: Qty) {
        self.ahead = self.ahead.max(ahead);
    }
}

const _: () = assert!(NOTHING_KNOWN.raw() / SCALE > 1_000_000_000, "beyond any displayed size");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn q(s: &str) -> Qty {
        Qty::parse(s).unwrap()
    }
    fn place(ahead: &str, displayed: &str) -> QueuePlace {
        QueuePlace { ahead: q(ahead), displayed: Some(q(displayed)), traded: Qty::ZERO }
    }

    #[test]
    fn names_read_back() {
        let powers = ["prob_power:3", "prob_power:2.5", "prob_power2:2", "prob_power3:0.5"];
        for name in powers.into_iter().chain(["risk_averse", "prob_log", "prob_log2"]) {
            assert_eq!(name.parse::<QueueModel>().unwrap().to_string(), name);
        }
        for name in ["botmm", "hftbacktest"] {
            assert_eq!(name.parse::<QueueSemantics>().unwrap().to_string(), name);
        }
        assert!("best".parse::<QueueSemantics>().unwrap_err().contains("botmm, hftbacktest"));
        assert_eq!("exact".parse(), Ok(Queue::Exact));
        assert_eq!("prob_log".parse(), Ok(Queue::Estimated(QueueModel::ProbLog)));
        assert!("best".parse::<Queue>().unwrap_err().ends_with("prob_log2, exact"));
        assert_eq!("prob_power".parse(), Ok(QueueModel::ProbPower(3.0)));
        for bad in ["", "fifo", "prob_power:", "prob_power:0", "prob_power:nan", "prob_log:2"] {
            let error = bad.parse::<QueueModel>().unwrap_err();
            assert!(error.contains(&format!("{bad:?}")) && error.contains("prob_log"), "{error}");
        }
    }

    #[test]
    fn a_trade_takes_from_the_front_and_leaves_us_the_rest() {
        let mut p = place("3", "10");
        assert_eq!(p.on_trade(q("2"), Qty::ZERO), Qty::ZERO);
        assert_eq!(p.ahead(), q("1"));
        assert_eq!(p.on_trade(q("2.5"), Qty::ZERO), q("1.5"));
        assert_eq!(p.ahead(), Qty::ZERO);
        // 1 of the 5 went to an order of ours that stands before this one.
        let mut p = place("3", "10");
        assert_eq!(p.on_trade(q("5"), q("1")), q("1"));
    }

    #[test]
    fn risk_averse_takes_nothing_but_clamps() {
        let mut p = place("6", "10");
        p.on_displayed(q("7"), QueueModel::RiskAverse);
        assert_eq!(p.ahead(), q("6"));
        p.on_displayed(q("4"), QueueModel::RiskAverse);
        assert_eq!(p.ahead(), q("4"));
        p.on_displayed(q("9"), QueueModel::RiskAverse);
        assert_eq!((p.ahead(), p.displayed()), (q("4"), Some(q("9"))));
    }

    /// Answers worked out by hand: 10 displayed, 4 ahead, 6 behind, 3 cancelled.
    #[test]
    fn known_answers_of_the_models() {
        let after = |model: &str| {
            let mut p = place("4", "10");
            p.on_displayed(q("7"), model.parse().unwrap());
            p.ahead().to_f64()
        };
        let near = |model: &str, want: f64| {
            assert!((after(model) - want).abs() < 1e-7, "{model}: {} != {want}", after(model));
        };
        near("risk_averse", 4.0);
        near("prob_power:1", 4.0 - 3.0 * 0.4);
        near("prob_power:2", 4.0 - 3.0 * (16.0 / 52.0));
        near("prob_power", 4.0 - 3.0 * (64.0 / 280.0));
        // ln 7 / (ln 7 + ln 5) = 0.547319…
        near("prob_log", 4.0 - 3.0 * (1.0 - 0.547_319_170));
        near("prob_power2:2", 4.0 - 3.0 * (1.0 - 0.36));
        near("prob_power3:2", 4.0 - 3.0 * 0.16);
        // ln 7 / ln 11 = 0.811507…
        near("prob_log2", 4.0 - 3.0 * (1.0 - 0.811_507_563));
    }

    #[test]
    fn a_decrease_that_trades_explain_is_no_cancel() {
        for model in [QueueModel::RiskAverse, QueueModel::ProbPower(1.0), QueueModel::ProbLog] {
            let mut p = place("4", "10");
            p.on_trade(q("3"), Qty::ZERO);
            p.on_displayed(q("7"), model);
            assert_eq!(p.ahead(), q("1"), "{model}");
            // The count starts anew: a fall of 1 is now a cancel of 1.
            p.on_displayed(q("6"), model);
            assert_eq!(p.ahead() == q("1"), model == QueueModel::RiskAverse, "{model}");
        }
        // Traded 3, fell by 5: 2 were cancelled; 1 ahead, behind = 10 − 1.
        let mut p = place("4", "10");
        p.on_trade(q("3"), Qty::ZERO);
        p.on_displayed(q("5"), QueueModel::ProbPower(1.0));
        // What is taken is rounded down: to 0.8, and at most a unit more.
        assert!((p.ahead() - q("0.8")).raw() <= 1 && p.ahead() >= q("0.8"), "{}", p.ahead());
    }

    #[test]
    fn the_first_sight_of_an_unknown_price_ends_the_assumption() {
        let mut p = QueuePlace::at_back(Shown::Unknown(q("2")));
        assert_eq!((p.ahead(), p.displayed()), (q("2"), None));
        p.on_displayed(q("9"), QueueModel::ProbLog);
        assert_eq!((p.ahead(), p.displayed()), (q("9"), Some(q("9"))));
        let mut p = QueuePlace::at_back(Shown::Unknown(NOTHING_KNOWN));
        assert_eq!(p.on_trade(q("1000"), Qty::ZERO), Qty::ZERO);
    }

    proptest! {
        #[test]
        fn bounds_hold_and_no_model_is_slower_than_risk_averse(
            start in 0_i64..2_000,
            steps in prop::collection::vec((any::<bool>(), 0_i64..2_000), 1..60),
            power in 0.1_f64..8.0,
        ) {
            let lots = |n: i64| Qty::from_raw(n * 1_000);
            let powers = [QueueModel::ProbPower(power), QueueModel::ProbPower2(power), QueueModel::ProbPower3(power)];
            for model in powers.into_iter().chain([QueueModel::ProbLog, QueueModel::ProbLog2]) {
                let mut cautious = QueuePlace::at_back(Shown::Known(lots(start)));
                let mut p = cautious;
                for &(is_trade, size) in &steps {
                    let size = lots(size);
                    if is_trade {
                        let left = p.on_trade(size, Qty::ZERO);
                        prop_assert!(left <= size);
                        prop_assert!(left >= cautious.on_trade(size, Qty::ZERO));
                    } else {
                        p.on_displayed(size, model);
                        cautious.on_displayed(size, QueueModel::RiskAverse);
                    }
                    prop_assert!(!p.ahead().is_negative());
                    prop_assert!(Some(p.ahead()) <= p.displayed());
                    prop_assert!(p.ahead() <= cautious.ahead());
                }
            }
        }
    }
}
