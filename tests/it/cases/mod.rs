//! Small projects that once went wrong for somebody, each with the value that is right.
//!
//! A case is the small project with other files in it, run in this process against the embedded simulator. What arrived is
//! asked of the org over HTTP, never of our own tables alone. One file per kind of fault.

/// Prices and amounts.
mod amounts;
/// A project that checks itself.
mod check;
/// Columns that arrive, or are ignored by name.
mod columns;
/// Days, instants and daylight saving.
mod days;
/// Decision files with mistakes in them.
mod decisions;
/// Documents that people read.
mod documents;
/// Decisions of the field map.
mod field_map;
/// Files, links, names.
mod files;
mod first_hour;
/// What stops a phase.
mod gates;
/// What people do after the first run.
mod hypercare;
/// What the source changes after it was sent once.
mod later_changes;
/// Links between records, and rows that no book may lose.
mod links;
/// Links that somebody deleted in the org.
mod links_deleted;
/// Links that moved since the last export.
mod links_moved;
/// Answers that are lost or none.
mod lost_answers;
/// Names, addresses and what they say.
mod names;
/// Leads that became contacts, and records that were merged.
mod one_contact;
/// Opt-outs of people whose rows wait.
mod opt_outs;
/// What the org does while it is loaded, and what reading it costs.
mod org_work;
/// Values that no field holds.
mod originals;
/// Person accounts.
mod persons;
/// Plans kept.
mod planning;
/// Stages, currencies, owners and automation of the org.
mod platform;
mod promotion;
/// Values that a field cannot hold, of every type.
mod ranges;
/// Cells as programs, spreadsheets and people leave them, and files that cannot be read.
mod reading;
/// Reports and documents at their edges.
mod reports;
/// Records side by side.
mod samples;
/// What `[scope]` leaves out.
mod scope;
/// A second export after real life: columns, rows and values that went, edits in the org.
mod second_run;
/// Parts of a run.
mod selecting;
/// Phases beside each other.
mod side_by_side;
/// Rows that the source no longer has.
mod source_deletions;
/// The same thing written in several ways.
mod spellings;
/// The split, as the org has it.
mod split;
/// What is not made again.
mod standing;
/// Both sides have worked since the last run.
mod three_way;
/// What is told of conflicts.
mod told;
/// Rollback.
mod undoing;
/// Cells that cannot be read.
mod unreadable;
/// Rows that wait or failed.
mod waiting;
