//! Amounts are what the source says; what it does not say is not made up.

use crate::rehearsal::Project;

fn deals_with_lines() -> Project {
    let project = Project::small();
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,No value,,PLN,1,11,in progress,10,5,2026-05-01\n\
         51,Own value,300,PLN,1,11,in progress,11,4,2026-02-01\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Basic,300,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,50,1,2,\n2,51,1,1,\n",
    );
    project
}

#[test]
#[ignore = "long: several migrations"]
fn a_list_price_is_no_amount_unless_the_project_says_so() {
    let project = deals_with_lines();
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let amounts = project.org().map("Opportunity", "Name", "Amount");
    assert_eq!(amounts["No value"], "∅");
    assert_eq!(amounts["Own value"], "300.0");
    let held = project.table("select f.key, f.reason from recon.fates_opportunity_line_item as f");
    assert_eq!(held, [["line:1", "price_from_list"]]);
    let flags =
        "select f.key from recon.flags_opportunity_line_item as f where f.flag = 'price_from_list'";
    assert_eq!(project.table(flags), [["line:2"]]);

    let project = deals_with_lines();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nlist_prices = \"use\"\n",
    );
    project.carry();
    let amounts = project.org().map("Opportunity", "Name", "Amount");
    assert_eq!(amounts["No value"], "600.0");
    assert_eq!(project.table(flags), [["line:1"], ["line:2"]]);
}

#[test]
fn a_long_chat_message_becomes_several_comments() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nchat_strategy = \"case_comments\"\n",
    );
    let long = "Every word counts. ".repeat(500);
    project.write(
        "export/conversations.csv",
        "id,user_id,created_at,active\n1,3,2026-01-01T00:00:00Z,t\n",
    );
    project.write(
        "export/messages.csv",
        &format!("id,conversation_id,created_at,content,author_type\n1,1,2026-01-01T00:00:00Z,{long},agent\n"),
    );
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let bodies = project.org().rows("SELECT CommentBody FROM CaseComment");
    assert_eq!(bodies.len(), 3);
    let words: usize = bodies
        .iter()
        .map(|row| row["CommentBody"].matches("word").count())
        .sum();
    assert!((498..=500).contains(&words), "{words}");
    assert_eq!(
        project.number("select count(*) from recon.altered_chat_comment as a"),
        0
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_sum_is_read_with_its_currency_or_held_and_never_left_empty() {
    let project = deals_with_lines();
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,Sign,\"1\u{a0}250,50 zł\",,1,11,in progress,10,5,2026-05-01\n\
         51,Own value,PLN 300,PLN,1,11,in progress,11,4,2026-02-01\n\
         52,Other,€300,PLN,1,11,in progress,11,4,2026-02-01\n\
         53,Words,5 mln,PLN,1,11,in progress,11,4,2026-02-01\n",
    );
    project.write(
        "export/deal_products.csv",
        "deal_id,product_id,quantity,price\n50,1,1,1250.50 zł\n51,1,1,about 300\n",
    );
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let amounts = project.org().map("Opportunity", "Name", "Amount");
    let amounts: Vec<(&str, &str)> = amounts
        .iter()
        .map(|(name, amount)| (name.as_str(), amount.as_str()))
        .collect();
    assert_eq!(amounts, [("Own value", "300.0"), ("Sign", "1250.5")]);
    assert_eq!(
        project.table("select f.key, f.reason, f.parent from recon.fates_opportunity as f where f.fate = 'held' order by 1"),
        [
            ["52", "sum_in_another_currency", "€300"],
            ["53", "sum_unreadable", "5 mln"]
        ]
    );
    // The price of the list does not stand in for one that cannot be read.
    let held = project
        .table("select f.reason from recon.fates_opportunity_line_item as f where f.fate = 'held'");
    assert_eq!(held, [["sum_unreadable"]]);
    let lines = project
        .org()
        .rows("SELECT UnitPrice FROM OpportunityLineItem");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["UnitPrice"], "1250.5");
}

#[test]
fn half_a_cent_is_rounded_up_whatever_the_currency() {
    let project = Project::small();
    project.write(
        "config/rates.csv",
        "currency,rate,valid_on\nCHF,4.5,\nNOK,0.4150,\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,Half,8.35,CHF,1,11,in progress,10,5,2026-05-01\n\
         51,Big,123456789.85,CHF,1,11,in progress,10,5,2026-05-01\n\
         52,Small,10.30,NOK,1,11,in progress,10,5,2026-05-01\n\
         53,Lines,8.35,CHF,1,11,in progress,10,5,2026-05-01\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Half,8.35,CHF\n2,Own,8.35,PLN\n3,Lost,8.35,XAU\n4,Free,,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,53,1,1,8.35\n2,53,2,0.001,5\n",
    );
    let run = project.run();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let org = project.org();
    let amounts = org.map("Opportunity", "Name", "Amount");
    for (name, amount) in [
        ("Half", "37.58"),
        ("Big", "555555554.33"),
        ("Small", "4.27"),
        ("Lines", "37.58"),
    ] {
        assert_eq!(amounts[name], amount, "{name}");
    }
    // What has no price, or none that could be converted, gets none that is made up.
    let prices = project.table(
        "select o._key, cast(o.\"UnitPrice\" as varchar) from outbox.pricebook_entry as o order by 1",
    );
    assert_eq!(
        prices,
        [["product:1:PLN", "37.58"], ["product:2:PLN", "8.35"]]
    );
    let held = project.table(
        "select f.key, f.reason, f.parent from recon.fates_standard_price as f where f.fate = 'held'",
    );
    assert_eq!(held, [["product:3:PLN", "currency_without_rate", "XAU"]]);
    let flags = project.table(
        "select f.load, f.key, f.flag from recon.flagged as f \
         where f.load in ('product', 'pricebook_entry') order by f.load, f.key",
    );
    assert_eq!(
        flags,
        [
            ["pricebook_entry", "product:1:PLN", "amount_converted"],
            ["product", "product:4", "product_without_price"]
        ]
    );
    let lines = project.table(
        "select f.key, f.reason from recon.fates_opportunity_line_item as f where f.fate = 'held'",
    );
    assert_eq!(lines, [["line:2", "line_quantity_zero"]]);
}

#[test]
fn equal_lines_of_a_deal_are_as_many_as_there_are() {
    let project = Project::small();
    project.write(
        "export/deals.csv",
        "id,name,value,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,Three,,1,11,in progress,10,5,2026-05-01\n",
    );
    project.write("export/products.csv", "id,name,price\n1,Seat,1\n");
    project.write(
        "export/deal_products.csv",
        "deal_id,product_id,name,quantity,price\n\
         50,1,Licence,2,1250\n50,1,Licence,2,1250\n50,1,Licence,2,1250\n",
    );
    project.run().ended(0);
    assert_eq!(
        project.org().map("Opportunity", "Name", "Amount")["Three"],
        "7500.0"
    );
    // The same lines, and those of a file that overlaps with the first, are no new ones.
    project.write(
        "export/deal_products-2.csv",
        "deal_id,product_id,name,quantity,price\n50,1,Licence,2,1250\n",
    );
    let run = project.run().ended(0);
    assert_eq!((run.total("created"), run.total("updated")), (0, 0));
    let lines = project
        .org()
        .rows("SELECT Quantity FROM OpportunityLineItem");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_deal_without_a_value_gets_no_amount_of_some_of_its_lines() {
    let project = Project::small();
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Seat,10,PLN\n2,Setup,7,PLN\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,List,,PLN,1,11,in progress,10,3,2026-05-01\n51,Foreign,,PLN,1,11,in progress,10,3,2026-05-01\n\
         52,Whole,,PLN,1,11,in progress,10,3,2026-05-01\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price,currency\n1,50,1,1,,\n2,50,2,1,5,PLN\n\
         3,51,1,1,100,XOF\n4,51,2,1,5,PLN\n5,52,1,1,4,PLN\n6,52,2,0,5,PLN\n",
    );
    project.run().ended(1);
    let held = "select h.key, h.reason from recon.held as h where h.load = 'opportunity_line_item' order by 1";
    assert_eq!(
        project.table(held),
        [
            ["line:1", "price_from_list"],
            ["line:2", "another_line_waits"],
            ["line:3", "line_currency_without_rate"],
            ["line:4", "another_line_waits"],
            ["line:6", "line_quantity_zero"],
        ]
    );
    let amounts = project.org().map("Opportunity", "usercom_id__c", "Amount");
    assert_eq!(
        (&*amounts["50"], &*amounts["51"], &*amounts["52"]),
        ("∅", "∅", "4.0")
    );
}
