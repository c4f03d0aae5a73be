//! The export, the policies and the decisions as files.
//!
//! In: the model. Out: files of the project. Never: a value of the org.

use std::fmt::Write as _;

use super::model::first_company;
use super::{FIELDS, World, fields};
use crate::rehearsal::Project;

/// The project that scripts share.
pub(super) fn project() -> Project {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[options]\non_promotion = \"convert\"\n",
    );
    project
}

impl World {
    /// Writes the export and the decisions.
    pub(super) fn write(&self) {
        let heads = [
            ("companies", "id,name,"),
            ("people", "id,name,email,lifecycle_stage,"),
            ("deals", "id,value,currency,pipeline,stage,status,"),
        ];
        for (file, head) in heads {
            let mut columns: Vec<&str> = Vec::new();
            for field in &FIELDS {
                if file_of(field.object) == file && !columns.contains(&field.column) {
                    columns.push(field.column);
                }
            }
            let mut text = format!("{head}{}\n", columns.join(","));
            for ((object, key), record) in &self.model.records {
                if file_of(object) != file || !record.is_in_source {
                    continue;
                }
                let stage = match record.is_customer {
                    true => "customer",
                    false => "lead",
                };
                let start = match file {
                    "companies" => format!("{key},Company {key}"),
                    "people" => format!("{key},Per Son{key},p{key}@acme.example,{stage}"),
                    _ => format!("{key},100,PLN,1,11,in progress"),
                };
                text += &start;
                for column in &columns {
                    let field = fields(object).find(|field| field.column == *column);
                    let value = match field {
                        Some(field) => record.ours[field.name].clone(),
                        None if *column == "company_id" => Some(first_company(*key)),
                        None => None,
                    };
                    write!(text, ",{}", value.unwrap_or_default()).unwrap();
                }
                text.push('\n');
            }
            self.project.write(&format!("export/{file}.csv"), &text);
        }
        let mut policies = "object,field,policy\n".to_owned();
        for ((object, field), policy) in &self.model.policies {
            writeln!(policies, "{object},{field},{}", policy.word()).unwrap();
        }
        self.project.write("config/field_policy.csv", &policies);
        let mut decisions = "object,key,field,ours,theirs,decision\n".to_owned();
        for decision in &self.model.decisions {
            let (object, key, name) = decision.place;
            let field = fields(object).find(|field| field.name == name).unwrap();
            let [ours, theirs] = [&decision.ours, &decision.theirs].map(|value| {
                self.api(field, &self.model.now(name, value))
                    .unwrap_or_default()
            });
            let side = if decision.is_source { "source" } else { "org" };
            writeln!(decisions, "{object},{key},{name},{ours},{theirs},{side}").unwrap();
        }
        self.project.write("config/decisions.csv", &decisions);
    }
}

fn file_of(object: &str) -> &'static str {
    match object {
        "Account" => "companies",
        "Opportunity" => "deals",
        _ => "people",
    }
}
