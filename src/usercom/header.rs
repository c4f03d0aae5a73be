//! Names of columns: how they are compared, and what a custom attribute's column is called.
//!
//! In: a header cell, a JSON key, an attribute's name. Out: the form in which names are looked up, and a plain
//! lower_snake ASCII name.

/// The form in which names are compared: lower case, letters and digits, one underscore for everything between.
/// A name without any letter or digit is compared as it is.
#[must_use]
pub fn normalise(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            out.push(letter);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    if out.is_empty() {
        name.trim().to_owned()
    } else {
        out
    }
}

/// A name as lower_snake ASCII: Latin letters lose their marks, those of other scripts are transliterated, anything else
/// becomes an underscore. It depends on the name alone. `None` when nothing is left.
#[must_use]
pub fn sanitise(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => out.push(letter),
            other => match plain(other) {
                "" => transliterate(other, &mut out),
                plain => out.push_str(plain),
            },
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    match out.as_bytes().first() {
        None => None,
        Some(b'0'..=b'9') => Some(format!("attribute_{out}")),
        Some(_) => Some(out),
    }
}

/// Appends a letter of another script in Latin ones; an underscore for what is no letter.
fn transliterate(letter: char, out: &mut String) {
    let start = out.len();
    if letter.is_alphanumeric() {
        let latin = any_ascii::any_ascii_char(letter).chars();
        let plain = latin.filter(char::is_ascii_alphanumeric);
        out.extend(plain.map(|letter| letter.to_ascii_lowercase()));
    }
    // Marks that belong to the letter before them separate nothing.
    let is_mark = any_ascii::any_ascii_char(letter).is_empty();
    if out.len() == start && !is_mark && !out.is_empty() && !out.ends_with('_') {
        out.push('_');
    }
}

/// Eight letters and digits that tell a name from others, whatever becomes of it.
#[must_use]
pub fn digest(name: &str) -> String {
    let sum = xxhash_rust::xxh3::xxh3_64(normalise(name).as_bytes());
    format!("{:08x}", sum >> 32)
}

/// The Latin letters without marks of a lower-case letter; empty for anything else.
fn plain(letter: char) -> &'static str {
    match letter {
        'ą' | 'à' | 'á' | 'â' | 'ã' | 'å' | 'ă' | 'ā' => "a",
        'ä' | 'æ' => "ae",
        'ć' | 'č' | 'ç' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'ę' | 'è' | 'é' | 'ê' | 'ë' | 'ě' | 'ė' | 'ē' => "e",
        'ğ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' | 'į' | 'ī' => "i",
        'ł' | 'ľ' | 'ĺ' | 'ļ' => "l",
        'ń' | 'ñ' | 'ň' | 'ņ' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ő' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ř' | 'ŕ' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ů' | 'ű' | 'ų' | 'ū' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_spaces_and_marks_of_writing() {
        for (name, form) in [
            ("Phone Number", "phone_number"),
            (" phone-number ", "phone_number"),
            ("E-mail", "e_mail"),
            ("Google+", "google"),
            ("USER ID", "user_id"),
            ("Źródło", "źródło"),
            ("???", "???"),
            ("", ""),
        ] {
            assert_eq!(normalise(name), form, "{name}");
        }
    }

    #[test]
    fn attribute_names_become_plain_column_names() {
        for (name, column) in [
            ("Źródło leada", Some("zrodlo_leada")),
            ("ŁĄCZNA wartość (PLN)", Some("laczna_wartosc_pln")),
            ("Größe", Some("groesse")),
            ("2nd phone", Some("attribute_2nd_phone")),
            ("lead--Source", Some("lead_source")),
            ("размер A", Some("razmer_a")),
            ("цвет", Some("tsvet")),
            ("顧客", Some("guke")),
            ("Cafe\u{301}", Some("cafe")),
            ("★ ☆", None),
            ("", None),
        ] {
            assert_eq!(sanitise(name).as_deref(), column, "{name}");
        }
    }
}
