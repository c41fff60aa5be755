//! What a run is: live, in a recording, and what they share.

pub mod blackbox;
pub mod candles;
pub mod doctor;
pub mod drill;
pub mod economics;
pub mod guard;
pub mod host;
pub mod kill;
pub mod lines;
pub mod live;
pub mod markets;
pub mod paper;
pub mod record;
pub mod replay;
pub mod session;
pub mod status;
pub mod tune;
