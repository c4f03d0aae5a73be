//! What a probe finds out, and what extracts make of it.

use super::*;
use crate::usercom::api::mock_account::MockAccount;
use crate::usercom::api::mock_server::{Answer, say};
use crate::usercom::capabilities::ChangesBy;

/// An account with two pages of tags, no conversations, a search that filters, a limit.
fn answer(line: &str) -> Answer {
    let page = |next: &str, rows: &str| {
        let next = if next.is_empty() {
            "null".to_owned()
        } else {
            format!("\"/api/public/{next}\"")
        };
        say(
            200,
            format!(r#"{{"count":3,"next":{next},"results":[{rows}]}}"#),
        )
        .with("date", "Thu, 01 Jan 2026 10:00:00 GMT")
    };
    let person = r#"{"id":1,"name":"Ada Nowak","updated_at":"2025-12-01T00:00:00.5Z","vip":true}"#;
    match line {
        "GET users/" | "GET users/?page_size=2" => page("", person),
        "GET users/search/?search=updated_at&min=1764547200&max=1764547200" => page("", person),
        "GET users/1/" => say(200, person),
        "GET tags/" => page("tags/?cursor=2", r#"{"id":1},{"id":2}"#),
        "GET tags/?cursor=2" => page("tags/?cursor=4", r#"{"id":3}"#),
        "GET attributes/" => page(
            "",
            r#"{"id":1,"value_type":"fixed","content_type":"user","choices":[]}"#,
        ),
        "GET deals/" => page("", ""),
        "GET notes/" => say(403, "{}"),
        _ => say(404, "{}"),
    }
}

fn finding<'f>(findings: &'f Findings, question: &str) -> &'f str {
    let found = findings
        .findings
        .iter()
        .find(|finding| finding.question.contains(question));
    &found.unwrap().answer
}

#[tokio::test]
async fn a_probe_finds_out_what_an_account_does_and_keeps_no_values() {
    let mut tags = 0;
    let server = MockAccount::start(move |line| {
        tags += u32::from(line == "GET tags/");
        if tags > 20 && line == "GET tags/" {
            return say(429, "")
                .with("retry-after", "7")
                .with("x-ratelimit-limit", "20");
        }
        answer(line)
    })
    .await;
    let findings = probe(&server.client(), "http://here").await.unwrap();
    let known = &findings.capabilities;
    assert_eq!(known.endpoints["users/"], 200);
    assert_eq!(known.endpoints["users/:id/"], 200);
    assert_eq!(known.endpoints["conversations/"], 404);
    assert_eq!(known.endpoints["notes/"], 403);
    assert_eq!(known.changes, ChangesBy::Search);
    assert!(known.changes_inclusive && known.last_next_is_missing);
    assert_eq!((known.api_version, known.exports.as_deref()), (2, None));
    assert_eq!(known.retry_after.as_deref(), Some("7"));
    assert!(finding(&findings, "too many").contains("x-ratelimit-limit: 20"));
    assert!(finding(&findings, "attributes").contains("1 of 1 `fixed`"));
    assert!(finding(&findings, "end").contains("3 of 3 rows"));
    let folder = tempfile::tempdir().unwrap();
    findings.write(folder.path()).unwrap();
    for file in [REPORT, CAPABILITIES] {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(
            !text.contains("Nowak") && !text.contains("hunter2"),
            "{text}"
        );
    }
    let again = super::known(folder.path(), "http://here").unwrap().unwrap();
    assert_eq!(again.endpoints, known.endpoints);
    assert!(
        super::known(folder.path(), "http://elsewhere")
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_probe_only_reads_but_for_the_wish_for_an_export() {
    let server = MockAccount::start(answer).await;
    probe(&server.client(), "http://here").await.unwrap();
    let others: Vec<String> = server
        .received("")
        .into_iter()
        .map(|request| request.line)
        .filter(|line| !line.starts_with("GET "))
        .collect();
    assert_eq!(others, ["POST exports/"]);
}

#[tokio::test]
async fn a_probe_of_a_place_without_people_says_why() {
    let server = MockAccount::start(|_| say(401, "{}")).await;
    let error = probe(&server.client(), "http://here").await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthorized { .. }));
}
