//! The program as its users meet it: one module per area, one binary because linking the engine takes long.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The identities of the books on generated exports.
mod accounting;
/// Records that changed in the org, and rows that are sent again.
mod again;
/// Small projects that once went wrong for somebody.
mod cases;
/// Exit codes and messages of commands and of bad input.
mod cli;
/// The checklist of the day.
mod cutover;
/// Decisions that a person must take before rows move.
mod decisions;
/// A delta from an account.
mod delta_extract;
/// Two versions of the rules.
mod diff;
/// A full disk, files that are gone.
mod disk;
/// One row's story.
mod explain;
/// User.com's API read into export files, against a simulated account.
mod extract;
/// Bad input of `extract`.
mod extract_refusals;
/// Crashes, lost answers, expired sessions: the next run finishes.
mod faults;
/// A small project with every object.
mod further;
/// The product's own SQL, case by case, in this process.
mod golden;
/// Every command of the guide, as it stands there.
mod guide;
/// A migration driven through the library.
mod in_process;
/// Killed again and again at random moments.
mod kills;
/// A language model that is asked about the map, and answers well or badly.
mod llm;
/// Changes between runs, and values that do not fit.
mod load;
/// The field map, from its proposal to a stale row.
mod map;
/// What other decision files say, proposed.
mod map_decisions;
/// Records that were in the org before.
mod matches;
/// Every object of the mission, and what hangs on them.
mod objects;
/// A simulated org and questions to it.
mod org;
/// A run of the program, under way and ended.
mod process;
/// Random scripts of edits on both sides against a model.
mod property;
/// `query` and `status`.
mod query;
/// Bad input that is found on the way.
mod refusals;
/// A whole project, its tables, and the org it loads into.
mod rehearsal;
/// Rows and jobs that fail for a while.
mod retries;
/// Runs taken back.
mod rollback;
/// The main job on the demo.
mod run;
/// The table of all runs.
mod run_log;
/// Some of the people only, with all that hangs on them.
mod sample;
/// The destination's fields.
mod schema;
/// The SQL that query files may rely on.
mod slt;
/// What the plan says about the org's storage.
mod storage;
/// The small project after two runs.
mod story;
/// Every choice of a project, through the whole job.
mod strategies;
/// A project in a temporary folder, the program run in it, snapshots of what it said.
mod support;
/// Staging areas that somebody touched, exports that changed, orgs that are others.
mod tampered;
/// What a run tells on the way and at its end.
mod terminal;
/// The tests of a project.
mod testing;
/// A simulated User.com account in a process of its own, and a client of it.
mod usercom_account;
/// A simulated User.com account, read over HTTP.
mod usercom_sim;
/// The tables that a reader of the simulated account arrives at.
mod usercom_tables;
