//! `--queue exact`: what it needs of a recording.

use crate::data::{DataError, OrderData};
use crate::exit::AppError;
use botmm_pipeline::types::Universe;
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use std::sync::Arc;

/// The single orders of a recording.
///
/// # Errors
/// It has none of a coin, or the coin's book is never whole.
pub fn of(orders: Option<&OrderData>, universe: &Universe) -> Result<Arc<OrderTape>, AppError> {
    let refuse = |coin: &str, why: &str| {
        let (coin, why) = (coin.to_owned(), why.to_owned());
        Err(AppError::from(DataError::NoOrders { coin, why }))
    };
    let Some(orders) = orders else { return refuse("any coin", "there are none in it") };
    for (asset, instrument) in universe.iter() {
        let coin = instrument.coin.as_str();
        if !orders.has(asset) {
            return refuse(coin, "there are none of it");
        }
        if orders.whole_from(asset).is_none() {
            let why = "its book is never whole: it begins with neither a snapshot nor a minute \
                       without a fault";
            return refuse(coin, why);
        }
    }
    Ok(orders.tape.clone())
}
