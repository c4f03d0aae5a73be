//! A small tree of an XML file: names, texts, children.
//!
//! In: bytes. Out: [`Element`], namespaces dropped. Metadata files are small, so a tree is all right.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements inside each other; metadata has less than ten, and a tree is left on the stack.
const DEEPEST: usize = 100;

/// One element.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a file; none if it is not well formed, or nested as no metadata is.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(bytes);
        let mut open = vec![Self::default()];
        let mut buffer = Vec::new();
        loop {
            match reader.read_event_into(&mut buffer).ok()? {
                Event::Start(_) if open.len() > DEEPEST => return None,
                Event::Start(tag) => open.push(Self::named(tag.local_name().as_ref())),
                Event::Empty(tag) => open
                    .last_mut()?
                    .children
                    .push(Self::named(tag.local_name().as_ref())),
                Event::End(_) => {
                    let mut done = open.pop()?;
                    done.text = done.text.trim().to_owned();
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::CData(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let text = &mut open.last_mut()?.text;
                    if let Some(c) = reference.resolve_char_ref().ok()? {
                        text.push(c);
                    } else {
                        text.push_str(entity(&reference)?);
                    }
                }
                Event::Eof => break,
                _ => {}
            }
            buffer.clear();
        }
        let [root] = open.as_mut_slice() else {
            return None;
        };
        root.children.pop()
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// Whether the first child of a name says `true`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

fn entity(name: &str) -> Option<&'static str> {
    Some(match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_namespaces_are_resolved() {
        let root = Element::parse(
            b"<?xml version=\"1.0\"?><m:A xmlns:m=\"x\"><b>R&amp;D &#233;</b><c/><b>2</b></m:A>",
        )
        .unwrap();
        assert_eq!(root.name, "A");
        assert_eq!(root.get("b"), Some("R&D é"));
        assert_eq!(root.all("b").count(), 2);
        assert_eq!(Element::parse(b"<a><b></a>"), None);
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert_eq!(Element::parse(deep.as_bytes()), None);
    }
}
