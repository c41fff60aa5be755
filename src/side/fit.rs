//! What each coin's fitted fair price has learned outlives a run, in `DIR/ADDRESS.fit.json`. It is no more
//! than an estimate: a file that cannot be understood is told of, and learning begins anew.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn, Writing};
use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use botmm_pipeline::logic::fit::Fit;
use botmm_pipeline::types::{AssetParams, Fact, FitState, Nanos, QuoteCommand, Universe};
use botmm_pipeline::venue::hl::sign::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// What the file is of. Another version's is not read.
const VERSION: u32 = 1;
/// No such file is longer.
const MAX_BYTES: u64 = 1 << 20;

/// What was learned, by coin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    coins: BTreeMap<String, FitState>,
}

/// Keeps it, and hands on what an earlier run kept.
pub struct KeepFit {
    path: PathBuf,
    universe: Universe,
    /// Also of coins that are not traded now.
    kept: Kept,
    is_new: bool,
    /// For the quote stage.
    waiting: VecDeque<QuoteCommand>,
    writing: Writing,
}

impl KeepFit {
    /// With what an earlier run kept, of the coins that ask for a fit; and what is wrong with that. The
    /// key's state must have been taken before.
    pub fn open(
        dir: &Path,
        signer: Address,
        universe: &Universe,
        params: &[AssetParams],
    ) -> (Self, Vec<String>) {
        let path = dir.join(format!("{signer}.fit.json"));
        let begins = format!("{}: the fitted fair prices begin anew: ", path.display());
        let (kept, mut said) = match read(&path) {
            Ok(kept) => (kept, Vec::new()),
            Err(problem) => (None, vec![begins + &problem]),
        };
        let kept = kept.unwrap_or(Kept { version: VERSION, coins: BTreeMap::new() });
        let mut waiting = VecDeque::new();
        for ((asset, instrument), params) in universe.iter().zip(params) {
            let known = kept.coins.get(instrument.coin.as_str());
            let Some(state) = known.filter(|_| params.wants_fit()) else { continue };
            match Fit::new(&params.fit).restore(state) {
                true => waiting.push_back(QuoteCommand::Fit { asset, state: *state }),
                false => said.push(format!(
                    "{}: what was learned of {} is of another horizon or other leaders, or unsound: it \
                     begins anew",
                    path.display(),
                    instrument.coin
                )),
            }
        }
        let writing = Writing::default();
        (Self { path, universe: universe.clone(), kept, is_new: false, waiting, writing }, said)
    }

    /// Keeps what was learned last.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<(), AppError> {
        self.writing.wait();
        if self.is_new { write(&self.path, &self.kept) } else { Ok(()) }
    }
}

fn read(path: &Path) -> Result<Option<Kept>, String> {
    let text = files::read_text_if_any(path, MAX_BYTES).map_err(|e| e.to_string())?;
    let Some(text) = text else { return Ok(None) };
    let kept: Kept = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    match kept.version {
        VERSION => Ok(Some(kept)),
        other => Err(format!("it is of version {other}, and this is {VERSION}")),
    }
}

fn write(path: &Path, kept: &Kept) -> Result<(), AppError> {
    let text =
        serde_json::to_string_pretty(kept).map_err(|e| AppError::io(path, "write")(e.into()))?;
    write_whole(path, (text + "\n").as_bytes(), Readers::Owner)
}

impl Task for KeepFit {
    fn name(&self) -> &'static str {
        "fit"
    }

    fn hear(&mut self, fact: &Fact) {
        let Fact::Fit { asset, state, .. } = fact else { return };
        let coin = self.universe.get(*asset).coin.to_string();
        self.kept.coins.insert(coin, *state);
        self.is_new = true;
    }

    /// Each is told once a minute, so the file is written as often.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        while let Some(next) = self.waiting.front()
            && turn.to_quote.push(*next).is_ok()
        {
            self.waiting.pop_front();
        }
        let now: Nanos = turn.now;
        let said = self.writing.turn(now);
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Machine, said)));
        if self.is_new && self.writing.is_free() {
            self.is_new = false;
            let (path, kept) = (self.path.clone(), self.kept.clone());
            self.writing.begin(now, &turn.workers.files, move || write(&path, &kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coins::coin;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::types::AssetId;
    use botmm_pipeline::types::params::FairPrice;

    const KEY: Address = Address::new([7; 20]);

    fn params() -> AssetParams {
        let mut params = AssetParams::default();
        params.fit.fit_always = true;
        params
    }

    fn open(dir: &Path) -> (KeepFit, Vec<String>) {
        let universe = Universe::new(vec![coin("BTC", 5), coin("ETH", 4)]);
        let other = AssetParams { fair_price: FairPrice::Mid, ..AssetParams::default() };
        KeepFit::open(dir, KEY, &universe, &[params(), other])
    }

    fn learned() -> FitState {
        FitState { samples: 400, weight: 0.1 + 0.2, ..Fit::new(&params().fit).state() }
    }

    #[test]
    fn what_was_learned_is_handed_to_the_next_run_of_coins_that_ask() {
        let dir = tempfile::tempdir().unwrap();
        let (mut fit, said) = open(dir.path());
        assert!(said.is_empty() && fit.waiting.is_empty());
        for i in 0..2 {
            let asset = AssetId::new(i);
            fit.hear(&Fact::Fit { asset, time: Nanos(1), state: learned() });
        }
        fit.finish().unwrap();
        let (mut fit, said) = open(dir.path());
        assert!(said.is_empty(), "{said:?}");
        let mut stand = Stand::with_room(4);
        stand.turn(&mut fit);
        let told = [QuoteCommand::Fit { asset: AssetId::new(0), state: learned() }];
        assert_eq!(stand.told_quote(), told);
        stand.turn(&mut fit);
        assert_eq!(stand.told_quote(), [], "once");
    }

    #[test]
    fn what_cannot_be_used_is_told_and_learning_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{KEY}.fit.json"));
        let whole = |version, horizon| {
            let state = FitState { horizon, ..learned() };
            let coins = [("BTC".to_owned(), state)].into();
            serde_json::to_string(&Kept { version, coins }).unwrap()
        };
        let good = whole(VERSION, Nanos::secs(1));
        for (text, says) in [
            (good[..good.len() / 2].to_owned(), "begin anew: EOF"),
            (whole(VERSION + 1, Nanos::secs(1)), "of version 2"),
            (whole(VERSION, Nanos::secs(5)), "of BTC is of another horizon"),
            ("[]".to_owned(), "begin anew"),
        ] {
            std::fs::write(&path, text).unwrap();
            let (fit, said) = open(dir.path());
            assert!(fit.waiting.is_empty());
            assert!(said.len() == 1 && said[0].contains(says), "{said:?} does not say {says:?}");
        }
        std::fs::write(&path, good).unwrap();
        assert_eq!(open(dir.path()).0.waiting.len(), 1);
    }
}
