"""The agent again, as Pydantic AI would have it, instrumented by Logfire."""

import logfire
import requests
from agent import SYSTEM, TASK
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models import openai
from pydantic_ai.providers.openai import OpenAIProvider


def run(url, version):
    logfire.configure(
        send_to_logfire=False,
        console=False,
        service_name="issue-janitor",
        inspect_arguments=False,
    )
    if version == 1:
        # What instrument_pydantic_ai did then; the format had no number yet.
        Agent.instrument_all(InstrumentationSettings(event_mode="attributes"))
    else:
        logfire.instrument_pydantic_ai(include_content=True, version=version)
    kind = getattr(openai, "OpenAIChatModel", None) or openai.OpenAIModel
    model = kind("model-x", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none"))
    agent = Agent(model, system_prompt=SYSTEM, name="janitor")

    @agent.tool_plain
    def list_issues(repo: str, state: str) -> list[dict]:
        return requests.get(f"{url}/repos/{repo}/issues", params={"state": state}).json()

    @agent.tool_plain
    def close_issue(repo: str, number: int) -> dict:
        if number == 7:
            raise ModelRetry("read timed out")
        answer = requests.patch(f"{url}/repos/{repo}/issues/{number}", json={"state": "closed"})
        return {"error": answer.json()["message"], "status": answer.status_code}

    agent.run_sync(TASK)
    logfire.force_flush()
