//! Numbers by column, what is missing as NaN.

use botmm_pipeline::logic::fill_model;
use botmm_pipeline::types::params::{FEATURES, Forest};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Of the columns.
    pub names: Vec<String>,
    /// All of one length.
    pub columns: Vec<Vec<f64>>,
}

impl Table {
    /// Of rows.
    pub fn of_rows<'a>(
        names: &[&str],
        rows: impl Iterator<Item = &'a [f64; FEATURES]> + Clone,
    ) -> Self {
        let column = |at: usize| rows.clone().map(|row| row[at]).collect();
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            columns: (0..names.len()).map(column).collect(),
        }
    }

    /// What a forest says of a row.
    pub fn ask(&self, forest: &Forest, row: usize) -> f64 {
        let mut asked = [f64::NAN; FEATURES];
        asked.iter_mut().zip(&self.columns).for_each(|(x, column)| *x = column[row]);
        fill_model::sum(forest, &asked)
    }

    /// The columns that tell none of these rows apart.
    pub fn constant(&self, rows: &[u32]) -> Vec<&str> {
        let is_constant = |column: &&Vec<f64>| {
            let mut bits = rows.iter().map(|row| {
                let v = column[*row as usize];
                if v.is_nan() { u64::MAX } else { (v + 0.0).to_bits() }
            });
            let first = bits.next();
            bits.all(|b| Some(b) == first)
        };
        let constant = self.columns.iter().enumerate().filter(|(_, column)| is_constant(column));
        constant.map(|(at, _)| self.names[at].as_str()).collect()
    }
}
