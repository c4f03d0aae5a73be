//! The command line: one file per verb, each owning parse → do → print.
//!
//! stdout carries data only; progress, log and hints go to stderr. Exit codes: 0 fine, 1 ran but gated or held,
//! 2 bad input or configuration, 3 remote or internal failure.

mod check;
mod complete;
mod cutover;
mod delta;
mod diff;
mod docs;
mod explain;
mod extract;
mod generate;
mod help;
mod init;
mod load;
mod map;
mod notify;
mod output;
mod plan;
mod progress;
mod queries;
mod query;
mod reconcile;
mod report;
mod rollback;
mod run;
mod schema;
mod sim;
mod stage;
mod status;
mod stop;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use clap::{Args, Parser, Subcommand};

use self::progress::TerminalProgress;
use crate::config;
use crate::error::Error;
use crate::migration::{Consent, Migration};
use crate::progress::Progress;
use crate::project::Selection;

/// Moves a company's CRM from User.com (now Positive User) to Salesforce Sales Cloud.
#[derive(Debug, Parser)]
#[command(name = "transload", version = version(), max_term_width = 100, after_help = help::topics())]
struct Cli {
    #[command(flatten)]
    verbosity: output::Verbosity,
    #[command(subcommand)]
    command: Command,
}

/// Version, commit and engine: what a report about the program has to name.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{} ({}, DataFusion {})",
            env!("CARGO_PKG_VERSION"),
            env!("TRANSLOAD_COMMIT"),
            datafusion::DATAFUSION_VERSION
        )
    });
    &VERSION
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: stage → transform → load → reconcile, phase by phase, going on where it stopped
    Run(run::RunArgs),
    /// Read User.com's API into export files; goes on where it stopped, and the next time reads what changed
    Extract(extract::ExtractArgs),
    /// Read the export into typed tables, with rejects
    Stage(stage::StageArgs),
    /// Check settings, decisions and queries, offline; say what of the export nobody has decided
    Check(check::CheckArgs),
    /// Show what a run would do: order, rows per load and operation, jobs, batches, API calls
    Plan(plan::PlanArgs),
    /// Send what changed since the last run: planned, shown, then done
    Delta(delta::DeltaArgs),
    /// Where the customer's own attributes go: propose, show, confirm, review
    #[command(subcommand)]
    Map(map::MapCommand),
    /// Prepare the destination's fields, stages and permissions: plan, check, deploy, remove
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Load what was staged last; with --failed only what did not land
    Load(load::LoadArgs),
    /// Read the destination back and compare it with what was sent; draw random samples
    Reconcile(reconcile::ReconcileArgs),
    /// Take a run back: delete what it created, restore what it changed, spare what was edited since
    Rollback(rollback::RollbackArgs),
    /// The checklist of the day: evidence, signatures, the document to sign off
    #[command(subcommand)]
    Cutover(cutover::CutoverCommand),
    /// Runs, phases, jobs and gates so far
    Status(status::StatusArgs),
    /// One record's whole story: line of the export, decisions, fate, records, attempts, children
    Explain(explain::ExplainArgs),
    /// Ask any table a question in SQL
    Query(query::QueryArgs),
    /// The SQL of the project: list, show, render with its options, eject a default to change it
    #[command(subcommand)]
    Queries(queries::QueriesCommand),
    /// What the working files make otherwise than the rules of the last run, a folder or a revision, before anything is sent
    Diff(diff::DiffArgs),
    /// Run the tests of the project's SQL: exports below tests/ with what must come out of them
    Test(test::TestArgs),
    /// What codes mean, and which tables and columns there are; also as `transload help reasons` and `help tables`
    #[command(subcommand)]
    Docs(docs::DocsCommand),
    /// Lines that teach a shell to complete commands and names
    Completions(complete::CompletionsArgs),
    /// Write a synthetic User.com export of any size
    Generate(generate::GenerateArgs),
    /// Write the scope document: what the export holds, what it asks, what the org needs
    Audit(report::DocumentArgs),
    /// Write the inventory of User.com's automations: what takes the place of each
    Inventory(report::DocumentArgs),
    /// Say how long a run will take and what it asks of the org; afterwards, what became of that
    Estimate(report::EstimateArgs),
    /// Write the reconciliation report of a run
    Report(report::ReportArgs),
    /// Start a new project
    Init(init::InitArgs),
    /// Serve a simulator
    #[command(subcommand)]
    Sim(sim::SimCommand),
}

/// Arguments of every command that works in a project.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProjectArgs {
    /// Project folder
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub project: PathBuf,
    /// Staging area instead of the one in migration.toml: a folder or s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    pub work: Option<String>,
}

/// The destination that a command speaks to.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME", add = complete::targets())]
    pub target: Option<String>,
}

/// The loads that take part.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Only these loads: LOAD or *_PART, +LOAD with what it needs, LOAD+ with what hangs on it (1+LOAD, LOAD+1: so many
    /// steps), @LOAD with what hangs on it and all that needs; several by spaces
    #[arg(long, value_name = "LOADS", num_args = 1.., add = complete::loads())]
    pub select: Vec<String>,
    /// Without these loads, in the same form
    #[arg(long, value_name = "LOADS", num_args = 1.., add = complete::loads())]
    pub exclude: Vec<String>,
}

impl SelectionArgs {
    fn selection(self) -> Selection {
        Selection {
            select: self.select,
            exclude: self.exclude,
        }
    }
}

/// Some of the people only.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct SampleArgs {
    /// Only so many people, each group of lifecycle stage, pipeline and owner by its share, with everything that hangs on
    /// them; a run without it brings the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Which people: the same number, the same people
    #[arg(long, value_name = "S", default_value_t = 1, requires = "sample")]
    pub seed: u32,
}

impl SampleArgs {
    fn sample(self) -> Option<config::Sample> {
        let seed = self.seed;
        self.sample.map(|people| config::Sample { people, seed })
    }
}

/// What a person agrees to.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ConsentArgs {
    /// Agree to what is planned, where the destination is not the simulator
    #[arg(long)]
    yes: bool,
    /// Deploy to production what no sandbox has seen
    #[arg(long)]
    no_sandbox_first: bool,
}

impl ConsentArgs {
    fn consent(self) -> Consent {
        Consent {
            yes: self.yes,
            no_sandbox_first: self.no_sandbox_first,
        }
    }
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON document.
    Json,
}

/// How a command ended when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// It ran, but a gate did not hold, rows are held back, or differences were found.
    Gated,
    /// It ran, and found mistakes in the project's files.
    Mistaken,
}

/// Stack of the thread that runs a command; only what is used takes memory.
const STACK: usize = 64 << 20;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    complete::answer();
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(page) = help::page(&words) {
        return exit_code(help::show(page));
    }
    let cli = Cli::parse();
    output::start_log(cli.verbosity);
    // The allocator keeps freed memory per thread, so a thread more than the processors can feed costs 25 MB and
    // brings nothing. One more than processors, for the one that reads the export.
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors)
        .max_blocking_threads(processors + 1)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            output::error(&Error::File {
                action: "start",
                path: "the runtime".to_owned(),
                source,
            });
            return ExitCode::from(3);
        }
    };
    // The main thread's stack is what the shell says; SQL may be nested more deeply.
    let work = move || exit_code(runtime.block_on(Box::pin(dispatch(cli.command))));
    let main = std::thread::Builder::new().stack_size(STACK).spawn(work);
    match main.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(source) => {
            output::error(&Error::File {
                action: "start",
                path: "the main thread".to_owned(),
                source,
            });
            ExitCode::from(3)
        }
    }
}

/// Says what went wrong, if anything did, and how the program ends.
fn exit_code(outcome: Result<Outcome, Error>) -> ExitCode {
    match outcome {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Gated) => ExitCode::from(1),
        Ok(Outcome::Mistaken) => ExitCode::from(2),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.class().exit_code())
        }
    }
}

async fn dispatch(command: Command) -> Result<Outcome, Error> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Extract(args) => Box::pin(extract::run(args)).await,
        Command::Stage(args) => Box::pin(stage::run(args)).await,
        Command::Check(args) => check::run(args).await,
        Command::Plan(args) => plan::run(args).await,
        Command::Delta(args) => Box::pin(delta::run(args)).await,
        Command::Map(command) => Box::pin(map::run(command)).await,
        Command::Schema(command) => Box::pin(schema::run(command)).await,
        Command::Load(args) => load::run(args).await,
        Command::Reconcile(args) => reconcile::run(args).await,
        Command::Rollback(args) => rollback::run(args).await,
        Command::Cutover(command) => Box::pin(cutover::run(command)).await,
        Command::Status(args) => status::run(args).await,
        Command::Explain(args) => Box::pin(explain::run(args)).await,
        Command::Query(args) => query::run(args).await,
        Command::Queries(command) => queries::run(command),
        Command::Diff(args) => Box::pin(diff::run(args)).await,
        Command::Test(args) => Box::pin(test::run(args)).await,
        Command::Docs(command) => docs::run(command).await,
        Command::Completions(args) => complete::run(&args),
        Command::Generate(args) => generate::run(args),
        Command::Audit(args) => report::audit(args).await,
        Command::Inventory(args) => report::inventory(args).await,
        Command::Estimate(args) => Box::pin(report::estimate(args)).await,
        Command::Report(args) => report::report(args).await,
        Command::Init(args) => Box::pin(init::run(&args)).await,
        Command::Sim(command) => sim::run(command).await,
    }
}

/// Reads the settings of the project that a command names.
pub(crate) fn config(args: &ProjectArgs) -> Result<config::Config, Error> {
    Ok(config::Config::load(&args.project, args.work.as_deref())?)
}

/// Where the logs of commands are: in the staging area if it is a folder, else beside the project's files.
pub(crate) fn logs(config: &config::Config) -> PathBuf {
    match config.staging.contains("://") {
        true => config.project.join(".transload/logs"),
        false => Path::new(&config.staging).join("logs"),
    }
}

/// Opens the migration of the project that a command names, shown on the terminal.
pub(crate) fn migration(args: &ProjectArgs) -> Result<(Migration, Arc<TerminalProgress>), Error> {
    let progress = TerminalProgress::new(output::is_quiet());
    let config = config(args)?;
    let command = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    output::keep_log(&logs(&config), command.as_deref().unwrap_or("command"));
    let migration =
        Migration::open(&config)?.with_progress(Arc::clone(&progress) as Arc<dyn Progress>);
    Ok((migration, progress))
}
