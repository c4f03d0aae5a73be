//! Records out of the recycle bin, which only SOAP gives back (`guide/salesforce.md` §4). Up to 200 ids go in; per id, in the same
//! order, whether it is back comes out. What was deleted along with a record comes back with it.

use super::{Client, Error, MAX_COLLECTION_ROWS, Result, RowResult};

impl Client {
    /// Takes up to 200 records out of the recycle bin. A refused record is data in the answer and leaves the others alone.
    ///
    /// # Errors
    /// [`Error::TooManyRows`]; [`Error::is_ambiguous`] says that records may be back: asking again is as good as once, since
    /// one that is back is refused.
    pub async fn undelete_rows(&self, ids: &[&str]) -> Result<Vec<RowResult>> {
        if ids.len() > MAX_COLLECTION_ROWS {
            return Err(Error::TooManyRows {
                given: ids.len(),
                max: MAX_COLLECTION_ROWS,
            });
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let list: String = ids
            .iter()
            .map(|id| format!("<ids>{}</ids>", quick_xml::escape::escape(*id)))
            .collect();
        let results = self.soap("undelete", &list, ids.len()).await?;
        let rows = results.into_iter().map(|mut result| RowResult {
            id: result.take("id"),
            success: result.success,
            created: None,
            errors: result.errors,
        });
        Ok(rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{mock_org::MockOrg, net::mock_server::say};
    use super::*;

    const PATH: &str = "POST /services/Soap/u/66.0";

    #[tokio::test]
    async fn ids_go_in_and_a_refused_record_is_no_error() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        let answer = "<e:Envelope><e:Body><undeleteResponse>\
            <result><id>001a</id><success>true</success></result>\
            <result><errors><message>not in the recycle bin</message><statusCode>UNDELETE_FAILED</statusCode></errors>\
            <id xsi:nil=\"true\"/><success>false</success></result></undeleteResponse></e:Body></e:Envelope>";
        server.on(PATH, &[], Some(say(200, answer)));
        let results = client.undelete_rows(&["001a", "001b"]).await.unwrap();
        assert_eq!(
            (results[0].success, results[0].id.as_deref()),
            (true, Some("001a"))
        );
        assert_eq!(results[1].errors[0].status_code, "UNDELETE_FAILED");
        let body = &server.received(PATH)[0].body;
        let sent = "<undelete><ids>001a</ids><ids>001b</ids></undelete>";
        assert!(body.contains(sent), "{body}");
    }

    #[tokio::test]
    async fn more_records_than_a_call_takes_are_refused_before_sending() {
        let server = MockOrg::start().await;
        let client = server.client().await;
        let error = client.undelete_rows(&vec!["001a"; 201]).await;
        assert!(matches!(
            error,
            Err(Error::TooManyRows {
                given: 201,
                max: 200
            })
        ));
        assert!(server.received(PATH).is_empty());
    }
}
