//! What a client that comes back finds out about the time between: changes, deletions, conversions, other people's edits.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::{Org, answer};

/// Asks `sobjects/<object>/<kind>` for the last hour.
async fn last_hour(org: &Org, object: &str, kind: &str) -> (u16, Value) {
    let now = Utc::now();
    let start = (now - TimeDelta::hours(1)).to_rfc3339();
    let end = (now + TimeDelta::minutes(1)).to_rfc3339();
    span(org, object, kind, &start, &end).await
}

async fn span(org: &Org, object: &str, kind: &str, start: &str, end: &str) -> (u16, Value) {
    let request = org
        .request(Method::GET, &format!("sobjects/{object}/{kind}/"))
        .query(&[("start", start), ("end", end)]);
    answer(request.send().await.unwrap()).await
}

/// Sends `convertLead` for leads given as XML; status and body.
async fn convert(org: &Org, session: &str, leads: &str) -> (u16, String) {
    soap(org, session, "convertLead", leads).await
}

/// Makes a SOAP call; status and body.
async fn soap(org: &Org, session: &str, call: &str, arguments: &str) -> (u16, String) {
    let body = format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:u=\"urn:partner.soap.sforce.com\">\
         <soapenv:Header><u:SessionHeader><u:sessionId>{session}</u:sessionId></u:SessionHeader></soapenv:Header>\
         <soapenv:Body><u:{call}>{arguments}</u:{call}></soapenv:Body></soapenv:Envelope>"
    );
    let request = org
        .http
        .post(org.url("/services/Soap/u/66.0"))
        .header("content-type", "text/xml; charset=UTF-8")
        .header("SOAPAction", call)
        .body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn lead(id: &str, more: &str) -> String {
    format!(
        "<u:leadConverts><u:convertedStatus>Closed - Converted</u:convertedStatus><u:leadId>{id}</u:leadId>{more}\
         </u:leadConverts>"
    )
}

#[tokio::test]
async fn changed_and_deleted_ids_are_listed_with_the_end_of_what_is_covered() {
    let org = Org::new().await;
    let stays = org.create("Account", json!({"Name": "A"})).await;
    let goes = org.create("Account", json!({"Name": "B"})).await;
    org.control("delete", json!({"id": goes})).await;
    let (status, updated) = last_hour(&org, "Account", "updated").await;
    assert_eq!((status, &updated["ids"]), (200, &json!([stays])));
    let covered = updated["latestDateCovered"].as_str().unwrap();
    assert!(covered.ends_with(".000+0000"), "{covered}");
    let (status, deleted) = last_hour(&org, "Account", "deleted").await;
    assert_eq!(
        (status, &deleted["deletedRecords"][0]["id"]),
        (200, &json!(goes))
    );
    assert!(deleted["earliestDateAvailable"].is_string());

    let now = Utc::now().to_rfc3339();
    let old = (Utc::now() - TimeDelta::days(16)).to_rfc3339();
    assert_eq!(span(&org, "Account", "updated", &old, &now).await.0, 200);
    for (kind, start, end) in [
        ("deleted", old.as_str(), now.as_str()),
        ("updated", now.as_str(), old.as_str()),
        ("updated", "yesterday", now.as_str()),
    ] {
        let (status, error) = span(&org, "Account", kind, start, end).await;
        assert_eq!(
            (status, &error[0]["errorCode"]),
            (400, &json!("INVALID_REPLICATION_DATE"))
        );
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn soap_takes_records_out_of_the_recycle_bin_and_says_which_are_not_in_it() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = json!({"LastName": "C", "AccountId": account});
    let contact = org.create("Contact", contact).await;
    let stays = org.create("Account", json!({"Name": "B"})).await;
    let deal = json!({"Name": "D", "StageName": "Prospecting", "CloseDate": "2027-01-01", "AccountId": stays});
    let deal = org.create("Opportunity", deal).await;
    let role = json!({"OpportunityId": deal, "ContactId": contact});
    let role = org.create("OpportunityContactRole", role).await;
    for id in [&role, &account] {
        org.control("delete", json!({"id": id})).await;
    }
    let ids = [&account, &stays, &role].map(|id| format!("<u:ids>{id}</u:ids>"));
    let (status, text) = soap(&org, &org.token, "undelete", &ids.concat()).await;
    assert_eq!(status, 200, "{text}");
    let results: Vec<&str> = text.split("<result>").skip(1).collect();
    assert_eq!(results.len(), 3, "{text}");
    assert!(results[0].contains(&format!("<id>{account}</id><success>true</success>")));
    for refused in &results[1..] {
        let code = "<statusCode>UNDELETE_FAILED</statusCode>";
        assert!(
            refused.contains(code) && refused.contains("<success>false</success>"),
            "{text}"
        );
    }
    // What went along with the account is back with it.
    assert_eq!(org.row("Contact", &contact).await["AccountId"], account);
    assert_eq!(org.count("OpportunityContactRole").await, 0);
    for (object, can) in [("Account", true), ("OpportunityContactRole", false)] {
        let request = org.request(Method::GET, &format!("sobjects/{object}/describe"));
        let (_, describe) = answer(request.send().await.unwrap()).await;
        assert_eq!(describe["undeletable"], can, "{object}");
    }
    let (status, text) = soap(&org, "none", "undelete", &ids[0]).await;
    assert_eq!(status, 500);
    assert!(text.contains("INVALID_SESSION_ID"), "{text}");
    let many = ids[0].repeat(201);
    let (_, text) = soap(&org, &org.token, "undelete", &many).await;
    assert!(text.contains("EXCEEDED_ID_LIMIT"), "{text}");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn soap_converts_leads_one_by_one_and_says_which_were_refused() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A & B"})).await;
    let contact = json!({"LastName": "C", "AccountId": account, "LeadSource": "Web"});
    let contact = org.create("Contact", contact).await;
    let first = json!({"LastName": "L", "Company": "C", "LeadSource": "Other"});
    let first = org.create("Lead", first).await;
    let second = org
        .create("Lead", json!({"LastName": "M", "Company": "D"}))
        .await;
    let third = org
        .create("Lead", json!({"LastName": "N", "Company": "E"}))
        .await;
    let into = format!(
        "<u:accountId>{account}</u:accountId><u:contactId>{contact}</u:contactId>\
         <u:doNotCreateOpportunity>true</u:doNotCreateOpportunity><u:overwriteLeadSource>true</u:overwriteLeadSource>"
    );
    let elsewhere = format!("<u:contactId>{contact}</u:contactId>");
    let leads = [
        lead(&first, &into),
        lead(&second, &elsewhere),
        lead(
            &third,
            "<u:opportunityName>Big &amp; blue</u:opportunityName>",
        ),
        lead(&first, ""),
    ];
    let (status, text) = convert(&org, &org.token, &leads.concat()).await;
    assert_eq!(status, 200, "{text}");
    let results: Vec<&str> = text.split("<result>").skip(1).collect();
    let good: Vec<bool> = results
        .iter()
        .map(|result| result.contains("<success>true</success>"))
        .collect();
    assert_eq!(good, [true, false, true, false], "{text}");
    assert!(results[0].contains(&format!("<contactId>{contact}</contactId>")));
    assert!(results[0].contains("<opportunityId xsi:nil=\"true\"/>"));
    assert!(results[1].contains("<statusCode>INVALID_CROSS_REFERENCE_KEY</statusCode>"));
    assert!(results[3].contains("<statusCode>CANNOT_UPDATE_CONVERTED_LEAD</statusCode>"));
    assert_eq!(org.row("Contact", &contact).await["LeadSource"], "Other");
    assert_eq!(
        org.row("Lead", &first).await["ConvertedContactId"],
        json!(contact)
    );
    assert_eq!(org.row("Lead", &second).await["IsConverted"], false);
    let named = org
        .query("SELECT Id FROM Opportunity WHERE Name = 'Big & blue'")
        .await;
    assert_eq!(named.len(), 1);

    let (status, text) = convert(&org, "nobody", &lead(&second, "")).await;
    assert_eq!(status, 500);
    assert!(text.contains("INVALID_SESSION_ID"));
    let many = lead(&second, "").repeat(101);
    let (status, text) = convert(&org, &org.token, &many).await;
    assert_eq!(status, 500);
    assert!(text.contains("LIMIT_EXCEEDED"), "{text}");
    assert_eq!(org.row("Lead", &second).await["IsConverted"], false);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn somebody_edits_between_two_requests_of_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed");
    std::fs::create_dir_all(&seed).unwrap();
    let users = "Username,Email,LastName,IsActive,UserType,Alias\nann@x.crm,ann@x.example,Ash,true,Standard,ann\n";
    std::fs::write(seed.join("User.csv"), users).unwrap();
    let org = Org::with(SalesforceSimOptions {
        seed: Some(seed),
        ..SalesforceSimOptions::default()
    })
    .await;
    let account = org
        .create("Account", json!({"Name": "A", "Website": "ours"}))
        .await;
    let edit = json!({"object": "Account", "id": account, "fields": {"Website": "theirs"}, "user": "ann@x.crm"});
    let path = format!("/services/data/*/sobjects/Account/{account}");
    org.control(
        "faults",
        json!({"method": "PATCH", "path": path, "edit": edit}),
    )
    .await;
    assert_eq!(org.row("Account", &account).await["Website"], "ours");
    org.change("Account", &account, json!({"Phone": "1"})).await;
    let row = org.row("Account", &account).await;
    assert_eq!(
        (&row["Website"], &row["Phone"]),
        (&json!("theirs"), &json!("1"))
    );

    org.control(
        "rows",
        json!({"object": "Account", "id": account, "fields": {"Fax": "2"}, "user": "ann@x.crm"}),
    )
    .await;
    let ann = org
        .query("SELECT Id FROM User WHERE Username = 'ann@x.crm'")
        .await;
    assert_eq!(
        org.row("Account", &account).await["LastModifiedById"],
        ann[0]["Id"]
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn automation_sets_fields_whatever_was_sent() {
    let org = Org::new().await;
    let automation =
        json!({"object": "Lead", "on": ["insert"], "set": {"Rating": "Hot", "Industry": null}});
    org.control("automations", automation).await;
    let sent = json!({"LastName": "L", "Company": "C", "Industry": "Banking"});
    let lead = org.create("Lead", sent).await;
    let row = org.row("Lead", &lead).await;
    assert_eq!(
        (&row["Rating"], &row["Industry"]),
        (&json!("Hot"), &Value::Null)
    );
    org.change("Lead", &lead, json!({"Rating": "Cold"})).await;
    assert_eq!(org.row("Lead", &lead).await["Rating"], "Cold");
    let job = org
        .ingest("Lead", "insert", "LastName,Company,Rating\nM,D,Cold\n")
        .await;
    assert_eq!(job.successful.len(), 2, "{:?}", job.failed);
    let hot = org.query("SELECT Id FROM Lead WHERE Rating = 'Hot'").await;
    assert_eq!(hot.len(), 1);
    let unknown = json!({"object": "Lead", "on": ["update"], "set": {"Nope": 1}});
    let (status, _) = org
        .send(Method::POST, "/control/automations", unknown)
        .await;
    assert_eq!(status, 400);
    org.simulator.shutdown().await.unwrap();
}
