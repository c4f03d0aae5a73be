//! A small project with every object of the mission, made by hand so that each record has one thing to show.
//!
//! Nothing here asserts a claim; see `objects`.

use crate::rehearsal::Project;

const FILES: [(&str, &str); 24] = [
    (
        "config/activity_types.csv",
        "activity_type_id,activity_type,task_subtype,subject\n1,Call,Call,\n2,Meeting,Task,\n5,Push view,Task,Push seen\n",
    ),
    ("config/rates.csv", "currency,rate\nPLN,0.25\n"),
    ("config/territories.csv", "company_id,territory\n10,West\n"),
    (
        "config/user_territories.csv",
        "user_email,territory\nann@acme.example,West\n",
    ),
    ("org/Territory2.csv", "Name,DeveloperName\nWest,West\n"),
    (
        "export/activities.csv",
        "id,name,activity_type,description,user_id,company_id,deal_id,assigned_to,due_date,done,duration,push_views,\
         chat_duration,email_opens,priority,created_at,created_by\n\
         101,Call Lee,1,\"<p>Spoke &amp; agreed</p>\",1,,51,7001,2026-03-01T23:30:00Z,t,15,,,,high,2026-02-01T08:00:00Z,7002\n\
         102,Meet Eva,2,,4,,51,7002,2026-03-02T09:00:00,f,60,,,,,2026-02-02T08:00:00Z,\n\
         103,Visit,2,,,12,,7001,2026-03-03T09:00:00Z,f,,,,,,2026-02-03T08:00:00Z,\n\
         104,Ghost,1,,999,,,7001,2026-03-04T09:00:00Z,f,,,,,,2026-02-04T08:00:00Z,\n\
         105,Silent,1,,8,,,7001,2026-03-05T09:00:00Z,f,,,,,,2026-02-05T08:00:00Z,\n\
         106,,5,,3,,,7001,2026-03-06T09:00:00Z,t,,7,42,3,,2026-02-06T08:00:00Z,\n\
         107,Lost deal,1,,3,,777,7001,2026-03-07T09:00:00Z,t,,,,,,2026-02-07T08:00:00Z,\n",
    ),
    (
        "export/events.jsonl",
        "{\"id\":201,\"name\":\"Kick-off\",\"start_at\":\"2026-04-01T10:00:00\",\"end_at\":\"2026-04-01T13:30:00+02:00\",\
         \"location\":\"Paris\",\"user_id\":3,\"deal_id\":50,\"assigned_to\":7001,\"attendees\":[3,1,\"ben@acme.example\",\
         {\"type\":\"company\",\"company_id\":11},{\"type\":\"agent\",\"agent_id\":7001},999]}\n\
         {\"id\":202,\"name\":\"Fair\",\"start_at\":\"2026-04-02T00:00:00+02:00\",\"end_at\":\"2026-04-03T00:00:00+02:00\",\
         \"all_day\":true,\"assigned_to\":7002}\n\
         {\"id\":203,\"name\":\"Backwards\",\"start_at\":\"2026-04-05T10:00:00Z\",\"end_at\":\"2026-04-05T09:00:00Z\",\
         \"duration\":30,\"user_id\":1,\"company_id\":10,\"assigned_to\":7001}\n\
         {\"id\":204,\"name\":\"Never\",\"assigned_to\":7001}\n",
    ),
    (
        "export/conversations.jsonl",
        "{\"id\":301,\"user_id\":3,\"agent\":7001,\"active\":false,\"messages\":[\
         {\"id\":3001,\"content\":\"Hello\",\"timestamp\":\"2026-01-05T10:00:00Z\",\"source\":\"chat\",\
         \"user\":{\"id\":3,\"key\":\"k3\",\"name\":\"Cas Cole\"}},\
         {\"id\":3003,\"content\":\"How can I help?\",\"timestamp\":\"2026-01-05T10:00:05Z\",\"source\":\"chat\",\
         \"user\":{\"id\":7001,\"key\":null,\"name\":\"Ann Ash\"}},\
         {\"id\":3002,\"content\":\"Price <b>please</b>\",\"timestamp\":\"2026-01-05T10:00:09Z\",\"source\":\"chat\",\
         \"user\":{\"id\":3,\"key\":\"k3\",\"name\":\"Cas Cole\"}},\
         {\"id\":3004,\"content\":\"no author\",\"timestamp\":\"2026-01-05T10:01:00Z\",\"source\":\"chat\"},\
         {\"id\":3005,\"content\":\"no time\",\"source\":\"chat\",\"user\":{\"id\":3,\"key\":\"k3\",\"name\":\"Cas Cole\"}}]}\n\
         {\"id\":302,\"user_id\":1,\"agent\":7002,\"active\":true,\"messages\":[\
         {\"id\":3006,\"content\":\"From a lead\",\"timestamp\":\"2026-01-06T10:00:00Z\",\"source\":\"chat\",\
         \"user\":{\"id\":1,\"key\":\"k1\",\"name\":\"Lee Lane\"}}]}\n",
    ),
    (
        "export/emails.csv",
        "id,user_id,subject,body,from,to,status,direction,sent_at,opened_at,assigned_to\n\
         401,3,Offer,Dear Cas,ann@acme.example,cas@globex.example,delivered,outbound,2026-01-07T10:00:00Z,2026-01-07T11:00:00Z,7001\n\
         402,2,Newsletter,Hi Sue,news@acme.example,sue@initech.example,delivered,outbound,2026-01-08T10:00:00Z,,7002\n\
         403,999,Lost,x,news@acme.example,x@y.example,delivered,outbound,2026-01-08T10:00:00Z,,7002\n",
    ),
    (
        "export/sms.csv",
        "id,user_id,phone,text,status,sent_at,assigned_to\n501,3,+48600100200,Your code,delivered,2026-01-09T10:00:00Z,7001\n",
    ),
    ("export/tags.csv", "id,name\n1,vip\n2,partner;gold\n"),
    (
        "export/segments.jsonl",
        "{\"id\":1,\"name\":\"Hot leads\",\"criteria\":{\"score\":{\"gt\":5}},\"users\":[1,{\"id\":3,\"member_since\":\
         \"2026-01-02T10:00:00Z\"},999]}\n{\"id\":2,\"name\":\"Everybody\",\"description\":\"All of them\"}\n",
    ),
    (
        "export/segment_members.csv",
        "segment_id,user_id,member_since\n2,2,2026-01-03T10:00:00Z\n2,4,\n2,8,\n",
    ),
    ("export/lists.csv", "id,name\n1,Newsletter\n"),
    (
        "export/products.csv",
        "id,custom_id,name,sku,price,currency\n1,P1,Seat,SEAT,100.00,EUR\n2,P2,Support,SUP,40.00,PLN\n",
    ),
    (
        "export/deal_products.csv",
        "deal_id,position,product_id,name,quantity,price\n\
         50,1,1,Seat,2,40.20\n50,2,,Setup,1,20.10\n51,1,2,Support,10,40.00\n51,2,1,Seat,0,100.00\n",
    ),
    (
        "export/stage_changes.csv",
        "id,deal_id,stage,stage_name,changed_by,entered_at,left_at\n\
         601,50,11,Open,Ann Ash,2026-01-10T10:00:00Z,\n602,999,11,Open,Ann Ash,2026-01-10T10:00:00Z,\n",
    ),
    (
        "export/notes.jsonl",
        "{\"id\":701,\"title\":\"Birthday\",\"content\":\"Likes < cake >\\nand tea\",\"user_id\":3,\"company_id\":10,\
         \"created_at\":\"2026-01-11T10:00:00Z\"}\n\
         {\"id\":702,\"title\":\"Birthday\",\"content\":\"Another note of that title\",\"deal_id\":51}\n\
         {\"id\":703,\"content\":\"About nobody we know\",\"user_id\":999}\n",
    ),
    (
        "export/files.csv",
        "id,name,path,size,user_id,deal_id,activity_id,created_at\n\
         801,Umowa ąę.txt,blobs/umowa ąę.txt,12,3,51,101,2026-01-12T10:00:00Z\n\
         802,Gone,blobs/gone.pdf,5,3,,,\n803,Short,blobs/short.bin,99,3,,,\n804,Big,blobs/big.bin,,,51,,\n",
    ),
    ("export/blobs/umowa ąę.txt", "twelve bytes"),
    ("export/blobs/short.bin", "short"),
    (
        "export/custom_objects.jsonl",
        "{\"id\":1,\"name\":\"subscription\",\"label\":\"Subscription\",\"plural_label\":\"Subscriptions\",\"fields\":[\
         {\"name\":\"customer\",\"type\":\"reference\",\"reference_to\":\"people\"},\
         {\"name\":\"company\",\"type\":\"reference\",\"reference_to\":\"companies\"},\
         {\"name\":\"last_invoice\",\"type\":\"reference\",\"reference_to\":\"invoice\"},\
         {\"name\":\"plan\",\"type\":\"fixed\",\"choices\":[\"basic\",\"pro\"]},\
         {\"name\":\"auto_renew\",\"type\":\"boolean\"},{\"name\":\"seats\",\"type\":\"integer\"},\
         {\"name\":\"starts\",\"type\":\"date\"},{\"name\":\"venue\",\"type\":\"reference\",\"reference_to\":\"venue\"}]}\n\
         {\"id\":2,\"name\":\"invoice\",\"fields\":[{\"name\":\"subscription\",\"type\":\"reference\",\
         \"reference_to\":\"subscription\"},{\"name\":\"total\",\"type\":\"float\"}]}\n\
         {\"id\":3,\"name\":\"asset\",\"fields\":[{\"name\":\"parent_asset\",\"type\":\"reference\",\"reference_to\":\"asset\"}]}\n",
    ),
    (
        "export/co_subscription.csv",
        "id,name,customer,company,last_invoice,plan,auto_renew,seats,starts,venue,created_at\n\
         1,Globex plan,3,10,91,pro,t,5,2026-01-01,,2026-01-01T10:00:00Z\n\
         2,Lead plan,1,,,basic,f,1,2026-02-01,,2026-01-01T10:00:00Z\n\
         3,Ghost plan,999,,,basic,,,,,2026-01-01T10:00:00Z\n4,Venue plan,3,,,basic,,,,5,2026-01-01T10:00:00Z\n",
    ),
    (
        "export/co_invoice.csv",
        "id,name,subscription,total\n91,INV-91,1,12.5\n92,INV-92,77,3\n",
    ),
];

/// The project of six people, and all that hangs on them.
pub(crate) fn project() -> Project {
    let project = Project::small();
    project.edit("migration.toml", "currency = \"PLN\"", "currency = \"EUR\"");
    for (path, text) in FILES {
        project.write(path, text);
    }
    project.write(
        "export/co_asset.csv",
        "id,name,parent_asset\n1,Root,\n2,Leaf,1\n3,Loop,3\n",
    );
    project.write("export/blobs/big.bin", &"0123456789".repeat(300_000));
    project.write(
        "export/people.csv",
        "id,email,phone_number,name,lifecycle_stage,company_id,companies,city,country,score,unsubscribed,assigned_to,tags,lists,updated_at\n\
         1,lee@globex.example,,Lee Lane,lead,10,,Paris,France,5,f,7001,\"{vip,VIP}\",{1},2026-01-01T00:00:00Z\n\
         2,sue@initech.example,,Sue Stone,subscriber,11,,Austin,USA,6,t,7002,,,2026-01-01T00:00:00Z\n\
         3,cas@globex.example,+48 600 100 200,Cas Cole,customer,10,\"{10,11,99}\",Paris,France,7,f,7001,\"{vip,partner;gold}\",{Newsletter},2026-01-01T00:00:00Z\n\
         4,eva@initech.example,,Eva East,evangelist,11,,Austin,Atlantis,8,f,,,,2026-01-01T00:00:00Z\n\
         5,moe@globex.example,,Moe Marsh,mql,10,,Lyon,France,9,f,7002,,,2026-01-01T00:00:00Z\n\
         6,fay@nowhere.example,,Fay Frost,mql,,,Lyon,France,,f,,,,2026-01-01T00:00:00Z\n\
         8,,,Pat Passive,lead,,,Lyon,France,,f,,{vip},,2026-01-01T00:00:00Z\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,participants,assigned_to,team,tags,expected_close_date,won_at,created_at\n\
         50,Pilot,100.50,EUR,1,11,in progress,10,5,\"{3}\",7001,\"{7001,7002}\",\"{big,Big}\",2026-05-01,,2026-01-01T00:00:00Z\n\
         51,Renewal,2000,PLN,1,12,won,11,4,,7002,,,2026-02-01,2026-02-03T10:00:00Z,2026-01-01T00:00:00Z\n\
         52,Odd,10,EUR,9,99,in progress,11,,,7002,,,2026-02-01,,2026-01-01T00:00:00Z\n",
    );
    project
}
