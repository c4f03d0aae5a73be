//! What cannot be encoded.

/// A column whose type has no form in Salesforce's CSV.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// No CSV form for this Arrow type.
    #[error("column {column} has type {data_type}, which cannot be sent to Salesforce")]
    UnsupportedType {
        /// API name.
        column: String,
        /// Arrow type.
        data_type: String,
    },
}

impl EncodeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnsupportedType { column, .. } => Some(format!(
                "cast {column} to a text, number, boolean, date, timestamp or list in the load query"
            )),
        }
    }
}
