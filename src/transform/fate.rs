//! What a load query says of the rows that it does not send.
//!
//! In: the columns `_fate` and `_until_known` of a batch, each null, one fate or a list of them. Out: one fate a row with all its
//! reasons, so that a row is not held for one after the other. Never: a guess; a row of which nothing is said is sent.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::route::KNOWN;
use crate::rows::{BETWEEN_REASONS, FATE, FATE_PARTS, UNTIL_KNOWN};

/// The fate that waits; all others are final.
pub(super) const HELD: &str = "held";

/// What becomes of a row that is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) fate: String,
    reasons: Vec<String>,
    parents: Vec<String>,
}

impl Fate {
    /// A row that waits, for reasons that are still to be added.
    pub(super) fn held() -> Self {
        Self {
            fate: HELD.to_owned(),
            ..Self::default()
        }
    }

    /// A link between two records that another row makes already: people made two records one.
    pub(super) fn same_link() -> Self {
        Self {
            fate: "ignored".to_owned(),
            reasons: vec!["same_link_as_another".to_owned()],
            parents: Vec::new(),
        }
    }

    /// Whether the row waits.
    pub(super) fn is_held(&self) -> bool {
        self.fate == HELD
    }

    /// Says one more reason, each only once.
    pub(super) fn add(&mut self, reason: Option<&str>, parent: Option<&str>) {
        let new = |said: &[String], one: &&str| !said.iter().any(|other| other == one);
        if let Some(reason) = reason.filter(|one| new(&self.reasons, one)) {
            self.reasons.push(reason.to_owned());
        }
        if let Some(parent) = parent.filter(|one| new(&self.parents, one)) {
            self.parents.push(parent.to_owned());
        }
    }

    /// All reasons.
    pub(super) fn reason(&self) -> Option<String> {
        (!self.reasons.is_empty()).then(|| self.reasons.join(BETWEEN_REASONS))
    }

    /// All that the row waits for.
    pub(super) fn parent(&self) -> Option<String> {
        (!self.parents.is_empty()).then(|| self.parents.join(BETWEEN_REASONS))
    }
}

/// The fates of a batch.
pub(super) struct Fates {
    always: Option<Said>,
    until_known: Option<Said>,
    known: Option<StringArray>,
}

impl Fates {
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let said = |name: &str| Said::of(batch.column_by_name(name)?);
        Self {
            always: said(FATE),
            until_known: said(UNTIL_KNOWN),
            known: batch
                .column_by_name(KNOWN[0])
                .and_then(|column| column.as_string_opt().cloned()),
        }
    }

    /// What becomes of a row, or nothing if it is sent. A fate that is final stands alone, whatever else the row would wait for.
    pub(super) fn row(&self, row: usize) -> Option<Fate> {
        let is_known = self.known.as_ref().is_some_and(|known| known.is_valid(row));
        let until_known = self.until_known.as_ref().filter(|_| !is_known);
        let mut whole: Option<Fate> = None;
        for (fate, reason, parent) in [self.always.as_ref(), until_known]
            .into_iter()
            .flatten()
            .flat_map(|said| said.row(row))
        {
            let mut one = Fate {
                fate: fate.to_owned(),
                ..Fate::default()
            };
            if fate != HELD {
                one.add(reason, parent);
                return Some(one);
            }
            whole.get_or_insert(one).add(reason, parent);
        }
        whole
    }
}

/// One column of fates.
struct Said {
    /// Where the fates of each row stand, for a list.
    offsets: Option<Vec<i32>>,
    fates: ArrayRef,
    parts: [StringArray; 3],
}

impl Said {
    fn of(column: &ArrayRef) -> Option<Self> {
        let (offsets, fates) = match column.data_type() {
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                (Some(lists.value_offsets().to_vec()), lists.values())
            }
            _ => (None, column),
        };
        let structs = fates.as_struct_opt()?;
        let part = |name: &str| {
            let text = cast(structs.column_by_name(name)?, &DataType::Utf8).ok()?;
            text.as_string_opt().cloned()
        };
        let [fate, reason, parent] = FATE_PARTS;
        Some(Self {
            offsets,
            parts: [part(fate)?, part(reason)?, part(parent)?],
            fates: ArrayRef::clone(fates),
        })
    }

    fn row(&self, row: usize) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        let at = |row: usize| usize::try_from(self.offsets.as_ref()?.get(row).copied()?).ok();
        let range = match self.offsets {
            Some(_) => at(row).unwrap_or(0)..at(row + 1).unwrap_or(0),
            None => row..row + 1,
        };
        let said = range.filter(|&at| self.fates.is_valid(at));
        said.map(|at| {
            let [fate, reason, parent] = &self.parts;
            (
                text(fate, at).unwrap_or_default(),
                text(reason, at),
                text(parent, at),
            )
        })
    }
}

/// A part of a fate; an empty one says nothing.
fn text(part: &StringArray, at: usize) -> Option<&str> {
    let text = part.is_valid(at).then(|| part.value(at));
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ListArray, StructArray};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::datatypes::Field;

    use super::*;

    fn structs(fates: &[Option<[Option<&str>; 3]>]) -> StructArray {
        let part = |at: usize| -> ArrayRef {
            let texts = fates.iter().map(|fate| fate.and_then(|parts| parts[at]));
            Arc::new(texts.collect::<StringArray>())
        };
        let fields = FATE_PARTS.map(|name| Field::new(name, DataType::Utf8, true));
        let valid: Vec<bool> = fates.iter().map(Option::is_some).collect();
        let columns = vec![part(0), part(1), part(2)];
        StructArray::new(
            fields.to_vec().into(),
            columns,
            Some(NullBuffer::from(valid)),
        )
    }

    fn list(rows: &[&[Option<[Option<&str>; 3]>]]) -> ArrayRef {
        let values = structs(&rows.concat());
        let field = Field::new("item", values.data_type().clone(), true);
        let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.len()));
        Arc::new(ListArray::new(
            Arc::new(field),
            offsets,
            Arc::new(values),
            None,
        ))
    }

    const ACCOUNT: Option<[Option<&str>; 3]> =
        Some([Some("held"), Some("account_missing"), Some("company 7")]);
    const DATE: Option<[Option<&str>; 3]> = Some([Some("held"), Some("close_date_missing"), None]);
    const SCOPE: Option<[Option<&str>; 3]> = Some([Some("out_of_scope"), Some("scope"), None]);

    fn told(fates: &Fates, row: usize) -> Option<String> {
        let fate = fates.row(row)?;
        let reason = fate.reason().unwrap_or_default();
        Some(format!(
            "{} {reason} ({})",
            fate.fate,
            fate.parent().unwrap_or_default()
        ))
    }

    #[test]
    fn a_row_tells_all_its_reasons_at_once_and_each_of_them_once() {
        let rows = list(&[
            &[ACCOUNT, None, DATE, ACCOUNT],
            &[None, None],
            &[],
            &[ACCOUNT, SCOPE, DATE],
        ]);
        let batch = RecordBatch::try_from_iter_with_nullable([("_fate", rows, true)]).unwrap();
        let fates = Fates::of(&batch);
        assert_eq!(
            told(&fates, 0).unwrap(),
            "held account_missing; close_date_missing (company 7)"
        );
        assert_eq!(told(&fates, 1), None);
        assert_eq!(told(&fates, 2), None);
        assert_eq!(told(&fates, 3).unwrap(), "out_of_scope scope ()");
    }

    #[test]
    fn what_counts_until_a_row_is_known_no_longer_counts_then_and_the_rest_does() {
        let always: ArrayRef = Arc::new(structs(&[ACCOUNT, None, ACCOUNT]));
        let until: ArrayRef = Arc::new(structs(&[DATE, DATE, DATE]));
        let known: ArrayRef = Arc::new(StringArray::from(vec![Some("003"), Some("003"), None]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("_fate", always, true),
            ("_until_known", until, true),
            (KNOWN[0], known, true),
        ])
        .unwrap();
        let fates = Fates::of(&batch);
        assert_eq!(told(&fates, 0).unwrap(), "held account_missing (company 7)");
        assert_eq!(told(&fates, 1), None);
        assert_eq!(
            told(&fates, 2).unwrap(),
            "held account_missing; close_date_missing (company 7)"
        );
    }
}
