//! Every column of an export arrives, or somebody said that it stays.

use std::collections::BTreeSet;

use crate::rehearsal::Project;

/// A person with a value in every column that User.com gives people.
const EVERYTHING: &str = "id,user_key,custom_id,email,phone_number,name,lifecycle_stage,status,gender,score,page_views,country,region,city,\
     timezone,browser_language,facebook_url,linkedin_url,twitter_url,google_url,gravatar_url,unsubscribed,notifications,\
     web_push_subscription,fcm_key,last_ip,company_id,assigned_to,first_seen,last_seen,last_contacted,created_at,updated_at\n\
     1,k1,c1,lee@globex.example,+48 1,Lee Lane,lead,user,female,5,12,Poland,Mazowsze,Warszawa,\
     Europe/Warsaw,pl,https://facebook.example/lee,https://linkedin.example/lee,https://twitter.example/lee,\
     https://google.example/lee,https://gravatar.example/lee,f,t,f,fcm-1,192.0.2.7,10,7001,2025-01-01T00:00:00Z,\
     2025-02-01T00:00:00Z,2025-03-01T00:00:00Z,2024-12-31T00:00:00Z,2026-01-01T00:00:00Z\n\
     3,k3,c3,cas@globex.example,+48 3,Cas Cole,customer,visitor,male,7,21,Poland,Mazowsze,Warszawa,\
     Europe/Warsaw,en,https://facebook.example/cas,https://linkedin.example/cas,https://twitter.example/cas,\
     https://google.example/cas,https://gravatar.example/cas,f,f,t,fcm-3,192.0.2.9,10,7001,2025-01-02T00:00:00Z,\
     2025-02-02T00:00:00Z,2025-03-02T00:00:00Z,2024-12-30T00:00:00Z,2026-01-01T00:00:00Z\n\
     4,k4,,eva@initech.example,,Eva East,customer,,,,,,,,,,,,,,,f,,,,,11,,,,,,\n\
     5,k5,,moe@globex.example,,Moe Marsh,customer,,,,,,,,,,,,,,,f,,,,,10,,,,,,\n";

#[test]
#[ignore = "long: several migrations"]
fn every_column_of_every_table_arrives_in_a_field() {
    let project = Project::small();
    project.write("export/people.csv", EVERYTHING);
    project.write(
        "export/companies.csv",
        "id,name,domain,phones\n10,Globex,globex.example,\"{+48 1,+48 2,+48 3}\"\n11,Initech,initech.example,+48 9\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n900,Basic,10,PLN\n901,Gold,20,PLN\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,products,loss_reason,scope,expected_close_date,lost_at\n\
         50,Pilot,100,PLN,1,11,in progress,10,5,\"{900,901,999}\",,1,2026-05-01,\n\
         51,Gone,100,PLN,1,11,in progress,11,4,,2,,2026-05-01,2026-04-01T10:00:00Z\n\
         52,Unsaid,100,PLN,1,11,in progress,11,4,,7,,2026-05-01,\n\
         53,Said,100,PLN,1,11,in progress,11,4,,Too slow,,2026-05-01,\n",
    );
    project.write(
        "config/loss_reasons.csv",
        "loss_reason,label\n2,Too expensive\n",
    );
    project.write(
        "export/emails.csv",
        "id,user_id,subject,content,from,to,status,direction,timestamp,opens,opened_at,clicks,clicked_at,unsubscribed_at,assigned_to\n\
         700,3,Offer,Dear Cas,ann@acme.example,cas@globex.example,opened,outbound,2025-05-01T08:00:00Z,3,\
         2025-05-02T08:00:00Z,2,2025-05-03T08:00:00Z,2025-05-04T08:00:00Z,7001\n",
    );
    project.carry().ended(0);

    let org = project.org();
    for (object, key) in [("Lead", "1"), ("Contact", "3")] {
        let fields = "usercom_status__c,usercom_gender__c,usercom_timezone__c,usercom_page_views__c,usercom_first_seen__c,\
                      usercom_last_contacted__c,usercom_browser_language__c,usercom_facebook__c,usercom_linkedin__c,\
                      usercom_twitter__c,usercom_google__c,usercom_gravatar__c,usercom_notifications__c,\
                      usercom_web_push__c,usercom_fcm_key__c,usercom_last_ip__c,usercom_user_key__c";
        let person = org.row(object, key, fields);
        let empty: Vec<_> = person.iter().filter(|(_, value)| *value == "∅").collect();
        assert!(empty.is_empty(), "{object}: {empty:?}");
    }
    let lee = org.row("Lead", "1", "usercom_notifications__c,usercom_web_push__c");
    assert_eq!(lee["usercom_notifications__c"], "Yes");
    assert_eq!(lee["usercom_web_push__c"], "No");
    let phones = org.row("Account", "10", "Phone,usercom_other_phones__c");
    assert_eq!(phones["usercom_other_phones__c"], "+48 2; +48 3");
    let deals = org.map("Opportunity", "Name", "usercom_loss_reason__c");
    assert_eq!(
        [&deals["Gone"], &deals["Unsaid"], &deals["Said"]],
        ["Too expensive", "7", "Too slow"]
    );
    let pilot = org.row("Opportunity", "50", "usercom_products__c,usercom_scope__c");
    assert_eq!(pilot["usercom_products__c"], "Basic; Gold; product 999");
    let email = org.row(
        "Task",
        "email:700",
        "usercom_to_email__c,usercom_email_clicks__c,usercom_unsubscribed_at__c,usercom_from_email__c",
    );
    assert_eq!(email["usercom_to_email__c"], "cas@globex.example");
    assert!(email["usercom_unsubscribed_at__c"].starts_with("2025-05-04T08:00:00"));

    let flagged = project
        .set("select key from recon.flags_opportunity where flag = 'loss_reason_without_label'");
    assert_eq!(flagged, BTreeSet::from(["52".to_owned()]));
    let timezone = project.table(
        "select load, field, rows_with_value, rows_arrived from recon.columns \
         where source = 'people' and column = 'timezone' order by load",
    );
    assert_eq!(
        timezone,
        [
            ["contact", "usercom_timezone__c", "2", "1"],
            ["lead", "usercom_timezone__c", "2", "1"]
        ]
    );
    let silent = project
        .table("select source, column from recon.columns where field is null and reason is null");
    assert_eq!(silent, Vec::<Vec<String>>::new());
    drop(org);
    let again = project.carry().ended(0);
    assert_eq!(again.total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_that_no_query_reads_stops_the_run_until_somebody_ignores_it_by_name() {
    let project = Project::small();
    project.write("export/people.csv", EVERYTHING);
    for load in ["contact", "lead"] {
        project.override_query(&format!("queries/load/{load}.sql"), |sql| {
            let is_kept = |line: &&str| {
                !line.contains("as usercom_timezone__c") && !line.contains("as \"OwnerId\"")
            };
            let kept: Vec<&str> = sql.lines().filter(is_kept).collect();
            kept.join("\n")
        });
    }
    let stopped = project.carry().ended(2);
    let error = stopped.error();
    assert!(error.contains("people.timezone (2 row(s))"), "{error}");
    assert!(
        error.contains("people.assigned_to_id (2 row(s))"),
        "{error}"
    );
    assert!(!error.contains("people.gender"), "{error}");
    assert!(project.org().rows("SELECT Id FROM Lead").is_empty());

    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,timezone,,,,ignored,,\npeople,assigned_to_id,,,,ignored,,\n",
    );
    project.carry().ended(0);
    let fates = project.table(
        "select fate, reason from recon.columns where source = 'people' and column = 'timezone'",
    );
    assert_eq!(fates, [["ignored", "config/field_map.csv line 2"]]);
}

#[test]
fn an_email_as_a_message_keeps_what_a_task_would_have_kept() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nemail_strategy = \"email_messages\"\n",
    );
    project.write(
        "export/emails.csv",
        "id,user_id,subject,content,from,to,status,direction,timestamp,opens,opened_at,clicks,clicked_at,unsubscribed_at,assigned_to,deal_id,company_id\n\
         700,3,Offer,Dear Cas,ann@acme.example,cas@globex.example,opened,outbound,2025-05-01T08:00:00Z,3,\
         2025-05-02T08:00:00Z,2,2025-05-03T08:00:00Z,2025-05-04T08:00:00Z,7001,51,10\n\
         701,4,Visit,Dear Eva,,,,outbound,2025-05-05T08:00:00Z,,,,,,,,11\n\
         702,1,Offer,Dear Lee,,,,outbound,2025-05-05T08:00:00Z,,,,,,,50,\n\
         703,3,Offer,Dear Cas,,,,outbound,2025-05-05T08:00:00Z,,,,,,,99,\n",
    );
    project.carry().ended(0);
    let org = project.org();
    let email = org.row(
        "EmailMessage",
        "email:700",
        "ToAddress,RelatedToId,usercom_status__c,usercom_email_opens__c,usercom_email_clicks__c,usercom_owner__c",
    );
    assert_eq!(email["ToAddress"], "cas@globex.example");
    assert_eq!(email["usercom_status__c"], "opened");
    assert_eq!(email["usercom_email_opens__c"].parse::<f64>().unwrap(), 3.0);
    assert_eq!(
        email["usercom_email_clicks__c"].parse::<f64>().unwrap(),
        2.0
    );
    let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'");
    assert_eq!(email["usercom_owner__c"], ann[0]["Id"]);
    // The deal comes before the company; a lead cannot stand beside either, which a field says.
    let related = |key: &str| org.row("EmailMessage", key, "RelatedToId,usercom_related_to__c");
    let renewal = org.row("Opportunity", "51", "Id");
    assert_eq!(email["RelatedToId"], renewal["Id"]);
    assert_eq!(
        related("email:701")["RelatedToId"],
        org.row("Account", "11", "Id")["Id"]
    );
    let of_a_lead = related("email:702");
    assert_eq!(of_a_lead["RelatedToId"], "∅");
    assert_eq!(of_a_lead["usercom_related_to__c"], "deal 50");
    assert_eq!(
        project.table("select f.key, f.reason, f.parent from recon.fates_email_message as f"),
        [["email:703", "deal_missing", "deal 99"]]
    );
}

/// Fate, field, rows with a value and rows that arrived, of a column.
fn books(project: &Project, source: &str, column: &str) -> Vec<Vec<String>> {
    project.table(&format!(
        "select c.fate, c.field, c.rows_with_value, c.rows_arrived from recon.columns as c \
         where c.source = '{source}' and c.\"column\" = '{column}' order by c.load, c.field"
    ))
}

#[test]
#[ignore = "long: several migrations"]
fn authors_and_dates_that_the_org_refuses_are_kept_in_fields_of_our_own() {
    let project = Project::small();
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,created_by,expected_close_date\n\
         50,Pilot,100,PLN,1,11,in progress,10,5,7001,2026-05-01\n\
         51,Other,100,PLN,1,11,in progress,10,5,7099,2026-05-01\n",
    );
    project.write(
        "export/activities.csv",
        "id,name,activity_type_id,activity_type,person_id,created_by,created_at\n\
         17,Call them,1,Call,3,7002,2025-01-01T10:00:00Z\n",
    );
    project.write(
        "export/events.csv",
        "id,name,start_at,person_id,created_by_email,created_at\n\
         5,Meet,2025-03-03T10:00:00Z,3,zoe@acme.example,2025-01-01T10:00:00Z\n",
    );
    project.write(
        "export/files.csv",
        "id,name,path,person_id,created_by,created_at\n1,plan.txt,blobs/plan.txt,3,7001,2025-01-01T10:00:00Z\n",
    );
    project.write("export/blobs/plan.txt", "hello");
    project.write(
        "export/notes.csv",
        "id,title,content,person_id,created_by,created_at\n1,Note,hi,3,7001,2025-01-01T10:00:00Z\n",
    );
    let run = project.run().ended(0);
    let org = project.org();
    let authors = org.map("Opportunity", "Name", "usercom_created_by__c");
    assert_eq!(
        [&authors["Pilot"], &authors["Other"]],
        ["ann@acme.example", "7099"]
    );
    for (object, key, author) in [
        ("Task", "activity:17", "ben@acme.example"),
        ("Event", "event:5", "zoe@acme.example"),
        ("ContentVersion", "file:1", "ann@acme.example"),
    ] {
        let row = org.row(object, key, "usercom_created_by__c, usercom_created_at__c");
        assert_eq!(row["usercom_created_by__c"], author, "{object}");
        let at = &row["usercom_created_at__c"];
        assert!(at.starts_with("2025-01-01T10:00:00"), "{object}: {at}");
    }
    drop(org);
    let told = "original times and authors are kept in fields of our own; the original time of ContentNote is kept nowhere";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let lost = project.table(
        "select c.source, c.\"column\" from recon.columns as c where c.fate = 'left_out' order by 1, 2",
    );
    assert_eq!(lost, [["notes", "created_at"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_arrives_in_no_more_rows_than_have_a_value_and_not_where_another_stands_before_it() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nchat_strategy = \"case_comments\"\n",
    );
    project.write(
        "export/conversations.csv",
        "id,person_id,assigned_to,active,source,created_at\n1,3,7001,t,1,2025-01-01T10:00:00Z\n",
    );
    project.write(
        "export/messages.csv",
        "id,conversation_id,person_id,author_email,author_name,author_type,direction,content,channel,sent_at\n\
         1,1,3,cas@globex.example,Cas,person,in,hello,1,2025-01-01T10:00:00Z\n",
    );
    project.write(
        "export/emails.csv",
        "id,person_id,subject,content,from_email,to_email,status,direction,sent_at,created_at\n\
         1,3,Offer,x,ann@acme.example,cas@globex.example,opened,out,2025-01-01T10:00:00Z,2024-01-01T10:00:00Z\n\
         2,3,Second,x,ann@acme.example,cas@globex.example,opened,out,,2024-02-01T10:00:00Z\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Seat,100,PLN\n2,Setup,50,PLN\n3,Free,,\n",
    );
    project.run().ended(0);
    // The first e-mail has a better date.
    let sent =
        |field: &str, count: &str| vec![["sent", field, "2", count].map(str::to_owned).to_vec()];
    let created = books(&project, "emails", "created_at");
    assert!(
        created.contains(&sent("usercom_sent_at__c", "1")[0]),
        "{created:?}"
    );
    let sent_at = books(&project, "emails", "sent_at");
    assert!(
        sent_at.contains(
            &["sent", "usercom_sent_at__c", "1", "1"]
                .map(str::to_owned)
                .to_vec()
        ),
        "{sent_at:?}"
    );
    // Whoever wrote is named by name and address.
    let comments = project.org().rows("SELECT CommentBody FROM CaseComment");
    let body = &comments[0]["CommentBody"];
    assert!(body.contains("Cas <cas@globex.example>:"), "{body}");
    let beyond = project.table(
        "select c.source, c.\"column\", c.load, c.field from recon.columns as c where c.rows_arrived > c.rows_with_value",
    );
    assert_eq!(beyond, Vec::<Vec<String>>::new());
    let silent = project.table(
        "select c.source, c.\"column\", c.load, c.field from recon.columns as c \
         where c.rows_arrived is null and c.reason is null and c.field not like '\\_%'",
    );
    assert_eq!(
        silent,
        Vec::<Vec<String>>::new(),
        "what cannot be told is named"
    );
}
