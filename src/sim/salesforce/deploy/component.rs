//! What became of one component, as `DeployMessage` tells it (`guide/salesforce.md` §5.1).

use serde_json::{Value, json};

/// One component of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) kind: &'static str,
    pub(super) full_name: String,
    pub(super) file: String,
    pub(super) created: bool,
    pub(super) changed: bool,
    pub(super) deleted: bool,
    /// What is odd about it, though it is a success.
    pub(super) warning: Option<String>,
    pub(super) problem: Option<String>,
}

impl Component {
    /// A component that is all right so far.
    pub(super) fn new(kind: &'static str, full_name: impl Into<String>, file: &str) -> Self {
        Self {
            kind,
            full_name: full_name.into(),
            file: file.to_owned(),
            created: false,
            changed: false,
            deleted: false,
            warning: None,
            problem: None,
        }
    }

    /// The component with a problem.
    pub(super) fn failed(mut self, problem: impl Into<String>) -> Self {
        self.problem = Some(problem.into());
        self
    }

    /// Its `DeployMessage`.
    pub(super) fn message(&self, date: &str) -> Value {
        let mut message = json!({
            "changed": self.changed && self.problem.is_none(),
            "componentType": self.kind,
            "created": self.created && self.problem.is_none(),
            "createdDate": date,
            "deleted": self.deleted && self.problem.is_none(),
            "fileName": self.file,
            "fullName": self.full_name,
            "success": self.problem.is_none(),
        });
        if let Some(problem) = &self.problem {
            message["problem"] = json!(problem);
            message["problemType"] = json!("Error");
            message["lineNumber"] = json!(1);
            message["columnNumber"] = json!(1);
        }
        if let Some(warning) = self.warning.as_ref().filter(|_| self.problem.is_none()) {
            message["problem"] = json!(warning);
            message["problemType"] = json!("Warning");
        }
        message
    }
}
