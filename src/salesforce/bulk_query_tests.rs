//! Claims about reading the pages of a bulk query.

use futures::TryStreamExt;

use super::{
    super::{
        CsvRows,
        mock_org::MockOrg,
        net::mock_server::{Answer, say},
    },
    *,
};

const JOBS: &str = "/services/data/v66.0/jobs/query";

#[tokio::test]
async fn pages_follow_the_locator_to_the_last() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let results = format!("GET {JOBS}/750q/results");
    server.on(&results, &[], Some(page("MTAw", "\"1\"\n\"2\"")));
    server.on(
        &format!("{results}?locator=MTAw"),
        &[],
        Some(page("null", "\"3\"")),
    );
    let mut ids = Vec::new();
    let mut pages = std::pin::pin!(client.bulk_query().pages(&job(Some("66.0"))));
    while let Some(page) = pages.try_next().await.unwrap() {
        let mut rows = CsvRows::open(page.body).await.unwrap();
        while let Some(batch) = rows.next_batch().await.unwrap() {
            ids.extend(batch.iter().map(|row| row[0].to_owned()));
        }
    }
    assert_eq!(ids, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_locator_that_comes_back_ends_with_an_error() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(
        &format!("GET {JOBS}/750q/results"),
        &[],
        Some(page("MTAw", "\"1\"")),
    );
    let pages = client.bulk_query().pages(&job(None));
    let result: Result<Vec<ResultPage>> = pages.try_collect().await;
    assert!(matches!(result, Err(Error::PageLoop { .. })));
}

#[tokio::test]
async fn a_locator_that_leads_nowhere_is_asked_for_once_more() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let results = format!("GET {JOBS}/750q/results");
    let wrong = page("d3Jvbmc", "\"1\"");
    server.on(&results, &[wrong], Some(page("MTAw", "\"1\"")));
    let refusal = r#"[{"errorCode":"INVALID_LOCATOR","message":"no such locator"}]"#;
    server.on(
        &format!("{results}?locator=d3Jvbmc"),
        &[],
        Some(say(400, refusal)),
    );
    server.on(
        &format!("{results}?locator=MTAw"),
        &[],
        Some(page("null", "\"2\"")),
    );
    let pages = client.bulk_query().pages(&job(None));
    let pages: Vec<ResultPage> = pages.try_collect().await.unwrap();
    assert_eq!(pages.len(), 2);
}

#[tokio::test]
async fn results_are_asked_for_in_the_version_of_the_job() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let target = "GET /services/data/v62.0/jobs/query/750q/results?locator=x&maxRecords=500";
    server.on(target, &[], Some(page("null", "")));
    let page = client
        .bulk_query()
        .page(&job(Some("62.0")), Some("x"), Some(500))
        .await
        .unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.records, Some(7));
}

#[tokio::test]
async fn a_query_is_started_with_its_scope() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let started =
        r#"{"id":"750q","state":"UploadComplete","operation":"queryAll","apiVersion":66.0}"#;
    server.on(&format!("POST {JOBS}"), &[], Some(say(200, started)));
    let query = client.bulk_query();
    query
        .create("SELECT Id FROM Task", QueryScope::WithDeletedAndArchived)
        .await
        .unwrap();
    let body = &server.received(&format!("POST {JOBS}"))[0].body;
    assert!(body.starts_with(r#"{"operation":"queryAll","query":"SELECT Id FROM Task""#));
}

#[tokio::test]
async fn a_stop_whose_answer_was_lost_is_settled_by_reading_the_job() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let refusal = r#"[{"errorCode":"INVALIDJOBSTATE","message":"Aborting already Completed Job not allowed"}]"#;
    let lost = Answer::Reset { after: usize::MAX };
    server.on(
        &format!("PATCH {JOBS}/750q"),
        &[lost],
        Some(say(400, refusal)),
    );
    let aborted = r#"{"id":"750q","state":"Aborted"}"#;
    server.on(&format!("GET {JOBS}/750q"), &[], Some(say(200, aborted)));
    let job = client.bulk_query().abort("750q").await.unwrap();
    assert!(job.state.is_terminal());
}

fn job(version: Option<&str>) -> JobInfo {
    let mut job: JobInfo = serde_json::from_str(r#"{"id":"750q","state":"JobComplete"}"#).unwrap();
    job.api_version = version.map(str::to_owned);
    job
}

fn page(next: &str, rows: &str) -> Answer {
    say(200, format!("\"Id\"\n{rows}\n"))
        .with("sforce-locator", next)
        .with("sforce-numberofrecords", "7")
}
