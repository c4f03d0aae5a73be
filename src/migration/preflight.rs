//! What in the org would get in the way of rows: missing rights, and rules and automation that would fire (`guide/rules.md` 25).
//!
//! In: the loads that take part, the org, `config/preflight.csv`. Out: [`Finding`]s, each with its place in Setup. Reads only.
//! Never: a finding that nobody has to look at, since each one blocks a run until it is fixed or acknowledged.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use futures::TryStreamExt;
use serde::Serialize;

use super::connection::Connection;
use super::context::Context;
use super::project::Project;
use crate::error::Error;
use crate::salesforce::{ErrorClass, Row, field_text};
use crate::schema;

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

const AUTOMATION: [Automation; 4] = [
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
];

/// A right of the user who loads.
struct Right {
    id: &'static str,
    field: &'static str,
    /// Object whose load needs it; none: all.
    object: Option<&'static str>,
    what: &'static str,
    remedy: &'static str,
}

const RIGHTS: [Right; 2] = [
    Right {
        id: "right:modify_all",
        field: "PermissionsModifyAllData",
        object: None,
        what: "the user lacks Modify All Data: records of others may be invisible to it, or refuse to be changed",
        remedy: "Setup > Permission Sets: grant Modify All Data to the user of the migration",
    },
    Right {
        id: "right:assign_topics",
        field: "PermissionsAssignTopics",
        object: Some("TopicAssignment"),
        what: "the user lacks Assign Topics: tags cannot become topics",
        remedy: "Setup > Permission Sets: grant Assign Topics, or set tag_strategy = \"picklist\"",
    },
];

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
    let objects: BTreeSet<&str> = resolved.loads().map(|file| file.object()).collect();
    inspect_rights(connection, &objects, &mut preflight).await?;
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
            if objects.contains(object.as_str()) {
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
            "person_accounts".to_owned(),
            "the org has person accounts: people without a company become contacts of business accounts or private contacts, \
             not person accounts"
                .to_owned(),
            "choose companyless_customers under [options], then acknowledge this",
        );
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
    if objects.contains("TopicAssignment") {
        preflight.notes.push(
            "whether topics are enabled for an object cannot be read: see Setup > Topics for Objects".to_owned(),
        );
    }
    acknowledge(project, connection, &mut preflight).await?;
    Ok(preflight)
}

async fn inspect_rights(
    connection: &Connection,
    objects: &BTreeSet<&str>,
    preflight: &mut Preflight,
) -> Result<(), Error> {
    let user = connection.client.identity().user_id.clone();
    let fields: Vec<&str> = RIGHTS.iter().map(|right| right.field).collect();
    let soql = format!(
        "SELECT {} FROM PermissionSet WHERE Id IN \
         (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '{user}')",
        fields.join(", ")
    );
    let sets = ask(connection, &soql, false, preflight).await?;
    for right in RIGHTS.iter().filter(|_| !sets.is_empty()) {
        let needed = right.object.is_none_or(|object| objects.contains(object));
        let granted = sets
            .iter()
            .any(|set| field_text(set, right.field).as_deref() == Some("true"));
        if needed && !granted {
            preflight.find(right.id.to_owned(), right.what.to_owned(), right.remedy);
        }
    }
    if objects.contains("Campaign") {
        let soql = format!("SELECT UserPermissionsMarketingUser FROM User WHERE Id = '{user}'");
        let users = ask(connection, &soql, false, preflight).await?;
        let denied = users.iter().any(|user| {
            field_text(user, "UserPermissionsMarketingUser").as_deref() == Some("false")
        });
        if denied {
            preflight.find(
                "right:marketing_user".to_owned(),
                "the user is no Marketing User: campaigns cannot be created".to_owned(),
                "Setup > Users: tick Marketing User for the user of the migration, or set segment_strategy = \"static_list\"",
            );
        }
    }
    Ok(())
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
    let sql = "select p.finding from config.preflight as p where p.finding is not null";
    for batch in session.collect("config.preflight", sql).await? {
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
