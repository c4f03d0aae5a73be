//! What a lead hands on when sales convert it: fields of ours on Lead to those of the same name on Contact
//! (`guide/rules.md` 27).
//!
//! In: the mapping that the organisation has, the fields that will be there. Out: that mapping with ours added. Never: a
//! mapping of the organisation taken away, since deploying the settings replaces them.

use std::{collections::BTreeMap, fmt, io};

use quick_xml::{Reader, events::Event};

use super::xml::Xml;

/// `LeadConvertSettings`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadConversion {
    /// Field of Lead and field it becomes, by the object of the latter.
    pub mappings: BTreeMap<String, Vec<(String, String)>>,
    /// Other elements, as they are.
    pub others: Vec<(String, String)>,
    /// How many of the mappings are new.
    pub added: usize,
}

impl LeadConversion {
    /// Reads the answer of `readMetadata`; none if it has no settings.
    pub(super) fn parse(answer: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(answer);
        let (mut open, mut buffer) = (Vec::new(), Vec::new());
        let (mut text, mut found) = (String::new(), None::<Self>);
        let (mut from, mut pairs) = (String::new(), Vec::new());
        loop {
            match reader.read_event_into(&mut buffer).ok()? {
                Event::Start(tag) => {
                    open.push(tag.local_name().as_ref().to_owned());
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part),
                Event::End(tag) => {
                    open.pop();
                    let name = tag.local_name().as_ref().to_owned();
                    let parent = open.last().map(String::as_str);
                    match (name.as_str(), parent) {
                        ("inputField", _) => from = std::mem::take(&mut text),
                        ("outputField", _) => {
                            pairs.push((std::mem::take(&mut from), std::mem::take(&mut text)));
                        }
                        ("outputObject", _) => {
                            let settings = found.get_or_insert_default();
                            let mappings = settings.mappings.entry(std::mem::take(&mut text));
                            mappings.or_default().append(&mut pairs);
                        }
                        ("objectMapping" | "mappingFields" | "inputObject" | "fullName", _) => {}
                        (_, Some("records")) => {
                            let settings = found.get_or_insert_default();
                            settings.others.push((name, std::mem::take(&mut text)));
                        }
                        ("records", _) => drop(found.get_or_insert_default()),
                        _ => {}
                    }
                }
                Event::Eof => return found,
                _ => {}
            }
            buffer.clear();
        }
    }

    /// With the fields named, which Lead and `object` both have; none if each of them is mapped already.
    pub(super) fn with(&self, object: &str, fields: &[String]) -> Option<Self> {
        let mut merged = self.clone();
        let mappings = merged.mappings.entry(object.to_owned()).or_default();
        let before = mappings.len();
        for field in fields {
            let taken = mappings.iter().any(|(from, to)| {
                from.eq_ignore_ascii_case(field) || to.eq_ignore_ascii_case(field)
            });
            if !taken {
                mappings.push((field.clone(), field.clone()));
            }
        }
        merged.added = mappings.len() - before;
        (merged.added > 0).then_some(merged)
    }

    pub(super) fn write(&self, xml: &mut Xml) -> io::Result<()> {
        for (name, text) in self
            .others
            .iter()
            .filter(|(name, _)| name.as_str() < "objectMapping")
        {
            xml.text(name, text)?;
        }
        for (object, mappings) in &self.mappings {
            xml.nest("objectMapping", |xml| {
                xml.text("inputObject", "Lead")?;
                for (from, to) in mappings {
                    xml.nest("mappingFields", |xml| {
                        xml.text("inputField", from)?;
                        xml.text("outputField", to)
                    })?;
                }
                xml.text("outputObject", object)
            })?;
        }
        for (name, text) in self
            .others
            .iter()
            .filter(|(name, _)| name.as_str() > "objectMapping")
        {
            xml.text(name, text)?;
        }
        Ok(())
    }
}

impl fmt::Display for LeadConversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lead conversion: {} fields of Lead go on to the contact",
            self.added
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_salesforce_is_read() {
        let answer = r#"<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="x"><soapenv:Body><readMetadataResponse><result>
            <records xsi:type="LeadConvertSettings"><fullName>LeadConvertSettings</fullName><allowOwnerChange>true</allowOwnerChange>
            <objectMapping><inputObject>Lead</inputObject>
            <mappingFields><inputField>A__c</inputField><outputField>B__c</outputField></mappingFields>
            <mappingFields><inputField>C__c</inputField><outputField>C__c</outputField></mappingFields>
            <outputObject>Contact</outputObject></objectMapping>
            <opportunityCreationOptions>VisibleOptional</opportunityCreationOptions></records>
            </result></readMetadataResponse></soapenv:Body></soapenv:Envelope>"#;
        let found = LeadConversion::parse(answer.as_bytes()).unwrap();
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            found.mappings["Contact"],
            [pair("A__c", "B__c"), pair("C__c", "C__c")]
        );
        assert_eq!(
            found.others,
            [
                pair("allowOwnerChange", "true"),
                pair("opportunityCreationOptions", "VisibleOptional")
            ]
        );
        let fault = b"<e:Envelope><e:Body><e:Fault><faultcode>x</faultcode></e:Fault></e:Body></e:Envelope>";
        assert_eq!(LeadConversion::parse(fault), None);
        assert_eq!(LeadConversion::parse(b"<html><br></html>"), None);
    }

    #[test]
    fn what_the_organisation_maps_is_kept() {
        let mut there = LeadConversion {
            others: vec![
                ("allowOwnerChange".to_owned(), "true".to_owned()),
                (
                    "opportunityCreationOptions".to_owned(),
                    "NotVisible".to_owned(),
                ),
            ],
            ..LeadConversion::default()
        };
        let own = ("Budget__c".to_owned(), "Spend__c".to_owned());
        there
            .mappings
            .insert("Contact".to_owned(), vec![own.clone()]);
        there
            .mappings
            .insert("Account".to_owned(), vec![own.clone()]);
        let names = ["budget__c", "usercom_id__c", "Spend__c"].map(str::to_owned);
        let merged = there.with("Contact", &names).unwrap();
        let ours = ("usercom_id__c".to_owned(), "usercom_id__c".to_owned());
        assert_eq!(merged.mappings["Contact"], [own.clone(), ours]);
        assert_eq!(merged.mappings["Account"], [own]);
        assert_eq!(merged.with("Contact", &names), None);
        let text = Xml::document("LeadConvertSettings", |xml| merged.write(xml)).unwrap();
        let places = [
            "allowOwnerChange",
            "Account",
            "usercom_id__c",
            "Contact",
            "NotVisible",
        ];
        let places = places.map(|part| text.find(part).unwrap());
        assert!(places.is_sorted(), "{text}");
    }
}
