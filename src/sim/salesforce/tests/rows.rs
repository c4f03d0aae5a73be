//! Rows over REST: single, collections, tree, composite.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Org, answer};

#[tokio::test]
async fn ids_are_checked_in_every_way() {
    let org = Org::new().await;
    let (_, account) = org
        .send(Method::POST, "sobjects/Account", json!({"Name": "A"}))
        .await;
    let account = account["id"].as_str().unwrap();
    let flipped: String = account
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    for (id, code, message) in [
        (
            "24",
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: 24".to_owned(),
        ),
        (
            flipped.as_str(),
            "MALFORMED_ID",
            format!("Account ID: id value of incorrect type: {flipped}"),
        ),
        (
            "005000000000001",
            "FIELD_INTEGRITY_EXCEPTION",
            "Account ID: id value of incorrect type: 005000000000001".to_owned(),
        ),
        (
            "001000000000001",
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id".to_owned(),
        ),
    ] {
        let (status, body) = org
            .send(
                Method::POST,
                "sobjects/Contact",
                json!({"LastName": "C", "AccountId": id}),
            )
            .await;
        assert_eq!(
            (status, &body[0]["errorCode"], &body[0]["message"]),
            (400, &json!(code), &json!(message)),
            "{id}"
        );
        assert_eq!(body[0]["fields"], json!(["AccountId"]));
    }
    let (status, made) = org
        .send(
            Method::POST,
            "sobjects/Contact",
            json!({"LastName": "C", "AccountId": &account[..15]}),
        )
        .await;
    assert_eq!(status, 201);
    let contact = org
        .get(&format!(
            "sobjects/Contact/{}",
            made["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(contact["AccountId"], account);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn upsert_by_key_answers_201_200_and_300() {
    let org = Org::new().await;
    org.keyed(&["Account"]).await;
    let path = "sobjects/Account/Key__c/a%2Fb";
    let (status, made) = org.send(Method::PATCH, path, json!({"Name": "A"})).await;
    assert_eq!((status, &made["created"]), (201, &json!(true)));
    let (status, again) = org.send(Method::PATCH, path, json!({"Name": "B"})).await;
    assert_eq!((status, &again["id"]), (200, &made["id"]));
    for _ in 0..2 {
        org.send(
            Method::POST,
            "sobjects/Contact",
            json!({"LastName": "C", "Email": "x@y.zz"}),
        )
        .await;
    }
    let (status, urls) = org
        .send(
            Method::PATCH,
            "sobjects/Contact/Email/x@y.zz",
            json!({"Title": "T"}),
        )
        .await;
    assert_eq!((status, urls.as_array().unwrap().len()), (300, 2));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn collections_answer_in_request_order_and_take_back_all_if_asked() {
    let org = Org::new().await;
    let records = json!([
        {"attributes": {"type": "Account"}, "Name": "A"},
        {"attributes": {"type": "Contact"}, "FirstName": "no last name"},
        {"attributes": {"type": "Account"}, "Name": "B", "Nope": 1},
    ]);
    for (all_or_none, landed) in [(false, 1), (true, 1)] {
        let body = json!({"allOrNone": all_or_none, "records": records});
        let (status, results) = org.send(Method::POST, "composite/sobjects", body).await;
        assert_eq!(status, 200);
        assert_eq!(
            results[1]["errors"][0]["statusCode"],
            "REQUIRED_FIELD_MISSING"
        );
        assert_eq!(
            results[2]["errors"][0]["message"],
            "No such column 'Nope' on sobject of type Account"
        );
        let first = if all_or_none {
            json!("ALL_OR_NONE_OPERATION_ROLLED_BACK")
        } else {
            Value::Null
        };
        assert_eq!(results[0]["errors"][0]["statusCode"], first);
        assert_eq!(org.count("Account").await, landed);
    }
    let many: Vec<Value> = (0..201)
        .map(|_| json!({"attributes": {"type": "Account"}, "Name": "A"}))
        .collect();
    let (status, _) = org
        .send(Method::POST, "composite/sobjects", json!({"records": many}))
        .await;
    assert_eq!(status, 400);
    let ids: Vec<String> = org
        .query("select Id from Account")
        .await
        .iter()
        .map(|row| row["Id"].as_str().unwrap().to_owned())
        .collect();
    let path = format!("composite/sobjects?ids={}&allOrNone=false", ids.join(","));
    let (_, results) = answer(org.request(Method::DELETE, &path).send().await.unwrap()).await;
    assert_eq!(results[0]["success"], true);
    assert_eq!(org.count("Account").await, 0);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn tree_links_children_or_leaves_nothing() {
    let org = Org::new().await;
    let tree = |name: &str| {
        json!({"records": [{
            "attributes": {"type": "Account", "referenceId": "ref1"}, "Name": "A",
            "Contacts": {"records": [{"attributes": {"type": "Contact", "referenceId": "ref2"}, "LastName": name}]},
        }]})
    };
    let (status, body) = org
        .send(Method::POST, "composite/tree/Account", tree(""))
        .await;
    assert_eq!(
        (
            status,
            &body["hasErrors"],
            &body["results"][0]["referenceId"]
        ),
        (400, &json!(true), &json!("ref2"))
    );
    assert_eq!(org.count("Account").await, 0);
    let (status, body) = org
        .send(Method::POST, "composite/tree/Account", tree("C"))
        .await;
    assert_eq!((status, &body["hasErrors"]), (201, &json!(false)));
    assert_eq!(
        org.query("select Account.Name from Contact").await[0]["Account"]["Name"],
        "A"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn composite_requests_refer_to_earlier_ones() {
    let org = Org::new().await;
    let body = json!({"allOrNone": true, "compositeRequest": [
        {"method": "POST", "url": "/services/data/v66.0/sobjects/Account", "referenceId": "a", "body": {"Name": "A"}},
        {"method": "POST", "url": "/services/data/v66.0/sobjects/Contact", "referenceId": "c",
         "body": {"LastName": "C", "AccountId": "@{a.id}"}},
        {"method": "GET", "url": "/services/data/v66.0/sobjects/Contact/@{c.id}?fields=AccountId", "referenceId": "g"},
    ]});
    let before = org.get("limits").await["DailyApiRequests"]["Remaining"]
        .as_u64()
        .unwrap();
    let (status, answers) = org.send(Method::POST, "composite", body).await;
    assert_eq!(status, 200);
    let answers = &answers["compositeResponse"];
    assert_eq!(answers[2]["body"]["AccountId"], answers[0]["body"]["id"]);
    let after = org.get("limits").await["DailyApiRequests"]["Remaining"]
        .as_u64()
        .unwrap();
    assert_eq!(before - after, 2, "a composite request is one call");
    org.simulator.shutdown().await.unwrap();
}
