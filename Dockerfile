# docker build -t lattice:latest .
# docker run -d --name lattice -p 2379:2379 -p 9090:9090 \
#     -v /etc/lattice:/etc/lattice:ro -v /var/lib/lattice:/var/lib/lattice \
#     lattice:latest start --config /etc/lattice/lattice.toml
#
# The image holds the distribution of `make build-release`, with its own Java runtime. The process runs as
# user 10001, which has to own /var/lib/lattice on the host and be able to read /etc/lattice.
FROM eclipse-temurin:25-jdk-noble AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends git maven \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN scripts/dist

FROM debian:trixie-slim
RUN groupadd --system --gid 10001 lattice \
    && useradd --system --uid 10001 --gid lattice --home-dir /var/lib/lattice --shell /usr/sbin/nologin lattice \
    && install -d -o lattice -g lattice -m 0700 /var/lib/lattice
COPY --from=build /src/dist/lattice /opt/lattice
RUN ln -s /opt/lattice/bin/lattice /usr/local/bin/lattice
USER 10001:10001
VOLUME /var/lib/lattice
EXPOSE 2379 2380 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/lattice"]
CMD ["start", "--config", "/etc/lattice/lattice.toml"]
