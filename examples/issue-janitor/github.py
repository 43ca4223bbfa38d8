"""The few GitHub calls the agent needs, over urllib."""

import json
import re
import ssl
import urllib.error
import urllib.request

API = "https://api.github.com"


class GitHub:
    def __init__(self, token: str, telemetry):
        self.token = token
        self.telemetry = telemetry
        # Reading the trusted certificates takes longer than a call: once for all of them.
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self.opener = urllib.request.build_opener(https)

    def open_issues(self, repository: str):
        return self.page(f"{API}/repos/{repository}/issues?state=open&per_page=30")

    def page(self, url: str):
        """One page of a list, and the address of the page that follows it, if any."""
        items, headers = self._call("GET", url)
        following = re.search(r'<([^>]+)>; rel="next"', headers.get("link", ""))
        return items, following.group(1) if following else None

    def comment(self, repository: str, number: int, body: str):
        url = f"{API}/repos/{repository}/issues/{number}/comments"
        return self._call("POST", url, {"body": body})[0]

    def close(self, repository: str, number: int):
        url = f"{API}/repos/{repository}/issues/{number}"
        return self._call("PATCH", url, {"state": "closed", "state_reason": "not_planned"})[0]

    def _call(self, method: str, url: str, body=None):
        request = urllib.request.Request(
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "issue-janitor",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with self.telemetry.http(method, url, body) as exchange:
            try:
                with self.opener.open(request, timeout=20) as response:
                    exchange.response(response.status, response.headers, response.read())
            except urllib.error.HTTPError as error:
                exchange.response(error.code, error.headers, error.read())
                raise RuntimeError(f"{method} {url} answered {error.code}") from error
        return exchange.body, exchange.headers
