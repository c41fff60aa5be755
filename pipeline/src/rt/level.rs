//! The halt level: a state that only rises, shared by every stage, and a hold that comes and goes.

use super::sync::{AtomicBool, AtomicU8, Ordering};

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

/// The shared level. Anyone may raise it; nobody can lower it within a run.
#[derive(Debug, Default)]
pub struct LevelCell {
    level: AtomicU8,
    is_held: AtomicBool,
}

impl LevelCell {
    /// What is allowed now: as raised, and nothing while it is held.
    pub fn get(&self) -> HaltLevel {
        match self.is_held.load(Ordering::Acquire) {
            true => HaltLevel::Halt,
            false => self.raised(),
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
    /// As a halt, until it is let go: for a process that is about to be stopped for a while.
    pub fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::Release);
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
        cell.hold(true);
        assert_eq!((cell.get(), cell.raised()), (HaltLevel::Halt, HaltLevel::ReduceOnly));
        cell.hold(false);
        assert_eq!(cell.get(), HaltLevel::ReduceOnly);
    }
}
