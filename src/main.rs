//! The `botmm` command.

fn main() {}
