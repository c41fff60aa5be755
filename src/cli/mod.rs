//! The command line: what can be typed, in which units, and what is assumed when it is not.

mod alert;
mod backtest;
mod calibrate;
mod candles;
mod configuration;
mod doctor;
mod drill;
mod economics;
mod end;
mod exchange;
mod explain;
mod export;
mod guard;
mod history;
mod import;
mod inspect;
mod job;
mod kill;
mod market;
mod parity;
mod reading;
mod record;
mod report;
mod sign;
mod status;
mod sweep;
mod train;
mod tune;
mod why;

pub use alert::AlertArgs;
pub use backtest::{BacktestArgs, JobFlags};
pub use calibrate::CalibrateArgs;
pub use candles::CandlesArgs;
pub use configuration::{CheckArgs, InitArgs};
pub use doctor::DoctorArgs;
pub use drill::DrillArgs;
pub use economics::EconomicsArgs;
pub use end::EndArgs;
pub use exchange::{Chain, ExchangeArgs, Funded};
pub use explain::ExplainArgs;
pub use export::ExportArgs;
pub use guard::GuardArgs;
pub use history::{HistoryArgs, Of};
pub use import::ImportArgs;
pub use inspect::InspectArgs;
pub use job::JobArgs;
pub use kill::KillArgs;
pub use market::MarketSource;
pub use parity::ParityArgs;
pub use reading::ReadingArgs;
pub use record::RecordArgs;
pub use report::ReportArgs;
pub use sign::SignArgs;
pub use status::StatusArgs;
pub use sweep::{SweepArgs, SweepStep};
pub use train::TrainArgs;
pub use tune::TuneArgs;
pub use why::WhyArgs;

use self::sign::parse_address;
use crate::settings::{
    FeedDelay, LatencyModel, Overrides, PLANS, Queue, Rules, THREADED_PLANS, parse_bps,
    parse_duration,
};
use botmm_pipeline::types::{Bps, Nanos};
use botmm_pipeline::venue::hl::sign::Address;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A market maker for Hyperliquid perpetual futures.
///
/// Without a verb it runs `paper`: a synthetic market on this machine, no keys, no network.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        botmm                                  the paper market, till Ctrl-C\n  \
        botmm --for 30s --json                 30 seconds of it, the summary alone as JSON\n  \
        botmm replay DIR --fee-bps 1.5         a recording through the same pipeline\n  \
        botmm backtest DAYS --param min_spread_bps=2,3      sets of parameters, with intervals\n  \
        botmm candles FILES                    months of bars through the strategy, coarsely\n  \
        botmm economics DIR                    should this market be made at all?\n  \
        botmm train --runs runs --out MODEL    learn from our own orders when not to quote\n  \
        botmm calibrate runs                   which queue model our own orders bear out\n  \
        botmm record --out DIR                 the venue's public data, day and night\n  \
        botmm parity runs/NAME                 a live run again, decision by decision\n  \
        botmm import FILES --out FOLDER        a recording of what nodes, sellers and other tools write\n  \
        botmm report runs/NAME                 what a run came to, and why: one page with charts\n  \
        botmm export DIR --format parquet --out PQ      the same for pandas, polars, DuckDB\n  \
        botmm inspect DIR                      what a recording holds, and what it is good for\n  \
        botmm exchange --fund ADDRESS=10000    a local Hyperliquid for any client\n  \
        botmm run --network testnet            trades there, with the key in HL_PRIVATE_KEY\n  \
        botmm init my.toml                     a commented configuration to begin with\n  \
        botmm kill                             no order rests, and none is sent until `rearm`\n  \
        botmm rearm                            ends a kill, a halt or a cool-down\n  \
        botmm explain BTC                      every term of the newest quote\n  \
        botmm status                           how the bot goes, in one screenful\n  \
        botmm why                              why each side is quoted or not\n  \
        botmm history                          what all runs earned and paid\n  \
        botmm tune                             what the tuner did, and from what\n  \
        botmm drill                            who cancels when the bot cannot, and how soon\n  \
        botmm check --config my.toml           is this configuration sound?\n\n\
        Exit codes: 0 ok, 1 what was checked does not hold, 2 usage, 3 configuration, 5 venue or data,\n\
        6 risk halt, 7 a repeated run decided otherwise, 8 could not be done now: try again.\n\
        Environment: MM_SYMBOLS=BTCUSDT,ETH picks the coins."
)]
pub struct Cli {
    /// What to do; `paper` when left out.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Flags of the default verb.
    #[command(flatten)]
    pub paper: PaperArgs,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Run recorded books and trades through the pipeline, against the simulator.
    Replay(ReplayArgs),
    /// Replay days for sets of parameters and assumptions, and say what that comes to.
    Backtest(BacktestArgs),
    /// The same in parts, for many processes and machines: plan, run, reduce.
    Sweep(SweepArgs),
    /// Run the strategy over candles, coarsely: months in a second, without books.
    Candles(CandlesArgs),
    /// Say whether a market should be made at all: its spreads, fees and fills against lending.
    Economics(EconomicsArgs),
    /// Learn from what became of our own orders: would an order fill, and what would that cost?
    Train(TrainArgs),
    /// Say how far queue models can be trusted, and fit one, by what became of our own orders.
    Calibrate(CalibrateArgs),
    /// Record the venue's public data, day and night: no key, no account.
    Record(RecordArgs),
    /// Repeat a live run from its own capture: is every decision the same?
    Parity(ParityArgs),
    /// Show what a run came to and why: one HTML page with charts, and the same as text and JSON.
    Report(ReportArgs),
    /// Make a recording of what others have: of nodes, sellers, other venues, recorders, hftbacktest.
    Import(ImportArgs),
    /// Write a recording as CSV, Parquet, or hftbacktest's files.
    Export(ExportArgs),
    /// Say what a recording holds, what is wrong with it, and what it is good for.
    Inspect(InspectArgs),
    /// Trade on the venue, with a key of yours.
    Run(RunArgs),
    /// Serve a local Hyperliquid: REST and WebSocket on one loopback port, for any client.
    Exchange(ExchangeArgs),
    /// Run against an exchange of its own on this machine: no keys, no network (the default verb).
    Paper(PaperVerb),
    /// Cancel every order and keep the bot from sending any, until a person re-arms.
    Kill(KillArgs),
    /// Cancel for a bot that hangs or is dead: a process of its own, with a key of its own.
    Guard(GuardArgs),
    /// End a kill, a halt or a cool-down: of the running bot, or of the next run.
    Rearm(RearmArgs),
    /// Validate the configuration and print it resolved, secrets masked.
    Check(CheckArgs),
    /// Write a commented configuration file to begin with.
    Init(InitArgs),
    /// Print a JSON Schema of the configuration, for editors.
    #[command(after_help = "Examples:\n  \
        botmm schema > botmm.schema.json    beside your botmm.toml, whose first line is then\n                                      \
        #:schema ./botmm.schema.json (`botmm init` writes it)")]
    Schema,
    /// Sign an action (nothing is sent), or check signatures against known answers.
    Sign(SignArgs),
    /// Show every term of a quote: why it stood where it stood.
    Explain(ExplainArgs),
    /// Show how the bot goes in one screenful: the running one, or the last word of one that is down.
    Status(StatusArgs),
    /// Say why each side is quoted or not, and what would end that.
    Why(WhyArgs),
    /// Show what all runs traded, paid and earned, by day and coin, or as FIFO lots.
    History(HistoryArgs),
    /// Show what the tuner did, go back by a change, or judge it against no tuning.
    Tune(TuneArgs),
    /// Look whether a live run would do well here: machine, key, account, venue.
    Doctor(DoctorArgs),
    /// Prove the dead man's ladder: harm a bot on an exchange of this process, and see who cancels.
    Drill(DrillArgs),
    /// Tell whoever is away, by the webhooks that a bot would use.
    Alert(AlertArgs),
}

impl Cli {
    /// The verb, with the default filled in.
    pub fn into_verb(self) -> Verb {
        self.verb.unwrap_or(Verb::Paper(PaperVerb { paths: Vec::new(), paper: self.paper }))
    }
}

/// `botmm replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm replay recordings/2025-09-04 --symbols BTC,ETH\n  \
    botmm replay day.csv.zst --queue prob_power:3 --latency lognormal:50ms,0.3 --seed 7\n  \
    botmm replay hl/data --queue exact    a node's single orders and fills: our true place in each queue\n  \
    botmm replay DIR --feed 10ms          had the feed been 10 ms late instead of as recorded\n  \
    botmm replay DIR --strategy grid --queue-semantics hftbacktest --fills fills.csv\n  \
    botmm replay DIR --rules venue        with margin, funding, blocks, price band and request budget\n  \
    botmm replay DIR --lean --json | jq .net_pnl_usd\n  \
    botmm replay DIR --params-from runs/x/journal.jsonl\n\n\
    A replay does not read data/live_params.json: its parameters are those of the configuration, and\n\
    with --params-from they change as they did in the run of that journal.\n\
    Durations: a number with ns, us, ms, s, m or h.")]
pub struct ReplayArgs {
    /// Recordings: files, or folders of them (.csv, raw frame lines, lines of the venue's archive;
    /// plain, .zst, .gz or .lz4; .parquet).
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Threads: inline (none, virtual clock), solo, paired, dedicated, auto.
    #[arg(long, value_name = "PLAN", default_value = "inline",
          value_parser = PossibleValuesParser::new(PLANS))]
    pub plan: String,
    /// Place in the queue: risk_averse, prob_power, prob_power:N, prob_power2:N, prob_power3:N, prob_log,
    /// prob_log2, or exact, which needs a
    /// recording of single orders (a node's L4) [default: risk_averse].
    #[arg(long, value_name = "MODEL", value_parser = str::parse::<Queue>)]
    pub queue: Option<Queue>,
    /// The model that `botmm calibrate --out FILE` fitted to our own orders.
    #[arg(long, value_name = "FILE", conflicts_with = "queue")]
    pub queue_from: Option<PathBuf>,
    /// Which of the venue's rules hold: replay (an account that can pay for everything), venue (all), and
    /// +RULE or -RULE of blocks, funding, margin, band, budget: replay+funding [default: replay].
    #[arg(long, value_name = "RULES", value_parser = str::parse::<Rules>)]
    pub rules: Option<Rules>,
    /// When events reach us: recorded (at their receive times), or so long after they happened at the
    /// venue: 10ms, lognormal:MEDIAN,SIGMA. How late the feed is decides a result more than all else.
    #[arg(long, value_name = "DELAY", default_value = "recorded",
          value_parser = str::parse::<FeedDelay>)]
    pub feed: FeedDelay,
    /// Change parameters when and as the "params" lines of this journal say.
    #[arg(long, value_name = "JOURNAL")]
    pub params_from: Option<PathBuf>,
    /// Drop nothing between the stages, so that plans can be compared; slower.
    #[arg(long)]
    pub lossless: bool,
    /// Neither tell nor measure what only explains: no terms of quotes, no commentary, no latency of stages;
    /// faster. What is decided and filled is the same.
    #[arg(long, conflicts_with = "out")]
    pub lean: bool,
    /// How recordings are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// To be compared with another engine.
    #[command(flatten)]
    pub job: JobArgs,
    /// What both market verbs take.
    #[command(flatten)]
    pub common: MarketArgs,
}

/// `botmm paper`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "Examples:\n  \
    botmm paper --for 5m --symbols BTC,SOL\n  \
    botmm paper --for 30s --seed 7 --json > summary.json\n  \
    botmm paper --market tape recordings/2025-09-04 --speed 10\n  \
    botmm paper --market mainnet --symbols BTC      its public data; orders stay here\n  \
    botmm paper --for 1h --flatten                  what is held at the end is sold, at a taker's fee\n\n\
    Durations: a number with ns, us, ms, s, m or h.")]
pub struct PaperVerb {
    /// Recordings for --market tape: files, or folders of them. The run ends with the tape.
    #[arg(value_name = "PATH", required_if_eq("market", "tape"))]
    pub paths: Vec<PathBuf>,
    /// What the default verb takes too.
    #[command(flatten)]
    pub paper: PaperArgs,
}

/// `botmm` alone, and most of `botmm paper`.
#[derive(Clone, Debug, Default, Args)]
pub struct PaperArgs {
    /// Threads: auto (by the cores this process may use), solo, paired, dedicated [default: auto].
    #[arg(long, value_name = "PLAN", value_parser = PossibleValuesParser::new(THREADED_PLANS))]
    pub plan: Option<String>,
    /// Refused: of replays alone.
    #[arg(long, value_name = "JOB", hide = true, value_parser = job::no_job)]
    pub strategy: Option<String>,
    /// Stop after this long (30s, 5m, 1h); without it, Ctrl-C stops.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_run_time)]
    pub duration: Option<Nanos>,
    /// What moves the prices of its exchange.
    #[command(flatten)]
    pub source: MarketSource,
    /// How it ends.
    #[command(flatten)]
    pub end: EndArgs,
    /// What both market verbs take.
    #[command(flatten)]
    pub common: MarketArgs,
}

/// `botmm run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    HL_PRIVATE_KEY=0x... botmm run --network testnet --symbols BTC\n  \
    botmm run --network mainnet --key-file agent.key --i-understand-real-money\n  \
    botmm run --network http://127.0.0.1:3001 --key-file test.key --for 10m\n  \
    botmm run --network testnet --key-file agent.key --flatten     ends without a position\n\n\
    The key comes from --key-file (mode 0600), HL_PRIVATE_KEY, or the systemd credential\n\
    hl_private_key; use the key of an agent wallet. HL_WALLET_ADDRESS names the account when it is\n\
    a sub-account or vault. Ctrl-C or SIGTERM cancels every order before it ends.")]
pub struct RunArgs {
    /// mainnet, testnet, https://HOST[:PORT], or http://127.0.0.1:PORT.
    #[arg(long, value_name = "NETWORK")]
    pub network: String,
    /// Allow trading with real money.
    #[arg(long)]
    pub i_understand_real_money: bool,
    /// Read the private key from this file, which only its owner may read (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Trust these certificate authorities too (PEM), beside the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Where nonces, run numbers and the risk state are kept between runs [default: state].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How long a venue that does not answer is asked again before the start is given up; 0s = not at
    /// all.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub wait: Nanos,
    /// Refuse to start when the venue has delisted one of the coins; without it that coin is left out.
    #[arg(long)]
    pub strict_symbols: bool,
    /// Another botmm may trade on this account, on other coins; without it the second one refuses.
    #[arg(long)]
    pub allow_other_session: bool,
    /// Lets a drill make parts of it stand, by files in this folder; on this machine's exchanges only.
    #[arg(long, value_name = "DIR", hide = true)]
    pub drill: Option<PathBuf>,
    /// Threads: auto (by the cores this process may use), solo, paired, dedicated [default: auto].
    #[arg(long, value_name = "PLAN", value_parser = PossibleValuesParser::new(THREADED_PLANS))]
    pub plan: Option<String>,
    /// Refused: of replays alone.
    #[arg(long, value_name = "JOB", hide = true, value_parser = job::no_job)]
    pub strategy: Option<String>,
    /// Stop after this long (30s, 5m, 1h); without it, Ctrl-C stops.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_run_time)]
    pub duration: Option<Nanos>,
    /// How it ends.
    #[command(flatten)]
    pub end: EndArgs,
    /// What the market verbs take; latency and fee are the venue's own here.
    #[command(flatten)]
    pub common: MarketArgs,
}

/// What the market verbs have in common.
#[derive(Clone, Debug, Default, Args)]
pub struct MarketArgs {
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Coins to quote, comma-separated (BTC,ETH; BTCUSDT and eth-perp are understood too)
    /// [default: BTC,ETH,SOL].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// How long an order takes to the venue, and its answer back: 50ms, or lognormal:MEDIAN,SIGMA
    /// (lognormal:50ms,0.3). In `paper` the feed takes as long; in `replay` it is --feed that says
    /// [default: 50ms].
    #[arg(long, value_name = "LATENCY", value_parser = str::parse::<LatencyModel>)]
    pub latency: Option<LatencyModel>,
    /// Maker fee in basis points, positive = cost; -0.1 is a rebate [default: the base tier's 1.5].
    #[arg(long, value_name = "BPS", value_parser = parse_bps, allow_negative_numbers = true)]
    pub fee_bps: Option<Bps>,
    /// Seed of everything random [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64),
          allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Print the summary alone, as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where to write the journal and the summary.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `botmm rearm`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "Examples:\n  \
    botmm rearm                                   of the one key in state/\n  \
    botmm rearm --address 0x1719884eb866cb12b2287399b15f7db5e7d775ea\n  \
    botmm rearm --state runs/2026-11-22T17-45-10Z/state      of a paper run\n\n\
    Daily loss and drawdown count from here. A bot that runs with the key is asked; when none runs,\n\
    its next run begins re-armed. Look at the journal first: a halt has a reason.\n\
    Exit code 1 when something still holds after it.")]
pub struct RearmArgs {
    /// Where the state of runs is kept [default: state].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Which key's, by its address; needed when the folder holds several.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub address: Option<Address>,
}

impl ReplayArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        let queue = self.queue.and_then(|queue| match queue {
            Queue::Exact => None,
            Queue::Estimated(model) => Some(model),
        });
        Overrides {
            plan: Some(self.plan.clone()),
            queue,
            queue_from: self.queue_from.clone(),
            rules: self.rules,
            ..self.common.overrides()
        }
    }
}

impl PaperArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        let (plan, queue) = (self.plan.clone(), self.source.queue);
        Overrides { plan, queue, ..self.common.overrides() }
    }
}

impl RunArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        Overrides { plan: self.plan.clone(), ..self.common.overrides() }
    }
}

impl MarketArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            symbols: self.symbols.clone(),
            seed: self.seed,
            latency: self.latency,
            maker_fee: self.fee_bps,
            ..Overrides::default()
        }
    }
}

/// A run of no time at all is a typing error.
fn parse_run_time(text: &str) -> Result<Nanos, String> {
    match parse_duration(text)? {
        Nanos::ZERO => Err("0 is no time to run; allowed: above 0 (30s, 5m, 1h)".to_owned()),
        span => Ok(span),
    }
}

#[cfg(test)]
mod tests;
