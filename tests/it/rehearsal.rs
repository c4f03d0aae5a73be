//! A project in a folder of its own, the program run on it, its tables, and the org it loads into.
//!
//! Nothing here asserts a claim of a test; it only refuses to go on when the ground under a test is missing.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use transload::config::Config;
use transload::engine::{Engine, EngineSettings};
use transload::migration::{Migration, RunRequest};
use transload::rows::RunStatus;
use transload::staging::Staging;
use transload_generate::{self as generate, Summary};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
pub(crate) use crate::process::{Run, Running};
use crate::support;

/// A project with six people, three companies and two deals that all move.
const SMALL: [(&str, &str); 8] = [
    (
        "migration.toml",
        "name = \"small\"\nbusiness_timezone = \"Europe/Warsaw\"\n\n[documents]\nreport = false\n\n[options]\n\
         default_owner = \"ops@acme.example\"\ncurrency = \"PLN\"\n\n[destination.simulator]\nkind = \"simulator\"\nseed = \"org\"\n",
    ),
    (
        "org/User.csv",
        "Username,Email,FirstName,LastName,IsActive,UserType,Alias\n\
         ops@acme.example.crm,ops@acme.example,Ops,Queue,true,Standard,ops\n\
         ann@acme.example.crm,ann@acme.example,Ann,Ash,true,Standard,ann\n\
         ben@acme.example.crm,Ben@Acme.example,Ben,Birch,true,Standard,ben\n",
    ),
    (
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,in progress,Prospecting,10,\nSales,Done,won,Closed Won,100,\n",
    ),
    (
        "export/agents.csv",
        "id,name,email,active\n7001,Ann Ash,ann@acme.example,t\n7002,Ben Birch,ben@acme.example,t\n",
    ),
    (
        "export/pipelines.jsonl",
        "{\"id\":1,\"name\":\"Sales\",\"stages\":[{\"id\":11,\"name\":\"Open\",\"position\":1,\"probability\":10},\
         {\"id\":12,\"name\":\"Done\",\"position\":2,\"probability\":100}]}\n",
    ),
    (
        "export/companies.csv",
        "id,name,domain,city,assigned_to\n10,Globex,globex.example,Paris,7001\n\
         11,Initech,initech.example,Austin,7002\n12,Hooli,hooli.example,,\n",
    ),
    (
        "export/people.csv",
        "id,email,phone_number,name,lifecycle_stage,company_id,city,score,unsubscribed,assigned_to,updated_at\n\
         1,lee@globex.example,,Lee Lane,lead,10,Paris,5,f,7001,2026-01-01T00:00:00Z\n\
         2,sue@initech.example,,Sue Stone,subscriber,11,Austin,6,t,7002,2026-01-01T00:00:00Z\n\
         3,cas@globex.example,+48 600 100 200,Cas Cole,customer,10,Paris,7,f,7001,2026-01-01T00:00:00Z\n\
         4,eva@initech.example,,Eva East,evangelist,11,Austin,8,f,,2026-01-01T00:00:00Z\n\
         5,moe@globex.example,,Moe Marsh,mql,10,Lyon,9,f,7002,2026-01-01T00:00:00Z\n\
         6,fay@nowhere.example,,Fay Frost,mql,,Lyon,,f,,2026-01-01T00:00:00Z\n",
    ),
    (
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,assigned_to,expected_close_date,won_at\n\
         50,Pilot,100.50,PLN,1,11,in progress,10,5,7001,2026-05-01,\n\
         51,Renewal,2000,PLN,1,12,won,11,4,7002,2026-02-01,2026-02-03T10:00:00Z\n",
    ),
];

/// A project in a folder that vanishes with it. The program knows the simulator's credentials and nothing else of the
/// environment.
pub(crate) struct Project {
    folder: support::Project,
}

impl Project {
    pub(crate) fn empty() -> Self {
        let defaults = SalesforceSimOptions::default();
        Self {
            folder: support::Project::empty()
                .variable("SALESFORCE_CLIENT_ID", &defaults.client_id)
                .variable("SALESFORCE_CLIENT_SECRET", &defaults.client_secret),
        }
    }

    /// The hand-made one of six people.
    pub(crate) fn small() -> Self {
        let project = Self::empty();
        for (path, text) in SMALL {
            project.write(path, text);
        }
        project
    }

    /// The small project after its first run into the embedded simulator; that run is made once, and its folders are
    /// copied.
    pub(crate) fn loaded() -> Self {
        static FIRST: LazyLock<PathBuf> = LazyLock::new(|| {
            let project = Project::small();
            project.run().ended(0);
            kept(&project, "embedded")
        });
        let project = Self::empty();
        copy(&FIRST, &project.path(""));
        project
    }

    /// As [`Self::loaded`], with an org that the test serves, and what that first run said.
    pub(crate) fn loaded_into_an_org() -> (Self, Org, Run) {
        static FIRST: LazyLock<(PathBuf, Run)> = LazyLock::new(|| {
            let project = Project::small();
            let org = project.serve_org(SalesforceSimOptions::default());
            project.load_into(&org, "");
            let run = project.run_with(&["--yes"]).ended(0);
            // The simulator's state is whole only once it has stopped.
            drop(org);
            (kept(&project, "served"), run)
        });
        let project = Self::empty();
        let (folder, run) = &*FIRST;
        copy(folder, &project.path(""));
        let org = project.serve_org(SalesforceSimOptions::default());
        project.load_into(&org, "");
        (project, org, run.clone())
    }

    /// A copy of `data/demo`.
    pub(crate) fn demo() -> Self {
        let project = Self::decided_like_the_demo();
        copy(&demo().join("export"), &project.path("export"));
        project
    }

    /// The demo's decisions and users over a generated export.
    pub(crate) fn generated(people: u64, seed: u64, mess: bool) -> (Self, Summary) {
        let project = Self::decided_like_the_demo();
        let options = generate::GenerateOptions {
            people,
            seed,
            out: project.path("export"),
            mess,
            ..generate::GenerateOptions::default()
        };
        let truth = generate::generate(&options).unwrap();
        (project, truth)
    }

    /// The same project at another place; nothing is left at the first.
    pub(crate) fn moved(self) -> Self {
        let other = Self::empty();
        for name in names(&self.path("")) {
            fs::rename(self.path(&name), other.path(&name)).unwrap();
        }
        other
    }

    fn decided_like_the_demo() -> Self {
        let project = Self::empty();
        for part in ["config", "org"] {
            copy(&demo().join(part), &project.path(part));
        }
        let settings = fs::read_to_string(demo().join("migration.toml")).unwrap();
        let settings = settings.replace("[source]", "[documents]\nreport = false\n\n[source]");
        project.write("migration.toml", &settings);
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Replaces `from`, which must be there, by `to`.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }

    /// Adds lines to a file.
    pub(crate) fn append(&self, path: &str, lines: &str) {
        let text = self.read(path) + lines;
        self.write(path, &text);
    }

    /// Puts a changed copy of a default query into the project.
    pub(crate) fn override_query(&self, path: &str, change: impl Fn(String) -> String) {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = fs::read_to_string(default).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "{path} was not changed");
        self.write(path, &changed);
    }

    /// Loads into an org that somebody else serves, in place of the embedded simulator.
    pub(crate) fn load_into(&self, org: &Org, more: &str) {
        let text = self.read("migration.toml");
        let kept = text.split("[destination.").next().unwrap();
        let kept = kept.replace("default_target = \"simulator\"\n", "");
        self.write(
            "migration.toml",
            &format!(
                "{kept}[destination.served]\nkind = \"salesforce\"\nlogin_url = \"{}\"\n{more}\n",
                org.url()
            ),
        );
    }

    /// The program in the project's folder, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.folder.command(arguments)
    }

    /// `transload run --format json`.
    pub(crate) fn run(&self) -> Run {
        self.run_with(&[])
    }

    /// `transload run --format json` with more arguments.
    pub(crate) fn run_with(&self, more: &[&str]) -> Run {
        self.start(more).wait()
    }

    /// The program with other arguments, to its end.
    pub(crate) fn transload(&self, arguments: &[&str]) -> Run {
        Running::start(self.command(arguments)).wait()
    }

    /// A run that goes on while the test does something else.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let mut arguments = vec!["run", "--format", "json"];
        arguments.extend(more);
        Running::start(self.command(&arguments))
    }

    /// The program with other arguments, while the test does something else.
    pub(crate) fn start_as(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Organisation ids that the staging area knows.
    pub(crate) fn orgs(&self) -> Vec<String> {
        let mut orgs: Vec<String> = names(&self.path(".transload/orgs")).into_iter().collect();
        orgs.sort();
        orgs
    }

    /// A file among the reports of the latest run.
    pub(crate) fn report(&self, name: &str) -> String {
        let runs = format!(".transload/orgs/{}/reports", self.orgs()[0]);
        let last = names(&self.path(&runs)).into_iter().max().unwrap();
        self.read(&format!("{runs}/{last}/{name}"))
    }

    /// Rows of a query over the published tables, every cell as text, null as `∅`.
    pub(crate) fn table(&self, sql: &str) -> Vec<Vec<String>> {
        let orgs = self.orgs();
        let org = orgs.first().map(String::as_str);
        self.table_of(org, sql)
    }

    /// As [`Self::table`], with the tables of one organisation.
    pub(crate) fn table_of(&self, org: Option<&str>, sql: &str) -> Vec<Vec<String>> {
        let staging = Staging::open(&self.path(".transload").to_string_lossy()).unwrap();
        let staging = org.map_or_else(|| staging.clone(), |org| staging.with_org(org));
        let settings = EngineSettings {
            memory_limit: 256 << 20,
            spill: self.path("spill"),
            cluster: None,
            threads: 1,
        };
        let engine = Engine::start(settings, &staging).unwrap();
        let batches = runtime().block_on(async {
            let snapshot = staging.snapshot().await.unwrap();
            let session = engine.session(&staging, &snapshot).unwrap();
            for view in transload::reconcile::union_views(&snapshot) {
                let name = format!("{}.{}", view.schema, view.name);
                if name == "recon.fates" || sql.contains(&name) {
                    session.add_view(&view).await.unwrap();
                }
            }
            session.collect("a test's question", sql).await
        });
        let mut rows = Vec::new();
        for batch in batches.unwrap_or_else(|error| panic!("{error}: {sql}")) {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| {
                    if column.is_null(row) {
                        return "∅".to_owned();
                    }
                    arrow::util::display::array_value_to_string(column, row).unwrap()
                });
                rows.push(cells.collect());
            }
        }
        rows
    }

    /// The one number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> u64 {
        self.table(sql)[0][0].parse().unwrap()
    }

    /// The first column of a query as a set; repeated values are refused.
    pub(crate) fn set(&self, sql: &str) -> BTreeSet<String> {
        let rows = self.table(sql);
        let set: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
        assert_eq!(set.len(), rows.len(), "repeated values: {sql}");
        set
    }

    /// A run through the library in this process: the same code and summary as the program's, its notes or the error with
    /// its causes and hint in place of stderr.
    pub(crate) fn carry(&self) -> Run {
        let config = Config::load(&self.path(""), None).unwrap();
        let outcome = runtime().block_on(Box::pin(async {
            let migration = Migration::open(&config)?;
            migration.run(&RunRequest::default()).await
        }));
        match outcome {
            Ok(report) => Run {
                code: Some(i32::from(report.summary.status != RunStatus::Ok)),
                summary: serde_json::to_value(&report.summary).unwrap(),
                stdout: String::new(),
                stderr: report.notes.join("\n"),
            },
            Err(error) => Run {
                code: Some(error.class().exit_code().into()),
                summary: Value::Null,
                stdout: String::new(),
                stderr: told(&error),
            },
        }
    }

    /// Opens the org of the embedded simulator called `destination`; no run may be under way.
    pub(crate) fn org_of(&self, destination: &str) -> Org {
        self.opened(destination, SalesforceSimOptions::default())
    }

    /// The org behind `[destination.simulator]`, opened with other options.
    pub(crate) fn org_with(&self, options: SalesforceSimOptions) -> Org {
        self.opened("simulator", options)
    }

    fn opened(&self, destination: &str, options: SalesforceSimOptions) -> Org {
        Org::serve(SalesforceSimOptions {
            state: self.path(".transload/simulator").join(destination),
            sandbox: true,
            inactive_owners: true,
            ..options
        })
    }

    /// The org behind `[destination.simulator]`.
    pub(crate) fn org(&self) -> Org {
        self.org_of("simulator")
    }

    /// A sandbox with this project's users, served apart from it, whose state lives in the project's folder.
    pub(crate) fn serve_org(&self, options: SalesforceSimOptions) -> Org {
        let sandbox = true;
        self.serve("served", SalesforceSimOptions { sandbox, ..options })
    }

    /// An org of its own state with this project's users.
    pub(crate) fn serve(&self, state: &str, options: SalesforceSimOptions) -> Org {
        Org::serve(SalesforceSimOptions {
            state: self.path(state),
            seed: Some(self.path("org")),
            inactive_owners: true,
            ..options
        })
    }

    /// Events in the journals of all runs, oldest first.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let mut events = Vec::new();
        for org in self.orgs() {
            let folder = self.path(".transload/orgs").join(org).join("journal");
            for run in names(&folder) {
                for entry in names(&folder.join(&run)) {
                    // An entry that is just being written is not there yet.
                    if let Ok(text) = fs::read_to_string(folder.join(&run).join(entry))
                        && let Ok(event) = serde_json::from_str(&text)
                    {
                        events.push(event);
                    }
                }
            }
        }
        events
    }

    /// How many events of this kind and load the journals hold.
    pub(crate) fn journalled(&self, event: &str, load: &str) -> usize {
        let events = self.journal();
        let fits = |entry: &&Value| entry["event"] == event && entry["load"] == load;
        events.iter().filter(fits).count()
    }
}

fn told(error: &transload::error::Error) -> String {
    let mut causes = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes += &format!("\n  {cause}");
        next = cause.source();
    }
    let hint = error.hint().unwrap_or_default();
    format!("error: {error}{causes}\nhint: {hint}")
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !name.contains('#'))
        .collect()
}

/// A copy of a project's folder that outlives it, in cargo's folder for tests.
pub(crate) fn kept(project: &Project, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-runs");
    let day = Duration::from_hours(24);
    for old in names(&folder).into_iter().map(|name| folder.join(name)) {
        let modified = fs::metadata(&old).and_then(|found| found.modified());
        if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > day)) {
            // Another process may have been quicker.
            let _ = fs::remove_dir_all(old);
        }
    }
    let folder = folder.join(format!("{name}-{}", std::process::id()));
    copy(&project.path(""), &folder);
    folder
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// For what a test asks of the library while it waits.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}
