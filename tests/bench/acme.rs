//! What small projects of benchmarks share: an owner, a user who edits, the settings.
//!
//! In: the folder of a project, the address of its org. Out: `export/agents.csv`, `org/User.csv`, `migration.toml`. Never: records that a
//! benchmark counts.

use std::fs;
use std::path::Path;

/// Those who own records, in the source and in the org, and one who is in the org alone.
pub(super) fn write_users(project: &Path) {
    for (path, text) in [
        (
            "export/agents.csv",
            "id,name,email\n1,Ops,ops@acme.example\n",
        ),
        (
            "org/User.csv",
            "Username,Email,FirstName,LastName,IsActive,UserType,Alias\n\
             ops@acme.example.crm,ops@acme.example,Ops,Queue,true,Standard,ops\n\
             ann@acme.example.crm,ann@acme.example,Ann,Ash,true,Standard,ann\n",
        ),
    ] {
        let path = project.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Settings for an org at this address, and `more` behind those of the destination.
pub(super) fn write_settings(project: &Path, url: &str, more: &str) {
    let text = format!(
        "business_timezone = \"Europe/Warsaw\"\n[options]\ndefault_owner = \"ops@acme.example\"\n[destination.bench]\n\
         kind = \"salesforce\"\nlogin_url = {url:?}\n{more}"
    );
    fs::write(project.join("migration.toml"), text).unwrap();
}
