//! What the simulator assumes.

use super::error::ConfigError;
use super::exact::{from_text, some_bps};
use super::fees::FeeTable;
use super::origins::{Origins, place_of};
use super::{LatencyModel, QueueModel, Rules};
use crate::calibrated::{self, Calibrated};
use botmm_pipeline::types::Bps;
use serde::Deserialize;
use std::path::PathBuf;

/// What the simulator assumes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimSettings {
    /// Our place in a recorded queue.
    pub queue: QueueModel,
    /// What our own orders said of it, where `queue_from` names a file.
    pub calibrated: Option<Calibrated>,
    /// Of the feed, of orders and of answers.
    pub latency: LatencyModel,
    /// Which of the venue's rules a replay's exchange keeps.
    pub rules: Rules,
    /// Row of the fee table.
    pub fee_tier: usize,
    /// Row of the rebate table, from 1; 0 = none.
    pub maker_rebate_tier: usize,
    /// What a maker pays; negative = is paid.
    pub maker_fee: Bps,
    /// What a taker pays.
    pub taker_fee: Bps,
}

/// As the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SimFile {
    #[serde(deserialize_with = "from_text")]
    pub queue: QueueModel,
    pub queue_from: PathBuf,
    #[serde(deserialize_with = "from_text")]
    pub latency: LatencyModel,
    #[serde(deserialize_with = "from_text")]
    pub rules: Rules,
    pub fee_tier: usize,
    pub maker_rebate_tier: usize,
    #[serde(default, deserialize_with = "some_bps")]
    pub maker_fee_bps: Option<Bps>,
}

/// From the files, with what they name.
pub(super) fn simulator(
    sim: &SimFile,
    fees: &FeeTable,
    origins: &Origins,
) -> Result<SimSettings, ConfigError> {
    let row = |key: &str, given: usize, last: usize| {
        if given <= last {
            return Ok(());
        }
        let key = format!("sim.{key}");
        let problem = format!("{given} is not allowed (no such tier); allowed: 0 to {last}");
        Err(ConfigError::at(place_of(origins, &key), key, problem))
    };
    row("fee_tier", sim.fee_tier, fees.volume_tiers.len() - 1)?;
    row("maker_rebate_tier", sim.maker_rebate_tier, fees.maker_rebates.len())?;
    let key = "sim.queue_from";
    let calibrated = match sim.queue_from.as_os_str().is_empty() {
        true => None,
        false => Some(
            calibrated::read(&sim.queue_from)
                .map_err(|problem| ConfigError::at(place_of(origins, key), key, problem))?,
        ),
    };
    let (maker, taker) = fees.with_rebate(sim.fee_tier, sim.maker_rebate_tier);
    Ok(SimSettings {
        queue: sim.queue,
        calibrated,
        latency: sim.latency,
        rules: sim.rules,
        fee_tier: sim.fee_tier,
        maker_rebate_tier: sim.maker_rebate_tier,
        maker_fee: sim.maker_fee_bps.unwrap_or(maker),
        taker_fee: taker,
    })
}
