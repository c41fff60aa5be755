//! What bars come to. Coarse: it is said wherever it is shown.

use super::metrics::RunMetrics;
use super::number::{cents, exact, grouped, span};
use super::summary::DataFile;
use botmm_pipeline::types::{Bps, Qty, Usd};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What this is, before anything else.
const LABEL: &str = "COARSE: made of candles, without books, queues or latency. It can show that something does not \
     work, not that it pays.";

/// The result. The JSON keys are an interface: scripts read them.
#[derive(Debug, Serialize)]
pub struct Coarse {
    /// Always [`Coarse::ENGINE`].
    pub engine: &'static str,
    /// What that means.
    pub label: &'static str,
    /// How long the bars are.
    pub interval: String,
    /// When the first opens and the last is over, UTC.
    pub span: [String; 2],
    /// Its length, seconds.
    pub span_s: f64,
    /// Fills of all coins.
    pub fills: u64,
    /// Their value.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// Profit at the last closes, before fees and funding.
    #[serde(serialize_with = "exact")]
    pub gross_pnl_usd: Usd,
    /// Fees; positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Funding; positive = paid.
    #[serde(serialize_with = "exact")]
    pub funding_usd: Usd,
    /// Profit after both; negative = a loss.
    #[serde(serialize_with = "exact")]
    pub net_pnl_usd: Usd,
    /// Drawdown, days and Sharpe ratio.
    #[serde(flatten)]
    pub worth: Worth,
    /// By coin.
    pub by_symbol: BTreeMap<String, CoarseCoin>,
    /// Limits that were reached, and when: nothing, or only what reduces, is quoted from then on.
    pub breaks: Vec<String>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// Of the configuration.
    pub config_sha256: String,
    /// The files.
    pub data: Vec<DataFile>,
}

/// What a profit is worth. A year is spoken of from seven whole days on.
#[derive(Debug, Serialize)]
pub struct Worth {
    /// Deepest fall of the profit at the closes from a peak.
    #[serde(serialize_with = "exact")]
    pub max_drawdown_usd: Usd,
    /// Of a year, and between which numbers it lies with 95 %.
    pub sharpe: Option<[f64; 3]>,
    /// Why there is none.
    pub sharpe_note: Option<String>,
    /// UTC days with more than no profit, and all.
    pub days_won: [usize; 2],
}

impl Worth {
    /// Of days and drawdown.
    pub fn of(metrics: &RunMetrics) -> Self {
        let days = metrics.daily_pnl_usd.values();
        Self {
            max_drawdown_usd: metrics.max_drawdown_usd,
            sharpe: metrics.sharpe.map(|s| [s.value, s.low, s.high]),
            sharpe_note: metrics.sharpe_note.clone(),
            days_won: [days.clone().filter(|net| **net > Usd::ZERO).count(), days.count()],
        }
    }
}

/// Of one coin.
#[derive(Debug, Serialize)]
pub struct CoarseCoin {
    /// Bars.
    pub bars: u64,
    /// Of these, the first after a gap: not quoted.
    pub after_gaps: u64,
    /// Bars in which a bid and an ask were quoted.
    pub quoted: [u64; 2],
    /// Sides that were not quoted, by why.
    pub withheld: BTreeMap<&'static str, u64>,
    /// Buys and sells.
    pub fills: [u64; 2],
    /// Fills that the share of a bar's volume cut short, or allowed nothing of.
    pub capped: u64,
    /// Value of the fills.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// Before fees and funding.
    #[serde(serialize_with = "exact")]
    pub gross_pnl_usd: Usd,
    /// Positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Positive = paid.
    #[serde(serialize_with = "exact")]
    pub funding_usd: Usd,
    /// After both.
    #[serde(serialize_with = "exact")]
    pub net_pnl_usd: Usd,
    /// What is held at the end.
    #[serde(serialize_with = "exact")]
    pub position: Qty,
    /// What its maker paid.
    #[serde(serialize_with = "exact")]
    pub maker_fee_bps: Bps,
}

impl Coarse {
    /// The name of the engine.
    pub const ENGINE: &'static str = "candles (coarse)";
    /// What that means.
    pub const LABEL: &'static str = LABEL;

    /// As JSON.
    ///
    /// # Errors
    /// A number that JSON has no word for.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, f: &mut String) -> std::fmt::Result {
        writeln!(f, "{}", self.label)?;
        let [from, to] = &self.span;
        writeln!(
            f,
            "span          {from} to {to} ({}), bars of {}",
            span(self.span_s),
            self.interval
        )?;
        for (coin, c) in &self.by_symbol {
            let [buys, sells] = c.fills;
            writeln!(
                f,
                "{coin:<13} {:>14} net = {} gross - {} fees - {} funding; {} buys, {} sells, {} bars, holds {}",
                cents(c.net_pnl_usd),
                cents(c.gross_pnl_usd),
                cents(c.fees_usd),
                cents(c.funding_usd),
                grouped(buys),
                grouped(sells),
                grouped(c.bars),
                c.position
            )?;
            for (why, sides) in &c.withheld {
                writeln!(f, "              {} sides not quoted: {why}", grouped(*sides))?;
            }
        }
        let word = match self.net_pnl_usd.cmp(&Usd::ZERO) {
            Ordering::Less => "LOSS",
            Ordering::Equal => "nothing",
            Ordering::Greater => "profit",
        };
        writeln!(
            f,
            "{word:<13} {:>14} USD net over the span = {} gross - {} fees - {} funding",
            cents(self.net_pnl_usd),
            cents(self.gross_pnl_usd),
            cents(self.fees_usd),
            cents(self.funding_usd)
        )?;
        let [won, days] = self.worth.days_won;
        writeln!(
            f,
            "fills         {:>14} worth {} USD; deepest fall {} USD; {won} of {days} days won",
            grouped(self.fills),
            cents(self.volume_usd),
            cents(self.worth.max_drawdown_usd)
        )?;
        match (&self.worth.sharpe, &self.worth.sharpe_note) {
            (Some([value, low, high]), _) => writeln!(
                f,
                "Sharpe ratio  {value:>14.2} a year (95 %: {low:.2} to {high:.2}), coarse as all of it"
            )?,
            (None, note) => {
                writeln!(f, "Sharpe ratio  {:>14} {}", "–", note.as_deref().unwrap_or_default())?;
            }
        }
        self.breaks.iter().try_for_each(|line| writeln!(f, "break         {line}"))?;
        self.assumptions.iter().try_for_each(|line| writeln!(f, "assumed       {line}"))?;
        self.notes.iter().try_for_each(|line| writeln!(f, "note          {line}"))
    }
}
