//! Claims about the files of a package.

use super::*;
use crate::schema::{CustomField, FieldName, Pipeline, Stage};

#[test]
fn the_manifest_names_everything_in_the_package() {
    insta::assert_snapshot!(file("package.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <Package xmlns="http://soap.sforce.com/2006/04/metadata">
        <types>
            <members>Account.active__c</members>
            <members>Account.colors__c</members>
            <members>Account.id__c</members>
            <members>Account.notes__c</members>
            <members>Account.score__c</members>
            <members>Account.since__c</members>
            <name>CustomField</name>
        </types>
        <types>
            <members>Transload_Loader</members>
            <members>Transload_Users</members>
            <name>PermissionSet</name>
        </types>
        <version>66.0</version>
    </Package>
    "#);
}

#[test]
fn fields_carry_the_elements_of_their_type() {
    insta::assert_snapshot!(file("objects/Account.object"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
        <fields>
            <fullName>active__c</fullName>
            <defaultValue>false</defaultValue>
            <label>active</label>
            <type>Checkbox</type>
        </fields>
        <fields>
            <fullName>colors__c</fullName>
            <label>colors</label>
            <required>false</required>
            <type>MultiselectPicklist</type>
            <valueSet>
                <restricted>false</restricted>
                <valueSetDefinition>
                    <sorted>false</sorted>
                    <value>
                        <fullName>Red &amp; blue</fullName>
                        <default>false</default>
                        <label>Red &amp; blue</label>
                    </value>
                </valueSetDefinition>
            </valueSet>
            <visibleLines>4</visibleLines>
        </fields>
        <fields>
            <fullName>id__c</fullName>
            <caseSensitive>true</caseSensitive>
            <externalId>true</externalId>
            <label>Bob &amp; Son&apos;s &lt;id&gt;</label>
            <length>64</length>
            <required>false</required>
            <type>Text</type>
            <unique>true</unique>
        </fields>
        <fields>
            <fullName>notes__c</fullName>
            <label>notes</label>
            <length>32768</length>
            <type>LongTextArea</type>
            <visibleLines>3</visibleLines>
        </fields>
        <fields>
            <fullName>score__c</fullName>
            <label>score</label>
            <precision>10</precision>
            <required>false</required>
            <scale>2</scale>
            <type>Number</type>
        </fields>
        <fields>
            <fullName>since__c</fullName>
            <label>since</label>
            <required>false</required>
            <type>Date</type>
        </fields>
    </CustomObject>
    "#);
}

#[test]
fn the_permission_set_covers_fields_and_the_objects_they_need() {
    insta::assert_snapshot!(file("permissionsets/Transload_Loader.permissionset"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">
        <description>Read and write access to the fields that Transload fills</description>
        <fieldPermissions>
            <editable>true</editable>
            <field>Account.id__c</field>
            <readable>true</readable>
        </fieldPermissions>
        <fieldPermissions>
            <editable>true</editable>
            <field>Contact.score__c</field>
            <readable>true</readable>
        </fieldPermissions>
        <hasActivationRequired>false</hasActivationRequired>
        <label>Transload Loader</label>
        <objectPermissions>
            <allowCreate>true</allowCreate>
            <allowDelete>true</allowDelete>
            <allowEdit>true</allowEdit>
            <allowRead>true</allowRead>
            <modifyAllRecords>false</modifyAllRecords>
            <object>Account</object>
            <viewAllRecords>false</viewAllRecords>
        </objectPermissions>
        <objectPermissions>
            <allowCreate>true</allowCreate>
            <allowDelete>true</allowDelete>
            <allowEdit>true</allowEdit>
            <allowRead>true</allowRead>
            <modifyAllRecords>false</modifyAllRecords>
            <object>Contact</object>
            <viewAllRecords>false</viewAllRecords>
        </objectPermissions>
    </PermissionSet>
    "#);
}

#[test]
fn fields_of_contacts_bring_read_access_to_accounts() {
    let plan = SchemaPlan {
        permitted: vec![FieldName::new("Contact", "score__c")],
        ..SchemaPlan::default()
    };
    let package = Package::build(&plan, "66.0").unwrap();
    let text = loader(&package);
    let account = text.split("<objectPermissions>").nth(1).unwrap();
    assert!(account.contains("<object>Account</object>"));
    assert!(account.contains("<allowRead>true</allowRead>"));
    assert!(account.contains("<allowEdit>false</allowEdit>"));
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let zip = || Package::build(&plan(), "66.0").unwrap().zip().unwrap();
    assert_eq!(zip(), zip());
    let mut archive = zip::ZipArchive::new(Cursor::new(zip())).unwrap();
    let mut manifest = String::new();
    let mut entry = archive.by_name("package.xml").unwrap();
    assert_eq!(entry.last_modified(), Some(DateTime::default()));
    io::Read::read_to_string(&mut entry, &mut manifest).unwrap();
    assert_eq!(manifest, file("package.xml"));
}

#[test]
fn a_plan_that_only_permits_has_no_object_file() {
    let plan = SchemaPlan {
        permitted: vec![FieldName::new("Task", "channel__c")],
        ..SchemaPlan::default()
    };
    let package = Package::build(&plan, "66.0").unwrap();
    let paths: Vec<_> = package.files().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "package.xml",
            "permissionsets/Transload_Loader.permissionset",
            "permissionsets/Transload_Users.permissionset"
        ]
    );
    let text = loader(&package);
    assert!(text.contains("<field>Task.channel__c</field>"));
    assert!(!text.contains("objectPermissions"));
}

fn loader(package: &Package) -> &str {
    let found = package
        .files()
        .find(|(path, _)| path.contains("Transload_Loader"));
    found.unwrap().1
}

/// A plan with a pipeline of its own.
fn pipelines() -> SchemaPlan {
    let stage = |name: &str, active| Stage {
        name: name.to_owned(),
        label: name.to_owned(),
        probability: 10,
        closed: false,
        won: false,
        forecast: "Pipeline".to_owned(),
        active,
    };
    let mut list = plan().create.remove(1);
    list.field.object = "Opportunity".to_owned();
    SchemaPlan {
        create: vec![list],
        keep_stages: vec![
            stage("Own", true),
            stage("Retired", false),
            Stage {
                closed: true,
                ..stage("Lost", true)
            },
        ],
        add_stages: vec![stage("Trial", true)],
        pipelines: vec![Pipeline {
            developer_name: "New_business".to_owned(),
            label: "New business".to_owned(),
            stages: vec!["Own".to_owned(), "Trial".to_owned()],
        }],
        record_types: vec!["New_business".to_owned()],
        ..SchemaPlan::default()
    }
}

#[test]
fn stages_of_the_organisation_are_deployed_along_and_retired_ones_stay_retired() {
    let package = Package::build(&pipelines(), "66.0").unwrap();
    let mut files = package.files();
    let (_, text) = files
        .find(|(path, _)| path.starts_with("standardValueSets/"))
        .unwrap();
    let names: Vec<&str> = text
        .split("<fullName>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap())
        .collect();
    assert_eq!(names, ["Own", "Trial", "Lost"]);
}

#[test]
fn a_pipeline_has_a_process_and_a_record_type_that_knows_the_lists() {
    let package = Package::build(&pipelines(), "66.0").unwrap();
    let (_, text) = package
        .files()
        .find(|(path, _)| *path == "objects/Opportunity.object")
        .unwrap();
    for part in [
        "<businessProcesses>\n        <fullName>New business</fullName>",
        "<recordTypes>\n        <fullName>New_business</fullName>",
        "<businessProcess>New business</businessProcess>",
        "<picklist>colors__c</picklist>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for set in ["Loader", "Users"] {
        let path = format!("permissionsets/Transload_{set}.permissionset");
        let (_, text) = package.files().find(|(name, _)| **name == path).unwrap();
        assert!(
            text.contains("<recordType>Opportunity.New_business</recordType>"),
            "{text}"
        );
    }
}

#[test]
fn source_has_a_file_per_component() {
    let files = Package::source(&pipelines(), "66.0").unwrap();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "force-app/main/default/objects/Opportunity/businessProcesses/New business.businessProcess-meta.xml",
            "force-app/main/default/objects/Opportunity/fields/colors__c.field-meta.xml",
            "force-app/main/default/objects/Opportunity/recordTypes/New_business.recordType-meta.xml",
            "force-app/main/default/permissionsets/Transload_Loader.permissionset-meta.xml",
            "force-app/main/default/permissionsets/Transload_Users.permissionset-meta.xml",
            "force-app/main/default/standardValueSets/OpportunityStage.standardValueSet-meta.xml",
            "manifest/package.xml",
            "sfdx-project.json",
        ]
    );
    assert!(files[paths[1]].contains("<CustomField xmlns"));
}

#[test]
fn a_component_is_the_same_whatever_else_is_in_the_package() {
    let small = Package::build(&plan(), "66.0").unwrap();
    let mut more = plan();
    more.create.push(pipelines().create.remove(0));
    let large = Package::build(&more, "66.0").unwrap();
    let name = ComponentName::new("CustomField", "Account.score__c");
    assert_eq!(small.digests()[&name], large.digests()[&name]);
    more.create[4].label = "Points".to_owned();
    let other = Package::build(&more, "66.0").unwrap();
    assert_ne!(small.digests()[&name], other.digests()[&name]);
}

#[test]
fn a_destructive_package_names_what_goes_and_brings_nothing() {
    let names = BTreeSet::from([
        ComponentName::new("CustomField", "Account.b__c"),
        ComponentName::new("CustomField", "Account.a__c"),
        ComponentName::new("PermissionSet", "Transload_Users"),
    ]);
    let package = Package::destructive(&names, "66.0").unwrap();
    let files: BTreeMap<&str, &str> = package.files().collect();
    assert!(!files["package.xml"].contains("members"));
    let places = [
        "Account.a__c",
        "Account.b__c",
        "CustomField",
        "Transload_Users",
        "PermissionSet",
    ];
    let places = places.map(|part| files["destructiveChanges.xml"].find(part).unwrap());
    assert!(places.is_sorted());
}

fn file(path: &str) -> String {
    let package = Package::build(&plan(), "66.0").unwrap();
    let found = package.files().find(|(name, _)| *name == path);
    found.unwrap().1.to_owned()
}

fn plan() -> SchemaPlan {
    let field = |name: &str, field_type: &str| CustomField {
        field: FieldName::new("Account", name),
        label: name.trim_end_matches("__c").to_owned(),
        field_type: field_type.parse().unwrap(),
        is_key: false,
        choices: Vec::new(),
        refers_to: None,
    };
    let mut key = field("id__c", "Text(64)");
    key.is_key = true;
    key.label = "Bob & Son's <id>".into();
    let mut colors = field("colors__c", "MultiselectPicklist");
    colors.choices = vec!["Red & blue".into()];
    SchemaPlan {
        create: vec![
            field("active__c", "Checkbox"),
            colors,
            key,
            field("notes__c", "LongTextArea"),
            field("score__c", "Number(10,2)"),
            field("since__c", "Date"),
        ],
        permitted: vec![
            FieldName::new("Account", "id__c"),
            FieldName::new("Contact", "score__c"),
        ],
        ..SchemaPlan::default()
    }
}
