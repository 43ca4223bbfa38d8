"""A run of an agent under Braintrust's own SDK, which logs it to the server that is named."""

import sys

import braintrust

url, key = sys.argv[1:]
ASKED = [{"role": "user", "content": "close stale issues"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "list_issues", "arguments": '{"state":"open"}'}}

braintrust.login(app_url=url, api_key=key)
logger = braintrust.init_logger(project="support", app_url=url, api_key=key)
with logger.start_span(name="triage-run", type="task", input="close stale issues") as root:
    root.log(metadata={"session_id": "s-1", "user_id": "u-1"})
    with root.start_span(name="chat", type="llm", input=ASKED) as model:
        model.log(
            output=[{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}],
            metadata={"model": "gpt-5"},
            metrics={"prompt_tokens": 120, "completion_tokens": 7},
        )
    with root.start_span(name="list_issues", type="tool", input={"state": "open"}) as tool:
        tool.log(output=[{"number": 4}], metadata={"tool_call_id": "c1"})
    try:
        with root.start_span(name="close_issue", type="tool", input={"number": 4}):
            raise RuntimeError("rate limited")
    except RuntimeError:
        pass
    with root.start_span(name="judge", type="score", span_attributes={"purpose": "scorer"}) as judge:
        judge.log(output="the judge's own words")
    root.log(output="Closed 0 issues", scores={"Factuality": 0.5})
braintrust.flush()
# What a person says comes later, as a part of the row that is there.
logger.log_feedback(id=root.id, scores={"thumbs": 0}, comment="wrong ones", source="external")
braintrust.flush()
