//! Input that stops staging: what is said, what to do, and that nothing is published.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::support::Bench;

const PEOPLE: &str = "id,name\n1,Ann\n2,Bob\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Stages and returns message and hint, after checking that it is the input's fault and that nothing was published.
async fn refused(bench: &Bench) -> (String, String) {
    let error = bench.stage().await.unwrap_err();
    assert!(error.is_input(), "{error}");
    assert_eq!(
        bench.staging.snapshot().await.unwrap().iter().count(),
        0,
        "{error}"
    );
    let text = error.to_string();
    let text = text.replace(bench.export_folder().to_str().unwrap(), "EXPORT");
    (text, error.hint().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_unusable_export_is_refused_by_name() {
    let damaged = gzip(&format!("id,name\n{}", "1,Ann\n".repeat(9000)));
    let latin: Vec<u8> = [b"id,name\n".to_vec(), b"1,\xa3ukasz\n".repeat(9)].concat();
    let cases: &[(&str, &[u8], &str, &str)] = &[
        (
            "companies.csv",
            b"id,name\n1,Acme\n",
            "the export EXPORT has no people",
            "people.csv",
        ),
        (
            "people.csv",
            b"id,name\n",
            "the people files of the export EXPORT have no records",
            "export the people segment again",
        ),
        (
            "people.csv",
            b"",
            "the people files of the export EXPORT have no records",
            "export the people segment again",
        ),
        (
            "people.csv",
            b"\xff\xfei\0d\0\n\0",
            "people.csv is UTF-16LE, not UTF-8",
            "iconv -f UTF-16LE",
        ),
        (
            "people.csv",
            &latin,
            "people.csv is not UTF-8: 9 of 9 records cannot be decoded",
            "WINDOWS-1250",
        ),
        (
            "people.csv",
            b"id,\"name\n1,Ann\n",
            "the header of people.csv cannot be read: a quote does not close",
            "column names",
        ),
        (
            "people.csv",
            b"id,Name,name\n1,a,b\n",
            "people.csv has two columns named \"name\" (2 and 3)",
            "rename",
        ),
        (
            "people.csv",
            b"name,email\nAnn,a@x\n",
            "people.csv has no id column for people",
            "the file has: name, email",
        ),
        (
            "people.csv.gz",
            &damaged[..damaged.len() - 10],
            "people.csv.gz is a cut or damaged gzip file",
            "gzip -t",
        ),
    ];
    for (name, content, message, hint) in cases {
        let bench = Bench::new();
        bench.file(name, content);
        let (text, advice) = refused(&bench).await;
        assert!(text.starts_with(message), "{name}: {text}");
        assert!(advice.contains(hint), "{name}: {advice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_rows_can_have_no_id_is_refused() {
    for (name, header, object) in [
        (
            "segment_members.csv",
            "segment_id,added_at",
            "segment_members",
        ),
        ("order_products.csv", "position,quantity", "deal_products"),
        ("messages.csv", "chat,content", "messages"),
        ("co_pet.csv", "name", "co_pet"),
    ] {
        let bench = Bench::new();
        bench
            .file("people.csv", PEOPLE)
            .file(name, format!("{header}\n"));
        let message = format!("{name} has no id column for {object}");
        assert_eq!(refused(&bench).await.0, message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_folder_is_refused() {
    let bench = Bench::new();
    assert_eq!(refused(&bench).await.0, "there is no export at EXPORT");
    std::fs::remove_dir(bench.export_folder()).unwrap();
    assert_eq!(refused(&bench).await.0, "there is no export at EXPORT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_leaves_the_tables_of_the_run_before() {
    let bench = Bench::new();
    bench.file("people.csv", PEOPLE);
    bench.stage().await.unwrap();
    let whole = gzip("id,name\n1,Deal\n");
    bench
        .file("people.csv", "id,name\n1,Changed\n")
        .file("deals.csv.gz", &whole[..whole.len() - 3]);
    bench.stage().await.unwrap_err();
    assert_eq!(
        bench
            .csv("select id, name from usercom.people order by id")
            .await,
        PEOPLE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn source_files_maps_names_and_refuses_what_is_not_there() {
    let mut bench = Bench::new();
    bench.file("crm dump.csv", PEOPLE);
    bench
        .settings
        .files
        .insert("crm dump.csv".to_owned(), "people".to_owned());
    assert_eq!(
        bench.stage().await.unwrap().table("people").unwrap().staged,
        2
    );

    bench
        .settings
        .files
        .insert("crm dump.csv".to_owned(), "persons".to_owned());
    let error = bench.stage().await.unwrap_err();
    assert!(error.to_string().contains("\"persons\""), "{error}");

    bench.settings.files.clear();
    bench
        .settings
        .files
        .insert("other.csv".to_owned(), "people".to_owned());
    let error = bench.stage().await.unwrap_err();
    assert!(error.to_string().contains("other.csv"), "{error}");
    assert!(error.is_input());
}
