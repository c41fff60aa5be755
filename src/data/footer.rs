//! The schema of a Parquet file, looked at before the library sees it: the library takes its counts at
//! their word (memory) and goes down its groups by calling itself (stack).
//!
//! The footer is a struct of Thrift's compact protocol, its second field the schema: a list of elements
//! in the order of the tree, each with the number of its children.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// A footer ends with its length and the magic.
const TAIL: u64 = 8;
/// Larger than that of any file of ours.
const MAX_FOOTER: u64 = 64 << 20;
/// Deeper than any book lies.
const MAX_DEPTH: usize = 32;

/// The fields that are looked at.
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

/// Types of the compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Whether the library may read this file.
///
/// # Errors
/// In words why not.
pub fn check(file: &mut File) -> Result<(), String> {
    let footer = read(file).map_err(|e| format!("its end cannot be read ({e})"))?;
    let footer = footer.ok_or("it has no footer")?;
    let children = Thrift(&footer).children().ok_or("its footer makes no sense")?;
    is_tree(&children).then_some(()).ok_or_else(|| "its schema makes no sense".to_owned())
}

fn read(file: &mut File) -> std::io::Result<Option<Vec<u8>>> {
    let bytes = file.metadata()?.len();
    let Some(start) = bytes.checked_sub(TAIL) else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let length = u64::from(u32::from_le_bytes(length));
    let Some(start) = start.checked_sub(length).filter(|_| length <= MAX_FOOTER) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(start))?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer)?;
    file.rewind()?;
    Ok(Some(footer))
}

/// Whether so many children, in the order of the tree, are one tree that is not too deep.
fn is_tree(children: &[i64]) -> bool {
    // Of each group that we are in, how many of its children are still to come.
    let mut open: Vec<usize> = vec![1];
    for (i, count) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        let Some(left) = open.last_mut() else { return false };
        *left -= 1;
        match usize::try_from(*count) {
            Ok(0) => {}
            Ok(count) if count < children.len() - i && open.len() <= MAX_DEPTH => open.push(count),
            _ => return false,
        }
    }
    open.iter().all(|left| *left == 0)
}

/// What is still to be read.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    /// How many children each element of the schema has.
    fn children(&mut self) -> Option<Vec<i64>> {
        let mut field = 0;
        loop {
            let kind = self.field(&mut field)?;
            if field == SCHEMA && kind == LIST {
                break;
            }
            self.skip(kind, 0)?;
        }
        let (count, kind) = self.list()?;
        // Each is a byte at least.
        if kind != STRUCT || count > self.0.len() as u64 {
            return None;
        }
        (0..count).map(|_| self.element()).collect()
    }

    fn element(&mut self) -> Option<i64> {
        let (mut field, mut children) = (0, 0);
        loop {
            match self.field(&mut field)? {
                STOP => return Some(children),
                kind if field == CHILDREN && kind <= I64 => children = self.whole()?,
                kind => self.skip(kind, 0)?,
            }
        }
    }

    /// The head of the next field: its type, and its id in the place of the one before it.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind != STOP {
            *id = match head >> 4 {
                0 => self.whole()?,
                more => id.checked_add(i64::from(more))?,
            };
        }
        Some(kind)
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(drop),
            4..=I64 => self.varint().map(drop),
            DOUBLE => self.bytes(8),
            BINARY => self.varint().and_then(|length| self.bytes(length)),
            LIST | SET => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth))
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0x0f, depth)
                })
            }
            STRUCT => {
                let mut field = 0;
                loop {
                    match self.field(&mut field)? {
                        STOP => return Some(()),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            _ => None,
        }
    }

    /// One of a list: a truth has a byte of its own there.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            TRUE | FALSE => self.byte().map(drop),
            kind => self.skip(kind, depth + 1),
        }
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 0x0f))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A signed whole number.
    fn whole(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_told_from_what_is_none() {
        for good in [&[0][..], &[2, 0, 0], &[2, 1, 0, 0], &[1, 1, 1, 0], &[3, 0, 2, 0, 0, 0]] {
            assert!(is_tree(good), "{good:?}");
        }
        let deep = |levels: usize| [vec![1; levels], vec![0]].concat();
        assert!(is_tree(&deep(MAX_DEPTH)));
        for bad in [
            &[1][..],
            &[2, 0],
            &[0, 0],
            &[1, 0, 0],
            &[-1],
            &[i64::MAX, 0],
            &[1, 1 << 30, 0],
            &deep(MAX_DEPTH + 1),
            &deep(100_000),
        ] {
            assert!(!is_tree(bad), "{:?}", &bad[..bad.len().min(9)]);
        }
    }

    #[test]
    fn signed_numbers_are_read() {
        for (bytes, value) in
            [(&[0][..], 0), (&[1], -1), (&[2], 1), (&[0x80, 1], 64), (&[0xff, 1], -128)]
        {
            assert_eq!(Thrift(bytes).whole(), Some(value), "{bytes:?}");
        }
        assert_eq!(Thrift(&[0x80; 12]).whole(), None);
        assert_eq!(Thrift(&[]).whole(), None);
    }
}
