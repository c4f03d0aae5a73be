//! Pages of lists: the cursor in an address, and the envelope around rows (`guide/usercom.md` §1.4).
//!
//! In: the address that was asked for and how many rows there are. Out: which rows to show, and the links around them. A
//! cursor says how many rows came before, so that rows which come or go shift between pages. Never: a row.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use url::form_urlencoded::{Serializer, parse};

use super::error::Refusal;
use super::options::{Bug, UsercomSimOptions};
use super::record::{Raw, Record, raw};

/// The page that a request asks for.
pub(super) struct Page {
    pub(super) from: usize,
    pub(super) size: usize,
    /// Address without the cursor.
    address: String,
}

impl Page {
    /// Reads the cursor of a request to `base`, a host with a path.
    pub(super) fn of(base: &str, query: &str, size: usize) -> Result<Self, Refusal> {
        let mut from = 0;
        let mut others = Serializer::new(String::new());
        for (name, value) in parse(query.as_bytes()) {
            if name == "cursor" {
                from = decoded(&value)
                    .ok_or_else(|| Refusal::detail(StatusCode::NOT_FOUND, "Invalid cursor"))?;
            } else {
                others.append_pair(&name, &value);
            }
        }
        let others = others.finish();
        let joint = if others.is_empty() { "" } else { "&" };
        Ok(Self {
            from,
            size: size.max(1),
            address: format!("{base}?{others}{joint}cursor="),
        })
    }

    /// The envelope around the rows of this page, out of `total`.
    pub(super) fn envelope(
        &self,
        total: usize,
        results: Raw,
        options: &UsercomSimOptions,
    ) -> Result<Record, Refusal> {
        // A page beyond the last one is where the wrong `next` leads.
        if self.from > 0 && self.from >= total {
            return Err(Refusal::not_found());
        }
        let end = self.from.saturating_add(self.size);
        let next = if end < total {
            Some(end)
        } else if options.bugs.contains(&Bug::RepeatCursor) {
            Some(self.from)
        } else if options.bugs.contains(&Bug::LastNext) {
            Some(end.max(1))
        } else {
            None
        };
        let previous = (self.from > 0).then(|| self.from.saturating_sub(self.size));
        let link = |from: usize| format!("{}{}", self.address, encoded(from));
        let count = total + usize::from(options.bugs.contains(&Bug::WrongCount));
        let mut out = Record::default();
        out.set("count", raw(&count));
        out.set("next", raw(&next.map(link)));
        out.set("previous", raw(&previous.map(link)));
        out.set("results", results);
        Ok(out)
    }
}

fn encoded(from: usize) -> String {
    let text = URL_SAFE.encode(format!("p={from}"));
    text.replace('=', "%3D")
}

fn decoded(cursor: &str) -> Option<usize> {
    let bytes = URL_SAFE.decode(cursor).ok()?;
    std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix("p=")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://localhost/api/public/tags/";

    fn links(
        query: &str,
        total: usize,
        bugs: &[Bug],
    ) -> Result<(Option<String>, Option<String>), Refusal> {
        let mut options = UsercomSimOptions::new("export".into(), "state".into());
        options.bugs = bugs.iter().copied().collect();
        let page = Page::of(BASE, query, 2)?;
        let envelope = page.envelope(total, raw("rows"), &options)?;
        Ok((envelope.text("next"), envelope.text("previous")))
    }

    fn query(link: &str) -> &str {
        link.strip_prefix(BASE).unwrap().strip_prefix('?').unwrap()
    }

    #[test]
    fn links_lead_through_the_list_and_keep_other_parameters() {
        let (next, previous) = links("a=b+c", 5, &[]).unwrap();
        assert_eq!(previous, None);
        let next = next.unwrap();
        assert!(query(&next).starts_with("a=b+c&cursor="), "{next}");
        let (last, previous) = links(query(&next), 5, &[]).unwrap();
        assert_ne!(previous, None);
        let (end, _) = links(query(&last.unwrap()), 5, &[]).unwrap();
        assert_eq!(end, None);
    }

    #[test]
    fn the_last_next_leads_nowhere_if_the_account_has_that_bug() {
        let (next, _) = links("", 2, &[Bug::LastNext]).unwrap();
        assert!(links(query(&next.unwrap()), 2, &[Bug::LastNext]).is_err());
        let (next, _) = links("", 0, &[Bug::LastNext]).unwrap();
        assert!(links(query(&next.unwrap()), 0, &[Bug::LastNext]).is_err());
    }

    #[test]
    fn a_repeated_cursor_leads_to_the_same_page() {
        let (next, _) = links("", 1, &[Bug::RepeatCursor]).unwrap();
        let (again, _) = links(query(next.as_ref().unwrap()), 1, &[Bug::RepeatCursor]).unwrap();
        assert_eq!(next, again);
        assert!(Page::of(BASE, "cursor=nonsense", 2).is_err());
    }
}
