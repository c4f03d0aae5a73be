//! Claims about SOQL over REST.

use futures::TryStreamExt;

use super::{
    super::{mock_org::MockOrg, net::mock_server::say},
    *,
};

#[tokio::test]
async fn rows_of_all_pages_come_in_order() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let first = r#"{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g-2",
        "records":[{"attributes":{},"Id":"1"},{"Id":"2"}]}"#;
    server.on(
        "GET /services/data/v66.0/query?q=",
        &[],
        Some(say(200, first)),
    );
    let second = r#"{"totalSize":3,"done":true,"records":[{"Id":"3"}]}"#;
    server.on(
        "GET /services/data/v66.0/query/01g-2",
        &[],
        Some(say(200, second)),
    );
    let rows: Vec<Row> = client
        .query("SELECT Id FROM Account")
        .try_collect()
        .await
        .unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row["Id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    let request = &server.received("GET /services/data/v66.0/query?")[0];
    assert!(request.line.ends_with("?q=SELECT+Id+FROM+Account"));
}

#[tokio::test]
async fn deleted_and_archived_rows_have_a_resource_of_their_own() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(
        "GET /services/data/v66.0/queryAll?q=",
        &[],
        Some(say(200, r#"{"records":[]}"#)),
    );
    let rows: Vec<Row> = client
        .query_in("SELECT Id FROM Task", QueryScope::WithDeletedAndArchived)
        .try_collect()
        .await
        .unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_page_that_leads_back_ends_with_an_error() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let page = r#"{"records":[],"nextRecordsUrl":"/services/data/v66.0/query/01g-2"}"#;
    server.on("GET /services/data/v66.0/query", &[], Some(say(200, page)));
    let rows: Result<Vec<Row>> = client.query("SELECT Id FROM Account").try_collect().await;
    assert!(matches!(rows, Err(Error::PageLoop { .. })));
}

#[tokio::test]
async fn the_organization_is_read_by_query() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let page = r#"{"records":[{"attributes":{},"Id":"00Dxx","Name":"Acme","OrganizationType":"Enterprise Edition","IsSandbox":true}]}"#;
    server.on(
        "GET /services/data/v66.0/query?q=",
        &[],
        Some(say(200, page)),
    );
    let organization = client.organization().await.unwrap();
    assert_eq!(organization.name, "Acme");
    assert!(organization.is_sandbox);
}
