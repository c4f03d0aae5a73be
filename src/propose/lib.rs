//! Which field of Salesforce a column of another CRM is: proposals with a class, reasons and alternatives.
//!
//! In: [`Source`]s (columns with names, declared kinds and value profiles), [`Target`]s (fields as the org describes them), a
//! [`Vocabulary`] and the [`History`] of what people confirmed before. Out: a [`Proposal`] per source, one source to a
//! field, and [`ValueMatch`]es between texts of the source and the values of a closed list.
//!
//! Never: a decision. It reads no file of a project, speaks to no server and confirms nothing; the same input gives the
//! same output.

mod assign;
mod model;
mod new_field;
mod profile;
mod score;
mod standard;
mod values;
mod vocabulary;
mod words;

pub use assign::{propose, tell_closed};
pub use model::{
    Candidate, Class, Closed, History, Kind, Known, NewField, Proposal, Source, Target,
};
pub use new_field::new_field;
pub use profile::{Profile, Profiler, mask};
pub use standard::{OBJECTS, standard};
pub use values::{Choice, ValueMatch, country_names, match_values};
pub use vocabulary::{Vocabulary, VocabularyError};
