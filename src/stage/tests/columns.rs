//! The books of columns: which columns the export has, and how many rows have a value in each.

use super::support::Bench;

const OF_COMPANIES: &str = "select \"column\", attribute, present, gone, files_with, files_without, rows, rows_with_value from \
     staged.columns where source = 'companies' and (files_with > 0 or gone) order by \"column\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_the_next_export_lacks_is_gone_and_not_empty() {
    let bench = Bench::new();
    bench.file("people.csv", "id\n1\n");
    bench.file(
        "companies.csv",
        "id,name,website,Branża\n3,C,,\n1,A,a.example,IT\n2,B,,\n1,A,a.example,\n",
    );
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv(OF_COMPANIES).await, @"
    column,attribute,present,gone,files_with,files_without,rows,rows_with_value
    branza,Branża,true,false,1,0,3,0
    domain,,true,false,1,0,3,1
    id,,true,false,1,0,3,3
    name,,true,false,1,0,3,3
    ");
    bench.file("companies.csv", "id,name\n1,A\n2,\n");
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv(OF_COMPANIES).await, @"
    column,attribute,present,gone,files_with,files_without,rows,rows_with_value
    branza,Branża,false,true,0,0,2,0
    domain,,false,true,0,1,2,0
    id,,true,false,1,0,2,2
    name,,true,false,1,0,2,1
    ");
    let companies = bench.staging.snapshot().await.unwrap();
    let companies = companies.get("usercom", "companies").unwrap();
    assert!(companies.has_column("name"));
    assert!(!companies.has_column("domain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_one_of_several_files_lacks_is_not_present() {
    let bench = Bench::new();
    bench
        .file("people.csv", "id,phone\n1,5\n")
        .file("people-2.csv", "id\n2\n")
        .file("people-3.csv", "");
    bench.file(
        "companies.jsonl",
        "{\"id\":1}\n{\"id\":2,\"attributes\":[{\"name\":\"Plan\",\"value\":null}]}\n",
    );
    bench.stage().await.unwrap();
    let phone = "select present, files_with, files_without, rows_with_value from staged.columns \
                 where source = 'people' and \"column\" = 'phone_number'";
    insta::assert_snapshot!(bench.csv(phone).await, @"
    present,files_with,files_without,rows_with_value
    false,1,1,1
    ");
    insta::assert_snapshot!(bench.csv(OF_COMPANIES).await, @"
    column,attribute,present,gone,files_with,files_without,rows,rows_with_value
    id,,true,false,1,0,2,2
    plan,Plan,true,false,1,0,2,0
    ");
    let deals = "select count(*) as n from staged.columns where source = 'deals' and present";
    insta::assert_snapshot!(bench.csv(deals).await, @"
    n
    0
    ");
}
