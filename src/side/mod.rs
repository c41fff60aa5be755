//! The side thread's parts: they may block, allocate and write files.

pub mod candles;
pub mod records;
pub mod reload;
pub mod risk_state;
pub mod state;
