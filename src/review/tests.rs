//! The page's server over a socket, met by its own page, by a second tab and by strangers.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{Review, ReviewField, ReviewTargets, serve};
use crate::mapping::{KnownFields, StagedTypes};

const MAP: &str = "\u{feff}source;source_field;target_object;target_field;type;status;confirmed_by;confirmed_at;class;our note\r\n\
    people;job;Lead;Title;Text(128);proposed;;;certain;ask sales\r\n\
    people;<b>x</b>;Lead;X__c;Text(80);proposed;;;guess;\r\n";

const LIFECYCLE: &str = "lifecycle_stage,target,class,confirmed_by,confirmed_at\n\
    VIP,Contact,likely,,\n\
    lead,Lead,,,\n\
    cold,Lead,guess,,\n";

fn targets() -> ReviewTargets {
    let title = ReviewField {
        field: "Title".to_owned(),
        label: "Title".to_owned(),
        help: "As on the business card".to_owned(),
        kind: "string".to_owned(),
        field_type: "Text(128)".to_owned(),
        picklist: Vec::new(),
    };
    ReviewTargets::from([("Lead".to_owned(), vec![title])])
}

/// A served review, and the folder that it decides.
struct Served {
    folder: tempfile::TempDir,
    host: String,
    path: String,
    _stop: oneshot::Sender<()>,
}

async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/field_map.csv"), MAP).unwrap();
    std::fs::write(folder.path().join("config/lifecycle.csv"), LIFECYCLE).unwrap();
    let review = Review {
        folder: folder.path().to_owned(),
        project: "acme".to_owned(),
        by: "anna".to_owned(),
        staged: StagedTypes::new(),
        targets: targets(),
        fields: KnownFields::standard(),
        history: None,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (told, hears) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let started = move |url: &str| drop(told.send(url.to_owned()));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let shutdown = async move { drop(stopped.await) };
        serve(review, listener, started, shutdown).await.unwrap();
    });
    tasks.detach_all();
    let url = hears.await.unwrap();
    let (host, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    Served {
        folder,
        host: host.to_owned(),
        path: format!("/{path}"),
        _stop: stop,
    }
}

impl Served {
    /// Status, headers in lower case, body.
    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn map(&self) -> Value {
        let host = format!("host: {}\r\n", self.host);
        let (status, _, body) = self
            .ask("GET", &format!("{}map", self.path), &host, "")
            .await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn decide(&self, body: &Value) -> (u16, Value) {
        let host = &self.host;
        let headers =
            format!("host: {host}\r\norigin: http://{host}\r\ncontent-type: application/json\r\n");
        let path = format!("{}decide", self.path);
        let (status, _, body) = self.ask("POST", &path, &headers, &body.to_string()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("config/field_map.csv")).unwrap()
    }
}

#[tokio::test]
async fn decisions_of_the_page_are_written_and_the_second_tab_is_told() {
    let served = served().await;
    let seen = served.map().await;
    assert_eq!(seen["fields"][0]["state"], "open");
    assert_eq!(seen["by"], "anna");
    let accept = json!({"by": "ben", "version": seen["version"], "fields": [{"row": 0, "action": "confirm"}]});
    let (status, after) = served.decide(&accept).await;
    assert_eq!(
        (status, &after["fields"][0]["state"]),
        (200, &json!("confirmed")),
        "{after}"
    );
    let today = chrono::Utc::now().date_naive();
    let confirmed =
        format!("people;job;Lead;Title;Text(128);confirmed;ben;{today};certain;ask sales\r\n");
    // Form, foreign column and the other row are as they were.
    assert_eq!(
        served.file(),
        MAP.replace(
            "people;job;Lead;Title;Text(128);proposed;;;certain;ask sales\r\n",
            &confirmed
        )
    );
    // The second tab still shows the file as it was.
    let ignore = json!({"by": "eve", "version": seen["version"], "fields": [{"row": 1, "action": "ignore"}]});
    let before = served.file();
    let (status, told) = served.decide(&ignore).await;
    assert_eq!(status, 409, "{told}");
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("was changed since it was read"),
        "{told}"
    );
    assert_eq!(served.file(), before);
    // It reads the file again.
    let change = json!({"by": "eve", "version": after["version"], "fields": [
        {"row": 1, "action": "change", "target": "Note__c", "type": "Text(200)"}]});
    let (status, _) = served.decide(&change).await;
    assert_eq!(status, 200);
    assert!(
        served.file().contains(";Note__c;Text(200);confirmed;eve;"),
        "{}",
        served.file()
    );
}

#[tokio::test]
async fn what_is_known_to_be_wrong_is_refused_and_nothing_of_it_written() {
    let served = served().await;
    let map = served.map().await;
    assert_eq!(map["targets"]["Lead"][0]["help"], "As on the business card");
    let confirm = json!({"by": "eve", "version": map["version"], "fields": [{"row": 0, "action": "confirm"}]});
    let (status, confirmed) = served.decide(&confirm).await;
    assert_eq!(status, 200, "{confirmed}");
    let before = served.file();
    let one = |target: &str, field_type: &str| json!({"row": 0, "action": "change", "target": target, "type": field_type});
    let wrong = json!({"by": "mallory", "version": confirmed["version"], "fields": [
        one("Bad Name!", ""), one("", ""), one("Titel", "Text(128)"), one("Title", "Foo"), one("Title", "Date"),
        {"row": 1, "action": "change", "target": "title", "type": "Text(80)"},
    ]});
    let (status, answer) = served.decide(&wrong).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["refused"].as_array().unwrap().len(), 6, "{answer}");
    assert!(
        answer["refused"][2]
            .as_str()
            .unwrap()
            .contains("did you mean `Title`?")
    );
    assert_eq!(served.file(), before);
}

#[tokio::test]
async fn proposed_rows_of_other_decision_files_are_decided_too() {
    let served = served().await;
    let seen = served.map().await;
    let rows: Vec<&Value> = seen["decisions"].as_array().unwrap().iter().collect();
    // What somebody wrote by hand is no proposal.
    assert_eq!(rows.len(), 2, "{seen}");
    assert_eq!(
        (&rows[0]["of"], &rows[0]["source_value"]),
        (&json!("lifecycle"), &json!("VIP"))
    );
    assert_eq!(
        seen["picklists"]["lifecycle"],
        json!(["Lead", "Contact", "Hold"])
    );
    let all = json!({"by": "ben", "version": seen["version"], "decisions": {"0": [
        {"row": 0, "action": "confirm"}, {"row": 2, "action": "change", "target": "Contct"}]}});
    let (status, after) = served.decide(&all).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["decisions"][0]["state"], "confirmed");
    assert_eq!(after["decisions"][1]["state"], "open");
    assert!(
        after["refused"][0]
            .as_str()
            .unwrap()
            .contains("did you mean `Contact`"),
        "{after}"
    );
    let path = served.folder.path().join("config/lifecycle.csv");
    let today = chrono::Utc::now().date_naive();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(&format!("VIP,Contact,likely,ben,{today}\n")),
        "{text}"
    );
    // Another version of this file was shown to the second tab.
    let (status, _) = served.decide(&all).await;
    assert_eq!(status, 409);
    let none = json!({"by": "ben", "version": after["version"], "decisions": {"7": [{"row": 0, "action": "confirm"}]}});
    assert_eq!(served.decide(&none).await.0, 400);
}

#[tokio::test]
async fn strangers_are_not_answered_and_bad_decisions_change_nothing() {
    let served = served().await;
    let (host, path) = (&served.host, &served.path);
    let own = format!("host: {host}\r\n");
    let json = "content-type: application/json\r\n";
    let map = format!("{path}map");
    let decide = format!("{path}decide");
    for (method, path, headers, status) in [
        ("GET", path.as_str(), own.clone(), 200),
        ("GET", &format!("{path}page.js"), own.clone(), 200),
        ("GET", "/", own.clone(), 404),
        ("GET", "/0000/map", own.clone(), 404),
        // A name that leads here by DNS.
        ("GET", &map, "host: evil.example\r\n".to_owned(), 421),
        (
            "GET",
            &map,
            format!("{own}origin: http://evil.example\r\n"),
            403,
        ),
        (
            "POST",
            &decide,
            format!("{own}{json}origin: http://evil.example\r\n"),
            403,
        ),
        ("POST", &decide, format!("{own}{json}origin: null\r\n"), 403),
        ("POST", &decide, format!("{own}{json}"), 403),
        (
            "POST",
            &decide,
            format!("{own}origin: http://{host}\r\ncontent-type: text/plain\r\n"),
            415,
        ),
        (
            "POST",
            &decide,
            format!("{own}{json}origin: http://{host}\r\n"),
            400,
        ),
    ] {
        let (found, head, body) = served.ask(method, path, &headers, "").await;
        assert_eq!(found, status, "{method} {path} {headers}: {body}");
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{head}"
        );
        assert!(
            head.contains("cache-control: no-store")
                && head.contains("x-content-type-options: nosniff"),
            "{head}"
        );
    }
    let version = served.map().await["version"].clone();
    for wrong in [
        json!({"by": " ", "version": version, "fields": [{"row": 0, "action": "confirm"}]}),
        json!({"by": "eve", "version": version, "fields": [{"row": 99, "action": "confirm"}]}),
        json!({"by": "eve", "version": version, "fields": [{"row": 0, "action": "delete"}]}),
        json!({"by": "eve", "version": version, "path": "../../etc/passwd"}),
    ] {
        let (status, told) = served.decide(&wrong).await;
        assert_eq!(status, 400, "{told}");
    }
    assert_eq!(served.file(), MAP);
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_puts_nothing_in_as_markup() {
    for text in [
        include_str!("page.html"),
        include_str!("page.js"),
        include_str!("page.css"),
    ] {
        for never in [
            "http:",
            "https:",
            "//cdn",
            "@import",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
        ] {
            assert!(!text.contains(never), "{never}");
        }
    }
    let html = include_str!("page.html");
    assert!(!html.contains("style=") && !html.contains("onclick") && !html.contains("<style"));
}
