"""Keeps the labels of a repository in order, with PyGithub at its normal URL.

What a model would decide is decided by rules here, so that it runs without a key and does the
same every time.
"""

import json
import os
import pathlib
import re
import sys
import time

from github import Auth, Github

RESUME = pathlib.Path(__file__).with_name(".resume")


def merge(repo, task):
    """Moves the issues of one label to another and deletes the first."""
    old, new = re.search(r"`(.+?)` into `(.+?)`", task).groups()
    issues = list(repo.get_issues(state="all", labels=[old]))
    for issue in issues:
        issue.add_to_labels(new)
    repo.get_label(old).delete()
    return f"moved {len(issues)} issues from {old} to {new}"


def delete_unused(repo, _):
    """The defect: without a state, `get_issues` gives open issues, so what only closed ones have is unused."""
    used = {label.name for issue in repo.get_issues() for label in issue.labels}
    unused = [label for label in repo.get_labels() if label.name not in used]
    for label in unused:
        label.delete()
    return "deleted " + ", ".join(sorted(label.name for label in unused))


def describe(repo, _):
    """The defect: where it stopped stays in a file when it is done, so every other run begins at the end."""
    done = RESUME.read_text().split("\n") if RESUME.exists() else []
    todo = [label for label in repo.get_labels() if label.name not in done]
    for label in todo:
        label.edit(label.name, label.color, f"Issues about: {label.name}")
        done.append(label.name)
        RESUME.write_text("\n".join(done))
    if not todo:
        RESUME.unlink(missing_ok=True)
    return f"described {len(todo)} labels"


def drain(repo, task):
    """The defect: it waits until others have done the work, however long that takes."""
    name = re.search(r"`(.+?)`", task).group(1)
    while repo.get_issues(labels=[name]).totalCount:
        time.sleep(0.1)
    repo.get_label(name).delete()
    return f"deleted {name}"


SKILLS = {"merge": merge, "unused": delete_unused, "describe": describe, "nobody": drain}


def metrics(calls):
    """Leaves figures where they are asked for; without a model they are small."""
    if path := os.environ.get("AGENT_METRICS_FILE"):
        figures = {"model": "rules", "inputTokens": 0, "outputTokens": 0, "costUsd": 0, "calls": calls}
        pathlib.Path(path).write_text(json.dumps(figures))


def main():
    task = os.environ["AGENT_TASK"]
    name = re.search(r"[\w.-]+/[\w.-]*\w", task)
    skill = next((skill for word, skill in SKILLS.items() if word in task.lower()), None)
    if not name or not skill:
        sys.exit(f"I do not know how to do that: {task}")
    github = Github(
        auth=Auth.Token(os.environ["GITHUB_TOKEN"]),
        # It waits between calls to spare the real service.
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    text = skill(github.get_repo(name.group()), task)
    metrics(calls=1)
    print(json.dumps({"text": text}))


main()
