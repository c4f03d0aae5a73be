//! Claims about the files of a package.

use super::*;

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
    let (_, text) = package.files().last().unwrap();
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
            "permissionsets/Transload_Loader.permissionset"
        ]
    );
    let (_, text) = package.files().last().unwrap();
    assert!(text.contains("<field>Task.channel__c</field>"));
    assert!(!text.contains("objectPermissions"));
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
