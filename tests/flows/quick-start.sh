#!/usr/bin/env bash
# The shortest way through: somebody registers, signs in, asks who he is, trades his token, asks what he may, and leaves.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say "1. Coming in"
register "somebody@quick-$run.example" "Somebody"
call POST /api/v1/auth/login "" \
  "{\"email\": \"somebody@quick-$run.example\", \"password\": \"correct horse battery $run\", \"remember_me\": true}"
expect 200 "he signs in"
token=$(field 'it["access_token"]') refresh=$(field 'it["refresh_token"]')
is 'it["token_type"]' Bearer "and is given a bearer token"

say "2. Being somebody"
call GET /api/v1/auth/me "$token"; expect 200 "he asks who he is"
is 'it["data"]["user"]["email"]' "somebody@quick-$run.example" "and is told"
organization=$(field 'it["data"]["user"]["organization_id"]')

say "3. Another token"
call POST /api/v1/auth/refresh "" "{\"refresh_token\": \"$refresh\"}"; expect 200 "the refresh token is traded"
token=$(field 'it["access_token"]') refresh=$(field 'it["refresh_token"]')

say "4. What he may"
decide "$token" "somebody@quick-$run.example" read "org-quick-doc-001" "$organization"
expect 200 "the policies are asked"; is 'it["decision"]' Allow "and allow what is his organization's"

say "5. Leaving"
call POST /api/v1/auth/logout "$token" "{\"refresh_token\": \"$refresh\"}"; expect 200 "he leaves"
call GET /api/v1/auth/me "$token"; expect 401 "his token is good for nothing at once"
call POST /api/v1/auth/refresh "" "{\"refresh_token\": \"$refresh\"}"; expect 401 "nor can it be traded"

say "$passed checks passed"
