# What the flows share. Sourced, not run.
#
# A flow talks to a running platform: PALIMPSEST_URL (default http://127.0.0.1:8080), with an API key that
# may do everything in PALIMPSEST_API_KEY (default: the one `cargo run` keeps in data/bootstrap-api-key).
set -euo pipefail

url=${PALIMPSEST_URL:-http://127.0.0.1:8080}
key=${PALIMPSEST_API_KEY:-$(cat "${PALIMPSEST_DATA_DIR:-data}/bootstrap-api-key" 2>/dev/null || true)}
# Names of this run, so that a flow can be run again on the same platform.
run=$(date +%s)$$
passed=0

say() { printf '%s\n' "$*"; }
ok() { passed=$((passed + 1)); say "  ok: $*"; }
fail() { say "  FAILED: $*"; exit 1; }

# call METHOD PATH TOKEN [BODY]: the answer's body in $body, its status in $status.
call() {
  local method=$1 path=$2 token=$3 sent=${4:-} arguments=()
  if [ -n "$token" ]; then arguments+=(-H "Authorization: Bearer $token"); fi
  if [ -n "$sent" ]; then arguments+=(-H "Content-Type: ${type:-application/json}" -d "$sent"); fi
  body=$(curl -sS -X "$method" "$url$path" "${arguments[@]}" -w '\n%{http_code}')
  status=${body##*$'\n'}
  body=${body%$'\n'*}
}

# field EXPRESSION: something out of $body, as Python names it: it["user"]["id"].
field() { BODY=$body python3 -c 'import json, os, sys; it = json.loads(os.environ["BODY"]); print(eval(sys.argv[1]))' "$1"; }

# expect STATUS WHAT
expect() { if [ "$status" = "$1" ]; then ok "$2 ($status)"; else fail "$2: $status instead of $1: $body"; fi; }

# is EXPRESSION VALUE WHAT
is() {
  local found
  found=$(field "$1")
  if [ "$found" = "$2" ]; then ok "$3 ($found)"; else fail "$3: $found instead of $2: $body"; fi
}

# register EMAIL NAME: a new user; his token in $token, his id in $user.
register() {
  call POST /api/v1/auth/register "" "{\"email\": \"$1\", \"password\": \"correct horse battery $run\", \"name\": \"$2\"}"
  expect 200 "$2 registers as $1"
  token=$(field 'it["access_token"]')
  user=$(field 'it["user"]["id"]')
}

# decide TOKEN EMAIL ACTION DOCUMENT ORGANIZATION [CONTEXT]: the decision on a document, in $body.
decide() {
  local context=${6:-"{}"}
  call POST /v1/authorize "$1" "{
    \"principal\": {\"type\": \"User\", \"id\": \"$2\"},
    \"action\": {\"type\": \"Action\", \"id\": \"$3\"},
    \"resource\": {\"type\": \"Document\", \"id\": \"$4\", \"attributes\": {\"organization\": \"$5\"}},
    \"context\": $context
  }"
}
