//! Deployments and field-level security.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Org, key_package};

async fn described(org: &Org, object: &str, field: &str) -> Option<Value> {
    let describe = org.get(&format!("sobjects/{object}/describe")).await;
    describe["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == field)
        .cloned()
}

#[tokio::test]
async fn deployed_field_stays_hidden_until_its_permission_set_is_assigned() {
    let org = Org::new().await;
    let files = key_package(&["Account"]);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    assert_eq!(described(&org, "Account", "Key__c").await, None);
    let job = org.ingest("Account", "insert", "Name,Key__c\na,b\n").await;
    assert_eq!(
        job.info["errorMessage"],
        "InvalidBatch : Field name not found : Key__c"
    );
    let request = org
        .request(Method::GET, "query")
        .query(&[("q", "select Key__c from Account")]);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(
        body[0]["message"]
            .as_str()
            .unwrap()
            .starts_with("No such column 'Key__c'")
    );
    org.assign("Loader").await;
    let field = described(&org, "Account", "Key__c").await.unwrap();
    assert_eq!(
        (&field["type"], &field["externalId"], &field["idLookup"]),
        (&json!("string"), &json!(true), &json!(true))
    );
    assert_eq!(
        org.ingest("Account", "insert", "Name,Key__c\na,b\n")
            .await
            .info["state"],
        "JobComplete"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_bad_component_keeps_all_out() {
    let org = Org::new().await;
    let object = "<CustomObject>\
        <fields><fullName>Good__c</fullName><label>Good</label><type>Date</type></fields>\
        <fields><fullName>Bad__c</fullName><label>Bad</label><type>Text</type></fields></CustomObject>";
    let manifest = "<Package><types><members>Lead.Good__c</members><members>Lead.Bad__c</members>\
        <members>Lead.Absent__c</members><name>CustomField</name></types></Package>";
    let result = org
        .deploy(
            &[("package.xml", manifest), ("objects/Lead.object", object)],
            false,
        )
        .await;
    assert_eq!(
        (
            &result["status"],
            &result["success"],
            &result["numberComponentErrors"]
        ),
        (&json!("Failed"), &json!(false), &json!(2))
    );
    let failures = result["details"]["componentFailures"].as_array().unwrap();
    assert_eq!(failures[0]["fullName"], "Lead.Bad__c");
    assert_eq!(
        failures[0]["problem"],
        "Must specify 'length' for a CustomField of type Text"
    );
    assert_eq!(failures[0]["problemType"], "Error");
    assert_eq!(failures[1]["fullName"], "Lead.Absent__c");
    let object = object.replace("<type>Text</type>", "<type>Text</type><length>10</length>");
    let manifest = manifest.replace("<members>Lead.Absent__c</members>", "");
    let files = [
        ("package.xml", manifest.as_str()),
        ("objects/Lead.object", object.as_str()),
    ];
    let checked = org.deploy(&files, true).await;
    assert_eq!(
        (
            &checked["status"],
            &checked["details"]["componentSuccesses"][0]["created"]
        ),
        (&json!("Succeeded"), &json!(true))
    );
    // The check changed nothing: the fields are still new.
    let deployed = org.deploy(&files, false).await;
    assert_eq!(
        deployed["details"]["componentSuccesses"][0]["created"],
        true
    );
    let again = org.deploy(&files, false).await;
    assert_eq!(again["details"]["componentSuccesses"][0]["created"], false);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn restricted_picklist_and_required_field_have_their_rules() {
    let org = Org::new().await;
    let object = "<CustomObject><fields><fullName>Race__c</fullName><label>Race</label><type>Picklist</type><valueSet>\
        <restricted>true</restricted><valueSetDefinition><sorted>false</sorted><value><fullName>Human</fullName>\
        <default>false</default><label>Human</label></value></valueSetDefinition></valueSet></fields>\
        <fields><fullName>Must__c</fullName><label>Must</label><type>Text</type><length>5</length>\
        <required>true</required></fields></CustomObject>";
    let set = |field: &str| {
        format!(
            "<PermissionSet><label>S</label><fieldPermissions><editable>true</editable><field>Lead.{field}</field>\
             <readable>true</readable></fieldPermissions></PermissionSet>"
        )
    };
    let manifest =
        "<Package><types><members>Lead</members><name>CustomObject</name></types></Package>";
    let wrong = set("Must__c");
    let files = [
        ("package.xml", manifest),
        ("objects/Lead.object", object),
        ("permissionsets/S.permissionset", &wrong),
    ];
    let refused = org.deploy(&files, false).await;
    assert_eq!(
        refused["details"]["componentFailures"][0]["problem"],
        "You cannot deploy to a required field: Lead.Must__c"
    );
    let right = set("Race__c");
    let files = [
        ("package.xml", manifest),
        ("objects/Lead.object", object),
        ("permissionsets/S.permissionset", &right),
    ];
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    org.assign("S").await;
    let job = org
        .ingest(
            "Lead",
            "insert",
            "LastName,Company,Must__c,Race__c\na,b,c,human\na,b,c,Elf\na,b,,\n",
        )
        .await;
    assert_eq!(job.successful.len(), 2);
    let failures = job.failed.join("\n");
    assert!(failures.contains("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Race: bad value for restricted picklist field: Elf:Race__c --"));
    assert!(
        failures
            .contains("REQUIRED_FIELD_MISSING:Required fields are missing: [Must__c]:Must__c --")
    );
    assert_eq!(
        org.query("select Race__c from Lead").await[0]["Race__c"],
        "Human"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deployed_stages_replace_the_list_and_rule_opportunities() {
    let org = Org::new().await;
    let stages = "<StandardValueSet><sorted>false</sorted><standardValue><fullName>Discovery</fullName><default>false</default>\
        <label>Discovery</label><closed>false</closed><forecastCategory>BestCase</forecastCategory>\
        <probability>35</probability><won>false</won></standardValue><standardValue><fullName>Closed Won</fullName>\
        <default>false</default><label>Closed Won</label><closed>true</closed><forecastCategory>Closed</forecastCategory>\
        <probability>100</probability><won>true</won></standardValue></StandardValueSet>";
    let manifest = "<Package><types><members>OpportunityStage</members><name>StandardValueSet</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        (
            "standardValueSets/OpportunityStage.standardValueSet",
            stages,
        ),
    ];
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    let active = org
        .query("select ApiName from OpportunityStage where IsActive = true order by SortOrder")
        .await;
    assert_eq!(
        active
            .iter()
            .map(|row| row["ApiName"].clone())
            .collect::<Vec<_>>(),
        ["Closed Won", "Discovery"]
            .map(Value::from)
            .iter()
            .rev()
            .cloned()
            .collect::<Vec<_>>()
    );
    org.ingest("Opportunity", "insert", "Name,StageName,CloseDate,Probability\na,Discovery,2024-01-31,\nb,Closed Won,2024-01-31,90\n").await;
    let rows = org.query("select Probability, ForecastCategoryName, IsClosed, IsWon, FiscalYear from Opportunity order by Name").await;
    let told: Vec<String> = rows
        .iter()
        .map(|r| {
            format!(
                "{} {} {} {} {}",
                r["Probability"],
                r["ForecastCategoryName"],
                r["IsClosed"],
                r["IsWon"],
                r["FiscalYear"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "35.0 \"Best Case\" false false 2024",
            "90.0 \"Closed\" true true 2024"
        ]
    );
    org.simulator.shutdown().await.unwrap();
}
