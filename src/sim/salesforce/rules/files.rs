//! Files: versions, the documents they make, and the links the org adds (`guide/salesforce.md` §4).
//!
//! In: content versions whose bytes are stored already. Out: one content document per file, its owner's link, and a link
//! to the place the file was published at. The names of file types are those of common extensions.

use std::io::{self, Read};

use super::super::change::{Effect, EffectCell, Effects, RowError};
use super::super::view::instant;
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule};
use super::written::{Changed, Written};

pub(super) static VERSION: Rule = Rule {
    before: Some(version),
    after: Some(versions_written),
    pairs: &[],
};

pub(super) static LINK: Rule = Rule {
    before: None,
    after: None,
    pairs: &[Pair {
        fields: &["ContentDocumentId", "LinkedEntityId"],
        refusal: Refusal::Value,
    }],
};

fn version(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() || !draft.inserting() {
        return Ok(());
    }
    let missing: Vec<&str> = ["PathOnClient", "VersionData"]
        .into_iter()
        .filter(|name| !draft.given(name))
        .collect();
    if !missing.is_empty() {
        return Err(RowError::required(&missing));
    }
    let path = draft.get("PathOnClient").unwrap_or_default();
    let file = path
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_owned();
    let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
    if !draft.given("Title") {
        draft.set("Title", Some(stem));
    }
    if !extension.is_empty() {
        draft.set("FileExtension", Some(extension));
    }
    draft.set("FileType", Some(&file_type(extension)));
    let blob = draft.get("VersionData").unwrap_or_default().to_owned();
    let org = &draft.context().org;
    let measured = org.blobs.measure(&blob).map_err(|error| {
        tracing::error!(%error, "a content cannot be read");
        RowError::new("UNKNOWN_EXCEPTION", "An unexpected error occurred")
    });
    let (size, checksum) = measured?;
    if extension == "snote" {
        let preview = preview(&org.blobs.path(&blob)).unwrap_or_default();
        draft.set(
            "TextPreview",
            Some(&preview)
                .filter(|text| !text.is_empty())
                .map(String::as_str),
        );
    }
    let user = org.user_id(draft.context().user).to_string();
    let now = instant(org.now());
    let versions = match draft.get("ContentDocumentId") {
        Some(document) => draft
            .rows("ContentVersion", "ContentDocumentId", document)
            .len(),
        None => 0,
    };
    draft.set("VersionNumber", Some(&(versions + 1).to_string()));
    draft.set("ContentSize", Some(&size.to_string()));
    draft.set("Checksum", Some(&checksum));
    draft.set("IsLatest", Some("true"));
    draft.set("ContentModifiedDate", Some(&now));
    draft.set("ContentModifiedById", Some(&user));
    Ok(())
}

fn file_type(extension: &str) -> String {
    let name = match extension.to_ascii_lowercase().as_str() {
        "" => "UNKNOWN",
        "txt" => "TEXT",
        "doc" => "WORD",
        "docx" => "WORD_X",
        "xls" => "EXCEL",
        "xlsx" => "EXCEL_X",
        "ppt" => "POWER_POINT",
        "pptx" => "POWER_POINT_X",
        "htm" => "HTML",
        "jpeg" => "JPG",
        known @ ("pdf" | "png" | "jpg" | "gif" | "csv" | "html" | "xml" | "json" | "zip"
        | "mp3" | "mp4" | "snote" | "rtf" | "svg") => return known.to_ascii_uppercase(),
        _ => "UNKNOWN",
    };
    name.to_owned()
}

/// The first characters of a note, without its tags.
fn preview(path: &std::path::Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(16 * 1024)
        .read_to_end(&mut bytes)?;
    let html = String::from_utf8_lossy(&bytes);
    let (mut text, mut within) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => within = true,
            '>' if within => within = false,
            c if !within => text.push(c),
            _ => {}
        }
    }
    let text = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text, |text, (entity, c)| text.replace(entity, c));
    Ok(text.trim().chars().take(255).collect())
}

fn versions_written(written: &Written<'_>) -> Vec<Effect> {
    let rows = written.rows();
    let (mut first, mut further) = (Vec::new(), Vec::new());
    for row in rows.iter().filter(|row| row.created) {
        match row.after("ContentDocumentId") {
            None => first.push(row),
            Some(document) => further.push((row, document)),
        }
    }
    let mut effects = written.effects();
    publish(written, &first, &mut effects);
    for (row, document) in further {
        succeed(written, row, document, &mut effects);
    }
    let renamed = rows.iter().filter(|row| {
        !row.created && row.after("IsLatest") == Some("true") && row.changed("Title")
    });
    let renamed = renamed.filter_map(|row| {
        Some(
            [row.after("ContentDocumentId")?, row.after("Title")?]
                .map(str::to_owned)
                .to_vec(),
        )
    });
    let renamed: Vec<Vec<String>> = renamed.collect();
    effects.update("ContentDocument", &["Id", "Title"], renamed);
    effects.list()
}

const DOCUMENT: [&str; 10] = [
    "Title",
    "FileType",
    "FileExtension",
    "ContentSize",
    "OwnerId",
    "Description",
    "SharingPrivacy",
    "ContentModifiedDate",
    "TextPreview",
    // Last: the version's own id.
    "LatestPublishedVersionId",
];

/// A first version makes its document and its links.
fn publish(written: &Written<'_>, versions: &[&Changed<'_>], effects: &mut Effects<'_>) {
    let documents = versions.iter().map(|version| {
        let values = DOCUMENT[..DOCUMENT.len() - 1].iter();
        let mut values: Vec<String> = values
            .map(|name| version.after(name).unwrap_or_default().to_owned())
            .collect();
        values.push(version.id.clone());
        // A document is as old as its first version says.
        let head = version.head();
        let (made, by) = head
            .map(|head| (head.created, head.created_by))
            .unwrap_or_default();
        values.push(instant(made));
        values.push(written.context().org.user_id(by).to_string());
        values
    });
    let documents: Vec<Vec<String>> = documents.collect();
    let columns: Vec<&str> = DOCUMENT
        .into_iter()
        .chain(["CreatedDate", "CreatedById"])
        .collect();
    let effect = effects.insert("ContentDocument", &columns, documents);
    let (mut owned, mut links) = (Vec::new(), Vec::new());
    for (row, version) in versions.iter().enumerate() {
        let document = || EffectCell::Made { effect, row };
        owned.push(vec![version.id.as_str().into(), document()]);
        let owner = version.after("OwnerId").unwrap_or_default();
        let mut link = |entity: &str, share: &str| {
            links.push(vec![
                document(),
                entity.into(),
                share.into(),
                "AllUsers".into(),
            ]);
        };
        link(owner, "I");
        if let Some(place) = version
            .after("FirstPublishLocationId")
            .filter(|place| *place != owner)
        {
            link(place, "V");
        }
    }
    effects.update("ContentVersion", &["Id", "ContentDocumentId"], owned);
    let columns = [
        "ContentDocumentId",
        "LinkedEntityId",
        "ShareType",
        "Visibility",
    ];
    effects.insert("ContentDocumentLink", &columns, links);
}

/// A further version takes the place of the one before.
fn succeed(
    written: &Written<'_>,
    version: &Changed<'_>,
    document: &str,
    effects: &mut Effects<'_>,
) {
    let others = written.find("ContentVersion", "ContentDocumentId", document);
    let others = others
        .into_iter()
        .filter(|other| other.id != version.id && other.is("IsLatest"));
    let others: Vec<Vec<String>> = others
        .map(|other| vec![other.id, "false".to_owned()])
        .collect();
    effects.update("ContentVersion", &["Id", "IsLatest"], others);
    let columns = [
        "Id",
        "LatestPublishedVersionId",
        "Title",
        "ContentSize",
        "FileType",
        "FileExtension",
        "TextPreview",
    ];
    let mut values = vec![document.to_owned(), version.id.clone()];
    values.extend(
        columns[2..]
            .iter()
            .map(|name| version.after(name).unwrap_or_default().to_owned()),
    );
    effects.update("ContentDocument", &columns, vec![values]);
}
