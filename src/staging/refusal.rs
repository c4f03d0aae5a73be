//! Why an object store does not serve: what its answer means, and what to do about it.
//!
//! In: an error of a store. Out: one of four causes that a person can mend, by status and not by wording where the library tells
//! the status. Never: a secret, since neither requests nor their headers are looked at.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

/// A cause that lies with the store or its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bucket does not exist.
    NoBucket,
    /// The store does not take the credentials, or they may not do this.
    Credentials,
    /// Nothing answers at the endpoint.
    Unreachable,
    /// The store does not make objects only where there is none, without which two commands could write at once.
    NoCreateOnly,
}

impl Refusal {
    /// The cause of a store's error, where it is one of these.
    pub(super) fn of(error: &object_store::Error) -> Option<Self> {
        use object_store::Error as Store;
        let said = said(error);
        match error {
            Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => {
                return Some(Self::Credentials);
            }
            Store::NotImplemented { .. } => return Some(Self::NoCreateOnly),
            _ => {}
        }
        let answered = |status: &str| said.contains(&format!("status code: {status}"));
        if said.contains("NoSuchBucket") || (is_listing(&said) && answered("404")) {
            return Some(Self::NoBucket);
        }
        if answered("401") || answered("403") || said.contains("CredentialsProvider") {
            return Some(Self::Credentials);
        }
        if answered("501") {
            return Some(Self::NoCreateOnly);
        }
        let unreachable = [
            "client error (Connect)",
            "error sending request",
            "dns error",
        ];
        let is_unreachable = unreachable.iter().any(|words| said.contains(words));
        // Without credentials the library asks the cloud's own address for some.
        let asked = said.contains("169.254.169.254") || said.contains("169.254.170.2");
        match (is_unreachable, asked) {
            (_, true) => Some(Self::Credentials),
            (true, false) => Some(Self::Unreachable),
            _ => None,
        }
    }

    /// Whether the settings are at fault, rather than the network or the moment.
    #[must_use]
    pub fn is_input(self) -> bool {
        self != Self::Unreachable
    }

    /// What to do next.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoBucket => {
                "make the bucket, or correct its name in `staging` of migration.toml or in --work; AWS_ENDPOINT and AWS_REGION \
                 say where it is looked for"
            }
            Self::Credentials => {
                "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if they are temporary, AWS_SESSION_TOKEN; they must be allowed to \
                 list, read, write and delete below the prefix"
            }
            Self::Unreachable => {
                "is the object store up, and is AWS_ENDPOINT its address? what is published there stands; run the same command again"
            }
            Self::NoCreateOnly => {
                "the store must answer a put with `If-None-Match: *` by 412 where the object exists, as Amazon S3, MinIO, Ceph and \
                 R2 do in current versions: use such a store, or a folder"
            }
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoBucket => "the bucket does not exist",
            Self::Credentials => "the object store does not take the credentials",
            Self::Unreachable => "the object store cannot be reached",
            Self::NoCreateOnly => "the object store does not support create-only puts",
        })
    }
}

/// A listing of a bucket that exists is empty rather than not found.
fn is_listing(said: &str) -> bool {
    said.contains("list request") || said.contains("list-type=2")
}

/// The error with its causes.
fn said(error: &object_store::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said.push_str(": ");
        said.push_str(&cause.to_string());
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    #[test]
    fn an_answer_of_the_store_is_told_by_its_cause() {
        let listed =
            "Error performing list request: Server returned non-2xx status code: 404 Not Found: ";
        let cases = [
            (listed, Some(Refusal::NoBucket)),
            ("put: <Code>NoSuchBucket</Code>", Some(Refusal::NoBucket)),
            (
                "Server returned non-2xx status code: 403 Forbidden: ",
                Some(Refusal::Credentials),
            ),
            (
                "PUT http://169.254.169.254/latest/api/token: error sending request",
                Some(Refusal::Credentials),
            ),
            (
                "Server returned non-2xx status code: 501 Not Implemented: ",
                Some(Refusal::NoCreateOnly),
            ),
            (
                "HTTP error: error sending request",
                Some(Refusal::Unreachable),
            ),
            ("status code: 500 Internal Server Error", None),
        ];
        for (text, refusal) in cases {
            assert_eq!(Refusal::of(&generic(text)), refusal, "{text}");
        }
    }
}
