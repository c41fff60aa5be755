//! What turns parameters slowly (docs/tuner.md), as it is configured.

use super::error::ConfigError;
use super::origins::{Origins, place_of};
use botmm_pipeline::types::Nanos;
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TunerFile {
    pub mode: String,
    pub every_h: f64,
    pub window_h: f64,
    pub params: PathBuf,
}

impl TunerFile {
    /// What a person sets and what the tuner sets are two files: it writes its own anew.
    pub(super) fn check(&self, live_params: &Path, origins: &Origins) -> Result<(), ConfigError> {
        if self.params != live_params {
            return Ok(());
        }
        let key = "tuner.params";
        let problem = "is the file of general.live_params, which is a person's; name another";
        Err(ConfigError::at(place_of(origins, key), key, problem))
    }
}

/// What the tuner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunerMode {
    /// Nothing.
    Off,
    /// Say what it would do.
    Propose,
    /// Do it, where a shadow run allows it.
    Act,
}

/// Whether and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunerSettings {
    /// What it may do.
    pub mode: TunerMode,
    /// Time between two judgements.
    pub every: Nanos,
    /// What each is of.
    pub window: Nanos,
    /// Its layer of parameters; its log and verdict lie beside it.
    pub params: PathBuf,
}

impl TunerSettings {
    pub(super) fn of(file: TunerFile) -> Self {
        let hours = |hours: f64| Nanos((hours * 3.6e12).round() as i64);
        Self {
            mode: match file.mode.as_str() {
                "act" => TunerMode::Act,
                "propose" => TunerMode::Propose,
                _ => TunerMode::Off,
            },
            every: hours(file.every_h),
            window: hours(file.window_h),
            params: file.params,
        }
    }
}
