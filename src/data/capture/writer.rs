//! Writes a segment: what it has said to be written is on the disk, and can be read whatever comes after.

use super::segment::{Entry, Head, Index, MAX_BLOCK_BYTES, Record};
use crate::files::Readers;
use botmm_pipeline::types::Nanos;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Frames of one kind resemble each other: more effort gains little.
const LEVEL: i32 = 3;

/// A segment that grows.
pub struct SegmentWriter {
    path: PathBuf,
    file: File,
    head: Head,
    /// Bytes that are whole, and on the disk.
    len: u64,
    blocks: Vec<Entry>,
    packer: zstd::bulk::Compressor<'static>,
    /// What was written of late may not be on the disk, and nobody can know: nothing more goes in.
    is_broken: bool,
}

impl SegmentWriter {
    /// Begins one in a file that is not there yet.
    ///
    /// # Errors
    /// Those of the disk; nothing is left behind then.
    pub fn create(path: &Path, head: Head) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(Readers::All.file_mode());
        let file = options.open(path)?;
        let mut writer = Self {
            path: path.to_owned(),
            file,
            len: 0,
            blocks: Vec::new(),
            packer: zstd::bulk::Compressor::new(LEVEL)?,
            is_broken: false,
            head,
        };
        let begun = writer.put(&writer.head.write()).and_then(|()| sync_folder_of(path));
        if begun.is_err() {
            let _ = std::fs::remove_file(path); // There is nothing in it.
        }
        begun.map(|()| writer)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it was begun.
    pub fn begun(&self) -> Nanos {
        self.head.begun
    }

    /// Its bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Nothing was written to it yet.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// It takes no more: begin another one.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Writes the lines of at most a second, and has them on the disk. The first and the last of them were received
    /// at these times.
    ///
    /// # Errors
    /// Those of the disk: then none of the lines is in the segment.
    pub fn append(
        &mut self,
        text: &[u8],
        lines: u32,
        (first, last): (Nanos, Nanos),
    ) -> io::Result<()> {
        assert!(text.len() <= MAX_BLOCK_BYTES, "a block of {} bytes", text.len());
        if self.is_broken {
            return Err(io::Error::other("an earlier write may not be on the disk"));
        }
        let mut bytes = self.packer.compress(text)?;
        let record = Record {
            segment: self.head.begun,
            number: self.blocks.len() as u32,
            packed: bytes.len() as u32,
            plain: text.len() as u32,
            lines,
            first,
            last,
            crc: crc32fast::hash(&bytes),
        };
        bytes.extend_from_slice(&record.write());
        let at = self.len;
        self.put(&bytes)?;
        self.blocks.push(Entry { at, first, last, lines });
        Ok(())
    }

    /// Closes it with its index.
    ///
    /// # Errors
    /// Those of the disk: it stays without an index, and can be read as ever.
    pub fn close(mut self) -> io::Result<()> {
        let blocks = std::mem::take(&mut self.blocks);
        self.put(&Index { segment: self.head.begun, blocks }.write())
    }

    /// All of it, on the disk, or nothing.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        let end = self.len + bytes.len() as u64;
        let written = self.file.write_all_at(bytes, self.len);
        let written = written.and_then(|()| self.file.flush());
        if let Err(e) = written {
            // Should this fail, what is left is a torn tail: the next write goes over it.
            let _ = self.file.set_len(self.len);
            return Err(e);
        }
        if let Err(e) = self.file.sync_data() {
            self.is_broken = true;
            return Err(e);
        }
        self.len = end;
        Ok(())
    }
}

/// A new name is on the disk only when its folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
