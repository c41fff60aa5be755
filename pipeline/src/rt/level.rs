//! The halt level: a state that only rises, shared by every stage, and holds that come and go.

use super::sync::{AtomicU8, AtomicU64, Ordering};

/// How far trading is allowed to go.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HaltLevel {
    /// Trade.
    Run = 0,
    /// Only orders that reduce a position.
    ReduceOnly = 1,
    /// No orders; what rests is cancelled.
    Halt = 2,
}

/// Who holds it. Each lets go of its own hold alone.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The process is about to be stopped for a while.
    Suspended = 1,
    /// A person or a guard has killed trading, until a person re-arms.
    Latched = 2,
    /// A lane stands: what the others still know from it is old.
    LaneStands = 4,
}

/// The shared level. Anyone may raise it; nobody can lower it within a run.
#[derive(Debug, Default)]
pub struct LevelCell {
    level: AtomicU8,
    holds: AtomicU8,
    /// How often the latch was looked at; zero: nobody looks.
    looks: AtomicU64,
}

impl LevelCell {
    /// What is allowed now: as raised, and nothing while it is held.
    pub fn get(&self) -> HaltLevel {
        match self.holds.load(Ordering::Acquire) {
            0 => self.raised(),
            _ => HaltLevel::Halt,
        }
    }
    /// The level that was raised, whether or not it is held: it ends with the run only.
    pub fn raised(&self) -> HaltLevel {
        match self.level.load(Ordering::Acquire) {
            0 => HaltLevel::Run,
            1 => HaltLevel::ReduceOnly,
            _ => HaltLevel::Halt,
        }
    }
    /// Raises to at least `level`.
    pub fn raise(&self, level: HaltLevel) {
        self.level.fetch_max(level as u8, Ordering::AcqRel);
    }
    /// As a halt, until every hold is let go.
    pub fn hold(&self, why: Hold, is_held: bool) {
        match is_held {
            true => self.holds.fetch_or(why as u8, Ordering::AcqRel),
            false => self.holds.fetch_and(!(why as u8), Ordering::AcqRel),
        };
    }
    /// Whether it is held for this reason.
    pub fn is_held(&self, why: Hold) -> bool {
        self.holds.load(Ordering::Acquire) & why as u8 != 0
    }
    /// One look at the latch is over, and what it saw is in the holds.
    pub fn looked(&self) {
        self.looks.fetch_add(1, Ordering::AcqRel);
    }
    /// What a stage saw of it ([`LevelCell::get`], [`LevelCell::looks`]), made so again where a run is
    /// repeated. What the stages raised themselves stays.
    pub fn set_seen(&self, level: HaltLevel, looks: u64) {
        self.hold(Hold::Latched, level == HaltLevel::Halt && self.raised() != HaltLevel::Halt);
        if level == HaltLevel::ReduceOnly {
            self.raise(level);
        }
        self.looks.store(looks, Ordering::Release);
    }
    /// How many looks there were so far; zero: nobody looks. A look that has begun after this call is over
    /// once there are two more.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rises() {
        let cell = LevelCell::default();
        assert_eq!(cell.get(), HaltLevel::Run);
        cell.raise(HaltLevel::Halt);
        cell.raise(HaltLevel::ReduceOnly);
        assert_eq!(cell.get(), HaltLevel::Halt);
    }

    #[test]
    fn a_hold_is_a_halt_until_it_is_let_go() {
        let cell = LevelCell::default();
        cell.raise(HaltLevel::ReduceOnly);
        cell.hold(Hold::Suspended, true);
        assert_eq!((cell.get(), cell.raised()), (HaltLevel::Halt, HaltLevel::ReduceOnly));
        cell.hold(Hold::Suspended, false);
        assert_eq!(cell.get(), HaltLevel::ReduceOnly);
    }

    #[test]
    fn each_lets_go_of_its_own_hold_alone() {
        let cell = LevelCell::default();
        cell.hold(Hold::Latched, true);
        cell.hold(Hold::Suspended, true);
        cell.hold(Hold::Suspended, false);
        assert_eq!((cell.get(), cell.is_held(Hold::Latched)), (HaltLevel::Halt, true));
        cell.hold(Hold::Latched, false);
        assert_eq!((cell.get(), cell.is_held(Hold::Latched)), (HaltLevel::Run, false));
    }
}
