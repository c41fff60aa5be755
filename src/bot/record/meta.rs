//! What the venue lists, asked at the start and every hour, and what time it is there.

use crate::exit::AppError;
use crate::net::{Rest, Stopped};
use crate::side::errands::{Errands, Pending};
use crate::venue_numbers;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use serde_json::{Value, json};
use std::sync::Arc;

/// How often it is asked, and how soon after a failure.
const EVERY: Nanos = Nanos::secs(3_600);
const AGAIN: Nanos = Nanos::secs(60);
/// An answer takes at most so long.
const PATIENCE: Nanos = Nanos::secs(30);

/// An answer.
pub struct Answer {
    /// `meta`, as the venue wrote it.
    pub meta: Value,
    /// The venue's clock minus ours; [`None`] = the venue did not say.
    pub offset: Option<Nanos>,
}

/// See the module.
pub struct Meta {
    rest: Arc<Rest>,
    coin: String,
    pending: Option<Pending<Result<Answer, AppError>>>,
    next: Nanos,
}

impl Meta {
    /// Asks this venue; `coin` is one of ours.
    pub fn new(rest: Rest, coin: &str) -> Self {
        Self { rest: Arc::new(rest), coin: coin.to_owned(), pending: None, next: Nanos::ZERO }
    }

    /// Asks when it is time; an answer, or in words why there is none.
    pub fn turn(&mut self, now: Nanos, errands: &Errands) -> Option<Result<Answer, String>> {
        if let Some(pending) = &self.pending {
            let told = pending.told(now)?;
            self.pending = None;
            self.next = now + if told.is_ok() { EVERY } else { AGAIN };
            return Some(told);
        }
        if now >= self.next {
            let (rest, coin) = (self.rest.clone(), self.coin.clone());
            self.pending = Some(errands.send(now, PATIENCE, move || ask(&rest, &coin)));
        }
        None
    }
}

fn ask(rest: &Rest, coin: &str) -> Result<Answer, AppError> {
    let meta = rest.info(&json!({ "type": "meta" }))?;
    let clock = WallClock::default();
    let sent = clock.now();
    let book = rest.info(&json!({ "type": "l2Book", "coin": coin }))?;
    let received = clock.now();
    let said = venue_numbers::whole(&book["time"]).and_then(|ms| i64::try_from(ms).ok());
    let said = said.and_then(|ms| ms.checked_mul(1_000_000)).map(Nanos);
    let offset = said.map(|said| VenueOffset::default().hear(sent, received, said));
    Ok(Answer { meta, offset })
}

/// Never stopped: the errand has deadlines of its own.
pub fn never() -> Stopped {
    Arc::new(|| false)
}
