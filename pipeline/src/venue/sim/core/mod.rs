//! The venue's rules, kept once: by the replay's exchange ([`super::exchange`]) and by the embedded
//! exchange (crate `botmm`, `exchange::venue`), which clients of the real venue trade on.
//!
//! | module | knows |
//! |---|---|
//! | `rules` | what an order must satisfy, when it crosses, when an action is over |
//! | `refused` | why not: the venue's words, and what a bot makes of them |

mod refused;
pub mod rules;

pub use refused::Refused;
