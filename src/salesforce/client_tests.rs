//! Claims about every request: sessions are renewed once for all, failures are retried and named, nothing leaks.

use std::sync::atomic::AtomicUsize;

use futures::{StreamExt, TryStreamExt, future::join_all};
use tokio::net::TcpListener;

use super::{
    super::{
        ErrorClass,
        mock_org::MockOrg,
        net::mock_server::{Answer, say},
    },
    *,
};

const LIMITS: &str = "GET /services/data/v66.0/limits";

#[tokio::test]
async fn requests_that_meet_an_expired_session_together_share_one_login() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on("POST /services/oauth2/token", &[], Some(server.token("t1")));
    server.on(LIMITS, &[], Some(say(200, "{}")));
    server.accept_only("t1");
    let results = join_all((0..8).map(|_| client.limits())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(server.received("POST /services/oauth2/token").len(), 2);
    assert_eq!(server.received(LIMITS).len(), 16);
    assert!(server.clock.slept().is_empty());
}

#[tokio::test]
async fn requests_that_wait_for_a_login_share_its_failure() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let refusal = r#"{"error":"invalid_grant","error_description":"user is frozen"}"#;
    server.on("POST /services/oauth2/token", &[], Some(say(400, refusal)));
    server.accept_only("t1");
    let results = join_all((0..8).map(|_| client.limits())).await;
    for result in results {
        assert_eq!(result.unwrap_err().class(), ErrorClass::Credentials);
    }
    assert_eq!(server.received("POST /services/oauth2/token").len(), 2);
}

#[tokio::test]
async fn a_session_that_was_never_good_is_renewed_a_few_times_per_request() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.accept_only("never handed out");
    let error = client.limits().await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert_eq!(error.class(), ErrorClass::Credentials);
    assert_eq!(server.received(LIMITS).len(), 4);
}

#[tokio::test]
async fn a_page_of_a_proxy_and_an_empty_body_are_no_answers() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let page = say(200, "<html>sign in</html>");
    let marked = say(200, "{}").with("content-type", "text/html; charset=utf-8");
    let limits = r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998}}"#;
    let odd = [page, say(200, ""), marked];
    server.on(LIMITS, &odd, Some(say(200, limits)));
    assert_eq!(client.limits().await.unwrap().len(), 1);
    assert_eq!(server.received(LIMITS).len(), 4);
}

#[tokio::test]
async fn the_time_is_the_servers() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let dated = say(200, "{}").with("date", "Tue, 03 Mar 1998 10:00:00 GMT");
    server.on(LIMITS, &[], Some(dated));
    client.limits().await.unwrap();
    server.clock.sleep(Duration::from_secs(90)).await;
    let time = client.server_time().to_rfc3339();
    assert_eq!(time, "1998-03-03T10:01:30+00:00");
}

#[tokio::test]
async fn a_new_login_into_another_organization_is_refused() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let base = server.url.as_str();
    let other = format!(
        r#"{{"access_token":"t1","instance_url":"{base}","id":"{base}id/00Dother/005yy"}}"#
    );
    server.on("POST /services/oauth2/token", &[], Some(say(200, other)));
    server.accept_only("t1");
    let error = client.limits().await.unwrap_err();
    assert!(matches!(error, Error::OrganizationChanged { .. }));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let busy = say(503, "").with("retry-after", "7");
    server.on(LIMITS, &[busy], Some(say(200, "{}")));
    client.limits().await.unwrap();
    assert_eq!(server.clock.slept(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn a_date_to_wait_for_is_read_by_the_servers_clock() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    // This machine's clock is decades ahead of the server's.
    let busy = say(503, "")
        .with("date", "Tue, 03 Mar 1998 10:00:00 GMT")
        .with("retry-after", "Tue, 03 Mar 1998 10:00:07 GMT");
    server.on(LIMITS, &[busy], Some(say(200, "{}")));
    client.limits().await.unwrap();
    assert_eq!(server.clock.slept(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn a_used_up_quota_is_not_retried() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let refusal =
        r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#;
    server.on(LIMITS, &[], Some(say(403, refusal)));
    let error = client.limits().await.unwrap_err();
    assert!(error.is_quota());
    assert_eq!(error.class(), ErrorClass::Setup);
    assert_eq!(server.received(LIMITS).len(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let truncated = Answer::Truncate {
        body: r#"{"DailyApi"#.into(),
    };
    let limits = r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998},"Odd":[1]}"#;
    server.on(LIMITS, &[truncated], Some(say(200, limits)));
    let limits = client.limits().await.unwrap();
    assert_eq!(limits["DailyApiRequests"].remaining, 14_998);
    assert_eq!(limits.len(), 1);
    assert_eq!(server.received(LIMITS).len(), 2);
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let server = MockOrg::start().await;
    let mut settings = server.settings();
    settings.timeouts.idle = Duration::from_millis(50);
    settings.retry.max_attempts = 2;
    let client = server.connect(settings).await.unwrap();
    server.on(LIMITS, &[], Some(Answer::Hang));
    let error = client.limits().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(error.to_string().contains("timed out after 2 attempts"));
}

#[tokio::test]
async fn a_host_that_is_down_is_named_soon() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = MockOrg::start().await;
    let mut settings = server.settings();
    settings.login_url = Url::parse(&format!("http://{address}")).unwrap();
    let error = server.connect(settings).await.unwrap_err();
    assert_eq!(error.to_string(), format!("login at {address} failed"));
    assert_eq!(error.class(), ErrorClass::Transient);
    // Soon, since nobody has got in yet.
    let slept: Duration = server.clock.slept().iter().sum();
    assert!(server.clock.slept().len() > 2 && slept <= Duration::from_secs(15));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let away = say(302, "").with("location", format!("{}elsewhere", server.url));
    server.on(LIMITS, &[], Some(away));
    assert_eq!(client.limits().await.unwrap_err().status(), Some(302));
    assert!(server.received("GET /elsewhere").is_empty());
}

#[tokio::test]
async fn a_page_on_another_host_is_asked_for_at_the_instance() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let first =
        r#"{"records":[{"Id":"1"}],"nextRecordsUrl":"https://evil.example.com/next/2?x=1"}"#;
    server.on(
        "GET /services/data/v66.0/query?q=",
        &[],
        Some(say(200, first)),
    );
    let second = r#"{"records":[{"Id":"2"}]}"#;
    server.on("GET /next/2?x=1", &[], Some(say(200, second)));
    let rows: Vec<_> = client
        .query("SELECT Id FROM Account")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let truncated = Answer::Truncate {
        body: "a,b\n1,2\n".into(),
    };
    server.on("GET /file", &[], Some(truncated));
    let (_, body) = client.open(&Call::get("/file".into())).await.unwrap();
    let chunks: Vec<_> = body.collect().await;
    let error = chunks.into_iter().find_map(Result::err).unwrap();
    assert_eq!(
        error.to_string(),
        "the answer to GET /file broke off after 8 bytes"
    );
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn requests_are_counted_and_the_allowance_is_read() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let told = say(200, "{}").with("sforce-limit-info", "api-usage=18/5000");
    server.on(LIMITS, &[say(503, "")], Some(told));
    client.limits().await.unwrap();
    let usage = client.usage();
    assert_eq!(usage.requests, 3);
    assert_eq!(usage.organization.map(|usage| usage.max), Some(5_000));
}

#[tokio::test]
async fn a_server_on_this_machine_is_not_asked_for_compression() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(LIMITS, &[], Some(say(200, "{}")));
    client.limits().await.unwrap();
    assert_eq!(
        server.received(LIMITS)[0].header("accept-encoding"),
        "identity"
    );
}

#[tokio::test]
async fn each_retry_is_logged_once() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    // A place that logs is known to the subscribers of its first time: another test's first retry must not be ours.
    server.on(LIMITS, &[say(503, ""), say(429, "")], Some(say(200, "{}")));
    client.limits().await.unwrap();
    server.on(LIMITS, &[say(503, ""), say(429, "")], Some(say(200, "{}")));
    let warnings = Arc::new(AtomicUsize::new(0));
    let guard = tracing::subscriber::set_default(CountWarnings(Arc::clone(&warnings)));
    client.limits().await.unwrap();
    drop(guard);
    assert_eq!(warnings.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn neither_errors_nor_the_client_show_token_or_query() {
    let server = MockOrg::start().await;
    server.on(
        "POST /services/oauth2/token",
        &[],
        Some(server.token("t0ken")),
    );
    let client = server.client().await;
    let refusal = r#"[{"message":"\nWHERE Email = 'ada@x.org'\n ^\nERROR at Row:1:Column:9\nbad","errorCode":"MALFORMED_QUERY"}]"#;
    server.on(
        "GET /services/data/v66.0/query",
        &[],
        Some(say(400, refusal)),
    );
    let soql = "SELECT Id FROM Lead WHERE Email = 'ada@x.org'";
    let rows: Vec<_> = client.query(soql).collect().await;
    let error = rows.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.code(), Some("MALFORMED_QUERY"));
    let shown = format!("{error} {error:?} {client:?}");
    for secret in ["ada@x.org", "hunter2", "t0ken"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_client_can_be_used_from_any_task() {
    fn sendable<T: Send>(_: impl FnOnce(Client) -> T) {}
    sendable(|client| async move { client.limits().await });
    sendable(|client| async move {
        let body = || futures::stream::iter([Ok(Bytes::new())]);
        client.ingest().upload("750", None, body).await
    });
    sendable(|client| async move {
        client
            .ingest()
            .wait("750", super::super::WaitOptions::default(), |_| {})
            .await
    });
}

/// Counts warnings and ignores everything else.
struct CountWarnings(Arc<AtomicUsize>);

impl tracing::Subscriber for CountWarnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().contains("salesforce")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
