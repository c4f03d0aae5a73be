//! Files of an export as they are written.
//!
//! In: records, and which of them go into which file. Out: the files, and how many rows each has.

use std::ops::Range;
use std::path::Path;

use super::error::GenerateError;
use super::mess::{Damage, RowMess};
use super::population::Population;
use super::record::{Record, Shape, write_record, write_start};
use super::sink::Sink;
use super::summary::{FileSummary, RowTruth};

/// Above so many people the shares are those of large exports: little JSON, little gzip.
pub(super) const LARGE: u64 = 100_000;

/// One file of an object.
pub(super) struct Part<F: 'static> {
    pub(super) file: &'static str,
    pub(super) shape: &'static Shape<F>,
    /// Thousandths of the records, in a small and in a large export.
    pub(super) share: (u64, u64),
}

/// What is to be written of one object.
pub(super) struct Plan<'a, F: 'static> {
    pub(super) object: &'static str,
    pub(super) parts: &'a [Part<F>],
    pub(super) total: u64,
    pub(super) schedule: &'a RowMess,
}

/// The export as it grows.
pub(super) struct Output<'a> {
    pub(super) population: &'a Population,
    pub(super) folder: &'a Path,
    pub(super) files: Vec<FileSummary>,
}

impl<'a> Output<'a> {
    /// A small file that is there already.
    pub(super) fn write_whole(
        &mut self,
        file: &str,
        object: &'static str,
        bytes: Vec<u8>,
        rows: u64,
    ) -> Result<(), GenerateError> {
        let mut sink = Sink::create(self.folder, file)?;
        sink.buffer = bytes;
        self.files.push(FileSummary {
            file: file.to_owned(),
            object,
            rows,
            bytes: sink.finish()?,
        });
        Ok(())
    }

    /// One file of records, all of them good.
    pub(super) fn write_rows<R: Record>(
        &mut self,
        object: &'static str,
        file: &str,
        shape: &Shape<R::Column>,
        records: impl Iterator<Item = R>,
        mut count: impl FnMut(&R),
    ) -> Result<(), GenerateError> {
        let mut sink = Sink::create(self.folder, file)?;
        let mut rows = 0;
        write_start(shape, &mut sink.buffer);
        for record in records {
            count(&record);
            write_record(&record, shape, &mut sink.buffer);
            rows += 1;
            sink.row_done()?;
        }
        self.files.push(FileSummary {
            file: file.to_owned(),
            object,
            rows,
            bytes: sink.finish()?,
        });
        Ok(())
    }

    /// All files of an object: good and damaged records, and older versions of some.
    pub(super) fn write_object<R: Record>(
        &mut self,
        plan: Plan<'_, R::Column>,
        make: impl Fn(&'a Population, u64) -> R,
        make_older: impl Fn(&'a Population, u64) -> R,
        mut count: impl FnMut(&R),
    ) -> Result<RowTruth, GenerateError> {
        let population = self.population;
        let ranges = ranges(plan.parts, plan.total, population.people > LARGE);
        let mut truth = RowTruth::default();
        for (position, part) in plan.parts.iter().enumerate() {
            let mut sink = Sink::create(self.folder, part.file)?;
            let mut rows = 0;
            write_start(part.shape, &mut sink.buffer);
            for index in ranges[position].clone() {
                let record = make(population, index);
                match record.damage() {
                    Damage::None => {
                        truth.records += 1;
                        count(&record);
                    }
                    Damage::BadByte => {
                        truth.undecodable += 1;
                        truth.records += 1;
                        count(&record);
                    }
                    Damage::TooShort | Damage::TooLong => truth.ragged += 1,
                }
                write_record(&record, part.shape, &mut sink.buffer);
                rows += 1;
                sink.row_done()?;
            }
            let before = (position + plan.parts.len() - 1) % plan.parts.len();
            for index in ranges[before].clone() {
                if population.superseded(plan.schedule, index) {
                    let record = make_older(population, index);
                    write_record(&record, part.shape, &mut sink.buffer);
                    truth.superseded += 1;
                    rows += 1;
                    sink.row_done()?;
                }
            }
            truth.rows += rows;
            self.files.push(FileSummary {
                file: part.file.to_owned(),
                object: plan.object,
                rows,
                bytes: sink.finish()?,
            });
        }
        Ok(truth)
    }
}

/// Which records go into which file; together all of them.
pub(super) fn ranges<F>(parts: &[Part<F>], total: u64, large: bool) -> Vec<Range<u64>> {
    let mut share_before = 0;
    let mut ranges = Vec::with_capacity(parts.len());
    for part in parts {
        let share = if large { part.share.1 } else { part.share.0 };
        ranges.push(total * share_before / 1000..total * (share_before + share) / 1000);
        share_before += share;
    }
    ranges
}
