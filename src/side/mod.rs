//! The side thread's parts: they may block, allocate and write files.

pub mod alert;
pub mod beat;
pub mod candles;
pub mod capital;
pub mod card;
pub mod control;
pub mod dead_man;
pub mod errands;
pub mod guard;
pub mod history;
pub mod killer;
pub mod latch;
pub mod links;
pub mod listing;
pub mod notify;
pub mod params;
pub mod progress;
pub mod reconcile;
pub mod records;
pub mod refused;
pub mod reload;
pub mod risk_state;
pub mod service;
pub mod state;
pub mod task;
