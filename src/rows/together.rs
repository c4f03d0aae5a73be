//! Fields that Salesforce keeps in line with each other.
//!
//! Out: [`TOGETHER`]. Never: a field of the customer's own.

/// Fields of which the org derives one from another, or judges one by another: an update sends them together or not at all.
pub(crate) const TOGETHER: [&[&str]; 7] = [
    &["StageName", "Probability", "ForecastCategoryName"],
    &["Quantity", "UnitPrice", "TotalPrice", "Discount"],
    &[
        "StartDateTime",
        "EndDateTime",
        "DurationInMinutes",
        "ActivityDate",
        "ActivityDateTime",
        "IsAllDayEvent",
    ],
    &["WhoId", "WhatId"],
    &["Country", "State", "CountryCode", "StateCode"],
    &[
        "BillingCountry",
        "BillingState",
        "BillingCountryCode",
        "BillingStateCode",
    ],
    &[
        "MailingCountry",
        "MailingState",
        "MailingCountryCode",
        "MailingStateCode",
    ],
];
