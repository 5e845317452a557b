#!/usr/bin/env bash
# Four ways into a group: by mail domain, by the context of a question, by SCIM, and by hand.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

domain=initech-$run.example

say "1. By mail domain"
register "first@$domain" "First"; first=$token
register "second@$domain" "Second"; second=$token second_id=$user
call GET /api/v1/auth/me "$first"; organization=$(field 'it["data"]["user"]["organization_id"]')
call GET /api/v1/auth/me "$second"
is 'it["data"]["user"]["organization_id"]' "$organization" "the same domain is the same organization"

say "2. By the context of a question"
context='{"group_memberships": ["engineering-team", "senior-developers"]}'
decide "$second" "second@$domain" read "org-initech-doc-001" "$organization" "$context"
expect 200 "memberships may be told"; is 'it["decision"]' Allow "and what he may stays allowed"
decide "$second" "second@$domain" write "org-initech-doc-001" "$organization" "$context"
is 'it["decision"]' Deny "but nobody talks himself into a group"

say "3. By SCIM"
type=application/scim+json
call POST /scim/v2/Groups "$key" "{
  \"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:Group\"],
  \"displayName\": \"engineering-$run\",
  \"members\": [\"second@$domain\"]
}"
expect 201 "a directory makes a group with a member by address"
scim_group=$(field 'it["id"]')
is 'it["members"][0]["value"]' "$second_id" "the address became the user's id"
call PATCH "/scim/v2/Groups/$scim_group" "$key" "{
  \"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],
  \"Operations\": [{\"op\": \"Remove\", \"path\": \"members[value eq \\\"$second_id\\\"]\"}]
}"
expect 200 "and takes him out again"
is 'len(it.get("members", []))' 0 "nobody is left"
type=application/json

say "4. By hand"
call POST /api/v1/groups "$key" "{\"display_name\": \"by-hand-$run\", \"organization_id\": \"$organization\"}"
expect 201 "an administrator makes a group"; group=$(field 'it["data"]["id"]')
call POST "/api/v1/groups/$group/members" "$first" "{\"user_ids\": [\"$second_id\"]}"
expect 200 "the organization's own administrator puts a member in"
call GET "/api/v1/groups/$group/members" "$first"; expect 200 "and sees him there"
is 'it["data"]["members"][0]["id"]' "$second_id" "it is the one"
call DELETE "/api/v1/groups/$group/members/$second_id" "$first"; expect 200 "and takes him out"

say "$passed checks passed"
