# Starts the server that the judges talk to. Sourced after tools.sh, not run.
#
# start_server NAME=VALUE…: builds it, and runs it on an empty data directory with these variables; it ends with the script.
# Then $url is where it answers, $key may do everything there, and what it writes is in $work.

work=$(mktemp -d "${TMPDIR:-/tmp}/palimpsest-judge.XXXXXX")
pid=

stop_server() {
  trap - EXIT
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap stop_server EXIT

fetch() { python3 -c 'import sys, urllib.request as web; sys.stdout.buffer.write(web.urlopen(sys.argv[1]).read())' "$1"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_server() {
  local binary port deadline
  # As a part of the whole workspace: so the tests have built most of it already.
  cargo build --workspace --bin palimpsest --locked
  binary=$(cargo metadata --no-deps --locked --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/palimpsest
  port=$(free_port)
  # A name, since passkeys are of names only.
  url=http://localhost:$port
  # Judges are in a hurry; the limits have tests of their own.
  env PALIMPSEST_API__RATE_LIMITS__ENABLED=false "PALIMPSEST_IDENTITY__PUBLIC_URL=$url" "$@" \
    "$binary" --data-dir "$work/data" --listen "127.0.0.1:$port" >"$work/server.log" 2>&1 &
  pid=$!
  deadline=$((SECONDS + 60))
  until fetch "$url/health/ready" >/dev/null 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      cat "$work/server.log" >&2
      die "the server did not become ready"
    fi
    sleep 0.1
  done
  key=$(tr -d '[:space:]' <"$work/data/bootstrap-api-key")
}
