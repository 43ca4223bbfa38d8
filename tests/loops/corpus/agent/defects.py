"""What is wrong on purpose, by the name of the repository: `acme/<job>-<defect>-<shape>`."""

import re

SHAPES = {"genai": "genai", "inference": "openinference", "llmetry": "openllmetry"}


def parts(repository: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"acme/([a-z]+)-([a-z-]+)-([a-z]+)", repository)
    return found.group(1), found.group(2), found.group(3)


def defects_of(repository: str) -> str:
    return parts(repository)[1]


def shape_of(repository: str) -> str:
    return SHAPES[parts(repository)[2]]
