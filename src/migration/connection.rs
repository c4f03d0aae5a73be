//! A destination, logged in to: the org behind it, and the staging area with that org in view.
//!
//! In: settings, the environment's credentials. Out: a [`Connection`] to the org that this destination was before. Never: a
//! second org taken for the first.

use std::collections::BTreeSet;
use std::path::PathBuf;

use transload_sim::salesforce::{Feature, Simulator};
use url::Url;

use super::project::Project;
use crate::config::{AuthKind, ConfigError, Destination, DestinationKind, secret};
use crate::error::Error;
use crate::salesforce::{Auth, Client, Secret, Settings};
use crate::staging::Staging;

/// What is expected of the org behind a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedOrg {
    /// The known one, if any is.
    Known,
    /// The known one; it becomes known if none is.
    First,
    /// Whichever it is, it is the known one from now on.
    New,
}

/// A destination, logged in to.
#[derive(Debug)]
pub struct Connection {
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
    /// Starts or reaches the destination and logs in. The org must be the one that this destination was before.
    ///
    /// # Errors
    /// Among others [`Error::OtherOrg`].
    pub(super) async fn open(
        project: &Project,
        target: Option<&str>,
        expected: ExpectedOrg,
    ) -> Result<Self, Error> {
        let (name, destination) = project.config.target(target)?;
        let simulator = match destination.kind {
            DestinationKind::Simulator => Some(start_simulator(project, name, destination).await?),
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
        meet(project, name, &org, expected).await?;
        let staging = project.staging.with_org(&org);
        Ok(Self {
            target: name.to_owned(),
            destination: destination.clone(),
            client,
            staging,
            simulator,
        })
    }

    /// Whether the destination is the embedded simulator, which nobody has to confirm anything for.
    #[must_use]
    pub fn is_simulator(&self) -> bool {
        self.simulator.is_some()
    }

    /// Ends the connection; the embedded simulator saves its state.
    pub async fn close(self) -> Result<(), Error> {
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await?;
        }
        Ok(())
    }
}

/// Compares the org with the one that the destination was when something was first loaded into it.
async fn meet(
    project: &Project,
    target: &str,
    org: &str,
    expected: ExpectedOrg,
) -> Result<(), Error> {
    let path = project.staging.absolute(&format!("targets/{target}"));
    let known = match project.staging.read(&path).await {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    match (known, expected) {
        (Some(known), _) if known == org => Ok(()),
        (Some(known), ExpectedOrg::Known | ExpectedOrg::First) => Err(Error::OtherOrg {
            target: target.to_owned(),
            known,
            found: org.to_owned(),
        }),
        (None, ExpectedOrg::Known) => Ok(()),
        (_, ExpectedOrg::First | ExpectedOrg::New) => {
            let text = format!("{org}\n");
            Ok(project.staging.write_document(&path, text.into()).await?)
        }
    }
}

/// Where the org of an embedded simulator is kept.
pub(super) fn state_of(project: &Project, target: &str) -> PathBuf {
    project
        .staging
        .local_folder()
        .unwrap_or_else(|| project.config.project.join(".transload"))
        .join("simulator")
        .join(target)
}

async fn start_simulator(
    project: &Project,
    name: &str,
    destination: &Destination,
) -> Result<Simulator, Error> {
    let state = state_of(project, name);
    let mut without = BTreeSet::new();
    for feature in &destination.without {
        let known = feature.parse().map_err(|_| ConfigError::Setting {
            what: format!("migration.toml: [destination.{name}] without = `{feature}` is no feature of the simulator"),
            hint: format!(
                "it is one of {}",
                Feature::ALL.map(|feature| feature.to_string()).join(", ")
            ),
        })?;
        without.insert(known);
    }
    let seed = destination
        .seed
        .as_ref()
        .map(|seed| project.config.project.join(seed));
    if let Some(seed) = seed.as_ref().filter(|seed| !seed.is_dir()) {
        return Err(Error::Config(ConfigError::Setting {
            what: format!("the seed folder {} is not there", seed.display()),
            hint: format!("make it, or take `seed` out of [destination.{name}]"),
        }));
    }
    let options = transload_sim::salesforce::SalesforceSimOptions {
        without,
        audit_fields: destination.audit_fields,
        multi_currency: destination.multi_currency,
        state,
        seed,
        sandbox: true,
        inactive_owners: true,
        ..transload_sim::salesforce::SalesforceSimOptions::default()
    };
    Ok(Simulator::start(options).await?)
}

fn simulator_settings(simulator: &Simulator, destination: &Destination) -> Result<Settings, Error> {
    let defaults = transload_sim::salesforce::SalesforceSimOptions::default();
    let url = Url::parse(simulator.url()).map_err(|_| Error::Defect {
        what: "the simulator has no usable address".to_owned(),
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
    let url = destination
        .login_url
        .clone()
        .ok_or_else(|| ConfigError::Setting {
            what: "the destination has no login_url".to_owned(),
            hint: "add login_url to its section in migration.toml".to_owned(),
        })?;
    let mut settings = Settings::new(url, auth);
    settings.api_version.clone_from(&destination.api_version);
    Ok(settings)
}
