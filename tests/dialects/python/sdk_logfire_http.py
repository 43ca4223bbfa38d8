"""HTTP calls with headers and bodies, as Logfire's instrumentation of httpx captures them."""

import httpx
import logfire


def main(url):
    logfire.configure(
        send_to_logfire=False, console=False, service_name="issue-janitor", inspect_arguments=False
    )
    logfire.instrument_httpx(capture_all=True)
    with logfire.span("janitor"):
        with httpx.Client() as client:
            issues = f"{url}/repos/acme/webapp/issues"
            client.get(issues, params={"state": "open"})
            client.patch(f"{issues}/12", json={"state": "closed"})
    logfire.force_flush()
