"""What is wrong with a table of PyGithub's methods, a line each: rows as JSON on stdin."""

import importlib
import inspect
import json
import pkgutil
import re
import sys

import github

# Parameters of older releases, and the names that functions around the methods give a number.
ELSEWHERE = {("Github", "get_organization", "login")}
OF_ISSUE = "pull_number"


def classes():
    found = {"Github": github.Github}
    for module in pkgutil.iter_modules(github.__path__):
        loaded = getattr(importlib.import_module(f"github.{module.name}"), module.name, None)
        if inspect.isclass(loaded):
            found[module.name] = loaded
    return found


def shape(path):
    parts = path.split("?")[0].rstrip("/").split("/")
    return ["{}" if part.startswith(("{", ":")) else part for part in parts]


def wrong(known, row):
    on = known.get(row["on"])
    if on is None:
        return "no such class"
    method = vars(on).get(row["name"])
    if not inspect.isfunction(method):
        return "no such method"
    calls = re.findall(
        r"`(GET|POST|PATCH|PUT|DELETE) (?:https://api.github.com)?(/[^\s`]*)", method.__doc__ or ""
    )
    called = [(verb, shape(path)) for verb, path in calls]
    if (row["method"], shape(row["path"])) not in called:
        return f"{row['method']} {row['path']} is not among {calls}"
    parameters = set(inspect.signature(method).parameters) - {"self"}
    properties = {name for name in dir(on) if isinstance(getattr(on, name, None), property)}
    for own, name in row["parameters"]:
        elsewhere = (row["on"], row["name"], own) in ELSEWHERE
        if own not in parameters | properties and own != OF_ISSUE and not elsewhere:
            return f"no parameter and no property {own}"
    if row["encoded"] and row["encoded"] not in parameters:
        return f"no parameter {row['encoded']}"
    # What the path needs is a parameter, or known to what the method is called on.
    said = parameters | properties | {name for _, name in row["parameters"]} | {"owner", "repo"}
    for name in re.findall(r"\{(\w+)\}", row["path"]):
        if name not in said:
            return f"nothing says {name}"
    return None


known = classes()
for row in json.load(sys.stdin):
    problem = wrong(known, row)
    if problem:
        print(f"{row['on']}.{row['name']}: {problem}")
