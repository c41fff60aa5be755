//! The summary for people: money first, never without fees, fills and span; assumptions last.

use super::metrics::Sharpe;
use super::number::{cents, grouped, line, nanos, profit, span};
use super::origin;
use super::reasons::{Shares, side_key};
use super::summary::{CauseFills, FitResult, LatencyNs, Signing, Summary};
use botmm_pipeline::rt::TripStep;
use botmm_pipeline::types::{FillCause, Qty, Reason, SCALE, Side, Usd};
use std::fmt::{self, Display, Write as _};

/// Stages in the order in which an event meets them.
const STAGE_ORDER: [&str; 5] = botmm_pipeline::stage::NAMES;

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.money(f)?;
        origin::write(self, f)?;
        self.activity(f)?;
        self.symbols(f)?;
        self.fitted(f)?;
        self.why(f)?;
        self.latency(f)?;
        self.rests_on(f)
    }
}

impl Summary {
    fn money(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fees_word = if self.fees_usd.is_negative() { " (rebate)" } else { " paid" };
        writeln!(f, "Result")?;
        line(
            f,
            "net PnL",
            format_args!(
                "{} after fees, from {} fills in {}",
                profit(self.net_pnl_usd),
                grouped(self.fills),
                span(self.span_s)
            ),
        )?;
        line(f, "gross PnL", format_args!("{} before fees", profit(self.gross_pnl_usd)))?;
        line(
            f,
            "fees",
            format_args!(
                "{:>14} USD{fees_word}, at {} bps",
                cents(self.fees_usd),
                self.assumptions.fee_bps
            ),
        )?;
        line(f, "volume", format_args!("{:>14} USD", cents(self.volume_usd)))?;
        let drawdown = cents(self.metrics.max_drawdown_usd);
        line(
            f,
            "drawdown",
            format_args!("{drawdown:>14} USD at most, from a peak of the profit at the marks"),
        )?;
        if let Some(Sharpe { value, low, high }) = self.metrics.sharpe {
            let days = self.metrics.daily_pnl_usd.len() - self.metrics.partial_days.len();
            let interval = format_args!("95 %: {low:.2} to {high:.2}");
            line(
                f,
                "Sharpe",
                format_args!("{value:>14.2} a year ({interval}), of {days} whole days"),
            )?;
        }
        let verdict = self.residual_verdict();
        let residual = self.equity_residual_usd.map_or("unknown".to_owned(), |r| r.to_string());
        // In full: a residual of a millionth is the one that tells of a defect.
        line(f, "residual", format_args!("{residual:>14} USD: {verdict}"))?;
        if !self.position.is_empty() {
            line(f, "position", format_args!("{} at the end", self.left_over()))?;
        }
        if let Some(moved) = self.transfers_usd.filter(|moved| !moved.is_zero()) {
            let moved = cents(moved);
            line(f, "transfers", format_args!("{moved:>14} USD came to the account: no profit"))?;
        }
        if self.fills == 0 {
            line(f, "note", "no fills: this says nothing about profit")?;
        }
        Ok(())
    }

    fn fitted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fit.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nFitted fair price: share of the moves' squares predicted (R2), before it learned them"
        )?;
        for (coin, FitResult { moves, r2, micro_r2 }) in &self.fit {
            let (r2, micro) = (100.0 * r2, 100.0 * micro_r2);
            let said =
                format_args!("{r2:.1} % of {} moves; microprice {micro:.1} %", grouped(*moves));
            line(f, coin, said)?;
        }
        Ok(())
    }

    /// What is held in each coin: `BTC -0.00123 (-135.19 USD), ETH flat`.
    fn left_over(&self) -> String {
        let one = |(coin, qty): (&String, &Qty)| match self.position_usd.get(coin) {
            _ if qty.is_zero() => format!("{coin} flat"),
            Some(value) => format!("{coin} {qty} ({} USD)", cents(*value)),
            None => format!("{coin} {qty} (no mark is known)"),
        };
        self.position.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn residual_verdict(&self) -> &'static str {
        // STRATEGY §4: alarm above 0.01 USD + 1e-6 of the volume.
        let alarm = Usd::from_raw(SCALE / 100 + self.volume_usd.raw() / 1_000_000);
        match self.equity_residual_usd.map(Usd::abs) {
            None => "not compared with the venue's account, a note says why",
            Some(Usd::ZERO) => "the accounts add up",
            Some(residual) if residual <= alarm => "below the alarm of 0.01 USD + 1e-6 of volume",
            _ => "THE ACCOUNTS DO NOT ADD UP",
        }
    }

    fn activity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nActivity")?;
        line(
            f,
            "events",
            format_args!("{} ({:.0} a second)", grouped(self.events), self.events_per_s),
        )?;
        line(
            f,
            "decisions",
            format_args!("{}, hash {:016x}", grouped(self.decisions), self.decision_hash),
        )?;
        line(
            f,
            "actions",
            format_args!(
                "{} orders, {} modifies, {} cancels; {} rejected",
                grouped(self.orders),
                grouped(self.modifies),
                grouped(self.cancels),
                grouped(self.rejects)
            ),
        )?;
        if let Some(Signing { presigned, ordinary, dropped }) = self.signing {
            let [presigned, ordinary, dropped] = [presigned, ordinary, dropped].map(grouped);
            let said = format!(
                "{presigned} requests ahead, {ordinary} the ordinary way; {dropped} made and not used"
            );
            line(f, "signed", said)?;
        }
        let causes = FillCause::ALL.iter().filter_map(|cause| {
            let CauseFills { fills, .. } = self.fills_by_cause.get(cause.as_str())?;
            Some(format!("{} {}", grouped(*fills), cause.in_words()))
        });
        let causes = causes.collect::<Vec<_>>().join("; ");
        if !causes.is_empty() {
            line(f, "fills", causes)?;
        }
        let lost: Vec<String> = self
            .dropped
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(ring, n)| format!("{ring} {}", grouped(*n)))
            .collect();
        let lost = if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") };
        line(f, "dropped", lost)?;
        let Some(rungs) = &self.rungs else { return Ok(()) };
        line(f, "if it died", rungs)?;
        let requests = grouped(rungs.exchange_requests);
        line(f, "", format_args!("the venue's switch took {requests} requests of the account"))
    }

    fn symbols(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.position.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nPositions      at the end, coin    worst exposure, USD    limit, USD")?;
        let none = || "-".to_owned();
        for (symbol, position) in &self.position {
            let worst = self.max_worst_case_exposure_usd.get(symbol);
            let limit = self.max_position_usd.get(symbol);
            let over = matches!((worst, limit), (Some(w), Some(l)) if w > l);
            writeln!(
                f,
                "  {symbol:<12} {:>18} {:>22} {:>13}{}",
                position.to_string(),
                worst.map_or_else(none, |w| cents(*w)),
                limit.map_or_else(none, |l| cents(*l)),
                if over { "  OVER THE LIMIT" } else { "" }
            )?;
        }
        Ok(())
    }

    fn why(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reasons.all.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nWhy each side was quoted or not, share of time")?;
        for (symbol, sides) in &self.reasons.by_symbol {
            for side in Side::BOTH {
                let label = format!("{symbol} {}", side_key(side));
                line(f, &label, in_words(&sides[side.index()]))?;
            }
        }
        line(f, "all", in_words(&self.reasons.all))?;
        self.warnings.iter().try_for_each(|warning| line(f, "WARNING", warning))
    }

    fn latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.latency_ns.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nLatency                 p50          p99          max")?;
        let rank =
            |name: &str| STAGE_ORDER.iter().position(|s| *s == name).unwrap_or(STAGE_ORDER.len());
        let mut rows: Vec<_> = self.latency_ns.iter().collect();
        rows.sort_by_key(|(name, _)| rank(name));
        for (name, l) in rows {
            row(f, name, l)?;
        }
        self.wire(f)
    }

    fn wire(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(wire) = &self.wire else { return Ok(()) };
        let (trips, from) = (grouped(wire.trips), wire.counts_from);
        writeln!(f, "\nWire to wire            p50          p99          max")?;
        for step in TripStep::ALL {
            let known = wire.steps_ns.get(step.as_str());
            known.map_or(Ok(()), |took| row(f, step.as_str(), took))?;
        }
        let over = match wire.over_budget {
            0 => String::new(),
            n => format!(", {} over the budget", grouped(n)),
        };
        writeln!(f, "  {trips} trips to the wire, counted from the {from}{over}")
    }

    fn rests_on(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let a = &self.assumptions;
        writeln!(f, "\nAssumptions")?;
        line(f, "market", format_args!("{}, queue {}, rules {}", a.market, a.queue, a.rules))?;
        line(f, "feed", format_args!("{} (from the venue to us)", a.feed))?;
        line(f, "late feed", &a.feed_late)?;
        line(f, "latency", format_args!("{} (orders, and their answers)", a.latency))?;
        line(f, "maker fee", format_args!("{} bps (positive = cost)", a.fee_bps))?;
        let capital = cents(a.capital_usd);
        line(f, "capital", format_args!("{capital} USD (loss limits are shares of it)"))?;
        let lossless = if a.lossless { ", lossless" } else { "" };
        line(f, "run", format_args!("seed {}, plan {}{lossless}", a.seed, a.plan))?;
        line(f, "config", format_args!("sha256 {}", a.config_sha256))?;
        for file in &a.data {
            let rows = grouped(file.rows);
            let skipped = match file.skipped {
                0 => String::new(),
                n => format!(" ({} unsound, skipped)", grouped(n)),
            };
            let (path, sha256) = (&file.path, &file.sha256);
            line(f, "data", format_args!("{path}: {rows} rows{skipped}, sha256 {sha256}"))?;
        }
        a.notes.iter().try_for_each(|note| line(f, "note", note))
    }
}

/// Shares in words, largest first.
fn in_words(shares: &Shares) -> String {
    let mut parts: Vec<_> = shares.iter().collect();
    parts.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    let mut out = String::new();
    for (code, share) in parts {
        let reason = Reason::ALL.iter().find(|r| r.as_str() == *code);
        let comma = if out.is_empty() { "" } else { ", " };
        let words = reason.map_or(*code, |r| r.in_words());
        let _ = write!(out, "{comma}{words} {}", percent(*share));
    }
    if out.is_empty() { "no time".to_owned() } else { out }
}

/// What is not zero is not shown as zero, and what is not all is not shown as all.
fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p > 0.0 && p < 0.05 => "<0.1 %".to_owned(),
        p if p > 99.95 && p < 100.0 => ">99.9 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

/// What a distribution of latencies says.
fn row(f: &mut fmt::Formatter<'_>, name: &str, took: &LatencyNs) -> fmt::Result {
    let [p50, p99, max] = [took.p50, took.p99, took.max].map(nanos);
    writeln!(f, "  {name:<12} {p50:>12} {p99:>12} {max:>12}")
}
