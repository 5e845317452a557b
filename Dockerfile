# One binary in a small image. What it keeps is in /data.

FROM rust:1.95-bookworm AS build
# aws-lc-rs compiles C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --package palimpsest \
    && cp target/release/palimpsest /palimpsest

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home palimpsest
COPY --from=build /palimpsest /usr/local/bin/palimpsest
USER palimpsest
VOLUME /data
EXPOSE 8080
ENV PALIMPSEST_DATA_DIR=/data PALIMPSEST_LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--show-error", "http://127.0.0.1:8080/health/live"]
ENTRYPOINT ["palimpsest"]
