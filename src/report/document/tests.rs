//! What a document shows of texts of anybody, and how much of many rows.

use super::*;

fn document(rows: Vec<Vec<Cell>>, total: u64) -> Document {
    let columns = ["name", "people"].map(|name| Column {
        name: name.to_owned(),
        numeric: name == "people",
    });
    Document {
        title: "Scope <b>".to_owned(),
        facts: vec![("Customer".to_owned(), "A & \"B\"".to_owned())],
        parts: vec![Part {
            title: "People".to_owned(),
            text: "By name.".to_owned(),
            query: "report/scope/people.sql".to_owned(),
            sql: "select 1 < 2".to_owned(),
            table: Some(Table {
                columns: columns.to_vec(),
                rows,
                total,
                csv: (total > 2).then(|| "people.csv".to_owned()),
                drawn: true,
            }),
            unknown: None,
        }],
    }
}

fn row(name: &str, people: i64) -> Vec<Cell> {
    vec![Cell::Text(name.to_owned()), Cell::Whole(people)]
}

#[test]
fn hostile_texts_are_texts() {
    let names = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a\u{202e}gpj.exe",
        "]]>--><!--",
        "' onmouseover='x",
    ];
    let rows: Vec<_> = names.iter().map(|name| row(name, 3)).collect();
    let page = html(&document(rows, 5));
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert_eq!(page.matches("<img").count(), 0);
    assert!(!page.contains("<b>") && !page.contains('\u{202e}') && !page.contains("' onmouse"));
    assert!(page.contains("Scope &lt;b&gt;") && page.contains("A &amp; &quot;B&quot;"));
    // Nothing is fetched, and the one script is allowed by its digest alone.
    for word in ["src=", "@import", "url("] {
        let ours = page.replace("&lt;img src=x", "");
        assert!(!ours.contains(word), "{word}");
    }
    assert!(page.contains("script-src 'sha256-") && page.contains("default-src 'none'"));
    assert!(include_str!("page.js").len() < 10 << 10);
}

#[test]
fn only_addresses_of_the_web_are_links() {
    let mut linked = document(
        vec![
            row("https://acme.my.salesforce.com/001\"x", 1),
            row("javascript:alert(1)", 2),
        ],
        2,
    );
    linked.parts[0].table.as_mut().unwrap().columns[0].name = "source link".to_owned();
    let page = html(&linked);
    assert!(page.contains(
        "<a href=\"https://acme.my.salesforce.com/001&quot;x\" rel=\"noreferrer noopener\">open</a>"
    ));
    assert!(!page.contains("href=\"javascript"));
    assert!(page.contains(">javascript:alert(1)<"));
}

#[test]
fn the_page_stays_small_whatever_stands_in_its_rows() {
    let long = "ż<&\"".repeat(2_500);
    let columns = 12;
    let rows: Vec<Vec<Cell>> = (0..SHOWN_ROWS)
        .map(|_| vec![Cell::Text(long.clone()); columns])
        .collect();
    let mut whole = document(rows, 1_000_000);
    let table = whole.parts[0].table.as_mut().unwrap();
    table.columns = vec![
        Column {
            name: "text".to_owned(),
            numeric: false,
        };
        columns
    ];
    let page = html(&whole);
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(page.contains(" of 1,000,000 rows; all of them are in people.csv."));
    assert!(page.contains("<a href=\"people.csv\">"));
}

#[test]
fn bars_are_drawn_where_there_is_something_to_compare_and_always_the_same() {
    let rows = vec![row("Lead", 1_200), row("Contact", 300)];
    let page = html(&document(rows.clone(), 2));
    assert!(
        page.contains("<svg class=\"bars\"") && page.contains("width=\"430.0\""),
        "{page}"
    );
    assert!(page.contains("width=\"107.5\"") && page.contains("1,200"));
    assert_eq!(page, html(&document(rows, 2)));
    let one = html(&document(vec![row("Lead", 1)], 1));
    assert!(!one.contains("<svg"));
}

#[test]
fn of_many_rows_the_first_are_drawn_and_all_others_as_one() {
    let rows: Vec<_> = (0..30)
        .map(|place| row(&format!("row {place}"), 100 - place))
        .collect();
    let page = html(&document(rows, 30));
    let (_, picture) = page.split_once("<svg class=\"bars\"").unwrap();
    let (picture, _) = picture.split_once("</svg>").unwrap();
    assert_eq!(picture.matches("<rect").count(), 24, "{picture}");
    assert!(
        picture.contains(">row 22<") && !picture.contains(">row 23<"),
        "{picture}"
    );
    // 77 + 76 + 75 + 74 + 73 + 72 + 71.
    assert!(
        picture.contains(">others<") && picture.contains(">518<"),
        "{picture}"
    );
}

#[test]
fn what_took_time_is_drawn_from_its_beginning_to_its_end() {
    let mut timed = document(Vec::new(), 2);
    let table = timed.parts[0].table.as_mut().unwrap();
    table.columns = ["load", "from second", "seconds"]
        .map(|name| Column {
            name: name.to_owned(),
            numeric: name != "load",
        })
        .to_vec();
    let phase = |name: &str, from: f64, took: f64| {
        vec![
            Cell::Text(name.to_owned()),
            Cell::Decimal(from),
            Cell::Decimal(took),
        ]
    };
    table.rows = vec![phase("account", 0.0, 10.0), phase("contact", 10.0, 30.0)];
    let page = html(&timed);
    for bar in [
        "x=\"190.0\" y=\"3\" width=\"107.5\"",
        "x=\"297.5\" y=\"25\" width=\"322.5\"",
    ] {
        assert!(page.contains(bar), "{bar}: {page}");
    }
}

#[test]
fn a_long_text_is_there_as_a_whole_where_there_is_room() {
    let long = "a<b ".repeat(200);
    let page = html(&document(vec![row(&long, 1)], 1));
    assert!(page.contains(&"a&lt;b ".repeat(200)), "{page}");
    assert!(page.contains("<div class=\"long\" tabindex=\"0\">"));
    assert!(Cell::Text(long).is_long() && !Cell::Text("a".repeat(300)).is_long());
}

#[test]
fn numbers_have_signs_between_thousands() {
    let texts =
        [1_234_567.89, -1_234.5, 999.96, 0.04, -0.5].map(|value| Cell::Decimal(value).text());
    assert_eq!(texts, ["1,234,567.9", "-1,234.5", "1,000.0", "0.0", "-0.5"]);
}

#[test]
fn markdown_says_the_same_with_its_queries() {
    let text = markdown_document(&document(vec![row("Łódź|x", -1_200)], 1));
    insta::assert_snapshot!(text, @r#"
    # Scope &lt;b>

    - Customer: A &amp; "B"

    ## People

    By name.

    | name | people |
    |---|---|
    | Łódź\|x | -1,200 |

    ## The queries behind the numbers

    ### report/scope/people.sql

        select 1 < 2
    "#);
    let none = markdown_document(&document(Vec::new(), 0));
    assert!(none.contains("None."), "{none}");
}
