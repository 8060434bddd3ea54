"""Reads OTLP requests, in JSON or as base64 of their binary form, one a line, with the schema of OpenTelemetry (PyPI opentelemetry-proto), and says what it found."""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = {"traceId", "spanId", "parentSpanId"}


def with_base64_ids(value):
    """OTLP writes ids in hexadecimal; protobuf's own JSON form has base64."""
    if isinstance(value, list):
        return [with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else with_base64_ids(item)
        for key, item in value.items()
    }


def check_spans(request):
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
                assert len(span.parent_span_id) in (0, 8), span
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
                for link in span.links:
                    assert len(link.trace_id) == 16 and len(link.span_id) == 8, link
                print(span.kind, span.name, span.status.code)


def check_metrics(request):
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                points = getattr(metric, kind).data_points
                for point in points:
                    assert point.time_unix_nano > 0, point
                    assert kind == "gauge" or 0 < point.start_time_unix_nano <= point.time_unix_nano, point
                    if kind == "histogram":
                        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, point
                        assert sum(point.bucket_counts) == point.count, point
                    else:
                        assert point.WhichOneof("value") == "as_double", point
                print(kind, metric.name, len(points))


for line in sys.stdin:
    if line.startswith("{"):
        json_form = json.loads(line)
        kind = ExportMetricsServiceRequest if "resourceMetrics" in json_form else ExportTraceServiceRequest
        request = json_format.ParseDict(with_base64_ids(json_form), kind())
        last = request
    else:
        request = kind.FromString(base64.b64decode(line))
        # What the reader does not know would be kept as it is, and so make a difference.
        assert request.SerializeToString(deterministic=True) == last.SerializeToString(deterministic=True)
    (check_metrics if kind is ExportMetricsServiceRequest else check_spans)(request)
