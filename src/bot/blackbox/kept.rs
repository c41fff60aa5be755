//! The lines of a run's capture, one after the other, whatever segments they lie in.

use super::built::unusable;
use super::line::{self, Line, Said};
use crate::data::capture::{Damage, DaySegment, Lines, segments};
use crate::exit::AppError;
use crate::files;
use botmm_pipeline::types::Nanos;
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::vec::IntoIter;

/// See the module.
pub struct Kept {
    root: PathBuf,
    segments: IntoIter<DaySegment>,
    open: Option<Open>,
    said: Said,
    text: Vec<u8>,
    damage: Rc<RefCell<Vec<Damage>>>,
}

struct Open {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    number: u64,
}

impl Kept {
    /// From the first line on.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no capture.
    pub fn open(root: &Path) -> Result<Self, AppError> {
        let found = segments(root).map_err(AppError::io(root, "read"))?;
        if found.is_empty() {
            return Err(unusable(root, "holds no capture"));
        }
        Ok(Self {
            root: root.to_owned(),
            segments: found.into_iter(),
            open: None,
            said: Said::default(),
            text: Vec::new(),
            damage: Rc::default(),
        })
    }

    /// The next line, and when it was kept; [`None`] = there are no more.
    ///
    /// # Errors
    /// A file cannot be read, or a line is none of a capture.
    pub fn next_line(&mut self) -> Result<Option<(Nanos, Line)>, AppError> {
        loop {
            if self.open.is_none() {
                let Some(segment) = self.segments.next() else { return Ok(None) };
                self.open = Some(Open::new(segment.path, self.damage.clone())?);
            }
            if let Some(open) = &mut self.open
                && open.next(&mut self.text)?
            {
                break;
            }
            self.open = None;
        }
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        line::read(text, &mut self.said).map(Some).map_err(|e| self.unusable(e))
    }

    /// That the capture will not do, with the line that was read last.
    pub fn unusable(&self, problem: impl Into<String>) -> AppError {
        match &self.open {
            Some(Open { path, number, .. }) => {
                unusable(path, format!("line {number}: {}", problem.into()))
            }
            None => unusable(&self.root, problem),
        }
    }

    /// Damage of the files so far, in words.
    pub fn damage(&self) -> Vec<String> {
        self.damage.borrow().iter().map(ToString::to_string).collect()
    }
}

impl Open {
    fn new(path: PathBuf, damage: Rc<RefCell<Vec<Damage>>>) -> Result<Self, AppError> {
        let file = files::open(&path).map_err(AppError::io(&path, "open"))?;
        let lines = Lines::new(BufReader::new(file), damage);
        let lines = lines.map_err(AppError::io(&path, "read"))?;
        Ok(Self { path, lines, number: 0 })
    }

    /// Whether there was another line.
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, AppError> {
        text.clear();
        self.number += 1;
        let read = self.lines.read_until(b'\n', text);
        Ok(read.map_err(AppError::io(&self.path, "read"))? > 0)
    }
}
