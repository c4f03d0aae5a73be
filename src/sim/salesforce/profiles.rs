//! Profiles as permission sets: every user has the set that its profile owns.
//!
//! In: the rows of `Profile` and `User`. Out: rows of `PermissionSet` and `PermissionSetAssignment`. The flags of the
//! administrator's set follow the options of the org, at every start; those sets grant no custom fields.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::org::Org;
use super::rules::set_of;
use super::upkeep;

/// The profile of the running user.
pub(crate) const ADMINISTRATOR: &str = "System Administrator";

/// Makes sure that sets and assignments are there.
pub(crate) fn ensure(org: &Arc<Org>) -> io::Result<()> {
    let options = &org.options;
    let administrator = org.model().rows_with("Profile", &[("Name", ADMINISTRATOR)]);
    for profile in org.model().rows_with("Profile", &[]) {
        let admin = administrator.contains(&profile);
        let flags = [
            ("PermissionsModifyAllData", admin),
            ("PermissionsBulkApiHardDelete", admin && options.hard_delete),
            ("PermissionsAssignTopics", true),
            ("PermissionsConvertLeads", admin && options.convert_leads),
            (
                "PermissionsCreateAuditFields",
                admin && options.audit_fields,
            ),
            (
                "PermissionsUpdateWithInactiveOwner",
                admin && options.inactive_owners,
            ),
            ("PermissionsCustomizeApplication", admin),
            ("PermissionsApiEnabled", true),
        ];
        let (name, label) = (format!("X{}", profile.short()), profile.short().to_owned());
        let mut values = vec![
            ("Name", name.as_str()),
            ("Label", label.as_str()),
            ("IsOwnedByProfile", "true"),
            ("Type", "Profile"),
        ];
        values.extend(flags.map(|(name, on)| (name, if on { "true" } else { "false" })));
        let id = profile.to_string();
        upkeep::put(org, "PermissionSet", &[("ProfileId", &id)], &values)?;
    }
    assign_all(org)
}

/// Gives users without one the set of their profile.
fn assign_all(org: &Arc<Org>) -> io::Result<()> {
    let mut assigned = HashSet::new();
    let sets = org
        .model()
        .rows_with("PermissionSet", &[("IsOwnedByProfile", "true")]);
    let sets: HashSet<String> = sets.iter().map(ToString::to_string).collect();
    each(
        org,
        "PermissionSetAssignment",
        ["PermissionSetId", "AssigneeId"],
        |_, set, user| {
            if sets.contains(set) {
                assigned.insert(user.to_owned());
            }
        },
    );
    let mut missing = Vec::new();
    each(
        org,
        "User",
        ["ProfileId", "Username"],
        |user, profile, _| {
            if !assigned.contains(&user) {
                missing.push((user, profile.to_owned()));
            }
        },
    );
    let mut rows = Vec::new();
    for (user, profile) in missing {
        if let Some(set) = set_of(&org.model(), &profile) {
            rows.push(vec![set, user]);
        }
    }
    let names = ["PermissionSetId", "AssigneeId"];
    upkeep::insert_all(org, "PermissionSetAssignment", &names, &rows).map(|_| ())
}

/// Visits live rows: id and two values.
fn each(org: &Org, object: &str, names: [&str; 2], mut visit: impl FnMut(String, &str, &str)) {
    let model = org.model();
    let Some(number) = model.schema.position(object) else {
        return;
    };
    let (definition, table) = model.at(number);
    let [first, second] = names.map(|name| definition.position(name));
    let rows = table.read();
    let live = (0..rows.len()).filter_map(|at| Some((at, rows.get(at)?)));
    for (position, row) in live.filter(|(_, row)| !row.deleted()) {
        let text = |at: Option<u16>| at.and_then(|at| row.get(at)).unwrap_or_default();
        visit(
            model.id(number, position).to_string(),
            text(first),
            text(second),
        );
    }
}
