//! Tables that stand: their files, the settings and the program are as they were when they were staged last.
//!
//! In: digests of files, the tables of before. Out: a [`Finished`] table without its files being read. Never: a table that stands where
//! anything that its rows follow from is another, or where the last staging broke off while it published.

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use futures::TryStreamExt;

use super::error::{build_error, write_error};
use super::file_books::{DEFINITION_ROWS, FileBook};
use super::input::InputFile;
use super::stager::{Finished, Stager, distinct};
use super::{StageError, TableReport, column_books, file_books};
use crate::engine::program;
use crate::staging::{Basis, Manifest, Snapshot, Staging, digest_of};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::schema::Object;

/// What `staged.altered` and `staged.files` of one staging share.
pub(super) const STAGING: &str = "staging";

/// How many warnings a table has; these are not kept.
pub(super) const WARNINGS: &str = "warnings";

/// The books of the files staged last, if that staging was published whole.
pub(super) async fn last_books(
    staging: &Staging,
    before: &Snapshot,
) -> Result<Option<Vec<FileBook>>, StageError> {
    let number = |table: &str| {
        let table = before.get("staged", table)?;
        table.counts.get(STAGING).copied()
    };
    match (number("altered"), number("files")) {
        (Some(altered), Some(files)) if altered == files => {
            Ok(Some(file_books(staging, before).await?))
        }
        _ => Ok(None),
    }
}

impl Stager<'_> {
    /// What a table's rows follow from; `known` is the table whose names of attributes are kept.
    pub(super) fn basis(
        &self,
        object: &Object,
        files: &[InputFile],
        definitions: &[AttributeDefinition],
        known: Option<&Manifest>,
    ) -> Option<Basis> {
        let mut basis = Basis::default();
        basis.add("the program", program()?);
        for input in files {
            let name = &input.file.name;
            let digest = self.inputs.get(name)?;
            match input.nested {
                None => basis.add(name, digest),
                Some(nested) => basis.add(format!("{name} {}", nested.key()), digest),
            }
        }
        basis.add("the settings", digest_of(&self.settings.told()));
        let attributes = column_books::known_attributes(known);
        let attributes = format!("{definitions:?} {attributes:?}");
        basis.add("the attributes", digest_of(&attributes));
        // That of a custom object is found in the export.
        basis.add("the declaration", digest_of(&format!("{object:?}")));
        if object.columns.iter().any(|column| column.kind.is_of_blob()) {
            basis.add("blobs/", &*self.measured);
        }
        Some(basis)
    }

    /// The table of before, where it follows from the same.
    pub(super) async fn standing(
        &mut self,
        object: &Object,
        files: &[InputFile],
        definitions: &[AttributeDefinition],
    ) -> Result<Option<Finished>, StageError> {
        let name = object.name.as_ref();
        let tables = ["usercom", "rejects"].map(|schema| self.before.get(schema, name));
        let (Some(books), [Some(table), Some(rejects)]) = (&self.books, tables) else {
            return Ok(None);
        };
        let basis = self.basis(object, files, definitions, Some(table));
        let stands = basis.is_some() && table.basis == basis && rejects.basis == basis;
        if !stands || table.count(WARNINGS) > 0 {
            return Ok(None);
        }
        let books = books.iter().filter(|book| book.table == name);
        let books: Vec<FileBook> = books.cloned().collect();
        let (table, rejects) = (table.clone(), rejects.clone());
        let report = report(&table, &books);
        if report.altered_cells > 0 {
            self.copy_altered(name).await?;
        }
        let definitions = self.definitions(&table).await?;
        Ok(Some(Finished {
            table,
            rejects,
            report,
            files: books,
            definitions,
        }))
    }

    /// Takes over what was said of a table's cells.
    async fn copy_altered(&mut self, name: &str) -> Result<(), StageError> {
        const ALTERED: &str = "altered";
        let Some(before) = self.before.get("staged", ALTERED) else {
            return Ok(());
        };
        let failed = |source| write_error(ALTERED, source);
        let mut rows = self.staging.read_table(before, DEFINITION_ROWS);
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            let sources = batch.column(0).as_string::<i32>();
            let own: BooleanArray = sources
                .iter()
                .map(|source| Some(source == Some(name)))
                .collect();
            let own = filter_record_batch(&batch, &own)
                .map_err(|source| build_error(ALTERED, "staged.altered", source))?;
            self.altered.write(&own).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// What was said of a table when it was staged.
fn report(table: &Manifest, books: &[FileBook]) -> TableReport {
    let words = table.schema.fields().iter().filter_map(|field| {
        let words = table.columns.get(field.name())?.nothing_words;
        (words > 0).then(|| (field.name().clone(), words))
    });
    TableReport {
        table: table.table.clone(),
        files: distinct(books.iter().map(|book| book.file.clone()).collect()),
        source_rows: table.count("source_rows"),
        staged: table.rows,
        rejected_rows: table.count("rejected_rows"),
        superseded: table.count("superseded"),
        rejected_cells: table.count("rejected_cells"),
        altered_cells: table.count("altered_cells"),
        nothing_words: words.collect(),
        warnings: Vec::new(),
    }
}
