//! Tables stand while all that they follow from is as it was, and only then.

use std::collections::BTreeMap;

use super::support::Bench;
use crate::stage::StageReport;
use crate::usercom::cell::Words;

const PEOPLE: &str = "id,email,unsubscribed,Score\n1,a@acme.example,maybe,5\n2,n/a,false,6\n";

/// Files and columns of every table as SQL sees them, and what was read as something else.
async fn books(bench: &Bench) -> [String; 3] {
    [
        bench
            .csv("select * from staged.files order by source, file")
            .await,
        bench
            .csv("select * from staged.columns order by source, \"column\"")
            .await,
        bench
            .csv("select * from staged.altered order by source, id, \"column\"")
            .await,
    ]
}

/// The version of each source table and its rejects.
async fn versions(bench: &Bench) -> BTreeMap<String, u64> {
    let snapshot = bench.staging.snapshot().await.unwrap();
    let staged = snapshot.schema("usercom").chain(snapshot.schema("rejects"));
    staged.map(|table| (table.name(), table.version)).collect()
}

/// Tables that have another version than before.
async fn anew(bench: &Bench, before: &BTreeMap<String, u64>) -> Vec<String> {
    let now = versions(bench).await;
    let anew = now
        .into_iter()
        .filter(|(name, version)| before.get(name) != Some(version));
    let names = anew
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("usercom."));
    names.collect()
}

fn told(report: &StageReport) -> Vec<String> {
    let tables = report.tables.iter().map(|table| format!("{table:?}"));
    tables
        .chain(report.files.iter().map(|file| format!("{file:?}")))
        .collect()
}

async fn staged() -> (Bench, StageReport) {
    let bench = Bench::new();
    bench
        .file("people.csv", PEOPLE)
        .file("companies.csv", "id,name,employees\n1,A,=\"12\"\n2,B,x\n")
        .file("deals.jsonl", "{\"id\":1,\"products\":[{\"id\":7}]}\n");
    let report = bench.stage().await.unwrap();
    (bench, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_as_they_were_are_not_read_again() {
    let (bench, first) = staged().await;
    let (before, tables) = (books(&bench).await, versions(&bench).await);
    assert!(
        before[2].contains("opted") || before[2].lines().count() > 2,
        "{}",
        before[2]
    );
    let second = bench.stage().await.unwrap();
    assert_eq!(versions(&bench).await, tables);
    assert_eq!(told(&second), told(&first));
    assert_eq!(books(&bench).await, before);
    // The same bytes at another time.
    bench.file("people.csv", PEOPLE);
    bench.stage().await.unwrap();
    assert_eq!(versions(&bench).await, tables);
    // Every file is read where a person asks for it.
    bench.engine.make_all();
    let whole = bench.stage().await.unwrap();
    assert_eq!(anew(&bench, &tables).await.len(), tables.len() / 2);
    assert_eq!(told(&whole), told(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_tables_that_hang_on_it_and_no_others() {
    let (bench, _) = staged().await;
    let before = versions(&bench).await;
    // As long as it was.
    bench.file("people.csv", PEOPLE.replace("maybe", "other"));
    bench.stage().await.unwrap();
    assert_eq!(anew(&bench, &before).await, ["usercom.people"]);
    let altered = bench
        .csv("select source, value from staged.altered order by source, value")
        .await;
    assert!(
        altered.contains("companies,") && altered.contains("people,other"),
        "{altered}"
    );
    assert!(!altered.contains("maybe"), "{altered}");
    let before = versions(&bench).await;
    bench.file("deals.jsonl", "{\"id\":1,\"products\":[{\"id\":8}]}\n");
    bench.stage().await.unwrap();
    assert_eq!(
        anew(&bench, &before).await,
        [
            "usercom.deal_products",
            "usercom.deals",
            "usercom.stage_changes"
        ]
    );
    // What attributes are declared as.
    let before = versions(&bench).await;
    let declared =
        "{\"id\":1,\"name\":\"Score\",\"value_type\":\"int\",\"content_type\":\"user\"}\n";
    bench.file("attributes.jsonl", declared);
    bench.stage().await.unwrap();
    let now = anew(&bench, &before).await;
    assert!(now.contains(&"usercom.people".to_owned()), "{now:?}");
    // A file that went.
    let before = versions(&bench).await;
    std::fs::remove_file(bench.export_folder().join("companies.csv")).unwrap();
    bench.stage().await.unwrap();
    assert_eq!(anew(&bench, &before).await, ["usercom.companies"]);
    let altered = bench
        .csv("select source from staged.altered where source = 'companies'")
        .await;
    assert_eq!(altered.lines().count().saturating_sub(1), 0, "{altered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_a_staging_that_broke_off_let_nothing_stand() {
    let (mut bench, _) = staged().await;
    let before = versions(&bench).await;
    bench.settings.words = Words::new(Some(&["a@acme.example".to_owned()]), &[], &[]).into();
    bench.stage().await.unwrap();
    assert!(
        anew(&bench, &before)
            .await
            .contains(&"usercom.people".to_owned())
    );
    let before = versions(&bench).await;
    // One of the tables that are published first belongs to a staging that came no further.
    let snapshot = bench.staging.snapshot().await.unwrap();
    let mut altered = snapshot.get("staged", "altered").unwrap().clone();
    altered.counts.insert("staging".to_owned(), 1);
    bench.staging.publish(altered).await.unwrap();
    bench.stage().await.unwrap();
    assert_eq!(anew(&bench, &before).await.len(), before.len() / 2);
}
