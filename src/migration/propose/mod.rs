//! Proposals for the field map: the staged attributes, the org's fields → rows of `config/field_map.csv` and
//! `config/value_map.csv` that nobody has confirmed yet; and, for values that other decision files are about, rows of those.
//!
//! In: staged tables, the loads' queries, the decisions so far, the org's describes (or the standard objects that are known
//! without an org), what the user confirmed in other projects, and a language model's opinion where one is set up. Out:
//! [`ProposeReport`], and the files. Never: a decision, or a change to a row that a person decided; the org is only
//! asked what it has.

mod destination;
mod profiles;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use transload_propose::{Closed, History, Source, Target, Vocabulary, propose, tell_closed};

use self::destination::Fields;
use self::rows::ProposalRows;
use super::check::met;
use super::open_decisions::{self, OpenDecision};
use super::project::Project;
use super::stage::{note_staging, stage_all};
use crate::config;
use crate::error::Error;
use crate::llm::{self, Draft, LlmReport};
use crate::mapping::{
    FieldMap, KnownFields, MapRow, MappingError, ProposedField, ProposedValue, Status, UserHistory,
    proposed_column, write_fields, write_values,
};
use crate::progress::Progress;
use crate::project::{Grain, Queries, QueryFile, QueryKind};
use crate::review::{ReviewField, ReviewTargets};
use crate::staging::Snapshot;
use crate::usercom::layout::ATTRIBUTE_METADATA;

/// A project's own synonyms.
const SYNONYMS: &str = "config/synonyms.csv";

/// What proposals are asked for.
#[derive(Clone, Debug, Default)]
pub struct ProposeRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Whether the tables staged last are used instead of the export.
    pub no_stage: bool,
    /// Whether no org is asked: the standard objects alone are known then.
    pub offline: bool,
    /// Whether no language model is asked, whatever `migration.toml` says.
    pub no_llm: bool,
    /// Whether what was disclosed may go to a model on another machine.
    pub yes: bool,
}

/// What was proposed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProposeReport {
    /// Rows of the field map.
    pub fields: Vec<ProposedField>,
    /// Rows of the value map.
    pub values: Vec<ProposedValue>,
    /// Values of the export that other decision files do not name, with what is proposed for them.
    pub decisions: Vec<OpenDecision>,
    /// Attributes and objects that are decided already, or that a person began to decide.
    pub kept: usize,
    /// Values that an unrestricted picklist does not have and that stay as they are.
    pub values_as_they_are: usize,
    /// What a language model was asked and what came of it; none if none was.
    pub llm: Option<LlmReport>,
    /// What was met that people should know.
    pub notes: Vec<String>,
}

/// Proposes, and writes the files.
pub(super) async fn propose_map(
    project: &Project,
    request: &ProposeRequest,
    progress: &dyn Progress,
) -> Result<ProposeReport, Error> {
    if !request.no_stage {
        let lease = project.staging.lease("map propose").await?;
        let staged = stage_all(project, progress).await;
        let released = lease.release().await.map_err(Error::from);
        let (report, ()) = super::first_error::first(staged, released)?;
        note_staging(&report, progress);
    }
    let snapshot = project.staging.snapshot().await?;
    let folder = &project.config.project;
    let map = FieldMap::load(folder)?;
    let queries = Queries::load(folder)?;
    let mut report = ProposeReport::default();
    let sources = profiles::sources(project, &snapshot).await?;
    if sources.is_empty() {
        let is_staged = snapshot.schema("usercom").next().is_some();
        report.notes.push(
            match is_staged {
                true => "the staged tables have no attributes of your own: there is nothing to map",
                false => "nothing is staged yet: leave out --no-stage, so that the export is read",
            }
            .to_owned(),
        );
    }
    let loads = Loads::of(&queries);
    let objects: BTreeSet<&str> = sources
        .keys()
        .flat_map(|table| loads.objects(table))
        .collect();
    let fields = Fields::of(project, request, &objects, &mut report.notes).await?;
    let vocabulary = vocabulary(project)?;
    let history = history(&mut report.notes);
    let mut given = Vec::new();
    for (table, sources) in &sources {
        let objects = loads.objects(table);
        if objects.is_empty() {
            report.notes.push(format!(
                "no load of {table} sends own fields: its {} attribute(s) are not proposed",
                sources.len()
            ));
        }
        for object in objects {
            given.push(Given {
                table,
                object,
                all: sources,
                map: &map,
                fields: &fields,
                vocabulary: &vocabulary,
                history: &history,
                sent: loads.sent(table, object),
            });
        }
    }
    let mut drafts: Vec<Draft> = given.iter().map(Given::draft).collect();
    let config = &project.config;
    if let Some(llm) = config.llm.as_ref().filter(|_| !request.no_llm) {
        report.llm = llm::consult(config, llm, request.yes, &mut drafts, progress).await?;
    }
    for (given, draft) in given.iter().zip(&drafts) {
        given.rows(draft, &mut report);
    }
    let staging = met(project, request.target.as_deref()).await?;
    let known = staging.snapshot().await?;
    let open = open_decisions::of_export(project, &staging, &known, fields.values.clone()).await?;
    report.notes.extend(open.not_checked);
    let decisions = open.decisions.into_iter().chain(open.offers);
    report.decisions = decisions
        .filter(|decision| proposed_column(decision.file).is_some())
        .collect();
    write_fields(folder, &report.fields)?;
    write_values(folder, &report.values)?;
    open_decisions::write(folder, &report.decisions)?;
    Ok(report)
}

/// The fields that the map may name.
#[derive(Debug, Default)]
pub struct MapFields {
    /// Those that are offered, by object.
    pub targets: ReviewTargets,
    /// All that there are.
    pub known: KnownFields,
    /// What could not be asked.
    pub notes: Vec<String>,
}

/// The fields that the map may name, by object.
pub(super) async fn map_fields(
    project: &Project,
    request: &ProposeRequest,
) -> Result<MapFields, Error> {
    let queries = Queries::load(&project.config.project)?;
    let loads = Loads::of(&queries);
    let objects: BTreeSet<&str> = loads.loads.iter().map(|file| file.object()).collect();
    let mut notes = Vec::new();
    let fields = Fields::of(project, request, &objects, &mut notes).await?;
    let field = |target: &Target| ReviewField {
        field: target.field.clone(),
        label: target.label.clone(),
        help: target.help.clone(),
        kind: target.kind.clone(),
        field_type: target.field_type.clone(),
        picklist: target.picklist.clone(),
    };
    let is_free = |target: &&Target| target.createable && !target.field_type.is_empty();
    let targets = objects.iter().map(|object| {
        let known = fields.of_object(object).iter().filter(is_free);
        ((*object).to_owned(), known.map(field).collect())
    });
    Ok(MapFields {
        targets: targets.collect(),
        known: fields.known,
        notes,
    })
}

/// What proposals for one table and object are made of.
struct Given<'a> {
    table: &'a str,
    object: &'a str,
    /// All attributes of the table.
    all: &'a [Source],
    map: &'a FieldMap,
    fields: &'a Fields,
    vocabulary: &'a Vocabulary,
    history: &'a History,
    /// Fields that the loads send already, with the load.
    sent: BTreeMap<String, String>,
}

impl Given<'_> {
    /// Rows that people decided or began.
    fn decided(&self) -> impl Iterator<Item = &MapRow> {
        self.map.rows().filter(|row| self.counts(row))
    }

    /// Fields in lower case that an attribute has, so that they are no other one's.
    fn taken(&self) -> BTreeSet<String> {
        self.decided()
            .filter(|row| row.status != Status::Ignored && row.is_for(self.object))
            .map(|row| row.target_field.to_lowercase())
            .collect()
    }

    /// Proposals for what nobody decided.
    fn draft(&self) -> Draft {
        let is_decided = |source: &&Source| {
            self.decided().any(|row| {
                let everywhere = row.status == Status::Ignored && row.target_object.is_empty();
                row.source == self.table
                    && row.source_field == source.name
                    && (row.is_for(self.object) || everywhere)
            })
        };
        let open = self.all.iter().filter(|source| !is_decided(source));
        let sources: Vec<Source> = open.cloned().collect();
        let taken = self.taken();
        let free = |target: &&Target| {
            !taken.contains(&target.field.to_lowercase())
                && target.kind != "reference"
                && !target.field_type.is_empty()
        };
        let known = self.fields.of_object(self.object).iter();
        let (targets, closed): (Vec<Target>, Vec<Target>) =
            known.cloned().partition(|target| free(&target));
        let closed = closed.into_iter().map(|target| Closed {
            why: match target.kind.as_str() {
                "reference" => "is a reference".to_owned(),
                kind if target.field_type.is_empty() => format!("is of the type `{kind}`"),
                _ => "another row of the map has already".to_owned(),
            },
            target,
        });
        let closed: Vec<Closed> = closed.collect();
        let mut proposals = propose(&sources, &targets, self.vocabulary, self.history);
        tell_closed(&sources, &mut proposals, &closed, self.vocabulary);
        let is_closed = |target: &Target| {
            !target.createable || self.sent.contains_key(&target.field.to_lowercase())
        };
        let places = targets.iter().enumerate();
        Draft {
            table: self.table.to_owned(),
            object: self.object.to_owned(),
            closed: places
                .filter(|(_, target)| is_closed(target))
                .map(|(at, _)| at)
                .collect(),
            proposals,
            sources,
            targets,
        }
    }

    /// A draft as rows of the two files.
    fn rows(&self, draft: &Draft, report: &mut ProposeReport) {
        report.kept += self.all.len() - draft.sources.len();
        let known = self.fields.of_object(self.object);
        let mut rows = ProposalRows {
            object: self.object,
            targets: &draft.targets,
            sent: &self.sent,
            names: known
                .iter()
                .map(|target| target.field.to_lowercase())
                .chain(self.taken())
                .collect(),
        };
        for (source, proposal) in draft.sources.iter().zip(&draft.proposals) {
            let before = self.history.get(self.table, &source.name, self.object);
            let field = rows.field(self.table, source, proposal, before);
            let targets = &mut draft.targets.iter();
            let target = targets.find(|target| target.field == field.target_field);
            if let Some(target) = target.filter(|_| !field.is_new) {
                rows.values(source, target, self.map, report);
            }
            report.fields.push(field);
        }
        // Values of what was confirmed before may have come since.
        for row in self.decided().filter(|row| {
            row.status == Status::Confirmed && row.source == self.table && row.is_for(self.object)
        }) {
            let source = self
                .all
                .iter()
                .find(|source| source.name == row.source_field);
            let target = known
                .iter()
                .find(|target| target.field.eq_ignore_ascii_case(&row.target_field));
            if let (Some(source), Some(target)) = (source, target) {
                rows.values(source, target, self.map, report);
            }
        }
    }

    /// Whether a row is a person's: decided, or begun.
    fn counts(&self, row: &MapRow) -> bool {
        row.status != Status::Proposed || (!row.is_proposal && !row.target_field.is_empty())
    }
}

/// Which loads send own fields of a table, to which object, and what they send anyway.
struct Loads<'a> {
    loads: Vec<&'a QueryFile>,
}

impl<'a> Loads<'a> {
    fn of(queries: &'a Queries) -> Self {
        let sends_own = |file: &&QueryFile| {
            let columns = file.output_names();
            columns
                .iter()
                .any(|name| name.ends_with(crate::mapping::CUSTOM))
        };
        Self {
            loads: queries.kind(QueryKind::Load).filter(sends_own).collect(),
        }
    }

    /// Loads whose rows are those of a staged table.
    fn feeding(&self, table: &str) -> impl Iterator<Item = &&'a QueryFile> {
        self.loads.iter().filter(move |file| {
            let grain = file.source.as_ref().and_then(Grain::staged);
            grain == Some(table) && file.references.contains(&format!("mapped.{table}"))
        })
    }

    fn objects(&self, table: &str) -> Vec<&'a str> {
        let objects: BTreeSet<&str> = self.feeding(table).map(|file| file.object()).collect();
        objects.into_iter().collect()
    }

    /// Fields in lower case → the load that sends them without the map.
    fn sent(&self, table: &str, object: &str) -> BTreeMap<String, String> {
        let loads = self.feeding(table).filter(|file| file.object() == object);
        loads
            .flat_map(|file| {
                let names = file.output_names().into_iter();
                names.map(|name| (name.to_lowercase(), file.name.clone()))
            })
            .collect()
    }
}

fn vocabulary(project: &Project) -> Result<Vocabulary, Error> {
    let path = project.config.project.join(SYNONYMS);
    let own = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(Error::File {
                action: "read",
                path: SYNONYMS.to_owned(),
                source,
            });
        }
    };
    let read = Vocabulary::with(&own);
    Ok(read.map_err(|source| MappingError::Synonyms {
        path: SYNONYMS,
        source,
    })?)
}

/// What the user confirmed elsewhere; a file that cannot be read is told and left alone.
fn history(notes: &mut Vec<String>) -> History {
    let Some(path) = config::history_file() else {
        return History::default();
    };
    match UserHistory::open(&path) {
        Ok(history) => history.known(),
        Err(error) => {
            notes.push(format!(
                "what was confirmed in other projects is not used: {error}"
            ));
            History::default()
        }
    }
}

/// Attributes of a table: those that are the customer's own.
fn attributes(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &arrow::datatypes::Field)> {
    snapshot
        .schema("usercom")
        // Fields of custom objects are mapped by their own queries.
        .filter(|table| !table.table.starts_with("co_"))
        .flat_map(|table| {
            let fields = table.schema.fields().iter();
            let own = fields.filter(|field| field.metadata().contains_key(ATTRIBUTE_METADATA));
            own.map(|field| (table.table.as_str(), field.as_ref()))
        })
}
