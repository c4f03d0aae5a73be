//! Files whose names, links or sizes are not what they seem.

use crate::rehearsal::Project;

/// Rows of the load of files that were not sent: key, reason.
fn held(project: &Project) -> Vec<Vec<String>> {
    project.table(
        "select f.key, f.reason from recon.fates_content_version as f where f.fate = 'held' order by f.key",
    )
}

#[cfg(unix)]
#[test]
#[ignore = "long: several migrations"]
fn files_are_found_in_either_form_of_their_names_and_only_inside_the_export() {
    let project = Project::small();
    project.write(
        "export/files.csv",
        "id,name,path,size,user_id\n\
         1,oferta.pdf,blobs/\u{17b}\u{f3}\u{142}ty plan.pdf,3,3\n\
         2,,blobs/cafe\u{301}.txt,3,3\n\
         3,empty.txt,blobs/empty.txt,0,3\n\
         4,secret.txt,blobs/secret.txt,,3\n\
         5,deep.txt,blobs/out/deep.txt,,3\n\
         6,pipe.txt,blobs/pipe.txt,,3\n\
         7,Signed contract,blobs/1_f00d.docx,3,3\n",
    );
    // Decomposed on the disk and composed in the record, and the other way round.
    project.write("export/blobs/Z\u{307}o\u{301}\u{142}ty plan.pdf", "one");
    project.write("export/blobs/caf\u{e9}.txt", "two");
    project.write("export/blobs/empty.txt", "");
    project.write("export/blobs/1_f00d.docx", "doc");
    project.write("outside/secret.txt", "secret");
    project.write("outside/deep.txt", "deep");
    let blobs = project.path("export/blobs");
    for (target, name) in [("secret.txt", "secret.txt"), ("", "out")] {
        let target = project.path("outside").join(target);
        std::os::unix::fs::symlink(target, blobs.join(name)).unwrap();
    }
    let pipe = std::process::Command::new("mkfifo")
        .arg(blobs.join("pipe.txt"))
        .status();
    assert!(pipe.unwrap().success());
    project.carry().ended(0);
    let reasons = [
        ["file:3", "file_empty"],
        ["file:4", "file_outside_export"],
        ["file:5", "file_outside_export"],
        ["file:6", "file_outside_export"],
    ];
    assert_eq!(held(&project), reasons);
    {
        let org = project.org();
        let found = |file: &str| {
            let row = org.row(
                "ContentVersion",
                file,
                "Title, PathOnClient, FileExtension, ContentSize",
            );
            ["Title", "PathOnClient", "FileExtension", "ContentSize"].map(|name| row[name].clone())
        };
        assert_eq!(found("file:1"), ["oferta.pdf", "oferta.pdf", "pdf", "3"]);
        assert_eq!(
            found("file:2"),
            ["caf\u{e9}.txt", "caf\u{e9}.txt", "txt", "3"]
        );
        assert_eq!(
            found("file:7"),
            ["Signed contract", "Signed contract.docx", "docx", "3"]
        );
        assert_eq!(org.rows("SELECT Id FROM ContentVersion").len(), 3);
    }
    // Asked for, what lies outside comes too.
    project.append("migration.toml", "\n[source]\nfollow_links = true\n");
    let run = project.carry().ended(0);
    assert_eq!(run.number("content_version", "created"), 2);
    let reasons = [["file:3", "file_empty"], ["file:6", "file_outside_export"]];
    assert_eq!(held(&project), reasons);
}

#[cfg(unix)]
#[test]
fn whatever_a_command_leaves_behind_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let project = crate::further::project();
    project.transload(&["stage"]).ended(0);
    let mut folders = vec![project.path(".transload")];
    let mut open = Vec::new();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = std::fs::symlink_metadata(&path).unwrap();
            files += u32::from(data.is_file());
            if data.is_dir() {
                folders.push(path.clone());
            }
            if !data.is_symlink() && data.permissions().mode() & 0o077 != 0 {
                open.push(path);
            }
        }
        if std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077 != 0 {
            open.push(folder);
        }
    }
    assert!(open.is_empty(), "others can read {open:#?}");
    assert!(files > 20, "{files}");
}

#[test]
fn a_file_that_no_row_names_is_listed() {
    let project = Project::small();
    project.write(
        "export/files.csv",
        "id,name,path,user_id\n1,plan.txt,blobs/plan.txt,3\n",
    );
    project.write("export/blobs/plan.txt", "one");
    project.write("export/blobs/stray.txt", "two");
    let run = project.carry().ended(0);
    let told = "warning: assert_blobs_have_rows found 1 row(s)";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(run.stderr.contains("blobs/stray.txt"), "{}", run.stderr);
    assert!(!run.stderr.contains("blobs/plan.txt"), "{}", run.stderr);
}
