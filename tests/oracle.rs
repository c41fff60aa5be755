//! Our trees beside others' on the same data. `scripts/oracle.sh` makes the data and the other trees, asks for
//! this test, and compares.
#![allow(clippy::unwrap_used, missing_docs)]

use botmm::learn::{Loss, Options, Parts, Table, fit};
use botmm::predictor::parse_lightgbm;
use botmm_pipeline::types::params::FILL_FEATURES;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Reads `data.csv` (features, then the label) of the folder that BOTMM_ORACLE names; writes what our trees, grown
/// from the first half, say of the second half, and what the dump `lightgbm.txt` says, if there is one.
#[test]
#[ignore = "scripts/oracle.sh asks for it"]
fn predictions_for_the_oracle() {
    let folder = PathBuf::from(std::env::var_os("BOTMM_ORACLE").expect("run scripts/oracle.sh"));
    let data = std::fs::read_to_string(folder.join("data.csv")).unwrap();
    let rows: Vec<Vec<f64>> =
        data.lines().map(|line| line.split(',').map(|v| v.parse().unwrap()).collect()).collect();
    let width = rows[0].len() - 1;
    let table = Table {
        names: FILL_FEATURES[..width].iter().map(|name| (*name).to_owned()).collect(),
        columns: (0..width).map(|at| rows.iter().map(|row| row[at]).collect()).collect(),
    };
    let labels: Vec<f64> = rows.iter().map(|row| row[width]).collect();
    let half = rows.len() / 2;
    let train: Vec<u32> = (0..half as u32).collect();
    let parts = Parts { train: &train, valid: &[] };
    let ours = fit(&table, &labels, &parts, Loss::Log, &Options::default()).unwrap();
    let write = |name: &str, said: &dyn Fn(usize) -> f64| {
        let mut text = String::new();
        (half..rows.len()).for_each(|row| writeln!(text, "{}", said(row)).unwrap());
        std::fs::write(folder.join(name), text).unwrap();
    };
    write("ours.csv", &|row| table.ask(&ours, row));
    if let Ok(dump) = std::fs::read_to_string(folder.join("lightgbm.txt")) {
        let theirs = parse_lightgbm(&dump).unwrap();
        write("lightgbm.csv", &|row| table.ask(&theirs, row));
    }
}
