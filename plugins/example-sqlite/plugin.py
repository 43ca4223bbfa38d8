#!/usr/bin/env python3
"""A plugin of archal that reads the runs of an agent from its SQLite database.

Only the standard library is needed. The database has two tables:

    CREATE TABLE runs (id TEXT PRIMARY KEY, name TEXT, started_at TEXT, ended_at TEXT, status TEXT,
                       input TEXT, output TEXT, updated_at INTEGER NOT NULL);
    CREATE TABLE steps (run_id TEXT, number INTEGER, tool TEXT, arguments TEXT, result TEXT,
                        is_error INTEGER, started_at TEXT, ended_at TEXT);

    archal plugin check plugin.py --option 'config={"database":"/srv/agent/runs.db"}'
    archal trace-source connect custom --name agent --option path=plugin.py \
        --option 'config={"database":"/srv/agent/runs.db"}'

Replies go to stdout, a line of JSON each; whatever else there is to say goes to stderr.
"""

import json
import sqlite3
import sys
from pathlib import Path

PROTOCOL = 1


def reply(request, what, **fields):
    """Writes one line. It is handed over at once, so that a page is never held back here."""
    line = {"id": request["id"], "reply": what, **fields}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def describe(request):
    reply(
        request,
        "description",
        protocol=PROTOCOL,
        name="sqlite-runs",
        version="0.1.0",
        about="runs of an agent in a SQLite database",
        options=[{"name": "database", "about": "the file", "required": True}],
    )


def database(config):
    """The database, for reading alone."""
    path = Path(config["database"])
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def check(request):
    with database(request["config"]) as connection:
        (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        connection.execute("SELECT run_id, number, tool, arguments, result FROM steps LIMIT 1")
    reply(request, "point", name="reach", standing="ready", detail=f"{count} runs")
    reply(request, "end")


def parsed(text):
    """What a column holds, as JSON where it is JSON."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def trace(connection, run):
    steps = connection.execute(
        "SELECT * FROM steps WHERE run_id = ? ORDER BY number", (run["id"],)
    )
    root = {
        "id": "run",
        "name": run["name"],
        "kind": "agent",
        "startedAt": run["started_at"],
        "endedAt": run["ended_at"],
        "status": run["status"],
    }
    spans = [root]
    for step in steps:
        spans.append(
            {
                "id": f"step-{step['number']}",
                "parentId": "run",
                "name": step["tool"],
                "kind": "tool",
                "startedAt": step["started_at"],
                "endedAt": step["ended_at"],
                "status": "error" if step["is_error"] else "ok",
                "tool": {
                    "name": step["tool"],
                    "arguments": parsed(step["arguments"]),
                    "result": parsed(step["result"]),
                    "resultIsError": bool(step["is_error"]),
                },
            }
        )
    return {
        "id": run["id"],
        "name": run["name"],
        "startedAt": run["started_at"],
        "endedAt": run["ended_at"],
        "status": run["status"],
        "input": parsed(run["input"]),
        "output": parsed(run["output"]),
        "spans": spans,
    }


def pull(request):
    """Runs that ended, in the order in which they were changed: a changed one comes again."""
    cursor = request.get("cursor") or {"updated": -1, "id": ""}
    with database(request["config"]) as connection:
        runs = connection.execute(
            "SELECT * FROM runs WHERE (updated_at, id) > (?, ?) AND ended_at IS NOT NULL"
            " AND (? IS NULL OR started_at >= ?) ORDER BY updated_at, id",
            (cursor["updated"], cursor["id"], request.get("since"), request.get("since")),
        )
        for run in runs:
            reply(request, "trace", trace=trace(connection, run))
            here = {"updated": run["updated_at"], "id": run["id"]}
            reply(request, "cursor", cursor=here)
    reply(request, "end")


ANSWERS = {"describe": describe, "check": check, "pull": pull}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        answer = ANSWERS.get(request["request"])
        if answer is None:
            continue  # `cancel` comes when everything was answered: this plugin answers in one go.
        try:
            answer(request)
        except sqlite3.Error as error:
            reply(
                request,
                "error",
                kind="missing",
                message=f"the database cannot be read: {error}",
                advice='--option \'config={"database":"<file>"}\'',
            )


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.stderr.close()  # Nobody listens any more.
