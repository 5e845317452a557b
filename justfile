set dotenv-load

# List the recipes.
default:
    @just --list --unsorted

# Once after cloning: tools, a local .env.
setup:
    cargo install --locked cargo-deny cargo-nextest
    touch .env

# The whole platform on simulators, with a conversation to watch; no Discord token needed.
demo:
    cargo run -p tests --bin demo

# Serve: all roles in one process, or as the arguments say.
run *arguments:
    cargo run -- {{ arguments }}

# The quick loop: rules only, no doors, no database.
rules *filter:
    cargo nextest run -p domain {{ filter }}

# Every test, or those that match, with the servers they need.
test *filter:
    scripts/test {{ filter }}

# Keep the answers of this run as the snapshots to compare with.
accept *filter:
    PALIMPSEST_ACCEPT=1 scripts/test {{ filter }}

# Format and apply the safe fixes.
fix:
    cargo fmt --all
    cargo clippy --fix --allow-dirty --workspace --all-targets

# What CI runs, in the same order.
check:
    .ci/run

# Have outside tools judge a running server; or only those named, as `scim`.
judge *names:
    scripts/judge {{ names }}

# What is measured, beside the raw limits and the peers; or only the cases named.
bench *cases:
    scripts/services run --durable -- cargo run --release --locked -p benches -- {{ cases }}

# The same commands on cqrs-es with postgres-es, one line of JSON per case.
bench-peer:
    scripts/services run --durable -- sh -c 'cargo run --release --locked --manifest-path benches/peer/Cargo.toml -- "$PALIMPSEST_TEST_POSTGRES"'

# Start a feature: one empty file per layer, e.g. `just feature guilds welcome`.
feature context name:
    scripts/feature {{ context }} {{ name }}

# Build a new generation of all views from the first event, beside the live one.
replay *arguments:
    cargo run -- replay {{ arguments }}

# The OpenAPI document, as the server would answer it.
openapi:
    @cargo run --quiet -- openapi

# The documentation of every crate of the workspace.
docs:
    cargo doc --no-deps --workspace --locked

# NATS, PostgreSQL and the platform in roles, in containers.
up:
    docker compose up --build --detach --wait

# Stop them; the data stays in its volumes.
down:
    docker compose down
