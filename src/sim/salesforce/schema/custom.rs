//! Objects that were deployed.
//!
//! In: a definition, kept in `org.json`. Out: an [`SObject`] with the fields every custom object has. Fields of its own
//! are added like those of standard objects.

use super::super::ids::Prefix;
use super::definition::CustomObject;
use super::field::{FieldDefinition, FieldType};
use super::object::{SObject, Verbs};
use super::snapshot::Schema;

impl CustomObject {
    /// The prefix of the `count`-th object: `a00` to `a0z`, then `a10`.
    pub(crate) fn prefix_of(count: usize) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let digit = |at: usize| DIGITS.get(at % 62).copied().map_or('0', char::from);
        format!("a{}{}", digit(count / 62), digit(count))
    }

    /// The object, without custom fields; `currency` if the org has several.
    pub(crate) fn object(&self, currency: bool) -> SObject {
        let prefix: Prefix = self.prefix.as_bytes().try_into().unwrap_or(*b"a00");
        let verbs = Verbs {
            create: true,
            update: true,
            delete: true,
            query: true,
            bulk: self.bulk,
            audit: true,
            extend: true,
            currency: true,
            tooling: false,
        };
        let mut object = SObject::new(&self.name, &self.label, &self.plural, prefix, verbs);
        // Real describes have groups and users as owners, which makes the reference polymorphic (§1.7).
        let mut owner = FieldDefinition::new("OwnerId", "Owner ID", FieldType::Reference);
        owner.length = 18;
        owner.nillable = false;
        owner.defaulted = true;
        owner.default = Some("@user".to_owned());
        owner.references = vec!["Group".to_owned(), "User".to_owned()];
        owner.relationship = Some("Owner".to_owned());
        object.add(owner);
        let mut name = FieldDefinition::new("Name", &self.name_label, FieldType::String);
        name.length = 80;
        name.defaulted = true;
        name.id_lookup = true;
        name.name_field = true;
        name.auto_number.clone_from(&self.name_format);
        let typed = self.name_format.is_none();
        (name.createable, name.updateable, name.nillable) = (typed, typed, typed);
        object.add(name);
        if currency {
            object.add_currency();
        }
        object.definition = Some(self.clone());
        object
    }
}

impl Schema {
    /// The prefix of the next custom object.
    pub(crate) fn next_prefix(&self) -> String {
        let taken = |prefix: &String| {
            let prefix = prefix.as_bytes().try_into().unwrap_or(*b"a00");
            self.by_prefix(prefix).is_some() || self.retired().contains(&prefix)
        };
        let mut prefixes = (0..).map(CustomObject::prefix_of);
        prefixes.find(|prefix| !taken(prefix)).unwrap_or_default()
    }

    /// Puts a custom object, and its name into the polymorphic references that custom objects join.
    pub(crate) fn put_custom(&mut self, object: SObject) {
        let name = object.name.clone();
        let activities = object.definition.as_ref().is_none_or(|d| d.activities);
        self.put(object);
        let hosts: Vec<SObject> = self
            .objects()
            .iter()
            .filter(|host| host.fields.iter().any(|field| field.open))
            .map(|host| SObject::clone(host))
            .collect();
        for mut host in hosts {
            let activity = matches!(host.name.as_str(), "Task" | "Event");
            for field in host.fields.iter_mut().filter(|field| field.open) {
                if (activities || !activity) && !field.references.contains(&name) {
                    field.references.push(name.clone());
                }
            }
            self.put(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_follow_each_other() {
        let prefixes = [0, 1, 61, 62].map(CustomObject::prefix_of);
        assert_eq!(prefixes, ["a00", "a01", "a0z", "a10"]);
    }
}
