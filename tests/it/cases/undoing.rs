//! Taking back what was loaded, and nothing else.

use serde_json::json;

use crate::rehearsal::Project;

#[test]
#[ignore = "long: several migrations"]
fn what_was_made_with_the_loaders_own_login_is_not_ours_and_keeps_its_parent() {
    let (project, org, _) = Project::loaded_into_an_org();
    let account = org.row("Account", "11", "Name");
    org.insert(
        "Contact",
        json!({"LastName": "Foreign", "AccountId": account["Id"]}),
    );
    let contact = org.row("Contact", "3", "Name");
    let task = org.insert(
        "Task",
        json!({"Subject": "By hand", "WhoId": contact["Id"]}),
    );
    project.transload(&["rollback", "--yes"]).ended(1);
    let names = |soql: &str| -> Vec<String> {
        let rows = org.rows(soql);
        rows.iter().map(|row| row["Name"].clone()).collect()
    };
    assert_eq!(
        names("SELECT Name FROM Contact WHERE LastName = 'Foreign'").len(),
        1
    );
    assert_eq!(names("SELECT Name FROM Account"), ["Globex", "Initech"]);
    assert_eq!(
        org.rows(&format!("SELECT WhoId FROM Task WHERE Id = '{task}'"))[0]["WhoId"],
        contact["Id"]
    );
    let spared = project.table("select s.detail from recon.spared_account as s order by s.detail");
    assert_eq!(
        spared,
        [["Contact of others"], ["Task of others"]],
        "a task about a contact names its account too"
    );
    assert_eq!(org.keys("Lead").len() + org.keys("Opportunity").len(), 0);
}
