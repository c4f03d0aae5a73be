//! `transload reconcile`: reads the destination back and compares, any day; draws random samples (`P5`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::context::{Connection, Meeting, Project};
use super::pipeline::{self, Flow, Reads};
use super::planning;
use super::progress::Progress;
use super::run::Format;
use super::{Outcome, ProjectArgs, output};
use crate::error::Error;
use crate::load::Journal;
use crate::project::{Kind, QueryFile};
use crate::reconcile::{
    DiffRequest, ReadBack, SAMPLE_HEAD, SampleRequest, SampleRow, draw, read_back, sample,
    write_differences,
};
use crate::rows::same_key;
use crate::salesforce::ObjectDescribe;
use crate::transform::write_model;

/// Arguments of `transload reconcile`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Also put this many random records side by side, field by field
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Which records are drawn
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Where the sample's CSV goes (default: the reports of the last run)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// One load's comparison.
struct Compared {
    object: String,
    load: String,
    landed: u64,
    read_back: u64,
    differences: u64,
}

/// Runs the command.
pub(super) async fn run(args: ReconcileArgs) -> Result<Outcome, Error> {
    let progress = Progress::new(false);
    let result = Box::pin(connect_and_reconcile(&args, &progress)).await;
    progress.finish();
    result
}

async fn connect_and_reconcile(
    args: &ReconcileArgs,
    progress: &Arc<Progress>,
) -> Result<Outcome, Error> {
    let project = Project::open(&args.project)?;
    pipeline::read_queries(&project)?;
    progress.step("connecting to the destination (reading only)");
    let connection = project
        .connect(args.target.as_deref(), Meeting::Known)
        .await?;
    let result = reconcile(&project, &connection, args, progress).await;
    connection.close().await?;
    result
}

async fn reconcile(
    project: &Project,
    connection: &Connection,
    args: &ReconcileArgs,
    progress: &Arc<Progress>,
) -> Result<Outcome, Error> {
    let (queries, map) = pipeline::read_queries(project)?;
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    let loaded: Vec<&QueryFile> = queries
        .kind(Kind::Load)
        .filter(|file| {
            snapshot.get("ledger", &file.name).is_some()
                && snapshot.get("outbox", &file.name).is_some()
        })
        .collect();
    if loaded.is_empty() {
        return Err(Error::Usage {
            what: format!("nothing was loaded into {} yet", connection.target),
            hint: "run `transload run` first".to_owned(),
        });
    }
    let names: Vec<String> = loaded.iter().map(|file| file.name.clone()).collect();
    let describes = pipeline::look_at_org(connection, &queries).await?;
    let flow = pipeline::find_columns(project, staging, queries, map, &describes).await?;
    let loaded: Vec<&QueryFile> = names
        .iter()
        .filter_map(|name| flow.queries.find(Kind::Load, name))
        .collect();
    let mut compared = Vec::new();
    for file in &loaded {
        if let Some(describe) = describes.get(file.object()) {
            progress.step(&format!("reading {} back for {}", file.object(), file.name));
            compared.push(compare(project, connection, &flow, file, describe, &loaded).await?);
        }
    }
    let wrong_side = verify_split(project, connection, &flow).await?;
    progress.finish();
    print(&compared, &wrong_side, args.format)?;
    let mut differing = compared.iter().any(|load| load.differences > 0)
        || wrong_side.iter().any(|(_, rows)| *rows > 0);
    if let Some(count) = args.sample {
        let rows = draw_samples(
            project, connection, &flow, &describes, &loaded, count, args.seed,
        )
        .await?;
        differing |= rows.iter().any(|row| row[9] == "no");
        write_samples(connection, args, &rows).await?;
    }
    Ok(if differing {
        Outcome::Gated
    } else {
        Outcome::Fine
    })
}

async fn compare(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    file: &QueryFile,
    describe: &ObjectDescribe,
    loaded: &[&QueryFile],
) -> Result<Compared, Error> {
    let staging = &connection.staging;
    let columns = flow.columns(file)?;
    let outbox_rows = staging
        .snapshot()
        .await?
        .get("outbox", &file.name)
        .map_or(0, |outbox| outbox.rows);
    let found = read_back(
        &ReadBack {
            staging,
            engine: &project.engine,
            client: &connection.client,
            file,
            describe,
            columns,
            outbox_rows,
        },
        |_| {},
    )
    .await?;
    let snapshot = staging.snapshot().await?;
    let session = pipeline::open_session(project, staging, flow, &snapshot, Reads::All).await?;
    let leads = flow.leads_before(file, &snapshot);
    let siblings: Vec<(String, Vec<String>)> = loaded
        .iter()
        .filter(|other| other.object() == file.object() && other.name != file.name)
        .filter(|other| other.key.len() == 1)
        .map(|other| (other.name.clone(), other.key.clone()))
        .collect();
    let differences = write_differences(&DiffRequest {
        staging,
        session: &session,
        load: &file.name,
        rows: outbox_rows,
        columns,
        describe,
        siblings: &siblings,
        leads: &leads,
        later: &flow.later(file),
    })
    .await?;
    let sql = format!(
        "select 'n' as name, count(*) as n from ledger.{} as l where l.id is not null and l.live = 'live'",
        file.name
    );
    let landed = crate::reconcile::counts(&session, "the ledger", &sql).await?;
    // Others may have rows there too.
    let sql = format!(
        "select 'n' as name, count(*) as n from org.{load} as r inner join ledger.{load} as l on {} where l.id is not null",
        same_key("l", "r", &file.key),
        load = file.name
    );
    let read_back = match found.rows {
        0 => 0,
        _ => crate::reconcile::counts(&session, "the rows read back", &sql)
            .await?
            .values()
            .sum(),
    };
    Ok(Compared {
        object: file.object().to_owned(),
        load: file.name.clone(),
        landed: landed.values().sum(),
        read_back,
        differences: differences.rows,
    })
}

/// Runs the project's reconcile queries (the split rule's verification among them): name and rows found.
async fn verify_split(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
) -> Result<Vec<(String, u64)>, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    let session = pipeline::open_session(project, staging, flow, &snapshot, Reads::All).await?;
    let known = session.table_names();
    let mut found = Vec::new();
    for file in flow.queries.kind(Kind::Reconcile) {
        if !file.references.is_subset(&known) {
            continue;
        }
        let manifest = write_model(staging, &session, "recon", file).await?;
        found.push((file.name.clone(), manifest.rows));
        staging.publish(manifest).await?;
    }
    Ok(found)
}

async fn draw_samples(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    describes: &BTreeMap<String, ObjectDescribe>,
    loaded: &[&QueryFile],
    count: usize,
    seed: u64,
) -> Result<Vec<SampleRow>, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    let session = pipeline::open_session(project, staging, flow, &snapshot, Reads::All).await?;
    let loads: Vec<(String, Vec<String>)> = loaded
        .iter()
        .map(|file| (file.name.clone(), file.key.clone()))
        .collect();
    let drawn = draw(&session, &loads, count, seed).await?;
    let mut rows = Vec::new();
    let mut lineages: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for record in &drawn {
        let Some(file) = flow.queries.find(Kind::Load, &record.load) else {
            continue;
        };
        let Some(describe) = describes.get(file.object()) else {
            continue;
        };
        if !lineages.contains_key(&record.load) {
            let lineage = planning::lineage_of(project, staging, flow, file).await?;
            lineages.insert(record.load.clone(), lineage);
        }
        let request = SampleRequest {
            session: &session,
            file,
            columns: flow.columns(file)?,
            describe,
            lineage: &lineages[&record.load],
        };
        rows.extend(sample(&request, record).await?);
    }
    Ok(rows)
}

async fn write_samples(
    connection: &Connection,
    args: &ReconcileArgs,
    rows: &[SampleRow],
) -> Result<(), Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let records = std::iter::once(SAMPLE_HEAD.map(str::to_owned)).chain(rows.iter().cloned());
    for record in records {
        // Writing to memory cannot fail.
        let _ = csv.write_record(&record);
    }
    let bytes = csv.into_inner().unwrap_or_default();
    let records: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (row[0].as_str(), row[2].as_str()))
        .collect();
    let place = if let Some(path) = &args.out {
        std::fs::write(path, &bytes).map_err(|source| Error::File {
            action: "write",
            path: path.display().to_string(),
            source,
        })?;
        path.display().to_string()
    } else {
        let staging = &connection.staging;
        let run = Journal::last_run(staging).await?;
        let run = run.unwrap_or_else(|| "samples".to_owned());
        let path = staging.org_path(&["reports", &run, &format!("sample-{}.csv", args.seed)]);
        staging.write_document(&path, bytes.into()).await?;
        match staging.local_folder() {
            Some(_) => format!("/{path}"),
            None => path.to_string(),
        }
    };
    let odd = rows.iter().filter(|row| row[9] == "no").count();
    output::note(&format!(
        "{} records, {} fields side by side, {odd} differ: {place}",
        records.len(),
        rows.len()
    ));
    Ok(())
}

fn print(compared: &[Compared], wrong_side: &[(String, u64)], format: Format) -> Result<(), Error> {
    if format == Format::Json {
        let loads: Vec<serde_json::Value> = compared
            .iter()
            .map(|load| {
                serde_json::json!({
                    "object": load.object, "load": load.load, "landed": load.landed,
                    "read_back": load.read_back, "differences": load.differences,
                })
            })
            .collect();
        let checks: BTreeMap<&str, u64> = wrong_side
            .iter()
            .map(|(name, rows)| (name.as_str(), *rows))
            .collect();
        let text = serde_json::json!({ "objects": loads, "reconcile": checks });
        return output::data(&format!("{text}\n"));
    }
    let rows = compared.iter().map(|load| {
        let numbers = [load.landed, load.read_back, load.differences];
        [load.object.clone(), load.load.clone()]
            .into_iter()
            .chain(numbers.iter().map(|&number| output::number(number)))
            .collect()
    });
    let head = ["object", "load", "landed", "read back", "differences"];
    output::data(&output::table(&head, rows.collect(), 2))?;
    for (name, rows) in wrong_side {
        let verdict = if *rows == 0 {
            "holds".to_owned()
        } else {
            format!("{rows} row(s); see `transload query \"select * from recon.{name}\"`")
        };
        output::data(&format!("{name}: {verdict}\n"))?;
    }
    Ok(())
}
