//! The fields of a line of CSV.

use std::ops::Range;

/// Which byte parts the columns of a header.
pub fn delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: &u8| header.iter().filter(|b| *b == delimiter).count();
    // Of equals the last: a comma unless another parts more.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Where the fields of a line are, without the quotes around them. A quoted field may hold the
/// delimiter; no field of ours has a quote inside.
pub fn split(line: &[u8], delimiter: u8, fields: &mut Vec<Range<usize>>) {
    fields.clear();
    let mut start = 0;
    if !line.contains(&b'"') {
        for field in line.split(|&b| b == delimiter) {
            fields.push(start..start + field.len());
            start += field.len() + 1;
        }
        return;
    }
    let mut is_quoted = false;
    for field in line.split(|&b| {
        is_quoted ^= b == b'"';
        b == delimiter && !is_quoted
    }) {
        let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
        let end = start + field.len();
        fields.push(if bare.is_some() { start + 1..end - 1 } else { start..end });
        start = end + 1;
    }
}
