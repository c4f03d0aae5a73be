//! Which records are damaged, and how: a fixed schedule by record number, so that the counts are known beforehand.
//!
//! Comes in: a record's index. Goes out: yes or no for each kind of mess. The schedule does not depend on the seed: two
//! exports of one size have the same amount of each. Never consulted when mess is switched off.

/// Every `period`-th record, starting with number `first`.
#[derive(Clone, Copy)]
pub(super) struct Every {
    period: u64,
    first: u64,
}

impl Every {
    const fn new(period: u64, first: u64) -> Self {
        Self { period, first }
    }

    /// Whether record `index` is one of them.
    #[inline]
    pub(super) const fn hits(self, index: u64) -> bool {
        index % self.period == self.first
    }

    /// How often the schedule has come round before `index`; lets kinds of mess take turns.
    pub(super) const fn turn(self, index: u64) -> u64 {
        index / self.period
    }
}

/// What happened to a record as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Nothing.
    None,
    /// Cells are missing at the end (CSV), or the line is cut (JSON Lines).
    TooShort,
    /// Cells that no header announces (CSV), or the line is cut (JSON Lines).
    TooLong,
    /// A byte that is not UTF-8 inside a cell.
    BadByte,
}

impl Damage {
    /// The row cannot be read at all, so its record is lost. A foreign byte costs no more than a letter.
    pub(super) fn is_fatal(self) -> bool {
        matches!(self, Self::TooShort | Self::TooLong)
    }

    /// Anything happened to it.
    pub(super) fn is_any(self) -> bool {
        self != Self::None
    }
}

/// Damage to whole rows of one object.
pub(super) struct RowMess {
    ragged: Every,
    undecodable: Every,
    superseded: Every,
}

impl RowMess {
    /// The damage of record `index`.
    pub(super) fn damage(&self, index: u64) -> Damage {
        if self.undecodable.hits(index) {
            Damage::BadByte
        } else if !self.ragged.hits(index) {
            Damage::None
        } else if self.ragged.turn(index).is_multiple_of(2) {
            Damage::TooShort
        } else {
            Damage::TooLong
        }
    }

    /// Whether record `index` appears a second time with an older `updated_at`. Never a damaged one: its older version
    /// would become the newest readable one.
    pub(super) fn superseded(&self, index: u64) -> bool {
        self.superseded.hits(index) && self.damage(index) == Damage::None
    }
}

/// Which records of one object are about a person that causes trouble.
#[derive(Clone, Copy)]
pub(super) struct PersonMess {
    /// A person whose row cannot be read.
    pub(super) rejected: Every,
    /// A person with neither e-mail nor phone.
    pub(super) passive: Every,
    /// A person that is not in the export.
    pub(super) gone: Every,
}

impl PersonMess {
    const fn new(rejected: Every, passive: Every, gone: Every) -> Self {
        Self {
            rejected,
            passive,
            gone,
        }
    }
}

/// Rows of people.
pub(super) const PEOPLE: RowMess = RowMess {
    ragged: Every::new(797, 90),
    undecodable: Every::new(719, 60),
    superseded: Every::new(331, 7),
};

/// Rows of companies.
pub(super) const COMPANIES: RowMess = RowMess {
    ragged: Every::new(353, 29),
    undecodable: Every::new(389, 21),
    superseded: Every::new(131, 12),
};

/// Rows of deals.
pub(super) const DEALS: RowMess = RowMess {
    ragged: Every::new(211, 33),
    undecodable: Every::new(449, 66),
    superseded: Every::new(163, 10),
};

/// No lifecycle stage at all.
pub(super) const LIFECYCLE_MISSING: Every = Every::new(167, 33);
/// A lifecycle stage that nobody has defined.
pub(super) const LIFECYCLE_UNKNOWN: Every = Every::new(251, 44);
/// An e-mail address that is none.
pub(super) const EMAIL_INVALID: Every = Every::new(113, 21);
/// The e-mail address of the person before, in capitals.
pub(super) const EMAIL_SHARED: Every = Every::new(211, 15);
/// Neither name nor first nor last name.
pub(super) const NAME_MISSING: Every = Every::new(83, 11);
/// A first name only.
pub(super) const NAME_ONE_WORD: Every = Every::new(59, 14);
/// Spaces around and inside the name.
pub(super) const NAME_SPACES: Every = Every::new(97, 17);
/// Zero-width, right-to-left, combining characters or an emoji in the name.
pub(super) const NAME_ODD: Every = Every::new(89, 24);
/// A last name of more than 80 characters.
pub(super) const NAME_LONG: Every = Every::new(701, 123);
/// A phone number with words in it, longer than 40 characters.
pub(super) const PHONE_LONG: Every = Every::new(523, 131);
/// An integer that is none, as `12,5x`.
pub(super) const BAD_NPS: Every = Every::new(173, 51);
/// A date that is none, as 2023-02-30.
pub(super) const BAD_BIRTHDAY: Every = Every::new(149, 50);
/// An instant that is none.
pub(super) const BAD_TRIAL: Every = Every::new(311, 52);
/// A float that is none.
pub(super) const BAD_BUDGET: Every = Every::new(223, 53);
/// A boolean that is none.
pub(super) const BAD_CONSENT: Every = Every::new(401, 54);
/// A choice that the attribute does not list.
pub(super) const CHOICE_UNLISTED: Every = Every::new(181, 63);
/// A job title of more than 128 characters.
pub(super) const JOB_TITLE_LONG: Every = Every::new(131, 20);
/// A note of a special kind; the kinds take turns.
pub(super) const NOTE_SPECIAL: Every = Every::new(13, 3);
/// A note that no Salesforce text field can hold (over 32,768 characters). Rare: each weighs 33 KB.
pub(super) const NOTE_HUGE: Every = Every::new(20_000, 777);
/// The one person whose `referral_source` is a literal `#N/A`.
pub(super) const NA_LITERAL_AT: u64 = 100;

/// A `founded_on` that is no date.
pub(super) const BAD_FOUNDED: Every = Every::new(137, 18);
/// A `contract_value` that is no number.
pub(super) const BAD_CONTRACT: Every = Every::new(113, 19);
/// A company name with quotes, commas, a line break, or spaces around it.
pub(super) const COMPANY_NAME_ODD: Every = Every::new(37, 8);
/// A description with markup, quotes, line breaks or control characters.
pub(super) const DESCRIPTION_ODD: Every = Every::new(19, 4);
/// A domain written as a URL, or in capitals.
pub(super) const DOMAIN_ODD: Every = Every::new(23, 6);
/// The domain of the company before.
pub(super) const DOMAIN_SHARED: Every = Every::new(173, 28);
/// A company that no person names.
pub(super) const COMPANY_WITHOUT_PEOPLE: Every = Every::new(17, 3);
/// A company whose people are all below customer.
pub(super) const COMPANY_OF_LEADS: Every = Every::new(17, 5);

/// A `value` that is no number.
pub(super) const BAD_VALUE: Every = Every::new(127, 17);
/// An `expected_close_date` that is no date.
pub(super) const BAD_CLOSE_DATE: Every = Every::new(139, 25);
/// A `discount_percent` that is no number.
pub(super) const BAD_DISCOUNT: Every = Every::new(191, 45);
/// A deal without a name.
pub(super) const DEAL_NAME_MISSING: Every = Every::new(109, 13);
/// A deal name of more than 120 characters.
pub(super) const DEAL_NAME_LONG: Every = Every::new(73, 9);
/// A deal whose company is not in the export.
pub(super) const DEAL_COMPANY_GONE: Every = Every::new(197, 40);
/// A deal whose person is not in the export.
pub(super) const DEAL_PERSON_GONE: Every = Every::new(193, 41);
/// A deal in a stage that its pipeline no longer has.
pub(super) const DEAL_STAGE_GONE: Every = Every::new(307, 77);
/// A deal loss description with quotes and line breaks.
pub(super) const LOSS_TEXT_ODD: Every = Every::new(11, 2);

/// A tag that a person or a deal has twice, the second time in capitals.
pub(super) const TAG_TWICE: Every = Every::new(37, 5);

/// Persons of activities.
pub(super) const ACTIVITY_PERSON: PersonMess = PersonMess::new(
    Every::new(397, 31),
    Every::new(211, 13),
    Every::new(307, 47),
);
/// A description with markup, control characters and the like; the kinds take turns.
pub(super) const ACTIVITY_TEXT: Every = Every::new(41, 9);
/// Persons of events.
pub(super) const EVENT_PERSON: PersonMess =
    PersonMess::new(Every::new(61, 7), Every::new(43, 9), Every::new(53, 11));
/// A description of a special kind.
pub(super) const EVENT_TEXT: Every = Every::new(23, 2);
/// An attendee who is not in the export.
pub(super) const ATTENDEE_GONE: Every = Every::new(37, 5);
/// An attendee who is the event's own person.
pub(super) const ATTENDEE_SELF: Every = Every::new(29, 3);
/// Persons of conversations, and so of their messages.
pub(super) const CONVERSATION_PERSON: PersonMess =
    PersonMess::new(Every::new(59, 13), Every::new(41, 6), Every::new(49, 8));
/// A message that nobody wrote.
pub(super) const MESSAGE_NO_AUTHOR: Every = Every::new(83, 17);
/// A message without a time.
pub(super) const MESSAGE_NO_TIME: Every = Every::new(97, 29);
/// A message of a special kind.
pub(super) const MESSAGE_TEXT: Every = Every::new(71, 3);
/// Persons of e-mails.
pub(super) const EMAIL_PERSON: PersonMess = PersonMess::new(
    Every::new(197, 19),
    Every::new(101, 11),
    Every::new(149, 23),
);
/// Persons of text messages.
pub(super) const SMS_PERSON: PersonMess =
    PersonMess::new(Every::new(47, 19), Every::new(31, 11), Every::new(43, 23));
/// Persons of notes.
pub(super) const NOTE_PERSON: PersonMess =
    PersonMess::new(Every::new(97, 29), Every::new(71, 7), Every::new(83, 37));
/// A note of a special kind.
pub(super) const NOTE_TEXT: Every = Every::new(11, 3);
/// Persons of files.
pub(super) const FILE_PERSON: PersonMess =
    PersonMess::new(Every::new(59, 29), Every::new(41, 31), Every::new(47, 37));
/// A file that lies nowhere.
pub(super) const FILE_MISSING: Every = Every::new(17, 4);
/// A file of another size than its row says.
pub(super) const FILE_SIZE_WRONG: Every = Every::new(13, 6);
/// A deal one of whose lines has quantity 0.
pub(super) const LINE_QUANTITY_ZERO: Every = Every::new(31, 6);
/// A deal one of whose lines has neither price nor value.
pub(super) const LINE_NO_PRICE: Every = Every::new(29, 8);
/// A deal whose lines do not add up to its value.
pub(super) const LINES_OFF: Every = Every::new(9, 4);
/// An invoice of a subscription that is not in the export.
pub(super) const INVOICE_SUBSCRIPTION_GONE: Every = Every::new(19, 7);
/// An asset that is its own parent.
pub(super) const ASSET_SELF: Every = Every::new(23, 5);
