//! The halt level: a state that only rises, shared by every stage.

use core::sync::atomic::{AtomicU8, Ordering};

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
pub struct LevelCell(AtomicU8);

impl LevelCell {
    /// The level now.
    pub fn get(&self) -> HaltLevel {
        match self.0.load(Ordering::Acquire) {
            0 => HaltLevel::Run,
            1 => HaltLevel::ReduceOnly,
            _ => HaltLevel::Halt,
        }
    }
    /// Raises to at least `level`.
    pub fn raise(&self, level: HaltLevel) {
        self.0.fetch_max(level as u8, Ordering::AcqRel);
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
}
