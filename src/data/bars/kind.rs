//! Files of candles and contexts, by their names.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a file's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `candles_COIN`.
    Candles,
    /// `ctxs_COIN`.
    Ctxs,
}

impl Kind {
    /// How the names of its files begin.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::Ctxs => "ctxs",
        }
    }

    /// By the first part of a name.
    pub fn named(stem: &str) -> Option<Self> {
        [Self::Candles, Self::Ctxs].into_iter().find(|kind| kind.stem() == stem)
    }

    /// In words, so many of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::Ctxs => "contexts",
        }
    }
}

/// A file of candles or contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Where it lies.
    pub path: PathBuf,
    /// What its rows are.
    pub kind: Kind,
    /// Of which coin.
    pub coin: String,
    /// How many.
    pub rows: u64,
}

/// Such files in words: what is in them, and that it is not used.
pub fn in_words(files: &[Beside]) -> String {
    let mut coins: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for file in files {
        coins.entry(&file.coin).or_default()[file.kind as usize] += file.rows;
    }
    let of = |(coin, [candles, contexts]): (&&str, &[u64; 2])| {
        format!("{coin}: {candles} candles, {contexts} contexts")
    };
    let coins: Vec<String> = coins.iter().map(of).collect();
    format!("kept and not used by a replay of books: {}", coins.join("; "))
}
