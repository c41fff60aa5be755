//! Events of many files in order of time. A file is open only from its first event to its last: of a
//! month of hours, one after another, one or two are.

use super::event::Event;
use super::file::{Events, FileRead};
use crate::data::error::DataError;
use botmm_pipeline::types::Nanos;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Default)]
pub struct Merged {
    /// Files that are still to be opened, the latest first, by their first event.
    waiting: Vec<(Nanos, PathBuf)>,
    open: Vec<(Event, Events)>,
    /// What came of the files that are over.
    pub done: Vec<FileRead>,
}

impl Merged {
    /// Adds a file; in words why it is none that is imported.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn add(&mut self, path: &Path) -> Result<Result<(), String>, DataError> {
        let mut events = match Events::open(path)? {
            Ok(events) => events,
            Err(why) => return Ok(Err(why)),
        };
        match events.next() {
            Some(first) => {
                let at = first.data.recv_time();
                let place = self.waiting.partition_point(|(other, _)| *other > at);
                self.waiting.insert(place, (at, path.to_owned()));
            }
            None => self.done.push(events.finish()),
        }
        Ok(Ok(()))
    }

    /// The next event of all.
    ///
    /// # Errors
    /// A file can no longer be read.
    pub fn next_event(&mut self) -> Result<Option<Event>, DataError> {
        loop {
            let oldest = (0..self.open.len()).min_by_key(|i| self.open[*i].0.data.recv_time());
            let is_next =
                |at: Nanos| oldest.is_none_or(|i: usize| at <= self.open[i].0.data.recv_time());
            if let Some((_, path)) = self.waiting.pop_if(|(at, _)| is_next(*at)) {
                self.open(&path)?;
                continue;
            }
            let Some(i) = oldest else { return Ok(None) };
            let (event, events) = &mut self.open[i];
            let next = events.next();
            let event = *event;
            match next {
                Some(next) => self.open[i].0 = next,
                None => self.done.push(self.open.remove(i).1.finish()),
            }
            return Ok(Some(event));
        }
    }

    fn open(&mut self, path: &Path) -> Result<(), DataError> {
        let changed = |why| DataError::NotARecording { path: path.to_owned(), why };
        let mut events = Events::open(path)?.map_err(changed)?;
        match events.next() {
            Some(first) => self.open.push((first, events)),
            None => self.done.push(events.finish()),
        }
        Ok(())
    }
}
