//! A fill predictor as the stages have it: two forests of small trees in flat arrays (STRATEGY §7). How it
//! answers: `logic::fill_model`. It is made outside, and never freed: a stage may hold it at any time, and no
//! stage frees memory.

use super::forest::{FEATURES, Forest};
use super::lookup::Lookup;
use crate::types::fixed::Nanos;
use serde::{Deserialize, Serialize};
use std::fmt;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillModel {
    /// Of the file that it is from.
    pub sha256: String,
    /// Filled within this time of the decision, or not; and the mid so long after the fill.
    pub horizon: Nanos,
    /// It has seen what happened from the first of these to the second.
    pub trained: [Nanos; 2],
    /// Log-odds of a fill.
    pub fill: Forest,
    /// By how much the mid has gone against a fill, in basis points.
    pub adverse: Forest,
}

impl FillModel {
    /// Whether it can be asked.
    pub fn is_sound(&self) -> bool {
        self.horizon > Nanos::ZERO && self.fill.is_sound() && self.adverse.is_sound()
    }
}

/// A model that is never freed.
#[derive(Clone, Copy)]
pub struct FillModelRef(&'static Kept);

struct Kept {
    model: FillModel,
    /// Its two forests, as they are asked.
    lookups: [Lookup; 2],
}

impl FillModelRef {
    /// Keeps a model for as long as the process lives: not to be called for the same one again and again.
    pub fn keep(model: FillModel) -> Self {
        let lookups = [&model.fill, &model.adverse].map(Lookup::new);
        Self(Box::leak(Box::new(Kept { model, lookups })))
    }

    /// What it says of these numbers: log-odds of a fill, and the adverse move in basis points.
    pub fn ask(&self, asked: &[f64; FEATURES]) -> [f64; 2] {
        let [fill, adverse] = &self.0.lookups;
        [fill.sum(asked), adverse.sum(asked)]
    }

    /// The second of these alone.
    pub fn ask_adverse_bps(&self, asked: &[f64; FEATURES]) -> f64 {
        self.0.lookups[1].sum(asked)
    }
}

impl std::ops::Deref for FillModelRef {
    type Target = FillModel;

    fn deref(&self) -> &FillModel {
        &self.0.model
    }
}

/// The same file, the same model.
impl PartialEq for FillModelRef {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.sha256 == other.sha256
    }
}

impl fmt::Debug for FillModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fill model {}", self.sha256)
    }
}

/// Whole, so that what a run keeps of itself can be repeated without the file.
impl Serialize for FillModelRef {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.model.serialize(to)
    }
}

impl<'de> Deserialize<'de> for FillModelRef {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        FillModel::deserialize(from).map(Self::keep)
    }
}
