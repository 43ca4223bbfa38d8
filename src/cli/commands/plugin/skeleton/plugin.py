#!/usr/bin/env python3
"""@NAME@: a plugin of archal. It needs Python 3 and its standard library.

    archal plugin check plugin.py
    archal trace-source connect custom --name @NAME@ --option path=plugin.py

Replies go to stdout, a line of JSON each; whatever else there is to say goes to stderr.
"""

import json
import sys


def reply(request, what, **fields):
    sys.stdout.write(json.dumps({"id": request["id"], "reply": what, **fields}) + "\n")
    sys.stdout.flush()


def describe(request):
    reply(
        request,
        "description",
        protocol=1,
        name="@NAME@",
        version="0.1.0",
        # What it is to be told: {"name": "host", "about": "…", "required": True}, and the
        # environment variables with its secrets, in the same form.
        options=[],
        variables=[],
    )


def check(request):
    # Say what was looked at: credentials, whether somebody answers. Import nothing.
    reply(request, "point", name="reach", standing="ready", detail=f"{len(RUNS)} runs")
    reply(request, "end")


# What this plugin reads. Put what you have here: a query, a file, an API.
RUNS = [
    {"number": 1, "question": "Which issues are stale?", "answer": "Two: 4 and 7."},
    {"number": 2, "question": "Close them.", "answer": "Closed."},
]


def pull(request):
    # The cursor is whatever this plugin said last: null in the beginning.
    seen = request.get("cursor") or 0
    for run in RUNS:
        if run["number"] <= seen:
            continue
        # The shape of a trace: archal schema trace
        trace = {
            "id": f"run-{run['number']}",
            "name": "run",
            "startedAt": f"2026-03-01T12:0{run['number']}:00Z",
            "endedAt": f"2026-03-01T12:0{run['number']}:30Z",
            "status": "ok",
            "input": run["question"],
            "output": run["answer"],
            "spans": [],
        }
        reply(request, "trace", trace=trace)
        # Everything so far may be kept; the next pull goes on here.
        reply(request, "cursor", cursor=run["number"])
    reply(request, "end")


ANSWERS = {"describe": describe, "check": check, "pull": pull}

for line in sys.stdin:
    request = json.loads(line)
    answer = ANSWERS.get(request["request"])
    if answer:
        answer(request)
