"""An A2A agent on the Python SDK that serves its card and JSON-RPC over plain HTTP.

  python_agent.py serve        on port 8000; AGENT_URL is what the card says
  python_agent.py call <url>   fetch the card of another agent
"""

import os
import sys

PATIENCE_SECONDS = 3


def serve() -> None:
    import uvicorn
    from a2a.helpers.proto_helpers import new_text_message
    from a2a.server.agent_execution import AgentExecutor
    from a2a.server.request_handlers import DefaultRequestHandler
    from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
    from a2a.server.tasks import InMemoryTaskStore
    from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
    from starlette.applications import Starlette

    class Notes(AgentExecutor):
        async def execute(self, context, event_queue):
            await event_queue.enqueue_event(new_text_message(f"Noted: {context.get_user_input()}"))

        async def cancel(self, context, event_queue):
            pass

    url = os.environ.get("AGENT_URL", "http://localhost:8000/")
    card = AgentCard(
        name="Notes",
        description="Takes notes.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=False),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="note", name="Note", description="Remembers what it is told.", tags=["notes"])],
    )
    handler = DefaultRequestHandler(agent_executor=Notes(), task_store=InMemoryTaskStore(), agent_card=card)
    routes = create_agent_card_routes(card) + create_jsonrpc_routes(handler, "/")
    uvicorn.run(Starlette(routes=routes), host="0.0.0.0", port=8000, log_level="warning")


def call(url: str) -> int:
    import httpx

    try:
        answer = httpx.get(f"{url}/.well-known/agent-card.json", timeout=PATIENCE_SECONDS, trust_env=False)
        print(f"{answer.json()['name']} answered with its card")
        return 0
    except Exception as error:  # whatever keeps the answer away is what the caller wants to know
        print(f"no answer: {type(error).__name__}: {error}")
        return 1


if sys.argv[1:] == ["serve"]:
    serve()
elif len(sys.argv) == 3 and sys.argv[1] == "call":
    sys.exit(call(sys.argv[2]))
else:
    sys.exit(__doc__)
