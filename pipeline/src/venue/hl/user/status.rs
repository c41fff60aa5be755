//! The words for what became of an order (PROTOCOL §2.6).

use crate::types::RejectReason;

/// What the venue says an order's state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireStatus {
    /// In the book.
    Open,
    /// Filled whole.
    Filled,
    /// Cancelled by us, replaced by a modify, or the unfilled rest of an IOC.
    Canceled,
    /// A trigger order whose condition came true: it may live on as an ordinary order.
    Triggered,
    /// Refused when it was placed.
    Rejected(RejectReason),
    /// Taken out of the book by the venue.
    CanceledByVenue(VenueCancel),
    /// Cancelled by our dead man's switch.
    ScheduledCancel,
    /// A word that is new to us: log it and reconcile.
    Unknown(UnknownStatus),
}

/// Why the venue cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueCancel {
    /// `marginCanceled`
    Margin,
    /// `vaultWithdrawalCanceled`
    VaultWithdrawal,
    /// `openInterestCapCanceled`
    OpenInterestCap,
    /// `selfTradeCanceled`: another order of ours would have hit it.
    SelfTrade,
    /// `reduceOnlyCanceled`
    ReduceOnly,
    /// `siblingFilledCanceled`
    SiblingFilled,
    /// `delistedCanceled`
    Delisted,
    /// `liquidatedCanceled`
    Liquidated,
    /// `outcomeSettledCanceled`
    OutcomeSettled,
    /// `internalCancel`
    Internal,
}

/// What a new word's ending says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownStatus {
    /// `…Rejected`: it never rested.
    Rejected,
    /// `…Canceled` or `…Cancel`: it is gone.
    Canceled,
    /// Nothing.
    Other,
}

impl WireStatus {
    /// What a word means.
    pub fn of(word: &str) -> Self {
        use VenueCancel as By;
        match word {
            "open" => Self::Open,
            "filled" => Self::Filled,
            "canceled" => Self::Canceled,
            "triggered" => Self::Triggered,
            "scheduledCancel" => Self::ScheduledCancel,
            "marginCanceled" => Self::CanceledByVenue(By::Margin),
            "vaultWithdrawalCanceled" => Self::CanceledByVenue(By::VaultWithdrawal),
            "openInterestCapCanceled" => Self::CanceledByVenue(By::OpenInterestCap),
            "selfTradeCanceled" => Self::CanceledByVenue(By::SelfTrade),
            "reduceOnlyCanceled" => Self::CanceledByVenue(By::ReduceOnly),
            "siblingFilledCanceled" => Self::CanceledByVenue(By::SiblingFilled),
            "delistedCanceled" => Self::CanceledByVenue(By::Delisted),
            "liquidatedCanceled" => Self::CanceledByVenue(By::Liquidated),
            "outcomeSettledCanceled" => Self::CanceledByVenue(By::OutcomeSettled),
            "internalCancel" => Self::CanceledByVenue(By::Internal),
            _ => match rejected(word) {
                Some(reason) => Self::Rejected(reason),
                None => Self::Unknown(by_ending(word)),
            },
        }
    }

    /// In the book, or may come into it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Triggered)
    }

    /// It will not fill any more than it has. Neither open nor terminal is a word whose meaning we
    /// do not know: the order counts as live.
    pub const fn is_terminal(self) -> bool {
        !self.is_open() && !matches!(self, Self::Unknown(UnknownStatus::Other))
    }

    /// It never was in the book.
    pub const fn never_rested(self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Unknown(UnknownStatus::Rejected))
    }
}

fn rejected(word: &str) -> Option<RejectReason> {
    Some(match word {
        "badAloPxRejected" => RejectReason::BadAloPx,
        "tickRejected" => RejectReason::Tick,
        "minTradeNtlRejected" => RejectReason::MinNotional,
        "perpMarginRejected" | "insufficientSpotBalanceRejected" | "perpMaxPositionRejected" => {
            RejectReason::Margin
        }
        "reduceOnlyRejected" => RejectReason::ReduceOnly,
        "rejected"
        | "iocCancelRejected"
        | "badTriggerPxRejected"
        | "marketOrderNoLiquidityRejected"
        | "positionIncreaseAtOpenInterestCapRejected"
        | "positionFlipAtOpenInterestCapRejected"
        | "tooAggressiveAtOpenInterestCapRejected"
        | "openInterestIncreaseRejected"
        | "oracleRejected" => RejectReason::Other,
        _ => return None,
    })
}

fn by_ending(word: &str) -> UnknownStatus {
    if word.ends_with("Rejected") {
        UnknownStatus::Rejected
    } else if word.ends_with("Canceled") || word.ends_with("Cancel") {
        UnknownStatus::Canceled
    } else {
        UnknownStatus::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word of PROTOCOL §2.6.
    const WORDS: &str = "open filled canceled triggered rejected marginCanceled \
        vaultWithdrawalCanceled openInterestCapCanceled selfTradeCanceled reduceOnlyCanceled \
        siblingFilledCanceled delistedCanceled liquidatedCanceled outcomeSettledCanceled \
        scheduledCancel internalCancel tickRejected minTradeNtlRejected perpMarginRejected \
        reduceOnlyRejected badAloPxRejected iocCancelRejected badTriggerPxRejected \
        marketOrderNoLiquidityRejected positionIncreaseAtOpenInterestCapRejected \
        positionFlipAtOpenInterestCapRejected tooAggressiveAtOpenInterestCapRejected \
        openInterestIncreaseRejected insufficientSpotBalanceRejected oracleRejected \
        perpMaxPositionRejected";

    #[test]
    fn every_word_of_the_venue_is_known() {
        for word in WORDS.split_whitespace() {
            let status = WireStatus::of(word);
            assert!(!matches!(status, WireStatus::Unknown(_)), "{word}");
            let open = ["open", "triggered"].contains(&word);
            assert_eq!((status.is_open(), status.is_terminal()), (open, !open), "{word}");
            let rejected = word.to_lowercase().ends_with("rejected");
            assert_eq!(status.never_rested(), rejected, "{word}");
        }
    }

    #[test]
    fn new_words_go_by_their_ending() {
        let of = |word| match WireStatus::of(word) {
            WireStatus::Unknown(ending) => ending,
            known => panic!("{word} is {known:?}"),
        };
        assert_eq!(of("moonPhaseRejected"), UnknownStatus::Rejected);
        assert_eq!(of("moonPhaseCanceled"), UnknownStatus::Canceled);
        assert_eq!(of("moonPhaseCancel"), UnknownStatus::Canceled);
        assert_eq!(of("Open"), UnknownStatus::Other);
        let other = WireStatus::of("paused");
        assert!(!other.is_open() && !other.is_terminal() && !other.never_rested());
        assert!(WireStatus::of("moonPhaseRejected").never_rested());
        assert!(WireStatus::of("moonPhaseCanceled").is_terminal());
    }
}
