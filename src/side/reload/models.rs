//! Files of fill models under watch, so that one that was trained again under its name is taken over.

use super::watch::{Look, Watch};
use crate::predictor;
use botmm_pipeline::types::Nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// See the module.
#[derive(Debug, Default)]
pub struct Models {
    watches: BTreeMap<PathBuf, Watch>,
}

/// What a look at a model's file found. The model that was read before still holds, but after [`Seen::New`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Another model: settings that are built from now on have it.
    New,
    /// No model, or none that can be read, and why: one line.
    Refused(String),
    /// It was there, and is not any more.
    Gone,
}

impl Models {
    /// Watches these files from now on, and no others.
    pub fn keep_to(&mut self, paths: &BTreeSet<PathBuf>, now: Nanos, period: Nanos) {
        self.watches.retain(|path, _| paths.contains(path));
        for path in paths {
            let watch = || Watch::of_model(path.clone(), now, period);
            self.watches.entry(path.clone()).or_insert_with(watch);
        }
    }

    /// Looks at them, and reads what is new: this may take long.
    pub fn look(&mut self, now: Nanos) -> Vec<(PathBuf, Seen)> {
        let look = |(path, watch): (&PathBuf, &mut Watch)| {
            let seen = match watch.look(now) {
                Look::Same => return None,
                Look::Content(content) => match predictor::take(path, content) {
                    Ok(false) => return None,
                    Ok(true) => Seen::New,
                    Err(e) => Seen::Refused(e.to_string()),
                },
                Look::Gone => Seen::Gone,
                Look::Unreadable(why) => {
                    Seen::Refused(format!("{}: cannot read: {why}", path.display()))
                }
            };
            Some((path.clone(), seen))
        };
        self.watches.iter_mut().filter_map(look).collect()
    }
}
