//! Why a row was refused, in the words of the real service (`guide/salesforce.md` §7).
//!
//! In: a status code, a message and the fields it is about. Out: [`RowError`], told as the Bulk API or as REST tells it.

use std::borrow::Cow;
use std::fmt;

use axum::http::StatusCode;

use super::super::error::ApiError;

/// One error of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowError {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) fields: Vec<String>,
}

impl RowError {
    /// An error that names no field.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// An error about fields.
    pub(crate) fn on(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
            fields,
        }
    }

    /// `Required fields are missing: [A, B]`.
    pub(crate) fn required(fields: &[&str]) -> Self {
        let list = fields.join(", ");
        Self::on(
            "REQUIRED_FIELD_MISSING",
            format!("Required fields are missing: [{list}]"),
            fields,
        )
    }

    /// A column that this user may not write in this operation (§6.4).
    pub(crate) fn not_writable(field: &str) -> Self {
        let message = format!(
            "Unable to create/update fields: {field}. Please check the security settings of this field and verify that \
             it is read/write for your profile or permission set."
        );
        Self::on("INVALID_FIELD_FOR_INSERT_UPDATE", message, &[field])
    }

    /// A row, or the parent of one, that another batch or request holds (`guide/salesforce.md` §1.9).
    pub(crate) fn locked(ids: &[String]) -> Self {
        let message = format!(
            "unable to obtain exclusive access to this record or {} records: {}",
            ids.len(),
            ids.join(",")
        );
        Self::new("UNABLE_TO_LOCK_ROW", message)
    }

    /// A lead that was converted; the text is the one known from practice.
    pub(crate) fn converted_lead() -> Self {
        Self::new(
            "CANNOT_UPDATE_CONVERTED_LEAD",
            "cannot reference converted lead",
        )
    }

    /// A row that is in the recycle bin.
    pub(crate) fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted")
    }

    /// An id that belongs to no row.
    pub(crate) fn unknown_id(fields: &[&str]) -> Self {
        Self::on(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            fields,
        )
    }
}

impl fmt::Display for RowError {
    /// Writes the form of `sf__Error`: `CODE:message:Field1 Field2 --`, or `CODE:message:--`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:", self.code, self.message)?;
        for field in &self.fields {
            write!(out, "{field} ")?;
        }
        out.write_str("--")
    }
}

/// The error a single-row resource answers with.
pub(crate) fn api_error(error: &RowError) -> ApiError {
    let mut api = match error.code.as_ref() {
        "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" if error.fields.is_empty() => {
            ApiError::new(StatusCode::NOT_FOUND, &error.code, error.message.clone())
        }
        code => ApiError::bad(code, error.message.clone()),
    };
    api.fields.clone_from(&error.fields);
    api
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_form_is_the_one_seen_in_real_results() {
        assert_eq!(
            RowError::required(&["Name"]).to_string(),
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
        );
        assert_eq!(
            RowError::required(&["LastName", "Company"]).to_string(),
            "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName, Company]:LastName Company --"
        );
        assert_eq!(
            RowError::deleted().to_string(),
            "ENTITY_IS_DELETED:entity is deleted:--"
        );
    }
}
