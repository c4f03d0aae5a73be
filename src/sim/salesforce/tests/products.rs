//! Products, prices, and what lines do to their opportunity.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

/// A product with a standard price; returns the product, the standard price book and the price book entry.
async fn priced(org: &Org) -> (String, String, String) {
    let product = org.create("Product2", json!({"Name": "P"})).await;
    let book = org
        .query("select Id from Pricebook2 where IsStandard = true")
        .await;
    let book = book[0]["Id"].as_str().unwrap().to_owned();
    let entry =
        json!({"Product2Id": product, "Pricebook2Id": book, "UnitPrice": 10, "IsActive": true});
    let entry = org.create("PricebookEntry", entry).await;
    (product, book, entry)
}

async fn deal(org: &Org, amount: Value) -> String {
    let deal = json!({"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31", "Amount": amount});
    org.create("Opportunity", deal).await
}

#[tokio::test]
async fn custom_price_needs_the_standard_one_and_each_is_unique() {
    let org = Org::new().await;
    let own = org
        .create("Pricebook2", json!({"Name": "Own", "IsActive": true}))
        .await;
    let bare = org.create("Product2", json!({"Name": "Bare"})).await;
    let entry = json!({"Product2Id": bare, "Pricebook2Id": own, "UnitPrice": 1});
    assert_eq!(
        org.refused("PricebookEntry", entry).await.0,
        "STANDARD_PRICE_NOT_DEFINED"
    );
    let (product, book, standard) = priced(&org).await;
    assert_eq!(org.row("PricebookEntry", &standard).await["Name"], "P");
    let entry = json!({"Product2Id": product, "Pricebook2Id": own, "UnitPrice": 1});
    org.create("PricebookEntry", entry).await;
    let again = json!({"Product2Id": product, "Pricebook2Id": book, "UnitPrice": 1});
    assert_eq!(
        org.refused("PricebookEntry", again).await.1,
        "This price definition already exists in this price book"
    );
    let standard_price = json!({"Product2Id": product, "Pricebook2Id": book, "UseStandardPrice": true, "UnitPrice": 1});
    assert_eq!(
        org.refused("PricebookEntry", standard_price).await.1,
        "field integrity exception"
    );
    let moved = json!({"Pricebook2Id": own});
    assert_eq!(org.change("PricebookEntry", &standard, moved).await.0, 400);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn lines_decide_the_amount_until_the_last_one_goes() {
    let org = Org::new().await;
    let (_, book, entry) = priced(&org).await;
    let deal = deal(&org, json!(999)).await;
    let csv = format!(
        "OpportunityId,PricebookEntryId,Quantity,UnitPrice,TotalPrice,Discount\n\
         {deal},{entry},3,10.5,,\n{deal},{entry},2,,7,\n{deal},{entry},1,100,,25\n\
         {deal},{entry},1,1,1,\n{deal},{entry},1,,,\n{deal},{entry},0,1,,\n"
    );
    let job = org.ingest("OpportunityLineItem", "insert", &csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 3, "{:?}", job.failed);
    let row = org.row("Opportunity", &deal).await;
    assert_eq!(
        (
            &row["Amount"],
            &row["HasOpportunityLineItem"],
            &row["Pricebook2Id"]
        ),
        (&json!(113.5), &json!(true), &json!(book))
    );
    // Written, answered as done, and ignored.
    let written = org
        .change("Opportunity", &deal, json!({"Amount": 1, "NextStep": "n"}))
        .await;
    assert_eq!(written.0, 204);
    let row = org.row("Opportunity", &deal).await;
    assert_eq!(
        (&row["Amount"], &row["NextStep"]),
        (&json!(113.5), &json!("n"))
    );
    let frozen = org
        .change("Opportunity", &deal, json!({"Pricebook2Id": null}))
        .await;
    assert_eq!(frozen.0, 400);
    let lines = org
        .query("select Id, UnitPrice, TotalPrice, Name from OpportunityLineItem")
        .await;
    assert_eq!(
        (
            &lines[1]["UnitPrice"],
            &lines[2]["TotalPrice"],
            &lines[0]["Name"]
        ),
        (&json!(3.5), &json!(75.0), &json!("O P"))
    );
    for (at, left) in [(0, 82.0), (1, 75.0), (2, 75.0)] {
        let path = format!(
            "sobjects/OpportunityLineItem/{}",
            lines[at]["Id"].as_str().unwrap()
        );
        org.send(Method::DELETE, &path, Value::Null).await;
        assert_eq!(org.row("Opportunity", &deal).await["Amount"], left);
    }
    let row = org.row("Opportunity", &deal).await;
    assert_eq!(row["HasOpportunityLineItem"], false);
    assert_eq!(
        org.change("Opportunity", &deal, json!({"Amount": 1}))
            .await
            .0,
        204
    );
    assert_eq!(org.row("Opportunity", &deal).await["Amount"], 1.0);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn line_needs_an_active_entry_of_the_opportunity_s_price_book() {
    let org = Org::new().await;
    let (product, _, entry) = priced(&org).await;
    let own = org.create("Pricebook2", json!({"Name": "Own"})).await;
    let other =
        json!({"Product2Id": product, "Pricebook2Id": own, "UnitPrice": 1, "IsActive": true});
    let other = org.create("PricebookEntry", other).await;
    let deal = deal(&org, Value::Null).await;
    let line = |entry: &str| json!({"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 1});
    let unavailable = (
        "FIELD_INTEGRITY_EXCEPTION".to_owned(),
        "pricebook entry does not exist or is not available".to_owned(),
    );
    assert_eq!(
        org.refused("OpportunityLineItem", line(&other)).await,
        unavailable
    );
    org.change("Pricebook2", &own, json!({"IsActive": true}))
        .await;
    org.create("OpportunityLineItem", line(&other)).await;
    let (code, message) = org.refused("OpportunityLineItem", line(&entry)).await;
    assert_eq!(code, "FIELD_INTEGRITY_EXCEPTION");
    assert!(message.contains("different pricebook"), "{message}");
    org.change("PricebookEntry", &other, json!({"IsActive": false}))
        .await;
    assert_eq!(
        org.refused("OpportunityLineItem", line(&other)).await,
        unavailable
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn several_currencies_keep_prices_and_deals_apart() {
    let org = Org::with(SalesforceSimOptions {
        multi_currency: true,
        ..SalesforceSimOptions::default()
    })
    .await;
    let codes = org
        .query("select IsoCode from CurrencyType where IsActive = true")
        .await;
    assert_eq!(codes.len(), 3);
    let (product, book, entry) = priced(&org).await;
    assert_eq!(
        org.row("PricebookEntry", &entry).await["CurrencyIsoCode"],
        "EUR"
    );
    let zloty = json!({"Product2Id": product, "Pricebook2Id": book, "UnitPrice": 43, "IsActive": true, "CurrencyIsoCode": "PLN"});
    let zloty = org.create("PricebookEntry", zloty).await;
    let deal = json!({"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31", "CurrencyIsoCode": "PLN"});
    let deal = org.create("Opportunity", deal).await;
    let line = |entry: &str| json!({"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 1});
    assert_eq!(
        org.refused("OpportunityLineItem", line(&entry)).await.0,
        "FIELD_INTEGRITY_EXCEPTION"
    );
    let line = org.create("OpportunityLineItem", line(&zloty)).await;
    assert_eq!(
        org.row("OpportunityLineItem", &line).await["CurrencyIsoCode"],
        "PLN"
    );
    let (code, _) = org
        .refused("Account", json!({"Name": "A", "CurrencyIsoCode": "XXX"}))
        .await;
    assert_eq!(code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    org.simulator.shutdown().await.unwrap();
}
