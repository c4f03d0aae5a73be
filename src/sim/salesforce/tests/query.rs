//! SOQL over REST and over query jobs.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

async fn filled(options: SalesforceSimOptions) -> Org {
    let org = Org::with(options).await;
    let mut csv = "Name,Site,AnnualRevenue,NumberOfEmployees\n".to_owned();
    for n in 0..300 {
        csv.push_str(&format!(
            "\"N\"\"{n}\",{},{},{n}\n",
            if n % 2 == 0 { "even" } else { "" },
            n * 100_000
        ));
    }
    assert_eq!(
        org.ingest("Account", "insert", &csv).await.info["numberRecordsFailed"],
        0
    );
    org
}

#[tokio::test]
async fn conditions_select_what_they_say() {
    let org = filled(SalesforceSimOptions::default()).await;
    for (condition, expected) in [
        ("Site = 'EVEN'", 150),
        ("Site = null", 150),
        ("Site != 'even'", 150),
        ("NumberOfEmployees > 9 and NumberOfEmployees <= 20", 11),
        (
            "AnnualRevenue in (100000, 2e5) or NumberOfEmployees = 299",
            3,
        ),
        ("not (NumberOfEmployees > 1)", 2),
        ("Name like 'N\"1_'", 10),
        ("Name like 'n\"1%'", 111),
        ("Name like 'N\"1\u{f6}%'", 0),
        ("Name like '%9'", 30),
        ("Name like 'N\"1_%'", 110),
        ("SystemModstamp > 2020-01-01T00:00:00Z", 300),
        ("SystemModstamp > 2120-01-01T00:00:00Z", 0),
        (
            "Site = 'even' and SystemModstamp >= 2120-01-01T00:00:00Z and LastModifiedDate > 2020-01-01T00:00:00Z",
            0,
        ),
        (
            "Site = 'even' or SystemModstamp >= 2120-01-01T00:00:00Z",
            150,
        ),
        ("not (SystemModstamp > 2120-01-01T00:00:00Z)", 300),
        (
            "CreatedDate = TODAY and OwnerId in (select Id from User where IsActive = true)",
            300,
        ),
        ("CreatedDate < 2020-01-01T00:00:00Z", 0),
        (
            "Owner.Username = 'admin@example.com' and Site not in ('even')",
            150,
        ),
    ] {
        let found = org
            .query(&format!("select Id from Account where {condition}"))
            .await;
        assert_eq!(found.len(), expected, "{condition}");
    }
    // The very second of a stamp, from both sides.
    let one = org
        .query("select SystemModstamp from Account limit 1")
        .await;
    let stamp = one[0]["SystemModstamp"]
        .as_str()
        .unwrap()
        .replace("+0000", "Z");
    let count = async |comparison: &str| {
        let condition = format!("SystemModstamp {comparison} {stamp}");
        let found = org
            .query(&format!("select Id from Account where {condition}"))
            .await;
        found.len()
    };
    let (at, later, earlier) = (count("=").await, count(">").await, count("<").await);
    assert!(at > 0 && at + later + earlier == 300);
    assert_eq!(count(">=").await, at + later);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn pages_follow_each_other() {
    let org = filled(SalesforceSimOptions::default()).await;
    let soql = [(
        "q",
        "select NumberOfEmployees from Account order by NumberOfEmployees desc",
    )];
    let request = org
        .request(Method::GET, "query")
        .query(&soql)
        .header("Sforce-Query-Options", "batchSize=200");
    let first: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&first["totalSize"], &first["done"]),
        (&json!(300), &json!(false))
    );
    let next = org.get(first["nextRecordsUrl"].as_str().unwrap()).await;
    let numbers = [&first, &next]
        .map(|page| page["records"].as_array().unwrap().clone())
        .concat();
    let numbers: Vec<i64> = numbers
        .iter()
        .map(|row| row["NumberOfEmployees"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (0..300).rev().collect::<Vec<i64>>());
    assert_eq!(next["done"], true);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn groups_are_counted() {
    let org = filled(SalesforceSimOptions::default()).await;
    let rows = org.query("select Site, count(Id) n, max(NumberOfEmployees) from Account group by Site order by Site").await;
    let told: Vec<(Value, Value, Value)> = rows
        .iter()
        .map(|row| (row["Site"].clone(), row["n"].clone(), row["expr1"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!(null), json!(150), json!(299.0)),
            (json!("even"), json!(150), json!(298.0))
        ]
    );
    // Ids and stamps are counted without a look at them, other fields are not always there.
    for (condition, expected) in [
        ("Name like 'N%'", [300, 300, 150]),
        ("Name = 'x'", [0, 0, 0]),
    ] {
        let soql = format!(
            "select count(Id) n, count(CreatedById), count(Site) s from Account where {condition}"
        );
        let rows = org.query(&soql).await;
        let told = ["n", "expr1", "s"].map(|name| rows[0][name].clone());
        assert_eq!((rows.len(), told), (1, expected.map(|count| json!(count))));
        let only = format!("select count(Id) n from Account where {condition}");
        assert_eq!(org.query(&only).await[0]["n"], json!(expected[0]));
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn query_job_gives_its_rows_in_sets() {
    let org = filled(SalesforceSimOptions {
        query_result_rows: 100,
        ..SalesforceSimOptions::default()
    })
    .await;
    let spec = json!({"operation": "query", "query": "select Name, AnnualRevenue from Account"});
    let (_, job) = org.send(Method::POST, "jobs/query", spec).await;
    assert_eq!(job["state"], "UploadComplete");
    let path = format!("jobs/query/{}", job["id"].as_str().unwrap());
    while org.get(&path).await["state"] != "JobComplete" {
        tokio::task::yield_now().await;
    }
    for (most, sets) in [(None, 3), (Some(70), 5), (Some(1_000), 1)] {
        let mut names = Vec::new();
        let (mut locator, mut count) = (String::new(), 0);
        while locator != "null" {
            let mut request = org.request(Method::GET, &format!("{path}/results"));
            if !locator.is_empty() {
                request = request.query(&[("locator", &locator)]);
            }
            if let Some(most) = most {
                request = request.query(&[("maxRecords", most)]);
            }
            let response = request.send().await.unwrap();
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            locator = header("sforce-locator");
            let rows: usize = header("sforce-numberofrecords").parse().unwrap();
            let text = response.text().await.unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], "\"Name\",\"AnnualRevenue\"");
            assert_eq!(lines.len(), rows + 1);
            names.extend(lines[1..].iter().map(|line| (*line).to_owned()));
            count += 1;
        }
        assert_eq!((names.len(), count), (300, sets));
        assert_eq!(names[299], "\"N\"\"299\",\"2.99E7\"");
    }
    let pages = org.get(&format!("{path}/resultPages")).await;
    assert_eq!(
        (
            pages["resultPages"].as_array().unwrap().len(),
            &pages["done"]
        ),
        (3, &json!(true))
    );
    let other = org
        .request(Method::GET, &format!("/services/data/v65.0/{path}/results"))
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), 409);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn compound_fields_and_bad_names_are_refused() {
    let org = Org::new().await;
    let spec = json!({"operation": "query", "query": "select BillingAddress from Account"});
    let (status, error) = org.send(Method::POST, "jobs/query", spec).await;
    assert_eq!(
        (status, &error[0]["message"]),
        (
            400,
            &json!("Selecting compound data not supported in Bulk Query")
        )
    );
    for (soql, code) in [
        ("select Id from Nope", "INVALID_TYPE"),
        ("select Nope from Lead", "INVALID_FIELD"),
        ("select", "MALFORMED_QUERY"),
    ] {
        let request = org.request(Method::GET, "query").query(&[("q", soql)]);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body[0]["errorCode"], code);
    }
    org.simulator.shutdown().await.unwrap();
}
