//! What people, programs and spreadsheets leave in exports is read as it was meant, and everything that was done is listed.

use std::sync::Arc;

use super::support::Bench;
use crate::config::Gates;
use crate::stage::StageError;
use crate::usercom::cell::Words;

const ALTERED: &str = "select id, file, row, \"column\", value, reason from staged.altered order by file, row, \"column\", reason";

#[tokio::test(flavor = "multi_thread")]
async fn words_for_nothing_are_empty_cells_unless_they_are_a_choice() {
    let bench = Bench::new();
    bench.file(
        "attributes.csv",
        "id,name,value_type,content_type,choices\n1,Plan,fixed,user,\"{None,Pro}\"\n",
    );
    bench.file(
        "people.csv",
        "id,phone,city,score,tags,Plan,company,owner,note\n\
         1,N/A,null,-,\"{a,N/A}\",None,undefined,0,x\n\
         2,600,Null Island,5,n/a,Pro,\"{\"\"id\"\":3,\"\"name\"\":\"\"null\"\"}\",7001,-\n\
         3,nan,NULL,nan,b,-,Acme,null,(blank)\n",
    );
    let report = bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select * from usercom.people").await, @"
    id,phone_number,score,city,company_id,company_name,assigned_to_id,tags,plan,note
    1,,,,,,,[a],,x
    2,600,5,Null Island,3,,7001,,Pro,
    3,,,,,Acme,,[b],,
    ");
    let counted = "select \"column\", nothing_words from staged.columns where source = 'people' and nothing_words > 0 order by 1";
    insta::assert_snapshot!(bench.csv(counted).await, @"
    column,nothing_words
    assigned_to_id,2
    city,2
    company_id,1
    company_name,1
    note,2
    phone_number,2
    plan,2
    score,2
    tags,2
    ");
    insta::assert_snapshot!(report.table("people").unwrap().remarks().join("\n"), @"people: 16 cell(s) hold a word that means nothing and count as empty: phone_number 2, score 2, city 2, company_id 1, company_name 1, assigned_to_id 2, tags 2, plan 2, note 2; the words are nothing_words under [source]");
    assert_eq!(report.table("people").unwrap().rejected_cells, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_has_its_own_words() {
    let mut bench = Bench::new();
    let own = |word: &str| vec![word.to_owned()];
    bench.settings.words = Arc::new(Words::new(Some(&own("brak")), &own("owszem"), &[]));
    bench.file(
        "people.csv",
        "id,city,notifications\n1,Brak,OWSZEM\n2,N/A,nie\n",
    );
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select id, city, notifications from usercom.people").await, @"
    id,city,notifications
    1,,true
    2,N/A,false
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_spreadsheet_did_is_undone_or_listed() {
    let bench = Bench::new();
    bench.file(
        "people.csv",
        "sep=;\nid;phone;name;Ref;;\n\
         1;4.86E+10;Ann;1E+05;;\n\
         2;'+48600100200;'s-Hertogenbosch;;;\n\
         3;=\"+48600100200\";\"=\"\"007\"\"\";;;left over\n\
         4;48600100200.0;Di;;;\n",
    );
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select * from usercom.people").await, @"
    id,phone_number,name,ref,unnamed_6
    1,4.86E+10,Ann,1E+05,
    2,+48600100200,'s-Hertogenbosch,,
    3,+48600100200,007,,left over
    4,48600100200,Di,,
    ");
    insta::assert_snapshot!(bench.csv(ALTERED).await, @r#"
    id,file,row,column,value,reason
    1,people.csv,1,phone_number,4.86E+10,damaged_number
    1,people.csv,1,ref,1E+05,damaged_number
    2,people.csv,2,phone_number,'+48600100200,unwrapped
    3,people.csv,3,name,"=""007""",unwrapped
    3,people.csv,3,phone_number,"=""+48600100200""",unwrapped
    4,people.csv,4,phone_number,48600100200.0,unwrapped
    "#);
    let unnamed = "select \"column\", attribute from staged.columns where source = 'people' and attribute is not null";
    insta::assert_snapshot!(bench.csv(unnamed).await, @r#"
    column,attribute
    ref,Ref
    unnamed_6,"(column 6, which has no name)"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_lost_its_digits_shows_in_lists_too() {
    let bench = Bench::new();
    bench.file(
        "companies.csv",
        "id,name,phones\n1,Acme,4.86E+10\n2,Hooli,\"{48600,4.86E+10}\"\n3,Initech,\"[\"\"+48 1\"\"]\"\n",
    );
    bench.file("people.csv", "id,email\n1,a@x.example\n");
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv(ALTERED).await, @r#"
    id,file,row,column,value,reason
    1,companies.csv,1,phone_numbers,4.86E+10,damaged_number
    2,companies.csv,2,phone_numbers,"{48600,4.86E+10}",damaged_number
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_that_no_float_keeps_are_listed() {
    let bench = Bench::new();
    bench.file(
        "people.csv",
        "id,email,Size,Code\n\
         1,a@x.example,12345678901234567,12345678901234500\n\
         2,b@x.example,0.30000000000000004,1234567890123450\n",
    );
    bench.file(
        "attributes.csv",
        "id,name,value_type,content_type\n1,Size,float,user\n2,Code,string,user\n",
    );
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv(ALTERED).await, @"
    id,file,row,column,value,reason
    1,people.csv,1,code,12345678901234500,damaged_number
    1,people.csv,1,size,12345678901234567,digits_lost
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_characters_that_are_none_cost_a_letter_and_not_the_record() {
    let bench = Bench::new();
    let rows: String = (1..=8).map(|id| format!("{id},Ann,x\n")).collect();
    let csv = [
        b"id,name,Bran\xbfa\n".as_slice(),
        rows.as_bytes(),
        b"9,\xa3ucja Ko\x9cci\xf3\xb3,\"a,b\"\n10,cut \xf0\x9f\x98,y\n",
    ];
    bench.file("people.csv", csv.concat());
    let json = [
        r#"{"id":21,"name":"Ann \ud83d","tags":["a\udc00"],"attributes":[{"name":"Branża","value":"\ud83d\ude00 \ud83d"}]}"#.as_bytes(),
        b"\n{\"id\":22,\"name\":\"G\xf3ra\",\"city\":\"\xc5\x81\xc3\xb3d\xc5\xba\"}\n",
    ];
    bench.file("people-2.jsonl", json.concat());
    let report = bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select * from usercom.people where id > 8").await, @r#"
    id,name,city,tags,branza
    9,Łucja Kościół,,,"a,b"
    10,cut �,,,y
    21,Ann �,,[a�],😀 �
    22,Góra,Łódź,,
    "#);
    insta::assert_snapshot!(bench.csv(ALTERED).await, @r#"
    id,file,row,column,value,reason
    21,people-2.jsonl,1,branza,😀 �,broken_character
    21,people-2.jsonl,1,name,Ann �,broken_character
    21,people-2.jsonl,1,tags,"[""a\ufffd""]",broken_character
    22,people-2.jsonl,2,name,Góra,code_page
    9,people.csv,9,name,Łucja Kościół,code_page
    10,people.csv,10,name,cut �,broken_character
    "#);
    assert_eq!(report.table("people").unwrap().rejected_rows, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_byte_takes_no_record_within_the_record_along() {
    let bench = Bench::new();
    let json = [
        b"{\"id\":1,\"name\":\"R\xf3\xbfa\",\"order_products\":[{\"product_id\":7,\"name\":\"\xa3ata\"},".as_slice(),
        b"{\"product_id\":8,\"name\":\"\xf4\x8f\xb8\x80 \xf0\x9f\x98\x80\"}]}\n",
    ];
    bench.file("people.csv", "id\n1\n");
    bench.file("deals.jsonl", json.concat());
    bench.stage().await.unwrap();
    let lines = "select product_id, name from usercom.deal_products order by product_id";
    assert_eq!(
        bench.csv(lines).await,
        "product_id,name\n7,Łata\n8,\u{10fe00} 😀\n"
    );
    let altered = "select source, value, reason from staged.altered order by source";
    insta::assert_snapshot!(bench.csv(altered).await, @r#"
    source,value,reason
    deal_products,Łata,code_page
    deals,Róża,code_page
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_that_cannot_be_read_is_an_opt_out() {
    let mut bench = Bench::new();
    bench.file(
        "people.csv",
        "id,unsubscribed\n1,f\n2,PRAWDA\n3,maybe\n4,\n5,N/A\n6,on\n7,nie\n",
    );
    bench.file("people-2.csv", "id\n8\n");
    bench.file(
        "people-3.jsonl",
        "{\"id\":9,\"unsubscribed\":false}\n{\"id\":10}\n",
    );
    bench.stage().await.unwrap();
    let opted = "select id, unsubscribed from usercom.people";
    insta::assert_snapshot!(bench.csv(opted).await, @"
    id,unsubscribed
    1,false
    2,true
    3,true
    4,true
    5,true
    6,true
    7,false
    8,
    9,false
    10,true
    ");
    insta::assert_snapshot!(bench.csv(ALTERED).await, @"
    id,file,row,column,value,reason
    10,people-3.jsonl,2,unsubscribed,,opt_out_missing
    3,people.csv,3,unsubscribed,maybe,opt_out_unreadable
    4,people.csv,4,unsubscribed,,opt_out_missing
    5,people.csv,5,unsubscribed,,opt_out_missing
    ");
    bench.settings.missing_opt_out = false;
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv(opted).await, @"
    id,unsubscribed
    1,false
    2,true
    3,true
    4,
    5,
    6,true
    7,false
    8,
    9,false
    10,
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_custom_objects_and_references_to_them_may_be_text() {
    let bench = Bench::new();
    bench.file("people.csv", "id\n1\n");
    bench.file(
        "custom_objects.jsonl",
        r#"{"id":1,"name":"part","fields":[{"id":5,"name":"whole","type":"reference","target":"part"},{"id":6,"name":"others","type":"reference","target":"part","multiple":true}]}"#,
    );
    bench.file(
        "co_part.csv",
        "id,name,whole,others\n8f14e45f-ceea,Bolt,,\nb2c3,Nut,8f14e45f-ceea,\"{8f14e45f-ceea,b2c3}\"\n7,Old,b2c3,7\n007,Pin,7,\"{007,7}\"\n8,Rod,007,\n",
    );
    let report = bench.stage().await.unwrap();
    let sql = "select p.text_id, p.name, whole.name as whole, array_length(p.others) as others, p.id < 100 as plain \
               from usercom.co_part as p left join usercom.co_part as whole on whole.id = p.whole order by p.name";
    insta::assert_snapshot!(bench.csv(sql).await, @"
    text_id,name,whole,others,plain
    8f14e45f-ceea,Bolt,,,false
    b2c3,Nut,Bolt,2,false
    ,Old,Nut,1,true
    007,Pin,Old,2,false
    ,Rod,Pin,,true
    ");
    assert_eq!(report.table("co_part").unwrap().staged, 5);
    bench.file("co_part.csv", "id,name\n7,Old\n");
    bench.stage().await.unwrap();
    let table = bench.staging.snapshot().await.unwrap();
    let table = table.get("usercom", "co_part").unwrap();
    assert!(table.schema.field_with_name("text_id").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_has_the_same_column_in_every_export() {
    let bench = Bench::new();
    let column = "select c.attribute, c.\"column\" from staged.columns as c where c.attribute is not null and c.present order by 1";
    bench.file("people.csv", "id,цвет,размер,Größe,Groesse\n1,red,XL,a,b\n");
    bench.stage().await.unwrap();
    let first = bench.csv(column).await;
    bench.file("people.csv", "id,Groesse,размер,цвет,Größe\n1,b,XL,red,a\n");
    bench.stage().await.unwrap();
    assert_eq!(bench.csv(column).await, first);
    insta::assert_snapshot!(bench.csv("select id, tsvet, razmer, groesse from usercom.people").await, @"
    id,tsvet,razmer,groesse
    1,red,XL,b
    ");
    bench.file("people.csv", "id,Größe\n1,a\n");
    bench.stage().await.unwrap();
    let only = bench.csv(column).await;
    assert!(
        first.contains(only.lines().nth(1).unwrap()),
        "{first}{only}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_mostly_unreadable_is_objected_to() {
    let bench = Bench::new();
    bench.file("people.csv", "id,name\n1,Ann,\n2,Bob,\n");
    bench.file("people-2.csv", "id,name\n3,Cy\n");
    let report = bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select * from staged.files where source = 'people'").await, @"
    source,file,rows,rejected_rows,rejected_cells,altered_cells,reason
    people,people-2.csv,1,0,0,0,
    people,people.csv,2,2,0,0,ragged_row
    ");
    let objections: Vec<String> = report
        .files
        .iter()
        .filter_map(|file| file.objection(&Gates::default()))
        .collect();
    insta::assert_snapshot!(objections.join("\n"), @"people.csv: 2 of 2 rows of people could not be read, mostly ragged_row; see rejects.people. Mend the file, or raise max_rejected_percent under [gates]");
    let lenient = Gates {
        max_rejected_percent: 100.0,
        ..Gates::default()
    };
    assert!(
        report
            .files
            .iter()
            .all(|file| file.objection(&lenient).is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_stays_open_costs_its_own_lines_wherever_it_is() {
    let row = |id: u32, style: usize| match style {
        0 => format!("{id},Ann,x\n"),
        1 => format!("\"{id}\",\"Ann\",\"x\"\n"),
        2 => format!("{id},\"Smith, Ann\",\"say \"\"hi\"\"\"\n"),
        _ => format!("{id},\"two\nlines\",\"\"\n"),
    };
    let bad = [
        "7,\"Ann,x\n",
        "\"7\",\"Ann,\"x\"\n",
        "7,Ann,\"x\n",
        "\"7,Ann,x\n",
        "\"\n",
        "7,\"\"\"Ann,x\n",
    ];
    for style in 0..4 {
        for bad in bad {
            let mut bench = Bench::new();
            bench.settings.record_bytes = 2_048;
            let mut text = "id,name,note\n".to_owned();
            text.extend((100..110).map(|id| row(id, style)));
            text.push_str(bad);
            text.extend((200..1_200).map(|id| row(id, style)));
            bench.file("people.csv", text);
            let report = bench.stage().await.unwrap();
            let people = report.table("people").unwrap();
            let lost = 1_010 - people.staged.min(1_010);
            assert!(lost <= 100, "{style} {bad:?}: {lost} lost");
            assert!(people.rejected_rows <= 100, "{style} {bad:?}: {people:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_however_it_is_laid_out() {
    let bench = Bench::new();
    bench.file(
        "people.json",
        "[\n  {\n    \"id\": 1,\n    \"name\": \"Ann\"\n  },\n  {\"id\": 2}\n]\n",
    );
    bench.file(
        "people-2.jsonl",
        "{\"id\":3}{\"id\":4} {\"id\":5}\n{\n \"id\": 6\n}\n",
    );
    bench.file(
        "pipelines.json",
        "{\n \"id\": 7,\n \"stages\": [\n  {\"id\": 71},\n  {\"id\": 72}\n ]\n}\n",
    );
    let report = bench.stage().await.unwrap();
    assert_eq!(report.table("people").unwrap().staged, 6);
    assert_eq!(report.table("stages").unwrap().staged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_so_many_columns_and_no_more() {
    for (name, content) in [
        (
            "people.csv",
            format!(
                "id{}\n1\n",
                (0..3_000)
                    .map(|column| format!(",c{column}"))
                    .collect::<String>()
            ),
        ),
        (
            "people.jsonl",
            (0..3_000)
                .map(|column| format!("{{\"id\":1,\"c{column}\":1}}\n"))
                .collect(),
        ),
    ] {
        let bench = Bench::new();
        bench.file(name, content);
        let error = bench.stage().await.unwrap_err();
        assert!(matches!(error, StageError::ReadExport(_)) && error.is_input());
        assert!(error.to_string().starts_with(name), "{error}");
        assert!(error.to_string().contains("more than the 2000"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_link_records_get_their_ids_from_what_they_link() {
    let bench = Bench::new();
    bench.file("people.csv", "id\n1\n");
    bench.file("deals.csv", "id\n5\n6\n");
    bench.file(
        "deal_products.csv",
        "deal_id,position,product_id,name,quantity\n5,,7,,1\n5,,8,,1\n6,,7,,1\n6,,,Hours,1\n6,3,9,,1\n6,,,,4\n",
    );
    bench.file(
        "stage_changes.csv",
        "deal,stage,entered_at\n5,1,2026-01-01\n5,2,2026-01-02\n5,1,2026-01-03\n",
    );
    bench.stage().await.unwrap();
    let lines = "select deal_id, product_id, name, id > 2305843009213693951 as linked, \
         count(*) over (partition by id) as same from usercom.deal_products order by deal_id, product_id nulls first";
    insta::assert_snapshot!(bench.csv(lines).await, @"
    deal_id,product_id,name,linked,same
    5,7,,true,1
    5,8,,true,1
    6,,Hours,true,1
    6,7,,true,1
    6,9,,false,1
    ");
    let refused = "select \"row\", reason from rejects.deal_products";
    assert_eq!(bench.csv(refused).await, "row,reason\n6,missing_id\n");
    let changes = "select count(distinct id) as ids, count(*) as rows from usercom.stage_changes";
    assert_eq!(bench.csv(changes).await, "ids,rows\n3,3\n");
    // The ids stay when the quantity changes and the rows stand in another order.
    let ids = "select id from usercom.deal_products where product_id <> 9 order by id";
    let before = bench.csv(ids).await;
    bench.file(
        "deal_products.csv",
        "quantity,product_id,deal_id,name\n2,7,6,\n2,8,5,\n2,7,5,\n2,,6,Hours\n",
    );
    bench.stage().await.unwrap();
    assert_eq!(bench.csv(ids).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_read_with_the_currency_next_to_them() {
    let bench = Bench::new();
    bench.file("people.csv", "id\n1\n");
    bench.file(
        "deals.csv",
        "id,value,currency\n1,\"€1,250.00\",\n2,1250 zł,PLN\n3,$5,cad\n4,5 zł,EUR\n5,5 kr,\n6,5 mln zł,PLN\n7,\"1,250\",PLN\n8,5,EUR\n",
    );
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select id, value, currency from usercom.deals order by id").await, @"
    id,value,currency
    1,1250.00,EUR
    2,1250.00,PLN
    3,5.00,cad
    4,5.00,EUR
    5,5.00,
    6,,PLN
    7,,PLN
    8,5.00,EUR
    ");
    insta::assert_snapshot!(bench.csv("select id, \"column\", value, reason from staged.altered order by id").await, @r#"
    id,column,value,reason
    4,value,5 zł,sum_in_another_currency
    5,value,5 kr,sum_in_another_currency
    6,value,5 mln zł,sum_unreadable
    7,value,"1,250",sum_unreadable
    "#);
    insta::assert_snapshot!(bench.csv("select \"row\", \"column\", value, reason from rejects.deals order by \"row\"").await, @r#"
    row,column,value,reason
    4,currency,5 zł,conflicting_value
    5,currency,5 kr,conflicting_value
    6,value,5 mln zł,currency_symbol
    7,value,"1,250",ambiguous_number
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_means_nothing_costs_a_list_nothing_else() {
    let bench = Bench::new();
    bench.file(
        "people.csv",
        "id,tags\n1,\"{vip,\"\"#N/A\"\",crm}\"\n2,\"[\"\"b\"\",\"\" \"\"]\"\n3,\"[\"\" \"\"]\"\n4,{#N/A}\n",
    );
    bench.stage().await.unwrap();
    let tags = "select id, array_to_string(tags, '|') as tags from usercom.people";
    insta::assert_snapshot!(bench.csv(tags).await, @"
    id,tags
    1,vip|crm
    2,b
    3,
    4,
    ");
    insta::assert_snapshot!(bench.csv(ALTERED).await, @r##"
    id,file,row,column,value,reason
    1,people.csv,1,tags,"{vip,""#N/A"",crm}",literal_na
    "##);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_numbers_are_read_without_what_stands_around_them() {
    let bench = Bench::new();
    bench.file(
        "people.csv",
        "id,email,phone,assigned_to\n1,Cy <cy@x.example>,+48 600\u{200b},[7001]\n\
         2,mailto:di@x.example,\"[\"\"+48 601\"\"]\",[\"Ben\"]\n3,\"a@x.example, b@x.example\",\u{202a}+48602\u{202c},Ann <ann@x.example>\n",
    );
    bench.stage().await.unwrap();
    let sql =
        "select id, email, phone_number, assigned_to_id, assigned_to_email from usercom.people";
    insta::assert_snapshot!(bench.csv(sql).await, @r#"
    id,email,phone_number,assigned_to_id,assigned_to_email
    1,cy@x.example,+48 600,7001,
    2,di@x.example,+48 601,,Ben
    3,"a@x.example, b@x.example",+48602,,ann@x.example
    "#);
    let altered = "select id, \"column\", reason from staged.altered";
    insta::assert_snapshot!(bench.csv(altered).await, @"
    id,column,reason
    1,email,address_in_text
    1,phone_number,invisible_letters
    2,email,address_in_text
    2,phone_number,unwrapped
    3,phone_number,invisible_letters
    3,assigned_to_id,address_in_text
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_or_name_of_one_currency_is_its_code() {
    let bench = Bench::new();
    bench.file(
        "deals.csv",
        "id,value,currency\n1,5,zł\n2,5,Euro\n3,5,kr\n4,5,pln\n5,5,Taler\n",
    );
    bench.file("people.csv", "id\n1\n");
    bench.stage().await.unwrap();
    insta::assert_snapshot!(bench.csv("select id, currency from usercom.deals").await, @"
    id,currency
    1,PLN
    2,EUR
    3,kr
    4,pln
    5,Taler
    ");
}
