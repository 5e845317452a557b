"""SCIM 2.0, by scim2-tester; then the ways of Okta and Entra, which no schema tells."""

import os
import secrets
import subprocess
import sys

from server import KEY, URL, ask, see

env = {**os.environ, "SCIM_CLI_URL": URL + "/scim/v2", "SCIM_CLI_HEADERS": f"Authorization: Bearer {KEY}"}
tested = subprocess.run(["scim", "test"], env=env, capture_output=True, text=True)
# It ends with 1 for what it skipped, too: searching several kinds at once, which is not offered (501).
verdicts = [line.split()[0] for line in tested.stdout.splitlines() if line[:1].isupper() and line.split()[0].isupper()]
if set(verdicts) - {"SUCCESS", "SKIPPED"} or tested.stderr:
    print(tested.stdout, tested.stderr, sep="\n")
    sys.exit(1)
done, left = verdicts.count("SUCCESS"), verdicts.count("SKIPPED")
see(f"scim2-tester: {done} succeeded, {left} skipped", done > 100, tested.stdout)

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
PATCH = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
TYPE = {"Content-Type": "application/scim+json"}


def scim(method, path, body=None, **headers):
    return ask(method, "/scim/v2" + path, KEY, json=body, headers={**TYPE, **headers})


def patch(path, *operations):
    return scim("PATCH", path, {**PATCH, "Operations": list(operations)})


run = secrets.token_hex(4)
name = f"barbara.{run}@initech.example"
new = {
    "schemas": [CORE + "User"], "userName": name, "externalId": f"00u-{run}", "active": True,
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [{"primary": True, "type": "work", "value": name}],
}
made = scim("POST", "/Users", new)
see("Okta makes a user", made.status_code == 201, made.text)
user = f"/Users/{made.json()['id']}"
see("a second one of that name is a conflict", scim("POST", "/Users", new).status_code == 409)
found = scim("GET", f'/Users?filter=userName eq "{name}"&startIndex=1&count=100').json()
see("Okta finds him", found["totalResults"] == 1 and found["Resources"][0]["externalId"] == new["externalId"], found)
found = scim("GET", f'/Users?filter=externalId eq "{new["externalId"]}"').json()
see("Entra finds him", found["totalResults"] == 1, found)

replaced = scim("PUT", user, {**new, "name": {"givenName": "Babs", "familyName": "Jensen"}})
see("Okta replaces him", replaced.status_code == 200 and replaced.json()["name"]["givenName"] == "Babs", replaced.text)
off = patch(user, {"op": "Replace", "path": "active", "value": "False"})
see("Entra switches him off", off.status_code in (200, 204), off.text)
see("and he is off", scim("GET", user).json()["active"] is False)
on = patch(user, {"op": "replace", "value": {"active": True}})
see("Okta switches him on", on.status_code in (200, 204), on.text)
see("and he is on", scim("GET", user).json()["active"] is True)
work = patch(user, {"op": "Add", "path": 'emails[type eq "work"].value', "value": f"b.{run}@initech.example"},
             {"op": "Replace", "path": "name.familyName", "value": "Jensen-Smith"})
see("Entra changes parts of him", work.status_code in (200, 204), work.text)
seen = scim("GET", user).json()
see("and they changed", seen["name"]["familyName"] == "Jensen-Smith" and
    any(it["value"] == f"b.{run}@initech.example" for it in seen["emails"]), seen)

group = {"schemas": [CORE + "Group"], "displayName": f"engineers-{run}"}
made = scim("POST", "/Groups", group)
see("Entra makes a group", made.status_code == 201, made.text)
group = f"/Groups/{made.json()['id']}"
member = {"value": user.rsplit("/", 1)[1]}
added = patch(group, {"op": "Add", "path": "members", "value": [member]})
see("and adds a member", added.status_code in (200, 204), added.text)
members = scim("GET", group).json().get("members", [])
see("who is in it", [it["value"] for it in members] == [member["value"]], members)
removed = patch(group, {"op": "Remove", "path": "members", "value": [member]})
see("and removes him by a list of values", removed.status_code in (200, 204), removed.text)
see("and nobody is in it", not scim("GET", group).json().get("members"))
tagged = scim("GET", user)
etag = tagged.headers["ETag"]
see("what is known already is not sent again", scim("GET", user, **{"If-None-Match": etag}).status_code == 304)
stale = scim("PUT", user, new, **{"If-Match": 'W/"0"'})
see("what moved on is not overwritten", stale.status_code == 412, stale.text)
see("he is removed", scim("DELETE", user).status_code == 204)
see("and gone", scim("GET", user).status_code == 404)
