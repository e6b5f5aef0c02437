# syntax=docker/dockerfile:1
# mlbuild in a container, in three stages:
#
#   docker build --target develop --tag mlbuild-develop .    a machine to work on mlbuild: docker run -it -v $PWD:/src mlbuild-develop .ci/run
#   docker build --target run --tag mlbuild .                the program with its engines: docker run -v $PWD:/work mlbuild ci
#
# `build` is what lies between. Nothing is fetched when it runs: the engines lie beside the program.

FROM rust:1.95-bookworm AS develop
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git python3 python3-pip shellcheck \
 && rm -rf /var/lib/apt/lists/* \
 && rustup component add clippy rustfmt \
 && useradd --create-home --uid 1000 developer \
 && mkdir /src \
 && chown -R developer /src /usr/local/cargo /usr/local/rustup
ENV PIP_BREAK_SYSTEM_PACKAGES=1
USER developer
WORKDIR /src
CMD ["bash"]

FROM develop AS build
COPY --chown=developer . /src
# The archive of the release, unpacked: the same layout, tried by the same script.
RUN cargo build --locked --release --bin mlbuild \
 && python3 .ci/release/package.py --binary target/release/mlbuild --target "$(uname -m)-unknown-linux-gnu" --output /tmp/out --level 1 \
 && mkdir /tmp/mlbuild \
 && tar --extract --gzip --file /tmp/out/mlbuild-*-unknown-linux-gnu.tar.gz --directory /tmp/mlbuild --strip-components 1

FROM debian:bookworm-slim AS run
# git: the model at the base commit is git's. CA certificates: remotes and GitHub.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory /work \
 && useradd --create-home --uid 1000 mlbuild \
 && mkdir /work \
 && chown mlbuild /work
COPY --from=build /tmp/mlbuild /opt/mlbuild
RUN ln -s /opt/mlbuild/mlbuild /usr/local/bin/mlbuild
# A user given by `--user` has no home.
ENV MLBUILD_CACHE_DIR=/tmp/mlbuild
USER mlbuild
WORKDIR /work
HEALTHCHECK --interval=30s --timeout=10s --retries=3 CMD ["mlbuild", "runtime", "path"]
ENTRYPOINT ["mlbuild"]
CMD ["--help"]
