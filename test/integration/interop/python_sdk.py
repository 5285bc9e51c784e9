"""Signs and verifies AgentCards with a2a-sdk: a JSON list of tasks on standard input, the list of answers on standard output."""

import json
import logging
import sys

from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from a2a.utils.signing import create_agent_card_signer, create_signature_verifier
from google.protobuf.json_format import ParseDict

# Cards that lack a field are part of the tests.
logging.disable(logging.CRITICAL)


def sign(task):
    """The card as the SDK's own server would send it."""
    card = ParseDict(task["card"], AgentCard(), ignore_unknown_fields=True)
    return agent_card_to_dict(create_agent_card_signer(task["key"], task["header"])(card))


def verify(task):
    """True, or the name of the exception, as the SDK's own client would have it."""
    try:
        verifier = create_signature_verifier(lambda kid, jku: task["key"], [task["algorithm"]])
        verifier(parse_agent_card(task["card"]))
        return True
    except Exception as error:
        return type(error).__name__


print(json.dumps([{"sign": sign, "verify": verify}[task["do"]](task) for task in json.load(sys.stdin)]))
