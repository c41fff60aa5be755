//! What `botmm explain` can be asked.

use crate::journal::find::Moment;
use crate::settings::parse_duration;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `botmm explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm explain BTC                            the newest decision of the newest run, also one that goes on; \
the last quote of one that is over\n  \
    botmm explain ETH --at -30s\n  \
    botmm explain SOL --journal runs/x --at 2026-11-26T19:17:00Z --json")]
pub struct ExplainArgs {
    /// The coin.
    #[arg(value_name = "COIN")]
    pub coin: String,
    /// The moment, UTC, or so long ago (`-30s`: before the end of the run when it is over); the newest
    /// when left out.
    #[arg(long, value_name = "TIME", value_parser = parse_moment,
          allow_hyphen_values = true)]
    pub at: Option<Moment>,
    /// The journal, or its run's folder; the newest under `runs/` when left out.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A moment as people type it: `2026-11-26T19:17:00Z`, or `-30s` (so long ago).
fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Some(ago) = text.strip_prefix('-') {
        let ago = parse_duration(ago)?;
        return Ok(Moment::Ago(Duration::from_nanos(ago.0.unsigned_abs())));
    }
    humantime::parse_rfc3339_weak(text).map(Moment::At).map_err(|_| {
        "allowed: a UTC time (2026-11-26T19:17:00Z), or -30s for so long ago".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_so_long_ago() {
        let at = parse_moment("2026-11-26T19:17:00Z").unwrap();
        assert_eq!(at, parse_moment("2026-11-26 19:17:00").unwrap());
        assert_eq!(parse_moment("-1h"), Ok(Moment::Ago(Duration::from_secs(3_600))));
        for bad in ["", "30s", "-30", "yesterday", "19:17"] {
            assert!(parse_moment(bad).is_err(), "{bad}");
        }
    }
}
