//! What a new org has in it.
//!
//! In: the options of an org. Out: the org as the state folder has it, or a new one with the organisation, profiles, users, stages, statuses and the standard price
//! book every org has, then the rows of the seed files (`<Object>.csv`), inserted through the ordinary path. A refused seed row stops the
//! start: a rehearsal on half a seed would mislead.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::change::{Batch, Cell, Column, Operation, Outcome};
use super::error::SimError;
use super::options::{SalesforceSimOptions, Setting};
use super::org::Org;
use super::profiles;
use super::record_types::OF_ACCOUNTS;
use super::scenario::Scenario;
use super::schema::CURRENCIES;
use super::tooling;
use super::upkeep;
use super::write::{Scope, Writer, apply};

/// Stages of a new org: name, probability, closed, won, forecast category.
const STAGES: [(&str, &str, &str, &str, &str); 10] = [
    ("Prospecting", "10", "false", "false", "Pipeline"),
    ("Qualification", "10", "false", "false", "Pipeline"),
    ("Needs Analysis", "20", "false", "false", "Pipeline"),
    ("Value Proposition", "50", "false", "false", "Pipeline"),
    ("Id. Decision Makers", "60", "false", "false", "Pipeline"),
    ("Perception Analysis", "70", "false", "false", "Pipeline"),
    ("Proposal/Price Quote", "75", "false", "false", "Pipeline"),
    ("Negotiation/Review", "90", "false", "false", "Pipeline"),
    ("Closed Won", "100", "true", "true", "Closed"),
    ("Closed Lost", "0", "true", "false", "Omitted"),
];

const LEAD_STATUSES: [(&str, &str, &str); 4] = [
    ("Open - Not Contacted", "true", "false"),
    ("Working - Contacted", "false", "false"),
    ("Closed - Converted", "false", "true"),
    ("Closed - Not Converted", "false", "false"),
];

/// Statuses of tasks: name, default, closed.
const TASK_STATUSES: [(&str, &str, &str); 5] = [
    ("Not Started", "true", "false"),
    ("In Progress", "false", "false"),
    ("Completed", "false", "true"),
    ("Waiting on someone else", "false", "false"),
    ("Deferred", "false", "false"),
];

/// Statuses of cases: name, default, closed.
const CASE_STATUSES: [(&str, &str, &str); 4] = [
    ("New", "true", "false"),
    ("Working", "false", "false"),
    ("Escalated", "false", "false"),
    ("Closed", "false", "true"),
];

/// Priorities of tasks: name, default, high.
const PRIORITIES: [(&str, &str, &str); 3] = [
    ("High", "false", "true"),
    ("Normal", "true", "false"),
    ("Low", "false", "false"),
];

/// Columns a User row needs and seed files rarely have.
const USER_DEFAULTS: [(&str, &str); 6] = [
    ("Alias", "user"),
    ("TimeZoneSidKey", "UTC"),
    ("LocaleSidKey", "en_US"),
    ("EmailEncodingKey", "UTF-8"),
    ("LanguageLocaleKey", "en_US"),
    ("UserType", "Standard"),
];

/// Opens the org in the state folder, or makes and furnishes one there, and puts the faults of the options in force.
pub(super) fn open(options: SalesforceSimOptions) -> Result<Arc<Org>, SimError> {
    let (org, fresh) = Org::open(options)?;
    if fresh {
        furnish(&org)?;
        org.save()?;
    } else {
        complete(&org)?;
        follow_options(&org)?;
    }
    if let Some(path) = &org.options.scenario {
        let scenario = Scenario::read(path)?;
        let requests = scenario.requests.into_iter();
        requests.for_each(|fault| org.faults.add(fault));
        org.job_faults.add(scenario.jobs);
    }
    Ok(org)
}

/// Fills a new org.
fn furnish(org: &Arc<Org>) -> Result<(), SimError> {
    base_rows(org).map_err(|source| SimError::State {
        path: org.options.state.clone(),
        source,
    })?;
    follow_options(org)?;
    org.forget();
    let Some(folder) = org.options.seed.clone() else {
        return Ok(());
    };
    let list = std::fs::read_dir(&folder).map_err(|source| SimError::State {
        path: folder.clone(),
        source,
    })?;
    let mut files: Vec<PathBuf> = list
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    // Objects come in the order of the schema: those that others refer to first.
    let model = org.model();
    let rank = |file: &PathBuf| {
        file.file_stem()
            .and_then(|stem| model.schema.position(&stem.to_string_lossy()))
    };
    files.sort_by_key(|file| (rank(file).unwrap_or(usize::MAX), file.clone()));
    files.iter().try_for_each(|file| seed(org, file))
}

fn base_rows(org: &Arc<Org>) -> io::Result<()> {
    let sandbox = if org.options.sandbox { "true" } else { "false" };
    let edition = [
        ("Name", "Simulated Organization"),
        ("OrganizationType", org.options.edition.organization_type()),
        ("InstanceName", "SIM1"),
        ("IsSandbox", sandbox),
        ("IsReadOnly", "false"),
        ("DefaultLocaleSidKey", "en_US"),
        ("TimeZoneSidKey", "UTC"),
        ("LanguageLocaleKey", "en_US"),
        ("FiscalYearStartMonth", "1"),
    ];
    upkeep::insert(org, "Organization", &edition)?;
    let mut profiles = Vec::new();
    for name in [profiles::ADMINISTRATOR, "Standard User"] {
        if let Some(Outcome::Done { position, .. }) =
            upkeep::insert(org, "Profile", &[("Name", name), ("UserType", "Standard")])?
        {
            profiles.push(
                super::ids::RecordId::new(*b"00e", org.model().pod, u64::from(position) + 1)
                    .to_string(),
            );
        }
    }
    let administrator = profiles.first().cloned().unwrap_or_default();
    let username = org.options.username.clone();
    let people = [
        (username.as_str(), "Admin", "User", "Standard", "true"),
        (
            "autoproc@example.invalid",
            "Automated",
            "Process",
            "AutomatedProcess",
            "true",
        ),
        (
            "integration@example.invalid",
            "Platform Integration",
            "User",
            "CloudIntegrationUser",
            "true",
        ),
    ];
    for (username, first, last, kind, active) in people {
        let mut row = vec![
            ("Username", username),
            ("Email", username),
            ("FirstName", first),
            ("LastName", last),
            ("IsActive", active),
            ("ProfileId", administrator.as_str()),
        ];
        row.extend(USER_DEFAULTS.iter().filter(|(name, _)| *name != "UserType"));
        row.push(("UserType", kind));
        if kind == "Standard" {
            row.push(("UserPermissionsMarketingUser", "true"));
            row.push(("UserPermissionsSupportUser", "true"));
        }
        upkeep::insert(org, "User", &row)?;
    }
    for (order, (name, probability, closed, won, forecast)) in STAGES.iter().enumerate() {
        let order = (order + 1).to_string();
        let row = [
            ("MasterLabel", *name),
            ("ApiName", name),
            ("IsActive", "true"),
            ("SortOrder", &order),
            ("IsClosed", closed),
            ("IsWon", won),
            ("ForecastCategory", forecast),
            ("ForecastCategoryName", forecast),
            ("DefaultProbability", probability),
        ];
        upkeep::insert(org, "OpportunityStage", &row)?;
    }
    for (order, (name, default, converted)) in LEAD_STATUSES.iter().enumerate() {
        let order = (order + 1).to_string();
        let row = [
            ("MasterLabel", *name),
            ("ApiName", name),
            ("SortOrder", &order),
            ("IsDefault", default),
            ("IsConverted", converted),
        ];
        upkeep::insert(org, "LeadStatus", &row)?;
    }
    further_rows(org)
}

/// Rows that follow from the options of this start and from the schema.
fn follow_options(org: &Arc<Org>) -> Result<(), SimError> {
    let write = || {
        profiles::ensure(org)?;
        person_types(org)?;
        tooling::list_custom_fields(org)?;
        let edition = org.options.edition.organization_type();
        upkeep::put(org, "Organization", &[], &[("OrganizationType", edition)])
    };
    write().map_err(|source| SimError::State {
        path: org.options.state.clone(),
        source,
    })
}

/// The record types of accounts in an org with person accounts.
fn person_types(org: &Arc<Org>) -> io::Result<()> {
    if !org.options.is_on(Setting::PersonAccounts) {
        return Ok(());
    }
    for (developer_name, name, person) in OF_ACCOUNTS {
        let keys = [
            ("SobjectType", "Account"),
            ("DeveloperName", developer_name),
        ];
        if org.model().rows_with("RecordType", &keys).is_empty() {
            let values = [
                ("Name", name),
                ("IsActive", "true"),
                ("IsPersonType", person),
            ];
            upkeep::insert(org, "RecordType", &[&keys[..], &values].concat())?;
        }
    }
    Ok(())
}

/// Rows that an org needs and one made by an earlier version lacks.
fn complete(org: &Arc<Org>) -> Result<(), SimError> {
    let model = org.model();
    let made = model
        .table("TaskStatus")
        .is_some_and(|(_, table)| table.read().len() > 0);
    if made {
        return Ok(());
    }
    further_rows(org).map_err(|source| SimError::State {
        path: org.options.state.clone(),
        source,
    })
}

fn further_rows(org: &Arc<Org>) -> io::Result<()> {
    lists(org)?;
    let book = [
        ("Name", "Standard Price Book"),
        ("IsStandard", "true"),
        ("IsActive", "true"),
    ];
    upkeep::insert(org, "Pricebook2", &book)?;
    // Objects that the org does not have take no rows.
    let model = [
        ("Name", "Territories"),
        ("DeveloperName", "Territories"),
        ("State", "Active"),
    ];
    upkeep::insert(org, "Territory2Model", &model)?;
    let kind = [
        ("MasterLabel", "Region"),
        ("DeveloperName", "Region"),
        ("Priority", "1"),
    ];
    upkeep::insert(org, "Territory2Type", &kind)?;
    for (code, rate) in CURRENCIES {
        let corporate = if rate == "1" { "true" } else { "false" };
        let row = [
            ("IsoCode", code),
            ("ConversionRate", rate),
            ("DecimalPlaces", "2"),
            ("IsActive", "true"),
            ("IsCorporate", corporate),
        ];
        upkeep::insert(org, "CurrencyType", &row)?;
    }
    Ok(())
}

/// Values of a list: label, and two flags.
type Values = &'static [(&'static str, &'static str, &'static str)];

fn lists(org: &Arc<Org>) -> io::Result<()> {
    let lists: [(&str, &str, Values); 3] = [
        ("TaskStatus", "IsClosed", &TASK_STATUSES),
        ("TaskPriority", "IsHighPriority", &PRIORITIES),
        ("CaseStatus", "IsClosed", &CASE_STATUSES),
    ];
    for (object, flag, rows) in lists {
        for (order, (name, default, flagged)) in rows.iter().enumerate() {
            let order = (order + 1).to_string();
            let row = [
                ("MasterLabel", *name),
                ("ApiName", name),
                ("SortOrder", &order),
                ("IsDefault", default),
                (flag, flagged),
            ];
            upkeep::insert(org, object, &row)?;
        }
    }
    Ok(())
}

fn seed(org: &Arc<Org>, file: &Path) -> Result<(), SimError> {
    let unknown = |name: &str| SimError::SeedName {
        path: file.to_owned(),
        name: name.to_owned(),
    };
    let broken = |source| SimError::ReadSeed {
        path: file.to_owned(),
        source,
    };
    let stem = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let model = org.model();
    let object = model.schema.position(&stem).ok_or_else(|| unknown(&stem))?;
    let definition = Arc::clone(model.schema.object(object));
    let mut reader = csv::ReaderBuilder::new().from_path(file).map_err(broken)?;
    let header = reader.headers().map_err(broken)?.clone();
    let mut names: Vec<String> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let mut extra: Vec<String> = Vec::new();
    if definition.name == "User" {
        let profile = model
            .table("Profile")
            .map_or(0, |(_, table)| table.read().len());
        let profile = model
            .schema
            .position("Profile")
            .map(|at| model.id(at, profile.saturating_sub(1)).to_string());
        let defaults = USER_DEFAULTS
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        for (name, value) in defaults.chain([("ProfileId", profile.unwrap_or_default())]) {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
                extra.push(value);
            }
        }
    }
    let columns = names.iter().map(|name| {
        definition
            .position(name)
            .map(Column::Field)
            .ok_or_else(|| unknown(name))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let email = names
        .iter()
        .position(|name| definition.name == "User" && name.eq_ignore_ascii_case("Email"));
    let writer = Writer::new(Scope::trusted(org), object, Operation::Insert, columns);
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(broken)?;
        let mut values: Vec<String> = record
            .iter()
            .map(str::to_owned)
            .chain(extra.iter().cloned())
            .collect();
        if let Some(email) = email
            .and_then(|at| values.get_mut(at))
            .filter(|_| org.options.sandbox)
        {
            // A sandbox copy makes the addresses of all other users undeliverable.
            email.push_str(".invalid");
        }
        let cells: Vec<Cell<'_>> = values
            .iter()
            .map(|value| {
                if value.is_empty() {
                    Cell::Absent
                } else {
                    Cell::Text(value)
                }
            })
            .collect();
        let outcomes = apply(&writer, &Batch { cells: &cells }, |_| None);
        let outcomes = outcomes.map_err(|source| SimError::State {
            path: org.options.state.clone(),
            source,
        })?;
        if let Some(Outcome::Failed { error, .. }) = outcomes.first() {
            return Err(SimError::SeedRow {
                path: file.to_owned(),
                row: at as u64 + 2,
                code: error.code.to_string(),
                fields: error.fields.join(", "),
            });
        }
    }
    Ok(())
}
