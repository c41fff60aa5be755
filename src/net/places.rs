//! So many callers at a time: each has a place until it leaves, however it leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many places. Clones are the same.
#[derive(Clone, Debug)]
pub struct Places {
    taken: Arc<AtomicUsize>,
    of: usize,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Places {
    /// All of them free.
    pub fn new(of: usize) -> Self {
        Self { taken: Arc::default(), of }
    }

    /// A free one, if there is one.
    pub fn take(&self) -> Option<Place> {
        let place = Place(self.taken.clone());
        let before = self.taken.fetch_add(1, Ordering::AcqRel);
        (before < self.of).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_one_that_is_left_is_free() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.clone().take());
        assert!(first.is_some() && second.is_some());
        assert!(places.take().is_none() && places.take().is_none(), "who is refused holds none");
        drop(first);
        assert!(places.take().is_some());
    }
}
