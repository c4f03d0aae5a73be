//! Converting leads, which only SOAP does (`guide/salesforce.md` §4). Up to 100 leads go in; per lead, in the same order,
//! the ids of the records it became come out, or why it was left as it is. What a lead means, and which account and
//! contact take it, is the caller's business.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::{Client, Error, Result, RowError};

/// Leads in one call.
pub const MAX_CONVERSIONS: usize = 100;

/// One lead, and into what it is converted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadConversion {
    /// Record id of the lead.
    pub lead: String,
    /// A `LeadStatus` that means converted.
    pub status: String,
    /// The account that takes the lead; none = a new one.
    pub account: Option<String>,
    /// The contact that takes the lead, of that account; none = a new one.
    pub contact: Option<String>,
    /// Owner of the new records; required where a queue owns the lead.
    pub owner: Option<String>,
    /// Name of the opportunity to be made; none = none is made.
    pub opportunity: Option<String>,
}

/// What became of one lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversionResult {
    /// Whether it was converted.
    pub success: bool,
    /// Record id of the lead.
    pub lead: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The contact.
    pub contact: Option<String>,
    /// The opportunity, if one was made.
    pub opportunity: Option<String>,
    /// Why it was not converted.
    pub errors: Vec<RowError>,
}

impl Client {
    /// Converts up to 100 leads. A refused lead is data in the answer and leaves the others alone.
    ///
    /// # Errors
    /// [`Error::TooManyRows`]; [`Error::is_ambiguous`] says that leads may be converted: read `IsConverted` and
    /// `ConvertedContactId` before going on.
    pub async fn convert_leads(&self, leads: &[LeadConversion]) -> Result<Vec<ConversionResult>> {
        if leads.len() > MAX_CONVERSIONS {
            return Err(Error::TooManyRows {
                given: leads.len(),
                max: MAX_CONVERSIONS,
            });
        }
        if leads.is_empty() {
            return Ok(Vec::new());
        }
        let conversions: String = leads.iter().map(element).collect();
        let results = self.soap("convertLead", &conversions, leads.len()).await?;
        let converted = results.into_iter().map(|mut result| ConversionResult {
            success: result.success,
            lead: result.take("leadId"),
            account: result.take("accountId"),
            contact: result.take("contactId"),
            opportunity: result.take("opportunityId"),
            errors: result.errors,
        });
        Ok(converted.collect())
    }
}

fn element(lead: &LeadConversion) -> String {
    let mut xml = "<leadConverts>".to_owned();
    // The order of the service's own description; the schema is a sequence.
    let elements = [
        ("accountId", lead.account.as_deref()),
        ("contactId", lead.contact.as_deref()),
        ("convertedStatus", Some(lead.status.as_str())),
        (
            "doNotCreateOpportunity",
            Some(if lead.opportunity.is_none() {
                "true"
            } else {
                "false"
            }),
        ),
        ("leadId", Some(lead.lead.as_str())),
        ("opportunityName", lead.opportunity.as_deref()),
        ("overwriteLeadSource", Some("false")),
        ("ownerId", lead.owner.as_deref()),
        ("sendNotificationEmail", Some("false")),
    ];
    for (name, value) in elements {
        if let Some(value) = value {
            // Writing to a text cannot fail.
            let _ = write!(xml, "<{name}>{}</{name}>", escape(value));
        }
    }
    xml + "</leadConverts>"
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            mock_org::MockOrg,
            net::mock_server::{Answer, say},
        },
        *,
    };

    const PATH: &str = "POST /services/Soap/u/66.0";
    const HALF: &str = r#"<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="x"><soapenv:Body><convertLeadResponse>
        <result><accountId>001a</accountId><contactId>003a</contactId><leadId>00Qa</leadId><opportunityId xsi:nil="true"/>
        <success>true</success></result>
        <result><accountId xsi:nil="true"/><errors><fields>Company</fields><message>A &amp; B</message>
        <statusCode>REQUIRED_FIELD_MISSING</statusCode></errors><leadId>00Qb</leadId><success>false</success></result>
        </convertLeadResponse></soapenv:Body></soapenv:Envelope>"#;

    fn lead(id: &str) -> LeadConversion {
        LeadConversion {
            lead: id.to_owned(),
            status: "Closed - Converted".to_owned(),
            ..LeadConversion::default()
        }
    }

    #[tokio::test]
    async fn results_come_in_order_and_a_refused_lead_is_no_error() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        server.on(PATH, &[], Some(say(200, HALF)));
        let first = LeadConversion {
            account: Some("001a".to_owned()),
            opportunity: Some("Big & blue".to_owned()),
            ..lead("00Qa")
        };
        let results = client.convert_leads(&[first, lead("00Qb")]).await.unwrap();
        assert!(results[0].success);
        assert_eq!(results[0].contact.as_deref(), Some("003a"));
        assert_eq!(results[0].opportunity, None);
        let error = &results[1].errors[0];
        assert_eq!(
            (
                error.status_code.as_str(),
                error.message.as_str(),
                error.fields.as_slice()
            ),
            (
                "REQUIRED_FIELD_MISSING",
                "A & B",
                ["Company".to_owned()].as_slice()
            )
        );
        let body = &server.received(PATH)[0].body;
        assert!(body.contains("<sessionId>t0</sessionId>"), "{body}");
        assert!(
            body.contains("<opportunityName>Big &amp; blue</opportunityName>"),
            "{body}"
        );
        assert!(body.contains(
            "<doNotCreateOpportunity>true</doNotCreateOpportunity><leadId>00Qb</leadId>"
        ));
    }

    #[tokio::test]
    async fn an_answer_that_lacks_a_lead_or_breaks_off_is_no_success() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        for broken in [HALF, "<html><body>busy</body></html>", &HALF[..400], ""] {
            server.on(PATH, &[], Some(say(200, broken)));
            let error = client.convert_leads(&[lead("00Qa")]).await.unwrap_err();
            assert!(matches!(error, Error::DecodeAnswer { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn an_expired_session_is_renewed_though_soap_says_so_in_a_fault() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        server.on("POST /services/oauth2/token", &[], Some(server.token("t1")));
        let fault: Answer = say(
            500,
            "<e:Envelope><e:Body><e:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode>\
             <faultstring>INVALID_SESSION_ID: Invalid Session ID found</faultstring></e:Fault></e:Body></e:Envelope>",
        );
        server.on(PATH, &[fault], Some(say(200, HALF)));
        let results = client.convert_leads(&[lead("00Qa"), lead("00Qb")]).await;
        assert_eq!(results.unwrap().len(), 2);
        assert!(
            server.received(PATH)[1]
                .body
                .contains("<sessionId>t1</sessionId>")
        );
    }

    #[tokio::test]
    async fn more_leads_than_a_call_takes_are_refused_before_sending() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        let error = client.convert_leads(&vec![lead("00Qa"); 101]).await;
        assert!(matches!(
            error,
            Err(Error::TooManyRows {
                given: 101,
                max: 100
            })
        ));
        assert!(server.received(PATH).is_empty());
    }
}
