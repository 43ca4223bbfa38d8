"""A small agent: it is asked to close stale issues, lists them, and fails to close two."""

import json

import openai
import requests

TASK = "close stale issues in acme/webapp"
SYSTEM = "You close stale issues."


def _tool(name, properties):
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
TOOLS = [
    _tool("list_issues", {"repo": TEXT, "state": TEXT}),
    _tool("close_issue", {"repo": TEXT, "number": NUMBER}),
]


def tools(tracker):
    """The functions that do the work, by name."""

    def list_issues(repo, state):
        return requests.get(f"{tracker}/repos/{repo}/issues", params={"state": state}).json()

    def close_issue(repo, number):
        if number == 7:
            raise TimeoutError("read timed out")
        url = f"{tracker}/repos/{repo}/issues/{number}"
        answer = requests.patch(url, json={"state": "closed"})
        return {"error": answer.json()["message"], "status": answer.status_code}

    return {"list_issues": list_issues, "close_issue": close_issue}


def run(url, call):
    """The loop. `call` runs one tool, given its function, its call's id and its arguments."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
    functions = tools(url)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}]
    for _ in range(5):
        answer = client.chat.completions.create(
            model="model-x", messages=messages, tools=TOOLS, temperature=0
        )
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message.model_dump(exclude_none=True))
        for asked in message.tool_calls:
            name, arguments = asked.function.name, json.loads(asked.function.arguments)
            try:
                result = call(functions[name], asked.id, arguments)
            except TimeoutError as error:
                result = f"Error: {error}"
            content = result if isinstance(result, str) else json.dumps(result)
            messages.append({"role": "tool", "tool_call_id": asked.id, "content": content})
    raise RuntimeError("the model never came to an end")
