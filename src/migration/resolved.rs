//! The SQL project with everything that was found out about it: which loads take part, in what order, and what each sends.
//!
//! Made by [`super::resolve`]; every step of a command reads it. Never: a table read or written.

use std::collections::{BTreeMap, BTreeSet};

use super::found;
use super::known;
use super::project::Project;
use crate::error::Error;
use crate::load::ORG_TABLES;
use crate::mapping::FieldMap;
use crate::project::{
    Lineages, ProjectError, Queries, QueryFile, QueryKind, Selection, Step, loads_behind,
};
use crate::rows::Columns;
use crate::schema::Conflict;
use crate::staging::{SHARED_SCHEMAS, Snapshot};
use crate::usercom::OBJECTS;

/// What is left out of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclusions {
    /// Loads, each with the reason.
    pub left_out: BTreeMap<String, String>,
    /// Those of them that have rows though the org lacks their object, each with what it needs.
    pub lacking: BTreeMap<String, String>,
    /// Columns per load.
    pub dropped: BTreeMap<String, BTreeSet<String>>,
    /// Objects that take neither the date nor the author that a record had.
    pub refused: BTreeSet<String>,
    /// What a person should know, a line each.
    pub notes: Vec<String>,
    /// Columns whose field in the org is of another type, a line each.
    pub misfits: Vec<String>,
}

static NONE: BTreeSet<String> = BTreeSet::new();

impl Exclusions {
    /// Columns of a load that are not sent.
    pub(crate) fn dropped(&self, file: &QueryFile) -> &BTreeSet<String> {
        self.dropped.get(&file.name).unwrap_or(&NONE)
    }

    /// Leaves out the fields that the org has otherwise than they would be sent.
    pub(crate) fn leave_out(&mut self, queries: &Queries, misfits: &[Conflict]) {
        for misfit in misfits {
            let Conflict::TypeDiffers { field, .. } = misfit else {
                continue;
            };
            let loads = queries.kind(QueryKind::Load);
            for file in loads.filter(|file| file.object() == field.object) {
                let dropped = self.dropped.entry(file.name.clone()).or_default();
                dropped.insert(field.name.clone());
            }
            self.misfits.push(format!(
                "{misfit}: the column is left out, everything else is sent; {}",
                misfit.remedy()
            ));
        }
    }
}

/// The SQL project with everything that was found out about it.
pub(crate) struct ResolvedProject {
    /// All query files.
    pub queries: Queries,
    /// The field map.
    pub map: FieldMap,
    /// Columns per load, those that are left out too.
    pub columns: BTreeMap<String, Columns>,
    /// Where the columns of each load come from, down to the staged tables.
    pub lineage: BTreeMap<String, Lineages>,
    /// What options and destination leave out.
    pub exclusions: Exclusions,
    /// The loads that were selected; none if nobody selected.
    pub selected: Option<BTreeSet<String>>,
}

impl ResolvedProject {
    /// Every query in an order in which each comes after what it reads.
    pub(crate) fn order(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        let tables = known_tables(&self.queries, snapshot);
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
        let excluded: BTreeSet<&String> = self
            .excluded()
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
    /// [`Error::Unsupported`] where the org lacks the object of a load with rows that is selected; [`ProjectError::Selection`], also
    /// where all that was selected is left out anyway.
    pub(crate) fn select(&mut self, selection: &Selection) -> Result<(), Error> {
        let selected = match selection.is_everything() {
            true => None,
            false => Some(selection.loads(&self.queries)?),
        };
        let lacking = self.exclusions.lacking.iter();
        let wanted = |load: &str| selected.as_ref().is_none_or(|loads| loads.contains(load));
        let needed: Vec<String> = lacking
            .filter(|(load, _)| wanted(load))
            .map(|(_, needed)| needed.clone())
            .collect();
        if !needed.is_empty() {
            return Err(Error::Unsupported { needed });
        }
        let Some(selected) = selected else {
            return Ok(());
        };
        let left_out = &self.exclusions.left_out;
        let off = |load: &&str| Some(format!("{load} ({})", left_out.get(*load)?));
        let off: Vec<String> = selected.iter().filter_map(off).collect();
        if off.len() == selected.len() {
            return Err(Error::Project(ProjectError::Selection {
                what: format!("nothing that is selected takes part: {}", off.join(", ")),
                hint: "change the option under [options], or select other loads".to_owned(),
            }));
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
            .filter(|other| other.sets_anew(&load.name))
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

    /// Loads that an option leaves out and whose rows nothing takes instead.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = &QueryFile> {
        let taken = choices_in_effect(self);
        let is_source = |file: &QueryFile| {
            let grain = file.source.as_ref();
            grain.is_some_and(|grain| grain.table.is_some())
        };
        self.queries
            .kind(QueryKind::Load)
            .filter(move |file| !self.is_active(file) && is_source(file))
            .filter(move |file| {
                let when = file.when.as_deref();
                when.is_some_and(|when| choices(when).is_disjoint(&taken))
            })
    }

    /// Where the columns of a load come from; nothing for one that was not planned.
    pub(crate) fn lineage_of(&self, load: &QueryFile) -> &Lineages {
        static NONE: Lineages = Lineages::new();
        self.lineage.get(&load.name).unwrap_or(&NONE)
    }

    /// What a load sends.
    ///
    /// # Errors
    /// [`Error::Defect`] for a load that was not planned.
    pub(crate) fn columns(&self, load: &QueryFile) -> Result<&Columns, Error> {
        self.columns.get(&load.name).ok_or_else(|| Error::Defect {
            what: format!("{} was not planned", load.path),
        })
    }
}

/// What a project says in files: its queries and its map.
#[derive(Clone)]
pub(crate) struct ProjectFiles {
    /// Its queries, with the defaults that they do not replace.
    pub(crate) queries: Queries,
    /// Its map, all rows of it confirmed.
    pub(crate) map: FieldMap,
}

impl ProjectFiles {
    /// Reads them. A command that only looks or takes back needs no more than that they can be read.
    ///
    /// # Errors
    /// A query file that is not valid, a map with rows that nobody confirmed.
    pub(crate) fn read(project: &Project) -> Result<Self, Error> {
        let queries = Queries::load(&project.config.project)?;
        let map = FieldMap::load(&project.config.project)?;
        let findings = map.unconfirmed();
        match findings.is_empty() {
            true => Ok(Self { queries, map }),
            false => Err(Error::Mistakes { findings }),
        }
    }
}

/// Tables that exist before any query runs, and those that a run makes of what it finds.
pub(crate) fn known_tables(queries: &Queries, snapshot: &Snapshot) -> BTreeSet<String> {
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
        known.insert(format!("rejects.{object}"));
    }
    known.extend(ORG_TABLES.map(|table| format!("org.{table}")));
    known.extend(found::names(queries));
    known.extend(known::tables(queries));
    known.extend(["altered", "columns", "files"].map(|table| format!("staged.{table}")));
    known
}

/// Options by which some load or field takes part: what such an option leaves out goes another way.
fn choices_in_effect(resolved: &ResolvedProject) -> BTreeSet<String> {
    let fields = resolved.loads().flat_map(|file| {
        let dropped = resolved.exclusions.dropped(file);
        file.fields
            .iter()
            .filter(|field| !dropped.contains(&field.name))
            .filter_map(|field| field.when.as_deref())
    });
    resolved
        .loads()
        .filter_map(|file| file.when.as_deref())
        .chain(fields)
        .flat_map(choices)
        .collect()
}

/// The options of a condition that choose one of several ways, not whether there is one.
fn choices(condition: &str) -> BTreeSet<String> {
    let names = crate::project::parameters(condition).unwrap_or_default();
    let is_choice = |name: &String| condition.contains(&format!("${name} ="));
    names.into_iter().filter(is_choice).collect()
}
