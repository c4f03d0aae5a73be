//! The words records are made of. All persons and companies are invented; domains are reserved ones (`.example`) and
//! addresses come from documentation ranges, so nothing here can reach anybody.

/// A name as people write it, and as it stands in their e-mail address.
pub(super) struct Name {
    /// As written.
    pub(super) shown: &'static str,
    /// Lower-case ASCII.
    pub(super) ascii: &'static str,
}

const fn name(shown: &'static str, ascii: &'static str) -> Name {
    Name { shown, ascii }
}

/// First names.
pub(super) const FIRST_NAMES: [Name; 40] = [
    name("Anna", "anna"),
    name("Zofia", "zofia"),
    name("Małgorzata", "malgorzata"),
    name("Katarzyna", "katarzyna"),
    name("Agnieszka", "agnieszka"),
    name("Łucja", "lucja"),
    name("Bożena", "bozena"),
    name("Hanna", "hanna"),
    name("Jan", "jan"),
    name("Piotr", "piotr"),
    name("Paweł", "pawel"),
    name("Łukasz", "lukasz"),
    name("Michał", "michal"),
    name("Stanisław", "stanislaw"),
    name("Grzegorz", "grzegorz"),
    name("Wojciech", "wojciech"),
    name("Emma", "emma"),
    name("Olivia", "olivia"),
    name("James", "james"),
    name("Noah", "noah"),
    name("Mary Jane", "mary.jane"),
    name("Jürgen", "juergen"),
    name("Sören", "soeren"),
    name("Käthe", "kaethe"),
    name("Lena", "lena"),
    name("François", "francois"),
    name("Chloé", "chloe"),
    name("Jean-Luc", "jean-luc"),
    name("Íñigo", "inigo"),
    name("María", "maria"),
    name("Олена", "olena"),
    name("Андрій", "andrij"),
    name("فاطمة", "fatima"),
    name("محمد", "mohammed"),
    name("Đorđe", "djordje"),
    name("Željka", "zeljka"),
    name("Ágnes", "agnes"),
    name("Ştefan", "stefan"),
    name("裕子", "yuko"),
    name("Nguyễn", "nguyen"),
];

/// Last names.
pub(super) const LAST_NAMES: [Name; 40] = [
    name("Nowak", "nowak"),
    name("Kowalska", "kowalska"),
    name("Wiśniewski", "wisniewski"),
    name("Wójcik", "wojcik"),
    name("Kamińska", "kaminska"),
    name("Lewandowska-Żak", "lewandowska-zak"),
    name("Zieliński", "zielinski"),
    name("Szymańska", "szymanska"),
    name("Dąbrowski", "dabrowski"),
    name("Kozłowska", "kozlowska"),
    name("Brzęczyszczykiewicz", "brzeczyszczykiewicz"),
    name("Źrebiec", "zrebiec"),
    name("Smith", "smith"),
    name("O'Neill", "oneill"),
    name("Johnson", "johnson"),
    name("McDonald", "mcdonald"),
    name("van der Berg", "vanderberg"),
    name("Müller", "mueller"),
    name("Weiß", "weiss"),
    name("Schröder", "schroeder"),
    name("Dupont", "dupont"),
    name("Lefèvre", "lefevre"),
    name("García Márquez", "garcia.marquez"),
    name("Núñez", "nunez"),
    name("Шевченко", "shevchenko"),
    name("Коваль", "koval"),
    name("الحسن", "alhassan"),
    name("بن علي", "benali"),
    name("Đurić", "djuric"),
    name("Novák", "novak"),
    name("Tóth", "toth"),
    name("Popescu", "popescu"),
    name("Yılmaz", "yilmaz"),
    name("Sørensen", "sorensen"),
    name("Åkesson", "akesson"),
    name("Rossi", "rossi"),
    name("D'Angelo", "dangelo"),
    name("田中", "tanaka"),
    name("Trần", "tran"),
    name("Santos", "santos"),
];

/// Names that break what reads them: zero-width, right-to-left mark, combining accent, emoji, no-break space.
pub(super) const ODD_LAST_NAMES: [&str; 5] = [
    "No\u{200b}wak",
    "\u{200f}الزهراء\u{200e}",
    "Jose\u{301} Mu\u{308}ller",
    "Kowalska 🎯👩\u{200d}💻",
    "Wis\u{a0}niewski",
];

/// A place with everything that follows from it.
pub(super) struct Place {
    /// City.
    pub(super) city: &'static str,
    /// Region or state.
    pub(super) region: &'static str,
    /// Country, in English.
    pub(super) country: &'static str,
    /// IANA time zone.
    pub(super) timezone: &'static str,
    /// Browser language.
    pub(super) language: &'static str,
    /// Telephone prefix.
    pub(super) prefix: &'static str,
}

const fn place(
    city: &'static str,
    region: &'static str,
    country: &'static str,
    timezone: &'static str,
    language: &'static str,
    prefix: &'static str,
) -> Place {
    Place {
        city,
        region,
        country,
        timezone,
        language,
        prefix,
    }
}

/// Places, the home market several times.
pub(super) const PLACES: [Place; 16] = [
    place(
        "Warszawa",
        "Mazowieckie",
        "Poland",
        "Europe/Warsaw",
        "pl",
        "+48",
    ),
    place(
        "Kraków",
        "Małopolskie",
        "Poland",
        "Europe/Warsaw",
        "pl-PL",
        "+48",
    ),
    place("Łódź", "Łódzkie", "Poland", "Europe/Warsaw", "pl", "+48"),
    place(
        "Wrocław",
        "Dolnośląskie",
        "Poland",
        "Europe/Warsaw",
        "pl",
        "+48",
    ),
    place(
        "Gdańsk",
        "Pomorskie",
        "Poland",
        "Europe/Warsaw",
        "en-GB",
        "+48",
    ),
    place(
        "Poznań",
        "Wielkopolskie",
        "Poland",
        "Europe/Warsaw",
        "pl",
        "+48",
    ),
    place("Berlin", "Berlin", "Germany", "Europe/Berlin", "de", "+49"),
    place(
        "München",
        "Bayern",
        "Germany",
        "Europe/Berlin",
        "de-DE",
        "+49",
    ),
    place(
        "London",
        "England",
        "United Kingdom",
        "Europe/London",
        "en-GB",
        "+44",
    ),
    place(
        "Austin",
        "Texas",
        "United States",
        "America/Chicago",
        "en-US",
        "+1",
    ),
    place(
        "Praha",
        "Hlavní město Praha",
        "Czechia",
        "Europe/Prague",
        "cs",
        "+420",
    ),
    place("Київ", "Київ", "Ukraine", "Europe/Kyiv", "uk", "+380"),
    place("القاهرة", "القاهرة", "Egypt", "Africa/Cairo", "ar", "+20"),
    place(
        "Lyon",
        "Auvergne-Rhône-Alpes",
        "France",
        "Europe/Paris",
        "fr",
        "+33",
    ),
    place("Malmö", "Skåne", "Sweden", "Europe/Stockholm", "sv", "+46"),
    place(
        "Washington",
        "District of Columbia",
        "United States",
        "America/New_York",
        "en-US",
        "+1",
    ),
];

/// Domains of people without a company.
pub(super) const MAIL_DOMAINS: [&str; 4] = [
    "mail.example",
    "poczta.example",
    "post.example",
    "webmail.example",
];

/// E-mail addresses that are none.
pub(super) const INVALID_EMAILS: [&str; 6] = [
    "not-an-email",
    "anna@",
    "@firma.example",
    "jan kowalski@firma.example",
    "a@b@c.example",
    "brak",
];

/// Lifecycle stages that nobody has defined.
pub(super) const UNKNOWN_STAGES: [&str; 3] = ["prospect", "churned", "zimny lead"];

/// Beginnings of company names with their domain.
pub(super) const COMPANY_STEMS: [Name; 40] = [
    name("Bławatek", "blawatek"),
    name("Nordsonne", "nordsonne"),
    name("Żubr i Wspólnicy", "zubr"),
    name("Orlica", "orlica"),
    name("Modrzew", "modrzew"),
    name("Grünwald & Söhne", "gruenwald"),
    name("Rzeka", "rzeka"),
    name("Kamienica", "kamienica"),
    name("Wielki Wóz", "wielkiwoz"),
    name("Świerk", "swierk"),
    name("Latarnia", "latarnia"),
    name("Halny", "halny"),
    name("Brightmoor", "brightmoor"),
    name("Oakfield", "oakfield"),
    name("Larkspur", "larkspur"),
    name("Fennel & Rye", "fennelrye"),
    name("Tidewater", "tidewater"),
    name("Copperline", "copperline"),
    name("Pinecrest", "pinecrest"),
    name("Marigold", "marigold"),
    name("النور", "alnoor"),
    name("Київські зорі", "zori"),
    name("Étoile", "etoile"),
    name("Crème de Lyon", "cremedelyon"),
    name("Bergström", "bergstroem"),
    name("Nordlys", "nordlys"),
    name("Čapek", "capek"),
    name("Vltava", "vltava"),
    name("Sólo", "solo"),
    name("Ñandú", "nandu"),
    name("Jasna Polana", "jasnapolana"),
    name("Trzy Korony", "trzykorony"),
    name("Kłos", "klos"),
    name("Bursztyn", "bursztyn"),
    name("Sowa", "sowa"),
    name("Grot", "grot"),
    name("Tkacz", "tkacz"),
    name("Młyn", "mlyn"),
    name("Port Północny", "portpolnocny"),
    name("Dolina", "dolina"),
];

/// Ends of company names.
pub(super) const COMPANY_TRADES: [&str; 20] = [
    "Logistyka Sp. z o.o.",
    "Software S.A.",
    "Consulting GmbH",
    "Foods Ltd",
    "Meble",
    "Energia",
    "Media",
    "Transport",
    "Bud",
    "Med",
    "Travel",
    "Studio",
    "Finanse",
    "Agro",
    "Textil",
    "Robotics",
    "Apteki",
    "Hotels",
    "Edukacja",
    "Serwis",
];

/// Streets.
pub(super) const STREETS: [&str; 6] = [
    "ul. Długa",
    "al. Róż",
    "Main Street",
    "Hauptstraße",
    "ul. Św. Jana",
    "rue de l'Église",
];

/// Lines of business.
pub(super) const CATEGORIES: [&str; 6] = [
    "Retail",
    "Manufacturing",
    "Services",
    "Public sector",
    "Food, drink",
    "IT",
];

/// Tags; some hold what lists use as a separator.
pub(super) const TAGS: [&str; 8] = [
    "vip",
    "newsletter",
    "needs, review",
    "targi-2025",
    "partner; reseller",
    "płatnik",
    "ex-client",
    "do \"not\" call",
];

/// Static lists.
pub(super) const LISTS: [&str; 4] = [
    "Webinar March",
    "Black Friday",
    "Klienci B2B",
    "Beta testers",
];

/// Job titles.
pub(super) const JOB_TITLES: [&str; 10] = [
    "CEO",
    "Head of Marketing",
    "Kierownik zakupów",
    "Procurement Manager",
    "Geschäftsführerin",
    "Developer",
    "Sales Director",
    "Księgowa",
    "Office Manager",
    "Właściciel",
];

/// Ways by which people came.
pub(super) const REFERRALS: [&str; 8] = [
    "google",
    "newsletter",
    "polecenie",
    "linkedin",
    "trade fair, Poznań",
    "partner \"Orlica\"",
    "webinar",
    "cold call",
];

/// Colours.
pub(super) const COLOURS: [&str; 6] = [
    "zielony",
    "żółty",
    "błękitny",
    "czerwony",
    "czarny",
    "różowy",
];

/// Sentences of ordinary notes; ordinary means that they still hold commas and letters beyond ASCII.
pub(super) const SENTENCES: [&str; 10] = [
    "Asked for a quote, wants delivery before the summer.",
    "Klient prosi o kontakt po 15:00.",
    "Met at the trade fair; liked the demo.",
    "Prefers e-mail to telephone.",
    "Budżet zatwierdzony na przyszły kwartał.",
    "Waiting for the legal department.",
    "Spoke with the assistant, call again next week.",
    "Zainteresowany pakietem Premium, ma pytania o umowę.",
    "Uses a competitor's product until the end of the year.",
    "Renewal is due soon.",
];

/// What deals are about.
pub(super) const OFFERS: [&str; 8] = [
    "Premium package",
    "Wdrożenie CRM",
    "Annual licence",
    "Szkolenie zespołu",
    "Support contract",
    "Migration project",
    "Audyt danych",
    "Extra seats",
];

/// Reasons given in words when a deal is lost.
pub(super) const LOSS_TEXTS: [&str; 6] = [
    "Too expensive",
    "Wybrali konkurencję",
    "No budget this year",
    "Brak odpowiedzi",
    "Project cancelled",
    "Missing feature",
];

/// Reasons given when a deal is won.
pub(super) const WIN_REASONS: [&str; 5] = [
    "Best price",
    "Polecenie od partnera",
    "Fast delivery",
    "Good demo, friendly team",
    "Integracja z ERP",
];

/// Currencies, the home currency most often.
pub(super) const CURRENCIES: [&str; 8] = ["PLN", "PLN", "PLN", "PLN", "PLN", "EUR", "EUR", "USD"];
