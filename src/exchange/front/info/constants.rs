//! What is the same for ever, or always empty here: fee tiers, the spot side, referrals, staking.

use super::NONE;
use crate::exchange::front::json::{Decimal, Nothing, User};
use crate::exchange::venue::Venue;
use crate::when::utc_date;
use botmm_pipeline::types::{Nanos, Usd};
use serde::Serialize;

/// Days of `userFees.dailyUserVlm`.
const VOLUME_DAYS: usize = 15;

/// Largest market order in USD by maximum leverage, highest first (PROTOCOL §1.2).
pub const MAX_MARKET_ORDER_NTLS: [(u32, Decimal); 4] =
    [(25, usd(30_000_000)), (20, usd(5_000_000)), (10, usd(2_000_000)), (1, usd(500_000))];

const fn usd(whole: i64) -> Decimal {
    Decimal::e8(whole * 100_000_000)
}

/// `spotMeta`: no markets, one token.
#[derive(Serialize)]
pub struct SpotMeta {
    universe: Nothing,
    tokens: [Token; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    name: &'static str,
    sz_decimals: u32,
    wei_decimals: u32,
    index: u32,
    token_id: &'static str,
    is_canonical: bool,
    evm_contract: Option<String>,
    full_name: Option<String>,
}

impl Default for SpotMeta {
    fn default() -> Self {
        let token = Token {
            name: "USDC",
            sz_decimals: 8,
            wei_decimals: 8,
            index: 0,
            token_id: "0x6d1e7cde53ba9467b783cb7c530ce054",
            is_canonical: true,
            evm_contract: None,
            full_name: None,
        };
        Self { universe: Nothing, tokens: [token] }
    }
}

/// `spotClearinghouseState`.
#[derive(Serialize, Default)]
pub struct SpotState {
    balances: Nothing,
}

/// `outcomeMeta`.
#[derive(Serialize, Default)]
pub struct OutcomeMeta {
    outcomes: Nothing,
    questions: Nothing,
}

/// A fraction as the venue writes its schedule.
const fn rate(e8: i64) -> Decimal {
    Decimal::e8(e8)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DailyVolume {
    date: String,
    user_cross: Decimal,
    user_add: Decimal,
    exchange: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VipTier {
    ntl_cutoff: Decimal,
    cross: Decimal,
    add: Decimal,
    spot_cross: Decimal,
    spot_add: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MakerTier {
    maker_fraction_cutoff: Decimal,
    add: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakingTier {
    bps_of_max_supply: Decimal,
    discount: Decimal,
}

#[derive(Serialize)]
struct Tiers {
    vip: [VipTier; 6],
    mm: [MakerTier; 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    cross: Decimal,
    add: Decimal,
    spot_cross: Decimal,
    spot_add: Decimal,
    tiers: Tiers,
    referral_discount: Decimal,
    staking_discount_tiers: [StakingTier; 1],
}

impl Schedule {
    /// PROTOCOL §7.1 (perps) and §2.8; the spot side, not traded here, keeps its base.
    fn venue() -> Self {
        let vip = |(cutoff_millions, cross, add): (i64, i64, i64)| VipTier {
            ntl_cutoff: usd(cutoff_millions * 1_000_000),
            cross: rate(cross),
            add: rate(add),
            spot_cross: rate(70_000),
            spot_add: rate(40_000),
        };
        let mm = |(cutoff, add)| MakerTier { maker_fraction_cutoff: rate(cutoff), add: rate(add) };
        Self {
            cross: rate(45_000),
            add: rate(15_000),
            spot_cross: rate(70_000),
            spot_add: rate(40_000),
            tiers: Tiers {
                vip: [
                    (5, 40_000, 12_000),
                    (25, 35_000, 8_000),
                    (100, 30_000, 4_000),
                    (500, 28_000, 0),
                    (2_000, 26_000, 0),
                    (7_000, 24_000, 0),
                ]
                .map(vip),
                mm: [(500_000, -1_000), (1_500_000, -2_000), (3_000_000, -3_000)].map(mm),
            },
            referral_discount: rate(4_000_000),
            staking_discount_tiers: [StakingTier { bps_of_max_supply: NONE, discount: NONE }],
        }
    }
}

/// `userFees`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fees {
    daily_user_vlm: Vec<DailyVolume>,
    fee_schedule: Schedule,
    user_cross_rate: Decimal,
    user_add_rate: Decimal,
    user_spot_cross_rate: Decimal,
    user_spot_add_rate: Decimal,
    active_referral_discount: Decimal,
    trial: Option<String>,
    fee_trial_escrow: Decimal,
    next_trial_available_timestamp: Option<u64>,
    staking_link: Option<String>,
    active_staking_discount: StakingTier,
}

impl Fees {
    pub fn new(venue: &Venue, user: &User) -> Self {
        let fees = venue.fees(&user.0);
        let days = venue.daily_volume(&user.0);
        let recent = days.iter().skip(days.len().saturating_sub(VOLUME_DAYS));
        // The venue's own volume is known of the last day only.
        let today = venue.time().0.div_euclid(Nanos::secs(86_400).0);
        let all: Usd = venue.universe().assets().map(|a| venue.ctx(a).day_volume_usd).sum();
        let day = |(day, taker, maker): &(i64, Usd, Usd)| DailyVolume {
            date: utc_date(*day),
            user_cross: (*taker).into(),
            user_add: (*maker).into(),
            exchange: if *day == today { all.into() } else { NONE },
        };
        Self {
            daily_user_vlm: recent.map(day).collect(),
            fee_schedule: Schedule::venue(),
            user_cross_rate: rate(fees.taker_e8),
            user_add_rate: rate(fees.maker_e8),
            user_spot_cross_rate: rate(70_000),
            user_spot_add_rate: rate(40_000),
            active_referral_discount: NONE,
            trial: None,
            fee_trial_escrow: NONE,
            next_trial_available_timestamp: None,
            staking_link: None,
            active_staking_discount: StakingTier { bps_of_max_supply: NONE, discount: NONE },
        }
    }
}

/// `referral`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Referral {
    referred_by: Option<String>,
    cum_vlm: Decimal,
    unclaimed_rewards: Decimal,
    claimed_rewards: Decimal,
    builder_rewards: Decimal,
    token_to_state: Nothing,
    referrer_state: ReferrerState,
    reward_history: Nothing,
}

#[derive(Serialize)]
struct ReferrerState {
    stage: &'static str,
    data: RequiredVolume,
}

#[derive(Serialize)]
struct RequiredVolume {
    required: Decimal,
}

pub fn referral(venue: &Venue, user: &User) -> Referral {
    Referral {
        referred_by: None,
        cum_vlm: venue.requests(&user.0).volume.into(),
        unclaimed_rewards: NONE,
        claimed_rewards: NONE,
        builder_rewards: NONE,
        token_to_state: Nothing,
        referrer_state: ReferrerState {
            stage: "needToTrade",
            data: RequiredVolume { required: usd(10_000) },
        },
        reward_history: Nothing,
    }
}

/// `delegatorSummary`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DelegatorSummary {
    delegated: Decimal,
    undelegated: Decimal,
    total_pending_withdrawal: Decimal,
    n_pending_withdrawals: u32,
}

/// Nothing is staked.
pub const fn delegator_summary() -> DelegatorSummary {
    DelegatorSummary {
        delegated: NONE,
        undelegated: NONE,
        total_pending_withdrawal: NONE,
        n_pending_withdrawals: 0,
    }
}
