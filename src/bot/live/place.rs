//! Where a run trades.

/// What the screen calls the network, and whether it is the venue's: there a late feed is stood aside from.
pub fn place(network: &str, is_mainnet: bool) -> (&'static str, bool) {
    match network {
        _ if is_mainnet => ("MAINNET, REAL MONEY", true),
        "testnet" => ("TESTNET", true),
        _ => ("TEST", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Endpoint;
    use crate::settings::Draft;
    use botmm_pipeline::types::params::LateAction;
    use botmm_pipeline::venue::hl::sign::Network;

    #[test]
    fn a_late_feed_is_stood_aside_from_at_the_venue_alone() {
        for (network, aside) in
            [("mainnet", true), ("testnet", true), ("http://127.0.0.1:4317", false)]
        {
            let is_mainnet = Endpoint::parse(network).unwrap().network() == Network::Mainnet;
            let draft = Draft::load(None, &|_| None).unwrap();
            let settings = draft.at_venue(place(network, is_mainnet).1).build().unwrap();
            let action = settings.params("BTC").risk.late_action;
            assert_eq!(action == LateAction::StandAside, aside, "{network}: {action:?}");
        }
    }
}
