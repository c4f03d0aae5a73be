//! Both versions of the tables of one source in one session.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::engine::{Session, View};
use crate::error::Error;
use crate::migration::project::Project;
use crate::migration::trial::Trial;
use crate::project::QueryFile;
use crate::rows::key_text;
use crate::staging::{Manifest, Snapshot, Staging};
use crate::transform::write_table;

/// Where each row was and is.
const PAIRS: &str = include_str!("../../../queries/internal/diff/pairs.sql");

/// The field that says why a person is on its side.
const SPLIT_REASON: &str = "usercom_split_reason__c";

/// The names of the two versions.
pub(super) const VERSIONS: [&str; 2] = ["before", "now"];

/// Loads that share the rows of a source.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The source as loads name it, or the load that has none.
    pub source: String,
    /// The staged table that it is.
    pub staged: Option<String>,
    /// The loads of each version.
    loads: [Vec<QueryFile>; 2],
}

/// The sources of both versions.
pub(super) fn groups(before: &Trial, now: &Trial) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (version, trial) in [before, now].into_iter().enumerate() {
        for file in trial.resolved.loads() {
            let own = &file.name;
            let source = file.source.as_ref();
            let name = match source.map(|source| source.text.as_str()) {
                None | Some("none") => own.clone(),
                Some(text) => text.to_owned(),
            };
            let group = groups.entry(name.clone()).or_insert_with(|| Group {
                source: name,
                staged: source.and_then(|source| source.staged()).map(str::to_owned),
                loads: [Vec::new(), Vec::new()],
            });
            group.loads[version].push(file.clone());
        }
    }
    groups.into_values().collect()
}

/// The tables of one group in both versions.
pub(super) struct Sides<'a> {
    pub staging: &'a Staging,
    trials: [&'a Trial; 2],
    group: &'a Group,
    session: Session,
}

impl<'a> Sides<'a> {
    pub(super) fn of(
        project: &'a Project,
        staging: &'a Staging,
        before: &'a Trial,
        now: &'a Trial,
        group: &'a Group,
    ) -> Result<Self, Error> {
        let mut tables = Snapshot::default();
        let trials = [before, now];
        for (version, trial) in trials.into_iter().enumerate() {
            for file in &group.loads[version] {
                for (schema, table) in places_of(file) {
                    if let Some(manifest) = trial.snapshot.get(schema, &table) {
                        let mut manifest = manifest.clone();
                        manifest.schema_name = VERSIONS[version].to_owned();
                        manifest.table = format!("{schema}_{table}");
                        tables.insert(manifest);
                    }
                }
            }
        }
        let staged = group.staged.as_ref();
        let source = staged.and_then(|table| now.snapshot.get("usercom", table));
        if let Some(source) = source {
            tables.insert(source.clone());
        }
        Ok(Self {
            session: project.engine.session(staging, &tables)?,
            staging,
            trials,
            group,
        })
    }

    /// The staged table of the source.
    pub(super) fn source(&self) -> Option<&Manifest> {
        let table = self.group.staged.as_ref()?;
        self.trials[1].snapshot.get("usercom", table)
    }

    /// The outboxes of loads that both versions have and that are not the same table.
    pub(super) fn both(&self) -> impl Iterator<Item = (&QueryFile, &Manifest, &Manifest)> {
        let now = self.group.loads[1].iter();
        now.filter_map(|file| {
            let other = self.group.loads[0]
                .iter()
                .find(|other| other.name == file.name)?;
            let [before, now] = self
                .trials
                .map(|trial| trial.snapshot.get("outbox", &file.name));
            let (before, now) = (before?, now?);
            let same_key = other.key == file.key;
            (same_key && before.digest() != now.digest()).then_some((file, before, now))
        })
    }

    /// Whether both versions made every table of the group from the same.
    pub(super) fn is_same(&self) -> bool {
        let tables = |version: usize| {
            let files = self.group.loads[version].iter();
            let places = files.flat_map(|file| places_of(file).into_iter());
            let digests = places.map(move |(schema, table)| {
                let manifest = self.trials[version].snapshot.get(schema, &table);
                (table, manifest.map(Manifest::digest))
            });
            digests.collect::<Vec<_>>()
        };
        tables(0) == tables(1)
    }

    /// Rows that the working files place.
    pub(super) fn rows(&self) -> u64 {
        let files = self.group.loads[1].iter();
        let tables = files.flat_map(|file| places_of(file).into_iter());
        let rows = tables.filter_map(|(schema, table)| self.trials[1].snapshot.get(schema, &table));
        rows.map(|table| table.rows).sum()
    }

    /// Writes `diff.pairs`; a session that sees it beside everything else.
    pub(super) async fn pairs(&self) -> Result<(Session, Manifest), Error> {
        for (version, name) in VERSIONS.into_iter().enumerate() {
            let placed: Vec<String> = self.group.loads[version]
                .iter()
                .flat_map(|file| self.placed(version, file))
                .collect();
            match placed.is_empty() {
                true => {
                    let fields = ["key", "object", "fate", "reason"]
                        .map(|name| Field::new(name, DataType::Utf8, true));
                    let schema = Arc::new(Schema::new(fields.to_vec()));
                    self.session.add_empty(name, "placed", schema)?;
                }
                false => {
                    let view = View {
                        schema: name.to_owned(),
                        name: "placed".to_owned(),
                        sql: placed.join(" union all "),
                    };
                    self.session.add_view(&view).await?;
                }
            }
        }
        let what = "the rows of both versions";
        let table = ("diff", "pairs");
        let pairs = write_table(self.staging, &self.session, table, what, PAIRS, &[]).await?;
        self.session.register(self.staging, &pairs)?;
        Ok((self.session.clone(), pairs))
    }

    /// The rows of a load: those that are sent, and those that do not move.
    fn placed(&self, version: usize, file: &QueryFile) -> Vec<String> {
        let snapshot = &self.trials[version].snapshot;
        let side = VERSIONS[version];
        let (load, object) = (&file.name, file.object());
        let mut selects = Vec::new();
        if let Some(outbox) = snapshot.get("outbox", load) {
            let reason = match outbox.schema.field_with_name(SPLIT_REASON) {
                Ok(_) => format!("o.\"{SPLIT_REASON}\""),
                Err(_) => "cast(null as varchar)".to_owned(),
            };
            selects.push(format!(
                "select {key} as key, '{object}' as object, 'sent' as fate, {reason} as reason from {side}.outbox_{load} as o",
                key = key_text("o", &file.key)
            ));
        }
        if snapshot.get("recon", &format!("fates_{load}")).is_some() {
            selects.push(format!(
                "select f.key, '{object}' as object, f.fate, f.reason from {side}.recon_fates_{load} as f"
            ));
        }
        selects
    }
}

/// Schema and name of the tables that say where rows of a load are.
fn places_of(file: &QueryFile) -> [(&'static str, String); 2] {
    [
        ("outbox", file.name.clone()),
        ("recon", format!("fates_{}", file.name)),
    ]
}
