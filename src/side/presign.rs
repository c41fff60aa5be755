//! Makes one-time signatures ahead of their messages (`signing = "presigned"`, docs/signing.md): a few in each
//! turn, from what the system draws for each, until there is no room for more.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn};
use crate::stop::Stop;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::pool::Generation;
use botmm_pipeline::venue::hl::sign::{Presigner, RequestSigner, Signer, pool};
use rand::TryRng as _;
use rand::rngs::SysRng;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How many in a turn: more than what grows old meanwhile, and never long enough to keep another task waiting.
const A_TURN: usize = 4;
/// That some were missing is told no more often.
const TOLD_EVERY: Nanos = Nanos::secs(60);

/// See the module.
pub struct Presign {
    maker: Presigner,
    metrics: Arc<Metrics>,
    /// Signed as ever although this was asked for, when that was told last; and when it may be again.
    told: u64,
    next_told: Nanos,
    has_failed: bool,
}

/// A signer that takes what is made ahead, and the end where that is made.
pub fn presigned(key: Arc<Signer>, signer: RequestSigner) -> (RequestSigner, Option<Presigner>) {
    let (maker, pool) = pool(key, std::process::id);
    (signer.presigned(pool), Some(maker))
}

impl Presign {
    /// For a pipeline that counts here. After a stop, what was made before is not used.
    pub fn new(maker: Presigner, metrics: Arc<Metrics>, stop: &Stop) -> Self {
        let generation = maker.generation().clone();
        stop.watch_standstills(Box::new(move || generation.end()));
        Self { maker, metrics, told: 0, next_told: Nanos::ZERO, has_failed: false }
    }

    /// For whoever notices that what was made until now may not be used any more.
    pub fn generation(&self) -> &Generation {
        self.maker.generation()
    }

    /// What was missed, now and then.
    fn tell(&mut self, turn: &mut Turn<'_>) {
        let missed = self.metrics.signing().ordinary;
        if missed > self.told && turn.now >= self.next_told {
            let more = missed - self.told;
            let said = "signed the ordinary way: of the signatures made ahead none was left that may be used";
            turn.say(Alert::warn(Topic::Machine, format!("{more} requests were {said}")));
            (self.told, self.next_told) = (missed, turn.now + TOLD_EVERY);
        }
    }
}

impl Task for Presign {
    fn name(&self) -> &'static str {
        "presignatures"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..A_TURN {
            if !self.maker.has_room() {
                break;
            }
            let made = fresh().map(|entropy| self.maker.make(turn.now, &entropy));
            if let Err(e) = made {
                if !core::mem::replace(&mut self.has_failed, true) {
                    let said = "the system gives no entropy: no signature is made ahead";
                    turn.say(Alert::warn(Topic::Machine, format!("{said}: {e}")));
                }
                break;
            }
        }
        self.tell(turn);
    }
}

/// 32 bytes that the system draws now, for one use.
///
/// # Errors
/// It gives none.
pub fn fresh() -> Result<Zeroizing<[u8; 32]>, rand::rngs::SysError> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(&mut *bytes)?;
    Ok(bytes)
}
