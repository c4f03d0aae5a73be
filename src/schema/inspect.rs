//! What an organisation has that bears on its schema, as the user who is logged in may know it.
//!
//! In: what is wanted, and the fields that we created before. Out: [`OrgSchema`]. Reads only. What a user may not ask for is
//! left out and noted, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::{
    Error, FieldName, LeadConversion, Notice, OrgSales, OrgSchema, Result, Stage, Wanted, sales,
};
use crate::salesforce::{self, Client, ErrorClass, ObjectDescribe, Row, field_text};

/// Descriptions asked for at the same time.
const PARALLEL_DESCRIBES: usize = 4;

/// Custom fields per object and edition (`guide/salesforce.md` §5.3), as `Organization.OrganizationType` calls them.
const MAX_FIELDS: [(&str, usize); 8] = [
    ("Personal Edition", 5),
    ("Base Edition", 25),
    ("Team Edition", 100),
    ("Professional Edition", 100),
    ("Enterprise Edition", 500),
    ("Developer Edition", 500),
    ("Unlimited Edition", 800),
    ("Performance Edition", 800),
];

/// Inspects the organisation. `ours` are the fields that an earlier deployment of ours created.
///
/// # Errors
/// An object that the user does not see and nobody creates, and whatever the requests meet.
pub async fn inspect(
    client: &Client,
    wanted: &Wanted,
    ours: BTreeSet<FieldName>,
) -> Result<OrgSchema> {
    let objects = describe(client, wanted).await?;
    let organization = client.organization().await?;
    let edition = organization.organization_type.unwrap_or_default();
    let mut org = OrgSchema {
        sales: inspect_sales(client, wanted, &objects).await?,
        objects,
        max_fields: MAX_FIELDS
            .iter()
            .find(|(name, _)| *name == edition)
            .map(|(_, fields)| *fields),
        ours,
        ..OrgSchema::default()
    };
    match custom_fields(client).await {
        Ok(fields) => org.custom_fields = Some(fields),
        Err(error) => org.notices.push(not_seen(
            "hidden custom fields",
            "a field that field-level security hides from this user would be deployed again",
            &error,
        )?),
    }
    // After other requests, which have renewed an expired session: SOAP does not.
    let settings = "LeadConvertSettings";
    match client.metadata().read(settings, settings).await {
        Ok(answer) => org.conversion = LeadConversion::parse(&answer),
        // A fault comes as 500, like a hiccup. The plan says what follows where it matters.
        Err(error) if error.class() == ErrorClass::Credentials => return Err(error.into()),
        Err(_) => {}
    }
    Ok(org)
}

/// A notice for what the organisation refuses to tell; other failures are failures.
fn not_seen(what: &str, then: &str, error: &salesforce::Error) -> Result<Notice> {
    let refused = matches!(error.class(), ErrorClass::Refused | ErrorClass::Setup);
    if !refused {
        return Err(error.clone().into());
    }
    Ok(Notice::NotSeen {
        what: format!("{what} could not be looked up ({error}): {then}"),
    })
}

async fn describe(client: &Client, wanted: &Wanted) -> Result<BTreeMap<String, ObjectDescribe>> {
    let objects: BTreeSet<&str> = wanted
        .fields
        .iter()
        .map(|field| field.object.as_str())
        .collect();
    stream::iter(objects)
        .map(|object| async move {
            match client.describe(object).await {
                Ok(describe) => Ok(Some((object.to_owned(), describe))),
                Err(error) if error.is_not_found() => {
                    match wanted.objects.iter().any(|wanted| wanted.name == object) {
                        true => Ok(None),
                        false => Err(Error::FindObject {
                            object: object.to_owned(),
                        }),
                    }
                }
                Err(error) => Err(error.into()),
            }
        })
        .buffered(PARALLEL_DESCRIBES)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}

async fn inspect_sales(
    client: &Client,
    wanted: &Wanted,
    objects: &BTreeMap<String, ObjectDescribe>,
) -> Result<OrgSales> {
    let Some(opportunity) = objects.get(sales::OPPORTUNITY) else {
        return Ok(OrgSales::default());
    };
    let record_types = opportunity.record_types.iter().filter(|kind| !kind.master);
    let mut org = OrgSales {
        record_types: record_types
            .map(|kind| (kind.name.clone(), kind.available))
            .collect(),
        stages: Vec::new(),
    };
    if wanted.stages.is_empty() {
        return Ok(org);
    }
    let soql = "SELECT ApiName, MasterLabel, IsActive, IsClosed, IsWon, ForecastCategory, DefaultProbability \
                FROM OpportunityStage ORDER BY SortOrder";
    let rows: Vec<Row> = client.query(soql).try_collect().await?;
    org.stages = rows.iter().filter_map(read_stage).collect();
    Ok(org)
}

fn read_stage(row: &Row) -> Option<Stage> {
    let text = |name: &str| field_text(row, name);
    let is = |name: &str| text(name).as_deref() == Some("true");
    let label = text("MasterLabel")?;
    let probability = text("DefaultProbability").and_then(|text| text.parse::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage, clamped"
    )]
    let probability = probability.unwrap_or(0.0).clamp(0.0, 100.0).round() as u8;
    Some(Stage {
        name: text("ApiName").unwrap_or_else(|| label.clone()),
        label,
        probability,
        closed: is("IsClosed"),
        won: is("IsWon"),
        forecast: text("ForecastCategory").unwrap_or_else(|| "Pipeline".to_owned()),
        active: is("IsActive"),
    })
}

/// Every custom field, whatever field-level security says. Fields of custom objects name the id of their object.
async fn custom_fields(client: &Client) -> Result<BTreeSet<FieldName>, salesforce::Error> {
    let rows = |soql: &str| -> std::pin::Pin<Box<dyn Stream<Item = Result<Row, salesforce::Error>> + Send>> {
        Box::pin(client.tooling_query(soql))
    };
    let api_name = |row: &Row| {
        let name = field_text(row, "DeveloperName")?;
        Some(match field_text(row, "NamespacePrefix") {
            Some(namespace) => format!("{namespace}__{name}__c"),
            None => format!("{name}__c"),
        })
    };
    let soql = "SELECT DeveloperName, NamespacePrefix, TableEnumOrId FROM CustomField";
    let fields: Vec<Row> = rows(soql).try_collect().await?;
    let by_id =
        |row: &Row| field_text(row, "TableEnumOrId").is_some_and(|table| table.starts_with("01I"));
    let mut objects: BTreeMap<String, String> = BTreeMap::new();
    if fields.iter().any(by_id) {
        let soql = "SELECT Id, DeveloperName, NamespacePrefix FROM CustomObject";
        let mut found = rows(soql);
        while let Some(row) = found.try_next().await? {
            if let (Some(id), Some(name)) = (field_text(&row, "Id"), api_name(&row)) {
                objects.insert(salesforce::record_identity(&id).to_owned(), name);
            }
        }
    }
    let named = fields.iter().filter_map(|row| {
        let table = field_text(row, "TableEnumOrId")?;
        let object = objects
            .get(salesforce::record_identity(&table))
            .cloned()
            .unwrap_or(table);
        Some(FieldName::new(object, api_name(row)?))
    });
    Ok(named.collect())
}
