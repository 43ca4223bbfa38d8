"""The calls of GitHub that the desk makes, over urllib, each inside the span of a tool.

The three shapes of traces name them as their users do: methods of octokit with its arguments, tools of
the agent's own that `.archal.json` maps, and functions around HTTP spans that were recorded with bodies.
"""

import json
import re
import ssl
import urllib.error
import urllib.request

API = "https://api.github.com"


class Refused(RuntimeError):
    """The service said no."""


class GitHub:
    def __init__(self, token, telemetry, repository):
        self.token = token
        self.telemetry = telemetry
        self.repository = repository
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self.opener = urllib.request.build_opener(https)

    def list_issues(self, **query):
        query = {"per_page": 30, **query}
        issues, headers = self._tool("list_issues", "issues.listForRepo", "GET", "/issues", query)
        return issues, 'rel="next"' in headers.get("link", "")

    def list_milestones(self):
        return self._tool("list_milestones", "issues.listMilestones", "GET", "/milestones", {"state": "open"})[0]

    def get_issue(self, number):
        return self._tool("get_issue", "issues.get", "GET", f"/issues/{number}", {}, number)[0]

    def update_issue(self, number, **fields):
        return self._tool("update_issue", "issues.update", "PATCH", f"/issues/{number}", fields, number)[0]

    def comment(self, number, body):
        path = f"/issues/{number}/comments"
        return self._tool("comment_on_issue", "issues.createComment", "POST", path, {"body": body}, number)[0]

    def assign(self, number, person):
        path = f"/issues/{number}/assignees"
        return self._tool("assign_issue", "issues.addAssignees", "POST", path, {"assignees": [person]}, number)[0]

    def add_labels(self, number, labels):
        path = f"/issues/{number}/labels"
        return self._tool("label_issue", "issues.addLabels", "POST", path, {"labels": labels}, number)[0]

    def lock(self, number):
        path = f"/issues/{number}/lock"
        return self._tool("lock_issue", "issues.lock", "PUT", path, {"lock_reason": "resolved"}, number)[0]

    def _tool(self, own, method, verb, path, fields, number=None):
        owner, repo = self.repository.split("/")
        if self.telemetry.shape == "openinference":
            name, where = f"octokit.rest.{method}", {"owner": owner, "repo": repo}
            where |= {} if number is None else {"issue_number": number}
        else:
            name, where = own, {"repository": self.repository}
            where |= {} if number is None else {"number": number}
        url = f"{API}/repos/{self.repository}{path}"
        if verb == "GET" and fields:
            url += "?" + "&".join(f"{key}={value}" for key, value in fields.items())
        with self.telemetry.tool(name, where | fields) as call:
            body, headers = self._send(verb, url, None if verb == "GET" else fields)
            # What octokit hands back has the headers beside the data.
            is_octokit = self.telemetry.shape == "openinference"
            call.result = {"data": body, "headers": {"link": headers.get("link")}} if is_octokit else body
        return body, headers

    def _send(self, verb, url, fields):
        request = urllib.request.Request(
            url,
            method=verb,
            data=None if fields is None else json.dumps(fields).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "desk",
            },
        )
        with self.telemetry.http(verb, url, fields) as exchange:
            try:
                with self.opener.open(request, timeout=20) as response:
                    exchange.response(response.status, response.headers, response.read())
            except urllib.error.HTTPError as error:
                exchange.response(error.code, error.headers, error.read())
                said = (exchange.body or {}).get("message", "")
                raise Refused(f"{error.code} {said} ({verb} {url})") from error
        return exchange.body, exchange.headers
