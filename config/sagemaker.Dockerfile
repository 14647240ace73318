# An engine and the sidecar in one image, as a SageMaker endpoint needs it. ENGINE_IMAGE is what the
# repository's Dockerfile makes of the engine's own image, which keeps its Python as it is:
#
#   docker build -t engine-with-sidecar --build-arg BASE_IMAGE=vllm/vllm-openai:latest .
#   docker build -t my-endpoint -f config/sagemaker.Dockerfile .
ARG ENGINE_IMAGE=engine-with-sidecar
FROM ${ENGINE_IMAGE}

# SageMaker runs `IMAGE serve` and expects root.
USER root

# {port} is the engine's own port: 8000, or one of SAGEMAKER_SAFE_PORT_RANGE.
ENV SIDECAR_ENGINE_COMMAND="vllm serve /opt/ml/model --host 127.0.0.1 --port {port}"

# Long before SageMaker's SIGKILL, 30 s after its SIGTERM.
ENV SIDECAR_DRAIN_SECONDS=25
