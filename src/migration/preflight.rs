//! What in the org would get in the way of rows: missing rights, and rules and automation that would fire (`guide/rules.md` 25).
//!
//! In: the loads that take part, the org, `config/preflight.csv`. Out: [`Finding`]s, each with its place in Setup. Reads only.
//! Never: a finding that nobody has to look at, since each one blocks a run until it is fixed or acknowledged.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use futures::TryStreamExt;
use serde::Serialize;

use super::columns;
use super::connection::Connection;
use super::context::Context;
use super::project::Project;
use crate::config::nearest;
use crate::error::Error;
use crate::project::{Operation, QueryFile};
use crate::salesforce::{ErrorClass, Row, field_text};
use crate::schema;

const INACTIVE_OWNER: &str = include_str!("../../queries/internal/inactive_owner.sql");
const ACKNOWLEDGED: &str = include_str!("../../queries/internal/acknowledged.sql");

/// Something that has to be fixed in Setup or acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What `config/preflight.csv` calls it, such as `validation_rule:Account:Tax_Id`.
    pub id: String,
    /// What is the case, and what it does to the migration.
    pub what: String,
    /// Where and how to change it.
    pub remedy: String,
    /// Whether `config/preflight.csv` names it.
    pub acknowledged: bool,
}

/// What the look at the org found.
#[derive(Debug, Default)]
pub struct Preflight {
    /// What was found, acknowledged or not.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and what the API does not tell, a line each.
    pub notes: Vec<String>,
}

impl Preflight {
    /// Findings that nobody acknowledged.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.acknowledged)
    }

    /// Refuses to go on while there are any.
    pub(crate) fn ensure_clear(&self) -> Result<(), Error> {
        let open: Vec<String> = self
            .open()
            .map(|finding| format!("{}: {} ({})", finding.id, finding.what, finding.remedy))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        Err(Error::Preflight { open })
    }

    fn find(&mut self, id: String, what: String, remedy: &str) {
        self.findings.push(Finding {
            id,
            what,
            remedy: remedy.to_owned(),
            acknowledged: false,
        });
    }
}

/// A kind of rule or automation, and how the org is asked for it.
struct Automation {
    id: &'static str,
    soql: &'static str,
    tooling: bool,
    /// Field with the object's API name.
    object: &'static str,
    name: &'static str,
    what: &'static str,
    remedy: &'static str,
}

const AUTOMATION: [Automation; 7] = [
    Automation {
        id: "duplicate_rule",
        soql: "SELECT DeveloperName, SobjectType FROM DuplicateRule WHERE IsActive = true",
        tooling: false,
        object: "SobjectType",
        name: "DeveloperName",
        what: "an active duplicate rule refuses rows that resemble others",
        remedy: "Setup > Duplicate Rules: deactivate it for the migration",
    },
    Automation {
        id: "validation_rule",
        soql: "SELECT ValidationName, EntityDefinition.QualifiedApiName FROM ValidationRule WHERE Active = true",
        tooling: true,
        object: "EntityDefinition.QualifiedApiName",
        name: "ValidationName",
        what: "an active validation rule refuses rows that break it",
        remedy: "Setup > Object Manager > Validation Rules: deactivate it, or let it pass for the migration's user",
    },
    Automation {
        id: "flow",
        soql: "SELECT ApiName, TriggerObjectOrEventId FROM FlowDefinitionView WHERE IsActive = true \
               AND TriggerType IN ('RecordBeforeSave', 'RecordAfterSave')",
        tooling: false,
        object: "TriggerObjectOrEventId",
        name: "ApiName",
        what: "an active flow runs for each row, may change it, send mail or create records",
        remedy: "Setup > Flows: deactivate it for the migration",
    },
    Automation {
        id: "apex_trigger",
        soql: "SELECT Name, TableEnumOrId FROM ApexTrigger WHERE Status = 'Active'",
        tooling: false,
        object: "TableEnumOrId",
        name: "Name",
        what: "an active Apex trigger runs for each batch of rows, may change or refuse them",
        remedy: "Setup > Apex Triggers: let it pass for the migration's user, or deactivate it",
    },
    Automation {
        id: "process",
        soql: "SELECT ApiName, TriggerObjectOrEventId FROM FlowDefinitionView WHERE IsActive = true \
               AND ProcessType = 'Workflow'",
        tooling: false,
        object: "TriggerObjectOrEventId",
        name: "ApiName",
        what: "an active process of Process Builder runs for each row, may change it, send mail or create records",
        remedy: "Setup > Process Builder: deactivate it for the migration",
    },
    // The API does not tell in a list which of them are active.
    Automation {
        id: "workflow_rule",
        soql: "SELECT Name, TableEnumOrId FROM WorkflowRule",
        tooling: true,
        object: "TableEnumOrId",
        name: "Name",
        what: "a workflow rule, if it is active, may change rows, send mail or create tasks",
        remedy: "Setup > Workflow Rules: deactivate it for the migration; acknowledge it if it is inactive",
    },
    Automation {
        id: "assignment_rule",
        soql: "SELECT Name, SobjectType FROM AssignmentRule WHERE Active = true",
        tooling: false,
        object: "SobjectType",
        name: "Name",
        what: "an active assignment rule gives records to other owners and may send mail: our writes ask it not to, but flows \
               and people who edit records during the migration do not",
        remedy: "Setup > Assignment Rules: deactivate it for the migration",
    },
];

/// When a run needs a right of the user who loads.
#[derive(Clone, Copy)]
enum Need {
    Always,
    /// Where a load sends to an object.
    Object(&'static str),
    /// Where leads are converted.
    Conversions,
    /// Where records would belong to users who are inactive.
    InactiveOwners,
}

/// A right of the user who loads.
struct Right {
    id: &'static str,
    /// Field of `object` that says whether it is granted.
    field: &'static str,
    /// `PermissionSet` or `User`.
    of: &'static str,
    what: &'static str,
    remedy: &'static str,
}

/// Rights without which a run does not begin.
const RIGHTS: [(Need, Right); 6] = [
    (
        Need::Always,
        Right {
            id: "right:modify_all",
            field: "PermissionsModifyAllData",
            of: "PermissionSet",
            what: "the user lacks Modify All Data: records of others may be invisible to it, or refuse to be changed",
            remedy: "Setup > Permission Sets: grant Modify All Data to the user of the migration",
        },
    ),
    (
        Need::Object("TopicAssignment"),
        Right {
            id: "right:assign_topics",
            field: "PermissionsAssignTopics",
            of: "PermissionSet",
            what: "the user lacks Assign Topics: tags cannot become topics",
            remedy: "Setup > Permission Sets: grant Assign Topics, or set tag_strategy = \"picklist\"",
        },
    ),
    (
        Need::Object("Campaign"),
        Right {
            id: "right:marketing_user",
            field: "UserPermissionsMarketingUser",
            of: "User",
            what: "the user is no Marketing User: campaigns cannot be created",
            remedy: "Setup > Users: tick Marketing User for the user of the migration, or set segment_strategy = \"static_list\"",
        },
    ),
    (
        Need::Object("Case"),
        Right {
            id: "right:service_cloud",
            field: "UserPermissionsSupportUser",
            of: "User",
            what: "the user is no Service Cloud User: chats may not become cases",
            remedy: "Setup > Users: tick Service Cloud User for the user of the migration, or set chat_strategy = \"tasks\"",
        },
    ),
    (
        Need::Conversions,
        Right {
            id: "right:convert_leads",
            field: "PermissionsConvertLeads",
            of: "PermissionSet",
            what: "the user may not convert leads: people who became customers stay leads",
            remedy: "grant Convert Leads by a permission set, or set on_promotion = \"create_and_link\" or \"hold\"",
        },
    ),
    (
        Need::InactiveOwners,
        Right {
            id: "right:inactive_owners",
            field: "PermissionsUpdateWithInactiveOwner",
            of: "PermissionSet",
            what: "the user lacks Update Records with Inactive Owners, and owners of the export are inactive users: their records \
               would be refused",
            remedy: "Setup > User Interface: enable the permission, grant it by a permission set; or name active users in \
                 config/owners.csv",
        },
    ),
];

/// A right that only a rollback uses.
const HARD_DELETE: Right = Right {
    id: "right:hard_delete",
    field: "PermissionsBulkApiHardDelete",
    of: "PermissionSet",
    what: "the user lacks Bulk API Hard Delete: a rollback deletes into the recycle bin, and --hard-delete is refused",
    remedy: "Setup > Permission Sets: grant Bulk API Hard Delete if a rollback has to free storage at once",
};

/// Findings about the org as such.
const PERSON_ACCOUNTS: &str = "person_accounts";
const PERSON_DEFAULT: &str = "person_account_default";

/// The nearest name of a finding, if none begins or is called as `config/preflight.csv` says.
pub(super) fn unknown_finding(named: &str) -> Option<Option<String>> {
    let whole = RIGHTS.iter().map(|(_, right)| right.id);
    let whole: Vec<&str> = whole.chain([PERSON_ACCOUNTS, PERSON_DEFAULT]).collect();
    let kinds = AUTOMATION.iter().map(|automation| automation.id);
    let lower = named.to_lowercase();
    let kind = lower.split(':').next().unwrap_or_default();
    let known = match lower.strip_suffix('*') {
        Some(start) => {
            let begins = |id: &&str| id.starts_with(start);
            whole.iter().any(begins) || kinds.clone().any(|id| id.starts_with(start) || id == kind)
        }
        None => {
            whole.contains(&&*lower) || (lower.contains(':') && kinds.clone().any(|id| id == kind))
        }
    };
    (!known).then(|| nearest(&lower, whole.into_iter()).or_else(|| nearest(kind, kinds)))
}

/// Looks at the org.
pub(crate) async fn inspect(context: &Context<'_>) -> Result<Preflight, Error> {
    let Context {
        project,
        connection,
        resolved,
        describes,
        ..
    } = context;
    let mut preflight = Preflight::default();
    let loads = resolved.loads().filter(|file| resolved.is_selected(file));
    let objects: BTreeSet<&str> = loads.map(|file| file.object()).collect();
    inspect_rights(context, &objects, &mut preflight).await?;
    for automation in &AUTOMATION {
        let rows = ask(
            connection,
            automation.soql,
            automation.tooling,
            &mut preflight,
        )
        .await?;
        let mut found: BTreeSet<(String, String)> = BTreeSet::new();
        for row in rows {
            let object = field_text(&row, automation.object).unwrap_or_default();
            // Custom objects stand there by an id, processes at times by nothing.
            let unnamed = object.is_empty() || object.starts_with("01I");
            if unnamed || objects.contains(object.as_str()) {
                found.insert((
                    object,
                    field_text(&row, automation.name).unwrap_or_default(),
                ));
            }
        }
        for (object, name) in found {
            let id = format!("{}:{object}:{name}", automation.id);
            preflight.find(id, automation.what.to_owned(), automation.remedy);
        }
    }
    let person_accounts = describes
        .get("Account")
        .is_some_and(|account| account.field("IsPersonAccount").is_some());
    if person_accounts {
        preflight.find(
            PERSON_ACCOUNTS.to_owned(),
            "the org has person accounts: people without a company become contacts of business accounts or private contacts, \
             not person accounts; person accounts that are there are updated where a match says so, and keep themselves as \
             account"
                .to_owned(),
            "choose companyless_customers under [options], then acknowledge this",
        );
        inspect_default_type(context, &objects, &mut preflight).await?;
    }
    let codes = describes
        .get("Account")
        .is_some_and(|account| account.field("BillingCountryCode").is_some());
    if !codes {
        preflight.notes.push(
            "state and country picklists are off, countries are sent as they are: to have codes, see Setup > State and \
             Country/Territory Picklists"
                .to_owned(),
        );
    }
    let audited = describes.get("Account").is_some_and(|account| {
        account
            .field("CreatedDate")
            .is_some_and(|field| field.createable)
    });
    if !audited {
        preflight.notes.push(
            "the user may not set audit fields: see Setup > User Interface > Enable \"Set Audit Fields upon Record Creation\", \
             then grant it by a permission set"
                .to_owned(),
        );
    }
    if objects.contains("Task") || objects.contains("Event") {
        let shared = ["Task", "Event"].iter().any(|activity| {
            describes
                .get(*activity)
                .is_some_and(|activity| activity.field("WhoCount").is_some())
        });
        preflight.notes.push(match shared {
            true => "Shared Activities are on: an activity may name up to 50 contacts, of which the first comes from the \
                     export's own link, attendees from its list"
                .to_owned(),
            false => "Shared Activities are off: an activity names one person, further ones of an event are its attendees; \
                      see Setup > Activity Settings > Allow Users to Relate Multiple Contacts"
                .to_owned(),
        });
    }
    if objects.contains("TopicAssignment") {
        preflight.notes.push(
            "whether topics are enabled for an object cannot be read: see Setup > Topics for Objects".to_owned(),
        );
    }
    acknowledge(project, connection, &mut preflight).await?;
    Ok(preflight)
}

/// Companies become accounts of the user's default record type, which must not be one of persons.
async fn inspect_default_type(
    context: &Context<'_>,
    objects: &BTreeSet<&str>,
    preflight: &mut Preflight,
) -> Result<(), Error> {
    let account = context.describes.get("Account");
    let types = account
        .into_iter()
        .flat_map(|account| &account.record_types);
    let mut defaults = types.filter(|one| one.default_record_type_mapping && !one.master);
    let Some(default) = defaults.next().filter(|_| objects.contains("Account")) else {
        return Ok(());
    };
    let soql = "SELECT Id FROM RecordType WHERE SobjectType = 'Account' AND IsPersonType = true";
    let persons = ask(context.connection, soql, false, preflight).await?;
    let mut persons = persons.iter().filter_map(|row| field_text(row, "Id"));
    if persons.any(|id| id.get(..15) == default.record_type_id.get(..15)) {
        preflight.find(
            PERSON_DEFAULT.to_owned(),
            format!(
                "accounts of the user are persons unless they say otherwise (record type {}): companies would be refused",
                default.name
            ),
            "Setup > Profiles: give the user of the migration a business record type as default for accounts",
        );
    }
    Ok(())
}

async fn inspect_rights(
    context: &Context<'_>,
    objects: &BTreeSet<&str>,
    preflight: &mut Preflight,
) -> Result<(), Error> {
    let converts = |file: &QueryFile| {
        file.operation == Some(Operation::Convert) && context.resolved.is_selected(file)
    };
    for (need, right) in &RIGHTS {
        let is_needed = match *need {
            Need::Always => true,
            Need::Object(name) => objects.contains(name),
            Need::Conversions => context.resolved.loads().any(converts),
            Need::InactiveOwners => has_inactive_owners(context).await?,
        };
        if is_needed && is_denied(context.connection, right, preflight).await? {
            preflight.find(right.id.to_owned(), right.what.to_owned(), right.remedy);
        }
    }
    // A run does without.
    if is_denied(context.connection, &HARD_DELETE, preflight).await? {
        let Right { what, remedy, .. } = HARD_DELETE;
        preflight.notes.push(format!("{what} ({remedy})"));
    }
    Ok(())
}

/// Whether the org says that the user who loads does not hold a right.
async fn is_denied(
    connection: &Connection,
    right: &Right,
    preflight: &mut Preflight,
) -> Result<bool, Error> {
    let user = &connection.client.identity().user_id;
    let whose = match right.of {
        "User" => format!("Id = '{user}'"),
        _ => format!(
            "Id IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '{user}')"
        ),
    };
    let soql = format!("SELECT {} FROM {} WHERE {whose}", right.field, right.of);
    let rows = ask(connection, &soql, false, preflight).await?;
    let granted = |row: &Row| field_text(row, right.field).as_deref() == Some("true");
    Ok(!rows.is_empty() && !rows.iter().any(granted))
}

/// Whether records of the export would belong to users who are inactive.
async fn has_inactive_owners(context: &Context<'_>) -> Result<bool, Error> {
    let Context {
        project, resolved, ..
    } = context;
    let tables = BTreeSet::from(["prepare.owner".to_owned(), "org.users".to_owned()]);
    let session = columns::whole(project, context.staging(), resolved, &tables).await?;
    let found = session.collect("prepare.owner", INACTIVE_OWNER).await?;
    Ok(found.iter().any(|batch| batch.num_rows() > 0))
}

/// The rows of a question; what the org refuses to answer becomes a note.
async fn ask(
    connection: &Connection,
    soql: &str,
    tooling: bool,
    preflight: &mut Preflight,
) -> Result<Vec<Row>, Error> {
    let client = &connection.client;
    let answer: Result<Vec<Row>, _> = match tooling {
        true => client.tooling_query(soql).try_collect().await,
        false => client.query(soql).try_collect().await,
    };
    match answer {
        Ok(rows) => Ok(rows),
        Err(error) if matches!(error.class(), ErrorClass::Refused | ErrorClass::Setup) => {
            let from = soql.split(" FROM ").nth(1).unwrap_or(soql);
            let object = from.split(' ').next().unwrap_or(from);
            preflight.notes.push(format!(
                "{object} could not be looked up, look there by hand: {error}"
            ));
            Ok(Vec::new())
        }
        Err(error) => Err(schema::Error::from(error).into()),
    }
}

/// Marks the findings that `config/preflight.csv` names, whole or up to a `*` at the end.
async fn acknowledge(
    project: &Project,
    connection: &Connection,
    preflight: &mut Preflight,
) -> Result<(), Error> {
    let staging = &connection.staging;
    let session = project
        .engine
        .session(staging, &staging.snapshot().await?)?;
    for batch in session.collect("config.preflight", ACKNOWLEDGED).await? {
        for named in batch.column(0).as_string::<i32>().iter().flatten() {
            for finding in &mut preflight.findings {
                finding.acknowledged |= match named.strip_suffix('*') {
                    Some(start) => finding.id.starts_with(start),
                    None => finding.id.eq_ignore_ascii_case(named),
                };
            }
        }
    }
    Ok(())
}
