//! The export as a whole: repeatable, counted, and clean where asked for.

use std::fs;

use super::super::{GenerateError, GenerateOptions, Summary, generate};
use super::read_back::{Export, Row, bytes_of};
use super::support::export;

#[test]
fn equal_size_and_seed_give_equal_bytes() {
    let (_first, first) = export(700, 5, true);
    let (_second, second) = export(700, 5, true);
    assert_eq!(bytes_of(&first.out), bytes_of(&second.out));
    assert_eq!(first.files, second.files);
}

#[test]
fn another_seed_gives_another_export_of_the_same_shape() {
    let (_first, first) = export(700, 5, true);
    let (_second, second) = export(700, 6, true);
    assert_ne!(bytes_of(&first.out), bytes_of(&second.out));
    let rows = |summary: &Summary| {
        // What a record has of these is up to the seed.
        let drawn = ["segment_members", "deal_products", "stage_changes"];
        let files = summary.files.iter();
        files
            .filter(|file| !drawn.contains(&file.object))
            .map(|file| file.rows)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&first), rows(&second));
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let options = GenerateOptions {
        out: folder.path().to_owned(),
        ..GenerateOptions::default()
    };
    let error = generate(&options).unwrap_err();
    assert!(matches!(error, GenerateError::FolderNotEmpty { .. }));
    assert!(error.is_input() && error.hint().is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_smallest_exports_have_all_files() {
    for people in [0, 1, 3, 4, 5, 7] {
        let (_folder, summary) = export(people, 1, true);
        assert_eq!(summary.files.len(), 35);
        assert_eq!(summary.people.rows.rows, people);
        assert_eq!(summary.companies.rows.rows, people / 5);
        assert_eq!(summary.deals.rows.rows, people / 4);
        let read = Export::read(&summary.out);
        assert_eq!(read.rows("people").count() as u64, people);
    }
}

#[test]
fn large_exports_hold_little_json() {
    let (_folder, summary) = export(100_001, 2, true);
    let rows = |json: bool| -> u64 {
        let files = summary.files.iter().filter(|file| file.object == "people");
        files
            .filter(|file| file.file.contains(".jsonl") == json)
            .map(|file| file.rows)
            .sum()
    };
    assert!(
        rows(true) > 0 && rows(true) * 10 <= rows(false),
        "{summary:?}"
    );
}

#[test]
fn the_summary_counts_every_row() {
    for (people, seed) in [(2_000, 1), (5_003, 9)] {
        let (_folder, summary) = export(people, seed, true);
        let read = Export::read(&summary.out);
        for file in &summary.files {
            let rows = read.rows.iter().filter(|row| row.file == file.file);
            assert_eq!(rows.count() as u64, file.rows, "{}", file.file);
            let stored = fs::metadata(summary.out.join(&file.file)).unwrap();
            assert_eq!(stored.len(), file.bytes, "{}", file.file);
        }
        for (object, truth, records) in [
            ("people", &summary.people.rows, people),
            ("companies", &summary.companies.rows, people / 5),
            ("deals", &summary.deals.rows, people / 4),
        ] {
            assert_eq!(read.rows(object).count() as u64, truth.rows, "{object}");
            let ragged = read.rows(object).filter(|row| row.ragged).count();
            assert_eq!(ragged as u64, truth.ragged, "{object}");
            let bad = read.rows(object).filter(|row| row.undecodable).count();
            assert_eq!(bad as u64, truth.undecodable, "{object}");
            let (newest, older) = read.newest(object);
            assert_eq!(newest.len() as u64, truth.records, "{object}");
            assert_eq!(older as u64, truth.superseded, "{object}");
            assert_eq!(truth.records + truth.ragged, records, "{object}");
            assert_eq!(records + truth.superseded, truth.rows, "{object}");
        }
        let all = summary.files.iter().map(|file| file.rows).sum::<u64>();
        assert_eq!(summary.rows(), all);
    }
}

#[test]
fn the_summary_tells_the_truth_about_people() {
    let (_folder, summary) = export(3_000, 4, true);
    let read = Export::read(&summary.out);
    let (people, _) = read.newest("people");
    let count = |test: &dyn Fn(&Row) -> bool| people.iter().filter(|row| test(row)).count() as u64;
    let truth = &summary.people;

    let passive = count(&|row| row.text("email").is_empty() && row.text("phone_number").is_empty());
    assert_eq!(truth.passive, passive);
    assert!((80..160).contains(&passive), "{passive}");

    for stage in ["subscriber", "lead", "mql", "customer", "evangelist"] {
        let rows = count(&|row| row.text("lifecycle_stage").trim().to_lowercase() == stage);
        assert_eq!(truth.lifecycle[stage], rows, "{stage}");
    }
    let missing = count(&|row| row.text("lifecycle_stage").is_empty());
    assert_eq!(truth.lifecycle["missing"], missing);
    assert_eq!(truth.lifecycle.values().sum::<u64>(), people.len() as u64);

    let several = count(&|row| row.ids("companies").len() > 1);
    assert_eq!(truth.several_companies, several);
    assert!((110..190).contains(&several), "{several}");
    let alone = count(&|row| {
        let stage = row.text("lifecycle_stage").trim().to_lowercase();
        ["customer", "evangelist"].contains(&stage.as_str()) && row.ids("companies").is_empty()
    });
    assert_eq!(truth.customers_without_company, alone);
    assert!(alone > 0);
    let nameless = count(&|row| {
        ["name", "first_name", "last_name"]
            .iter()
            .all(|column| row.text(column).is_empty())
    });
    assert_eq!(truth.missing_names, nameless);
    assert_eq!(
        truth.literal_na,
        count(&|row| row.text("referral_source") == "#N/A")
    );
    let long = count(&|row| row.text("job_title").chars().count() > 128);
    assert_eq!(truth.long_job_titles, long);
    let huge = count(&|row| row.text("notes_internal").chars().count() > 32_768);
    assert_eq!(truth.huge_notes, huge);
}

#[test]
fn the_summary_tells_the_truth_about_references() {
    let (_folder, summary) = export(3_000, 4, true);
    let read = Export::read(&summary.out);
    let (people, _) = read.newest("people");
    let (companies, _) = read.newest("companies");
    let (deals, _) = read.newest("deals");
    let ids = |rows: &[&Row]| rows.iter().map(|row| row.id()).collect::<Vec<_>>();
    let (people_ids, company_ids) = (ids(&people), ids(&companies));

    let staffed: Vec<u64> = people.iter().flat_map(|row| row.ids("companies")).collect();
    let empty = company_ids
        .iter()
        .filter(|id| !staffed.contains(id))
        .count();
    assert_eq!(summary.companies.without_people, empty as u64);
    let gone = people
        .iter()
        .filter_map(|row| row.ids("companies").first().copied());
    let gone = gone
        .filter(|id| company_ids.binary_search(id).is_err())
        .count();
    assert_eq!(summary.people.primary_company_unreadable, gone as u64);

    let dangling = |column: &str, known: &[u64]| {
        let linked = deals
            .iter()
            .filter_map(|row| row.ids(column).first().copied());
        linked.filter(|id| known.binary_search(id).is_err()).count() as u64
    };
    assert_eq!(
        summary.deals.company_missing,
        dangling("company_id", &company_ids)
    );
    assert_eq!(
        summary.deals.person_missing,
        dangling("user_id", &people_ids)
    );
    let lost = deals
        .iter()
        .filter(|row| row.text("stage") == "999")
        .count();
    assert_eq!(summary.deals.stage_missing, lost as u64);
    let combined: u64 = summary.deals.combinations.values().sum();
    assert_eq!(combined + summary.deals.stage_missing, deals.len() as u64);
}

#[test]
fn a_deal_belongs_to_the_company_of_its_person() {
    let (_folder, summary) = export(2_000, 3, false);
    let read = Export::read(&summary.out);
    let (people, _) = read.newest("people");
    let (deals, _) = read.newest("deals");
    let mut compared = 0;
    for deal in deals {
        let Some(person) = deal.ids("user_id").first().copied() else {
            continue;
        };
        let person = people
            .binary_search_by_key(&person, |row| row.id())
            .unwrap();
        if let Some(primary) = people[person].ids("companies").first() {
            assert_eq!(deal.ids("company_id").first(), Some(primary));
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn an_export_without_mess_is_clean() {
    let (_folder, summary) = export(2_000, 1, false);
    for rows in [
        &summary.people.rows,
        &summary.companies.rows,
        &summary.deals.rows,
    ] {
        assert_eq!(rows.rows, rows.records);
        assert!(rows.unparsable.is_empty());
    }
    let read = Export::read(&summary.out);
    let mut last = 0;
    for row in read.rows("people") {
        assert!(row.id() > last, "ids grow from file to file");
        last = row.id();
        assert!(!row.text("lifecycle_stage").is_empty());
        let shape = match row.file.as_str() {
            "people-1.csv" => 29,
            "people-2.csv" => 19,
            _ => 27,
        };
        assert_eq!(row.text("updated_at").len(), shape, "{}", row.file);
    }
}
