//! How a run ends, beside cancelling every order of its.

use clap::Args;

/// What `run` and `paper` take of it.
#[derive(Clone, Debug, Default, Args)]
pub struct EndArgs {
    /// Close what is held too when it ends, however that comes: by orders that only reduce and take, in
    /// slices, at no price further from the mark than --within. For up to a minute; what is left is told
    /// (exit code 5). Their fees are in the summary.
    #[arg(long)]
    pub flatten: bool,
    /// How far from the mark, in basis points, 1 to 1000.
    #[arg(long, value_name = "BPS", default_value = "50", requires = "flatten",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub within: u32,
}

impl EndArgs {
    /// How far from the mark positions are closed; [`None`] = they stay.
    pub fn flatten_within_bps(&self) -> Option<u32> {
        self.flatten.then_some(self.within)
    }
}
