//! Every reason why a side is not quoted: what it means, in a sentence, and what ends it. One table: a
//! reason that is not in it does not compile.

use botmm_pipeline::types::Reason;

/// What a person is told of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cure {
    /// What is the case.
    pub sentence: &'static str,
    /// What ends it, by itself or by a person's hand.
    pub ends: &'static str,
}

/// See the module.
pub const fn cure(reason: Reason) -> Cure {
    let (sentence, ends) = match reason {
        Reason::Quoted => ("An order of ours rests in the book.", "Nothing is wrong."),
        Reason::InFlight => (
            "An order is on its way, and the venue has not answered yet.",
            "The answer, usually within a second; when it takes long, look at the link and its latency.",
        ),
        Reason::Warmup => (
            "There is not enough book or volatility yet to quote on.",
            "Market data: volatility takes some `vol_sample_ms`; if it lasts minutes, no data comes.",
        ),
        Reason::StaleBook => (
            "The newest book is late, silent or void, or older than our last fill of this side.",
            "Fresh data; if it lasts, look at the market link and at `stale_book_ms`.",
        ),
        Reason::CrossedBook => (
            "The book is crossed, or our price would cross the touch.",
            "The market itself, usually at once.",
        ),
        Reason::Halted => (
            "Trading is halted: by a loss limit, by a person, or because the run ends.",
            "A person: look at the alerts and the journal, then `botmm rearm`; a run that ends, by a new one.",
        ),
        Reason::Cooldown => (
            "A breaker tripped and cools down.",
            "Time (the end is in the journal's `risk` line), or `botmm rearm` at once.",
        ),
        Reason::PositionLimit => (
            "What could fill of this side would carry the exposure beyond the limit.",
            "Fills of the other side; or raise `max_position_usd` or `max_total_position_usd`.",
        ),
        Reason::OneSided => (
            "This side would add to the position, which is more than `one_sided_at` of the limit, or in \
             doubt: the venue says another than we (an alert tells).",
            "Fills of the other side; or raise `one_sided_at` or `max_position_usd`; a doubt ends when \
             both agree again.",
        ),
        Reason::Toxic => (
            "Fills of this side were followed by moves against us.",
            "Time (`toxicity_halflife_s`); or set `use_toxicity = false`.",
        ),
        Reason::BelowFee => (
            "The spread cannot cover the fee and `min_edge_bps`.",
            "A wider market; or lower `min_edge_bps`, or set `below_fee` to widen.",
        ),
        Reason::BelowMinNotional => (
            "The size is worth less than the venue's minimum of 10 USD.",
            "Raise `order_size_usd`, lower `num_levels`, or give the limits more room.",
        ),
        Reason::Budget => (
            "The venue's request budget or our own limit of actions is spent.",
            "Time, and traded volume; or raise `requote_threshold_bps`, `requote_min_ms` or \
             `max_orders_per_min`.",
        ),
        Reason::SlotUnknown => (
            "The fate of an order of this side is unknown, and it counts as live.",
            "The venue's answer to our question, at the latest once the action has expired.",
        ),
        Reason::LinkDown => (
            "The order link is down, or has not been reconciled.",
            "The link: it is opened again by itself; look at the network and at the venue's status.",
        ),
        Reason::NotInUniverse => (
            "The venue does not list this coin any more.",
            "The venue; or take the coin out of `symbols`.",
        ),
        Reason::ParamInvalid => {
            ("A parameter cannot be used.", "A person: `botmm check` says which.")
        }
        Reason::NoEdge => (
            "A fill of this side is expected to earn less than `min_edge_bps` (`use_edge`), or to lose (`fill_model`).",
            "The market, a lower fee, or a better fair price or model; or set `use_edge = false`, and no `fill_model`.",
        ),
        Reason::OneSidedBook => (
            "One side of the book is empty or far away: the market has no price.",
            "The market; of a coin that is usually so wide, a larger `large_move_pct`.",
        ),
        Reason::CancelRefused => (
            "The venue refuses to cancel an order of this side; it is asked again and again.",
            "The venue's word that the order is gone; if it lasts, cancel it by hand at the venue.",
        ),
        Reason::CoinPaused => (
            "The venue refused orders of this coin again and again, and it pauses.",
            "Time (longer each time), or `botmm rearm`; look at the journal's `reject` lines.",
        ),
        Reason::GridChanged => (
            "The venue lists this coin under another number than at the start.",
            "A restart, which takes the new number up.",
        ),
        Reason::FeedLate => (
            "The feed is later than `max_feed_delay_ms`, and this side would be nearer to the mid than \
             `late_half_spread_bps`.",
            "A faster way to the venue; or raise `max_feed_delay_ms`, or set `feed_late_action` to warn.",
        ),
    };
    Cure { sentence, ends }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_sentence_and_a_cure_of_its_own() {
        let all = Reason::ALL.map(cure);
        for (reason, cure) in Reason::ALL.iter().zip(all) {
            for text in [cure.sentence, cure.ends] {
                assert!(text.len() > 10 && text.ends_with('.'), "{reason:?}: {text:?}");
            }
        }
        let sentences: BTreeSet<_> = all.iter().map(|cure| cure.sentence).collect();
        assert_eq!(sentences.len(), Reason::COUNT);
    }

    /// The keys that a cure names are there to be set.
    #[test]
    fn what_a_cure_names_is_a_key_of_the_configuration_or_a_command() {
        let shipped = include_str!("../../config/botmm.toml");
        let others = ["botmm ", "risk", "reject", "symbols"];
        for cure in Reason::ALL.map(cure) {
            for text in [cure.sentence, cure.ends] {
                for named in text.split('`').skip(1).step_by(2) {
                    let key = named.split(' ').next().unwrap();
                    let is_key = shipped.lines().any(|line| {
                        line.strip_prefix(key)
                            .is_some_and(|rest| rest.trim_start().starts_with('='))
                    });
                    let is_other = others.iter().any(|other| named.starts_with(other));
                    assert!(is_key || is_other, "`{named}` is no key");
                }
            }
        }
    }
}
