# One image for serve and migrate: `docker build -t vitalkeep .`
# Only the build needs a network; what it installs is held to the lock files' hashes.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build

RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.lock

# The wheel is built by hatchling from the dev lock, in an environment that stays behind. If
# hatchling comes to need more, pip refuses here, since the addition has no hash.
COPY requirements-dev.lock ./
RUN python -m venv /opt/hatch \
    && awk '/^[^ #]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' \
        requirements-dev.lock > hatchling.lock \
    && /opt/hatch/bin/pip install --require-hashes -r hatchling.lock
COPY pyproject.toml README.md ./
COPY migrations migrations
COPY src src
RUN /opt/hatch/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist . \
    && /opt/venv/bin/pip install --no-deps --no-index /build/dist/vitalkeep-*.whl \
    && /opt/venv/bin/pip check


FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VITALKEEP_KEYRING=/var/lib/vitalkeep/keyring
RUN groupadd --system --gid 10001 vitalkeep \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/vitalkeep \
        --shell /usr/sbin/nologin vitalkeep \
    && install -d -o vitalkeep -g vitalkeep -m 0700 \
        /var/lib/vitalkeep /var/lib/vitalkeep/keyring
COPY --from=build /opt/venv /opt/venv
USER 10001:10001
WORKDIR /var/lib/vitalkeep
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["vitalkeep", "serve", "--host", "0.0.0.0"]
