//! What moves the prices of an exchange of ours, as `exchange` and `paper` take it.

use crate::bot::markets::{Asked, MarketKind};
use crate::exchange::markets::tape::Speed;
use crate::exit::AppError;
use crate::settings::Overrides;
use crate::settings::QueueModel;
use clap::Args;
use std::path::PathBuf;

/// See the module. The recordings of a tape are the verb's PATH arguments.
#[derive(Clone, Debug, Default, Args)]
pub struct MarketSource {
    /// What moves the prices: synthetic (seeded agents), tape PATH... (a recording), mainnet (its
    /// public data, mirrored), mirror (another venue's, see --mirror-url).
    #[arg(long, value_name = "MARKET", default_value = "synthetic", hide_possible_values = true)]
    pub market: MarketKind,
    /// How many times as fast as recorded the tape runs, 0.1 to 1000 [default: 1].
    #[arg(long, value_name = "N", value_parser = str::parse::<Speed>)]
    pub speed: Option<Speed>,
    /// Use what is sound of a recording of which most is not; without it that is an error.
    #[arg(long)]
    pub allow_unsound: bool,
    /// The venue that --market mirror mirrors: testnet, https://HOST[:PORT], http://127.0.0.1:PORT.
    #[arg(long, value_name = "URL", required_if_eq("market", "mirror"))]
    pub mirror_url: Option<String>,
    /// Place of users' orders in the queues of a tape or a mirrored venue: risk_averse, prob_power,
    /// prob_power:N, prob_power2:N, prob_power3:N, prob_log, prob_log2 [default: risk_averse].
    #[arg(long, value_name = "MODEL", value_parser = str::parse::<QueueModel>)]
    pub queue: Option<QueueModel>,
}

impl MarketSource {
    /// The market that is asked for.
    ///
    /// # Errors
    /// A flag is for another market, or one is missing.
    pub fn asked(
        &self,
        paths: &[PathBuf],
        flags: Overrides,
        all_coins: bool,
    ) -> Result<Asked, AppError> {
        if let Some(problem) = self.misplaced(paths) {
            return Err(AppError::Usage(problem.to_owned()));
        }
        Ok(Asked {
            market: self.market,
            speed: self.speed,
            allow_unsound: self.allow_unsound,
            mirror_url: self.mirror_url.clone(),
            paths: paths.to_vec(),
            flags,
            all_coins,
        })
    }

    /// A flag that says something of a market that was not chosen, or one that is missing, in words.
    pub fn misplaced(&self, paths: &[PathBuf]) -> Option<&'static str> {
        use MarketKind as M;
        let market = self.market;
        if market == M::Tape && paths.is_empty() {
            return Some(
                "--market tape plays a recording: name it (botmm paper --market tape PATH)",
            );
        }
        if market != M::Tape && !paths.is_empty() {
            return Some("a recording was named; to play it, add --market tape");
        }
        if market != M::Tape && self.speed.is_some() {
            return Some("--speed is for --market tape; the other markets run in real time");
        }
        if market != M::Tape && self.allow_unsound {
            return Some("--allow-unsound is for --market tape");
        }
        if market != M::Mirror && self.mirror_url.is_some() {
            return Some("--mirror-url is for --market mirror");
        }
        if market == M::Synthetic && self.queue.is_some() {
            return Some(
                "--queue is for recorded and mirrored markets; a synthetic queue is exact",
            );
        }
        None
    }
}
