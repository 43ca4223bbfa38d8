"""A fixer for the demonstration: does by rule what a coding agent would do after reading the
brief. It applies the keep-open check to every page instead of the first one only."""

import pathlib
import sys

agent = pathlib.Path("agent.py")
source = agent.read_text(encoding="utf-8")
wrong = "stale += [issue for issue in issues if is_stale(issue, cutoff)]"
right = "stale += [issue for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]"
if wrong not in source:
    sys.exit("fix: the line to repair is not there")
agent.write_text(source.replace(wrong, right), encoding="utf-8")
print("fix: applied the keep-open check to the pages that follow the first")
