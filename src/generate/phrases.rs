//! The words further records are made of: subjects of activities and e-mails, chat lines, product and file names.
//!
//! Tables only. Like those of `vocabulary.rs` they are invented, and hold what careless readers break on: commas, quotes,
//! letters beyond ASCII.

/// Subjects of activities, four for each type in the order of the catalogue.
pub(super) const ACTIVITY_NAMES: [[&str; 4]; 7] = [
    [
        "Discovery call",
        "Oddzwonić do klienta",
        "Follow-up call, pricing",
        "Rozmowa o umowie",
    ],
    [
        "Product demo",
        "Spotkanie w biurze",
        "Kick-off meeting",
        "Prezentacja \"Premium\"",
    ],
    [
        "Send the offer",
        "Wysłać cennik",
        "Reply to questions, legal",
        "Podziękowanie za spotkanie",
    ],
    [
        "Prepare quote",
        "Sprawdzić płatność",
        "Update contact data",
        "Przygotować umowę; wersja 2",
    ],
    [
        "Push: new release",
        "Push: promocja",
        "Push: reminder",
        "Push: ankieta",
    ],
    [
        "Chat with visitor",
        "Czat: pytanie o fakturę",
        "Chat, pricing page",
        "Czat po godzinach",
    ],
    [
        "SMS reminder",
        "SMS: potwierdzenie terminu",
        "SMS code",
        "SMS: życzenia",
    ],
];

/// Names of calendar events.
pub(super) const EVENT_NAMES: [&str; 8] = [
    "Quarterly review",
    "Warsztaty wdrożeniowe",
    "Trade fair, Poznań",
    "Onboarding session",
    "Szkolenie zespołu",
    "Contract signing",
    "Śniadanie biznesowe",
    "Webinar: automation",
];

/// Places of calendar events.
pub(super) const EVENT_PLACES: [&str; 6] = [
    "Room 4, second floor",
    "Sala \"Wisła\"",
    "https://meet.example/orlica",
    "Hauptstraße 12, Berlin",
    "u klienta",
    "Online",
];

/// Chat lines of clients.
pub(super) const QUESTIONS: [&str; 8] = [
    "Hi, how do I change my plan?",
    "Dzień dobry, nie działa logowanie.",
    "Is there a discount for 50 seats, or more?",
    "Proszę o fakturę za ostatni miesiąc.",
    "Dziękuję!",
    "The import stops with \"row 17\".",
    "Kann ich mit jemandem sprechen?",
    "ok 👍",
];

/// Chat lines of agents.
pub(super) const ANSWERS: [&str; 8] = [
    "Hello! Let me check that for you.",
    "Dzień dobry, już sprawdzam.",
    "You find it under Settings, Billing.",
    "Faktura została wysłana na adres e-mail.",
    "Could you send a screenshot?",
    "Tak, od 50 stanowisk rabat wynosi 10%.",
    "Gern, ich rufe Sie an.",
    "Miłego dnia!",
];

/// Subjects of e-mails.
pub(super) const MAIL_SUBJECTS: [&str; 8] = [
    "Your offer",
    "Re: Umowa – pytania",
    "Newsletter March",
    "Potwierdzenie spotkania",
    "Fwd: \"Premium\", price list",
    "Welcome aboard",
    "Faktura 03/2025",
    "",
];

/// Texts of text messages.
pub(super) const SMS_TEXTS: [&str; 5] = [
    "Przypominamy o spotkaniu jutro o 10:00.",
    "Your code is 481516.",
    "Paczka została wysłana, dziękujemy!",
    "Meeting moved to Friday; please confirm.",
    "Wszystkiego najlepszego! 🎂",
];

/// Titles of notes.
pub(super) const NOTE_TITLES: [&str; 6] = [
    "After the call",
    "Ustalenia",
    "Do zapamiętania",
    "Competitors, prices",
    "Legal",
    "",
];

/// Lines of products.
pub(super) const PRODUCT_LINES: [&str; 5] =
    ["Licence", "Wdrożenie", "Support", "Szkolenie", "Data audit"];

/// Editions of products.
pub(super) const PRODUCT_EDITIONS: [&str; 5] =
    ["Basic", "Standard", "Premium, 10 seats", "Gold", "\"Max\""];

/// Names of files; the kind is up to the ending.
pub(super) const FILE_NAMES: [&str; 10] = [
    "contract.pdf",
    "umowa ramowa.pdf",
    "Żółty plan (v2).png",
    "notatka; wersja 2.txt",
    "契約書.pdf",
    "scan 001.PNG",
    "protokół, odbiór.txt",
    "logo O'Neill & Co.png",
    "عرض السعر.pdf",
    "README.txt",
];
