"""Drives a simulated Salesforce with the unmodified simple-salesforce library.

Usage: REQUESTS_CA_BUNDLE=STATE/ca.pem python simple_salesforce_client.py --url https://127.0.0.1:PORT

Prints each claim it checks; exits 1 on the first wrong answer.

The library always logs in at https://<domain>.salesforce.com. The session handed to it (a documented argument) sends
that host to the simulator; everything after login follows the instance URL that the simulator returned.
"""

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

VERSION = "66.0"
KEY = "client_key__c"


class LoginAtSimulator(HTTPAdapter):
    """Sends requests for a login host to the simulator."""

    def __init__(self, url):
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request, *args, **kwargs):
        parts = urlsplit(request.url)
        request.url = urlunsplit((self.target.scheme, self.target.netloc, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


def session(url):
    made = requests.Session()
    made.mount("https://simulator.my.salesforce.com", LoginAtSimulator(url))
    return made


def check(claim, found, expected=True):
    if found != expected:
        print(f"WRONG  {claim}\n  found    {found!r}\n  expected {expected!r}")
        sys.exit(1)
    print(f"ok     {claim}")


def refused(claim, error, action):
    try:
        action()
    except error as raised:
        print(f"ok     {claim}")
        return raised
    print(f"WRONG  {claim}: nothing was raised")
    sys.exit(1)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def log_in(url):
    domain = "simulator.my"
    app = Salesforce(
        consumer_key="transload", consumer_secret="simulator", domain=domain, session=session(url), version=VERSION
    )
    check("client credentials open a session of the shape 00D…!…", app.session_id.startswith("00D") and "!" in app.session_id)
    check("the instance is the simulator itself", app.sf_instance, urlsplit(url).netloc)

    person = Salesforce(
        username="admin@example.com",
        password="simulator",
        security_token="token",
        domain=domain,
        session=session(url),
        version=VERSION,
    )
    check("SOAP login opens a session", len(person.query("SELECT Id FROM User")["records"]) >= 1)

    failure = refused(
        "a wrong secret is refused",
        SalesforceAuthenticationFailed,
        lambda: Salesforce(
            consumer_key="transload", consumer_secret="wrong", domain=domain, session=session(url), version=VERSION
        ),
    )
    check("… as invalid_client", failure.code, "invalid_client")
    failure = refused(
        "a wrong password is refused",
        SalesforceAuthenticationFailed,
        lambda: Salesforce(
            username="admin@example.com", password="x", security_token="", domain=domain, session=session(url)
        ),
    )
    check("… as INVALID_LOGIN", failure.code, "INVALID_LOGIN")
    return app


PACKAGE = f"""<?xml version="1.0" encoding="UTF-8"?>
<Package xmlns="http://soap.sforce.com/2006/04/metadata">
  <types><members>Account.{KEY}</members><members>Contact.{KEY}</members><members>Lead.{KEY}</members>
    <name>CustomField</name></types>
  <types><members>Client</members><name>PermissionSet</name></types>
  <version>{VERSION}</version>
</Package>"""

OBJECT = f"""<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><fields><fullName>{KEY}</fullName>
  <label>Client key</label><type>Text</type><length>60</length><externalId>true</externalId><unique>true</unique>
  <caseSensitive>true</caseSensitive></fields></CustomObject>"""

PERMISSIONS = f"""<?xml version="1.0" encoding="UTF-8"?>
<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata"><label>Client</label>
{"".join(f"<fieldPermissions><editable>true</editable><field>{name}.{KEY}</field><readable>true</readable></fieldPermissions>"
         for name in ("Account", "Contact", "Lead"))}
</PermissionSet>"""


def deploy(sf):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("package.xml", PACKAGE)
        for name in ("Account", "Contact", "Lead"):
            archive.writestr(f"objects/{name}.object", OBJECT)
        archive.writestr("permissionsets/Client.permissionset", PERMISSIONS)
    options = {"deployOptions": {"singlePackage": True, "rollbackOnError": True, "checkOnly": False}}
    answer = sf.session.post(
        f"{sf.base_url}metadata/deployRequest",
        headers={"Authorization": f"Bearer {sf.session_id}"},
        files={
            "json": (None, json.dumps(options), "application/json"),
            "file": ("deploy.zip", packed.getvalue(), "application/zip"),
        },
    ).json()
    seen = [answer["deployResult"]["status"]]
    while not answer["deployResult"]["done"]:
        time.sleep(0.02)
        answer = sf.restful(f"metadata/deployRequest/{answer['id']}", params={"includeDetails": "true"})
        seen.append(answer["deployResult"]["status"])
    check("a deployment is pending, in progress and succeeds", list(dict.fromkeys(seen)), ["Pending", "InProgress", "Succeeded"])
    check("all four components are deployed", answer["deployResult"]["numberComponentsDeployed"], 4)

    names = [field["name"] for field in sf.Account.describe()["fields"]]
    check("a field nobody may see is not described", KEY in names, False)
    permission_set = sf.query("SELECT Id FROM PermissionSet WHERE Name = 'Client'")["records"][0]["Id"]
    user = sf.query("SELECT Id FROM User WHERE Username = 'admin@example.com'")["records"][0]["Id"]
    sf.PermissionSetAssignment.create({"PermissionSetId": permission_set, "AssigneeId": user})
    field = [field for field in sf.Account.describe()["fields"] if field["name"] == KEY]
    check("… and is once its permission set is assigned", len(field), 1)
    check("… as a unique external id", (field[0]["externalId"], field[0]["unique"], field[0]["length"]), (True, True, 60))


def look_around(sf):
    names = [one["name"] for one in sf.describe()["sobjects"]]
    check("global describe has the standard objects", {"Account", "Contact", "Lead", "Opportunity", "User"} <= set(names))
    required = [
        field["name"]
        for field in sf.Opportunity.describe()["fields"]
        if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    ]
    check("Opportunity requires what a real one requires", required, ["Name", "StageName", "CloseDate"])
    check("limits count API calls", sf.limits()["DailyApiRequests"]["Remaining"] < sf.limits()["DailyApiRequests"]["Max"])
    check("the library reads the usage header", sf.api_usage["api-usage"].used > 0)
    check("the org is no sandbox", sf.is_sandbox(), False)
    identity = sf.oauth2("userinfo")
    check("userinfo names the user", identity["preferred_username"], "admin@example.com")


def rest(sf):
    made = sf.Account.create({"Name": "Ünï “Ltd”", KEY: "rest-1", "AnnualRevenue": 1234567.0})
    check("create returns id and success", (len(made["id"]), made["success"], made["errors"]), (18, True, []))
    read = sf.Account.get(made["id"])
    check("the row reads back", (read["Name"], read["AnnualRevenue"]), ("Ünï “Ltd”", 1234567.0))
    check("the row reads back by its key", sf.Account.get_by_custom_id(KEY, "rest-1")["Id"], made["id"])
    check("update answers 204", sf.Account.update(made["id"], {"Name": "Renamed"}), 204)
    check("upsert of a known key answers 200", sf.Account.upsert(f"{KEY}/rest-1", {"Website": "https://x.example"}), 200)
    check("upsert of a new key answers 201", sf.Account.upsert(f"{KEY}/rest-2", {"Name": "Second"}), 201)
    found = sf.query_all(f"SELECT Id, Name, Website, Owner.Username FROM Account WHERE {KEY} = 'rest-1'")
    record = found["records"][0]
    check("SOQL sees the changes", (record["Name"], record["Website"]), ("Renamed", "https://x.example"))
    check("… and the parent's field", record["Owner"]["Username"], "admin@example.com")
    failure = refused("a missing name is refused", SalesforceMalformedRequest, lambda: sf.Account.create({KEY: "x"}))
    check("… in the real words", failure.content[0]["message"], "Required fields are missing: [Name]")
    failure = refused("bad SOQL is refused", SalesforceMalformedRequest, lambda: sf.query("SELECT Nope FROM Account"))
    check("… as INVALID_FIELD", failure.content[0]["errorCode"], "INVALID_FIELD")
    check("delete answers 204", sf.Account.delete(made["id"]), 204)
    refused("a deleted row is gone", SalesforceResourceNotFound, lambda: sf.Account.get(made["id"]))
    gone = sf.query_all(f"SELECT Id, IsDeleted FROM Account WHERE {KEY} = 'rest-1'", include_deleted=True)["records"]
    check("queryAll still sees it", [record["IsDeleted"] for record in gone], [True])

    sf.Contact.create({"LastName": "Twin", "Email": "twin@example.com"})
    sf.Contact.create({"LastName": "Twin", "Email": "twin@example.com"})
    refused(
        "a key that two rows have answers 300",
        SalesforceMoreThanOneRecord,
        lambda: sf.Contact.get_by_custom_id("Email", "twin@example.com"),
    )
    results = sf.restful(
        "composite/sobjects",
        method="POST",
        json={
            "allOrNone": True,
            "records": [
                {"attributes": {"type": "Account"}, "Name": "Kept not"},
                {"attributes": {"type": "Account"}, "Website": "no name"},
            ],
        },
    )
    check("allOrNone takes everything back", [one["success"] for one in results], [False, False])
    check("… leaving nothing", sf.query("SELECT count() FROM Account WHERE Name = 'Kept not'")["totalSize"], 0)


def bulk(sf):
    count = 450
    data = [{"LastName": f"Name {n}", "Company": "" if n == 7 else f"Co, \"{n}\"", "Email": f"P{n}@Example.com",
             "AnnualRevenue": str(10_000_000 + n), KEY: f"lead-{n}"} for n in range(count)]
    [job] = sf.bulk2.Lead.insert(records=data, wait=0.2)
    check("a job counts processed and failed rows", (job["numberRecordsProcessed"], job["numberRecordsFailed"]), (count, 1))
    good = rows(sf.bulk2.Lead.get_successful_records(job["job_id"]))
    bad = rows(sf.bulk2.Lead.get_failed_records(job["job_id"]))
    check("successes and failures make up the job", (len(good), len(bad)), (count - 1, 1))
    check("results come in another order than the rows", [row[KEY] for row in good] != [row[KEY] for row in data if row["Company"]])
    sent = {row[KEY]: row for row in data}
    check("each result row is matched by its key", all(row["Company"] == sent[row[KEY]]["Company"] for row in good))
    check("… and created", {row["sf__Created"] for row in good}, {"true"})
    check("the failure is the row without a company", bad[0][KEY], "lead-7")
    check("… in the words of the Bulk API", bad[0]["sf__Error"], "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --")
    check("… without an id", bad[0]["sf__Id"], "")
    check("nothing was left unprocessed", rows(sf.bulk2.Lead.get_unprocessed_records(job["job_id"])), [])
    ids = {row[KEY]: row["sf__Id"] for row in good}

    again = [{"LastName": "Changed", "Company": "C", KEY: f"lead-{n}"} for n in range(count + 5)]
    [job] = sf.bulk2.Lead.upsert(records=again, external_id_field=KEY, wait=0.2)
    good = rows(sf.bulk2.Lead.get_successful_records(job["job_id"]))
    created = {row[KEY] for row in good if row["sf__Created"] == "true"}
    check("upsert creates only what was not there", created, {"lead-7"} | {f"lead-{n}" for n in range(count, count + 5)})
    check("… and keeps the ids of the others", all(row["sf__Id"] == ids[row[KEY]] for row in good if row[KEY] in ids))

    update = [{"Id": ids["lead-1"], "LastName": "#N/A", "Title": "x"}, {"Id": ids["lead-2"], "LastName": "", "Title": "Boss"}]
    [job] = sf.bulk2.Lead.update(records=update, wait=0.2)
    check("clearing a required field fails the row", job["numberRecordsFailed"], 1)
    text = sf.bulk2.Lead.query(f"SELECT Id, LastName, Title, Email, AnnualRevenue, CreatedDate FROM Lead WHERE {KEY} = 'lead-2'")
    [row] = rows("".join(text))
    check("an empty cell leaves a field alone", (row["LastName"], row["Title"]), ("Changed", "Boss"))
    check("doubles come back as Java writes them", row["AnnualRevenue"], "1.0000002E7")
    check("date-times come back in UTC", row["CreatedDate"].endswith(".000Z"))

    pages = list(sf.bulk2.Lead.query(f"SELECT Id, {KEY} FROM Lead", max_records=100))
    check("a query comes in sets", len(pages), 5)
    everything = [row for page in pages for row in rows(page)]
    check("… that make up the whole", len({row["Id"] for row in everything}), count + 5)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "delete.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("Id\n" + "".join(f"{row['Id']}\n" for row in everything))
        [job] = sf.bulk2.Lead.delete(csv_file=path, wait=0.2)
    check("delete takes all of them", (job["numberRecordsProcessed"], job["numberRecordsFailed"]), (count + 5, 0))
    check("… away", sf.query("SELECT count() FROM Lead")["totalSize"], 0)

    failure = refused("a hidden or unknown column fails the job", Exception, lambda: sf.bulk2.Lead.insert(records=[{"LastName": "a", "Company": "b", "Nope__c": "c"}], wait=0.2))
    check("… in the real words", "InvalidBatch : Field name not found : Nope__c" in str(failure))


def activities_and_files(sf):
    account = sf.Account.create({"Name": "Files and tasks"})["id"]
    contact = sf.Contact.create({"LastName": "Who", "AccountId": account})["id"]
    relations = sf.query(f"SELECT IsDirect FROM AccountContactRelation WHERE ContactId = '{contact}'")["records"]
    check("a contact is related to its account by itself", [row["IsDirect"] for row in relations], [True])
    task = sf.Task.create({"WhoId": contact, "Subject": "Call", "Status": "Completed"})["id"]
    row = sf.Task.get(task)
    check("a task takes the contact's account and closes", (row["AccountId"], row["IsClosed"]), (account, True))

    content = bytes(range(256)) * 40
    record = {"PathOnClient": "a.bin", "VersionData": base64.b64encode(content).decode(), "FirstPublishLocationId": account}
    version = sf.ContentVersion.get(sf.ContentVersion.create(record)["id"])
    check("a file knows its size", version["ContentSize"], len(content))
    check("… and its checksum", version["Checksum"], hashlib.md5(content).hexdigest())
    answer = requests.get(f"https://{sf.sf_instance}{version['VersionData']}", headers=sf.headers, timeout=10)
    check("… and gives its bytes back", answer.content == content)
    document = version["ContentDocumentId"]
    links = sf.query(f"SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'")["records"]
    check("… and is linked where it was published", account in [row["LinkedEntityId"] for row in links])
    refused("links are not queried without a filter", SalesforceMalformedRequest, lambda: sf.query("SELECT Id FROM ContentDocumentLink"))
    sf.Account.delete(account)


def expire(sf, url):
    check("control wants a session", requests.post(f"{url}/control/expire", timeout=10).status_code == 401)
    old = sf.session_id
    requests.post(f"{url}/control/expire", headers={"Authorization": f"Bearer {old}"}, timeout=10).raise_for_status()
    check("the library logs in again after expiry", sf.query("SELECT count() FROM Account")["totalSize"] >= 1)
    check("… with a new session", sf.session_id != old)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default=os.environ.get("SIMULATOR_URL"), required="SIMULATOR_URL" not in os.environ)
    url = parser.parse_args().url.rstrip("/")
    sf = log_in(url)
    look_around(sf)
    deploy(sf)
    rest(sf)
    bulk(sf)
    activities_and_files(sf)
    expire(sf, url)
    print("simple-salesforce works against the simulator")


if __name__ == "__main__":
    main()
