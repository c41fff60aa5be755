//! How our folders of CSV are packed.

use std::io::{self, Write};

/// Fast, and a tenth of the text; each of some hundred files is packed at once, so windows are small.
const ZSTD_LEVEL: i32 = 1;
const ZSTD_WINDOW_LOG: u32 = 18;

/// Packs what is written, a checksum behind it.
///
/// # Errors
/// There is no memory for it.
pub fn packer<W: Write>(out: W) -> io::Result<zstd::Encoder<'static, W>> {
    let mut out = zstd::Encoder::new(out, ZSTD_LEVEL)?;
    out.include_checksum(true)?;
    out.window_log(ZSTD_WINDOW_LOG)?;
    Ok(out)
}
