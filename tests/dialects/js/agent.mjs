// A small agent: it is asked to close stale issues, lists them, and fails to close two.
export const TASK = "close stale issues in acme/webapp";
export const SYSTEM = "You close stale issues.";

// Turns of the model, as the parts that AI SDK's mock models hand out.
export const TURNS = [
  [call("call_list", "list_issues", { repo: "acme/webapp", state: "open" })],
  [
    call("call_close_7", "close_issue", { repo: "acme/webapp", number: 7 }),
    call("call_close_12", "close_issue", { repo: "acme/webapp", number: 12 }),
  ],
  [{ type: "text", text: "Closed no issue: one call timed out, one was refused." }],
];

function call(toolCallId, toolName, input) {
  return { type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) };
}

export function tools(url) {
  return {
    async list_issues({ repo, state }) {
      return await (await fetch(`${url}/repos/${repo}/issues?state=${state}`)).json();
    },
    async close_issue({ repo, number }) {
      if (number === 7) throw new Error("read timed out");
      const options = { method: "PATCH", body: JSON.stringify({ state: "closed" }) };
      const answer = await fetch(`${url}/repos/${repo}/issues/${number}`, options);
      return { error: (await answer.json()).message, status: answer.status };
    },
  };
}
