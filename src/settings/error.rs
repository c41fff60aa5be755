//! A configuration error: one line that says where, which key, what it was, and what is allowed.

use crate::exit::{AppError, Exit};
use std::fmt;

/// Why a configuration was refused. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// `FILE:LINE`, `FILE`, or the name of the variable or flag.
    pub place: String,
    /// The key's full path; empty when the error is not about one key.
    pub key: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl ConfigError {
    /// An error about no key in particular.
    pub(super) fn general(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), key: String::new(), problem: one_line(&problem.into()) }
    }

    /// An error about a key.
    pub(super) fn at(
        place: impl Into<String>,
        key: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), key: key.into(), problem: one_line(&problem.into()) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.place, self.problem)
        } else {
            write!(f, "{}: {}: {}", self.place, self.key, self.problem)
        }
    }
}

impl std::error::Error for ConfigError {}

/// Other people's messages come with line breaks; ours never do.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The candidate nearest to a misspelt word, when it is near enough to be what was meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|c| (distance(&wanted, &c.to_ascii_lowercase()), c))
        .filter(|(d, c)| *d <= (c.len().max(word.len()) / 3).max(1))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// All candidates, the nearest to a word first.
pub(super) fn by_distance<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    let wanted = word.to_ascii_lowercase();
    let mut all: Vec<_> = candidates.into_iter().collect();
    all.sort_by_cached_key(|c| distance(&wanted, &c.to_ascii_lowercase()));
    all.into_iter()
}

/// Edit distance by bytes; two neighbours swapped count as one edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
    d[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        d[i][0] = i;
        for j in 1..=b.len() {
            let substituted = d[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(d[i - 1][j] + 1).min(d[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(d[i - 2][j - 2] + 1);
            }
            d[i][j] = best;
        }
    }
    d[a.len()][b.len()]
}

impl From<ConfigError> for AppError {
    fn from(error: ConfigError) -> Self {
        // A flag's value that the configuration refuses (`--symbols DOG`) was typed just now.
        let exit = if error.place.starts_with("--") { Exit::Usage } else { Exit::Config };
        Self::of(exit, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Overrides, Settings};

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let keys = ["min_spread_bps", "max_spread_bps", "tick_ms"];
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("sede", "seed"), 1);
        assert_eq!(nearest("min_spread_bp", keys), Some("min_spread_bps"));
        assert_eq!(nearest("MIN_SPREAD", keys), Some("min_spread_bps"));
        assert_eq!(nearest("password", keys), None);
    }

    #[test]
    fn a_message_is_one_line() {
        let e = ConfigError::at("a.toml:3", "general.seed", "bad\n  thing\r\n");
        assert_eq!(e.to_string(), "a.toml:3: general.seed: bad thing");
    }

    #[test]
    fn a_flag_that_the_configuration_refuses_is_a_usage_error() {
        let settings = Settings::load(None, &|_| None).unwrap();
        let flags = Overrides { symbols: Some("DOG".to_owned()), ..Overrides::default() };
        let error = AppError::from(settings.with(&flags).unwrap_err());
        assert_eq!(error.exit(), Exit::Usage);
        let error = Settings::load(Some("no/such.toml".as_ref()), &|_| None).unwrap_err();
        assert_eq!(AppError::from(error).exit(), Exit::Config);
    }
}
