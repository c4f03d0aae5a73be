//! A package against the org: every component checked, then all applied or none.
//!
//! In: a [`Deployment`]. Out: its result. The schema is changed on a copy; the copy comes into force only if the whole
//! deployment may (reference/salesforce.md §5.1: checkOnly, rollbackOnError).

use std::collections::HashMap;
use std::sync::Arc;

use super::super::error::SimError;
use super::super::model::Grants;
use super::super::org::Org;
use super::super::schema::{SObject, Schema};
use super::component::Component;
use super::field::custom_field;
use super::object::custom_object;
use super::package::{Package, UNPARSABLE};
use super::permission::grants;
use super::status::Deployment;
use super::value_set::{ValueSet, value_set};
use super::xml::Element;

/// The org as the package would make it.
struct Draft {
    schema: Schema,
    grants: HashMap<String, Grants>,
    /// Permission sets: name, label.
    sets: Vec<(String, String)>,
    values: Vec<ValueSet>,
    components: Vec<Component>,
    multi_currency: bool,
}

/// Runs a deployment to its end.
pub(crate) fn carry_out(org: &Arc<Org>, deployment: &Deployment) -> Result<(), SimError> {
    deployment.begin();
    let package = match Package::read(&deployment.take_zip()) {
        Ok(package) => package,
        Err(message) => {
            deployment.fail(&message);
            return Ok(());
        }
    };
    let model = org.model();
    let mut draft = Draft {
        schema: model.schema.clone(),
        grants: model.grants.clone(),
        sets: Vec::new(),
        values: Vec::new(),
        components: Vec::new(),
        multi_currency: org.options.multi_currency,
    };
    draft.read(&package);
    let failed = draft
        .components
        .iter()
        .any(|component| component.problem.is_some());
    let all_failed = draft
        .components
        .iter()
        .all(|component| component.problem.is_some());
    let apply = !deployment.options.check_only
        && !deployment.cancelled()
        && !(failed && (deployment.options.rollback_on_error || all_failed));
    if apply {
        org.deploy(draft.schema, draft.grants)?;
        let state = |source| SimError::State {
            path: org.options.state.clone(),
            source,
        };
        for values in &draft.values {
            values.write(org).map_err(state)?;
        }
        for (name, label) in &draft.sets {
            permission_set(org, name, label).map_err(state)?;
        }
        org.forget();
    }
    deployment.finish(&draft.components, apply);
    Ok(())
}

impl Draft {
    fn read(&mut self, package: &Package) {
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
        for path in package.files.keys() {
            if !["objects/", "permissionsets/", "standardValueSets/"]
                .iter()
                .any(|folder| path.starts_with(folder))
            {
                let problem = "the simulator does not know this type of metadata";
                self.components
                    .push(Component::new("", path.as_str(), path).failed(problem));
            }
        }
        self.missing(package);
    }

    /// A file with a header makes the object, if it is not there.
    fn custom_object(&mut self, package: &Package, path: &str, name: &str, root: &Element) {
        if root.child("label").is_none() || !package.names("CustomObject", name) {
            return;
        }
        let mut component = Component::new("CustomObject", name, path);
        match custom_object(&self.schema, name, root) {
            Ok(definition) => {
                component.changed = true;
                component.created = self.schema.position(name).is_none();
                let mut object = definition.object(self.multi_currency);
                if let Some(at) = self.schema.position(name) {
                    let own = object.fields.len();
                    let old = self.schema.object(at).fields.iter().skip(own);
                    let old: Vec<_> = old.cloned().collect();
                    old.into_iter().for_each(|field| object.add(field));
                }
                self.schema.put_custom(object);
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
                    .schema
                    .position(target)
                    .filter(|_| !matches!(name, "Task" | "Event"))
                    .filter(|&at| self.schema.object(at).verbs.extend);
                let Some(at) = at else { continue };
                known = true;
                let mut object = SObject::clone(self.schema.object(at));
                match custom_field(&self.schema, &object, element) {
                    Ok(field) => {
                        component.created = object.find(&field.name).is_none();
                        component.changed = true;
                        object.add(field);
                        self.schema.put(object);
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
        for unknown in [
            "recordTypes",
            "businessProcesses",
            "nameField",
            "validationRules",
        ] {
            let known = unknown == "nameField" && name.ends_with("__c");
            if root.child(unknown).is_some() && !known {
                let problem = format!("the simulator does not know {unknown} yet");
                self.components
                    .push(Component::new("CustomObject", name, path).failed(problem));
            }
        }
    }

    fn value_set(&mut self, path: &str, name: &str, root: &Element) {
        let mut component = Component::new("StandardValueSet", name, path);
        match value_set(name, root) {
            Ok(values) => {
                component.changed = true;
                self.values.push(values.into_schema(&mut self.schema));
            }
            Err(problem) => component.problem = Some(problem),
        }
        self.components.push(component);
    }

    fn permission_set(&mut self, path: &str, name: &str, root: &Element) {
        let mut component = Component::new("PermissionSet", name, path);
        match (grants(&self.schema, root), root.get("label")) {
            (Ok(grants), Some(label)) => {
                component.changed = true;
                component.created = !self.grants.contains_key(name);
                self.grants.insert(name.to_owned(), grants);
                self.sets.push((name.to_owned(), label.to_owned()));
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

/// Makes the row of a permission set that has none.
fn permission_set(org: &Arc<Org>, name: &str, label: &str) -> std::io::Result<()> {
    let model = org.model();
    let Some((object, table)) = model.table("PermissionSet") else {
        return Ok(());
    };
    let Some(at) = object.position("Name") else {
        return Ok(());
    };
    if matches!(
        table.find(at, false, name),
        super::super::store::Matches::None
    ) {
        let row = [
            ("Name", name),
            ("Label", label),
            ("IsCustom", "true"),
            ("Type", "Regular"),
        ];
        org.insert("PermissionSet", &row)?;
    }
    Ok(())
}
