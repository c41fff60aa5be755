//! What `botmm history` can be asked.

use crate::history::Money;
use crate::when::parse_utc;
use botmm_pipeline::types::Nanos;
use clap::Args;
use std::path::PathBuf;
use std::time::SystemTime;

/// `botmm history`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm history                                days and coins; real money if there was any\n  \
    botmm history --of paper --since -7d\n  \
    botmm history --lots --csv --since 2026-01-01 --until 2027-01-01 > lots-2026.csv\n  \
    botmm history --csv --coin ETH               every fill\n  \
    botmm history --rebuild                      made anew from the journals\n\n\
    Real money, a test, paper and replays are never added up together: `--of` says which.")]
pub struct HistoryArgs {
    /// Whose money: mainnet (real), test, paper, replay, unknown, all (each by itself) [default: mainnet
    /// if there was any, else the newest].
    #[arg(long, value_name = "MONEY", value_parser = parse_money)]
    pub of: Option<Of>,
    /// From this moment on: 2026-01-01, 2026-01-01T12:00:00Z (UTC), or -7d for so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    pub since: Option<Nanos>,
    /// Before this moment, likewise.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    pub until: Option<Nanos>,
    /// One coin only.
    #[arg(long, value_name = "COIN")]
    pub coin: Option<String>,
    /// FIFO lots, as tax offices want them: opened, closed, size, prices, fees, gain.
    #[arg(long)]
    pub lots: bool,
    /// Print CSV: every fill, or with --lots every lot.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The history [default: `path` under [history] of --config, else history.db in the folder of runs].
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of runs, whose journals are taken in first [default: runs].
    #[arg(long, value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// Put the history aside and make it anew from the journals that are still there.
    #[arg(long)]
    pub rebuild: bool,
}

/// Which money is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// This.
    Money(Money),
    /// All, each by itself.
    All,
}

fn parse_money(text: &str) -> Result<Of, String> {
    if text == "all" {
        return Ok(Of::All);
    }
    let known = Money::ALL.into_iter().find(|money| money.as_str() == text);
    known
        .map(Of::Money)
        .ok_or_else(|| format!("allowed: {}, all", Money::ALL.map(Money::as_str).join(", ")))
}

/// A UTC day or moment, or so long ago.
pub(super) fn parse_time(text: &str) -> Result<Nanos, String> {
    let allowed =
        "allowed: a UTC day (2026-01-01) or time (2026-01-01T12:00:00Z), or -7d for so long ago";
    if let Some(ago) = text.strip_prefix('-') {
        let ago = humantime::parse_duration(ago).map_err(|_| allowed.to_owned())?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        return Ok(Nanos(since.saturating_sub(ago).as_nanos().try_into().unwrap_or(i64::MAX)));
    }
    let whole = [text.to_owned(), format!("{text}T00:00:00Z"), format!("{text}Z")];
    whole.iter().find_map(|text| parse_utc(text).ok()).ok_or_else(|| allowed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_moments_or_so_long_ago() {
        let noon = parse_time("2026-11-26T12:00:00Z").unwrap();
        assert_eq!(parse_time("2026-11-26").unwrap(), noon - Nanos::secs(43_200));
        assert_eq!(parse_time("2026-11-26T12:00:00"), Ok(noon));
        let ago = parse_time("-7d").unwrap() - parse_time("-8d").unwrap();
        assert!((ago - Nanos::secs(86_400)).as_secs_f64().abs() < 60.0, "{ago}");
        for bad in ["", "yesterday", "-7", "2026-13-01", "12:00"] {
            assert!(parse_time(bad).unwrap_err().starts_with("allowed"), "{bad}");
        }
        assert_eq!(parse_money("paper"), Ok(Of::Money(Money::Paper)));
        assert!(parse_money("gold").unwrap_err().contains("mainnet, test, paper, replay"));
    }
}
