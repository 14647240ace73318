# session-sidecar as an image of its own, or as a layer over an engine's image: BASE_IMAGE may be any
# image with Python 3.11 or later and its venv module. Both stages use it, because the environment
# points at its interpreter. Nothing of the base is changed: all of it is in /opt/session-sidecar.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
USER root
WORKDIR /build
# Engines' images come with a PYTHONPATH, or constraints for pip, that are not meant for us.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_CONSTRAINT= PIP_USER= PYTHONPATH=
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv tools \
    && tools/bin/pip install --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/session-sidecar \
    && tools/bin/pip --python /opt/session-sidecar/bin/python3 \
        install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY sidecar sidecar
# -I: an engine's PYTHONPATH, or a file in the working directory, is none of the sidecar's modules.
RUN tools/bin/pip wheel --no-deps --no-build-isolation -w dist . \
    && tools/bin/pip --python /opt/session-sidecar/bin/python3 install --no-deps dist/*.whl \
    && sed -i '1s/$/ -I/' /opt/session-sidecar/bin/session-sidecar

FROM ${BASE_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="session-sidecar" \
      org.opencontainers.image.description="Stateful sessions in front of an unmodified inference engine" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"
COPY --from=build /opt/session-sidecar /opt/session-sidecar
# Not on PATH: there the environment's own python3 would stand before the engine's.
COPY --from=build /opt/session-sidecar/bin/session-sidecar /usr/local/bin/session-sidecar
# Not root by default. Root (SageMaker's way) and any other user id work too: nothing here is
# written to, and the sessions directory is made at start by whoever runs.
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/local/bin/session-sidecar", "healthcheck"]
# SageMaker runs `IMAGE serve`: its word is appended to the entrypoint.
ENTRYPOINT ["/usr/local/bin/session-sidecar"]
CMD ["serve"]
