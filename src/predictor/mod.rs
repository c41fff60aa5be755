//! Fill predictors as files (docs/learning.md): our own form, and what LightGBM writes. What they say of an
//! order: `logic::fill_model` of the pipeline.

mod file;
mod lightgbm;

pub use file::{Head, Learned, ModelError, Scores, content, read, write};
pub use lightgbm::parse as parse_lightgbm;

use botmm_pipeline::types::params::{FillModel, FillModelRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What was read of each path. A model is never freed, so none is read into memory twice.
static KNOWN: Mutex<BTreeMap<PathBuf, FillModelRef>> = Mutex::new(BTreeMap::new());

/// The model of a file: as it was read last, or, of one that was not read yet, as it is now.
///
/// # Errors
/// It cannot be read, or is no model.
pub fn model(path: &Path) -> Result<FillModelRef, ModelError> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
    known.map_or_else(|| Ok(keep(path, read(path)?.1)), Ok)
}

/// Takes another content of a model's file over; whether it is another model than before.
///
/// # Errors
/// It is no model; what was read before still holds then.
pub fn take(path: &Path, content: Vec<u8>) -> Result<bool, ModelError> {
    let (_, new) = file::of_content(path, content)?;
    let before = model(path).ok();
    Ok(Some(keep(path, new)) != before)
}

/// One that was read before, from this file or another, is not kept twice.
fn keep(path: &Path, model: FillModel) -> FillModelRef {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let same = known.values().find(|kept| kept.sha256 == model.sha256).copied();
    let kept = same.unwrap_or_else(|| FillModelRef::keep(model));
    known.insert(path.to_owned(), kept);
    kept
}
