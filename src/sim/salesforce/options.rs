//! What a simulated org is started with.
//!
//! In: nothing but the caller's choice; the environment is never read here. Out: [`SalesforceSimOptions`].

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What an org may lack. Objects of a missing feature do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Topic, TopicAssignment.
    Topics,
    /// AccountContactRelation.
    ContactsToMultipleAccounts,
    /// OpportunityTeamMember, AccountTeamMember.
    TeamSelling,
    /// EmailMessage, EmailMessageRelation.
    EnhancedEmail,
    /// Territory2 and its associations.
    Territories,
    /// ContentNote.
    Notes,
}

impl Feature {
    /// All features.
    pub const ALL: [Self; 6] = [
        Self::Topics,
        Self::ContactsToMultipleAccounts,
        Self::TeamSelling,
        Self::EnhancedEmail,
        Self::Territories,
        Self::Notes,
    ];
}

impl fmt::Display for Feature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Topics => "topics",
            Self::ContactsToMultipleAccounts => "contacts_to_multiple_accounts",
            Self::TeamSelling => "team_selling",
            Self::EnhancedEmail => "enhanced_email",
            Self::Territories => "territories",
            Self::Notes => "notes",
        })
    }
}

/// A name that is no feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no feature is named {0}")]
pub struct UnknownFeature(String);

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|feature| feature.to_string() == name);
        found.ok_or_else(|| UnknownFeature(name.to_owned()))
    }
}

/// What an org may have switched on beyond the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// State and Country/Territory Picklists: addresses have codes, and texts that are no country are refused.
    StateAndCountryPicklists,
    /// Accounts and contacts say whether they are a person; new accounts are businesses.
    PersonAccounts,
    /// Activities count the people and things that they are related to.
    SharedActivities,
}

impl Setting {
    /// All settings.
    pub const ALL: [Self; 3] = [
        Self::StateAndCountryPicklists,
        Self::PersonAccounts,
        Self::SharedActivities,
    ];
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::StateAndCountryPicklists => "state_and_country_picklists",
            Self::PersonAccounts => "person_accounts",
            Self::SharedActivities => "shared_activities",
        })
    }
}

/// A name that is no setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no setting is named {0}")]
pub struct UnknownSetting(String);

impl FromStr for Setting {
    type Err = UnknownSetting;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|setting| setting.to_string() == name);
        found.ok_or_else(|| UnknownSetting(name.to_owned()))
    }
}

/// What the org's owner pays for. It decides how many custom fields an object may have
/// (`guide/salesforce.md` §5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// 100 custom fields an object.
    Professional,
    /// 500 custom fields an object.
    #[default]
    Enterprise,
    /// 500 custom fields an object.
    Developer,
    /// 800 custom fields an object.
    Unlimited,
}

impl Edition {
    /// All editions.
    pub const ALL: [Self; 4] = [
        Self::Professional,
        Self::Enterprise,
        Self::Developer,
        Self::Unlimited,
    ];

    /// Custom fields an object may have.
    pub fn custom_fields(self) -> usize {
        match self {
            Self::Professional => 100,
            Self::Enterprise | Self::Developer => 500,
            Self::Unlimited => 800,
        }
    }

    /// `Organization.OrganizationType`.
    pub(crate) fn organization_type(self) -> &'static str {
        match self {
            Self::Professional => "Professional Edition",
            Self::Enterprise => "Enterprise Edition",
            Self::Developer => "Developer Edition",
            Self::Unlimited => "Unlimited Edition",
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Developer => "developer",
            Self::Unlimited => "unlimited",
        })
    }
}

/// A name that is no edition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no edition is named {0}")]
pub struct UnknownEdition(String);

impl FromStr for Edition {
    type Err = UnknownEdition;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|edition| edition.to_string() == name);
        found.ok_or_else(|| UnknownEdition(name.to_owned()))
    }
}

/// Settings of a simulated org. `Options { state: folder, ..Options::default() }` is a usable production org.
#[derive(Clone, Debug)]
pub struct SalesforceSimOptions {
    /// Folder that holds the org; made if missing. A later start with the same folder meets the same org.
    pub state: PathBuf,
    /// Folder of `<Object>.csv` files (API column names) that are inserted when the org is made.
    pub seed: Option<PathBuf>,
    /// Serve https with a certificate for `localhost` and `127.0.0.1`; its authority is written to `state/ca.pem`.
    pub tls: bool,
    /// Make a sandbox: `Organization.IsSandbox`, and `.invalid` behind the e-mail of every user but the running one.
    pub sandbox: bool,
    /// Consumer key of the connected app.
    pub client_id: String,
    /// Consumer secret of the connected app.
    pub client_secret: String,
    /// Username of the running user, a system administrator.
    pub username: String,
    /// Password of the running user; a security token may follow it.
    pub password: String,
    /// PEM file of the public key that JWT assertions must be signed for; none = any signature is taken.
    pub jwt_public_key: Option<PathBuf>,
    /// The one refresh token that is accepted.
    pub refresh_token: String,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// After how many requests an access token expires; none = only by time.
    pub token_requests: Option<u64>,
    /// Whether the running user holds "Set Audit Fields upon Record Creation" (§6.4).
    pub audit_fields: bool,
    /// Whether the running user holds "Update Records with Inactive Owners" (§6.4).
    pub inactive_owners: bool,
    /// Whether the running user holds "Convert Leads" (§4).
    pub convert_leads: bool,
    /// Whether the running user holds "Bulk API Hard Delete" (§1.6).
    pub hard_delete: bool,
    /// Edition of the org.
    pub edition: Edition,
    /// Features the org does not have.
    pub without: BTreeSet<Feature>,
    /// What is switched on.
    pub with: BTreeSet<Setting>,
    /// Whether the org has several currencies.
    pub multi_currency: bool,
    /// Bulk jobs wait up to this long (the wait follows from the job id) before they are processed.
    pub max_job_delay: Duration,
    /// How long a batch of 10,000 rows takes at least; smaller ones take their share, but 1 ms. Zero = no wait.
    pub batch_time: Duration,
    /// Whether batches and requests hold the rows they write, and their parents, against each other (§1.9). Jobs then
    /// run side by side, five at a time.
    pub locks: bool,
    /// How long a REST write waits for rows that another holds.
    pub lock_wait: Duration,
    /// JSON file of faults that are due from the start: `{"requests": […], "jobs": […]}`.
    pub scenario: Option<PathBuf>,
    /// Threads that process Bulk jobs.
    pub job_threads: usize,
    /// API calls in 24 hours.
    pub daily_api_requests: u64,
    /// Bulk ingest batches in 24 hours.
    pub daily_bulk_batches: u64,
    /// Data storage in megabytes.
    pub data_storage_mb: u64,
    /// File storage in megabytes.
    pub file_storage_mb: u64,
    /// Seconds by which the stamps of rows are ahead of this machine's clock; behind it if negative.
    pub clock_ahead: i64,
    /// Rows in one set of query results when the caller does not say (§2).
    pub query_result_rows: u64,
}

impl Default for SalesforceSimOptions {
    fn default() -> Self {
        Self {
            state: PathBuf::from("simulator"),
            seed: None,
            tls: false,
            sandbox: false,
            client_id: "transload".to_owned(),
            client_secret: "simulator".to_owned(),
            username: "admin@example.com".to_owned(),
            password: "simulator".to_owned(),
            jwt_public_key: None,
            refresh_token: "simulator-refresh-token".to_owned(),
            token_lifetime: Duration::from_secs(2 * 60 * 60),
            token_requests: None,
            audit_fields: false,
            inactive_owners: false,
            convert_leads: true,
            hard_delete: true,
            edition: Edition::default(),
            without: BTreeSet::new(),
            with: BTreeSet::new(),
            multi_currency: false,
            max_job_delay: Duration::ZERO,
            batch_time: Duration::ZERO,
            locks: false,
            lock_wait: Duration::from_secs(10),
            scenario: None,
            job_threads: std::thread::available_parallelism().map_or(2, usize::from),
            daily_api_requests: 100_000,
            daily_bulk_batches: 15_000,
            data_storage_mb: 10_240,
            file_storage_mb: 10_240,
            clock_ahead: 0,
            query_result_rows: 100_000,
        }
    }
}

impl SalesforceSimOptions {
    /// Whether the org has a feature.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        !self.without.contains(&feature)
    }

    /// Whether a setting is on.
    pub(crate) fn is_on(&self, setting: Setting) -> bool {
        self.with.contains(&setting)
    }
}
