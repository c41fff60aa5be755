//! What is asked of the venue, in its words (PROTOCOL §2). Always about the account, never its agent.

use super::Wire;
use super::cases::Ask;
use crate::types::{Cloid, Nanos, Oid};
use std::io::Write as _;

/// Fills since a venue time.
pub fn write_fills_since(since: Nanos) -> impl FnOnce(&mut Wire) {
    move |wire| {
        let (user, since_ms) = (&wire.account, since.as_millis().max(0));
        let _ = write!(
            wire.buffer,
            r#"{{"type":"userFillsByTime","user":"{user}","startTime":{since_ms}}}"#
        );
    }
}

/// A question that concerns the account as a whole.
pub fn write_user(wire: &mut Wire, kind: &str) {
    let user = &wire.account;
    let _ = write!(wire.buffer, r#"{{"type":"{kind}","user":"{user}"}}"#);
}

/// What became of one leg of an order.
pub fn write_status(wire: &mut Wire, ask: &Ask) {
    let user = &wire.account;
    let _ = match ask.oid {
        Oid::NONE => {
            let cloid: Cloid = ask.cloid;
            write!(wire.buffer, r#"{{"type":"orderStatus","user":"{user}","oid":"{cloid}"}}"#)
        }
        Oid(oid) => {
            write!(wire.buffer, r#"{{"type":"orderStatus","user":"{user}","oid":{oid}}}"#)
        }
    };
}
