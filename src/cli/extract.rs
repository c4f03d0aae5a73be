//! `transload extract`: User.com's API → export files that `stage` reads.
//!
//! In: `[source.api]` of the project, the token from the environment. Out: a folder below `extracts`, and on stdout what
//! it holds. Exit code 1 if records that User.com counts could not be read.

use chrono::{DateTime, Utc};

use super::progress::TerminalProgress;
use super::{Format, Outcome, ProjectArgs, output};
use crate::config::{self, Api, Config, ConfigError};
use crate::error::Error;
use crate::salesforce::Secret;
use crate::usercom::api::{Client, ClientSettings, TOKEN_VARIABLE};
use crate::usercom::cell;
use crate::usercom::extract::manifest::Mode;
use crate::usercom::extract::{Choices, ExtractSettings, Finished, Prepared, prepare};
use crate::usercom::probe;

/// Arguments of `transload extract`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Only these objects, and those they hang on; the others stay as the last extract has them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    object: Vec<String>,
    /// Read everything, not only what changed since the last extract
    #[arg(long, conflicts_with = "since")]
    full: bool,
    /// Read what changed since this time, instead of since the last extract
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Drop an interrupted extract and begin anew
    #[arg(long)]
    restart: bool,
    /// Only show what there is and how long it would take
    #[arg(long)]
    dry_run: bool,
    /// Find out what the account offers, without extracting; later extracts use what was found
    #[arg(long, conflicts_with_all = ["object", "full", "since", "restart", "dry_run"])]
    probe: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: ExtractArgs) -> Result<Outcome, Error> {
    let config = super::config(&args.project)?;
    let api = source(&config)?;
    if args.probe {
        return find_out(&config, api, &client(api)?, args.format).await;
    }
    let choices = Choices {
        objects: args.object.clone(),
        full: args.full,
        since: since(&config, args.since.as_deref())?,
    };
    let extract = Extract::prepare(&config, api, choices, args.restart).await?;
    if args.dry_run {
        let text = estimates(&extract.prepared, &extract.client, args.format);
        output::data(&text)?;
        return Ok(Outcome::Fine);
    }
    let (finished, client) = extract.run().await?;
    output::data(&summary(&finished, &client, args.format))?;
    Ok(match note_missing(&finished) {
        true => Outcome::Gated,
        false => Outcome::Fine,
    })
}

/// Extracts what changed since the last extract, if an account is the source.
pub(super) async fn changes(config: &Config) -> Result<(), Error> {
    let Some(api) = &config.source.api else {
        return Ok(());
    };
    let extract = Extract::prepare(config, api, Choices::default(), false).await?;
    let (finished, client) = extract.run().await?;
    output::note(summary(&finished, &client, Format::Table).trim_end());
    note_missing(&finished);
    Ok(())
}

/// An extract that is about to begin.
struct Extract {
    prepared: Prepared,
    client: Client,
}

impl Extract {
    /// Looks at the account and says what is going to be read.
    async fn prepare(
        config: &Config,
        api: &Api,
        choices: Choices,
        restart: bool,
    ) -> Result<Self, Error> {
        let client = client(api)?;
        let progress = TerminalProgress::new(output::is_quiet());
        progress.step(&format!("looking at {}", client.host()));
        let settings = settings(config, api)?;
        let prepared = prepare(client.clone(), settings, choices, restart).await;
        progress.finish();
        let prepared = prepared?;
        announce(&prepared, &client);
        Ok(Self { prepared, client })
    }

    async fn run(self) -> Result<(Finished, Client), Error> {
        let progress = TerminalProgress::new(output::is_quiet());
        let finished = self.prepared.run(progress.as_ref()).await;
        progress.finish();
        Ok((finished?, self.client))
    }
}

/// Says how many records were counted and not listed; whether there are any.
fn note_missing(finished: &Finished) -> bool {
    let entries = finished.manifest.objects.values();
    let missing: u64 = entries.map(|entry| entry.missing).sum();
    if missing > 0 {
        output::note(&format!(
            "{} record(s) that User.com counts were not in its lists, however often they were read; run `transload extract` \
             again later",
            output::number(missing)
        ));
    }
    missing > 0
}

fn source(config: &Config) -> Result<&Api, Error> {
    let missing = || {
        ConfigError::Setting {
        what: "migration.toml has no [source.api]".to_owned(),
        hint: "add it with url = \"https://<account>.user.com\"; the token goes into the environment variable \
               USERCOM_API_TOKEN"
            .to_owned(),
    }
    };
    Ok(config.source.api.as_ref().ok_or_else(missing)?)
}

fn client(api: &Api) -> Result<Client, Error> {
    let token = config::secret(TOKEN_VARIABLE)?;
    let mut settings = ClientSettings::new(api.url.clone(), Secret::new(token));
    settings.requests_per_second = api.requests_per_second;
    settings.concurrency = api.concurrency;
    Ok(Client::new(settings)?)
}

/// Asks the account what it can do.
async fn find_out(
    config: &Config,
    api: &Api,
    client: &Client,
    format: Format,
) -> Result<Outcome, Error> {
    let progress = TerminalProgress::new(output::is_quiet());
    progress.step(&format!("asking {} what it can do", client.host()));
    let findings = probe::probe(client, &account(api)).await;
    progress.finish();
    let findings = findings.map_err(Error::Probe)?;
    let folder = config.project.join(&api.folder);
    findings.write(&folder)?;
    if format == Format::Json {
        let document = serde_json::json!({
            "capabilities": findings.capabilities,
            "findings": findings.findings,
        });
        output::data(&format!("{document}\n"))?;
        return Ok(Outcome::Fine);
    }
    for finding in &findings.findings {
        output::data(&format!("{}\n  {}\n", finding.question, finding.answer))?;
    }
    output::note(&format!(
        "written to probe.md and capabilities.json in {}",
        folder.display()
    ));
    Ok(Outcome::Fine)
}

/// The account as it is written into manifests.
fn account(api: &Api) -> String {
    api.url.as_str().trim_end_matches('/').to_owned()
}

fn settings(config: &Config, api: &Api) -> Result<ExtractSettings, Error> {
    let folder = config.project.join(&api.folder);
    Ok(ExtractSettings {
        url: account(api),
        capabilities: probe::known(&folder, &account(api))?,
        folder,
        manual: config.project.join(&api.manual),
        overlap: chrono::Duration::minutes(i64::from(api.overlap_minutes)),
        second_look: api.second_look,
        exports: api.exports,
        export_path: api
            .endpoints
            .get("exports")
            .cloned()
            .unwrap_or_else(|| "exports/".to_owned()),
        export_wait: std::time::Duration::from_secs(api.export_wait_seconds),
        leave_out: api.leave_out.clone(),
        include: api.include.clone(),
        endpoints: api
            .endpoints
            .iter()
            .filter(|(name, _)| name.as_str() != "exports")
            .map(|(name, path)| (name.clone(), path.clone()))
            .collect(),
    })
}

fn since(config: &Config, text: Option<&str>) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(text) = text else {
        return Ok(None);
    };
    cell::timestamp(text, config.source.timezone)
        .ok()
        .and_then(DateTime::from_timestamp_micros)
        .map(Some)
        .ok_or_else(|| Error::Argument {
            what: format!("--since {text} is no time"),
            hint: "write it like 2026-03-01 or 2026-03-01T08:00:00Z".to_owned(),
        })
}

/// Says what is about to happen.
fn announce(prepared: &Prepared, client: &Client) {
    if let Some(run) = prepared.resumes() {
        output::note(&format!("going on with extract {run}"));
    }
    match prepared.builds_upon() {
        Some(run) => output::note(&format!("reading what changed since extract {run}")),
        None => output::note("reading everything"),
    }
    for skipped in prepared.skipped() {
        output::note(&format!(
            "note: {} are not extracted: {}",
            skipped.object, skipped.reason
        ));
    }
    for wanted in &prepared.manual.missing {
        output::note(&format!(
            "note: manual/{}.csv is not there, and no API gives it: {}",
            wanted.stem, wanted.cost
        ));
    }
    output::note(&format!(
        "about {} requests, {} at {} a second",
        output::number(prepared.requests()),
        span(prepared.requests(), client),
        client.requests_per_second()
    ));
}

fn span(requests: u64, client: &Client) -> String {
    let seconds = requests as f64 / client.requests_per_second();
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5_400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn estimates(prepared: &Prepared, client: &Client, format: Format) -> String {
    if format == Format::Json {
        let objects: Vec<serde_json::Value> = prepared
            .estimates
            .iter()
            .map(|estimate| {
                serde_json::json!({
                    "object": estimate.object,
                    "rows": estimate.rows,
                    "requests": estimate.requests,
                    "note": estimate.note,
                })
            })
            .collect();
        let seconds = prepared.requests() as f64 / client.requests_per_second();
        let document = serde_json::json!({
            "objects": objects,
            "skipped": prepared.skipped(),
            "requests": prepared.requests(),
            "seconds": seconds.round(),
            "manual": {
                "present": prepared.manual.copied,
                "missing": prepared.manual.missing.iter().map(|wanted| wanted.stem).collect::<Vec<_>>(),
            },
        });
        return format!("{document}\n");
    }
    let rows = prepared.estimates.iter().map(|estimate| {
        vec![
            estimate.object.clone(),
            estimate.rows.map(output::number).unwrap_or_default(),
            output::number(estimate.requests),
            span(estimate.requests, client),
            estimate.note.to_owned(),
        ]
    });
    output::table(
        &["object", "rows", "requests", "takes about", "besides"],
        rows.collect(),
        1,
    )
}

fn summary(finished: &Finished, client: &Client, format: Format) -> String {
    let manifest = &finished.manifest;
    let missing: u64 = manifest.objects.values().map(|entry| entry.missing).sum();
    if format == Format::Json {
        let objects: Vec<serde_json::Value> = manifest
            .objects
            .iter()
            .map(|(name, entry)| {
                serde_json::json!({
                    "object": name,
                    "mode": entry.mode,
                    "rows": entry.rows,
                    "count": entry.count,
                    "missing": entry.missing,
                    "deleted": entry.deleted.len(),
                    "files": entry.files.len(),
                    "api_version": entry.api_version,
                })
            })
            .collect();
        let document = serde_json::json!({
            "extract": manifest.run,
            "status": if missing == 0 { "ok" } else { "short" },
            "folder": finished.folder,
            "base": manifest.base,
            "objects": objects,
            "skipped": manifest.skipped,
            "manual": { "present": manifest.manual, "missing": manifest.manual_missing },
            "requests": client.requests(),
            "refused": client.refused(),
        });
        return format!("{document}\n");
    }
    let rows = manifest.objects.iter().map(|(name, entry)| {
        let how = match entry.mode {
            Mode::Full => "all",
            Mode::Changes => "changes",
            Mode::Kept => "as before",
            Mode::Export => "bulk export",
        };
        vec![
            name.clone(),
            how.to_owned(),
            output::number(entry.rows),
            entry.count.map(output::number).unwrap_or_default(),
            output::number(entry.missing),
            output::number(entry.deleted.len() as u64),
            output::number(entry.files.len() as u64),
        ]
    });
    let mut text = output::table(
        &[
            "object", "read", "rows", "counted", "missing", "deleted", "files",
        ],
        rows.collect(),
        2,
    );
    text.push_str(&format!(
        "extract {} with {} requests in {}\n",
        manifest.run,
        output::number(client.requests()),
        finished.folder.display()
    ));
    text
}
