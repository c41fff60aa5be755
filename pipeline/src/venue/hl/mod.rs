//! Hyperliquid's wire format.
