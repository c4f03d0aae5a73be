//! The small project with every object, run twice with the defaults, and what the org holds then.
//!
//! Collected once, since every claim about it only reads; see `objects`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::further;
use crate::org::Org;
use crate::rehearsal::{Project, Run};

type Row = BTreeMap<String, String>;

/// Objects whose rows are looked at, with the field that names a row and the fields asked for.
const LOOKED_AT: [(&str, &str, &str); 16] = [
    (
        "Task",
        "usercom_id__c",
        "Subject, Description, Status, Priority, ActivityDate, TaskSubtype, CallDurationInSeconds, WhoId, WhatId, OwnerId, \
         usercom_related_to__c, usercom_push_views__c, usercom_chat_seconds__c, usercom_email_opens__c, \
         usercom_direction__c, usercom_channel__c, usercom_sent_at__c, usercom_conversation__c",
    ),
    (
        "Event",
        "usercom_id__c",
        "Subject, StartDateTime, EndDateTime, IsAllDayEvent, ActivityDate, DurationInMinutes, WhoId, WhatId, Location",
    ),
    ("Account", "usercom_id__c", "Name, BillingCountry"),
    ("Lead", "usercom_id__c", "LastName"),
    ("Contact", "usercom_id__c", "LastName, AccountId"),
    (
        "Opportunity",
        "usercom_id__c",
        "Name, Amount, usercom_value__c, usercom_currency__c, usercom_leads__c, usercom_tags__c, HasOpportunityLineItem",
    ),
    (
        "OpportunityLineItem",
        "usercom_id__c",
        "Quantity, UnitPrice, TotalPrice, OpportunityId",
    ),
    ("Product2", "usercom_id__c", "Name"),
    ("Campaign", "usercom_id__c", "Name, usercom_criteria__c"),
    (
        "CampaignMember",
        "usercom_id__c",
        "LeadId, ContactId, Status",
    ),
    (
        "ContentVersion",
        "usercom_id__c",
        "Title, PathOnClient, ContentSize, ContentDocumentId",
    ),
    (
        "subscription__c",
        "usercom_id__c",
        "Name, customer_contact__c, customer_lead__c, company__c, last_invoice__c, plan__c, auto_renew__c, seats__c, starts__c",
    ),
    (
        "invoice__c",
        "usercom_id__c",
        "Name, subscription__c, total__c",
    ),
    ("asset__c", "usercom_id__c", "Name, parent_asset__c"),
    (
        "usercom_stage_change__c",
        "usercom_id__c",
        "Name, usercom_opportunity__c, usercom_stage__c",
    ),
    ("User", "LastName", "Email"),
];

/// What a run left behind.
pub(crate) struct Story {
    pub(crate) project: Project,
    pub(crate) run: Run,
    pub(crate) again: Run,
    pub(crate) rows: BTreeMap<&'static str, BTreeMap<String, Row>>,
    /// Answers of further questions to the org.
    pub(crate) relations: Vec<Row>,
    pub(crate) assignments: Vec<Row>,
    pub(crate) members: Vec<Row>,
    pub(crate) account_contacts: Vec<Row>,
    pub(crate) roles: Vec<Row>,
    pub(crate) teams: Vec<Row>,
    pub(crate) links: Vec<Row>,
    pub(crate) notes: Vec<Row>,
    pub(crate) territories: [usize; 2],
}

impl Story {
    fn tell(project: Project) -> Self {
        let run = project.run();
        let again = project.run();
        let org = project.org();
        let rows = LOOKED_AT
            .iter()
            .map(|(object, key, fields)| (*object, by_key(&org, object, key, fields)))
            .collect();
        let story = Self {
            run,
            again,
            rows,
            relations: org.rows("SELECT EventId, RelationId, IsInvitee, Status FROM EventRelation"),
            assignments: org.rows("SELECT EntityId, Topic.Name FROM TopicAssignment"),
            members: org.rows("SELECT CampaignId, Label FROM CampaignMemberStatus"),
            account_contacts: org
                .rows("SELECT AccountId, ContactId, IsDirect FROM AccountContactRelation"),
            roles: org
                .rows("SELECT OpportunityId, ContactId, IsPrimary FROM OpportunityContactRole"),
            teams: org.rows("SELECT OpportunityId, UserId FROM OpportunityTeamMember"),
            links: Vec::new(),
            territories: ["UserTerritory2Association", "ObjectTerritory2Association"]
                .map(|object| org.rows(&format!("SELECT Id FROM {object}")).len()),
            notes: org.rows("SELECT Id, Title, TextPreview FROM ContentNote"),
            project,
        };
        let documents: BTreeSet<String> = story.rows["ContentVersion"]
            .values()
            .map(|row| row["ContentDocumentId"].clone())
            .chain(story.notes.iter().map(|note| note["Id"].clone()))
            .map(|id| format!("'{id}'"))
            .collect();
        let documents = documents.into_iter().collect::<Vec<_>>().join(", ");
        let links = org.rows(&format!(
            "SELECT ContentDocumentId, LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId IN ({documents})"
        ));
        drop(org);
        Self { links, ..story }
    }

    pub(crate) fn cell(&self, object: &'static str, key: &str, field: &str) -> &str {
        let rows = &self.rows[object];
        let row = rows
            .get(key)
            .unwrap_or_else(|| panic!("{object} has no {key}"));
        &row[field]
    }

    pub(crate) fn id(&self, object: &'static str, key: &str) -> &str {
        self.cell(object, key, "Id")
    }

    /// Fate and reason of a row that did not move.
    pub(crate) fn fate(&self, load: &str, key: &str) -> Vec<String> {
        let sql =
            format!("select f.fate, f.reason from recon.fates_{load} as f where f.key = '{key}'");
        self.project.table(&sql).into_iter().flatten().collect()
    }
}

fn by_key(org: &Org, object: &str, key: &str, fields: &str) -> BTreeMap<String, Row> {
    let soql = format!("SELECT Id, {key}, {fields} FROM {object} WHERE {key} != null");
    let rows = org.rows(&soql);
    rows.into_iter()
        .map(|row| (row[key].clone(), row))
        .collect()
}

pub(crate) fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        let project = further::project();
        // Nobody has decided what a franc is worth.
        project.append(
            "export/deals.csv",
            "53,Swiss,10,CHF,1,11,in progress,11,,,7002,,,2026-02-01,,2026-01-01T00:00:00Z\n",
        );
        Story::tell(project)
    })
}
