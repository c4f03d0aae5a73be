use super::*;

fn project(bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/field_map.csv"), bytes).unwrap();
    folder
}

fn written(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join("config/field_map.csv")).unwrap()
}

#[test]
fn comments_are_kept_where_they_stand() {
    let text = "# Who decides what\n\
                    source,source_field,target_object,target_field,type,status\n\
                    # \"people\", as of May\n\
                    people,a,Lead,A__c,Text(80),proposed\n\
                    # asked sales,,,,,\n\
                    people,b,Lead,B__c,Text(80),proposed\n\
                    people,#c,Lead,C__c,Text(80),ignored\n\
                    # the end\n";
    let folder = project(text.as_bytes());
    let rows = super::super::decision_rows(folder.path(), "field_map").unwrap();
    let lines: Vec<(u64, &str)> = rows
        .iter()
        .map(|row| (row.line, row.get("source_field")))
        .collect();
    assert_eq!(lines, [(4, "a"), (6, "b"), (7, "#c")]);
    let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
    assert_eq!((file.len(), file.get(1, "source_field")), (3, "b"));
    assert!(!file.save().unwrap());
    file.set(0, "status", "confirmed");
    file.retain(|_, row| row != 1);
    file.add(&[("source", "#new")]);
    file.save().unwrap();
    let changed = text
        .replace("A__c,Text(80),proposed", "A__c,Text(80),confirmed")
        .replace("people,b,Lead,B__c,Text(80),proposed\n", "")
        .replace("# the end\n", "\"#new\",,,,,\n# the end\n");
    assert_eq!(written(&folder), changed);
    // A value that begins so is a value.
    let rows = super::super::decision_rows(folder.path(), "field_map");
    let told = rows.unwrap_err().to_string();
    assert!(!told.contains("cells"), "{told}");
}

#[test]
fn what_nobody_touched_stays_to_the_byte() {
    for text in [
        "source,source_field,my_note\npeople,\"a\", x \n\npeople,b,\"1;2\"\n",
        "\u{feff}sep=;\r\nsource;source_field;my note\r\npeople;a;\"x\"\"y\"\r\npeople;\"b\r\nb\";2\r\n",
    ] {
        let folder = project(text.as_bytes());
        let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
        assert_eq!(file.len(), 2);
        file.set(1, "my_note", "changed");
        assert!(file.save().unwrap());
        let before: Vec<&str> = text.lines().collect();
        let after = written(&folder);
        assert!(after.starts_with(before[0]), "{after}");
        assert!(after.contains("changed"));
        for line in &before[..before.len() - 2] {
            assert!(after.contains(line), "{line}: {after}");
        }
        assert_eq!(after.contains("\r\n"), text.contains("\r\n"));
    }
}

#[test]
fn columns_and_rows_are_added_in_the_files_own_form() {
    let folder = project(b"source;source_field\r\npeople;a\r\n");
    let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
    file.set(0, "class", "likely; or not");
    file.add(&[("source", "deals"), ("source_field", "b"), ("class", "")]);
    file.save().unwrap();
    assert_eq!(
        written(&folder),
        "source;source_field;class\r\npeople;a;\"likely; or not\"\r\ndeals;b;\r\n"
    );
    file.retain(|file, row| file.get(row, "source") == "deals");
    file.save().unwrap();
    assert_eq!(
        written(&folder),
        "source;source_field;class\r\ndeals;b;\r\n"
    );
}

#[test]
fn a_file_of_utf_16_stays_one() {
    let text = "\u{feff}source\tsource_field\r\npeople\tŁ\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = project(&bytes);
    let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
    assert_eq!(file.get(0, "source_field"), "Ł");
    assert_eq!(file.bytes(), bytes);
    file.set(0, "source", "deals");
    assert!(file.save().unwrap());
    let again = DecisionFile::open(folder.path(), "field_map").unwrap();
    assert_eq!(again.get(0, "source"), "deals");
}

#[test]
fn who_saves_second_is_told() {
    let folder = project(b"source,source_field\npeople,a\n");
    let mut first = DecisionFile::open(folder.path(), "field_map").unwrap();
    let mut second = DecisionFile::open(folder.path(), "field_map").unwrap();
    first.set(0, "source", "deals");
    assert!(first.save().unwrap());
    second.set(0, "source", "companies");
    let error = second.save().unwrap_err();
    assert!(matches!(error, MappingError::Changed { .. }), "{error}");
    assert!(written(&folder).contains("deals"));
    // Its own writing is no change by others.
    first.set(0, "source", "people");
    assert!(first.save().unwrap());
    assert!(!first.save().unwrap());
}

#[test]
fn of_several_files_none_is_written_while_one_cannot_be() {
    let folder = project(b"source,source_field\npeople,a\n");
    let mut fields = DecisionFile::open(folder.path(), "field_map").unwrap();
    let mut values = DecisionFile::open(folder.path(), "value_map").unwrap();
    fields.set(0, "source", "deals");
    values.add(&[("object", "Lead"), ("field", "Status")]);
    let path = folder.path().join("config/value_map.csv");
    std::fs::write(&path, "object,field\nLead,Rating\n").unwrap();
    let error = save_all(vec![&mut fields, &mut values]).unwrap_err();
    assert!(matches!(error, MappingError::Changed { .. }), "{error}");
    assert!(written(&folder).contains("people"));
    // Nothing is left beside them.
    let there = std::fs::read_dir(folder.path().join("config")).unwrap();
    assert_eq!(there.count(), 2);
    let mut values = DecisionFile::open(folder.path(), "value_map").unwrap();
    values.add(&[("object", "Lead"), ("field", "Status")]);
    save_all(vec![&mut fields, &mut values]).unwrap();
    assert!(written(&folder).contains("deals"));
    assert!(std::fs::read_to_string(&path).unwrap().contains("Status"));
}

#[test]
fn a_missing_file_begins_as_its_default_and_a_broken_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
    assert!(file.is_empty());
    file.add(&[("source", "people"), ("source_field", "a")]);
    file.save().unwrap();
    assert!(
        written(&folder).ends_with("\npeople,a,,,,,,\n"),
        "{}",
        written(&folder)
    );
    let ragged = project(b"source,source_field\npeople,a,b,c\n");
    assert!(DecisionFile::open(ragged.path(), "field_map").is_err());
}
