//! Claims about folders of an export: which files are whose, and what is told of the others.

use futures::TryStreamExt;

use super::*;

async fn read(export: &Export, path: &str) -> Result<(u64, Vec<u8>), ExportError> {
    let (size, bytes) = export.blob(path).await?;
    let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
    Ok((size, bytes.concat()))
}

#[tokio::test]
async fn a_blob_comes_in_pieces_from_a_folder_and_from_a_store() {
    let content: Vec<u8> = (0..3 * CHUNK + 7).map(|byte| (byte % 251) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("blobs/ą")).unwrap();
    std::fs::write(folder.path().join("blobs/ą/a #1%.pdf"), &content).unwrap();
    let store = object_store::memory::InMemory::new();
    let key = StorePath::parse("crm/blobs/ą/a #1%.pdf").unwrap();
    store.put(&key, content.clone().into()).await.unwrap();
    let size = content.len() as u64;
    for export in [
        Export::Folder(folder.path().to_path_buf()),
        Export::Store {
            store: Arc::new(store),
            prefix: "crm".into(),
            location: "s3://crm".to_owned(),
        },
    ] {
        let found = read(&export, "blobs/ą/a #1%.pdf").await.unwrap();
        assert_eq!(found, (size, content.clone()));
        assert!(matches!(
            read(&export, "blobs/none").await,
            Err(ExportError::OpenFile { .. })
        ));
        assert!(matches!(
            read(&export, "blobs/ą").await,
            Err(ExportError::OpenFile { .. })
        ));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_export_and_pipes_are_named_and_not_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let blobs = folder.path().join("blobs");
    std::fs::create_dir(&blobs).unwrap();
    std::fs::write(blobs.join("plain.txt"), "plain").unwrap();
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, blobs.join(name)).unwrap();
    };
    link(&outside.path().join("secret.txt"), "secret.txt");
    link(outside.path(), "folder");
    link(Path::new("plain.txt"), "inside.txt");
    link(&blobs, "round");
    link(Path::new("nowhere"), "broken.txt");
    let pipe = std::process::Command::new("mkfifo")
        .arg(blobs.join("pipe.txt"))
        .status();
    assert!(pipe.unwrap().success());
    std::fs::write(folder.path().join("people.csv"), "id\n1\n").unwrap();
    let export = Export::Folder(folder.path().to_path_buf());
    let listing = export.list(&BTreeMap::new()).await.unwrap();
    let size = |listing: &Listing, path| listing.blobs.find(path).and_then(|blob| blob.size);
    let mut ignored: Vec<(&str, &IgnoredReason)> = Vec::new();
    for file in &listing.ignored {
        ignored.push((&file.name, &file.reason));
    }
    assert_eq!(
        ignored,
        [
            ("blobs/broken.txt", &IgnoredReason::NoFile),
            ("blobs/folder", &IgnoredReason::LinkOut),
            ("blobs/pipe.txt", &IgnoredReason::NoFile),
            ("blobs/secret.txt", &IgnoredReason::LinkOut),
        ]
    );
    assert_eq!(size(&listing, "blobs/inside.txt"), Some(5));
    for path in [
        "blobs/secret.txt",
        "blobs/folder/secret.txt",
        "blobs/pipe.txt",
    ] {
        assert_eq!(listing.blobs.find(path).unwrap().size, None, "{path}");
        assert!(read(&export, path).await.is_err(), "{path}");
    }
    let export = export.following_links();
    let listing = export.list(&BTreeMap::new()).await.unwrap();
    assert_eq!(size(&listing, "blobs/folder/secret.txt"), Some(6));
    assert!(read(&export, "blobs/secret.txt").await.is_ok());
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_of_blobs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("blobs")).unwrap();
    std::fs::write(folder.path().join("people.csv"), "id\n1\n").unwrap();
    let export = Export::Folder(folder.path().to_path_buf());
    let outside = folder.path().join("people.csv");
    for path in [
        "people.csv",
        "blobs/../people.csv",
        "blobs/./a",
        "blobs//a",
        "blobs/",
        "blobs\\..\\people.csv",
        "blobs/..\\people.csv",
        "/blobs/a",
        "",
        outside.to_str().unwrap(),
    ] {
        assert!(
            matches!(read(&export, path).await, Err(ExportError::BlobPath { .. })),
            "{path}"
        );
    }
}
