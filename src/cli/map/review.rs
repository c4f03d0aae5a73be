//! `transload map review`.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::super::{Outcome, ProjectArgs, Target, migration, output};
use crate::config;
use crate::error::Error;
use crate::migration::{MapFields, ProposeRequest};
use crate::review::{Review, serve};

/// Arguments of `transload map review`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReviewArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Ask no org: only its standard fields are known then
    #[arg(long, conflicts_with = "target")]
    offline: bool,
    /// Port on loopback; 0 picks a free one
    #[arg(long, default_value_t = 0, value_name = "N")]
    port: u16,
    /// Who confirms, until the page says otherwise
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    by: String,
}

pub(super) async fn run(args: &ReviewArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let request = ProposeRequest {
        target: args.target.target.clone(),
        no_stage: true,
        offline: args.offline,
        ..ProposeRequest::default()
    };
    let fields = Box::pin(migration.map_fields(&request)).await;
    progress.finish();
    let MapFields {
        targets,
        known,
        notes,
    } = fields?;
    for note in &notes {
        output::note(&format!("note: {note}"));
    }
    let project = migration.config();
    let review = Review {
        folder: project.project.clone(),
        project: project.name.clone(),
        by: args.by.trim().to_owned(),
        staged: super::staged_types(project).await?,
        targets,
        fields: known,
        history: config::history_file(),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| Error::File {
            action: "listen on",
            path: address.to_string(),
            source,
        })?;
    let mut printed = Ok(());
    let started = |url: &str| {
        // The first line on stdout is the address, as of the simulators.
        printed = output::data(&format!("{url}\n"));
        output::note(
            "open the address in a browser; whoever has it can decide; Ctrl-C ends the review",
        );
    };
    serve(review, listener, started, async {
        // Without a signal handler it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await?;
    printed?;
    Ok(Outcome::Fine)
}
