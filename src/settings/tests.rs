use super::document::Document;
use super::*;
use crate::coins::coins;
use botmm_pipeline::types::{Nanos, Usd};
use std::io::Write as _;

fn no_env(_: &str) -> Option<String> {
    None
}

fn from_text(text: &str) -> Result<Settings, ConfigError> {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Settings::load(Some(file.path()), &no_env)
}

/// The message without the temporary directory.
fn refused(text: &str) -> String {
    let e = from_text(text).unwrap_err().to_string();
    assert!(!e.contains('\n'), "{e}");
    e.split_once(".toml").map_or(e.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn the_shipped_file_is_the_strategys_default() {
    let s = Settings::load(None, &no_env).unwrap();
    assert_eq!(s.symbols, ["BTC", "ETH", "SOL"]);
    assert_eq!(s.plan_name, "auto");
    let expected = AssetParams { maker_fee: s.sim.maker_fee, ..AssetParams::default() };
    assert_eq!(s.params("BTC"), expected);
    assert_eq!(s.params("DOGE"), expected);
    // What the file sets for a coin, and nothing else, differs from that.
    for (coin, spread, spacing) in
        [("ETH", 2.5, 1.0), ("SOL", 3.0, 1.5), ("XRP", 4.0, 2.0), ("HYPE", 6.0, 3.0)]
    {
        let p = s.params(coin);
        let bits = |of: [f64; 2]| of.map(f64::to_bits);
        assert_eq!(
            bits([p.min_spread_bps, p.level_spacing_bps]),
            bits([spread, spacing]),
            "{coin}"
        );
        assert_eq!((p.signal, p.adaptive, p.toxicity, p.fit), Default::default(), "{coin}");
        assert_eq!(p.sizer, Default::default(), "{coin}");
    }
    assert_eq!(s.sim.queue, QueueModel::RiskAverse);
    assert_eq!(s.sim.latency, LatencyModel::Constant(Nanos::millis(50)));
    assert_eq!((s.sim.maker_fee, s.sim.taker_fee), s.fees.maker_taker(0));
    assert!(s.warnings.is_empty(), "{:?}", s.warnings);
    let btc = s.instrument("BTC").unwrap();
    assert_eq!((btc.venue_index, btc.sz_decimals, btc.max_leverage), (0, 5, 40));
    let pepe = s.instrument("kPEPE").unwrap();
    assert_eq!((pepe.venue_index, pepe.sz_decimals, pepe.max_leverage), (15, 0, 10));
    assert!(s.instrument("KPEPE").is_none());
    assert_eq!((s.universe().len(), s.universe().find(b"SOL").unwrap().index()), (3, 2));
}

#[test]
fn the_fee_table_is_the_published_one() {
    let fees = Settings::load(None, &no_env).unwrap().fees;
    let bps = |s: &str| parse_bps(s).unwrap();
    assert_eq!(fees.volume_tiers.len(), 7);
    assert_eq!(fees.maker_taker(0), (bps("1.5"), bps("4.5")));
    assert_eq!(fees.maker_taker(6), (bps("0"), bps("2.4")));
    assert_eq!(fees.maker_taker(99), fees.maker_taker(6));
    assert_eq!(fees.with_rebate(2, 0), (bps("0.8"), bps("3.5")));
    assert_eq!(fees.with_rebate(2, 3), (bps("-0.3"), bps("3.5")));
}

#[test]
fn every_key_is_specified_shipped_and_commented_upon() {
    let shipped = Document::parse("x", SHIPPED).unwrap().table;
    for spec in spec::SPECS {
        let mentioned = SHIPPED.contains(&format!("{} = ", spec.key));
        assert!(mentioned, "{} is not in the shipped file", spec.key);
    }
    let counted = |path: [&str; 2]| shipped[path[0]][path[1]].as_table().unwrap().len();
    for (part, section) in spec::PARTS {
        assert_eq!(counted(["defaults", part]), spec::of(section).count(), "{part}");
    }
}

#[test]
fn a_file_goes_on_top_and_a_coin_on_top_of_that() {
    let s = from_text(
        "[defaults.quote]\nmin_spread_bps = 3\n[asset.ETH.quote]\nmin_spread_bps = 4.5\n\
         order_size_usd = 0.1e3\n[asset.ETH.risk]\nmax_position_usd = \"500.00000001\"\n",
    )
    .unwrap();
    assert_eq!(s.params("BTC").min_spread_bps.to_bits(), 3.0_f64.to_bits());
    let eth = s.params("ETH");
    assert_eq!(eth.min_spread_bps.to_bits(), 4.5_f64.to_bits());
    assert_eq!(eth.order_size_usd, Usd::whole(100));
    assert_eq!(eth.risk.max_position_usd.to_string(), "500.00000001");
    assert_eq!(eth.max_spread_bps.to_bits(), 50.0_f64.to_bits());
    assert!(s.origin("asset.ETH.quote.min_spread_bps").unwrap().ends_with(".toml:4"));
    assert_eq!(s.origin("defaults.quote.max_spread_bps"), None);
}

#[test]
fn a_late_feed_is_left_to_the_run_or_said() {
    let at = |text: &str, is_at_venue| {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let draft = Draft::load(Some(file.path()), &no_env).unwrap().at_venue(is_at_venue);
        draft.build().unwrap().params("BTC").risk.late_action
    };
    use botmm_pipeline::types::params::LateAction::{StandAside, Warn};
    assert_eq!((at("", true), at("", false)), (StandAside, Warn));
    let said = |word: &str| format!("[asset.BTC.risk]\nfeed_late_action = {word:?}\n");
    assert_eq!((at(&said("warn"), true), at(&said("stand_aside"), false)), (Warn, StandAside));
    assert_eq!(at(&said("auto"), true), StandAside);
    let refused = refused(&said("sleep"));
    assert!(refused.contains("feed_late_action") && refused.contains("stand_aside"), "{refused}");
}

#[test]
fn a_key_that_is_gone_says_what_to_use() {
    for table in ["defaults", "asset.BTC"] {
        let refused = refused(&format!("[{table}.toxicity]\nuse_edge_gate = true\n"));
        let said = format!(":2: {table}.toxicity.use_edge_gate: this key is gone; use use_edge in");
        assert!(refused.starts_with(&said), "{refused}");
    }
}

#[test]
fn a_default_of_ones_own_goes_before_what_is_shipped_for_a_coin() {
    let s = from_text("[defaults.quote]\nmin_spread_bps = 5\n[asset.XRP.quote]\nnum_levels = 1")
        .unwrap();
    for coin in s.coins() {
        assert_eq!(s.params(coin).min_spread_bps.to_bits(), 5.0_f64.to_bits(), "{coin}");
    }
    let xrp = s.params("XRP");
    assert_eq!((xrp.num_levels, xrp.order_size_usd), (1, Usd::whole(100)), "the rest stays");
    assert_eq!(s.params("SOL").level_spacing_bps.to_bits(), 1.5_f64.to_bits());
}

#[test]
fn a_venue_that_lists_fewer_coins_needs_no_other_configuration() {
    let draft = Draft::load(None, &no_env).unwrap();
    let btc = Settings::load(None, &no_env).unwrap().instrument("BTC").unwrap();
    let only_btc = Overrides { symbols: Some("BTC".to_owned()), ..Overrides::default() };
    let s = draft.with_universe(&[btc]).with(&only_btc).unwrap().build().unwrap();
    assert_eq!(s.coins().collect::<Vec<_>>(), ["BTC"]);
    assert!(!s.render().contains("HYPE"));

    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(b"[asset.DGE.quote]\nnum_levels = 1\n").unwrap();
    let draft = Draft::load(Some(file.path()), &no_env).unwrap();
    let e = draft.with_universe(&[btc]).with(&only_btc).unwrap().build().unwrap_err().to_string();
    assert!(e.contains("asset.DGE: the universe has no such coin"), "{e}");
}

#[test]
fn refusals_name_place_key_value_and_what_is_allowed() {
    let cases = [
        ("[general]\nsede = 1", ":2: general.sede: unknown key; did you mean seed?"),
        ("[genral]\nseed = 1", ":1: genral: unknown key; did you mean general?"),
        (
            "[defaults.quote]\nmin_spread_bps = \"2bps\"",
            ":2: defaults.quote.min_spread_bps: \"2bps\" is not allowed (wrong type or unit); \
             allowed: a number from 0.01 to 1000 (bps)",
        ),
        (
            "\n[defaults.quote]\nmin_spread_bps = 60",
            ":3: defaults.quote.min_spread_bps: BTC, ETH, SOL: min_spread_bps = 60 is above \
             max_spread_bps = 50.0; allowed: min_spread_bps at most max_spread_bps",
        ),
        (
            "[asset.BTC.quote]\nmax_spread_bps = 1.5",
            ":2: asset.BTC.quote.max_spread_bps: BTC: min_spread_bps = 2.0 is above \
             max_spread_bps = 1.5; allowed: min_spread_bps at most max_spread_bps",
        ),
        (
            "[defaults.risk]\nstale_book_ms = -5",
            ":2: defaults.risk.stale_book_ms: -5 is not allowed (out of range); allowed: a whole \
             number from 100 to 3600000 (ms)",
        ),
        (
            "[defaults.risk]\nexpires_after_ms = 2700",
            ":2: defaults.risk.expires_after_ms: BTC, ETH, SOL: max_clock_offset_ms = 900 is not \
             below a third of expires_after_ms = 2700; allowed: max_clock_offset_ms at most 899",
        ),
        (
            "[defaults.risk]\nmax_clock_offset_ms = 950\n[asset.ETH.risk]\nexpires_after_ms = 2800",
            ":2: defaults.risk.max_clock_offset_ms: ETH: max_clock_offset_ms = 950 is not below a \
             third of expires_after_ms = 2800; allowed: max_clock_offset_ms at most 933",
        ),
        (
            "[defaults.quote]\nvol_multiplier = nan",
            ":2: defaults.quote.vol_multiplier: nan is not allowed (out of range); allowed: a \
             number from 0 to 100 (times)",
        ),
        ("[sim]\nlatency = \"50\"", ":2: sim.latency: \"50\" is not allowed (wrong type or unit);"),
        ("[sim]\nfee_tier = 7", ":2: sim.fee_tier: 7 is not allowed (no such tier);"),
        ("[defaults]\nquote = 5", ":2: defaults.quote: wrong type: integer; allowed: a table"),
        ("general = 5", ":1: general: wrong type: integer; allowed: a table"),
        ("[asset.BTC.risk]\ncapital_usd = 5000", ":2: asset.BTC.risk.capital_usd: holds for the"),
        ("[asset.DGE.risk]\nstale_book_ms = 500", ":1: asset.DGE: the universe has no such coin;"),
        ("[general]\nsymbols = [\"BTX\"]", ":2: general.symbols: unknown coin \"BTX\"; did you"),
        ("[universe]\nX = { index = 900, sz_decimals = 2 }", ":2: universe.X: missing field"),
        (
            "[defaults.quote]\norder_size_usd = 150.000000001",
            ":2: defaults.quote.order_size_usd: \"150.000000001\" is not allowed",
        ),
        (
            "[defaults.quote]\nnum_levels = 1\nlevel_weights = [0, 1, 0, 0]",
            ":3: defaults.quote.level_weights: BTC, ETH, SOL: the weights of the 1 levels in use are all 0",
        ),
        (
            "fees.volume_tier = [{ min_volume_usd = 1, taker_bps = 1, maker_bps = 1 }]",
            ":1: fees.volume_tier: the first tier must have min_volume_usd = 0",
        ),
    ];
    for (text, expected) in cases {
        let message = refused(text);
        assert!(message.starts_with(expected), "{text}\n got {message}\nwant {expected}");
    }
}

#[test]
fn money_typed_as_a_float_is_exact_to_the_last_digit() {
    let s = from_text("[defaults.risk]\ncapital_usd = 999_999_999.12345678\n").unwrap();
    assert_eq!(s.params("BTC").risk.capital_usd.to_string(), "999999999.12345678");
}

#[test]
fn the_environment_picks_symbols_and_flags_win() {
    let env = |name: &str| (name == "MM_SYMBOLS").then(|| "ethusdt, kpepe-perp".to_owned());
    let s = Settings::load(None, &env).unwrap();
    assert_eq!(s.symbols, ["ETH", "kPEPE"]);
    assert_eq!(s.origin("general.symbols"), Some("MM_SYMBOLS"));
    let flags = Overrides {
        symbols: Some("sol".to_owned()),
        plan: Some("inline".to_owned()),
        seed: Some(7),
        queue: Some(QueueModel::ProbLog),
        queue_from: None,
        rules: Some(Rules::VENUE),
        latency: Some(LatencyModel::Constant(Nanos::millis(5))),
        maker_fee: Some(Bps::from_e8(-1_000)),
        fee_tier: Some(2),
        rebate_tier: Some(1),
    };
    let s = s.with(&flags).unwrap();
    assert_eq!((s.symbols[0].as_str(), s.plan_name.as_str(), s.seed), ("SOL", "inline", 7));
    assert_eq!((s.sim.queue, s.sim.latency), (QueueModel::ProbLog, flags.latency.unwrap()));
    assert_eq!(s.sim.rules, Rules::VENUE);
    assert_eq!(s.params("SOL").maker_fee, Bps::from_e8(-1_000));
    assert_eq!((s.sim.fee_tier, s.sim.maker_rebate_tier), (2, 1));
    assert_eq!(s.sim.taker_fee, s.fees.maker_taker(2).1);
    let bad = Overrides { symbols: Some("DOG".to_owned()), ..Overrides::default() };
    let e = s.with(&bad).unwrap_err().to_string();
    assert!(e.starts_with("--symbols: general.symbols: unknown coin \"DOG\"; did you mean"), "{e}");
}

#[test]
fn what_is_rendered_can_be_read_back() {
    let s = from_text(
        "[general]\nsymbols = [\"HYPE\"]\nseed = 9\n[asset.HYPE.quote]\nmin_spread_bps = 5\n\
         [defaults.risk]\ncapital_usd = 12345.678\n[sim]\nmaker_fee_bps = 0.25\n",
    )
    .unwrap();
    let again = from_text(&s.render()).unwrap();
    assert_eq!(again.params("HYPE"), s.params("HYPE"));
    assert_eq!((&again.symbols, again.seed, again.sim), (&s.symbols, s.seed, s.sim));
    assert_eq!(again.sha256(), s.sha256());
    let flags = Overrides { plan: Some("solo".to_owned()), ..Overrides::default() };
    assert_eq!(again.clone().with(&flags).unwrap().sha256(), s.sha256(), "plans decide nothing");
    assert_ne!(again.sha256(), Settings::load(None, &no_env).unwrap().sha256());
    assert!(s.render().contains("capital_usd = 12345.678  # "), "{}", s.render());
}

#[test]
fn secrets_are_seen_and_never_shown() {
    let env = |name: &str| match name {
        "HL_PRIVATE_KEY" => Some("0xdeadbeef".to_owned()),
        "HL_WALLET_ADDRESS" => Some(" ".to_owned()),
        _ => None,
    };
    let s = Settings::load(None, &env).unwrap();
    let shown = format!("{} {:?} {}", s.render(), s, s.to_json());
    assert!(!shown.contains("deadbeef"));
    assert!(shown.contains("HL_PRIVATE_KEY: set (masked)"));
    assert!(shown.contains("HL_WALLET_ADDRESS: not set"));
    // Nor does a key pasted into the file come back in the message that refuses it.
    assert!(!refused("private_key = \"0xdeadbeef\"").contains("deadbeef"));
}

#[test]
fn sizes_that_the_venue_would_refuse_are_warned_about() {
    let s = from_text("[asset.BTC.quote]\norder_size_usd = 20\nfee_floor = false").unwrap();
    assert_eq!(s.warnings.len(), 2, "{:?}", s.warnings);
    assert!(s.warnings[0].starts_with("BTC: level 2 gets 7.50 USD"), "{:?}", s.warnings);
}

#[test]
fn odd_values_are_refused_in_one_line_or_usable_and_never_panic() {
    use spec::Section;
    let odd = [
        "0",
        "-1",
        "1e308",
        "-1e-9",
        "nan",
        "inf",
        "9223372036854775807",
        "true",
        "\"\"",
        "\"x\"",
        "\"1e400\"",
        "\"-0\"",
        "[]",
        "[nan, 1, 1, 1]",
        "{}",
        "1979-05-27",
        "\"a\\nb\"",
    ];
    let mut refusals = 0;
    for spec in spec::SPECS {
        let table = match spec.section {
            Section::General => "[general]",
            Section::Discord => "[discord]",
            Section::Webhook => "[webhook]",
            Section::Http => "[http]",
            Section::Wire => "[wire]",
            Section::History => "[history]",
            Section::Tuner => "[tuner]",
            Section::DeadMan => "[dead_man]",
            Section::Sim => "[sim]",
            Section::Quote => "[asset.SOL.quote]",
            Section::Signal => "[asset.SOL.signal]",
            Section::Adaptive => "[asset.SOL.adaptive]",
            Section::Toxicity => "[asset.SOL.toxicity]",
            Section::Fit => "[asset.SOL.fit]",
            Section::Sizer => "[asset.SOL.sizer]",
            Section::Risk => "[defaults.risk]",
            Section::Instrument => "[universe.NEW]",
            Section::VolumeTier => "[[fees.volume_tier]]",
            Section::MakerRebate => "[[fees.maker_rebate]]",
        };
        for value in odd {
            match from_text(&format!("{table}\n{} = {value}\n", spec.key)) {
                Ok(s) => assert!(s.params("SOL").is_usable(), "{} = {value}", spec.key),
                Err(e) => {
                    let e = e.to_string();
                    assert!(!e.contains('\n'), "{e}");
                    let table = table.trim_matches(['[', ']']);
                    assert!(e.contains(spec.key) || e.contains(table), "{value}: {e}");
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 600, "only {refusals}");
}

#[test]
fn a_delisted_coin_is_named_and_left_out_or_refused() {
    let coins = coins([("BTC", 2), ("ETH", 2), ("SOLV", 2)]);
    let delisted = ["SOL".to_owned(), "MATIC".to_owned()];
    let build = |symbols: &str, strict| {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        let text = format!(
            "[general]\nsymbols = [{symbols}]\n[asset.SOL.quote]\nnum_levels = 1\n\
             [asset.MATIC.quote]\nnum_levels = 1\n"
        );
        file.write_all(text.as_bytes()).unwrap();
        let draft = Draft::load(Some(file.path()), &no_env).unwrap();
        let built = draft.with_universe(&coins).without(&delisted, strict).build();
        built.map_err(|e| e.to_string())
    };
    let s = build("'BTC', 'solusdt', 'MATIC', 'ETH', 'SOLV'", false).unwrap();
    assert_eq!(s.symbols, ["BTC", "ETH", "SOLV"]);
    let told = |coin| s.warnings.contains(&format!("{coin}: the venue has delisted it; left out"));
    assert!(told("SOL") && told("MATIC"), "{:?}", s.warnings);
    let refused = build("'BTC', 'SOL'", true).unwrap_err();
    assert!(refused.contains("general.symbols: the venue has delisted SOL"), "{refused}");
    let refused = build("'SOL'", false).unwrap_err();
    assert!(refused.contains("the venue has delisted SOL"), "nothing is left: {refused}");
    assert!(build("'BTC'", true).unwrap().warnings.is_empty(), "it is not one of ours");
    let refused = build("'BTX'", false).unwrap_err();
    assert!(refused.contains("unknown coin"), "{refused}");
}
