//! The org as a package would make it, and what becomes of each component.
//!
//! In: the org's metadata and a [`Package`]. Out: [`Draft`]: changed metadata, rows to be written, components with their
//! problems. Nothing is in force until [`super::carry_out()`] applies it. Deletions come first unless the package says
//! otherwise; then objects, fields, value sets, processes, record types and what names them.

use std::sync::Arc;

use super::super::model::Model;
use super::super::org::{Metadata, Org};
use super::super::schema::{FieldDefinition, RECORD_TYPE, SObject};
use super::component::Component;
use super::field::custom_field;
use super::lead_convert::lead_convert;
use super::object::custom_object;
use super::package::{Package, UNPARSABLE};
use super::permission::{flags, grants};
use super::record_type::{Process, RecordType, process, record_type, values_of};
use super::validation_rule::{ValidationRule, validation_rule};
use super::value_set::{ValueSet, value_set};
use super::xml::Element;

/// The row of a permission set.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) label: String,
    /// Flags by field name.
    pub(super) flags: Vec<(String, bool)>,
}

/// The org as the package would make it.
pub(super) struct Draft {
    /// The org as it is.
    pub(super) model: Arc<Model>,
    pub(super) metadata: Metadata,
    pub(super) values: Vec<ValueSet>,
    pub(super) rules: Vec<ValidationRule>,
    pub(super) processes: Vec<Process>,
    pub(super) record_types: Vec<RecordType>,
    pub(super) sets: Vec<Set>,
    /// Names of permission sets whose rows go, before those of [`Self::sets`] are written.
    pub(super) removed: Vec<String>,
    pub(super) components: Vec<Component>,
    multi_currency: bool,
    most_fields: usize,
}

impl Draft {
    /// A draft that changes nothing yet.
    pub(super) fn new(org: &Org) -> Self {
        let model = org.model();
        Self {
            metadata: Metadata {
                schema: model.schema.clone(),
                grants: model.grants.clone(),
                lead_convert: model.lead_convert.clone(),
            },
            model,
            values: Vec::new(),
            rules: Vec::new(),
            processes: Vec::new(),
            record_types: Vec::new(),
            sets: Vec::new(),
            removed: Vec::new(),
            components: Vec::new(),
            multi_currency: org.options.multi_currency,
            most_fields: org.options.edition.custom_fields(),
        }
    }

    /// Takes in a package.
    pub(super) fn read(&mut self, package: &Package) {
        self.destroy(&package.first);
        // Objects come first: fields refer to those of the same package.
        for (path, root) in &package.files {
            let name = path.strip_prefix("objects/");
            let name = name.and_then(|file| file.strip_suffix(".object"));
            if let Some(name) = name.filter(|name| name.ends_with("__c") && root.name != UNPARSABLE)
            {
                self.custom_object(package, path, name, root);
            }
        }
        for (path, root) in &package.files {
            if root.name == UNPARSABLE {
                self.components
                    .push(Component::new("", path.as_str(), path).failed("Error parsing file"));
                continue;
            }
            let name = path
                .rsplit('/')
                .next()
                .and_then(|file| file.rsplit_once('.'))
                .map_or("", |(stem, _)| stem);
            match path.split('/').next() {
                Some("objects") => self.object(package, path, name, root),
                Some("standardValueSets") => self.value_set(path, name, root),
                _ => {}
            }
        }
        // Processes name values of the same package, record types name processes.
        for (path, root) in package.files.iter().filter(|(_, r)| r.name != UNPARSABLE) {
            let name = path.strip_prefix("objects/");
            if let Some(name) = name.and_then(|file| file.strip_suffix(".object")) {
                self.validation_rules(package, path, name, root);
                self.processes(package, path, name, root);
                self.record_types(package, path, name, root);
            }
        }
        // Permission sets come last: they name fields of the same package.
        for (path, root) in package
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("permissionsets/"))
        {
            let name = path
                .trim_start_matches("permissionsets/")
                .trim_end_matches(".permissionset");
            self.permission_set(path, name, root);
        }
        for (path, root) in package.files.iter().filter(|(_, r)| r.name != UNPARSABLE) {
            if in_folder(path, "leadConvertSettings") {
                self.lead_convert(path, root);
            } else if !["objects", "permissionsets", "standardValueSets"]
                .iter()
                .any(|folder| path.starts_with(&format!("{folder}/")))
            {
                let problem = "the simulator does not know this type of metadata";
                self.components
                    .push(Component::new("", path.as_str(), path).failed(problem));
            }
        }
        self.missing(package);
        self.destroy(&package.last);
    }

    /// A file with a header makes the object, if it is not there.
    fn custom_object(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        if root.child("label").is_none() || !package.names("CustomObject", name) {
            return;
        }
        let mut component = Component::new("CustomObject", name, path);
        match custom_object(&self.metadata.schema, name, root) {
            Ok(definition) => {
                component.changed = true;
                component.created = self.metadata.schema.position(name).is_none();
                let mut object = definition.object(self.multi_currency);
                if let Some(at) = self.metadata.schema.position(name) {
                    let own = object.fields.len();
                    let old = self.metadata.schema.object(at).fields.iter().skip(own);
                    let old: Vec<_> = old.cloned().collect();
                    old.into_iter().for_each(|field| object.add(field));
                }
                self.metadata.schema.put_custom(object);
            }
            Err(problem) => component.problem = Some(problem),
        }
        self.components.push(component);
    }

    fn object(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        // Fields of Task and Event are defined on Activity (§5.2).
        let targets: &[&str] = match name {
            "Activity" => &["Task", "Event"],
            _ => &[name],
        };
        for element in root.all("fields") {
            let full_name = format!("{name}.{}", element.get("fullName").unwrap_or_default());
            if !package.names("CustomField", &full_name) && !package.names("CustomObject", name) {
                continue;
            }
            let mut component = Component::new("CustomField", full_name, path);
            let mut known = false;
            for target in targets {
                let at = self
                    .metadata
                    .schema
                    .position(target)
                    .filter(|_| !matches!(name, "Task" | "Event"))
                    .filter(|&at| self.metadata.schema.object(at).verbs.extend);
                let Some(at) = at else { continue };
                known = true;
                let mut object = SObject::clone(self.metadata.schema.object(at));
                match custom_field(&self.metadata.schema, &object, element, self.most_fields) {
                    Ok(field) => {
                        component.created = object.find(&field.name).is_none();
                        component.changed = true;
                        object.add(field);
                        self.metadata.schema.put(object);
                    }
                    Err(problem) => component.problem = Some(problem),
                }
            }
            if !known {
                let problem = format!(
                    "Entity Enumeration Or ID: bad value for restricted picklist field: {name}"
                );
                component.problem = Some(problem);
            }
            self.components.push(component);
        }
        if root.child("nameField").is_some() && !name.ends_with("__c") {
            let problem = "the simulator does not know nameField of standard objects";
            self.components
                .push(Component::new("CustomObject", name, path).failed(problem));
        }
    }

    fn value_set(&mut self, path: &str, name: &str, root: &Element) {
        let mut component = Component::new("StandardValueSet", name, path);
        match value_set(name, root) {
            Ok(values) => {
                component.changed = true;
                self.values
                    .push(values.into_schema(&mut self.metadata.schema));
            }
            Err(problem) => component.problem = Some(problem),
        }
        self.components.push(component);
    }

    fn validation_rules(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        for element in root.all("validationRules") {
            let full_name = format!("{name}.{}", element.get("fullName").unwrap_or_default());
            if !package.names("ValidationRule", &full_name) && !package.names("CustomObject", name)
            {
                continue;
            }
            let mut component = Component::new("ValidationRule", full_name, path);
            let schema = &self.metadata.schema;
            let object = schema.position(name).map(|at| schema.object(at));
            match validation_rule(name, object.map(AsRef::as_ref), element) {
                Ok(rule) => {
                    component.changed = true;
                    self.rules.push(rule);
                }
                Err(problem) => component.problem = Some(problem),
            }
            self.components.push(component);
        }
    }

    fn processes(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        for element in root.all("businessProcesses") {
            let full_name = format!("{name}.{}", element.get("fullName").unwrap_or_default());
            if !package.names("BusinessProcess", &full_name) && !package.names("CustomObject", name)
            {
                continue;
            }
            let mut component = Component::new("BusinessProcess", full_name, path);
            match process(name, element, |value| self.is_value(name, value)) {
                Ok(process) => {
                    component.changed = true;
                    component.created = !self.is_process(name, &process.name);
                    self.processes.push(process);
                }
                Err(problem) => component.problem = Some(problem),
            }
            self.components.push(component);
        }
    }

    fn record_types(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        for element in root.all("recordTypes") {
            let full_name = format!("{name}.{}", element.get("fullName").unwrap_or_default());
            if !package.names("RecordType", &full_name) && !package.names("CustomObject", name) {
                continue;
            }
            let mut component = Component::new("RecordType", full_name.as_str(), path);
            let schema = &self.metadata.schema;
            let object = schema
                .position(name)
                .map(|at| Arc::clone(schema.object(at)));
            let object = object.filter(|object| object.verbs.extend).ok_or_else(|| {
                format!("Entity Enumeration Or ID: bad value for restricted picklist field: {name}")
            });
            let read = object.and_then(|object| {
                let read = record_type(&object, element, |process| self.is_process(name, process));
                read.map(|read| (object, read))
            });
            match read {
                Ok((object, read)) => {
                    component.changed = true;
                    component.created = !self.is_record_type(&full_name);
                    if object.position(RECORD_TYPE).is_none() {
                        let mut object = SObject::clone(&object);
                        object.add(FieldDefinition::record_type());
                        self.metadata.schema.put(object);
                    }
                    self.record_types.push(read);
                }
                Err(problem) => component.problem = Some(problem),
            }
            self.components.push(component);
        }
    }

    /// Whether a process of an object may have a value: the org has it, or the package brings it. Case counts.
    fn is_value(&self, object: &str, value: &str) -> bool {
        let Some((list, _)) = values_of(object) else {
            return false;
        };
        let brought = self.values.iter().any(|set| set.has(list, value));
        brought
            || self.model.table(list).is_some_and(|(definition, table)| {
                let name = definition.position("ApiName");
                let active = definition.position("IsActive");
                let rows = table.read();
                (0..rows.len()).filter_map(|at| rows.get(at)).any(|row| {
                    !row.deleted()
                        && name.and_then(|at| row.get(at)) == Some(value)
                        && active.is_none_or(|at| row.get(at) == Some("true"))
                })
            })
    }

    pub(super) fn is_process(&self, object: &str, name: &str) -> bool {
        let brought = self
            .processes
            .iter()
            .any(|process| process.object == object && process.name == name);
        brought
            || self
                .model
                .table("BusinessProcess")
                .is_some_and(|(definition, table)| {
                    let host = definition.position("TableEnumOrId");
                    let own = definition.position("Name");
                    let rows = table.read();
                    (0..rows.len()).filter_map(|at| rows.get(at)).any(|row| {
                        !row.deleted()
                            && host.and_then(|at| row.get(at)) == Some(object)
                            && own.and_then(|at| row.get(at)) == Some(name)
                    })
                })
    }

    /// Whether `Opportunity.Sales` is there, or the package brings it.
    pub(super) fn is_record_type(&self, path: &str) -> bool {
        let Some((object, name)) = path.split_once('.') else {
            return false;
        };
        self.record_types
            .iter()
            .any(|one| one.object == object && one.name == name)
            || self
                .model
                .record_types()
                .iter()
                .any(|one| one.object == object && one.developer_name == name)
    }

    fn lead_convert(&mut self, path: &str, root: &Element) {
        let mut component = Component::new("LeadConvertSettings", "LeadConvertSettings", path);
        match lead_convert(&self.metadata.schema, root) {
            Ok(settings) => {
                component.changed = true;
                component.created = self.metadata.lead_convert.is_none();
                self.metadata.lead_convert = Some(settings);
            }
            Err(problem) => component.problem = Some(problem),
        }
        self.components.push(component);
    }

    fn permission_set(&mut self, path: &str, name: &str, root: &Element) {
        let mut component = Component::new("PermissionSet", name, path);
        let schema = &self.metadata.schema;
        let granted = grants(schema, root, |path| self.is_record_type(path));
        match (granted, root.get("label")) {
            (Ok(granted), Some(label)) => {
                component.changed = true;
                component.created = !self.metadata.grants.contains_key(name);
                self.sets.push(Set {
                    name: name.to_owned(),
                    label: label.to_owned(),
                    flags: flags(schema, root),
                });
                self.metadata.grants.insert(name.to_owned(), granted);
            }
            (Ok(_), None) => {
                component.problem = Some("Required field is missing: label".to_owned())
            }
            (Err(problem), _) => component.problem = Some(problem),
        }
        self.components.push(component);
    }

    /// Components that the manifest names and the zip lacks.
    fn missing(&mut self, package: &Package) {
        for (kind, members) in &package.manifest {
            let kind: &'static str = match kind.as_str() {
                "CustomField" => "CustomField",
                "CustomObject" => "CustomObject",
                "PermissionSet" => "PermissionSet",
                "StandardValueSet" => "StandardValueSet",
                "BusinessProcess" => "BusinessProcess",
                "RecordType" => "RecordType",
                "ValidationRule" => "ValidationRule",
                "LeadConvertSettings" => "LeadConvertSettings",
                _ => continue,
            };
            for member in members.iter().filter(|member| *member != "*") {
                // A standard object is named for its fields only.
                let standard = kind == "CustomObject" && !member.ends_with("__c");
                if standard {
                    continue;
                }
                let mut components = self.components.iter();
                let is_component = components.any(|c| c.kind == kind && c.full_name == *member);
                let file = format!("objects/{member}.object");
                let has_file = kind == "CustomObject" && package.files.contains_key(&file);
                if !is_component && !has_file {
                    let problem = format!(
                        "An object '{member}' of type {kind} was named in package.xml, but was not found in zipped directory"
                    );
                    self.components
                        .push(Component::new(kind, member.as_str(), "package.xml").failed(problem));
                }
            }
        }
    }
}

/// Whether a path is in a folder; some tools begin its name with a capital.
fn in_folder(path: &str, folder: &str) -> bool {
    path.split_once('/')
        .is_some_and(|(first, _)| first.eq_ignore_ascii_case(folder))
}
