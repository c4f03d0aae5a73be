//! Each type of value made to fit its field: texts, whole numbers, decimals, floating point numbers, days, instants, lists.
//!
//! In: a column and what its field holds. Out: the column in which every cell fits, none where all did, and an [`Altered`] per
//! change. Never: a cell changed without an entry.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, ListArray, ListBuilder, PrimitiveArray,
    StringArray, StringBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::temporal_conversions::date32_to_datetime;
use chrono::{DateTime, NaiveDate, Utc};

use super::address;
use super::html;
use super::limit::{Altered, FieldLimit, Policy};
use super::text::{cut, is_control, is_email, may_hold_control};

/// What Salesforce reads as "clear this field"; as data it means nothing (`guide/rules.md` 19).
const NOT_AVAILABLE: &str = "#N/A";

/// First and last day that Salesforce takes (`guide/salesforce.md` §1.6), as days since the epoch.
static DAYS: LazyLock<(i32, i32)> = LazyLock::new(|| {
    let day = |year, month, day| {
        NaiveDate::from_ymd_opt(year, month, day).map_or(0, Date32Type::from_naive_date)
    };
    (day(1700, 1, 1), day(4000, 12, 31))
});

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Makes a column fit; none if every cell did.
pub(super) fn fit(
    name: &str,
    column: &ArrayRef,
    limit: Option<&FieldLimit>,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let (first, last) = *DAYS;
    match column.data_type() {
        DataType::Utf8 => fit_text(name, column.as_string(), limit, altered),
        DataType::List(item) if item.data_type() == &DataType::Utf8 => {
            fit_list(name, column.as_list(), limit, altered)
        }
        DataType::Int64 => {
            let digits = limit.and_then(whole_digits)?;
            let most = 10_i64.checked_pow(digits)? - 1;
            let range = (-most, most);
            fit_range::<Int64Type>(
                name,
                column,
                limit,
                range,
                &|value| value.to_string(),
                altered,
            )
        }
        DataType::Decimal128(_, scale) => {
            let limit = limit?;
            let scale = u32::try_from(*scale).unwrap_or(0);
            let most = 10_i128.checked_pow(limit.whole_digits? + scale)? - rounded_up(scale, limit);
            let show = |value: i128| {
                arrow::datatypes::format_decimal_str(&value.to_string(), 38, scale as i8)
            };
            fit_range::<Decimal128Type>(name, column, Some(limit), (-most, most), &show, altered)
        }
        DataType::Float64 => {
            let limit = limit?;
            let whole = fit_whole(name, column, limit, altered);
            let column = whole.as_ref().unwrap_or(column);
            let digits = i32::try_from(limit.whole_digits?).unwrap_or(18);
            let scale = i32::try_from(limit.scale).unwrap_or(0);
            // Half a unit of the last place would be rounded up to one digit more.
            let bound = 10_f64.powi(digits) - 0.5 * 10_f64.powi(-scale);
            let most = bound.next_down();
            fit_range::<Float64Type>(
                name,
                column,
                Some(limit),
                (-most, most),
                &|value| value.to_string(),
                altered,
            )
            .or(whole)
        }
        DataType::Date32 => {
            let show = |day| match date32_to_datetime(day) {
                Some(day) => day.date().to_string(),
                None => format!("day {day}"),
            };
            fit_range::<Date32Type>(name, column, limit, (first, last), &show, altered)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let show = |micros| match DateTime::<Utc>::from_timestamp_micros(micros) {
                Some(instant) => instant.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                None => format!("{micros} microseconds"),
            };
            let range = (i64::from(first) * DAY, i64::from(last) * DAY);
            fit_range::<TimestampMicrosecondType>(name, column, limit, range, &show, altered)
        }
        _ => None,
    }
}

/// Digits of a whole number: a field of text takes as many as it has characters.
fn whole_digits(limit: &FieldLimit) -> Option<u32> {
    let chars = limit.chars.and_then(|chars| u32::try_from(chars).ok());
    limit.whole_digits.or(chars)
}

/// The smallest decimal with `scale` digits that the field rounds up to one digit more, as a distance from there.
fn rounded_up(scale: u32, limit: &FieldLimit) -> i128 {
    let cut = scale.saturating_sub(limit.scale);
    match cut {
        0 => 1,
        _ => 5 * 10_i128.pow(cut - 1) + 1,
    }
}

/// Makes fractions whole numbers where the field takes no others. Of exact numbers the query says how many decimals they are sent
/// with.
fn fit_whole(
    name: &str,
    column: &ArrayRef,
    limit: &FieldLimit,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let values: &PrimitiveArray<Float64Type> = column.as_primitive();
    // What is no number, or has no end, is no fraction.
    let is_whole = |value: f64| !value.is_finite() || value.fract() == 0.0;
    if !limit.whole || values.iter().flatten().all(is_whole) {
        return None;
    }
    let fitted = values.iter().enumerate().map(|(row, value)| {
        let value = value?;
        if is_whole(value) {
            return Some(value);
        }
        let (done, kept) = match limit.policy {
            Some(Policy::Reject) => ("rejected", None),
            Some(Policy::BlankAndKeepRaw) => ("blanked", None),
            _ => ("rounded", Some(value.round())),
        };
        altered.push(Altered {
            row,
            field: name.to_owned(),
            why: "fraction",
            done,
            original: value.to_string(),
        });
        kept
    });
    let fitted: PrimitiveArray<Float64Type> = fitted.collect();
    Some(Arc::new(fitted))
}

/// Keeps values between the two of `range`. What has no place among them (NaN) is blanked.
fn fit_range<T: ArrowPrimitiveType>(
    name: &str,
    column: &ArrayRef,
    limit: Option<&FieldLimit>,
    range: (T::Native, T::Native),
    show: &dyn Fn(T::Native) -> String,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let values: &PrimitiveArray<T> = column.as_primitive();
    let (least, most) = range;
    let fits = |value: T::Native| value >= least && value <= most;
    if values.iter().flatten().all(fits) {
        return None;
    }
    let policy = limit.and_then(|limit| limit.policy);
    let required = limit.is_some_and(|limit| limit.required);
    let fitted = values.iter().enumerate().map(|(row, value)| {
        let value = value?;
        if fits(value) {
            return Some(value);
        }
        let nearest = if value > most {
            Some(most)
        } else if value < least {
            Some(least)
        } else {
            None
        };
        let (done, kept) = match policy {
            Some(Policy::Reject) => ("rejected", None),
            None if required && nearest.is_some() => ("nearest", nearest),
            _ => ("blanked", None),
        };
        altered.push(Altered {
            row,
            field: name.to_owned(),
            why: "out_of_range",
            done,
            original: show(value),
        });
        kept
    });
    let fitted: PrimitiveArray<T> = fitted.collect();
    Some(Arc::new(fitted.with_data_type(column.data_type().clone())))
}

fn fit_text(
    name: &str,
    column: &StringArray,
    limit: Option<&FieldLimit>,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let limit_chars = limit.and_then(|limit| limit.chars).unwrap_or(usize::MAX);
    let plain = limit.is_some_and(|limit| limit.plain);
    let fits = |text: &str| problem(text, limit).is_none() && !(plain && html::is_html(text));
    if !holds_control(column) && column.iter().flatten().all(fits) {
        return None;
    }
    let mut builder = StringBuilder::with_capacity(column.len(), column.value_data().len());
    for (row, text) in column.iter().enumerate() {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        let mut note = |why, done| {
            altered.push(Altered {
                row,
                field: name.to_owned(),
                why,
                done,
                original: text.to_owned(),
            });
        };
        let mut value: Cow<'_, str> = Cow::Borrowed(text);
        if value.chars().any(is_control) {
            value = Cow::Owned(without_control(&value));
            note("control_characters", "cleaned");
        }
        if plain && html::is_html(&value) {
            value = Cow::Owned(html::plain_text(&value));
            note("html", "made plain text");
        }
        if limit.is_some_and(|limit| limit.email && !is_email(value.trim()))
            && let Some(address) = address::inside(&value, is_email)
        {
            value = Cow::Owned(address);
            note("address_in_text", "taken out");
        }
        let policy = limit.and_then(|limit| limit.policy);
        match (problem(&value, limit), policy) {
            (None, _) => builder.append_value(&value),
            (Some(why), Some(Policy::Reject)) => {
                note(why, "rejected");
                builder.append_value(&value);
            }
            (Some("too_long"), None | Some(Policy::TruncateAndAttach)) => {
                note("too_long", "cut");
                builder.append_value(cut(&value, limit_chars));
            }
            (Some(why), _) => {
                note(why, "blanked");
                builder.append_null();
            }
        }
    }
    Some(Arc::new(builder.finish()))
}

fn holds_control(column: &StringArray) -> bool {
    let start = column.value_offsets().first().copied().unwrap_or(0);
    let end = column.value_offsets().last().copied().unwrap_or(0);
    may_hold_control(&column.value_data()[start as usize..end as usize])
}

fn without_control(text: &str) -> String {
    text.chars().filter(|&letter| !is_control(letter)).collect()
}

fn is_longer(text: &str, chars: usize) -> bool {
    // Bytes first: most values are shorter than their field has characters.
    text.len() > chars && text.chars().count() > chars
}

fn is_allowed(value: &str, limit: &FieldLimit) -> bool {
    let mut allowed = limit.allowed.iter().flatten();
    limit.allowed.is_none() || allowed.any(|item| item.eq_ignore_ascii_case(value))
}

fn problem(value: &str, limit: Option<&FieldLimit>) -> Option<&'static str> {
    let trimmed = value.trim();
    if trimmed == NOT_AVAILABLE {
        return Some("literal_na");
    }
    let limit = limit?;
    if trimmed.is_empty() {
        return None;
    }
    if limit.email && !is_email(trimmed) {
        return Some("invalid_email");
    }
    if !is_allowed(trimmed, limit) {
        return Some("not_in_picklist");
    }
    is_longer(trimmed, limit.chars.unwrap_or(usize::MAX)).then_some("too_long")
}

/// Lists: each item for itself, then all of them joined.
fn fit_list(
    name: &str,
    lists: &ListArray,
    limit: Option<&FieldLimit>,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let items: &StringArray = lists.values().as_string();
    let unlimited = FieldLimit::default();
    let limit = limit.unwrap_or(&unlimited);
    let most = limit.chars.unwrap_or(usize::MAX);
    let fits = |item: &str| item_fits(item, limit);
    let is_whole = |row: usize| {
        let bytes: i32 = item_bytes(lists, items, row);
        usize::try_from(bytes).unwrap_or(0) <= most
    };
    if !holds_control(items) && items.iter().flatten().all(fits) && (0..lists.len()).all(is_whole) {
        return None;
    }
    let field = Field::new_list_field(DataType::Utf8, true);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..lists.len() {
        if lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let values = lists.value(row);
        let mut fitter = ItemFitter {
            name,
            row,
            limit,
            altered,
        };
        for item in fitter.items(values.as_string()) {
            builder.values().append_value(item);
        }
        builder.append(true);
    }
    Some(Arc::new(builder.finish()))
}

/// Bytes of a row's items joined.
fn item_bytes(lists: &ListArray, items: &StringArray, row: usize) -> i32 {
    let (offsets, texts) = (lists.value_offsets(), items.value_offsets());
    let (start, end) = (offsets[row], offsets[row + 1]);
    let separators = (end - start - 1).max(0);
    let at = |place: i32| {
        usize::try_from(place)
            .ok()
            .and_then(|at| texts.get(at))
            .copied()
    };
    at(end).unwrap_or(0) - at(start).unwrap_or(0) + separators
}

fn item_fits(item: &str, limit: &FieldLimit) -> bool {
    !item.contains(';')
        && item.trim() != NOT_AVAILABLE
        && !is_longer(item.trim(), limit.item_chars.unwrap_or(usize::MAX))
        // Salesforce leaves a blank item out by itself.
        && !item.trim().is_empty()
        && is_allowed(item.trim(), limit)
}

struct ItemFitter<'a> {
    name: &'a str,
    row: usize,
    limit: &'a FieldLimit,
    altered: &'a mut Vec<Altered>,
}

impl ItemFitter<'_> {
    fn note(&mut self, why: &'static str, done: &'static str, original: &str) {
        let rejected = self.limit.policy == Some(Policy::Reject) && done != "cleaned";
        self.altered.push(Altered {
            row: self.row,
            field: self.name.to_owned(),
            why,
            done: if rejected { "rejected" } else { done },
            original: original.to_owned(),
        });
    }

    /// The items that fit, each once: two may have become the same.
    fn items(&mut self, items: &StringArray) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut kept: Vec<String> = Vec::new();
        for item in items.iter().flatten() {
            if let Some(fitted) = self.item(item)
                && seen.insert(fitted.trim().to_lowercase())
            {
                kept.push(fitted.into_owned());
            }
        }
        let most = self.limit.chars.unwrap_or(usize::MAX);
        let chars = |kept: &[String]| -> usize {
            let texts: usize = kept.iter().map(|item| item.chars().count()).sum();
            texts + kept.len().saturating_sub(1)
        };
        if chars(&kept) > most {
            let whole = kept.join(";");
            while chars(&kept) > most {
                kept.pop();
            }
            self.note("too_long", "cut", &whole);
        }
        kept
    }

    fn item<'t>(&mut self, item: &'t str) -> Option<Cow<'t, str>> {
        let mut value = Cow::Borrowed(item);
        if value.chars().any(is_control) {
            value = Cow::Owned(without_control(&value));
            self.note("control_characters", "cleaned", item);
        }
        if value.contains(';') {
            value = Cow::Owned(value.replace(';', ","));
            self.note("separator_in_choice", "replaced", item);
        }
        let trimmed = value.trim();
        if trimmed.is_empty() {
            return None;
        }
        if trimmed == NOT_AVAILABLE {
            self.note("literal_na", "blanked", item);
            return None;
        }
        let most = self.limit.item_chars.unwrap_or(usize::MAX);
        if is_longer(trimmed, most) {
            if self.limit.policy == Some(Policy::BlankAndKeepRaw) {
                self.note("too_long", "blanked", item);
                return None;
            }
            value = Cow::Owned(cut(&value, most).to_owned());
            self.note("too_long", "cut", item);
        }
        if !is_allowed(value.trim(), self.limit) {
            self.note("not_in_picklist", "blanked", item);
            return None;
        }
        Some(value)
    }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
