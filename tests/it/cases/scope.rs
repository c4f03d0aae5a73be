//! What `[scope]` leaves out takes with it what belongs to it, and nothing else.

use crate::further;
use crate::rehearsal::Project;

/// One company, deal, person, product, activity, conversation and segment are left out, and each has something of every kind.
fn scoped() -> Project {
    let project = further::project();
    project.append(
        "migration.toml",
        "\n[scope]\ncompanies = \"id <> 11\"\ndeals = \"id <> 50\"\npeople = \"id <> 6\"\nproducts = \"id <> 2\"\n\
         activities = \"id <> 106\"\nevents = \"id <> 206\"\nconversations = \"id <> 302\"\nsegments = \"id <> 2\"\n",
    );
    project.write(
        "export/companies.csv",
        "id,name,domain,tags,team\n10,Globex,globex.example,{vip},{7001}\n11,Initech,initech.example,{vip},{7002}\n\
         12,Hooli,hooli.example,,\n",
    );
    project.write(
        "config/territories.csv",
        "company_id,territory\n10,West\n11,West\n",
    );
    project.append(
        "export/deals.csv",
        "53,Inside,400,PLN,1,11,in progress,10,3,{6},7001,,,2026-05-01,,2026-01-01T00:00:00Z\n\
         54,Without a day,400,PLN,1,11,in progress,10,3,,7001,,,,,2026-01-01T00:00:00Z\n\
         55,Without a stage,400,PLN,,,,10,3,,7001,,,2026-05-01,,2026-01-01T00:00:00Z\n",
    );
    project.append(
        "export/deal_products.csv",
        "53,1,2,Support,10,40.00\n53,2,1,Seat,1,400.00\n",
    );
    project.append(
        "export/activities.csv",
        "111,Of the company,1,,,11,,7001,2026-03-01T09:00:00Z,t,,,,,,2026-02-01T08:00:00Z,\n\
         112,Of the deal,1,,,,50,7001,2026-03-01T09:00:00Z,t,,,,,,2026-02-01T08:00:00Z,\n\
         113,Of the person,1,,6,,,7001,2026-03-01T09:00:00Z,t,,,,,,2026-02-01T08:00:00Z,\n",
    );
    project.append(
        "export/events.jsonl",
        "{\"id\":206,\"name\":\"Outside\",\"start_at\":\"2026-04-02T10:00:00Z\",\"attendees\":[1]}\n\
         {\"id\":205,\"name\":\"Inside\",\"start_at\":\"2026-04-02T10:00:00Z\",\"user_id\":3,\
         \"attendees\":[6,{\"type\":\"company\",\"company_id\":11},{\"type\":\"company\",\"company_id\":12}]}\n",
    );
    project.append(
        "export/notes.jsonl",
        "{\"id\":704,\"title\":\"c\",\"content\":\"x\",\"company_id\":11}\n{\"id\":705,\"title\":\"d\",\"content\":\"x\",\"deal_id\":50}\n\
         {\"id\":706,\"title\":\"p\",\"content\":\"x\",\"user_id\":6}\n",
    );
    project.append(
        "export/files.csv",
        "811,c,blobs/big.bin,,,50,,\n812,Of the activity alone,blobs/big.bin,,,,106,\n813,Of both,blobs/big.bin,,3,,106,\n",
    );
    project.append(
        "export/emails.csv",
        "411,6,Out,x,a@acme.example,fay@nowhere.example,delivered,outbound,2026-01-08T10:00:00Z,,7002\n",
    );
    project.append(
        "export/sms.csv",
        "511,6,+48600100201,x,delivered,2026-01-09T10:00:00Z,7001\n",
    );
    project.append(
        "export/segments.jsonl",
        "{\"id\":3,\"name\":\"Third\",\"users\":[3,6]}\n",
    );
    project.append(
        "export/stage_changes.csv",
        "603,53,11,Open,Ann Ash,2026-01-10T10:00:00Z,\n",
    );
    project.edit(
        "export/custom_objects.jsonl",
        "{\"name\":\"plan\"",
        "{\"name\":\"deal\",\"type\":\"reference\",\"reference_to\":\"deals\"},{\"name\":\"plan\"",
    );
    project.write(
        "export/co_subscription.csv",
        "id,name,customer,company,deal,last_invoice,plan\n1,Of the company,,11,,,pro\n2,Of the deal,,,50,,pro\n\
         3,Of the person,6,,,,pro\n4,Inside,3,10,53,91,pro\n",
    );
    project.write(
        "export/co_invoice.csv",
        "id,name,subscription,total\n91,Of an outside one,1,12.5\n92,Inside,4,3\n",
    );
    project
}

#[test]
#[ignore = "long: several migrations"]
fn what_belongs_to_a_row_outside_the_scope_is_out_of_scope_with_it() {
    let project = scoped();
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let outside: Vec<String> = project
        .table(
            "select f.load, f.reason, coalesce(f.parent, '∅') as parent, count(*) from recon.fates as f \
             where f.fate = 'out_of_scope' group by f.load, f.reason, f.parent order by f.load, f.reason, parent",
        )
        .iter()
        .map(|row| row.join(" "))
        .collect();
    insta::assert_snapshot!(outside.join("\n"), @"
    account scope ∅ 1
    account_contact_relation company_out_of_scope company 11 1
    account_team_member company_out_of_scope company 11 1
    account_territory company_out_of_scope company 11 1
    campaign scope ∅ 1
    campaign_member person_out_of_scope person 6 1
    campaign_member segment_out_of_scope segment:2 3
    campaign_member_status scope ∅ 1
    chat_task conversation_out_of_scope conversation 302 1
    co_invoice_links co_subscription_out_of_scope co_subscription 1 1
    co_subscription company_out_of_scope company 11 1
    co_subscription deal_out_of_scope deal 50 1
    co_subscription person_out_of_scope person 6 1
    contact company_out_of_scope company 11 1
    contact scope ∅ 1
    content_document_link activity_out_of_scope activity 106 1
    content_note company_out_of_scope company 11 1
    content_note deal_out_of_scope deal 50 1
    content_note deal_out_of_scope deal 51 1
    content_note person_out_of_scope person 6 1
    content_version activity_out_of_scope activity 106 1
    content_version deal_out_of_scope deal 50 1
    content_version deal_out_of_scope deal 51 2
    email_task person_out_of_scope person 6 1
    event deal_out_of_scope deal 50 1
    event scope ∅ 1
    event_relation company_out_of_scope company 11 2
    event_relation event_out_of_scope event 201 5
    event_relation event_out_of_scope event 206 1
    event_relation person_out_of_scope person 6 1
    opportunity company_out_of_scope company 11 2
    opportunity scope ∅ 1
    opportunity_contact_role deal_out_of_scope deal 50 2
    opportunity_contact_role deal_out_of_scope deal 51 1
    opportunity_contact_role person_out_of_scope person 6 1
    opportunity_line_item deal_out_of_scope deal 50 2
    opportunity_line_item deal_out_of_scope deal 51 1
    opportunity_line_item product_out_of_scope product:2 2
    opportunity_team_member deal_out_of_scope deal 50 2
    pricebook_entry product_out_of_scope product:2 1
    product scope ∅ 1
    sms_task person_out_of_scope person 6 1
    stage_change deal_out_of_scope deal 50 1
    standard_price product_out_of_scope product:2 1
    task company_out_of_scope company 11 1
    task deal_out_of_scope deal 50 1
    task deal_out_of_scope deal 51 1
    task person_out_of_scope person 4 1
    task person_out_of_scope person 6 1
    task scope ∅ 1
    topic_assignment company_out_of_scope company 11 1
    ");
    // Whatever waits does so for something that the export does not have, or that waits itself.
    let waiting: Vec<String> = project
        .table(
            "select distinct f.load, f.reason, f.parent from recon.held as f where f.reason like '%missing%' \
             or f.reason like '%not_loaded%' or f.reason like '%not_in_export%' or f.reason like '%not_known%' \
             order by f.load, f.reason, f.parent",
        )
        .iter()
        .map(|row| row.join(" "))
        .collect();
    insta::assert_snapshot!(waiting.join("\n"), @"
    account_contact_relation company_missing company 99
    campaign_member person_not_in_export person 999
    content_note person_not_in_export person 999
    content_version file_missing blobs/gone.pdf
    email_task person_not_in_export person 999
    opportunity close_date_missing ∅
    opportunity stage_missing ∅
    opportunity_contact_role deal_missing deal 54
    opportunity_contact_role deal_missing deal 55
    stage_change deal_missing deal 999
    task deal_missing deal 777
    task person_not_in_export person 999
    ");
    // Nobody and nothing says nothing: a text is never empty.
    let empty =
        "select count(*) from recon.fates as f where f.fate = '' or f.reason = '' or f.parent = ''";
    assert_eq!(project.number(empty), 0);
    let org = project.org();
    assert_eq!(org.keys("Account").len(), 2);
    // The only deal of this person is outside, so that it is no reason to make it a Contact.
    assert_eq!(org.row("Lead", "5", "LastName")["LastName"], "Marsh");
}

#[test]
#[ignore = "long: several migrations"]
fn what_an_earlier_run_loaded_is_there_whatever_the_scope_says() {
    let project = further::project();
    project.carry();
    let before = project.number("select count(*) from recon.fates as f");
    project.append(
        "migration.toml",
        "\n[scope]\ncompanies = \"id <> 11\"\ndeals = \"id <> 50\"\n",
    );
    project.carry();
    let sql = "select f.load, f.key from recon.fates as f where f.fate = 'out_of_scope' order by f.load, f.key";
    assert_eq!(
        project.table(sql),
        [["account", "11"], ["opportunity", "50"]]
    );
    assert_eq!(
        project.number("select count(*) from recon.fates as f"),
        before + 2
    );
}
