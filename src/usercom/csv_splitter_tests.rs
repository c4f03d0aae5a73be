//! What is cut, and what is not.

use std::io::Cursor;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    block_rows: 3,
    block_bytes: 1 << 20,
    record_bytes: 4096,
};

/// Records as text, and faults as `(row, code, start)`.
type Cut = (Vec<String>, Vec<(u64, &'static str, String)>);

fn cut(text: &str) -> Cut {
    let raw = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let reader = DecodedReader::new("people.csv", raw, Arc::default()).unwrap();
    let (mut splitter, _) = CsvSplitter::open(reader, 4096).unwrap().unwrap();
    splitter.set_id_column(Some(0), false);
    let mut records = Vec::new();
    let mut faults = Vec::new();
    let mut row = 0;
    while let Some(block) = splitter.next_block(LIMITS).unwrap() {
        let mut numbers: Vec<u64> = Vec::new();
        for span in &block.spans {
            let record = &block.bytes[span.start as usize..span.end as usize];
            let at = usize::try_from(span.byte).unwrap();
            assert_eq!(&text.as_bytes()[at..at + record.len()], record);
            records.push(String::from_utf8(record.to_vec()).unwrap());
            numbers.push(span.row);
        }
        for fault in &block.faults {
            faults.push((
                fault.row,
                fault.fault.code(),
                String::from_utf8(fault.start.clone()).unwrap(),
            ));
            numbers.push(fault.row);
        }
        numbers.sort_unstable();
        for number in numbers {
            row += 1;
            assert_eq!(number, row);
        }
    }
    (records, faults)
}

#[test]
fn quotes_newlines_and_line_ends_of_every_kind_are_cut_right() {
    let text = "id,name\r\n1,\"a\nb\"\r\n\r\n2,\"say \"\"hi\"\"\"\r3,5\" pipe\n\n4,\"\"\n5,last";
    let (records, faults) = cut(text);
    assert_eq!(
        records,
        [
            "1,\"a\nb\"",
            "2,\"say \"\"hi\"\"\"",
            "3,5\" pipe",
            "4,\"\"",
            "5,last"
        ]
    );
    assert_eq!(faults, []);
}

#[test]
fn an_unclosed_quote_costs_its_own_line_only() {
    let text = "id,name,email\n1,\"Ann,a@x\n2,\"Bob\",b@x\n3,Carl,c@x\n";
    let (records, faults) = cut(text);
    assert_eq!(records, ["2,\"Bob\",b@x", "3,Carl,c@x"]);
    assert_eq!(faults, [(1, "unclosed_quote", "1,\"Ann,a@x\n".to_owned())]);
}

#[test]
fn an_unclosed_quote_at_the_end_of_the_file_costs_its_own_line_only() {
    let (records, faults) = cut("id,name\n1,\"Ann\n2,Bob\n3,\"Carl\n");
    assert_eq!(records, ["2,Bob"]);
    assert_eq!(faults[0], (1, "unclosed_quote", "1,\"Ann\n".to_owned()));
    assert_eq!(faults[1], (3, "unclosed_quote", "3,\"Carl\n".to_owned()));
}

/// A row as exports have it, with quoted values, empty ones among them.
fn row(id: usize) -> String {
    format!("{id},\"Ann, the {id}th\",\"\",Paris,\"x\"\n")
}

#[test]
fn one_quote_too_many_costs_no_more_than_the_longest_record_wherever_it_is() {
    const ROWS: usize = 300_000;
    let broken = [
        ("unclosed", "7,\"Ann,\"\",Paris,\"x\"\n"),
        ("unclosed in the last value", "7,\"Ann\",\"\",Paris,\"x\n"),
        ("at the start of the line", "\"7,Ann,,Paris,x\n"),
        ("inside a quoted value", "7,\"An\"n\",\"\",Paris,\"x\"\n"),
        (
            "before empty ones alone",
            "7,\"Ann,,,\n8,\"\",\"\",\"\",\"\"\n",
        ),
    ];
    for place in [0, ROWS / 2, ROWS - 1] {
        for (what, line) in broken {
            let mut text = "id,name,phone,city,note\n".to_owned();
            for id in 0..ROWS {
                if id == place {
                    text.push_str(line);
                }
                text.push_str(&row(id + 10));
            }
            let (records, faults) = cut(&text);
            assert_eq!(faults.len(), 1, "{what} at {place}: {faults:?}");
            let lost = ROWS.saturating_sub(records.len());
            let most = LIMITS.record_bytes / row(10).len();
            assert!(lost <= most, "{what} at {place}: {lost} rows lost");
        }
    }
}

#[test]
fn a_quote_that_closes_far_away_does_not_swallow_the_records_between() {
    let lines: String = (2..200).map(|id| format!("{id},x\n")).collect();
    let text = format!("id,name\n1,\"Ann\n{lines}200,\"\"\n");
    let (records, faults) = cut(&text);
    assert_eq!(records.len(), 199);
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_value_beyond_the_longest_record_is_one_region() {
    let text = format!("id,name\n1,\"{}\"\n2,b\n", "line\n".repeat(3000));
    let (records, faults) = cut(&text);
    assert_eq!(records, ["2,b"]);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].1, "unclosed_quote");
}

#[test]
fn the_separator_is_that_of_the_header() {
    for (text, delimiter) in [
        ("id,name\n1,\"a;b\"\n", b','),
        ("id;name;x\n1;a,b;c\n", b';'),
        ("id\tname\n1\ta\n", b'\t'),
        ("id\n1\n", b','),
        ("\"a;b\",\"c;d\"\n", b','),
    ] {
        assert_eq!(sniff(text.as_bytes()), delimiter, "{text}");
    }
}

#[test]
fn a_header_that_does_not_end_is_refused() {
    let raw = Box::new(Cursor::new(b"id,\"name\n1,a\n".to_vec()));
    let reader = DecodedReader::new("people.csv", raw, Arc::default()).unwrap();
    assert!(matches!(
        CsvSplitter::open(reader, 4096),
        Err(ExportError::Header { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Well-formed text is cut exactly where the csv crate cuts it.
    #[test]
    fn cuts_agree_with_the_csv_crate(rows in proptest::collection::vec(("[a-z\"\n\r, ;é]{0,12}", "[a-z\"\n\r, é]{0,12}"), 1..12)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["id", "a", "b"]).unwrap();
        for (index, (a, b)) in rows.iter().enumerate() {
            writer.write_record([&(index + 1).to_string(), a, b]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let (records, faults) = cut(&text);
        prop_assert_eq!(faults, Vec::new());
        let mut record = ByteRecord::new();
        prop_assert_eq!(records.len(), rows.len());
        for (text, (a, b)) in records.iter().zip(&rows) {
            parse(text.as_bytes(), b',', &mut record);
            prop_assert_eq!(&record[1], a.as_bytes());
            prop_assert_eq!(&record[2], b.as_bytes());
        }
    }

    /// Whatever the bytes, every record is counted once and nothing panics.
    #[test]
    fn any_text_is_cut_without_loss(text in "[0-9a\",\n\r]{0,200}") {
        let text = format!("id,name\n{text}");
        let raw = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let reader = DecodedReader::new("people.csv", raw, Arc::default()).unwrap();
        let (mut splitter, _) = CsvSplitter::open(reader, 4096).unwrap().unwrap();
        splitter.set_id_column(Some(0), false);
        let mut kept = 0;
        while let Some(block) = splitter.next_block(LIMITS).unwrap() {
            kept += block.spans.iter().map(|span| (span.end - span.start) as usize).sum::<usize>();
            kept += block.faults.iter().map(|fault| fault.start.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).count()).sum::<usize>();
        }
        let ends = text.bytes().skip(8).filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        prop_assert!(kept + ends >= text.len() - 8);
    }
}
