# One small image with the one-file product. Build it from the repository's root:
#     docker build --tag oriel .
#     docker run --network host oriel
# With the host's network the server listens where `make run` does: on loopback. Every key of
# config.example.toml can be given as ORIEL__SECTION__KEY, or in a file that is mounted:
#     docker run --network host --volume ./oriel.toml:/etc/oriel.toml:ro oriel --config /etc/oriel.toml

FROM node:20-bookworm-slim AS web
WORKDIR /oriel/web-client
COPY web-client/ .
RUN npm ci --no-audit --no-fund && npm run build

FROM rust:1.95-slim-bookworm AS server
WORKDIR /oriel
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
COPY . .
COPY --from=web /oriel/web-client/app/dist web-client/app/dist
RUN cargo build --locked --release --package signaling --bin oriel

FROM debian:bookworm-slim
RUN useradd --system --create-home --home-dir /var/lib/oriel oriel
COPY --from=server /oriel/target/release/oriel /usr/local/bin/oriel
USER oriel
ENV ORIEL__SERVER__STATE_DIR=/var/lib/oriel
VOLUME /var/lib/oriel
EXPOSE 7880/tcp 7881/tcp 7882/udp 3478/tcp 3478/udp 5349/tcp 5349/udp
ENTRYPOINT ["oriel"]
