use super::*;

fn decision() -> Value {
    json!({
        "type": "decision", "time": "2025-09-04T20:00:00Z", "coin": "SOL", "mid": "100.5",
        "fair": "100.5", "vol_bps": 3.0, "bid": "quoted", "ask": "one_sided",
        "bids": [["100.4", "0.5"], ["100.25", "0.3"]], "asks": [],
        "terms": {
            "model": "linear", "strategy": "adaptive", "regime": "high", "fair": "100.5",
            "bid": {"base": "-0.04", "regime": "-0.02", "rounding": "-0.04"},
            "ask": {"base": "0.04", "regime": "0.02", "rounding": "0.04", "post_only": "0.1"},
            "spacing": "0.1", "size_usd": "150", "position": "2", "share": 0.9, "atr": "0.3",
            "signal": 1, "score": 0.75, "imbalance": -0.1, "spread_mults": [1.5, 1.0, 1.0],
            "toxicity_mults": [1.0, 1.0], "decay": 0.0, "floor_bps": 3.4, "arrivals": null,
            "edge_bps": [-1.25, 0.5], "adverse_bps": [0.25, 0.125], "feed_delay_ms": 50.0,
        },
    })
}

fn read(line: &Value) -> Result<Explanation, String> {
    Explanation::read(&serde_json::from_value(line.clone()).unwrap())
}

#[test]
fn terms_are_added_up_level_by_level() {
    let e = read(&decision()).unwrap();
    assert!(e.adds_up());
    assert_eq!(
        (e.price(Side::Bid), e.price(Side::Ask)),
        (Px::parse("100.4").unwrap(), Px::parse("100.7").unwrap())
    );
    // Unrounded 100.44, less one spacing, and 0.09 down to the grid.
    let (away, rounding) = e.level(Side::Bid, 1).unwrap();
    assert_eq!((away.to_string(), rounding.to_string()), ("-0.1".into(), "-0.09".into()));
    let text = e.to_string();
    for part in [
        "x volatility regime (1.50)",
        "no ask: only reducing position (one_sided)",
        "kept behind the touch",
        "expected edge -1.250 bps bid, +0.500 ask, after fee and adverse moves of 0.250 and 0.125",
        "feed 50 ms late",
        "the terms add up to the price, to the last digit",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(e.to_json()["bid"]["levels"][1]["rounding"], "-0.09");
}

#[test]
fn a_fitted_fair_price_is_added_up_from_the_mid() {
    let mut line = decision();
    line["terms"]["fit"] = json!({
        "mid": "100.4", "terms": {"book20": "0.15", "own": "-0.05"}, "fair_bps": 9.96,
        "residual_bps": 1.5, "r2": 0.21, "samples": 4321, "missing": ["leader2"],
    });
    line["mid"] = json!("100.4");
    let e = read(&line).unwrap();
    assert!(e.adds_up(), "{e}");
    let text = e.to_string();
    for part in ["imbalance of 20 levels", "own last second", "R2 21.0 %", "leader2"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(e.to_json()["fit"]["book20"], "0.15");
    line["terms"]["fit"]["terms"]["own"] = json!("-0.04");
    assert!(!read(&line).unwrap().adds_up());
    line["terms"]["fit"]["terms"]["luck"] = json!("1");
    assert!(read(&line).unwrap_err().contains("luck"));
}

#[test]
fn what_does_not_add_up_is_said() {
    let mut line = decision();
    line["bids"][0][0] = json!("100.3");
    let e = read(&line).unwrap();
    assert!(!e.adds_up() && e.to_string().contains("DO NOT ADD UP"));
}

#[test]
fn lines_that_cannot_be_explained_say_why() {
    let mut line = decision();
    line["terms"]["bid"]["luck"] = json!("1");
    assert!(read(&line).unwrap_err().contains("luck"));
    line["terms"] = Value::Null;
    assert!(read(&line).unwrap_err().contains("carries no terms"));
}
