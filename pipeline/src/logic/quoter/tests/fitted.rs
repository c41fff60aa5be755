//! Around a fitted fair price.

use super::*;

/// What a fit says of a moment.
fn fitted(terms_bps: [f64; FEATURES]) -> Fitted {
    let fair_bps = terms_bps.iter().sum();
    Fitted { fair_bps, terms_bps, residual_bps: 1.5, r2: 0.2, samples: 4_000, missing: 1 }
}

#[test]
fn a_fitted_fair_price_is_the_mid_and_its_terms_to_the_last_unit() {
    let p = AssetParams { fair_price: FairPrice::Fitted, bias_strength: 1.0, ..params() };
    let v = view("2999.9", "3000.1", 4.0, 0.5);
    let said = fitted([0.1, -0.03, 0.0, 1.0 / 3.0, 0.7, 0.0, -1e-7, 0.01]);
    let input = QuoteInput { fitted: said, signal: 1, ..input(&v, "0", 10.0) };
    let q = quote(&input, &p);
    let (mid, terms) = (v.mid.unwrap(), &q.terms);
    assert_eq!(mid + terms.fit.iter().copied().sum::<Px>(), q.target.fair);
    let bps = (q.target.fair - mid).to_f64() / mid.to_f64() * 1e4;
    assert!((bps - said.fair_bps).abs() < 1e-6, "{bps}");
    assert_eq!((terms.mid, terms.missing, terms.fit_samples), (mid, 1, 4_000));
    // The fit knows of both leans: they count only where a person says so.
    for side in &terms.sides {
        assert_eq!([Term::Signal, Term::Imbalance].map(|t| side.get(t)), [Px::ZERO; 2]);
    }
    let mut keeps = p;
    keeps.fit.keep_leans = true;
    let leans = quote(&input, &keeps);
    assert!(leans.terms.sides.iter().all(|s| s.get(Term::Imbalance).is_positive()));
    assert!(leans.terms.sides.iter().all(|s| s.get(Term::Signal).is_positive()));
}

#[test]
fn what_was_learned_moves_no_other_fair_price() {
    let v = view("2999.9", "3000.1", 4.0, 0.5);
    for fair_price in [FairPrice::Mid, FairPrice::Microprice] {
        let p = AssetParams { fair_price, ..params() };
        let plain = quote(&input(&v, "0", 10.0), &p);
        let said = QuoteInput { fitted: fitted([0.5; FEATURES]), ..input(&v, "0", 10.0) };
        let told = quote(&said, &p);
        assert_eq!(told.target, plain.target);
        assert_eq!(told.terms.fit, [Px::ZERO; FEATURES]);
        assert_eq!(told.terms.fit_bps_e6, 4_000_000, "but it is told");
    }
}
