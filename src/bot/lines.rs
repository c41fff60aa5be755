//! The journal's lines about a run as a whole: what it is, how long its polls take, what it came to.

use crate::journal::line::{End, Latency, Line, Run, StageLatency, Today, WireLatency};
use crate::settings::Settings;
use crate::when::{utc, utc_date};
use botmm_pipeline::rt::{Latencies, StageLatency as Polls, Trips};
use botmm_pipeline::stage::numbers::Numbers;
use botmm_pipeline::types::{BreakWhy, Nanos, Usd};

/// What a run is.
pub struct Kind {
    /// `run`, `paper` or `replay`.
    pub verb: &'static str,
    /// `mainnet`, or where else it trades.
    pub network: String,
    /// Real money is at stake.
    pub is_real_money: bool,
    /// Whom it trades for; [`None`] = an account that is simulated for it.
    pub account: Option<String>,
}

/// The first line.
pub fn begin(kind: Kind, settings: &Settings, time: Nanos) -> Line {
    let params = settings.to_json()["symbols"].take();
    let Kind { verb, network, is_real_money, account } = kind;
    Line::Run(Run {
        time: utc(time),
        kind: verb.to_owned(),
        network,
        is_real_money,
        account,
        botmm: env!("CARGO_PKG_VERSION").to_owned(),
        coins: settings.symbols.clone(),
        config_sha256: settings.sha256(),
        params: serde_json::from_value(params).unwrap_or_default(),
    })
}

/// How long polls took so far, and the way from wire to wire.
pub fn latency(latencies: &Latencies, trips: &Trips, time: Nanos) -> Line {
    let took = |l: Polls| {
        let took = StageLatency { p50: l.p50_ns, p99: l.p99_ns, max: l.max_ns };
        (l.stage.to_owned(), took)
    };
    let wire = WireLatency {
        counts_from: trips.counts_from().to_owned(),
        trips: trips.count(),
        over_budget: trips.breaches(),
        steps: trips.steps().map(took).collect(),
    };
    Line::Latency(Latency {
        time: utc(time),
        stages: latencies.stages().map(took).collect(),
        wire: (!wire.steps.is_empty()).then_some(wire),
    })
}

/// The last line.
pub fn end(numbers: &Numbers, transfers: Option<Usd>, time: Nanos) -> Line {
    let halted = numbers.halted.iter().flatten();
    Line::End(End {
        time: utc(time),
        gross_usd: numbers.gross.to_string(),
        fees_usd: numbers.fees.to_string(),
        funding_usd: numbers.funding.to_string(),
        net_usd: numbers.net().to_string(),
        fills: numbers.fills,
        volume_usd: numbers.volume.to_string(),
        transfers_usd: transfers.map(|moved| moved.to_string()),
        today: numbers
            .today
            .map(|day| Today { date: utc_date(day.day), net_usd: day.net.to_string() }),
        halted: halted.copied().map(BreakWhy::in_words).map(str::to_owned).collect(),
    })
}
