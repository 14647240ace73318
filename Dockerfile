# session-sidecar as an image of its own. BASE_IMAGE may be any image with Python 3.11 or later;
# both stages use it, because the environment points at its interpreter.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv tools \
    && tools/bin/pip install --require-hashes -r requirements/build.txt \
    && python3 -m venv /opt/session-sidecar \
    && /opt/session-sidecar/bin/pip install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY sidecar sidecar
RUN tools/bin/pip wheel --no-deps --no-build-isolation -w dist . \
    && /opt/session-sidecar/bin/pip install --no-deps dist/*.whl \
    && /opt/session-sidecar/bin/pip uninstall -y pip

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="session-sidecar" \
      org.opencontainers.image.description="Stateful sessions in front of an unmodified inference engine" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"
COPY --from=build /opt/session-sidecar /opt/session-sidecar
ENV PATH=/opt/session-sidecar/bin:${PATH}
# Not root by default. Root (SageMaker's way) and any other user id work too: nothing here is
# written to, and the sessions directory is made at start by whoever runs.
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["session-sidecar", "healthcheck"]
# SageMaker runs `IMAGE serve`: its word is appended to the entrypoint.
ENTRYPOINT ["session-sidecar"]
CMD ["serve"]
