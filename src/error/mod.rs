//! The crate's error: which step failed, how grave it is, and what to do next.

mod query;

pub use self::query::QueryError;

use crate::{
    config, cutover, encode, engine, load, mapping, migration, project, reconcile, rollback,
    salesforce, schema, stage, staging, transform,
    usercom::{api, extract},
};

use crate::finding::Finding;

/// A probe keeps nothing of what it found out before it stopped.
const PROBE_AGAIN: &str = "nothing was written, and nothing of the account changed: run `transload extract --probe` again, it \
    asks from the start; if connections keep breaking off, look at the proxy or firewall (HTTPS_PROXY), or lower \
    requests_per_second and concurrency under [source.api]";

/// Any failure of a command. Failed rows are not errors: they are entries in tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `migration.toml` or the environment.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The staging area.
    #[error(transparent)]
    Staging(#[from] staging::StagingError),
    /// The query engine.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// Reading the export.
    #[error(transparent)]
    Stage(#[from] stage::StageError),
    /// Reading User.com.
    #[error(transparent)]
    Extract(#[from] extract::ExtractError),
    /// Connecting to User.com.
    #[error(transparent)]
    Api(#[from] api::ApiError),
    /// Asking a User.com account what it can do.
    #[error("the account could not be asked what it can do")]
    Probe(#[source] api::ApiError),
    /// The customer's decisions.
    #[error(transparent)]
    Mapping(#[from] mapping::MappingError),
    /// The SQL project.
    #[error(transparent)]
    Project(#[from] project::ProjectError),
    /// Models and outboxes.
    #[error(transparent)]
    Transform(#[from] transform::TransformError),
    /// Encoding rows.
    #[error(transparent)]
    Encode(#[from] encode::EncodeError),
    /// The destination's fields.
    #[error(transparent)]
    Schema(#[from] schema::Error),
    /// Talking to Salesforce.
    #[error("cannot use the destination {target}")]
    Connect {
        /// Its name in `migration.toml`.
        target: String,
        /// The client's error.
        source: Box<salesforce::Error>,
    },
    /// The destination leads to another org than before.
    #[error("the destination {target} was the org {known}, and is the org {found} now")]
    OtherOrg {
        /// Its name in `migration.toml`.
        target: String,
        /// Organisation id when something was first loaded.
        known: String,
        /// Organisation id now.
        found: String,
    },
    /// Loading.
    #[error(transparent)]
    Load(#[from] load::LoadError),
    /// Reconciling.
    #[error(transparent)]
    Reconcile(#[from] reconcile::ReconcileError),
    /// Two versions of the rules.
    #[error(transparent)]
    Diff(#[from] migration::DiffError),
    /// The tests of a project.
    #[error(transparent)]
    Case(#[from] migration::CaseError),
    /// The checklist of the day.
    #[error(transparent)]
    Cutover(#[from] cutover::CutoverError),
    /// Taking a run back.
    #[error(transparent)]
    Rollback(#[from] rollback::RollbackError),
    /// The simulator.
    #[error("the simulator stopped")]
    Simulator(#[from] transload_sim::salesforce::SimError),
    /// The simulated User.com account.
    #[error("the simulated account cannot be served")]
    UsercomSimulator(#[from] transload_sim::usercom::UsercomSimError),
    /// Writing a synthetic export.
    #[error(transparent)]
    Generate(#[from] transload_generate::GenerateError),
    /// An option `[options]` that nothing uses.
    #[error("migration.toml: the option `{option}` is used by no query")]
    UnusedOption {
        /// Its name.
        option: String,
        /// The nearest known option.
        nearest: Option<String>,
    },
    /// Settings, decisions or queries with mistakes in them.
    #[error("{}", mapping::told(findings))]
    Mistakes {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// Something must be confirmed with `--yes`.
    #[error("{what} needs a confirmation")]
    NeedsYes {
        /// What would be done.
        what: String,
    },
    /// The org has what would get in the way of rows, and nobody acknowledged it.
    #[error("the preflight found what would get in the way:\n  {}", open.join("\n  "))]
    Preflight {
        /// Id, what and remedy, one entry each.
        open: Vec<String>,
    },
    /// A package for production that no sandbox has seen.
    #[error(
        "{target} is a production org, and {count} component(s) of the package were neither validated nor deployed on a sandbox, {first} for one"
    )]
    SandboxFirst {
        /// Name of the destination in `migration.toml`.
        target: String,
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// Rows for objects that the org or its edition does not have.
    #[error("the org lacks what these loads need: {}", needed.join("; "))]
    Unsupported {
        /// Object, rows, query and what to do, one entry each.
        needed: Vec<String>,
    },
    /// An argument of a command, or an answer on the terminal, that cannot be used.
    #[error("{what}")]
    Argument {
        /// What is wrong.
        what: String,
        /// What to write instead.
        hint: String,
    },
    /// A name that nothing has: of a query, a run, a table, a record.
    #[error("{what}")]
    Unknown {
        /// What there is none of.
        what: String,
        /// The nearest name, or what lists them.
        hint: String,
    },
    /// A name that several things have.
    #[error("{what}")]
    Ambiguous {
        /// The name and how many have it.
        what: String,
        /// How to say which.
        hint: String,
    },
    /// A step that an earlier one has to go before.
    #[error("{what}")]
    NotYet {
        /// What there is nothing of so far.
        what: String,
        /// The step that makes it.
        hint: String,
    },
    /// A question of `transload query` that has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Values that people entered would be deleted with their fields.
    #[error("values that we did not load would be lost: {}", fields.join("; "))]
    ForeignValues {
        /// Field and what it holds, one entry each.
        fields: Vec<String>,
    },
    /// The org does not let the user set the dates that the project requires.
    #[error("the org does not let this user set CreatedDate on {}", objects.join(", "))]
    AuditFields {
        /// The objects, by API name.
        objects: Vec<String>,
    },
    /// What the program itself promises did not hold.
    #[error("{what}")]
    Defect {
        /// What did not hold.
        what: String,
    },
    /// A local file.
    #[error("cannot {action} {path}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
}

/// What a process ends with that a person stopped: 128 and the number of the signal.
pub(crate) const STOPPED: u8 = 130;

/// How grave a failure is; decides the exit code (`guide/design.md` §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ran, but not everything is as it should be: exit code 1.
    Gated,
    /// A person stopped it: exit code 130, as shells have it for ctrl-c.
    Stopped,
    /// Bad input or configuration: exit code 2.
    Input,
    /// Remote or internal failure: exit code 3.
    Failure,
}

impl Class {
    /// What the program ends with.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Gated => 1,
            Self::Stopped => STOPPED,
            Self::Input => 2,
            Self::Failure => 3,
        }
    }
}

impl Error {
    /// There is no `kind` of this name: the nearest one that there is, or what lists all of them.
    pub(crate) fn unknown(
        kind: &str,
        name: &str,
        nearest: Option<String>,
        otherwise: &str,
    ) -> Self {
        Self::Unknown {
            what: format!("there is no {kind} `{name}`"),
            hint: match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => otherwise.to_owned(),
            },
        }
    }

    /// How grave it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Staging(error) if error.is_location() => Class::Input,
            Self::Mapping(mapping::MappingError::Staging(error)) if error.is_location() => {
                Class::Input
            }
            Self::Mapping(mapping::MappingError::Staging(_)) => Class::Failure,
            Self::Load(load::LoadError::Stopped { .. }) => Class::Stopped,
            Self::Load(load::LoadError::AskOrg { .. }) => Class::Input,
            Self::Preflight { .. } | Self::Load(load::LoadError::Reserve { .. }) => Class::Gated,
            Self::Config(_)
            | Self::Mapping(_)
            | Self::UnusedOption { .. }
            | Self::Case(_)
            | Self::Diff(_)
            | Self::Mistakes { .. }
            | Self::NeedsYes { .. }
            | Self::SandboxFirst { .. }
            | Self::Unsupported { .. }
            | Self::OtherOrg { .. }
            | Self::Argument { .. }
            | Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::NotYet { .. }
            | Self::Query(_)
            | Self::ForeignValues { .. }
            | Self::AuditFields { .. } => Class::Input,
            Self::Simulator(error) if error.is_input() => Class::Input,
            Self::Cutover(error) if error.is_input() => Class::Input,
            Self::Cutover(cutover::CutoverError::Refused { .. }) => Class::Gated,
            Self::Stage(error) if error.is_input() => Class::Input,
            Self::Extract(error) if error.is_input() => Class::Input,
            Self::Api(error) | Self::Probe(error) if error.is_input() => Class::Input,
            Self::Engine(error) if error.is_input() => Class::Input,
            Self::Project(_) => Class::Input,
            Self::Transform(error) => match error {
                transform::TransformError::Engine(error) if !error.is_input() => Class::Failure,
                transform::TransformError::Staging(_) => Class::Failure,
                _ => Class::Input,
            },
            Self::Generate(error) if error.is_input() => Class::Input,
            Self::UsercomSimulator(error) if error.is_input() => Class::Input,
            Self::Connect { source, .. }
                if source.class() == salesforce::ErrorClass::Credentials =>
            {
                Class::Input
            }
            Self::Schema(
                schema::Error::FitOrganization { .. }
                | schema::Error::FindObject { .. }
                | schema::Error::NameField { .. }
                | schema::Error::ReadType { .. }
                | schema::Error::DeriveType { .. }
                | schema::Error::DeriveKey { .. }
                | schema::Error::MergeWanted { .. },
            ) => Class::Input,
            Self::Rollback(
                rollback::RollbackError::UnknownRun { .. }
                | rollback::RollbackError::IsRollback { .. }
                | rollback::RollbackError::QueryGone { .. }
                | rollback::RollbackError::NothingLoaded { .. },
            ) => Class::Input,
            Self::Load(load::LoadError::ReadOrg { source, .. }) if source.is_not_found() => {
                Class::Input
            }
            _ => Class::Failure,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Mistakes { .. } => Some(mapping::CORRECT.to_owned()),
            Self::Staging(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Stage(error) => error.hint(),
            Self::Extract(error) => error.hint(),
            Self::Api(error) => error.hint(),
            Self::Probe(error) => match error {
                api::ApiError::Unreachable { .. } | api::ApiError::Status { .. } => Some(PROBE_AGAIN.to_owned()),
                other => other.hint(),
            },
            Self::Mapping(error) => error.hint(),
            Self::Project(error) => error.hint(),
            Self::Transform(error) => error.hint(),
            Self::Encode(error) => error.hint(),
            Self::Schema(error) => error.hint(),
            Self::Connect { source, .. } => source.hint(),
            Self::Load(error) => error.hint(),
            Self::Reconcile(error) => error.hint(),
            Self::Case(error) => error.hint(),
            Self::Diff(error) => error.hint(),
            Self::Cutover(error) => error.hint(),
            Self::Rollback(error) => error.hint(),
            Self::Generate(error) => error.hint(),
            Self::UnusedOption {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::UnusedOption { .. } => {
                Some("remove it, or use it as $name in a query of the project".to_owned())
            }
            Self::NeedsYes { .. } => {
                Some("look at what is listed above, then add --yes".to_owned())
            }
            Self::Preflight { .. } => Some(
                "change it in Setup, or name it in the column `finding` of config/preflight.csv with who acknowledges it; nothing was sent"
                    .to_owned(),
            ),
            Self::SandboxFirst { target, .. } => Some(format!(
                "run `transload schema check --target <sandbox>` or `schema deploy` there first, or add --no-sandbox-first to go to \
                 {target} at once"
            )),
            Self::Unsupported { .. } => Some(
                "enable the feature in Setup and run again, set the option named above, or leave the load out with --exclude; \
                 nothing was sent"
                    .to_owned(),
            ),
            Self::OtherOrg { target, .. } => Some(format!(
                "check login_url and the credentials of [destination.{target}]; if it was refreshed or replaced on purpose, \
                 `transload run --new-org` begins anew with it"
            )),
            Self::Argument { hint, .. }
            | Self::Unknown { hint, .. }
            | Self::Ambiguous { hint, .. }
            | Self::NotYet { hint, .. } => Some(hint.clone()),
            Self::Query(error) => Some(error.hint().to_owned()),
            Self::ForeignValues { .. } => Some(
                "move them to fields of your own or clear them, then run the same command again; nothing was deleted"
                    .to_owned(),
            ),
            Self::AuditFields { .. } => Some(
                "in Setup > User Interface enable \"Set Audit Fields upon Record Creation\" and grant it to the user by a \
                 permission set; or set audit_fields = \"if_allowed\" under [options] to load without original dates"
                    .to_owned(),
            ),
            Self::Defect { .. } => Some("this is a defect of the program".to_owned()),
            Self::Simulator(error) => error.hint(),
            Self::UsercomSimulator(error) => error.hint(),
            Self::File { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_of_the_program_is_nobodys_bad_input() {
        let error = Error::Defect {
            what: "accounts.sql was not planned".to_owned(),
        };
        assert_eq!(error.class(), Class::Failure);
        assert_eq!(error.to_string(), "accounts.sql was not planned");
        assert_eq!(
            error.hint().as_deref(),
            Some("this is a defect of the program")
        );
    }
}
