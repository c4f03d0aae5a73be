//! `transload query`: any table, asked in SQL.
//!
//! In: one read-only statement, from the command line or stdin. Out: its rows as an aligned table, CSV, one JSON array
//! or Parquet, streamed in constant memory. Never: a change to anything, or a connection to the destination: the
//! tables of an organisation are those of the last run.

mod catalog;
mod encode;
mod explain;
mod numbers;
mod table;

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use self::catalog::Listing;
use self::encode::Encoder;
use self::explain::explain;
use super::{Outcome, ProjectArgs, Target, output};
use crate::engine::{EngineError, Session};
use crate::error::{Error, QueryError};
use crate::migration::Migration;

/// How errors call the statement.
const QUERY: &str = "the query";

/// What the destination is to a query.
const TARGET: &str = "Destination whose ledger, outbox, org and recon tables are asked [default: that of the last run]";

/// Arguments of `transload query`.
#[derive(Debug, clap::Args)]
#[command(mut_arg("target", |target| target.help(TARGET)))]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// One statement that reads, such as "select * from usercom.people", "show tables" (short), "show tables in recon", "show schemas", "describe
    /// usercom.people"; - reads it from stdin
    #[arg(value_name = "SQL", allow_hyphen_values = true, value_parser = no_option)]
    sql: String,
    /// Form of the result [default: that of the file's ending, else table]
    #[arg(long, value_enum)]
    format: Option<RowsFormat>,
    /// Write the result to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Show each row as a list of its columns, one a line and uncut
    #[arg(short = 'x', long)]
    expanded: bool,
    /// Rows that the table form shows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// A statement may begin with a comment, as those of the documents do; what else begins with a hyphen is an option nobody knows.
fn no_option(text: &str) -> Result<String, String> {
    let is_comment = text
        .strip_prefix("--")
        .is_some_and(|rest| rest.starts_with(char::is_whitespace));
    match text.starts_with('-') && text != "-" && !is_comment {
        true => Err("there is no such option; see `transload query --help`".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RowsFormat {
    /// Aligned columns, the first rows only
    Table,
    /// With a header; structs and lists as JSON
    Csv,
    /// The same for a spreadsheet: marked as UTF-8, and nothing in it is a formula
    Spreadsheet,
    /// One array, one object a line
    Json,
    /// One Parquet file
    Parquet,
}

/// Runs the command.
pub(super) async fn run(args: QueryArgs) -> Result<Outcome, Error> {
    let sql = statement(&args.sql)?;
    let format = format(&args)?;
    let project = Migration::open(&super::config(&args.project)?)?;
    let asked = project.ask(args.target.target.as_deref()).await?;
    if let Some(note) = &asked.note {
        output::note(note);
    }
    let (session, snapshot) = (asked.session, asked.snapshot);
    let listing = Listing::of(&sql);
    // A list of what there is says all of it.
    let limit = if listing.is_some() { 0 } else { args.limit };
    let sql = match listing {
        Some(listing) => listing.query(&session, &snapshot, &project.config().staging)?,
        None => sql,
    };
    let plan = match session.plan(QUERY, &sql).await {
        Ok(plan) => numbers::compare_as_texts(plan).map_err(|source| EngineError::Plan {
            query: QUERY.to_owned(),
            source: Box::new(source),
        })?,
        Err(error) => return Err(explain(error, &sql, &session, &snapshot, asked.unavailable)),
    };
    let mut sink = Sink::open(args.output.as_deref())?;
    let result = match format {
        RowsFormat::Table => show(&session, plan, limit, args.expanded, &mut sink).await,
        format => stream(&session, plan, format, &mut sink).await,
    };
    match result {
        Ok(()) => {
            sink.flush()?;
            Ok(Outcome::Fine)
        }
        Err(error) => {
            sink.abandon();
            Err(error)
        }
    }
}

fn statement(argument: &str) -> Result<String, Error> {
    let sql = if argument == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|source| Error::File {
                action: "read",
                path: "stdin".to_owned(),
                source,
            })?;
        text
    } else {
        argument.to_owned()
    };
    if sql.trim().is_empty() {
        return Err(Error::Argument {
            what: "the query is empty".to_owned(),
            hint: "try `transload query \"show tables\"`".to_owned(),
        });
    }
    Ok(sql)
}

fn format(args: &QueryArgs) -> Result<RowsFormat, Error> {
    let ending = args
        .output
        .as_deref()
        .and_then(Path::extension)
        .map(|ending| ending.to_string_lossy().to_lowercase());
    let format = match (args.format, ending.as_deref()) {
        (Some(format), _) => format,
        (None, Some("csv")) => RowsFormat::Csv,
        (None, Some("json")) => RowsFormat::Json,
        (None, Some("parquet")) => RowsFormat::Parquet,
        (None, None | Some("txt")) => RowsFormat::Table,
        (None, Some(other)) => {
            return Err(Error::Argument {
                what: format!("a result cannot be written as .{other}"),
                hint: "end the file in .csv (for people: with --format spreadsheet, without formulas), .json, .parquet or .txt, or say which form with --format"
                    .to_owned(),
            });
        }
    };
    if format == RowsFormat::Parquet && args.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Error::Argument {
            what: "Parquet is not for a terminal".to_owned(),
            hint: "name a file with --output FILE, or send stdout somewhere".to_owned(),
        });
    }
    Ok(format)
}

async fn stream(
    session: &Session,
    plan: LogicalPlan,
    format: RowsFormat,
    sink: &mut Sink,
) -> Result<(), Error> {
    let mut batches = session.stream_plan(QUERY, plan, &[]).await?;
    let mut encoder = Encoder::new(format, &batches.schema())?;
    while let Some(batch) = batches.next_batch().await? {
        sink.write(&encoder.batch(&batch)?)?;
    }
    sink.write(&encoder.finish()?)
}

/// The first rows as a table; how many more there are is counted only after these were shown.
async fn show(
    session: &Session,
    plan: LogicalPlan,
    limit: usize,
    expanded: bool,
    sink: &mut Sink,
) -> Result<(), Error> {
    // These plans must be run whole.
    let whole = matches!(
        plan,
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
    );
    let limit = if limit == 0 || whole {
        usize::MAX
    } else {
        limit
    };
    let first = if limit == usize::MAX {
        plan.clone()
    } else {
        derive(plan.clone(), |builder| builder.limit(0, Some(limit + 1)))?
    };
    let mut batches = session.stream_plan(QUERY, first, &[]).await?;
    let mut rows = table::TableRows::new(&batches.schema(), whole || expanded);
    while let Some(batch) = batches.next_batch().await? {
        rows.take(&batch, limit)?;
    }
    let text = match expanded {
        true => rows.expanded(),
        false => {
            let table = rows.text();
            match output::terminal_width() {
                Some(width) if !whole && table.lines().any(|line| line.chars().count() > width) => {
                    output::note(
                        "wider than the terminal: one line per value, as with -x; `-o FILE` and --format csv write tables",
                    );
                    rows.expanded()
                }
                _ => table,
            }
        }
    };
    sink.write(text.as_bytes())?;
    if !rows.more() {
        let plural = if rows.count() == 1 { "" } else { "s" };
        output::note(&format!(
            "{} row{plural}",
            output::number(rows.count() as u64)
        ));
        return Ok(());
    }
    sink.flush()?;
    let total = count(session, plan).await?;
    output::note(&format!(
        "{} of {} rows, {} more; --limit 0 shows all, --format csv writes all",
        output::number(rows.count() as u64),
        output::number(total),
        output::number(total.saturating_sub(rows.count() as u64)),
    ));
    Ok(())
}

async fn count(session: &Session, plan: LogicalPlan) -> Result<u64, Error> {
    let counted = derive(plan, |builder| {
        let no_group: [datafusion::logical_expr::Expr; 0] = [];
        builder.aggregate(
            no_group,
            [datafusion::functions_aggregate::count::count_all()],
        )
    })?;
    let mut batches = session.stream_plan(QUERY, counted, &[]).await?;
    let mut total = 0;
    while let Some(batch) = batches.next_batch().await? {
        for value in batch
            .columns()
            .iter()
            .filter_map(|column| {
                arrow::array::AsArray::as_primitive_opt::<arrow::datatypes::Int64Type>(column)
            })
            .flat_map(|column| column.iter().flatten())
        {
            total += u64::try_from(value).unwrap_or_default();
        }
    }
    Ok(total)
}

fn derive(
    plan: LogicalPlan,
    change: impl FnOnce(LogicalPlanBuilder) -> datafusion::error::Result<LogicalPlanBuilder>,
) -> Result<LogicalPlan, Error> {
    change(LogicalPlanBuilder::from(plan))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|source| {
            EngineError::Plan {
                query: QUERY.to_owned(),
                source: Box::new(source),
            }
            .into()
        })
}

/// Where a result goes: stdout, or a file that is taken away again if the result breaks off.
struct Sink {
    path: Option<PathBuf>,
    writer: Box<dyn Write>,
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Self, Error> {
        let writer: Box<dyn Write> = match path {
            None => Box::new(std::io::stdout()),
            Some(path) => {
                let file = File::create(path).map_err(|source| QueryError::CreateFile {
                    path: path.to_path_buf(),
                    source,
                })?;
                Box::new(BufWriter::new(file))
            }
        };
        Ok(Self {
            path: path.map(Path::to_path_buf),
            writer,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.path.is_none() && std::io::stdout().is_terminal() {
            // Values of the data may steer a terminal; whoever reads a pipe or a file gets them as they are.
            let text = crate::report::plain(&String::from_utf8_lossy(bytes), true);
            return self
                .writer
                .write_all(text.as_bytes())
                .map_err(|source| self.error(source));
        }
        self.writer
            .write_all(bytes)
            .map_err(|source| self.error(source))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|source| self.error(source))
    }

    fn abandon(self) {
        if let Some(path) = &self.path
            && path.is_file()
        {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(path);
        }
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::File {
            action: "write",
            path: self
                .path
                .as_ref()
                .map_or_else(|| "stdout".to_owned(), |path| path.display().to_string()),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::QueryArgs;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: QueryArgs,
    }

    fn sql(words: &[&str]) -> Option<(String, bool)> {
        let line = Line::try_parse_from(["query"].iter().chain(words)).ok()?;
        Some((line.args.sql, line.args.expanded))
    }

    #[test]
    fn a_statement_may_begin_with_a_comment_and_an_unknown_option_is_none() {
        let commented = "-- grain: one row\nselect 1";
        assert_eq!(sql(&[commented]), Some((commented.to_owned(), false)));
        assert_eq!(sql(&["-x", commented]), Some((commented.to_owned(), true)));
        assert_eq!(sql(&["-"]), Some(("-".to_owned(), false)));
        assert_eq!(sql(&["--exapnded"]), None);
        assert_eq!(sql(&["-x"]), None);
    }
}
