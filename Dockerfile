# The controller and the commands, as one image: no shell, no package manager, nobody's root.
#   docker build --tag sealwright .          docker run --rm sealwright --help
# Both bases can be named by digest: --build-arg PYTHON=...@sha256:... --build-arg BASE=...@sha256:... They must have the same
# Python, 3.11, since the wheels hold compiled parts.
# What a configuration can name (key services, object stores, databases) is in it; --build-arg REQUIREMENTS=runtime leaves it out,
# for a third of the size.
ARG PYTHON=docker.io/library/python:3.11-slim-bookworm
ARG BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${PYTHON} AS build
ARG REQUIREMENTS=all
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore SOURCE_DATE_EPOCH=315532800
# Requirements first: this layer changes only with the lock. Wheels only, so that no foreign build script runs.
# The locks are whole, so pip has nothing to resolve.
COPY requirements/build.txt requirements/${REQUIREMENTS}.txt requirements/
RUN python -m pip install --no-deps --require-hashes --only-binary=:all: --requirement requirements/build.txt \
 && python -m pip install --no-deps --require-hashes --only-binary=:all: --no-compile --target /app \
    --requirement requirements/${REQUIREMENTS}.txt
COPY pyproject.toml README.md LICENSE ./
COPY controller controller
# Bytecode is made here, without times, because the root file system is read-only when it runs.
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && python -m pip install --no-deps --no-index --no-compile --target /app /wheels/*.whl \
 && rm -rf /app/bin \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /app -p /app /app

FROM ${BASE}
COPY --from=build /app /app
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /app
EXPOSE 8080 9090
ENTRYPOINT ["/usr/bin/python3", "-m", "sealwright"]
