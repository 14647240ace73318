"""Whether traces are made: by OpenTelemetry's own variables, read by its own SDK.

Without them nothing of OpenTelemetry is imported, and what a client sent goes through untouched.
"""

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sidecar import __version__
from sidecar.config import Settings

if TYPE_CHECKING:
    from sidecar.ops.spans import Spans

logger = logging.getLogger("sidecar.tracing")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"


def make_spans(settings: Settings) -> "Spans | None":
    """None where no traces are wanted, or cannot be made, which is then said.

    The variables are often a platform's, for every container alike: they stop no start.
    """
    if not _are_wanted(os.environ):
        return None
    problem = _problem(os.environ)
    if problem is None:
        try:
            return _made(settings)
        except ImportError:
            problem = "it needs OpenTelemetry's SDK: pip install 'session-sidecar[otel]'"
        except ValueError as error:  # in what it reads itself, such as OTEL_BSP_MAX_QUEUE_SIZE=-1
            problem = f"OpenTelemetry refuses its settings: {error}"
    logger.warning("no traces are made, though an OTLP endpoint is set: %s", problem)
    return None


def _are_wanted(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(environ.get(name) for name in _ENDPOINTS)


def _problem(environ: Mapping[str, str]) -> str | None:
    exporter = environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter.strip().lower() != "otlp":
        return f"OTEL_TRACES_EXPORTER={exporter} is not offered, only otlp"
    for name in _PROTOCOLS:
        if (value := environ.get(name)) is not None:
            return None if value in ("", _PROTOCOL) else f"{name} must be {_PROTOCOL}"
    return None


def _made(settings: Settings) -> "Spans":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from sidecar.ops.spans import Spans

    told = OTELResourceDetector().detect().attributes
    own = {"service.name": "session-sidecar", "service.version": __version__}
    provider = TracerProvider(
        resource=Resource.create({**own, **told}),
        shutdown_on_exit=False,  # it would wait for a collector that is gone
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider, settings.engine_url, with_ids=settings.trace_session_id)
