# sluice and nothing else: one static program, no shell, user 65532; a read-only root and no capability are enough.
#
#   docker build -t sluice .            (or podman, or buildah)
#   docker run --read-only --cap-drop ALL -p 8080:8080 -e SLUICE_FORWARD=8080=10.0.0.5:80 sluice
#
# See docs/sidecar.md.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY dev ./
RUN ./dev deps build
COPY . .
# The tests that run before there is an image; `e2e` and more may be added, after `./dev deps test`, and none is possible.
ARG TESTS="sys loop log config balance relay accept connect cli layout"
RUN cmake --preset static -DSLUICE_BUILD_TESTS=ON -Wno-dev \
 && cmake --build --preset static --target sluice $(for name in $TESTS; do echo "test_$name"; done) \
 && if [ -n "$TESTS" ]; then ctest --test-dir build/static --output-on-failure -R "^($(echo $TESTS | tr ' ' '|'))$"; fi \
 && strip -o /sluice build/static/sluice

FROM scratch
COPY --from=build /sluice /sluice
# Numbers, since there is no /etc/passwd; the same as in other images without a shell.
USER 65532:65532
# Whoever sends clients here has five seconds to notice that the container goes.
ENV SLUICE_DRAIN_GRACE=5s
# Ports above 1024 need no privilege.
EXPOSE 8080
ENTRYPOINT ["/sluice"]
