"""Pydantic AI with the first version of its format: content as events in one attribute."""

import pydantic_agent


def main(url):
    pydantic_agent.run(url, 1)
