//! `botmm`: the slow side of the market maker. CLI, modes, settings, files and reports live here;
//! everything between bytes in and bytes out is in [`botmm_pipeline`].

pub mod backtest;
pub mod base64;
pub mod bot;
pub mod calibrate;
pub mod calibrated;
pub mod cli;
#[cfg(test)]
#[path = "../pipeline/tests/coins/mod.rs"]
mod coins;
pub mod data;
pub mod exchange;
pub mod exit;
pub mod files;
pub mod history;
pub mod http_status;
pub mod journal;
pub mod keys;
pub mod learn;
pub mod masked;
pub mod mode;
pub mod net;
pub mod origin;
pub mod predictor;
pub mod report;
pub mod rungs;
pub mod settings;
pub mod sha256;
pub mod side;
pub mod speaker;
pub mod stop;
pub mod systemd;
pub mod terminal;
pub mod ui;
pub mod venue_api;
pub mod venue_numbers;
pub mod when;
