"""A run of an agent under Langfuse's own SDK, which pushes it to the server that is named."""

import sys

from langfuse import Langfuse, propagate_attributes

url, public_key, secret_key = sys.argv[1:]
langfuse = Langfuse(
    public_key=public_key, secret_key=secret_key, base_url=url, environment="production", release="r1"
)
ASKED = [{"role": "user", "content": "close stale issues"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "list_issues", "arguments": '{"state":"open"}'}}

about = propagate_attributes(trace_name="triage", session_id="s-1", user_id="u-1", tags=["nightly"])
with about, langfuse.start_as_current_observation(
    name="triage-run", as_type="agent", input="close stale issues"
) as root:
    with langfuse.start_as_current_observation(
        name="chat", as_type="generation", model="gpt-5", input=ASKED
    ) as model:
        model.update(
            output={"role": "assistant", "content": None, "tool_calls": [CALL]},
            usage_details={"input": 100, "output": 7},
        )
    with langfuse.start_as_current_observation(
        name="list_issues", as_type="tool", input={"state": "open"}
    ) as tool:
        tool.update(output=[{"number": 4}])
    with langfuse.start_as_current_observation(
        name="close_issue", as_type="tool", input={"number": 4}
    ) as tool:
        tool.update(level="ERROR", status_message="rate limited")
    root.update(output="Closed 0 issues", metadata={"transcript": "y" * 500})
    root.score_trace(name="user-feedback", value=-1, comment="wrong ones")
langfuse.flush()
langfuse.shutdown()
