//! Objects whose records can carry no key of ours.
//!
//! In: an object's name. Out: the fields by which its records are looked up. Never: a claim that these are unique.

/// Objects without a field for our key, and what their records are looked up by.
const PROBES: [(&str, &[&str]); 3] = [
    ("CaseComment", &["ParentId", "CommentBody"]),
    ("ContentNote", &["Title", "CreatedDate"]),
    (
        "PricebookEntry",
        &["Pricebook2Id", "Product2Id", "CurrencyIsoCode"],
    ),
];

/// The fields that records of an object are looked up by; none where they can have a key of ours.
#[must_use]
pub fn probe(object: &str) -> &'static [&'static str] {
    let found = PROBES.iter().find(|(name, _)| *name == object);
    found.map_or(&[], |(_, fields)| fields)
}

/// Fields that the org fills where nothing is sent: a record may have any value there.
const FILLED_BY_ORG: [&str; 2] = ["CreatedDate", "CurrencyIsoCode"];

/// Whether the org fills a field that is sent empty.
#[must_use]
pub fn is_filled_by_org(field: &str) -> bool {
    FILLED_BY_ORG.contains(&field)
}
