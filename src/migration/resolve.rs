//! The SQL project with everything that was found out about it: which loads take part, in what order, and what each sends.
//!
//! In: query files, field map, options, the org's describes. Out: a [`ResolvedProject`]. Never: a table written, or a row sent.

use std::collections::{BTreeMap, BTreeSet};

use super::columns;
use super::exclusions::{self, Exclusions};
use super::fields;
use super::grain;
use super::known;
use super::map_check::check_map;
use super::name_check::check_names;
use super::project::Project;
use crate::error::Error;
use crate::finding::Finding;
use crate::load::ORG_TABLES;
use crate::mapping::FieldMap;
use crate::project::{Operation, Queries, QueryFile, QueryKind, Selection, Step, loads_behind};
use crate::rows::Columns;
use crate::salesforce::ObjectDescribe;
use crate::schema;
use crate::staging::{SHARED_SCHEMAS, Snapshot, Staging};
use crate::usercom::OBJECTS;

/// The SQL project with everything that was found out about it.
pub(crate) struct ResolvedProject {
    /// All query files.
    pub queries: Queries,
    /// The field map.
    pub map: FieldMap,
    /// Columns per load, those that are left out too.
    pub columns: BTreeMap<String, Columns>,
    /// What options and destination leave out.
    pub exclusions: Exclusions,
    /// The loads that were selected; none if nobody selected.
    pub selected: Option<BTreeSet<String>>,
}

impl ResolvedProject {
    /// Every query in an order in which each comes after what it reads.
    pub(crate) fn order(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        let mut tables = known_tables(snapshot);
        tables.extend(known::tables(&self.queries));
        Ok(crate::project::order(&self.queries, &tables)?)
    }

    /// The loads in the order of their phases, each with the models it needs before it. Loads that are left out are
    /// not among them, nor are models that only those need.
    pub(crate) fn steps(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        let all = self.order(snapshot)?;
        let mut read: BTreeSet<&str> = self
            .queries
            .iter()
            .filter(|file| matches!(file.kind, QueryKind::Check | QueryKind::Reconcile))
            .flat_map(|file| file.references.iter().map(String::as_str))
            .collect();
        // The rows of what an option leaves out have a fate too.
        let excluded: BTreeSet<&String> = grain::excluded(self)
            .filter(|file| self.is_selected(file))
            .map(|file| &file.name)
            .collect();
        let mut kept = Vec::new();
        for step in all.into_iter().rev() {
            let file = step.file();
            let needed = match step {
                Step::Load(_) => {
                    if excluded.contains(&file.name) {
                        read.extend(file.references.iter().map(String::as_str));
                    }
                    self.takes_part(file)
                }
                _ => read.contains(format!("{}.{}", file.kind.folder(), file.name).as_str()),
            };
            if needed {
                read.extend(file.references.iter().map(String::as_str));
                kept.push(step);
            }
        }
        kept.reverse();
        Ok(kept)
    }

    /// Whether options and destination let a load take part.
    pub(crate) fn is_active(&self, load: &QueryFile) -> bool {
        !self.exclusions.left_out.contains_key(&load.name)
    }

    /// Whether somebody selected a load, or nobody any.
    pub(crate) fn is_selected(&self, load: &QueryFile) -> bool {
        let selected = self.selected.as_ref();
        selected.is_none_or(|selected| selected.contains(&load.name))
    }

    /// Whether a load takes part in this run.
    pub(crate) fn takes_part(&self, load: &QueryFile) -> bool {
        self.is_active(load) && self.is_selected(load)
    }

    /// Loads that would take part if they had been selected.
    pub(crate) fn not_selected(&self) -> Vec<String> {
        let others = self.loads().filter(|file| !self.is_selected(file));
        others.map(|file| file.name.clone()).collect()
    }

    /// Limits what takes part to a selection.
    ///
    /// # Errors
    /// [`crate::project::ProjectError::Selection`]; [`Error::Usage`] where all that was selected is left out anyway.
    pub(crate) fn select(&mut self, selection: &Selection) -> Result<(), Error> {
        if selection.is_everything() {
            return Ok(());
        }
        let selected = selection.loads(&self.queries)?;
        let left_out = &self.exclusions.left_out;
        let off = |load: &&str| Some(format!("{load} ({})", left_out.get(*load)?));
        let off: Vec<String> = selected.iter().filter_map(off).collect();
        if off.len() == selected.len() {
            return Err(Error::Usage {
                what: format!("nothing that is selected takes part: {}", off.join(", ")),
                hint: "change the option under [options], or select other loads".to_owned(),
            });
        }
        self.selected = Some(selected.into_iter().map(str::to_owned).collect());
        Ok(())
    }

    /// A load that a query needs, that nobody selected and that no earlier run has loaded.
    pub(crate) fn never_loaded(&self, file: &QueryFile, snapshot: &Snapshot) -> Option<&str> {
        self.selected.as_ref()?;
        let behind = loads_behind(&self.queries, file).into_iter();
        let mut loads = behind.filter_map(|name| self.queries.find(QueryKind::Load, name));
        let found = loads.find(|load| {
            self.is_active(load)
                && !self.is_selected(load)
                && snapshot.get("ledger", &load.name).is_none()
        });
        found.map(|load| load.name.as_str())
    }

    /// Columns of a load that another one sets anew, by updates of the same records: a status that comes last, lookups
    /// that go in a circle.
    pub(crate) fn later(&self, load: &QueryFile) -> BTreeSet<String> {
        self.loads()
            .filter(|other| other.name != load.name && other.object() == load.object())
            .filter(|other| other.operation == Some(Operation::Update))
            .filter_map(|other| self.columns.get(&other.name))
            .flat_map(|columns| columns.sent.iter().map(|field| field.name().clone()))
            .collect()
    }

    /// Loads of Leads that have a ledger, for a load of what a converted Lead becomes.
    pub(crate) fn leads_before(
        &self,
        load: &QueryFile,
        snapshot: &Snapshot,
    ) -> Vec<(String, Vec<String>)> {
        let becomes = matches!(load.object(), "Account" | "Contact" | "Opportunity");
        self.loads()
            .filter(|other| becomes && other.object() == "Lead" && other.key.len() == 1)
            .filter(|other| snapshot.get("ledger", &other.name).is_some())
            .map(|other| (other.name.clone(), other.key.clone()))
            .collect()
    }

    /// The loads that options and destination let take part.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &QueryFile> {
        self.queries
            .kind(QueryKind::Load)
            .filter(|file| self.is_active(file))
    }

    /// Columns of a load.
    pub(crate) fn columns(&self, load: &QueryFile) -> Result<&Columns, Error> {
        self.columns.get(&load.name).ok_or_else(|| Error::Defect {
            what: format!("{} was not planned", load.path),
        })
    }
}

/// Reads the query files and the map. A command that only looks or takes back needs no more than that they can be read.
///
/// # Errors
/// A query file that is not valid, a map with rows that nobody confirmed.
pub(crate) fn read_queries(project: &Project) -> Result<(Queries, FieldMap), Error> {
    let queries = Queries::load(&project.config.project)?;
    let map = FieldMap::load(&project.config.project)?;
    let findings = map.unconfirmed();
    match findings.is_empty() {
        true => Ok((queries, map)),
        false => Err(Error::Mistakes { findings }),
    }
}

/// Tables that exist before any query runs.
pub(crate) fn known_tables(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = snapshot
        .iter()
        .filter(|table| SHARED_SCHEMAS.contains(&table.schema_name.as_str()))
        .map(crate::staging::Manifest::name)
        .collect();
    let declared = OBJECTS.iter().map(|object| object.name.as_ref());
    // The customer's own objects are known from what was staged.
    let staged = snapshot.schema("usercom").map(|table| table.table.as_str());
    for object in declared.chain(staged) {
        known.insert(format!("usercom.{object}"));
        known.insert(format!("mapped.{object}"));
    }
    known.extend(ORG_TABLES.map(|table| format!("org.{table}")));
    for view in [
        "fates",
        "held",
        "flagged",
        "altered",
        "differences",
        "changed_by_org",
        "conflicts",
        "gone",
        "lost",
        "beside",
        "storms",
    ] {
        known.insert(format!("recon.{view}"));
    }
    known.extend(["attempts", "changes"].map(|view| format!("ledger.{view}")));
    known.extend(["altered", "columns", "files"].map(|table| format!("staged.{table}")));
    known
}

/// Plans every query over the staged tables, and holds decisions against them and against what the loads send.
pub(crate) async fn look(
    project: &Project,
    staging: &Staging,
    queries: Queries,
    map: FieldMap,
    exclusions: Exclusions,
) -> Result<(ResolvedProject, Vec<Finding>), Error> {
    let mut resolved = ResolvedProject {
        queries,
        map,
        columns: BTreeMap::new(),
        exclusions,
        selected: None,
    };
    let planned = columns::columns(project, staging, &resolved).await?;
    resolved.columns = planned.columns;
    let mut findings = planned.findings;
    // What a query with a mistake would send is not known.
    if findings.is_empty() {
        let snapshot = staging.snapshot().await?;
        findings.extend(check_map(&resolved, &snapshot));
        findings.extend(check_names(project, staging, &snapshot, &resolved).await?);
    }
    Ok((resolved, findings))
}

/// Plans every load without running anything: models as views, ledgers empty. Finds the columns that will be sent, and
/// the loads that options or the destination leave out.
///
/// # Errors
/// Among others [`Error::Unsupported`] when there are rows for objects that the org does not have.
pub(crate) async fn resolve(
    project: &Project,
    staging: &Staging,
    queries: Queries,
    map: FieldMap,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<ResolvedProject, Error> {
    let exclusions = exclusions::judge(project, staging, &queries, Some(describes)).await?;
    let (mut resolved, findings) = look(project, staging, queries, map, exclusions).await?;
    if !findings.is_empty() {
        return Err(Error::Mistakes { findings });
    }
    let misfits = schema::misfits(&fields::declared_fields(&resolved)?, describes)?;
    if !misfits.is_empty() {
        resolved.exclusions.leave_out(&resolved.queries, &misfits);
        resolved.columns = columns::columns(project, staging, &resolved).await?.columns;
    }
    let absent = exclusions::absent(project, staging, &resolved, describes).await?;
    resolved.exclusions.left_out.extend(absent);
    Ok(resolved)
}
