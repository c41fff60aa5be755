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
            let said =
                "signed the ordinary way, as no signature made ahead was left that may be used";
            turn.say(Alert::warn(Topic::Machine, format!("{said}: {more} requests")));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::venue::SigningCounts;
    use botmm_pipeline::venue::hl::sign::Pool;
    use botmm_pipeline::venue::hl::sign::pool::ROOM;

    fn made_and_used() -> (Presign, Pool, Arc<Metrics>) {
        let key = Arc::new(Signer::from_hex(&"1".repeat(64)).unwrap());
        let ((maker, pool), metrics) = (pool(key, std::process::id), Arc::<Metrics>::default());
        (Presign::new(maker, metrics.clone(), &Stop::default()), pool, metrics)
    }

    /// How many there are.
    fn signs(pool: &mut Pool) -> usize {
        (0..).take_while(|_| pool.sign(&[7; 32]).is_some()).count()
    }

    #[test]
    fn a_turn_makes_a_few_and_turns_make_no_more_than_there_is_room_for() {
        let (mut task, mut pool, _) = made_and_used();
        let mut stand = Stand::with_room(4);
        pool.tend(Nanos::ZERO);
        assert!(stand.turn(&mut task).said.is_empty());
        assert_eq!(signs(&mut pool), A_TURN);
        (0..ROOM).for_each(|_| drop(stand.turn(&mut task)));
        assert_eq!(signs(&mut pool), ROOM);
        (0..ROOM).for_each(|_| drop(stand.turn(&mut task)));
        task.generation().end(); // As after a clock that was set.
        assert_eq!(signs(&mut pool), 0);
        pool.tend(Nanos::ZERO);
        drop(stand.turn(&mut task));
        assert_eq!(signs(&mut pool), A_TURN);
    }

    #[test]
    fn what_was_missed_is_told_at_most_once_a_minute() {
        let (mut task, _pool, metrics) = made_and_used();
        let mut stand = Stand::with_room(4);
        let mut told = |at_s, ordinary| {
            metrics.set_signing(SigningCounts { ordinary, ..SigningCounts::default() });
            stand.now = Nanos::secs(at_s);
            stand.turn(&mut task).said.iter().map(|said| said.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(told(1, 0), [""; 0]);
        let said = told(2, 3);
        assert!(said.len() == 1 && said[0].ends_with(": 3 requests"), "{said:?}");
        assert_eq!(told(30, 5), [""; 0]);
        let said = told(62, 5);
        assert!(said.len() == 1 && said[0].ends_with(": 2 requests"), "{said:?}");
        assert_eq!(told(200, 5), [""; 0], "nothing new");
    }

    #[test]
    fn what_the_system_draws_is_new_each_time() {
        let [one, another] = [fresh().unwrap(), fresh().unwrap()];
        assert!(one != another && *one != [0; 32]);
    }
}
