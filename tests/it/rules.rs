//! The rules of the migration, theme by theme: golden folders under `tests/golden/rules/`, run in this process against no org.
//!
//! `base/` is a project of eight people, four companies and four deals, among them one that is passive, one that is held and
//! one that is out of scope. A case lays its own `export/`, `config/`, `org/` (tables of the org), `queries/` and
//! `options.toml` (lines for `[options]`) over it. `expected/<schema>.<table>.csv` has the columns of its header, the rows in
//! their order. What was sent has landed, under an id of its load and key: `account 10`. A folder without a test, or a file that
//! no case reads, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use tempfile::TempDir;
use transload::config::Config;
use transload::encode::ValuePolicy;
use transload::engine::{Engine, EngineSettings, Session};
use transload::load::ORG_TABLES;
use transload::mapping::{FieldMap, mapped_views, publish_decisions};
use transload::progress::NoProgress;
use transload::project::{GENERATED, Queries, QueryFile, QueryKind, Step, order};
use transload::rows::{Columns, Dead};
use transload::stage::{Settings, stage};
use transload::staging::{Manifest, Snapshot, Staging};
use transload::transform::{
    CustomObject, GoneFields, MetadataKeys, OutboxRequest, generate_custom_objects, write_model,
    write_outbox, write_table,
};
use transload::usercom::cell::Zones;
use transload::usercom::{Export, OBJECTS, layout};

use crate::rehearsal::runtime;

macro_rules! golden {
    ($($case:ident),+ $(,)?) => {
        const CASES: &[&str] = &[$(stringify!($case)),+];
        $(
            #[test]
            fn $case() {
                run_case(stringify!($case));
            }
        )+
    };
}

golden!(
    activities,
    chats_as_cases,
    chats_as_emails,
    custom_objects,
    files,
    lines,
    lines_with_the_rest,
    owners,
    roles,
    segments,
    tags,
);

/// The parts of a case, and what their files end in.
const PARTS: [(&str, &[&str]); 5] = [
    ("export", &["csv", "jsonl", "pdf", "txt"]),
    ("config", &["csv"]),
    ("org", &["csv"]),
    ("queries", &["sql"]),
    ("expected", &["csv"]),
];

/// Tables of the org that the engine reads by itself, with the columns that queries use.
const ORG: [(&str, &[(&str, &str)]); 2] = [
    (
        "users",
        &[
            ("id", "varchar"),
            ("email", "varchar"),
            ("is_active", "boolean"),
            ("user_type", "varchar"),
        ],
    ),
    ("fields", &[("object", "varchar"), ("name", "varchar")]),
];

#[test]
fn every_golden_rule_is_a_case_and_has_nothing_else_in_it() {
    let mut folders: BTreeSet<String> = CASES.iter().map(|&case| case.to_owned()).collect();
    folders.insert("base".to_owned());
    assert_eq!(names(&root()), folders);
    for folder in folders {
        for name in names(&root().join(&folder)) {
            let single = ["migration.toml", "options.toml"].contains(&&*name);
            let part = PARTS.iter().find(|(part, _)| *part == name);
            assert!(
                single || part.is_some(),
                "{folder}/{name} is read by nobody"
            );
            let Some((part, endings)) = part else {
                continue;
            };
            for file in names(&root().join(&folder).join(part)) {
                let known = endings
                    .iter()
                    .any(|ending| file.ends_with(&format!(".{ending}")));
                let is_folder = root().join(&folder).join(part).join(&file).is_dir();
                assert!(
                    known || is_folder,
                    "{folder}/{part}/{file} is read by nobody"
                );
            }
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rules")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        if from.join(&name).is_dir() {
            copy(&from.join(&name), &to.join(&name));
        } else {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

fn run_case(name: &str) {
    let folder = TempDir::new().unwrap();
    copy(&root().join("base"), folder.path());
    copy(&root().join(name), folder.path());
    if let Ok(options) = fs::read_to_string(folder.path().join("options.toml")) {
        let path = folder.path().join("migration.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            path,
            text.replace("[options]\n", &format!("[options]\n{options}")),
        )
        .unwrap();
    }
    let expected = names(&folder.path().join("expected"));
    assert!(!expected.is_empty(), "{name} expects nothing");
    let case = Case::open(folder.path());
    let tables: BTreeSet<String> = expected
        .iter()
        .filter_map(|file| Some(file.strip_suffix(".csv")?.to_owned()))
        .collect();
    let snapshot = runtime().block_on(case.run(&tables));
    let mut differences = String::new();
    for table in tables {
        let wanted =
            fs::read_to_string(folder.path().join(format!("expected/{table}.csv"))).unwrap();
        let found = runtime().block_on(case.table(&snapshot, &table, &wanted));
        if found != wanted {
            differences +=
                &format!("{table} came to\n{found}but was expected to come to\n{wanted}\n");
        }
    }
    assert!(differences.is_empty(), "{name}:\n{differences}");
}

/// A project whose export and decisions are tables.
struct Case {
    folder: PathBuf,
    config: Config,
    staging: Staging,
    engine: Engine,
}

impl Case {
    fn open(folder: &Path) -> Self {
        let staging = Staging::open(&folder.join("work").to_string_lossy()).unwrap();
        let settings = EngineSettings {
            memory_limit: 256 << 20,
            spill: folder.join("spill"),
            threads: 1,
        };
        Self {
            folder: folder.to_path_buf(),
            config: Config::load(folder, None).unwrap(),
            engine: Engine::start(settings, &staging).unwrap(),
            staging,
        }
    }

    /// Stages, and runs every query that one of these tables needs.
    async fn run(&self, wanted: &BTreeSet<String>) -> Snapshot {
        self.stage().await;
        let mut snapshot = self.staging.snapshot().await.unwrap();
        self.generate_queries(&snapshot);
        for (table, columns) in ORG {
            let columns: Vec<(String, &str)> = columns
                .iter()
                .map(|(name, kind)| ((*name).to_owned(), *kind))
                .collect();
            snapshot.insert(self.org_table(&snapshot, table, &columns).await);
        }
        let queries = Queries::load(&self.folder).unwrap();
        let mut tables = known(&snapshot);
        let loads = queries.kind(QueryKind::Load);
        tables.extend(loads.map(|file| format!("known.{}", file.name)));
        tables.extend(["held", "changed_by_org", "gone"].map(|view| format!("recon.{view}")));
        let steps = order(&queries, &tables).unwrap();
        let mut read: BTreeSet<String> = wanted.clone();
        let mut needed = Vec::new();
        let mut made: BTreeSet<String> = BTreeSet::new();
        for step in steps.into_iter().rev() {
            let tables = makes(&step);
            if tables.iter().any(|table| read.contains(table)) {
                read.extend(step.file().references.iter().cloned());
                needed.push(step);
                made.extend(tables);
            }
        }
        for table in wanted {
            assert!(made.contains(table), "no query makes {table}");
        }
        let map = FieldMap::load(&self.folder).unwrap();
        for step in needed.into_iter().rev() {
            let session = self.session(&snapshot, &map, step.file()).await;
            match step {
                Step::Org(file) => {
                    let columns = file
                        .selected()
                        .iter()
                        .map(|name| (snake(name), "varchar"))
                        .collect::<Vec<_>>();
                    snapshot.insert(self.org_table(&snapshot, &file.name, &columns).await);
                }
                Step::Prepare(file) => {
                    let model = write_model(&self.staging, &session, "prepare", file).await;
                    snapshot.insert(model.unwrap_or_else(|error| panic!("{error}")));
                }
                Step::Load(file) => self.load(&session, file, &mut snapshot).await,
            }
        }
        snapshot
    }

    async fn stage(&self) {
        publish_decisions(&self.folder, &self.staging)
            .await
            .unwrap();
        let settings = Settings {
            zones: Zones {
                source: self.config.source.timezone,
                business: self.config.business_timezone,
            },
            ..Settings::default()
        };
        let export = Export::Folder(self.folder.join("export"));
        let report = stage(&settings, &export, &self.staging, &self.engine, &NoProgress)
            .await
            .unwrap();
        assert!(
            report.ignored_files.is_empty(),
            "{:?}",
            report.ignored_files
        );
    }

    /// Load queries of the customer's own objects.
    fn generate_queries(&self, snapshot: &Snapshot) {
        let objects: Vec<CustomObject> = snapshot
            .schema("usercom")
            .filter(|table| table.table.starts_with("co_"))
            .map(|table| CustomObject {
                table: table.table.clone(),
                label: None,
                plural: None,
                schema: table.schema.as_ref().clone(),
                constraints: BTreeMap::new(),
            })
            .collect();
        let keys = MetadataKeys {
            attribute: layout::ATTRIBUTE_METADATA,
            value_type: layout::VALUE_TYPE_METADATA,
            target: layout::TARGET_METADATA,
        };
        let generated = generate_custom_objects(&objects, keys);
        let loads = generated.loads.into_iter();
        let loads = loads.map(|(stem, text)| (format!("load/{stem}.sql"), text));
        for (path, text) in loads.chain(generated.models) {
            let path = self.folder.join(GENERATED).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// `org.<table>` as the case has it, else without rows.
    async fn org_table(
        &self,
        snapshot: &Snapshot,
        table: &str,
        columns: &[(String, &str)],
    ) -> Manifest {
        let empty: Vec<String> = columns
            .iter()
            .map(|(name, kind)| format!("cast(null as {kind}) as {name}"))
            .collect();
        let mut rows = vec![format!("select {} where false", empty.join(", "))];
        let path = self.folder.join(format!("org/{table}.csv"));
        if path.exists() {
            let mut reader = csv::Reader::from_path(path).unwrap();
            let named: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(reader.headers().unwrap(), named, "org/{table}.csv");
            for row in reader.records() {
                let cells: Vec<String> = row
                    .unwrap()
                    .iter()
                    .zip(columns)
                    .map(|(cell, (_, kind))| format!("cast(nullif('{cell}', '') as {kind})"))
                    .collect();
                rows.push(format!("select {}", cells.join(", ")));
            }
        }
        let session = self.engine.session(&self.staging, snapshot).unwrap();
        let sql = rows.join(" union all ");
        write_table(
            &self.staging,
            &session,
            ("org", table),
            "a case's org",
            &sql,
            &[],
        )
        .await
        .unwrap()
    }

    async fn session(&self, snapshot: &Snapshot, map: &FieldMap, file: &QueryFile) -> Session {
        let session = self.engine.session(&self.staging, snapshot).unwrap();
        let session = session.with_parameters(self.config.options.parameters());
        for view in mapped_views(&self.config, map, snapshot).unwrap() {
            if file
                .references
                .contains(&format!("{}.{}", view.schema, view.name))
            {
                session.add_view(&view).await.unwrap();
            }
        }
        // Nothing was loaded before.
        for name in &file.references {
            if let Some(load) = name.strip_prefix("known.") {
                let columns = ["key", "id", "live", "successor"]
                    .map(|name| Field::new(name, DataType::Utf8, true));
                session
                    .add_empty("known", load, Arc::new(Schema::new(columns.to_vec())))
                    .unwrap();
            }
        }
        session
    }

    /// Writes the outbox of a load, and its ledger as if every row had landed; of a load that options leave out, none.
    async fn load(&self, session: &Session, file: &QueryFile, snapshot: &mut Snapshot) {
        let plan = session
            .plan(&file.path, &file.sql)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let schema = session.schema_of(&file.path, &plan).unwrap();
        let columns = Columns::of(file, &schema, &BTreeSet::new()).unwrap();
        let outbox = Box::pin(write_outbox(&OutboxRequest {
            staging: &self.staging,
            session,
            file,
            columns: &columns,
            ledger: None,
            last: None,
            gone: &GoneFields::default(),
            policy: &ValuePolicy::default(),
            part_rows: 1000,
            dead: &Dead::new(),
            references: &[],
            only_failed: false,
            decided: &transload::mapping::EditPolicies::default(),
        }))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
        snapshot.insert(outbox.parts);
        for notes in outbox.notes {
            snapshot.insert(notes);
        }
        let load = &file.name;
        let holds = file.when.as_deref().unwrap_or("true");
        let key: Vec<String> = file.key.iter().map(|name| format!("\"{name}\"")).collect();
        let key = key.join(", ");
        let id = format!("coalesce(_id, concat('{load} ', concat_ws('|', {key})))");
        let read: String = file
            .read
            .iter()
            .map(|name| format!(", concat({id}, ' {name}') as \"{name}\""))
            .collect();
        let tables = [
            (
                "ledger",
                format!(
                    "select {key}, {id} as id, 'live' as live, cast(null as varchar) as successor, 'created' as outcome"
                ),
            ),
            ("org", format!("select {id} as _id, {key}{read}")),
        ];
        for (schema, select) in tables {
            let sql = format!("{select} from outbox.{load} where {holds}");
            let session = self.engine.session(&self.staging, snapshot).unwrap();
            let session = session.with_parameters(self.config.options.parameters());
            let table = write_table(
                &self.staging,
                &session,
                (schema, load),
                "what landed",
                &sql,
                &[],
            )
            .await;
            snapshot.insert(table.unwrap());
        }
    }

    /// The rows of a table, of the columns that the header of `wanted` names, ordered by all of them.
    async fn table(&self, snapshot: &Snapshot, table: &str, wanted: &str) -> String {
        let session = self.engine.session(&self.staging, snapshot).unwrap();
        let mut reader = csv::Reader::from_reader(wanted.as_bytes());
        let header = reader.headers().unwrap().clone();
        let columns: Vec<String> = header.iter().map(|name| format!("\"{name}\"")).collect();
        let columns = columns.join(", ");
        let sql = format!("select {columns} from {table} order by {columns}");
        let batches = session
            .collect(table, &sql)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        for batch in batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| {
                    arrow::util::display::array_value_to_string(column, row).unwrap()
                });
                writer.write_record(cells).unwrap();
            }
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }
}

/// Tables that exist before any query runs.
fn known(snapshot: &Snapshot) -> BTreeSet<String> {
    let given = snapshot.iter().map(Manifest::name);
    let declared = OBJECTS.iter().map(|object| object.name.to_string());
    let staged = snapshot.schema("usercom").map(|table| table.table.clone());
    let sources = declared.chain(staged);
    let org = ORG_TABLES.iter().map(|table| format!("org.{table}"));
    given
        .chain(sources.flat_map(|name| [format!("usercom.{name}"), format!("mapped.{name}")]))
        .chain(org)
        .collect()
}

fn makes(step: &Step<'_>) -> Vec<String> {
    let name = &step.file().name;
    match step {
        Step::Prepare(_) => vec![format!("prepare.{name}")],
        Step::Org(_) => vec![format!("org.{name}")],
        Step::Load(_) => ["outbox.", "ledger.", "org.", "recon.fates_", "recon.flags_"]
            .map(|prefix| format!("{prefix}{name}"))
            .into(),
    }
}

/// `DeveloperName` → `developer_name`, as tables of the org name what SOQL selects.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
