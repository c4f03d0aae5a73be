//! Words of User.com's automations, and what can take their place.
//!
//! What is no word of these is free text: people describe what they see, and the next version of User.com has new words.

/// What starts an automation.
pub(super) const TRIGGERS: [&str; 29] = [
    "Page visit",
    "Mobile activity",
    "Incoming message",
    "On date & time",
    "Event",
    "Product event",
    "Tag added",
    "Tag removed",
    "Added to list",
    "Removed from list",
    "Pop-up submitted",
    "Task",
    "Coupon given",
    "Deal updated",
    "Deal stage change",
    "Note added",
    "Contact's attribute change",
    "Company's attribute change",
    "Ticket status change",
    "Email action",
    "Web push",
    "SMS",
    "WhatsApp",
    "Ticket created",
    "Deal created",
    "New contact",
    "Conversation changed",
    "Mobile push",
    "Wallet card status",
];

/// What it asks on its way.
pub(super) const CONDITIONS: [&str; 12] = [
    "Filters",
    "A/B split",
    "Submitted pop-up",
    "Received email",
    "Visited page",
    "Team member responded",
    "Contact responded",
    "Email action",
    "IMAP email",
    "Segment",
    "Global variables",
    "Business hours",
];

/// Groups of what it does.
pub(super) const ACTIONS: [&str; 4] = [
    "chatbot",
    "communication",
    "data management",
    "internal operations",
];

/// What can take its place.
pub(super) const COUNTERPARTS: [&str; 7] = [
    "record-triggered flow before save",
    "record-triggered flow after save",
    "scheduled flow",
    "screen flow",
    "platform event",
    "sales engagement tool",
    "stays in the marketing tool",
];

/// Tables of an export that show that it fired.
pub(super) const EVIDENCE: [&str; 13] = [
    "activities",
    "companies",
    "conversations",
    "deals",
    "emails",
    "events",
    "lists",
    "messages",
    "notes",
    "people",
    "sms",
    "stage_changes",
    "tags",
];
