"""An issue desk on GitHub, with the Python standard library alone. Some of what it does is wrong on
purpose: what is wrong in which repository stands in `defects.py`.

Reads its task from AGENT_TASK, acts on GitHub with GITHUB_TOKEN, prints its answer as JSON.
"""

import json
import os
import re
import sys

import desk
from defects import defects_of, shape_of
from github import GitHub
from telemetry import Telemetry


def main() -> int:
    task = os.environ["AGENT_TASK"]
    repository = re.search(r"acme/[\w-]+", task).group()
    name, job = next((name, job) for pattern, name, job in desk.JOBS if re.search(pattern, task))
    telemetry = Telemetry(f"desk-{name}", task, shape_of(repository), os.environ.get("AGENT_TRACE_FILE"))
    github = GitHub(os.environ["GITHUB_TOKEN"], telemetry, repository)
    try:
        answer = job(github, task, defects_of(repository))
    except Exception as error:
        telemetry.finish(error=f"{type(error).__name__}: {error}")
        print(f"desk: {error}", file=sys.stderr)
        return 1
    telemetry.finish(answer=answer)
    print(json.dumps({"text": answer}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
