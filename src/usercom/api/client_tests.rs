//! What the client says to a server and what it makes of the answers.

use std::time::Instant;

use super::super::mock_account::MockAccount;
use super::super::mock_server::{Answer as Reply, say};
use super::*;

const EMPTY: &str = r#"{"count":0,"next":null,"results":[]}"#;

/// Answers in turn, the last one for ever.
async fn serve(answers: Vec<Reply>) -> MockAccount {
    let mut at = 0;
    MockAccount::start(move |_| {
        let answer = answers[at.min(answers.len() - 1)].clone();
        at += 1;
        answer
    })
    .await
}

#[tokio::test]
async fn every_request_carries_the_token_and_asks_for_version_2() {
    let server = serve(vec![say(200, EMPTY)]).await;
    let client = server.client();
    client.get("users/?x=1").await.unwrap();
    client
        .get_as("/api/public/users/", Version::One)
        .await
        .unwrap();
    let received = server.received("GET users/");
    assert_eq!(received[0].line, "GET users/?x=1");
    assert_eq!(received[0].headers["authorization"], "Token hunter2");
    assert_eq!(received[0].headers["accept"], "*/*; version=2");
    assert_eq!(received[1].headers["accept"], "*/*");
    assert_eq!(client.requests(), 2);
}

#[tokio::test]
async fn failures_that_may_go_away_are_tried_again() {
    let server = serve(vec![
        say(503, "down"),
        Reply::Reset { after: 0 },
        Reply::Truncate {
            body: r#"{"count":"#.to_owned(),
        },
        say(200, EMPTY),
    ])
    .await;
    assert_eq!(server.client().get("users/").await.unwrap().body, EMPTY);
    assert_eq!(server.received("GET").len(), 4);
}

#[tokio::test]
async fn a_failure_that_stays_is_told_after_all_attempts() {
    let server = serve(vec![say(500, "down")]).await;
    let error = server.client().get("users/?email=a@b.c").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /api/public/users/ failed with status 500 after 4 attempt(s)"
    );
    assert!(!error.is_input());
}

#[tokio::test]
async fn a_pause_that_the_server_asks_for_is_kept_by_everybody() {
    let pause = say(429, "slow down").with("retry-after", "1");
    let server = serve(vec![pause, say(200, EMPTY)]).await;
    let client = server.client();
    let started = Instant::now();
    let (first, second) = tokio::join!(client.get("users/"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.get("deals/").await
    });
    first.unwrap();
    second.unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let received = server.received("GET deals/");
    assert_eq!(received.len(), 1);
    assert_eq!(client.refused(), 1);
}

#[tokio::test]
async fn a_date_to_wait_for_is_read_by_the_servers_clock() {
    // This machine's clock is decades ahead of the server's.
    let pause = say(429, "")
        .with("date", "Tue, 03 Mar 1998 10:00:00 GMT")
        .with("retry-after", "Tue, 03 Mar 1998 10:00:01 GMT");
    let server = serve(vec![pause, say(200, EMPTY)]).await;
    let started = Instant::now();
    server.client().get("users/").await.unwrap();
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(900) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

#[tokio::test]
async fn requests_keep_the_rate() {
    let server = serve(vec![say(200, EMPTY)]).await;
    let mut settings = server.settings();
    settings.requests_per_second = 20.0;
    let client = Client::new(settings).unwrap();
    let started = Instant::now();
    let all = (0..11).map(|_| client.get("users/"));
    futures::future::try_join_all(all).await.unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn refusals_name_the_variable_and_the_page_where_keys_are_made() {
    for (status, what) in [(401, "refused the API token"), (403, "/api/public/deals/")] {
        let server = serve(vec![say(status, r#"{"detail":"no"}"#)]).await;
        let error = server.client().get("deals/").await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("USERCOM_API_TOKEN"), "{hint}");
        assert!(hint.contains("/credentials/"), "{hint}");
        assert!(error.is_input());
        assert_eq!(server.received("GET").len(), 1, "not tried again");
    }
}

#[tokio::test]
async fn a_web_page_instead_of_json_is_told_apart() {
    for status in [200, 403] {
        let server = serve(vec![say(status, "<html>Sign in to the proxy</html>")]).await;
        let error = server.client().get("users/").await.unwrap_err();
        assert!(
            error.to_string().contains("web page instead of JSON"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("HTTPS_PROXY"));
        assert!(error.is_input());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let away = say(302, "").with("location", "https://evil.example/api/public/users/?x=1");
    let server = serve(vec![away]).await;
    let error = server.client().get("users/").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("redirects to https://evil.example/api/public/users/ (status 302)"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_without_the_query() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = serve(vec![say(200, EMPTY)]).await;
    let mut settings = server.settings();
    settings.url = Url::parse(&format!("http://{address}")).unwrap();
    let error = Client::new(settings)
        .unwrap()
        .get("users/?email=ada@example.com")
        .await
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("no answer from"), "{text}");
    assert!(!text.contains("ada@example.com"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let endless = format!("{{\"results\":[\"{}", "x".repeat(LONGEST_ANSWER + 1));
    let server = serve(vec![say(200, endless)]).await;
    let error = server.client().get("users/").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer to /api/public/users/ is longer than 64 MiB"
    );
    assert!(error.hint().is_some());
    assert_eq!(
        server.received("GET").len(),
        1,
        "asking again does not help"
    );
}
