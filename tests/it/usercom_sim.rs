//! A simulated User.com account, started as people start it and read by a client that knows nothing but HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use transload_sim::usercom::DEFAULT_TOKEN;

use crate::support::Project;
use crate::usercom_account::{Account, V2, ids};

#[test]
fn every_row_is_on_some_page_once_and_the_last_next_is_404() {
    let account = Account::of(people(7), &["--page-size", "3"]);
    let (ids, end) = account.walk("users/");
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(end, Some(StatusCode::NOT_FOUND));

    let account = Account::of(people(7), &["--page-size", "3", "--bugs", "none"]);
    let (ids, end) = account.walk("users/");
    assert_eq!((ids.len(), end), (7, None));
    // A page that ends with the list has no other behind it.
    let account = Account::of(people(6), &["--page-size", "3", "--bugs", "none"]);
    assert_eq!(account.walk("users/").0.len(), 6);
}

#[test]
fn who_opens_it_in_a_browser_of_this_machine_sees_what_it_holds_and_no_row() {
    let account = Account::of(people(7), &[]);
    let (status, page) = account.fetch("/");
    assert_eq!(status, 200);
    assert!(
        page.contains("<h1>A simulated User.com account</h1>"),
        "{page}"
    );
    assert!(page.contains("<td>people</td><td>7</td>"), "{page}");
    assert!(page.contains("the export <code>export</code>"), "{page}");
    assert!(
        !page.contains(DEFAULT_TOKEN) && !page.contains('@'),
        "{page}"
    );
    // It is no request of a client: nothing is counted.
    let stats = account.control(Method::GET, "stats", None);
    assert!(!stats.to_string().contains("\"/\""), "{stats}");
}

#[test]
fn a_row_is_named_as_the_version_names_it_and_keeps_every_cell() {
    let project = Project::empty()
        .file(
            "export/attributes.jsonl",
            "{\"id\":9,\"name\":\"Lead Source\",\"name_std\":\"lead_source\",\"value_type\":\"fixed\",\"content_type\":\"clientuser\"}\n",
        )
        .file("export/tags.csv", "id,name\n4,vip\n")
        .file(
            "export/companies.csv",
            "id,name,size\n20,Acme,7\n",
        )
        .file(
            "export/people.csv",
            "ID,User Key,User ID,First Name,Page visits,Companies,Tags,Unsubscribed,Updated at,Lead Source,Shoe size\n\
             1,k1,C-1,Ada,17,\"{20,21}\",\"{vip,odd}\",tak,2024-02-03 10:00:00+02,web,41\n",
        );
    let account = Account::of(project, &["--bugs", "none"]);

    let person = account.get("users/1/").body;
    assert_eq!(person["user_key"], "k1");
    assert_eq!(person["custom_id"], "C-1");
    assert_eq!(person["first_name"], "Ada");
    assert_eq!(person["page_views"], 17);
    assert_eq!(
        person["companies"],
        json!([{"id": 20, "name": "Acme", "member_since": null}, {"id": 21, "name": null, "member_since": null}])
    );
    assert_eq!(
        person["tags"],
        json!([{"id": 4, "name": "vip"}, {"id": null, "name": "odd"}])
    );
    assert_eq!(person["unsubscribed"], "tak");
    assert_eq!(person["updated_at"], "2024-02-03T08:00:00.000000Z");
    assert_eq!(person["lead_source"], json!(["web"]));
    assert_eq!(person["shoe_size"], "41");
    assert_eq!(person["email"], Value::Null);

    let person = account.ask(Method::GET, "users/1/", "*/*", None).body;
    assert_eq!(person["key"], "k1");
    assert_eq!(person["user_id"], "C-1");
    assert_eq!(
        person["attributes"],
        json!([
            {"id": 9, "name": "Lead Source", "name_std": "lead_source", "value": ["web"]},
            {"id": null, "name": "shoe_size", "name_std": "shoe_size", "value": "41"},
        ])
    );
    assert!(person.get("lead_source").is_none() && person.get("custom_id").is_none());
}

#[test]
fn of_several_versions_of_a_row_the_newest_is_served_and_damaged_rows_are_not() {
    let project = Project::empty().file(
        "export/deals.csv",
        "id,name,updated_at\n\
         1,new,2024-05-01T00:00:00Z\n\
         1,old,2024-04-01T00:00:00Z\n\
         x,without id,2024-04-01T00:00:00Z\n\
         2,ragged\n",
    );
    let account = Account::of(project, &["--bugs", "none"]);
    let deals = account.get("deals/").body;
    assert_eq!(deals["count"], 1);
    assert_eq!(deals["results"][0]["name"], "new");
}

#[test]
fn what_lies_inside_a_record_is_where_the_api_shows_it() {
    let project = Project::empty()
        .file("export/people.jsonl", "{\"id\":1,\"name\":\"Ada\",\"key\":\"k\",\"email\":\"a@example.com\",\"emails\":[{\"id\":50,\"subject\":\"Hi\"}]}\n")
        .file("export/deals.jsonl", "{\"id\":7,\"name\":\"Deal\",\"person\":1,\"order_products\":[{\"product_id\":3,\"quantity\":2}],\"stage_changes\":[{\"id\":70,\"stage\":5,\"stage_name\":\"New\"}]}\n")
        .file("export/deal_products.csv", "id,deal_id,position,product_id,quantity\n90,7,2,4,0.50\n")
        .file("export/segments.jsonl", "{\"id\":30,\"name\":\"All\",\"users\":[{\"id\":1,\"member_since\":\"2024-01-01T00:00:00Z\"},99]}\n")
        .file("export/conversations.csv", "id,user_id,active\n5,1,t\n")
        .file(
            "export/messages.csv",
            "id,conversation_id,author_id,author_name,content\n11,5,1,Ada,one\n12,5,7001,Agent,two\n13,5,1,Ada,three\n",
        );
    let account = Account::of(project, &["--bugs", "none", "--page-size", "2"]);

    let deal = account.get("deals/7/").body;
    assert_eq!(deal["user_id"], 1);
    let products = deal["order_products"].as_array().unwrap();
    let ids: Vec<&Value> = products.iter().map(|line| &line["product_id"]).collect();
    assert_eq!(ids, [&json!(3), &json!(4)]);
    assert_eq!(
        account.get("deals/7/stage-changes/").body["results"][0]["stage_name"],
        "New"
    );
    assert_eq!(
        account.get("users/1/emails/").body["results"][0]["subject"],
        "Hi"
    );

    let members = account.get("segments/30/users/").body;
    assert_eq!(members["results"][0]["name"], "Ada");
    assert_eq!(
        members["results"][0]["member_since"],
        "2024-01-01T00:00:00Z"
    );
    assert_eq!(members["results"][1], json!({"id": 99}));

    assert_eq!(
        account.get("conversations/").body["results"][0]["messages"],
        3
    );
    let listed = account.get("users/1/conversations/").body;
    assert_eq!(
        listed["results"][0]["user"],
        json!({"id": 1, "key": "k", "email": "a@example.com", "name": "Ada"})
    );
    let page = account.get("conversations/5/").body;
    assert_eq!(page["count"], 3);
    assert_eq!(page["results"]["messages"][1]["user"]["name"], "Agent");
    let next = account.follow(&page).unwrap().body;
    assert_eq!(next["results"]["messages"][0]["content"], "three");
    assert_eq!(next["results"]["id"], 5);
}

#[test]
fn people_are_filtered_by_when_they_changed_both_ends_inside() {
    let project = Project::empty().file(
        "export/people.csv",
        "id,updated_at\n1,2024-01-01T00:00:00Z\n2,2024-01-02T00:00:00.9Z\n3,2024-01-03T00:00:00Z\n",
    );
    let account = Account::of(project, &[]);
    let ids = |path: &str| account.walk(path).0;
    assert_eq!(
        ids("users/search/?search=updated_at&min=1704067200&max=1704153600"),
        [1, 2]
    );
    assert_eq!(ids("users/?updated_at__gte=2024-01-02T00:00:00Z"), [2, 3]);
    assert_eq!(ids("users/?updated_at__gte=1704240000"), [3]);
    let refused = account.get("users/?updated_at__gte=yesterday");
    assert_eq!(refused.status, 400);
}

#[test]
fn a_wrong_key_a_forbidden_endpoint_and_a_missing_one_are_told_apart() {
    let arguments = ["--without", "exports=405,products", "--forbid", "deals"];
    let account = Account::of(people(1), &arguments);
    let forbidden = account.get("deals/");
    assert_eq!(forbidden.status, 403);
    assert_eq!(
        forbidden.body["detail"],
        "You do not have permission to perform this action."
    );
    assert_eq!(account.get("products/").status, 404);
    let exports = account.ask(
        Method::POST,
        "exports/",
        V2,
        Some(json!({"type": "deals", "segment": 1})),
    );
    assert_eq!(exports.status, 405);
    account.control(Method::POST, "settings", Some(json!({"token": "another"})));
    let refused = account.get("users/");
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (401, &json!("Invalid token."))
    );
    // Missing data is no reason for a key in the output.
    assert!(!refused.body.to_string().contains(DEFAULT_TOKEN));
}

#[test]
fn more_requests_than_the_rate_are_told_when_to_come_back() {
    let account = Account::of(people(1), &["--rate", "2"]);
    let statuses: Vec<u16> = (0..4).map(|_| account.get("users/").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = account.until(429);
    assert_eq!(refused.headers["retry-after"], "1");
    account.control(
        Method::POST,
        "settings",
        Some(json!({"retry_after": "date"})),
    );
    let date = account.until(429).headers["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(date.ends_with("GMT"), "{date}");
    account.control(
        Method::POST,
        "settings",
        Some(json!({"retry_after": "none"})),
    );
    assert!(account.until(429).headers.get("retry-after").is_none());
    account.control(Method::POST, "settings", Some(json!({"rate": null})));
    assert!((0..20).all(|_| account.get("users/").status == 200));
}

#[test]
fn the_clock_of_the_account_may_be_wrong() {
    let account = Account::of(people(1), &["--date-skew", "-3600"]);
    let shown = account.get("users/").headers["date"]
        .to_str()
        .unwrap()
        .to_owned();
    let shown = chrono::DateTime::parse_from_rfc2822(&shown).unwrap();
    let behind = chrono::Utc::now()
        .signed_duration_since(shown)
        .num_seconds();
    assert!((3_590..3_700).contains(&behind), "{behind}");
}

#[test]
fn faults_strike_the_requests_they_are_for_and_are_counted() {
    let account = Account::of(people(3), &[]);
    let faults = json!([
        {"path": "/api/public/users/", "status": 503, "headers": {"Retry-After": "7"}},
        {"path": "/api/public/users/", "proxy": true, "status": 200},
        {"path": "/api/public/users/", "reset": "before"},
        {"path": "/api/public/users/", "reset": "middle"},
        {"path": "/api/public/users/", "truncate": 10},
        {"path": "/api/public/users/", "delay_ms": 300},
    ]);
    account.control(Method::POST, "faults", Some(faults));
    assert_eq!(account.get("tags/").status, 200);

    let unavailable = account.get("users/");
    assert_eq!(
        (
            unavailable.status,
            unavailable.headers["retry-after"].as_bytes()
        ),
        (503, &b"7"[..])
    );
    let proxy = account.get("users/");
    assert_eq!((proxy.status, &proxy.body), (200, &Value::Null));
    assert!(
        proxy.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let before = account.try_get("users/").map(|_| ()).unwrap_err();
    assert!(before.is_request(), "{before}");
    let middle = account.try_get("users/").map(|_| ()).unwrap_err();
    assert!(
        !middle.is_request(),
        "the head of the answer arrived: {middle}"
    );
    let cut = account.get("users/");
    assert_eq!((cut.status, cut.body), (200, Value::Null));
    let start = std::time::Instant::now();
    assert_eq!(account.get("users/").body["count"], 3);
    assert!(start.elapsed() >= Duration::from_millis(300));

    let stats = account.control(Method::GET, "stats", None);
    assert_eq!(stats["answered_twice"], 0, "broken answers do not count");
    assert_eq!(stats["faults"]["reset_middle"], 1);
    assert_eq!(stats["by_path"]["/api/public/users/"]["503"], 1);
    assert_eq!(account.control(Method::GET, "faults", None), json!([]));
    account.get("users/");
    let stats = account.control(Method::GET, "stats", None);
    assert_eq!(stats["twice"], json!(["/api/public/users/"]));
}

#[test]
fn rows_shift_between_pages_while_somebody_reads() {
    let account = Account::of(people(9), &["--page-size", "3"]);
    let first = account.get("users/").body;
    account.change(
        json!({"object": "people", "action": "touch", "id": 8, "fields": {"name": "Changed"}}),
    );
    account.change(json!({"object": "people", "action": "delete", "id": 2}));
    account.change(json!({"object": "people", "action": "delete", "id": 1}));
    let second = account.follow(&first).unwrap().body;
    let third = account.follow(&second).unwrap().body;
    let seen: Vec<i64> = [&first, &second, &third]
        .into_iter()
        .flat_map(ids)
        .collect();
    assert_eq!(seen, [1, 2, 3, 5, 6, 7, 9], "4 and 8 fell between pages");
    let found = account.get("users/8/").body;
    assert_eq!(found["name"], "Changed");
    assert_ne!(found["updated_at"], Value::Null);
    assert_eq!(account.get("users/2/").status, 404);
    let made =
        account.change(json!({"object": "people", "action": "insert", "fields": {"name": "New"}}));
    assert_eq!(made["ids"], json!([10]));
    let rows = account.control(Method::GET, "rows?object=people", None);
    assert_eq!(rows["ids"], json!([10, 8, 3, 4, 5, 6, 7, 9]));
    assert_eq!(rows["deleted"], json!([1, 2]));
}

#[test]
fn a_person_who_is_gone_is_in_no_segment() {
    let segment = "{\"id\":30,\"name\":\"All\",\"users\":[1,2,3]}\n";
    let account = Account::of(people(3).file("export/segments.jsonl", segment), &[]);
    account.change(json!({"object": "people", "action": "delete", "id": 2}));
    assert_eq!(account.walk("segments/30/users/").0, [1, 3]);
    assert_eq!(account.get("segments/").body["results"][0]["users"], 2);
}

#[test]
fn an_account_has_the_bugs_that_are_asked_for() {
    let project = Project::empty().file(
        "export/people.csv",
        "id,first_name,last_name,score\n1,Ada,Nowak,7\n2,Jan,Lis,8\n3,Eva,Kos,9\n",
    );
    let account = Account::of(project, &["--bugs", "none", "--page-size", "2"]);
    let set = |bugs: Value| account.control(Method::POST, "settings", Some(json!({"bugs": bugs})));
    let page = || account.get("users/").body;
    let clean = page();
    assert_eq!(clean["results"][0]["first_name"], "Ada");

    set(json!(["missing_names"]));
    assert!(page()["results"][0].get("first_name").is_none());
    set(json!(["wrong_count"]));
    assert_eq!(page()["count"], 4);
    set(json!(["string_numbers"]));
    let last = account.follow(&page()).unwrap().body;
    assert_eq!(last["results"][0]["score"], "9");
    assert_eq!(page()["results"][0]["score"], 7);
    set(json!(["v1_only"]));
    let rows = page();
    assert!(rows["results"][0].get("user_key").is_none());
    assert!(rows["results"][0]["attributes"].is_array());
    set(json!(["repeat_cursor"]));
    let last = account.follow(&page()).unwrap().body;
    let again = account.follow(&last).unwrap().body;
    assert_eq!(last["next"], again["next"]);
}

#[test]
fn rows_change_by_themselves_with_churn() {
    let arguments = [
        "--page-size",
        "5",
        "--churn",
        "2",
        "--churn-kinds",
        "move,delete,insert",
    ];
    let account = Account::of(people(40), &arguments);
    let before: BTreeSet<i64> = account.walk("users/").0.into_iter().collect();
    assert!(before.len() < 40, "nothing was missed");
    let rows = account.control(Method::GET, "rows?object=people", None);
    assert_ne!(rows["deleted"], json!([]));
    assert!(rows["ids"].as_array().unwrap().contains(&json!(41)));
}

#[test]
fn a_bulk_export_is_there_after_a_while_with_cells_as_exports_write_them() {
    let project = people(3)
        .file(
            "export/segments.jsonl",
            "{\"id\":30,\"name\":\"Some\",\"users\":[1,3]}\n",
        )
        .file("export/tags.csv", "id,name\n1,vip\n2,\"a, b\"\n")
        .file(
            "export/people-2.csv",
            "id,name,tags,unsubscribed,updated_at\n3,\"Three, \"\"3\"\"\",\"{vip,\"\"a, b\"\"}\",t,2024-02-01\n",
        );
    let account = Account::of(project, &["--export-delay-ms", "300"]);
    let refused = account.ask(
        Method::POST,
        "exports/",
        V2,
        Some(json!({"type": "people"})),
    );
    assert_eq!(
        (refused.status, &refused.body),
        (400, &json!({"segment": ["This field is required."]}))
    );
    let wanted = json!({"type": "people", "segment": 30});
    let made = account.ask(Method::POST, "exports/", V2, Some(wanted.clone()));
    let name = made.body["filename"].as_str().unwrap().to_owned();
    assert!(name.len() == 40 && name.ends_with(".csv"), "{name}");
    let address = format!("/media/exports/{name}");
    assert_eq!(account.fetch(&address).0, 404);
    let text = account.wait_for(&address);
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let header = csv.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let cell = |row: usize, column: &str| {
        let at = header.iter().position(|name| name == column).unwrap();
        rows[row][at].to_owned()
    };
    assert_eq!((rows.len(), cell(0, "id")), (2, "1".to_owned()));
    assert_eq!(cell(1, "name"), "Three, \"3\"");
    assert_eq!(cell(1, "tags"), "{vip,\"a, b\"}");
    assert_eq!(cell(1, "unsubscribed"), "t");

    account.control(
        Method::POST,
        "settings",
        Some(json!({"export_place": "url", "export_delay_ms": 0})),
    );
    let made = account.ask(Method::POST, "exports/", V2, Some(wanted));
    let url = made.body["url"].as_str().unwrap().to_owned();
    assert_eq!(
        account.wait_for(url.strip_prefix(&account.url).unwrap()),
        text
    );
}

#[test]
fn a_generated_account_holds_what_its_export_holds() {
    let project = Project::empty();
    let account = Account::start(
        project,
        &[
            "--people",
            "300",
            "--seed",
            "5",
            "--state",
            "state",
            "--bugs",
            "last_next",
        ],
    );
    let (ids, _) = account.walk("users/");
    let distinct: BTreeSet<i64> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len());
    assert!(ids.len() > 280, "{}", ids.len());
    let rows = account.control(Method::GET, "rows?object=people", None);
    assert_eq!(rows["count"], ids.len());
}

#[cfg(unix)]
#[test]
fn the_account_ends_cleanly_on_ctrl_c_with_connections_open() {
    let account = Account::of(people(1), &[]);
    assert_eq!(account.get("users/").status, 200);
    assert_eq!(account.interrupt(), Some(0));
}

#[test]
fn bad_arguments_are_refused_with_what_there_is() {
    let project = people(1);
    let run = project.run([
        "sim", "usercom", "--export", "export", "--state", "s", "--bugs", "ants",
    ]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("no bug is called `ants`; there are last_next"),
        "{}",
        run.stderr
    );
    let run = project.run(["sim", "usercom", "--export", "nowhere", "--state", "s"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("cannot read the export nowhere"),
        "{}",
        run.stderr
    );
    let run = project.run([
        "sim",
        "usercom",
        "--export",
        "export",
        "--state",
        "s",
        "--without",
        "user",
    ]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("there are users, companies"),
        "{}",
        run.stderr
    );
    let empty = Project::empty().file("export/letter.txt", "");
    let run = empty.run(["sim", "usercom", "--export", "export", "--state", "s"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("hint: files are named after their object"),
        "{}",
        run.stderr
    );
}

/// An export of people 1, 2, 3, ….
fn people(count: i64) -> Project {
    let rows = (1..=count).map(|id| format!("{id},Person {id},2024-01-01T00:00:00Z\n"));
    let text = format!("id,name,updated_at\n{}", rows.collect::<String>());
    Project::empty().file("export/people-1.csv", &text)
}
