"""An agent that closes stale issues: plain HTTPS, nothing but the Python standard library.

Reads its task from AGENT_TASK, acts on GitHub with GITHUB_TOKEN, prints what it did as JSON.
"""

import datetime
import json
import os
import re
import sys

from github import GitHub
from telemetry import Telemetry

KEEP_OPEN = "keep-open"


def main() -> int:
    task = os.environ.get("AGENT_TASK", "")
    repository, days = understand(task)
    telemetry = Telemetry("issue-janitor", task, os.environ.get("AGENT_TRACE_FILE"))
    github = GitHub(os.environ.get("GITHUB_TOKEN", ""), telemetry)
    cutoff = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    try:
        closed = close_stale_issues(github, telemetry, repository, cutoff, days)
    except Exception as error:
        telemetry.finish(error=str(error))
        print(f"issue-janitor: {error}", file=sys.stderr)
        return 1
    answer = f"Closed {len(closed)} stale issues in {repository}, left everything labelled {KEEP_OPEN} open."
    telemetry.finish(answer=answer)
    print(json.dumps({"text": answer}))
    return 0


def understand(task: str) -> tuple[str, int]:
    repository = re.search(r"[\w.-]+/[\w.-]*\w", task)
    days = re.search(r"(\d+) days", task)
    if not repository or not days:
        sys.exit("issue-janitor: the task names no repository (owner/name) or no number of days")
    return repository.group(), int(days.group(1))


def close_stale_issues(github, telemetry, repository, cutoff, days) -> list[int]:
    closed = []
    for issue in stale_issues(github, telemetry, repository, cutoff):
        number = issue["number"]
        with telemetry.tool("close_issue", {"repository": repository, "number": number}) as call:
            github.comment(repository, number, f"Closing: no activity for {days} days.")
            call.result = github.close(repository, number)["state"]
        closed.append(number)
    return closed


def stale_issues(github, telemetry, repository, cutoff) -> list[dict]:
    with telemetry.tool("list_stale_issues", {"repository": repository}) as call:
        issues, following = github.open_issues(repository)
        stale = [issue for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]
        while following:
            issues, following = github.page(following)
            stale += [issue for issue in issues if is_stale(issue, cutoff)]
        call.result = [issue["number"] for issue in stale]
    return stale


def is_stale(issue: dict, cutoff: datetime.datetime) -> bool:
    return datetime.datetime.fromisoformat(issue["updated_at"]) < cutoff


def is_kept(issue: dict) -> bool:
    return any(label["name"] == KEEP_OPEN for label in issue["labels"])


if __name__ == "__main__":
    sys.exit(main())
