//! `transload sim`: a simulator on loopback for any other client.
//!
//! In: a state folder. Out: on stdout's first line the URL, then a served org or account until ctrl-c. Never: reachable
//! from another machine.

mod reset;
mod usercom;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{Outcome, output};
use crate::error::Error;
use transload_sim::salesforce::{
    CONTROL_TOKEN, Edition, Feature, OpenedOrg, SalesforceSimOptions, Setting, SimError,
};

/// Which simulator.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SimCommand {
    /// A Salesforce org: logins, REST, Bulk API 2.0, Metadata API
    Salesforce(SalesforceArgs),
    /// A User.com account: REST API v1 and v2, bulk exports
    Usercom(usercom::UsercomArgs),
    /// Throw away the simulated org of a project; the next run makes a new one and reads its seed again
    Reset(reset::ResetArgs),
}

/// How clients log in, for the end of the help.
fn logins() -> String {
    let options = SalesforceSimOptions::default();
    format!(
        "Clients log in as client {} with secret {} (SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET), or as {} with password {}.\n\
         With --tls they must trust ca.pem of the state folder: SSL_CERT_FILE=DIR/ca.pem for transload, curl and most others.\n\
         A browser on this machine shows at the URL what the org holds. The seed is read when the org is made; another --state \
         is another org.",
        options.client_id, options.client_secret, options.username, options.password
    )
}

/// Arguments of `transload sim salesforce`.
#[derive(Debug, clap::Args)]
#[command(after_help = logins())]
pub(crate) struct SalesforceArgs {
    /// Port on 127.0.0.1; 0 picks a free one. The first line on stdout is the URL
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Folder that holds the org; the same folder is the same org the next time
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Folder of <Object>.csv files with rows that a new org has from the start
    #[arg(long, value_name = "DIR")]
    seed: Option<PathBuf>,
    /// Serve https; the certificate's authority is written to ca.pem in the state folder
    #[arg(long)]
    tls: bool,
    /// Make a production org instead of a sandbox
    #[arg(long)]
    production: bool,
    /// Edition, which decides how many custom fields an object may have
    #[arg(long, value_name = "NAME", default_value = "enterprise")]
    edition: Edition,
    /// Let inactive users own records, as the permission "Update Records with Inactive Owners" does
    #[arg(long)]
    inactive_owners: bool,
    /// Let audit fields be set on create, as the permission "Set Audit Fields upon Record Creation" does
    #[arg(long)]
    audit_fields: bool,
    /// Give the org several currencies: EUR, USD and PLN
    #[arg(long)]
    multi_currency: bool,
    /// Hold rows and their parents while a batch or a request writes them; jobs run five at a time
    #[arg(long)]
    locks: bool,
    /// Milliseconds that a Bulk batch of 10,000 rows takes at least; smaller ones take their share
    #[arg(long, value_name = "N", default_value_t = 0)]
    batch_ms: u64,
    /// Data storage of the org in megabytes
    #[arg(long, value_name = "N", default_value_t = SalesforceSimOptions::default().data_storage_mb)]
    data_storage_mb: u64,
    /// File storage of the org in megabytes
    #[arg(long, value_name = "N", default_value_t = SalesforceSimOptions::default().file_storage_mb)]
    file_storage_mb: u64,
    /// JSON file of faults that are due from the start: {"requests": [...], "jobs": [...]}
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Features the org lacks: topics, contacts_to_multiple_accounts, team_selling, enhanced_email, territories, notes
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    without: Vec<Feature>,
    /// Settings that are on: state_and_country_picklists, person_accounts, shared_activities
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    with: Vec<Setting>,
}

/// Runs the command.
pub(super) async fn run(command: SimCommand) -> Result<Outcome, Error> {
    match command {
        SimCommand::Salesforce(args) => salesforce(args).await,
        SimCommand::Usercom(args) => usercom::run(args).await,
        SimCommand::Reset(args) => reset::run(args).await,
    }
}

async fn salesforce(args: SalesforceArgs) -> Result<Outcome, Error> {
    let listener = bind(args.port).await?;
    let options = SalesforceSimOptions {
        state: args.state,
        seed: args.seed,
        tls: args.tls,
        sandbox: !args.production,
        edition: args.edition,
        inactive_owners: args.inactive_owners,
        audit_fields: args.audit_fields,
        multi_currency: args.multi_currency,
        locks: args.locks,
        batch_time: Duration::from_millis(args.batch_ms),
        data_storage_mb: args.data_storage_mb,
        file_storage_mb: args.file_storage_mb,
        scenario: args.faults,
        without: args.without.into_iter().collect(),
        with: args.with.into_iter().collect(),
        ..SalesforceSimOptions::default()
    };
    // Before anybody knows the URL, so that whoever does can end it, and find the token that it takes.
    let stop = stop_requested().map_err(SimError::Listen)?;
    let mut notes = vec![
        format!(
            "a simulated org; log in as client {} with secret {}, or as {} with password {}; ctrl-c ends it",
            options.client_id, options.client_secret, options.username, options.password
        ),
        format!(
            "requests to /control carry a session's token, or the one in {}",
            options.state.join(CONTROL_TOKEN).display()
        ),
    ];
    if options.tls {
        let certificate = options.state.join("ca.pem");
        notes.push(format!("clients must trust {}", certificate.display()));
    }
    let opened = OpenedOrg::open(listener, options).await?;
    output::data(&format!("{}\n", opened.url()))?;
    for note in &notes {
        output::note(note);
    }
    opened.serve(stop).await?;
    Ok(Outcome::Fine)
}

/// A socket that only this machine reaches.
async fn bind(port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|source| match source.kind() {
            ErrorKind::AddrInUse | ErrorKind::PermissionDenied => SimError::Port { port, source },
            _ => SimError::Listen(source),
        })
        .map_err(Error::from)
}

/// Ready on ctrl-c, and on a request to terminate where there is one. Both are listened for from the call on, not
/// only once the result is awaited.
#[cfg(unix)]
fn stop_requested() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Ready on ctrl-c.
#[cfg(not(unix))]
fn stop_requested() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
