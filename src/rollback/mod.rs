//! Rollback: a run taken back, days later and from another process.
//!
//! In: journal, ledger and pre-images of the runs to undo, and the org as it is now. Out: `outbox.undo_<load>` (what will be
//! deleted or restored, fixed before the first job), `recon.spared_<load>` (what somebody has a stake in, with the reason), and
//! a ledger in which what was undone has no id any more, so that the next run creates it anew. Never: a record that somebody
//! edited since, or one that holds records of others.
//!
//! ```text
//! runs ─▶ loads, last first ─▶ read back ─▶ review: gone │ delete │ restore │ spare ─▶ undo parts ─▶ jobs ─▶ review again
//!                                              ▲                               │                      (nothing may be left)
//!                              children of others, parents of what is spared ◀─┘
//! ```
//!
//! What the runs deleted because the source no longer had it comes out of the recycle bin first (`outbox.recycled_<load>`), parents
//! before children.
//!
//! A record is compared three ways: what it was (pre-image), what we wrote (outbox, pre-image), what is there. A rollback that was
//! killed is recovered like any other run, and what is left is reviewed anew.

mod children;
mod decision;
mod error;
mod load;
mod load_review;
mod recycled;
mod review;
mod scope;
mod spared;
mod undo;
mod vanished;

pub use error::RollbackError;
pub use load::{Load, Reviewed, Spared};
pub use recycled::Recycled;
pub use review::{Review, Reviewer};
pub use scope::{Scope, choose};
pub use undo::{CHANGES, UNDO};
pub use vanished::{KEPT, Stakes, Treatment, Vanished, VanishedLoad};
