//! What commands share: the project opened, its tables in a session, and a connection to the destination.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use url::Url;

use super::ProjectArgs;
use crate::config::{AuthKind, Config, Destination, DestinationKind, secret};
use crate::engine::{Engine, EngineSettings, View};
use crate::error::Error;
use crate::rows::key_text;
use crate::salesforce::{Auth, Client, Secret, Settings};
use crate::staging::{Snapshot, Staging};
use transload_sim::salesforce::{Feature, Simulator};

/// What a command expects of the org behind a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// The known one, if any is.
    Known,
    /// The known one; it becomes known if none is.
    First,
    /// Whichever it is, it is the known one from now on.
    New,
}

/// A project, opened.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its settings.
    pub config: Config,
    /// Its staging area.
    pub staging: Staging,
    /// The query engine.
    pub engine: Engine,
}

impl Project {
    /// Opens the project that a command names.
    pub(crate) fn open(args: &ProjectArgs) -> Result<Self, Error> {
        let config = super::config(args)?;
        let staging = Staging::open(&config.staging)?;
        let spill = staging
            .local_folder()
            .unwrap_or_else(|| config.project.join(".transload"))
            .join("spill");
        let settings = EngineSettings {
            memory_limit: config.memory_limit,
            spill,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        };
        let engine = Engine::start(settings, &staging)?;
        Ok(Self {
            config,
            staging,
            engine,
        })
    }

    /// Starts or reaches the destination and logs in. The org must be the one that this destination was before.
    ///
    /// # Errors
    /// Among others [`Error::OtherOrg`].
    pub(crate) async fn connect(
        &self,
        target: Option<&str>,
        meeting: Meeting,
    ) -> Result<Connection, Error> {
        let (name, destination) = self.config.target(target)?;
        let simulator = match destination.kind {
            DestinationKind::Simulator => Some(self.start_simulator(name, destination).await?),
            DestinationKind::Salesforce => None,
        };
        let settings = match &simulator {
            Some(simulator) => simulator_settings(simulator, destination)?,
            None => salesforce_settings(destination)?,
        };
        let client = Client::connect(settings)
            .await
            .map_err(|source| Error::Connect {
                target: name.to_owned(),
                source: Box::new(source),
            })?;
        let org = client.identity().organization_id.clone();
        self.meet(name, &org, meeting).await?;
        let staging = self.staging.with_org(&org);
        Ok(Connection {
            target: name.to_owned(),
            destination: destination.clone(),
            client,
            staging,
            simulator,
        })
    }

    /// Compares the org with the one that the destination was when something was first loaded into it.
    async fn meet(&self, target: &str, org: &str, meeting: Meeting) -> Result<(), Error> {
        let path = self.staging.absolute(&format!("targets/{target}"));
        let known = match self.staging.read(&path).await {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        match (known, meeting) {
            (Some(known), _) if known == org => Ok(()),
            (Some(known), Meeting::Known | Meeting::First) => Err(Error::OtherOrg {
                target: target.to_owned(),
                known,
                found: org.to_owned(),
            }),
            (None, Meeting::Known) => Ok(()),
            (_, Meeting::First | Meeting::New) => {
                let text = format!("{org}\n");
                Ok(self.staging.write_document(&path, text.into()).await?)
            }
        }
    }

    async fn start_simulator(
        &self,
        name: &str,
        destination: &Destination,
    ) -> Result<Simulator, Error> {
        let state: PathBuf = self
            .staging
            .local_folder()
            .unwrap_or_else(|| self.config.project.join(".transload"))
            .join("simulator")
            .join(name);
        let mut without = BTreeSet::new();
        for feature in &destination.without {
            let known = feature.parse().map_err(|_| Error::Usage {
                what: format!("migration.toml: [destination.{name}] without = `{feature}` is no feature of the simulator"),
                hint: format!(
                    "it is one of {}",
                    Feature::ALL.map(|feature| feature.to_string()).join(", ")
                ),
            })?;
            without.insert(known);
        }
        let options = transload_sim::salesforce::Options {
            without,
            audit_fields: destination.audit_fields,
            multi_currency: destination.multi_currency,
            state,
            seed: destination
                .seed
                .as_ref()
                .map(|seed| self.config.project.join(seed)),
            sandbox: true,
            inactive_owners: true,
            ..transload_sim::salesforce::Options::default()
        };
        Ok(Simulator::start(options).await?)
    }
}

/// A destination, logged in to.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its name in `migration.toml`.
    pub target: String,
    /// Its settings.
    pub destination: Destination,
    /// The client.
    pub client: Client,
    /// The staging area with this organisation in view.
    pub staging: Staging,
    simulator: Option<Simulator>,
}

impl Connection {
    /// Whether the destination is the embedded simulator, which nobody has to confirm anything for.
    pub(crate) fn is_simulator(&self) -> bool {
        self.simulator.is_some()
    }

    /// Ends the connection; the embedded simulator saves its state.
    pub(crate) async fn close(self) -> Result<(), Error> {
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await?;
        }
        Ok(())
    }
}

fn simulator_settings(simulator: &Simulator, destination: &Destination) -> Result<Settings, Error> {
    let defaults = transload_sim::salesforce::Options::default();
    let url = Url::parse(simulator.url()).map_err(|_| Error::Usage {
        what: "the simulator has no usable address".to_owned(),
        hint: "this is a defect of the program".to_owned(),
    })?;
    let auth = Auth::ClientCredentials {
        client_id: defaults.client_id,
        client_secret: Secret::new(defaults.client_secret),
    };
    let mut settings = Settings::new(url, auth);
    settings.api_version.clone_from(&destination.api_version);
    Ok(settings)
}

fn salesforce_settings(destination: &Destination) -> Result<Settings, Error> {
    let client_id = secret("SALESFORCE_CLIENT_ID")?;
    let auth = match destination.auth {
        AuthKind::ClientCredentials => Auth::ClientCredentials {
            client_id,
            client_secret: Secret::new(secret("SALESFORCE_CLIENT_SECRET")?),
        },
        AuthKind::Jwt => {
            let path = secret("SALESFORCE_PRIVATE_KEY_FILE")?;
            let key = std::fs::read_to_string(&path).map_err(|source| Error::File {
                action: "read",
                path: "the file that SALESFORCE_PRIVATE_KEY_FILE names".to_owned(),
                source,
            })?;
            Auth::Jwt {
                client_id,
                username: secret("SALESFORCE_USERNAME")?,
                private_key: Secret::new(key),
            }
        }
        AuthKind::RefreshToken => Auth::RefreshToken {
            client_id,
            client_secret: secret("SALESFORCE_CLIENT_SECRET").ok().map(Secret::new),
            refresh_token: Secret::new(secret("SALESFORCE_REFRESH_TOKEN")?),
        },
    };
    let url = destination.login_url.clone().ok_or_else(|| Error::Usage {
        what: "the destination has no login_url".to_owned(),
        hint: "add login_url to its section in migration.toml".to_owned(),
    })?;
    let mut settings = Settings::new(url, auth);
    settings.api_version.clone_from(&destination.api_version);
    Ok(settings)
}

/// Views that put the tables of all loads together: `recon.fates`, `recon.held`, `recon.flagged`, `recon.altered`,
/// `recon.differences` and `ledger.attempts`.
pub(crate) fn union_views(snapshot: &Snapshot) -> Vec<View> {
    let mut unions: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for table in snapshot.iter() {
        let families = [
            ("recon", "fates_", "fates", "key, fate, reason, parent"),
            ("recon", "flags_", "flagged", "key, flag"),
            ("recon", "spared_", "spared", "key, id, reason, detail"),
            (
                "recon",
                "altered_",
                "altered",
                "key, field, why, done, original",
            ),
            (
                "recon",
                "differences_",
                "differences",
                "key, kind, field, sent, found",
            ),
        ];
        for (schema, prefix, view, columns) in families {
            if table.schema_name == schema
                && let Some(load) = table.table.strip_prefix(prefix)
            {
                unions.entry((schema, view)).or_default().push(format!(
                    "select '{load}' as load, {columns} from {schema}.{}",
                    table.table
                ));
            }
        }
        if table.schema_name == "ledger"
            && let Some(load) = table.table.strip_prefix("attempts_")
        {
            let keys: Vec<String> = table
                .schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .take_while(|name| *name != "id")
                .map(str::to_owned)
                .collect();
            unions.entry(("ledger", "attempts")).or_default().push(format!(
                "select '{load}' as load, {} as key, a.id, a.outcome, a.error_code, a.error, a.operation, a.job_id, \
                 a.attempt, a.run_id, a.at from ledger.{} as a",
                key_text("a", &keys),
                table.table
            ));
        }
    }
    let known: BTreeSet<(&str, &str)> = unions.keys().copied().collect();
    let mut views: Vec<View> = unions
        .into_iter()
        .map(|((schema, name), parts)| View {
            schema: schema.to_owned(),
            name: name.to_owned(),
            sql: parts.join(" union all "),
        })
        .collect();
    if known.contains(&("recon", "fates")) {
        views.push(View {
            schema: "recon".to_owned(),
            name: "held".to_owned(),
            sql: "select f.load, f.key, f.reason, f.parent from recon.fates as f where f.fate = 'held'".to_owned(),
        });
    }
    views
}
