"""Runs the agent under one SDK and writes what that SDK exports.

    record.py <sdk> <folder> <name>

writes `<folder>/<name>.pb`, the requests of traces as they came over HTTP, `<folder>/<name>.json`, the
same as protobuf's own JSON, and `<name>.logs.pb` and `<name>.logs.json` where the SDK sends events as logs.
Folders of this machine in stack traces are renamed, and what tells which machine it was is left out;
nothing else is changed.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from service import Service


HERE = str(Path(__file__).resolve().parent)


def repeated(field):
    # Newer releases of protobuf have a property for it and no label.
    known = getattr(field, "is_repeated", None)
    return field.label == field.LABEL_REPEATED if known is None else known


def rename(message):
    """Folders in every text of a message, however deep."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            clean = lambda text: text.replace(sys.prefix, "/venv").replace(HERE, "/agent")
            if repeated(field):
                value[:] = [clean(text) for text in value]
            else:
                setattr(message, field.name, clean(value))
        elif field.type == field.TYPE_MESSAGE:
            for inner in value if repeated(field) else [value]:
                rename(inner)


def without_machine(resource):
    kept = [
        pair
        for pair in resource.attributes
        if not pair.key.startswith(("host.", "os.", "process.pid"))
    ]
    del resource.attributes[:]
    resource.attributes.extend(kept)


def main():
    sdk, folder, name = sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3]
    service = Service()
    # Nothing but the loopback is reached, whatever the machine has configured.
    for variable in [known for known in os.environ if known.lower().endswith("_proxy")]:
        del os.environ[variable]
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = service.url
    # Some SDKs write down the commit of the folder they run in.
    os.chdir(tempfile.mkdtemp())
    os.environ["OTEL_SERVICE_NAME"] = "issue-janitor"
    importlib.import_module(f"sdk_{sdk}").main(service.url)
    for path, kind, ending in [
        ("/v1/traces", ExportTraceServiceRequest, ""),
        ("/v1/logs", ExportLogsServiceRequest, ".logs"),
    ]:
        body = service.bodies(path)
        if not body:
            continue
        message = kind.FromString(body)
        rename(message)
        for group in getattr(message, "resource_spans", None) or message.resource_logs:
            without_machine(group.resource)
        text = json.dumps(MessageToDict(message), ensure_ascii=False) + "\n"
        (folder / f"{name}{ending}.pb").write_bytes(message.SerializeToString())
        (folder / f"{name}{ending}.json").write_text(text)


main()
