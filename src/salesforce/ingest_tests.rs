//! Claims about ingest jobs, most of them about what happens when something breaks.

use std::time::Duration;

use futures::{TryStreamExt, stream};

use super::{
    super::{
        mock_org::MockOrg,
        net::mock_server::{Answer, say},
    },
    *,
};

const JOBS: &str = "/services/data/v66.0/jobs/ingest";

#[tokio::test]
async fn a_job_is_created_for_plain_csv() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(&format!("POST {JOBS}"), &[], Some(job("Open")));
    let created = client
        .ingest()
        .create("Account", Operation::Upsert, Some("usercom_id__c"))
        .await
        .unwrap();
    assert_eq!(created.id, "750x");
    let body = &server.received(&format!("POST {JOBS}"))[0].body;
    assert_eq!(
        body,
        r#"{"object":"Account","operation":"upsert","externalIdFieldName":"usercom_id__c","contentType":"CSV","lineEnding":"LF","columnDelimiter":"COMMA"}"#
    );
}

#[tokio::test]
async fn a_creation_that_breaks_off_is_ambiguous_and_not_repeated() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(
        &format!("POST {JOBS}"),
        &[],
        Some(Answer::Reset { after: usize::MAX }),
    );
    let created = client
        .ingest()
        .create("Account", Operation::Insert, None)
        .await;
    assert!(created.unwrap_err().is_ambiguous());
    assert_eq!(server.received(&format!("POST {JOBS}")).len(), 1);
}

#[tokio::test]
async fn an_upload_that_is_reset_midway_starts_again_from_the_first_byte() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let upload = format!("PUT {JOBS}/750x/batches");
    server.on(&upload, &[Answer::Reset { after: 1 }], Some(say(201, "")));
    client.ingest().upload("750x", None, csv).await.unwrap();
    let received = server.received(&upload);
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].body, "Name\nAda\nGrace\n");
    assert_eq!(received[1].header("content-type"), "text/csv");
}

#[tokio::test]
async fn an_upload_with_an_expired_token_is_sent_again_whole() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let upload = format!("PUT {JOBS}/750x/batches");
    server.on("POST /services/oauth2/token", &[], Some(server.token("t1")));
    server.on(&upload, &[], Some(say(201, "")));
    server.accept_only("t1");
    client.ingest().upload("750x", Some(15), csv).await.unwrap();
    let received = server.received(&upload);
    assert_eq!(received[1].header("authorization"), "Bearer t1");
    assert_eq!(received[1].header("content-length"), "15");
    assert_eq!(received[1].body, "Name\nAda\nGrace\n");
}

#[tokio::test]
async fn an_upload_dropped_for_its_expired_token_finds_that_out() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let upload = format!("PUT {JOBS}/750x/batches");
    server.on("POST /services/oauth2/token", &[], Some(server.token("t1")));
    server.on(&upload, &[Answer::Reset { after: 1 }], Some(say(201, "")));
    let expired = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
    server.on(
        "GET /services/data/v66.0/limits",
        &[],
        Some(say(401, expired)),
    );
    client.ingest().upload("750x", None, csv).await.unwrap();
    let received = server.received(&upload);
    assert_eq!(received[0].header("authorization"), "Bearer t0");
    assert_eq!(received[1].header("authorization"), "Bearer t1");
}

#[tokio::test]
async fn an_upload_refused_after_a_break_is_ambiguous() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let refusal = r#"[{"errorCode":"INVALIDJOBSTATE","message":"already has data"}]"#;
    let upload = format!("PUT {JOBS}/750x/batches");
    server.on(
        &upload,
        &[Answer::Reset { after: usize::MAX }],
        Some(say(400, refusal)),
    );
    let error = client.ingest().upload("750x", None, csv).await.unwrap_err();
    assert!(error.is_ambiguous());
}

#[tokio::test]
async fn the_callers_own_failure_ends_an_upload_at_once() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let upload = format!("PUT {JOBS}/750x/batches");
    server.on(&upload, &[], Some(say(201, "")));
    let body = || {
        stream::iter([
            Ok(Bytes::from("Name\n")),
            Err(io::Error::other("part is gone")),
        ])
    };
    let error = client
        .ingest()
        .upload("750x", None, body)
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Upload);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "part is gone");
    assert!(server.clock.slept().is_empty());
}

#[tokio::test]
async fn closing_that_breaks_off_is_settled_by_reading_the_job() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let close = format!("PATCH {JOBS}/750x");
    server.on(
        &close,
        &[Answer::Reset { after: usize::MAX }],
        Some(job("UploadComplete")),
    );
    // First the close had not arrived: it is repeated.
    server.on(
        &format!("GET {JOBS}/750x"),
        &[job("Open")],
        Some(job("InProgress")),
    );
    let closed = client.ingest().close("750x").await.unwrap();
    assert_eq!(closed.state, JobState::UploadComplete);
    // Then it had: it is not.
    server.on(&close, &[Answer::Reset { after: usize::MAX }], None);
    let closed = client.ingest().close("750x").await.unwrap();
    assert_eq!(closed.state, JobState::InProgress);
    assert_eq!(server.received(&close).len(), 3);
}

#[tokio::test]
async fn all_pages_of_jobs_are_listed_from_a_time_on() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let entry = |id: &str, kind: &str, day: u32| {
        format!(
            r#"{{"id":"{id}","state":"Open","jobType":"{kind}","createdDate":"2026-03-{day:02}T10:00:00.000+0000"}}"#
        )
    };
    let first = format!(
        r#"{{"done":false,"records":[{},{}],"nextRecordsUrl":"{JOBS}?queryLocator=p2"}}"#,
        entry("750a", "V2Ingest", 1),
        entry("750b", "Classic", 5)
    );
    let second = format!(
        r#"{{"done":true,"records":[{}]}}"#,
        entry("750c", "V2Ingest", 4)
    );
    server.on(
        &format!("GET {JOBS}?jobType=V2Ingest"),
        &[],
        Some(say(200, first)),
    );
    server.on(
        &format!("GET {JOBS}?queryLocator=p2"),
        &[],
        Some(say(200, second)),
    );
    let all = client.ingest().list(None).await.unwrap();
    assert_eq!(all.len(), 2);
    let since = super::super::job::parse_instant("2026-03-02T00:00:00.000+0000");
    let recent = client.ingest().list(since).await.unwrap();
    assert_eq!(recent[0].id, "750c");
    assert_eq!(recent.len(), 1);
}

#[tokio::test]
async fn a_list_that_leads_back_to_itself_ends_with_an_error() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let page = format!(r#"{{"records":[],"nextRecordsUrl":"{JOBS}?queryLocator=p2"}}"#);
    server.on(&format!("GET {JOBS}"), &[], Some(say(200, page)));
    let error = client.ingest().list(None).await.unwrap_err();
    assert!(matches!(error, Error::PageLoop { .. }));
}

#[tokio::test]
async fn waiting_slows_down_and_takes_the_servers_wish() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let wish = job("InProgress").with("retry-after", "9");
    let steps = [job("UploadComplete"), job("InProgress"), wish];
    server.on(
        &format!("GET {JOBS}/750x"),
        &steps,
        Some(job("JobComplete")),
    );
    let mut seen = Vec::new();
    let done = client
        .ingest()
        .wait("750x", WaitOptions::default(), |job| {
            seen.push(job.state.to_string())
        })
        .await
        .unwrap();
    assert_eq!(done.state, JobState::JobComplete);
    assert_eq!(
        seen,
        ["UploadComplete", "InProgress", "InProgress", "JobComplete"]
    );
    let ms = Duration::from_millis;
    assert_eq!(server.clock.slept(), [ms(10), ms(15), ms(9_000)]);
}

#[tokio::test]
async fn waiting_stops_at_its_deadline_and_says_where_the_job_stands() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(&format!("GET {JOBS}/750x"), &[], Some(job("InProgress")));
    let options = WaitOptions {
        deadline: Some(Duration::from_secs(60)),
        ..WaitOptions::default()
    };
    let error = client
        .ingest()
        .wait("750x", options, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::WaitDeadline { state, .. } if state == "InProgress"));
    let slept: Duration = server.clock.slept().iter().sum();
    assert!(slept <= Duration::from_secs(60));
}

#[tokio::test]
async fn results_are_read_as_they_are() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let file = "\"sf__Id\",\"sf__Created\",Name\n\"001\",\"true\",\"Ada\"\n";
    server.on(
        &format!("GET {JOBS}/750x/successfulResults"),
        &[],
        Some(say(200, file)),
    );
    let body = client
        .ingest()
        .results("750x", ResultSet::Successful)
        .await
        .unwrap();
    let bytes: Vec<Bytes> = body.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), file.as_bytes());
    let request = &server.received("GET /services/data")[0];
    assert_eq!(request.header("accept"), "text/csv");
}

#[tokio::test]
async fn a_job_that_is_gone_counts_as_deleted() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    assert!(client.ingest().delete("750x").await.is_ok());
    assert!(
        client
            .ingest()
            .get("750x")
            .await
            .unwrap_err()
            .is_not_found()
    );
}

fn job(state: &str) -> Answer {
    say(200, format!(r#"{{"id":"750x","state":"{state}"}}"#))
}

fn csv() -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter(["Name\n", "Ada\n", "Grace\n"].map(|row| Ok(Bytes::from(row))))
}
