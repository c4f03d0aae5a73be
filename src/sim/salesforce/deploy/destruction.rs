//! Members of `destructiveChanges` files → what is no longer there.
//!
//! In: deletions and the draft so far. Out: the draft without them. What is not there is a success with a warning. What
//! a deletion takes along: grants of the field or object, mappings of it, and lookups to an object. Record types and
//! processes cannot be deleted through the API; the texts of refusals are ours.

use super::super::schema::SObject;
use super::component::Component;
use super::draft::Draft;
use super::package::Deletion;

/// What a deletion comes to.
enum Verdict {
    Gone,
    /// It was not there.
    Absent,
    Refused(String),
}

impl Draft {
    /// Takes members away.
    pub(super) fn destroy(&mut self, deletions: &[Deletion]) {
        for deletion in deletions {
            let member = deletion.member.as_str();
            let (kind, verdict) = match deletion.kind.as_str() {
                "CustomField" => ("CustomField", self.destroy_field(member)),
                "CustomObject" => ("CustomObject", self.destroy_object(member)),
                "PermissionSet" => ("PermissionSet", self.destroy_set(member)),
                "RecordType" if self.is_record_type(member) => (
                    "RecordType",
                    Verdict::Refused("Cannot delete record type through API".to_owned()),
                ),
                "RecordType" => ("RecordType", Verdict::Absent),
                "BusinessProcess" => {
                    let (object, name) = member.split_once('.').unwrap_or_default();
                    let verdict = if self.is_process(object, name) {
                        Verdict::Refused("Cannot delete business process through API".to_owned())
                    } else {
                        Verdict::Absent
                    };
                    ("BusinessProcess", verdict)
                }
                "StandardValueSet" => (
                    "StandardValueSet",
                    Verdict::Refused(format!("Cannot delete standard value set: {member}")),
                ),
                other => {
                    let problem = format!("the simulator cannot delete metadata of type {other}");
                    ("", Verdict::Refused(problem))
                }
            };
            let mut component = Component::new(kind, member, &deletion.file);
            match verdict {
                Verdict::Gone => (component.deleted, component.changed) = (true, true),
                Verdict::Absent => {
                    component.warning = Some(format!("No {kind} named: {member} found"));
                }
                Verdict::Refused(problem) => component.problem = Some(problem),
            }
            self.components.push(component);
        }
        if !deletions.is_empty() {
            self.tidy();
        }
    }

    fn destroy_field(&mut self, member: &str) -> Verdict {
        let (host, name) = member.split_once('.').unwrap_or_default();
        let targets: &[&str] = match host {
            "Activity" => &["Task", "Event"],
            "Task" | "Event" => &[],
            _ => &[host],
        };
        let mut verdict = Verdict::Absent;
        for target in targets {
            let schema = &mut self.metadata.schema;
            let Some(at) = schema.position(target) else {
                continue;
            };
            let Some((_, field)) = schema.object(at).find(name) else {
                continue;
            };
            if !field.custom {
                return Verdict::Refused(format!("Cannot delete standard field: {member}"));
            }
            let mut object = SObject::clone(schema.object(at));
            object.remove(name);
            schema.put(object);
            verdict = Verdict::Gone;
        }
        verdict
    }

    fn destroy_object(&mut self, member: &str) -> Verdict {
        let schema = &mut self.metadata.schema;
        match schema.position(member).map(|at| schema.object(at).custom) {
            None => Verdict::Absent,
            Some(false) => Verdict::Refused(format!("Cannot delete standard object: {member}")),
            Some(true) => {
                schema.remove(member);
                Verdict::Gone
            }
        }
    }

    fn destroy_set(&mut self, member: &str) -> Verdict {
        let known = self.metadata.grants.remove(member).is_some();
        self.sets.retain(|set| set.name != member);
        if !known {
            return Verdict::Absent;
        }
        self.removed.push(member.to_owned());
        Verdict::Gone
    }

    /// Drops what names something that is no longer there.
    fn tidy(&mut self) {
        let schema = &self.metadata.schema;
        let object = |name: &str| schema.position(name).map(|at| schema.object(at));
        for grants in self.metadata.grants.values_mut() {
            let fields = &mut grants.fields;
            fields.retain(|(host, field), _| {
                object(host).is_some_and(|host| host.position(field).is_some())
            });
            grants.objects.retain(|host, _| object(host).is_some());
            grants
                .record_types
                .retain(|(host, _)| object(host).is_some());
        }
        let there = |one: &super::record_type::RecordType| object(&one.object).is_some();
        self.record_types.retain(there);
        if let Some(settings) = &mut self.metadata.lead_convert {
            settings.tidy(schema);
        }
    }
}
