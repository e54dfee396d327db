# One small image with the one-file product: no shell, no root, nothing to write to but the state. From the
# repository's root, for this machine's architecture or for those that you name:
#     docker build --tag oriel .
#     docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example.com/oriel --push .
#     docker run --network host --read-only --cap-drop ALL --volume oriel:/var/lib/oriel oriel
# The TURN server alone is in it too:
#     docker run --network host --volume ./turn.toml:/etc/turn.toml:ro --entrypoint oriel-turn oriel --config /etc/turn.toml
# With the host's network the server listens where `make run` does: on loopback. Every key of
# config.example.toml can be given as ORIEL__SECTION__KEY, or in a file that is mounted:
#     docker run --network host --volume ./oriel.toml:/etc/oriel.toml:ro oriel --config /etc/oriel.toml
# compose.yaml has one that a LAN reaches; docs/operations.md says more.

ARG NODE=20-bookworm-slim
ARG RUST=1.95-slim-bookworm

# The page is the same for every architecture: built once, on the builder's own.
FROM --platform=$BUILDPLATFORM node:${NODE} AS web
WORKDIR /oriel/web-client
COPY web-client/ .
RUN npm ci --no-audit --no-fund && npm run build

FROM rust:${RUST} AS server
WORKDIR /oriel
# Whatever version the base image's release has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . .
COPY --from=web /oriel/web-client/app/dist web-client/app/dist
RUN cargo build --locked --release --package signaling --package turn-server \
        --bin oriel --bin oriel-turn \
    && install -D --target-directory /image/usr/bin target/release/oriel target/release/oriel-turn \
    && install --directory --mode 0700 /image/state

# glibc and libgcc, and nothing else that runs.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=server /image/usr/bin/ /usr/bin/
COPY --from=server --chown=65532:65532 /image/state /var/lib/oriel
USER 65532:65532
ENV ORIEL__SERVER__STATE_DIR=/var/lib/oriel
VOLUME /var/lib/oriel
EXPOSE 7880/tcp 7880/udp 7881/tcp 7882/udp 3478/tcp 3478/udp 5349/tcp 5349/udp
# Whether it is alive; with a configuration file of its own, ORIEL_CONFIG names it for both.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=6 CMD ["/usr/bin/oriel", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/oriel"]
