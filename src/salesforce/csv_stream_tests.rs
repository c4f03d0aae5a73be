//! Claims about CSV that arrives in pieces.

use futures::stream::BoxStream;
use proptest::prelude::*;

use super::*;

type Table = Vec<Vec<String>>;

#[tokio::test]
async fn quotes_and_line_ends_survive_any_cut() {
    let text = "\"sf__Id\",Name,Note\r\n\"1\",\"a \"\"b\"\"\",\"two\nlines\"\r\n\"2\",plain,\"\"\n";
    for cut in 1..text.len() {
        let rows = read(text.as_bytes(), cut).await.unwrap();
        assert_eq!(rows[0], ["sf__Id", "Name", "Note"]);
        assert_eq!(rows[1], ["1", "a \"b\"", "two\nlines"]);
        assert_eq!(rows[2], ["2", "plain", ""]);
        assert_eq!(rows.len(), 3);
    }
}

#[tokio::test]
async fn a_byte_order_mark_and_a_missing_last_line_end_do_no_harm() {
    let rows = read("\u{feff}Id\n1\n2".as_bytes(), 1).await.unwrap();
    assert_eq!(rows, [["Id"], ["1"], ["2"]]);
}

#[tokio::test]
async fn an_empty_body_has_no_columns_and_a_header_alone_no_rows() {
    assert_eq!(read(b"", 1).await.unwrap(), [Vec::<String>::new()]);
    assert_eq!(read(b"\"Id\",Name\n", 3).await.unwrap(), [["Id", "Name"]]);
}

#[tokio::test]
async fn a_row_of_another_width_is_named() {
    for cut in [1, 100] {
        let error = read(b"a,b\n1,2\n3\n", cut).await.unwrap_err();
        let expected = "row 2 of a result file has 1 values, the header has 2";
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_refused() {
    let error = read(b"a\nx\n\xff\n", 100).await.unwrap_err();
    assert!(matches!(error, Error::ParseCsv { row: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_quote_that_never_closes_ends_with_an_error() {
    let error = read(b"a\n1\n\"x", 2).await.unwrap_err();
    assert!(matches!(error, Error::UnfinishedCsvRow { .. }));
}

#[tokio::test]
async fn a_record_without_end_does_not_fill_the_memory() {
    let endless = stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 64 * 1024])));
    let start = stream::iter([Ok(Bytes::from("a\n\""))]);
    let mut taken = 0_usize;
    let source = start.chain(endless).inspect(|_| taken += 1).boxed();
    let error = match CsvRows::open(source).await {
        Ok(mut rows) => rows.next_batch().await.map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::UnfinishedCsvRow { .. }));
    assert!(taken < 100);
}

#[tokio::test]
async fn a_large_chunk_comes_out_in_small_batches() {
    let text = format!("Id\n{}", "1234567\n".repeat(500_000));
    let mut rows = CsvRows::open(source(text.as_bytes(), usize::MAX))
        .await
        .unwrap();
    let mut total = 0;
    while let Some(batch) = rows.next_batch().await.unwrap() {
        assert!(batch.len() < 100_000);
        total += batch.len();
    }
    assert_eq!(total, 500_000);
}

#[tokio::test]
async fn an_error_of_the_stream_passes_through() {
    let broken = Error::TooManyRows { given: 2, max: 1 };
    let chunks = [Ok(Bytes::from("Id\n1\n")), Err(broken)];
    let error = CsvRows::open(stream::iter(chunks)).await.unwrap_err();
    assert!(matches!(error, Error::TooManyRows { .. }));
}

#[tokio::test]
async fn columns_are_found_without_regard_to_case() {
    let rows = CsvRows::open(source(b"\"sf__Id\",name\n", 5))
        .await
        .unwrap();
    assert_eq!(rows.column("Name"), Some(1));
    assert_eq!(rows.column("SF__ID"), Some(0));
    assert_eq!(rows.column("Email"), None);
}

proptest! {
    #[test]
    fn whatever_was_written_is_read(table in table(), cut in 1_usize..40, crlf in any::<bool>()) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .terminator(terminator)
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rows = runtime.block_on(read(&bytes, cut)).unwrap();
        prop_assert_eq!(rows, table);
    }
}

/// A header and some rows of the characters that make CSV hard.
fn table() -> impl Strategy<Value = Table> {
    (1_usize..5).prop_flat_map(|width| {
        let field = "[a\",\r\n é;#]{0,8}";
        let row = prop::collection::vec(field, width);
        prop::collection::vec(row, 1..12)
    })
}

async fn read(bytes: &[u8], cut: usize) -> Result<Table> {
    let mut rows = CsvRows::open(source(bytes, cut)).await?;
    let owned = |record: &StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let mut table = vec![owned(rows.header())];
    while let Some(batch) = rows.next_batch().await? {
        table.extend(batch.iter().map(owned));
    }
    Ok(table)
}

fn source(bytes: &[u8], cut: usize) -> BoxStream<'static, Result<Bytes>> {
    let chunks: Vec<_> = bytes
        .chunks(cut.min(bytes.len().max(1)))
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    stream::iter(chunks).boxed()
}
