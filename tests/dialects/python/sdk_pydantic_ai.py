"""Pydantic AI with its own instrumentation, which is what Logfire switches on: version 5 of
its format."""

import pydantic_agent


def main(url):
    pydantic_agent.run(url, 5)
