#!/usr/bin/env bash
# An administrator and users of two organizations: bearer tokens, scoped authorization, isolation.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say "1. Registration makes organizations"
acme=acme-$run.example globex=globex-$run.example
register "admin@$acme" "Acme admin"; acme_admin=$token
register "user@$acme" "Acme user"; acme_user=$token acme_user_id=$user
register "admin@$globex" "Globex admin"; globex_admin=$token globex_admin_id=$user

call GET /api/v1/auth/me "$acme_admin"; expect 200 "the administrator asks who he is"
acme_id=$(field 'it["data"]["user"]["organization_id"]')
call GET /api/v1/auth/me "$globex_admin"
globex_id=$(field 'it["data"]["user"]["organization_id"]')
if [ "$acme_id" != "$globex_id" ]; then ok "two mail domains are two organizations"; else fail "one organization"; fi

say "2. Tokens"
call POST /api/v1/auth/login "" "{\"email\": \"user@$acme\", \"password\": \"correct horse battery $run\"}"
expect 200 "a user signs in"; refresh=$(field 'it["refresh_token"]')
call POST /api/v1/auth/refresh "" "{\"refresh_token\": \"$refresh\"}"; expect 200 "the refresh token is traded"
call POST /api/v1/auth/refresh "" "{\"refresh_token\": \"$refresh\"}"; expect 401 "an old refresh token is refused"
call POST /api/v1/auth/login "" "{\"email\": \"user@$acme\", \"password\": \"not his password\"}"
expect 401 "a wrong password is refused"; is 'it["error"]["code"]' INVALID_CREDENTIALS "and the answer says no more"
call GET /api/v1/auth/me ""; expect 401 "without a token nobody is anybody"
call GET /api/v1/auth/me "eyJhbGciOiJub25lIn0.e30."; expect 401 "a forged token is refused"

say "3. Scoped authorization"
decide "$acme_user" "user@$acme" read "org-acme-doc-001" "$acme_id"; expect 200 "a member asks for a document"
is 'it["decision"]' Allow "he may read what is his organization's"
decide "$acme_user" "user@$acme" write "org-acme-doc-001" "$acme_id"
is 'it["decision"]' Deny "and not write it"
decide "$acme_admin" "admin@$acme" write "org-acme-doc-001" "$acme_id"
is 'it["decision"]' Allow "which his administrator may"

say "4. Isolation"
decide "$acme_user" "user@$acme" read "org-globex-doc-001" "$globex_id"
is 'it["decision"]' Deny "what is another organization's is closed"
decide "$acme_user" "user@$acme" read "org-globex-doc-001" "$globex_id" \
  "{\"organization_id\": \"$globex_id\", \"user_roles\": [\"admin\"], \"authenticated\": true}"
is 'it["decision"]' Deny "also to who claims to be of it"
call GET "/api/v1/users/$globex_admin_id" "$acme_admin"; expect 404 "its people do not exist for others"
call GET "/api/v1/users/$acme_user_id" "$acme_admin"; expect 200 "an administrator sees his own people"
call GET "/api/v1/organizations/$globex_id" "$acme_admin"; expect 404 "nor does the organization itself"
call GET /api/v1/audit "$acme_admin"; expect 403 "the audit trail is the platform's"

say "5. Policies"
call GET /api/v1/policies "$key"; expect 200 "the policies can be read"
call POST /v1/authorize "$acme_user" '{"principal": {"type": "User", "id": "x"}}'
expect 400 "half a question is refused"

say "$passed checks passed"
