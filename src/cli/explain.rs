//! What `botmm explain` can be asked.

use crate::settings::parse_duration;
use clap::Args;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// `botmm explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm explain BTC                            the newest decision of the newest run, also one that goes on\n  \
    botmm explain ETH --at -30s\n  \
    botmm explain SOL --journal runs/x --at 2026-11-26T19:17:00Z --json")]
pub struct ExplainArgs {
    /// The coin.
    #[arg(value_name = "COIN")]
    pub coin: String,
    /// The moment, UTC, or so long ago (`-30s`); the end of the journal when left out.
    #[arg(long, value_name = "TIME", value_parser = parse_moment,
          allow_hyphen_values = true)]
    pub at: Option<SystemTime>,
    /// The journal, or its run's folder; the newest under `runs/` when left out.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A moment as people type it: `2026-11-26T19:17:00Z`, or `-30s` (so long ago).
fn parse_moment(text: &str) -> Result<SystemTime, String> {
    if let Some(ago) = text.strip_prefix('-') {
        let ago = parse_duration(ago)?;
        let ago = Duration::from_nanos(ago.0.unsigned_abs());
        return SystemTime::now().checked_sub(ago).ok_or_else(|| "too long ago".to_owned());
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| {
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
        let an_hour_ago = parse_moment("-1h").unwrap();
        let ago = SystemTime::now().duration_since(an_hour_ago).unwrap();
        assert!(ago >= Duration::from_secs(3_600) && ago < Duration::from_secs(7_200), "{ago:?}");
        for bad in ["", "30s", "-30", "yesterday", "19:17"] {
            assert!(parse_moment(bad).is_err(), "{bad}");
        }
    }
}
