//! Fill models that are trained again under their names while the bot runs.

use super::*;
use crate::predictor::{self, Head, Learned};
use crate::settings::MODEL_KEY;
use botmm_pipeline::types::params::Forest;
use serde_json::Value;

/// Of two forests without trees, told apart by what the first one says.
fn learned(base: f64) -> Learned {
    let head = Head {
        made_by: "a test".to_owned(),
        seed: 1,
        horizon: Nanos::secs(5),
        data_sha256: String::new(),
        sources: vec![],
        coins: vec![],
        trained: [Nanos::ZERO; 2],
        tested: [Nanos::ZERO; 2],
        options: Value::Null,
        scores: Value::Null,
    };
    Learned { head, fill: Forest { base, ..Forest::default() }, adverse: Forest::default() }
}

impl World {
    /// ETH is quoted by a model.
    fn with_model() -> (TempDir, PathBuf, Self) {
        let other = TempDir::new().unwrap();
        let path = other.path().join("mine");
        predictor::write(&path, learned(0.25)).unwrap();
        let config = format!("[asset.ETH.quote]\nfill_model = {:?}\n", path.to_str().unwrap());
        let mut world = Self::new(&config, None);
        assert_eq!((world.turns(), world.stand.handed.len()), (vec![], 0));
        (other, path, world)
    }

    /// What ETH's model says without a tree, as the stages were told last.
    fn base(&self) -> Option<f64> {
        let mut told = self.stand.handed.iter().flatten();
        let eth = told.rfind(|(asset, _)| asset.index() == 1)?;
        Some(eth.1.fill_model?.fill.base)
    }
}

#[test]
fn a_model_that_is_trained_again_under_its_name_is_taken_over() {
    let (_other, path, mut w) = World::with_model();
    let before = predictor::model(&path).unwrap();
    let sha256 = predictor::write(&path, learned(0.5)).unwrap();
    assert_eq!(w.turns(), [""; 0]);
    assert_eq!((w.stand.handed.len(), w.base()), (1, Some(0.5)));
    let [(asset, params)] = w.stand.handed[0][..] else { panic!("BTC has no model") };
    assert_eq!((asset.index(), &params.fill_model.unwrap().sha256), (1, &sha256));
    let change = w.reload.took_effect(1).unwrap();
    let words = format!("ETH {MODEL_KEY} {:.16} → {sha256:.16}", before.sha256);
    assert_eq!(change.in_words(), format!("{}: {words}", path.display()));
    // A replay of the journal asks the file that it finds: nothing in the line is a parameter of a file.
    let effect = Effect { generation: 1, time: Nanos::secs(9), market_seq: 7 };
    let written = line(&change, &effect).to_string();
    assert!(written.contains(&sha256[..16]), "{written}");
    assert_eq!(read(&written).unwrap().unwrap().1, []);
    // The same again is no news, and neither is what other keys change.
    predictor::write(&path, learned(0.5)).unwrap();
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 1));
    assert_eq!(w.live("{\"ETH\": {\"spread\": 7}}"), [""; 0]);
    assert_eq!((w.stand.handed.len(), w.base()), (2, Some(0.5)));
    assert!(!w.took_effect().contains(MODEL_KEY));
}

#[test]
fn what_is_no_model_is_named_once_and_the_one_before_holds() {
    let (_other, path, mut w) = World::with_model();
    let whole = fs::read_to_string(&path).unwrap();
    let newer = whole.replacen("\"botmm_fill_model\":1", "\"botmm_fill_model\":2", 1);
    let name = path.display();
    for (content, problem) in [
        (whole[..whole.len() / 2].to_owned(), "torn: "),
        (whole.replace("0.25", "0.35"), "damaged: "),
        (newer, "a fill model of form 2"),
        (whole.replace("0.25", "NaN"), "torn: "),
        (String::new(), "no fill model"),
        ("\u{0}\u{1}".to_owned(), "no fill model"),
    ] {
        fs::write(&path, content).unwrap();
        let said = w.turns();
        assert_eq!(said.len(), 1, "{problem}: {said:?}");
        let known = format!("refused {name}: {name}: {problem}");
        assert!(said[0].starts_with(&known), "{said:?}");
        assert_eq!(w.turns(), [""; 0], "once");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(w.turns(), [format!("{name}: gone; the model in it still holds")]);
    // What other files change goes on meanwhile, with the model that holds.
    assert_eq!(w.live("{\"ETH\": {\"spread\": 7}}"), [""; 0]);
    assert_eq!((w.stand.handed.len(), w.base()), (1, Some(0.25)));
    fs::create_dir(&path).unwrap();
    let said = w.turns();
    assert!(said.len() == 1 && said[0].contains("cannot read: "), "{said:?}");
    fs::remove_dir(&path).unwrap();
    // Back as it was: nothing to tell the stages; and then another one.
    fs::write(&path, whole).unwrap();
    w.turns();
    assert_eq!(w.stand.handed.len(), 1);
    predictor::write(&path, learned(0.75)).unwrap();
    assert_eq!(w.turns(), [""; 0]);
    assert_eq!((w.stand.handed.len(), w.base()), (2, Some(0.75)));
}

#[test]
fn only_models_in_use_are_watched_and_a_name_comes_with_its_hash() {
    let (other, path, mut w) = World::with_model();
    let second = other.path().join("other");
    let sha256 = predictor::write(&second, learned(2.0)).unwrap();
    let named =
        |path: &PathBuf| format!("[asset.ETH.quote]\nfill_model = {:?}\n", path.to_str().unwrap());
    assert_eq!(w.config(&named(&second)), [""; 0]);
    assert_eq!((w.stand.handed.len(), w.base()), (1, Some(2.0)));
    let told = w.took_effect();
    assert!(told.contains("quote.fill_model ") && told.contains(&sha256[..16]), "{told}");
    predictor::write(&path, learned(1.0)).unwrap();
    assert_eq!((w.turns(), w.stand.handed.len()), (vec![], 1), "nobody is quoted by it");
    // Asked for again, it is what it has become.
    assert_eq!(w.config(&named(&path)), [""; 0]);
    w.turns();
    assert_eq!(w.base(), Some(1.0));
    assert_eq!(w.config(""), [""; 0]);
    assert_eq!(w.base(), None);
    predictor::write(&path, learned(3.0)).unwrap();
    assert_eq!(w.turns(), [""; 0]);
}
