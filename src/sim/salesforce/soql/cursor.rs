//! Results that REST gives out page by page.
//!
//! In: the positions of a result. Out: pages, by an id such as `01g…-2000`. Only the newest cursors are kept, like the
//! real service does; a page of an older one is refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::super::lock::lock;
use super::plan::Plan;

/// Cursors kept.
const KEPT: usize = 50;

/// One result.
pub(crate) struct Cursor {
    pub(crate) plan: Plan,
    pub(crate) positions: Vec<u32>,
    pub(crate) page: usize,
}

/// The newest results.
#[derive(Default)]
pub(crate) struct Cursors(Mutex<VecDeque<(String, Arc<Cursor>)>>);

impl Cursors {
    /// Keeps a result under an id.
    pub(crate) fn keep(&self, id: String, cursor: Arc<Cursor>) {
        let mut cursors = lock(&self.0);
        cursors.push_back((id, cursor));
        while cursors.len() > KEPT {
            cursors.pop_front();
        }
    }

    /// The result under an id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Cursor>> {
        lock(&self.0)
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, cursor)| Arc::clone(cursor))
    }
}
