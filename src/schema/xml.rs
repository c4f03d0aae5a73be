//! Metadata files as text: elements in the order in which they are written, values escaped.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

const NAMESPACE: &str = "http://soap.sforce.com/2006/04/metadata";

/// A metadata file being written.
pub(super) struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    /// A document with one root element, filled by `content`.
    pub(super) fn document(
        root: &str,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<String> {
        let mut xml = Self {
            writer: Writer::new_with_indent(Vec::new(), b' ', 4),
        };
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        xml.writer.write_event(Event::Decl(declaration))?;
        let start = BytesStart::new(root).with_attributes([("xmlns", NAMESPACE)]);
        xml.writer.write_event(Event::Start(start))?;
        content(&mut xml)?;
        xml.writer.write_event(Event::End(BytesEnd::new(root)))?;
        let mut bytes = xml.writer.into_inner();
        bytes.push(b'\n');
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let element = self.writer.create_element(name);
        element.write_text_content(BytesText::new(text))?;
        Ok(())
    }

    /// An element with `true` or `false`.
    pub(super) fn flag(&mut self, name: &str, value: bool) -> io::Result<()> {
        self.text(name, if value { "true" } else { "false" })
    }

    /// An element with elements.
    pub(super) fn nest(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.writer
            .write_event(Event::Start(BytesStart::new(name)))?;
        content(self)?;
        self.writer.write_event(Event::End(BytesEnd::new(name)))
    }
}
