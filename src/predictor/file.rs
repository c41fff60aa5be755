//! The file of a fill predictor: a line that says its form, length and hash, and a line of JSON. Whole or
//! refused; of the same data, seed and options the same bytes.

use crate::exit::{AppError, Exit};
use crate::files::{self, Readers};
use crate::sha256;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::params::{FEATURES, FILL_FEATURES, FillModel, Forest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::Path;
use thiserror::Error;

/// Of what is written; another one is refused.
const FORM: u32 = 1;
const NO_MODEL: &str = "no fill model: `botmm train` makes them";
/// No model is longer.
const MAX_BYTES: u64 = 4 << 20;

/// Why a file is no model.
#[derive(Debug, Error)]
#[error("{path}: {problem}")]
pub struct ModelError {
    path: String,
    problem: String,
}

impl ModelError {
    fn new(path: &Path, problem: String) -> Self {
        Self { path: path.display().to_string(), problem }
    }
}

impl From<ModelError> for AppError {
    fn from(e: ModelError) -> Self {
        Self::of(Exit::Data, e)
    }
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Seal {
    botmm_fill_model: u32,
    bytes: usize,
    sha256: String,
}

/// What a model was learned from, and how well it did. Times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Which botmm, or which other program, grew its trees.
    pub made_by: String,
    /// Of what is random: shuffled labels, cuts of the leak test.
    pub seed: u64,
    /// Filled within this time of the decision; and the mid so long after the fill.
    pub horizon: Nanos,
    /// Of all labelled orders.
    pub data_sha256: String,
    /// Where they are from.
    pub sources: Vec<String>,
    /// Of which coins.
    pub coins: Vec<String>,
    /// Orders that trees were grown and ended by: decisions from the first of these on, outcomes up to the second.
    pub trained: [Nanos; 2],
    /// Orders that it was tried on: decisions from, to.
    pub tested: [Nanos; 2],
    /// How trees were grown.
    pub options: Value,
    /// What came of it.
    pub scores: Value,
}

/// A model that was learned.
#[derive(Clone, Debug)]
pub struct Learned {
    /// What of.
    pub head: Head,
    /// Log-odds of a fill.
    pub fill: Forest,
    /// Adverse move of a fill, basis points.
    pub adverse: Forest,
}

/// How a model did, for whoever shows it.
pub type Scores = Value;

/// The second line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    head: Head,
    features: Vec<String>,
    fill: Forest,
    adverse: Forest,
}

/// Writes a model, whole or not at all; its hash.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, learned: Learned) -> Result<String, AppError> {
    let Learned { head, fill, adverse } = learned;
    let features = FILL_FEATURES.map(str::to_owned).to_vec();
    let not_json = |e: serde_json::Error| AppError::Failed(format!("{}: {e}", path.display()));
    let body = serde_json::to_string(&Body { head, features, fill, adverse }).map_err(not_json)?;
    let sha256 = sha256::of(body.as_bytes());
    let seal = Seal { botmm_fill_model: FORM, bytes: body.len(), sha256: sha256.clone() };
    let text = format!("{}\n{body}\n", serde_json::to_string(&seal).map_err(not_json)?);
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        files::make_folder(folder, Readers::All)?;
    }
    files::write_whole(path, text.as_bytes(), Readers::All)?;
    Ok(sha256)
}

/// Reads a model.
///
/// # Errors
/// It cannot be read, is torn or damaged, of another form, or asks about what is not known here.
pub fn read(path: &Path) -> Result<(Head, FillModel), ModelError> {
    let read = content(path).map_err(|e| ModelError::new(path, format!("cannot read: {e}")))?;
    of_content(path, read)
}

/// The content of a model's file.
///
/// # Errors
/// It cannot be read, or is longer than any model.
pub fn content(path: &Path) -> io::Result<Vec<u8>> {
    files::read(path, MAX_BYTES)
}

/// The same from a content that was read.
pub(super) fn of_content(path: &Path, content: Vec<u8>) -> Result<(Head, FillModel), ModelError> {
    let text = String::from_utf8(content).map_err(|_| NO_MODEL.to_owned());
    text.and_then(|text| parse(&text)).map_err(|problem| ModelError::new(path, problem))
}

fn parse(text: &str) -> Result<(Head, FillModel), String> {
    let (seal, body) = text.split_once('\n').ok_or(NO_MODEL)?;
    let seal: Seal = serde_json::from_str(seal).map_err(|_| NO_MODEL)?;
    if seal.botmm_fill_model != FORM {
        let form = seal.botmm_fill_model;
        return Err(format!(
            "a fill model of form {form}, and this botmm reads {FORM}: train it again"
        ));
    }
    let body = body.strip_suffix('\n').unwrap_or(body);
    if body.len() != seal.bytes {
        return Err(format!(
            "torn: {} of {} bytes; copy or train it again",
            body.len(),
            seal.bytes
        ));
    }
    if sha256::of(body.as_bytes()) != seal.sha256 {
        return Err("damaged: its hash is another; copy or train it again".to_owned());
    }
    let body: Body = serde_json::from_str(body).map_err(|e| format!("not of its form: {e}"))?;
    let places = places(&body.features)?;
    let [fill, adverse] = [body.fill, body.adverse].map(|forest| placed(forest, &places));
    let model = FillModel {
        sha256: seal.sha256,
        horizon: body.head.horizon,
        trained: body.head.trained,
        fill: fill?,
        adverse: adverse?,
    };
    match model.is_sound() {
        true => Ok((body.head, model)),
        false => Err("its trees lead nowhere, or not to numbers; train it again".to_owned()),
    }
}

/// Where each of a file's features is here.
pub(super) fn places(names: &[String]) -> Result<Vec<u8>, String> {
    let place = |name: &String| {
        let at = FILL_FEATURES.iter().position(|known| known == name);
        let known = FILL_FEATURES.join(", ");
        at.map(|at| at as u8).ok_or_else(|| format!("no feature {name:?} here; known: {known}"))
    };
    names.iter().map(place).collect()
}

/// A forest that asks by our places.
pub(super) fn placed(mut forest: Forest, places: &[u8]) -> Result<Forest, String> {
    const _: () = assert!(FEATURES <= u8::MAX as usize);
    for node in &mut forest.nodes {
        let place = places.get(usize::from(node.feature));
        node.feature = *place.ok_or_else(|| format!("a tree asks for feature {}", node.feature))?;
    }
    Ok(forest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::params::Node;

    fn learned() -> Learned {
        let node =
            Node { threshold: 0.1 + 0.2, children: [!0, !1], feature: 8, missing_left: true };
        let forest = |base| Forest {
            base,
            roots: vec![0],
            nodes: vec![node],
            leaves: vec![1.0 / 3.0, -2e-300],
        };
        let head = Head {
            made_by: "botmm".to_owned(),
            seed: 1,
            horizon: Nanos::secs(5),
            data_sha256: "00".to_owned(),
            sources: vec!["runs/a".to_owned()],
            coins: vec!["BTC".to_owned()],
            trained: [Nanos(1), Nanos(2)],
            tested: [Nanos(3), Nanos(4)],
            options: Value::Null,
            scores: Value::Null,
        };
        Learned { head, fill: forest(-1.5), adverse: forest(0.25) }
    }

    #[test]
    fn what_is_written_is_read_to_the_last_bit_and_is_the_same_bytes_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("models/a"), dir.path().join("b"));
        let sha256 = write(&a, learned()).unwrap();
        assert_eq!(write(&b, learned()).unwrap(), sha256);
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let (head, model) = read(&a).unwrap();
        let made = learned();
        assert_eq!((head, &model.fill, &model.adverse), (made.head, &made.fill, &made.adverse));
        assert_eq!((model.sha256.as_str(), model.trained), (sha256.as_str(), [Nanos(1), Nanos(2)]));
        let kept = [&a, &b].map(|path| crate::predictor::model(path).unwrap());
        assert!(std::ptr::eq(&*kept[0], &*kept[1]), "one content is kept once");
    }

    #[test]
    fn what_is_no_whole_model_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        write(&path, learned()).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let (seal, body) = whole.split_once('\n').unwrap();
        let sealed = |body: &str| {
            let seal = Seal {
                botmm_fill_model: FORM,
                bytes: body.len(),
                sha256: sha256::of(body.as_bytes()),
            };
            format!("{}\n{body}\n", serde_json::to_string(&seal).unwrap())
        };
        let known = |text: &str, problem: &str| {
            let said = parse(text).unwrap_err();
            assert!(said.contains(problem), "{said}");
        };
        known("", "no fill model");
        known("{}\n{}", "no fill model");
        for cut in [seal.len() + 2, whole.len() / 2, whole.len() - 2] {
            known(&whole[..cut], "torn: ");
        }
        known(&whole.replace("-1.5", "-1.6"), "damaged");
        known(&whole.replacen("\"botmm_fill_model\":1", "\"botmm_fill_model\":2", 1), "of form 2");
        let body = body.trim_end();
        known(
            &sealed(&body.replace("\"distance_bps\"", "\"moon_phase\"")),
            "no feature \"moon_phase\"",
        );
        known(&sealed(&body.replace("\"roots\":[0]", "\"roots\":[7]")), "lead nowhere");
        known(&sealed(&body.replace("\"roots\":[0]", "\"roots\":7")), "not of its form");
        known(&sealed(&body.replace("5000000000", "0")), "lead nowhere");
        for no_number in ["NaN", "null", "1e999"] {
            known(&sealed(&body.replace("-1.5", no_number)), "not of its form");
        }
        assert!(super::of_content(&path, vec![0xff, 0xfe]).is_err(), "no text");
        assert!(parse(&sealed(body)).is_ok());
        let missing = read(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none: cannot read"), "{missing}");
    }
}
