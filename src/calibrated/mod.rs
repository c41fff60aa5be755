//! What `botmm calibrate` found of the queue, as a small file (docs/queue.md), and the words in which results speak
//! of it: a queue model is *uncalibrated* until our own orders on mainnet have said otherwise.

use crate::exit::AppError;
use crate::files::{self, Readers};
use crate::when::{parse_utc, utc_date};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::sim::queue::QueueModel;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Of this form are the files that are written; another one is refused.
const FORM: u32 = 1;
/// No file is longer.
const MAX_BYTES: u64 = 1 << 20;
const DAY: Nanos = Nanos::secs(86_400);

/// Whose queues the orders stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The venue's.
    Mainnet,
    /// Its testnet's, which are others.
    Testnet,
    /// Those of an exchange of ours: a market that we made up.
    Simulated,
}

impl Against {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Simulated => "a simulated exchange",
        }
    }
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// See [`Calibration::new`].
    pub form: u32,
    /// Which botmm wrote it.
    pub botmm: String,
    /// The UTC day of the latest sample, as 2026-11-30.
    pub date: String,
    /// See there.
    pub against: Against,
    /// The exponent of `prob_power`.
    pub n: f64,
    /// With 95 % it lies in here.
    pub n_95: [f64; 2],
    /// Orders that had a chance.
    pub orders: usize,
    /// Trades at their prices.
    pub chances: usize,
    /// How many of these reached us.
    pub reached: usize,
    /// Mean square of probability − outcome, each half of the orders by the exponent of the other half.
    pub brier: f64,
    /// The same of always saying how many were reached.
    pub base_brier: f64,
    /// Of all samples, as `--table` writes them.
    pub samples_sha256: String,
    /// Of draws and resamples.
    pub seed: u64,
    /// The runs that the orders are of.
    pub runs: Vec<String>,
}

impl Calibration {
    /// Of this form, by this botmm; the rest is to be filled in.
    pub fn new(against: Against, n: f64, n_95: [f64; 2]) -> Self {
        Self {
            form: FORM,
            botmm: env!("CARGO_PKG_VERSION").to_owned(),
            date: String::new(),
            against,
            n,
            n_95,
            orders: 0,
            chances: 0,
            reached: 0,
            brier: 0.0,
            base_brier: 0.0,
            samples_sha256: String::new(),
            seed: 0,
            runs: Vec::new(),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), AppError> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|e| AppError::Failed(format!("{}: {e}", path.display())))?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::make_folder(folder, Readers::All)?;
        }
        files::write_whole(path, (text + "\n").as_bytes(), Readers::All)
    }
}

/// What a result says of a calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibrated {
    /// The exponent of `prob_power`.
    pub n: f64,
    /// Days since 1970.
    day: i64,
    against: Against,
    orders: usize,
    brier: f64,
    base_brier: f64,
}

/// Reads a file.
///
/// # Errors
/// In words: it cannot be read, is torn, of another form, or says what cannot be.
pub fn read(path: &Path) -> Result<Calibrated, String> {
    let fail = |problem: String| format!("{}: {problem}", path.display());
    let text = files::read_text(path, MAX_BYTES).map_err(|e| fail(format!("cannot read: {e}")))?;
    parse(&text).map_err(fail)
}

fn parse(text: &str) -> Result<Calibrated, String> {
    #[derive(Deserialize)]
    struct Form {
        form: u32,
    }
    let no_file =
        |e: serde_json::Error| format!("no calibration: `botmm calibrate` makes them ({e})");
    let Form { form } = serde_json::from_str(text).map_err(no_file)?;
    if form != FORM {
        return Err(format!("it is of form {form}, and this botmm reads form {FORM}"));
    }
    let read: Calibration = serde_json::from_str(text).map_err(no_file)?;
    let is_share = |v: f64| (0.0..=1.0).contains(&v);
    let is_sound =
        read.n > 0.0 && read.n <= QueueModel::MAX_POWER && is_share(read.brier) && read.orders > 0;
    if !is_sound || !is_share(read.base_brier) {
        return Err("its numbers cannot be: `botmm calibrate` makes such files".to_owned());
    }
    let midnight = parse_utc(&format!("{}T00:00:00Z", read.date))
        .map_err(|e| format!("its date {:?}: {e}", read.date))?;
    let Calibration { n, against, orders, brier, base_brier, .. } = read;
    Ok(Calibrated { n, day: midnight.0 / DAY.0, against, orders, brier, base_brier })
}

/// What a result under a queue model says of it.
pub fn in_words(calibrated: Option<&Calibrated>, model: QueueModel) -> String {
    let own = calibrated.filter(|c| model == QueueModel::ProbPower(c.n));
    let Some(c) = own else { return "queue model: uncalibrated".to_owned() };
    let (date, orders, brier, base) = (utc_date(c.day), c.orders, c.brier, c.base_brier);
    match c.against {
        Against::Mainnet => format!(
            "queue model: calibrated {date}, {orders} orders, Brier {brier:.4} (base rate {base:.4})"
        ),
        other => format!(
            "queue model: uncalibrated; its exponent was fitted on {date} to {orders} orders on {}, whose \
             queues are not mainnet's",
            other.as_str()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(against: Against) -> Calibration {
        Calibration {
            date: "2026-11-30".to_owned(),
            orders: 812,
            chances: 2_000,
            reached: 300,
            brier: 0.1,
            base_brier: 0.2,
            ..Calibration::new(against, 2.31, [1.5, 3.0])
        }
    }

    #[test]
    fn a_result_is_called_calibrated_by_mainnet_alone_and_under_its_own_model() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("models/queue.json");
        some(Against::Mainnet).write(&path).unwrap();
        let read_back = read(&path).unwrap();
        let own: QueueModel = "prob_power:2.31".parse().unwrap();
        let said = in_words(Some(&read_back), own);
        let want =
            "queue model: calibrated 2026-11-30, 812 orders, Brier 0.1000 (base rate 0.2000)";
        assert_eq!(said, want);
        for other in [QueueModel::RiskAverse, QueueModel::ProbPower(3.0)] {
            assert_eq!(in_words(Some(&read_back), other), "queue model: uncalibrated");
        }
        assert_eq!(in_words(None, own), "queue model: uncalibrated");
        for against in [Against::Testnet, Against::Simulated] {
            some(against).write(&path).unwrap();
            let said = in_words(Some(&read(&path).unwrap()), own);
            assert!(
                said.starts_with("queue model: uncalibrated; ") && said.contains("812"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_no_calibration_is_refused_in_words() {
        let text = serde_json::to_string(&some(Against::Mainnet)).unwrap();
        let without = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            parse(&text.replace(from, to)).unwrap_err()
        };
        assert!(parse(&text[..text.len() / 2]).unwrap_err().contains("no calibration"));
        assert!(without("\"form\":1", "\"form\":2").contains("form 2"));
        assert!(without("\"n\":2.31", "\"n\":0").contains("cannot be"));
        assert!(without("\"n\":2.31", "\"n\":17").contains("cannot be"));
        assert!(without("\"brier\":0.1", "\"brier\":1.5").contains("cannot be"));
        assert!(without("2026-11-30", "yesterday").contains("date"));
        assert!(without("mainnet", "the moon").contains("no calibration"));
    }
}
