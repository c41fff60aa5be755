use super::*;
use crate::bot::markets::MarketKind;
use crate::settings::QueueModel;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn verb(line: &str) -> Verb {
    parse(line).unwrap_or_else(|e| panic!("{line}: {e}")).into_verb()
}

#[test]
fn the_definition_is_sound() {
    use clap::CommandFactory as _;
    Cli::command().debug_assert();
}

#[test]
fn paper_is_the_default_verb_and_takes_its_flags() {
    assert!(matches!(verb("botmm"), Verb::Paper(p) if p.paper.duration.is_none()));
    for line in ["botmm --for 30s --seed 3", "botmm paper --for 30s --seed 3"] {
        let Verb::Paper(PaperVerb { paper: p, .. }) = verb(line) else { panic!("{line}") };
        assert_eq!((p.duration, p.common.seed), (Some(Nanos::secs(30)), Some(3)));
        assert_eq!(p.overrides(), Overrides { seed: Some(3), ..Overrides::default() });
    }
}

#[test]
fn replay_takes_paths_and_models() {
    let line = "botmm replay a b.csv --queue prob_power:2 --latency lognormal:50ms,0.3 \
                --fee-bps -0.1 --symbols BTC,ETH --lossless --json --out runs/x";
    let Verb::Replay(r) = verb(line) else { panic!() };
    assert_eq!(r.feed, FeedDelay::Recorded);
    let Verb::Replay(fast) = verb("botmm replay a --feed 10ms") else { panic!() };
    assert_eq!(fast.feed, FeedDelay::After(LatencyModel::Constant(Nanos::millis(10))));
    assert_eq!((r.paths.len(), r.plan.as_str(), r.lossless), (2, "inline", true));
    let flags = r.overrides();
    assert_eq!(flags.queue, Some(QueueModel::ProbPower(2.0)));
    let Verb::Replay(exact) = verb("botmm replay a --queue exact") else { panic!() };
    assert_eq!((exact.queue, exact.overrides().queue), (Some(Queue::Exact), None));
    assert_eq!(flags.maker_fee, Some(Bps::from_e8(-1_000)));
    let median = Nanos::millis(50);
    assert_eq!(flags.latency, Some(LatencyModel::LogNormal { median, sigma: 0.3 }));
}

#[test]
fn a_backtest_takes_lists_and_a_sweep_the_same() {
    let job = "a b --param min_spread_bps=1,2 --param BTC.level_weights=[1,0,0,0],[1,1,1,1] \
               --queue risk_averse,exact --feed 10ms,lognormal:50ms,0.3,recorded --latency 20ms \
               --fee-tier base,base-40%,-0.1bps --rules venue-budget --flat-days --walk-forward 3";
    let Verb::Backtest(args) = verb(&format!("botmm backtest {job} --jobs 2")) else { panic!() };
    let line = format!("botmm sweep plan {job} --out s --halving 3");
    let Verb::Sweep(SweepArgs { step: SweepStep::Plan(plan) }) = verb(&line) else { panic!() };
    assert_eq!((args.jobs, plan.halving, plan.job.paths.len()), (Some(2), Some(3), 2));
    for job in [&args.job, &plan.job] {
        assert_eq!((job.params.len(), job.feed.0.len(), job.fee_tier.0.len()), (2, 3, 3));
        assert_eq!(job.queue.as_ref().map(|list| list.0.len()), Some(2));
        assert_eq!((job.rules.budget, job.rules.funding, job.walk_forward), (false, true, 3));
    }
    let Verb::Backtest(plain) = verb("botmm backtest a") else { panic!() };
    assert_eq!((plain.job.rules, plain.job.funding_rate), (Rules::VENUE, 0));
    for line in
        ["botmm backtest --resume", "botmm backtest a --resume --out b", "botmm sweep run d"]
    {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn an_exchange_takes_a_tape_and_refuses_what_is_for_another_market() {
    let exchange = |line: &str| {
        let Verb::Exchange(args) = verb(line) else { panic!("{line}") };
        args
    };
    let args = exchange("botmm exchange --market tape a b --speed 2.5 --queue prob_log");
    let source = &args.source_of_prices;
    assert_eq!((args.paths.len(), source.market), (2, MarketKind::Tape));
    assert_eq!(source.misplaced(&args.paths), None);
    assert_eq!(source.speed.map(|s| s.to_string()).as_deref(), Some("2.5"));
    assert_eq!(args.overrides().queue, Some(QueueModel::ProbLog));
    for (line, expected) in [
        ("botmm exchange a", "--market tape"),
        ("botmm exchange --speed 2", "--speed is for"),
        ("botmm exchange --market mainnet --speed 2", "--speed is for"),
        ("botmm exchange --mirror-url http://127.0.0.1:1", "--market mirror"),
        ("botmm exchange --queue prob_log", "--queue is for"),
    ] {
        let args = exchange(line);
        let said = args.source_of_prices.misplaced(&args.paths);
        assert!(said.is_some_and(|s| s.contains(expected)), "{line}: {said:?}");
    }
}

#[test]
fn paper_takes_every_market_of_the_exchange() {
    let line = "botmm paper a --market tape --speed 10 --queue prob_log --for 5s";
    let Verb::Paper(PaperVerb { paths, paper }) = verb(line) else { panic!("{line}") };
    assert_eq!((paths.len(), paper.source.market), (1, MarketKind::Tape));
    assert_eq!(paper.source.misplaced(&paths), None);
    assert_eq!(paper.overrides().queue, Some(QueueModel::ProbLog));
    let line = "botmm --market tape";
    let Verb::Paper(PaperVerb { paths, paper }) = verb(line) else { panic!("{line}") };
    let said = paper.source.misplaced(&paths);
    assert!(said.is_some_and(|s| s.contains("botmm paper --market tape PATH")), "{said:?}");
}

#[test]
fn init_writes_botmm_toml_unless_told_otherwise() {
    for (line, path, force) in [
        ("botmm init", "botmm.toml", false),
        ("botmm init conf/my.toml --force", "conf/my.toml", true),
    ] {
        let Verb::Init(args) = verb(line) else { panic!("{line}") };
        assert_eq!((args.path, args.force), (PathBuf::from(path), force), "{line}");
    }
    assert!(matches!(verb("botmm schema"), Verb::Schema));
}

#[test]
fn usage_errors_say_what_is_allowed() {
    let cases = [
        ("botmm --for 30", "ns, us, ms, s, m, h"),
        ("botmm --for 0s", "above 0"),
        ("botmm replay", "<PATH>..."),
        ("botmm replay x --plan both", "dedicated"),
        ("botmm replay x --queue best", "prob_power:N"),
        ("botmm replay x --latency fast", "lognormal:MEDIAN,SIGMA"),
        ("botmm replay x --feed 10", "recorded, a duration"),
        ("botmm replay x --fee-bps 1.5%", "at most 4 decimals"),
        ("botmm --seed -1", "--seed"),
        ("botmm chekc", "check"),
        ("botmm rearm --address 0x12", "40 hex digits"),
        ("botmm sign --network main", "mainnet, testnet"),
        ("botmm sign --vault 0x12", "40 hex digits"),
        ("botmm sign --vectors x --nonce 1", "--vectors"),
        ("botmm init a b", "unexpected argument 'b'"),
        ("botmm schema --json", "--json"),
        ("botmm exchange --market tape", "<PATH>..."),
        ("botmm paper --market tape", "<PATH>..."),
        ("botmm exchange --market tapes x", "synthetic, tape, mainnet, mirror"),
        ("botmm exchange --market tape x --speed 0.05", "0.1 to 1000"),
        ("botmm exchange --market tape x --speed 1001", "0.1 to 1000"),
        ("botmm exchange --market tape x --speed fast", "0.1 to 1000"),
        ("botmm exchange --market mirror", "--mirror-url"),
    ];
    for (line, expected) in cases {
        let e = parse(line).err().unwrap_or_else(|| panic!("{line} was accepted"));
        assert_eq!(e.exit_code(), 2, "{line}");
        assert!(e.to_string().contains(expected), "{line}: {e}");
    }
}
