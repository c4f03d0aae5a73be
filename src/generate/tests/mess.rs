//! Every kind of mess that exports are promised to have is in one of 2,000 people.

use std::collections::BTreeSet;

use super::read_back::{Export, Row, contents};
use super::support::export;

#[test]
fn every_kind_of_file_is_there() {
    let (_folder, summary) = export(2_000, 1, true);
    let files = contents(&summary.out);
    let begins = |file: &str, start: &str| files[file].starts_with(start.as_bytes());
    assert!(begins("companies-1.csv", "\u{feff}id,custom_id,"));
    assert!(begins("companies-2.csv.gz", "name,id,company_id,"));
    assert!(begins("people-1.csv", "id,user_key,custom_id,email,"));
    assert!(begins("people-2.csv", "ID,User Key,User ID,First Name,"));
    assert!(begins("people-3.jsonl.gz", "{\"id\":"));
    assert!(begins("Agents.csv", "id,name,email,active\n"));
    assert!(begins("deals-2.jsonl", "{\"id\":"));
    let has = |file: &str, part: &str| String::from_utf8_lossy(&files[file]).contains(part);
    assert!(has(
        "people-3.jsonl.gz",
        "\"attributes\":[{\"id\":101,\"name\":\"NPS score\","
    ));
    assert!(has("people-3.jsonl.gz", "\"member_since\":\"20"));
    assert!(has("people-4.jsonl", "\"ulubiony_kolor\":"));
    assert!(has("deals-2.jsonl", "\"person\":1"));
    assert!(has("people-2.csv", ",Ulubiony kolor\r\n") && has("people-1.csv", ",ulubiony_kolor\n"));
}

#[test]
fn every_spelling_of_values_occurs() {
    let (_folder, summary) = export(2_000, 1, true);
    let read = Export::read(&summary.out);
    let people: Vec<&Row> = read.newest("people").0;
    let cells =
        |column: &str| -> BTreeSet<&str> { people.iter().map(|row| row.text(column)).collect() };

    let booleans = cells("unsubscribed");
    for word in [
        "t", "f", "true", "false", "True", "FALSE", "1", "0", "yes", "No", "",
    ] {
        assert!(booleans.contains(word), "{word}: {booleans:?}");
    }
    let shapes: BTreeSet<String> = cells("created_at")
        .into_iter()
        .map(|text| text.replace(|letter: char| letter.is_ascii_digit(), "9"))
        .collect();
    for shape in [
        "9999-99-99T99:99:99.999999Z",
        "9999-99-99T99:99:99Z",
        "9999-99-99T99:99:99+99:99",
        "9999-99-99 99:99:99.999999+99",
        "9999-99-99 99:99:99",
        "9999-99-99T99:99:99.999",
    ] {
        assert!(shapes.contains(shape), "{shape}: {shapes:?}");
    }
    let interests = cells("interests");
    assert!(
        interests
            .iter()
            .any(|text| text.starts_with("{\"Books, films\""))
    );
    assert!(interests.iter().any(|text| text.starts_with("[\"")));
    assert!(
        interests
            .iter()
            .any(|text| !text.starts_with(['{', '[']) && text.contains(';'))
    );
    assert!(
        interests
            .iter()
            .any(|text| text.contains("Data; analytics"))
    );

    let stages = cells("lifecycle_stage");
    for stage in [
        "",
        "  lead ",
        "SUBSCRIBER",
        "MQL",
        "Mql",
        "Customer",
        "evangelist",
    ] {
        assert!(stages.contains(stage), "{stage}: {stages:?}");
    }
    let owners = cells("assigned_to");
    assert!(owners.contains("7001") && owners.contains("") && owners.contains("7009"));
    assert!(owners.contains("marta.zajac@northbeam.example"));
    let deals = read.newest("deals").0;
    let statuses: BTreeSet<&str> = deals.iter().map(|row| row.text("status")).collect();
    for status in ["0", "1", "2", "3", "4", "won", "Lost", "in progress"] {
        assert!(statuses.contains(status), "{status}: {statuses:?}");
    }
}

#[test]
fn every_kind_of_bad_cell_occurs_as_often_as_the_summary_says() {
    let (_folder, summary) = export(2_000, 1, true);
    let read = Export::read(&summary.out);
    let bad: [(&str, &str, &[&str]); 10] = [
        ("people", "nps_score", &["12,5x"]),
        ("people", "birthday", &["2023-02-30", "31.12.1990", "soon"]),
        ("people", "trial_ends_at", &["2025-13-01T00:00:00Z"]),
        ("people", "annual_budget", &["n/a (ask Ewa)"]),
        ("people", "newsletter_consent", &["maybe"]),
        ("companies", "founded_on", &["2023-02-30"]),
        ("companies", "contract_value", &["12,5x"]),
        ("deals", "value", &["12,5x"]),
        ("deals", "expected_close_date", &["2023-02-30"]),
        ("deals", "discount_percent", &["ten %"]),
    ];
    for (object, column, texts) in bad {
        let truth = match object {
            "people" => &summary.people.rows,
            "companies" => &summary.companies.rows,
            _ => &summary.deals.rows,
        };
        let (rows, _) = read.newest(object);
        let found = rows
            .iter()
            .filter(|row| texts.contains(&row.text(column)))
            .count();
        assert_eq!(truth.unparsable[column], found as u64, "{object}.{column}");
        assert!(found > 0, "{object}.{column}");
    }
    let listed: usize = [
        &summary.people.rows,
        &summary.companies.rows,
        &summary.deals.rows,
    ]
    .iter()
    .map(|rows| rows.unparsable.len())
    .sum();
    // A foreign byte of a deal stands in an instant, which is none then.
    assert!(summary.deals.rows.unparsable["updated_at"] > 0);
    assert_eq!(listed, bad.len() + 1);
}

#[test]
fn text_that_breaks_careless_readers_occurs() {
    let (_folder, summary) = export(2_000, 1, true);
    let read = Export::read(&summary.out);
    let (people, _) = read.newest("people");
    let some =
        |column: &str, test: &dyn Fn(&str) -> bool| people.iter().any(|row| test(row.text(column)));
    for part in [
        "\"call me\"",
        "\nsecond line",
        "\r\n",
        "\u{7}",
        "\u{1b}",
        "CRM; automatyzacja",
        "<p>Called",
        "\u{200b}",
        "\u{202e}",
        "e\u{301}",
        "🎉",
    ] {
        assert!(
            some("notes_internal", &|text| text.contains(part)),
            "{part:?}"
        );
    }
    assert!(some("notes_internal", &|text| text.starts_with("   ")
        && text.ends_with("   ")));
    assert!(some("notes_internal", &|text| (256..1000)
        .contains(&text.chars().count())));
    assert!(some("notes_internal", &|text| text.chars().count() > 32_768));
    assert!(
        some("last_name", &|text| text.chars().count() > 80)
            || some("name", &|text| text.chars().count() > 90)
    );
    assert!(some("first_name", &|text| text.starts_with("  ")));
    assert!(some("phone_number", &|text| text.chars().count() > 40));
    assert!(some("email", &|text| text == "not-an-email"));
    assert!(some("email", &|text| text.starts_with(' ')));
    assert!(some("tags", &|text| text.contains("do \\\"not\\\" call")));
    assert!(some("city", &|text| text == "القاهرة") && some("city", &|text| text == "Łódź"));
    assert!(some("preferred_language", &|text| text.contains("Esperanto")));
    let mut emails: Vec<String> = people
        .iter()
        .map(|row| row.text("email").trim().to_lowercase())
        .collect();
    emails.retain(|email| {
        email.contains('@') && email.ends_with(".example") && !email.starts_with('@')
    });
    emails.sort();
    let all = emails.len();
    emails.dedup();
    assert!(emails.len() < all, "two people share an address");

    let (companies, _) = read.newest("companies");
    for (column, part) in [
        ("name", "\", oddział"),
        ("name", "\n(dawniej"),
        ("name", "  "),
        ("description", "<div"),
        ("description", "\u{1}"),
        ("domain", "https://www."),
        ("domain", ".EXAMPLE"),
    ] {
        assert!(
            companies.iter().any(|row| row.text(column).contains(part)),
            "{column} {part:?}"
        );
    }
    let (deals, _) = read.newest("deals");
    assert!(deals.iter().any(|row| row.text("name").is_empty()));
    assert!(
        deals
            .iter()
            .any(|row| row.text("name").chars().count() > 120)
    );
    assert!(
        deals
            .iter()
            .any(|row| row.text("loss_reason_description").contains("drogo\";\n"))
    );
    let closes = ["won_at", "lost_at", "expected_close_date"];
    assert!(
        deals
            .iter()
            .any(|row| closes.iter().all(|column| row.text(column).is_empty()))
    );
}

#[test]
fn damaged_rows_occur_in_csv_and_in_json() {
    let (_folder, summary) = export(2_000, 1, true);
    let read = Export::read(&summary.out);
    let files = |test: &dyn Fn(&Row) -> bool| -> BTreeSet<&str> {
        read.rows
            .iter()
            .filter(|row| test(row))
            .map(|row| row.file.as_str())
            .collect()
    };
    let ragged = files(&|row| row.ragged);
    for file in [
        "people-1.csv",
        "people-2.csv",
        "people-4.jsonl",
        "companies-2.csv.gz",
        "deals-1.csv",
        "deals-2.jsonl",
    ] {
        assert!(ragged.contains(file), "{file}: {ragged:?}");
    }
    let undecodable = files(&|row| row.undecodable);
    for file in [
        "people-1.csv",
        "people-3.jsonl.gz",
        "companies-1.csv",
        "deals-1.csv",
    ] {
        assert!(undecodable.contains(file), "{file}: {undecodable:?}");
    }
}
