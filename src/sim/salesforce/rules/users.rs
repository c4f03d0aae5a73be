//! Users: each is assigned the permission set that its profile owns.

use std::io;

use super::super::profiles::set_of;
use super::{Effects, Rule};

pub(super) static USER: Rule = Rule {
    before: None,
    after: Some(assign),
    pairs: &[],
};

fn assign(effects: &Effects<'_>) -> io::Result<()> {
    let org = &effects.writer().org;
    let moved = effects.rows().into_iter();
    for user in moved.filter(|user| !user.gone() && user.changed("ProfileId")) {
        let object = "PermissionSetAssignment";
        if let Some(old) = user.before("ProfileId").and_then(|old| set_of(org, old)) {
            let keys = [("AssigneeId", user.id.as_str()), ("PermissionSetId", &old)];
            org.purge(object, &org.rows_with(object, &keys))?;
        }
        if let Some(set) = user.after("ProfileId").and_then(|new| set_of(org, new)) {
            org.insert(
                object,
                &[("PermissionSetId", &set), ("AssigneeId", &user.id)],
            )?;
        }
    }
    Ok(())
}
