//! `transload sim usercom`: a User.com account on loopback for any client.
//!
//! In: an export folder, or a number of people for a generated one. Out: on stdout's first line the URL, then a served
//! account until ctrl-c. Never: a change of the export folder.

use std::path::{Path, PathBuf};

use super::super::progress::TerminalProgress;
use super::super::{Outcome, output};
use super::{bind, stop_requested};
use crate::error::Error;
use transload_generate as generate;
use transload_sim::usercom::{
    Bug, ChangeKind, DEFAULT_TOKEN, ENDPOINTS, ExportPlace, Loaded, RetryAfter, Server,
    UsercomSimError, UsercomSimOptions,
};

/// Arguments of `transload sim usercom`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsercomArgs {
    /// Port on 127.0.0.1; 0 picks a free one. The first line on stdout is the URL
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Folder for rows as they are served, which are replaced at every start, and for a generated export, which is kept
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Export folder that the account holds
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "people",
        required_unless_present = "people"
    )]
    export: Option<PathBuf>,
    /// Generate an export of so many people into the state folder, and serve that
    #[arg(long, value_name = "N")]
    people: Option<u64>,
    /// Seed of the generated export
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Generate without the mess that real exports have
    #[arg(long, requires = "people")]
    clean: bool,
    /// Key that requests must carry as `Authorization: Token KEY` [default: printed on stderr]
    #[arg(long, value_name = "KEY")]
    token: Option<String>,
    /// Rows of a page
    #[arg(long, value_name = "N", default_value_t = 100)]
    page_size: usize,
    /// What the account gets wrong: last_next, missing_names, string_numbers, repeat_cursor, wrong_count, v1_only; or none
    #[arg(
        long,
        value_name = "NAME,…",
        default_value = "last_next,string_numbers"
    )]
    bugs: String,
    /// Endpoints that the account lacks (exports, segments, products, conversations, …), each with =STATUS for another answer than 404
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = lacking)]
    without: Vec<(String, u16)>,
    /// Endpoints that the key must not use: 403
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = endpoint)]
    forbid: Vec<String>,
    /// Requests per second beyond which 429 is answered
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// What 429 says about when to come back: seconds, date or none
    #[arg(long, value_name = "KIND", default_value = "seconds")]
    retry_after: RetryAfter,
    /// Seconds by which the account's clock is ahead; behind, below zero
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    date_skew: i64,
    /// Of a hundred requests, how many fail at random
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    fault_percent: f64,
    /// Which ones do
    #[arg(long, value_name = "S", default_value_t = 1)]
    fault_seed: u64,
    /// JSON file with a list of faults that are due from the start
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// After so many pages of lists a row changes its place
    #[arg(long, value_name = "N")]
    churn: Option<u64>,
    /// What happens to rows then, in turn: move, touch, insert, delete
    #[arg(
        long,
        value_name = "KIND,…",
        value_delimiter = ',',
        default_value = "move"
    )]
    churn_kinds: Vec<ChangeKind>,
    /// Milliseconds until the file of a bulk export is ready
    #[arg(long, value_name = "N", default_value_t = 0)]
    export_delay_ms: u64,
    /// Where that file appears: api (/api/public/exports/), media (/media/exports/) or url (named in the answer)
    #[arg(long, value_name = "PLACE", default_value = "media")]
    exports_at: ExportPlace,
}

/// An endpoint that exists.
fn endpoint(name: &str) -> Result<String, String> {
    match ENDPOINTS.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(format!("there are {}", ENDPOINTS.join(", "))),
    }
}

/// `segments` or `exports=405`.
fn lacking(text: &str) -> Result<(String, u16), String> {
    match text.split_once('=') {
        None => Ok((endpoint(text)?, 404)),
        Some((name, status)) => match status.parse() {
            Ok(status @ 400..=599) => Ok((endpoint(name)?, status)),
            _ => Err(format!("`{status}` is not a status between 400 and 599")),
        },
    }
}

fn bugs(text: &str) -> Result<Vec<Bug>, Error> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let names = text.split(',').filter(|name| !name.trim().is_empty());
    names
        .map(|name| {
            name.parse().map_err(|error| Error::Argument {
                what: format!("--bugs: {error}"),
                hint: "name some of them, or `none`".to_owned(),
            })
        })
        .collect()
}

/// Runs the command.
pub(super) async fn run(args: UsercomArgs) -> Result<Outcome, Error> {
    let bugs = bugs(&args.bugs)?;
    let listener = bind(args.port).await?;
    let port = listener
        .local_addr()
        .map_err(UsercomSimError::Listen)?
        .port();
    let export = match (&args.export, args.people) {
        (Some(export), _) => export.clone(),
        (None, people) => generated(&args.state, people.unwrap_or(0), args.seed, !args.clean)?,
    };
    let token = args.token.unwrap_or_else(|| DEFAULT_TOKEN.to_owned());
    let is_default = token == DEFAULT_TOKEN;
    let server = Server::open(UsercomSimOptions {
        token,
        page_size: args.page_size,
        bugs: bugs.into_iter().collect(),
        without: args.without.into_iter().collect(),
        forbidden: args.forbid.into_iter().collect(),
        rate: args.rate,
        retry_after: args.retry_after,
        date_skew: args.date_skew,
        fault_percent: args.fault_percent,
        fault_seed: args.fault_seed,
        scenario: args.faults,
        churn: args.churn,
        churn_kinds: args.churn_kinds,
        export_delay_ms: args.export_delay_ms,
        export_place: args.exports_at,
        ..UsercomSimOptions::new(export, args.state)
    })
    .await?;
    let stop = stop_requested().map_err(UsercomSimError::Listen)?;
    output::data(&format!("http://127.0.0.1:{port}\n"))?;
    for line in notes(server.loaded()) {
        output::note(&line);
    }
    output::note(&match is_default {
        true => format!("a simulated account with the key {DEFAULT_TOKEN}; ctrl-c ends it"),
        false => "a simulated account with the key of --token; ctrl-c ends it".to_owned(),
    });
    server.serve(listener, stop).await?;
    Ok(Outcome::Fine)
}

/// The export of this size and seed in the state folder, written if it is not there.
fn generated(state: &Path, people: u64, seed: u64, mess: bool) -> Result<PathBuf, Error> {
    let kind = if mess { "" } else { "-clean" };
    let out = state.join(format!("export-{people}-{seed}{kind}"));
    if out.exists() {
        return Ok(out);
    }
    // Renamed when it is whole, so that an interrupted one is not taken for it.
    let part = state.join("export.part");
    let failed = |source| Error::File {
        action: "write",
        path: part.display().to_string(),
        source,
    };
    if part.exists() {
        std::fs::remove_dir_all(&part).map_err(failed)?;
    }
    let progress = TerminalProgress::new(output::is_quiet());
    progress.step(&format!(
        "writing an export of {} people",
        output::number(people)
    ));
    let result = generate::generate(&generate::GenerateOptions {
        people,
        seed,
        out: part.clone(),
        mess,
        ..generate::GenerateOptions::default()
    });
    progress.finish();
    result?;
    std::fs::rename(&part, &out).map_err(failed)?;
    Ok(out)
}

fn notes(loaded: &Loaded) -> Vec<String> {
    let counts = loaded.rows.iter().filter(|(_, rows)| **rows > 0);
    let counts: Vec<String> = counts
        .map(|(object, rows)| format!("{object} {}", output::number(*rows)))
        .collect();
    let mut notes = vec![format!("rows: {}", counts.join(", "))];
    let mut left_out = Vec::new();
    for (rows, what) in [
        (loaded.older, "older versions"),
        (loaded.unreadable, "unreadable"),
        (loaded.without_id, "without a usable id"),
    ] {
        if rows > 0 {
            left_out.push(format!("{} {what}", output::number(rows)));
        }
    }
    if !left_out.is_empty() {
        notes.push(format!("left out: {}", left_out.join(", ")));
    }
    for (object, rows) in &loaded.unreachable {
        notes.push(format!(
            "{object}: {} rows belong to a record that does not exist, and no endpoint shows them",
            output::number(*rows)
        ));
    }
    if !loaded.behind.is_empty() {
        notes.push(format!("in no API: {}", loaded.behind.join(", ")));
    }
    if !loaded.unknown.is_empty() {
        notes.push(format!("unknown files: {}", loaded.unknown.join(", ")));
    }
    notes
}
