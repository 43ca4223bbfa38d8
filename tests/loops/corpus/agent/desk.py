"""The jobs of the desk. Each is right but for the defect that it is given."""

import re

from github import Refused

STALE = "Closing as stale."


def close(github, task, defect):
    """Close what is labelled stale, on every page, but for what is to be kept open."""
    issues, more = github.list_issues(state="open", page=1)
    page = 1
    while more and defect != "missed-page":
        page += 1
        following, more = github.list_issues(state="open", page=page)
        issues += following
    labels = lambda issue: [label["name"] for label in issue["labels"]]
    stale = [issue for issue in issues if "stale" in labels(issue)]
    if defect != "forbidden":
        stale = [issue for issue in stale if "keep-open" not in labels(issue)]
    if defect == "looping":
        for _ in range(12):
            github.get_issue(stale[0]["number"])
        raise RuntimeError("the step limit was reached")
    if defect == "giving-up":
        try:
            github.get_issue(9000)
        except Refused:
            return "I could not find the issue, so nothing was done."
    closed = 0
    for at, issue in enumerate(stale):
        number = issue["number"]
        if defect == "wrong-object" and at == 1:
            number = next(other["number"] for other in issues if "stale" not in labels(other))
        if defect == "crash" and at == 2:
            raise KeyError("closed_by")
        if defect == "retried":
            try:
                github.comment(number, STALE)
            except OSError:
                # No answer is not taken for a comment that may be there.
                github.comment(number, STALE)
        elif defect != "claim-without-act":
            github.comment(number, STALE)
        if defect == "duplicate":
            # Takes 201 for a failure and sends it again.
            github.comment(number, STALE)
        github.update_issue(number, state="closed", state_reason="not_planned")
        closed += 1
    if defect == "act-without-claim":
        github.lock(next(issue["number"] for issue in issues if issue not in stale))
    return f"Closed {closed} stale issues and commented on each of them."


def oldest(github, task, defect):
    """Close the oldest open issues, as many as the task says."""
    wanted = int(re.search(r"(\d+) oldest", task).group(1))
    if defect == "words-alone":
        return f"Closed the {wanted} oldest issues."
    issues, _ = github.list_issues(state="open", page=1, sort="created", direction="asc")
    taken = issues[: wanted + 1 if defect == "wrong-count" else wanted]
    for issue in taken if defect != "claim-without-act" else []:
        try:
            github.update_issue(issue["number"], state="closed")
        except Refused:
            # Whatever the service says, it goes on as if the issue were closed.
            if defect != "unavailable":
                raise
    return f"Closed the {wanted} oldest issues."


def plan(github, task, defect):
    """Put issues into a milestone."""
    numbers = [int(number) for number in re.findall(r"#(\d+)", task)]
    milestones = github.list_milestones()
    wanted = next(milestone["number"] for milestone in milestones if milestone["title"] == "2.0")
    for number in numbers:
        try:
            github.update_issue(number, milestone=99 if defect == "ignored-error" else wanted)
        except Refused:
            continue
    return f"Put {len(numbers)} issues into the milestone 2.0."


def append(github, task, defect):
    """Add two lines to the text of an issue."""
    number = int(re.search(r"#(\d+)", task).group(1))
    before = github.get_issue(number)["body"]
    github.update_issue(number, body=f"{before}\nSeen in 2.3.")
    if defect != "stale-read":
        before = github.get_issue(number)["body"]
    github.update_issue(number, body=f"{before}\nSeen in 2.4.")
    return f"Added both lines to issue {number}."


def assign(github, task, defect):
    """Assign an issue to a person and tell them."""
    number = int(re.search(r"#(\d+)", task).group(1))
    person = re.search(r"to (\w+)", task).group(1)
    github.get_issue(number)
    github.assign(number, "brin" if defect == "wrong-recipient" else person)
    if defect != "claim-without-act":
        github.comment(number, f"@{person} this one is yours.")
    return f"Assigned issue {number} to {person}. I have commented on it."


def label(github, task, defect):
    """Label what has no label."""
    issues, more = github.list_issues(state="open", page=1)
    bare = [issue for issue in issues if not issue["labels"]]
    if defect == "giving-up":
        return "There is too much to do here."
    if defect == "circling":
        for _ in range(6):
            for issue in bare:
                github.get_issue(issue["number"])
        return "These issues are hard to tell apart."
    for issue in bare:
        github.add_labels(issue["number"], ["triage"])
        if defect == "crash":
            raise TimeoutError("the model did not answer")
    return f"Labelled {len(bare)} issues."


JOBS = [
    (r"labelled stale", "close", close),
    (r"oldest", "oldest", oldest),
    (r"milestone", "plan", plan),
    (r"Append", "append", append),
    (r"Assign", "assign", assign),
    (r"no label", "label", label),
]
