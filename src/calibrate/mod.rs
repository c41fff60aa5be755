//! Calibrates the queue models from our own orders (docs/queue.md): each order of a live run that rested is a sample of
//! the queue it stood in. What the venue told of it and what everybody was shown lie in the run's capture, so that
//! nothing of this is done while a run goes on.
//!
//! | file | what |
//! |---|---|
//! | `orders` | our orders, as the venue told of them |
//! | `story` | what was shown and traded at an order's price while it stood there |
//! | `odds` | with what probability a queue model says that a trade reaches us |
//! | `fit` | the exponent of `prob_power` |
//! | `judge` | what each model's probabilities were worth |
//! | `report` | all of it, and whether it calibrates anything |
//! | `run`, `told` | the verb, and its words |

mod fit;
mod judge;
mod odds;
mod orders;
mod report;
mod run;
mod story;
mod told;

pub use run::{Request, run};
