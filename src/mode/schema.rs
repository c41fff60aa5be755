//! `botmm schema`: the configuration described for editors.

use crate::exit::AppError;
use crate::{settings, terminal};

/// Prints the JSON Schema.
pub fn run() -> Result<(), AppError> {
    terminal::print(&format!("{:#}\n", settings::schema()?))
}
