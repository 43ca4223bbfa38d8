"""Pydantic AI with the second version of its format: what 1.0 wrote."""

import pydantic_agent


def main(url):
    pydantic_agent.run(url, 2)
