"""The parts of uvicorn that InferenceProtocol overrides, calls or reads, most of them private.

If one of these tests fails after an update of uvicorn, compare `InferenceProtocol` with the new
`HttpToolsProtocol` before changing the expectation.
"""

from __future__ import annotations

import ast
import inspect

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server

from retread.serving.http import connection, protocol

OWN = (connection.Connection, protocol.InferenceProtocol)

OVERRIDDEN = {
    "connection_lost": "(self, exc)",
    "connection_made": "(self, transport)",
    "data_received": "(self, data)",
    "eof_received": "(self)",
    "on_body": "(self, body)",
    "on_header": "(self, name, value)",
    "on_headers_complete": "(self)",
    "on_message_begin": "(self)",
    "on_message_complete": "(self)",
    "on_response_complete": "(self)",
    "on_url": "(self, url)",
    "pause_writing": "(self)",
    "resume_writing": "(self)",
    "shutdown": "(self)",
}
CALLED = {"_unset_keepalive_if_required": "(self)"}
ATTRIBUTES = {
    "app",
    "cycle",
    "expect_100_continue",
    "flow",
    "headers",
    "parser",
    "pipeline",
    "scope",
    "timeout_keep_alive_task",
    "transport",
    "url",
}


def names_only(function: object) -> str:
    """Return the signature of a function without its annotations."""
    assert callable(function)
    parameters = inspect.signature(function).parameters
    return f"({', '.join(parameters)})"


@pytest.mark.parametrize(("name", "signature"), (OVERRIDDEN | CALLED).items(), ids=str)
def test_the_methods_have_the_known_signatures(name: str, signature: str) -> None:
    assert names_only(getattr(HttpToolsProtocol, name)) == signature


def test_no_other_method_is_overridden_by_accident() -> None:
    own_names = {name for one in OWN for name in vars(one) if not name.startswith("__")}
    assert own_names & set(dir(HttpToolsProtocol)) == set(OVERRIDDEN)


def test_the_protocol_takes_the_known_arguments() -> None:
    expected = "(self, config, server_state, app_state, _loop)"
    assert names_only(HttpToolsProtocol.__init__) == expected


def test_the_attributes_exist_and_are_all_that_is_used() -> None:
    """`url` is set by `on_message_begin`, the others by the constructor."""
    source = inspect.getsource(HttpToolsProtocol.__init__)
    source += inspect.getsource(HttpToolsProtocol.on_message_begin)
    assert [name for name in sorted(ATTRIBUTES) if f"self.{name}" not in source] == []
    used: set[str] = set()
    own = {name for one in OWN for name in vars(one)}
    for one in OWN:
        tree = ast.parse(inspect.getsource(one))
        used |= attributes_of_self(tree, ast.Load) | attributes_of_self(tree, ast.Store)
        own |= attributes_of_self(constructor(tree), ast.Store)
    assert used - own == ATTRIBUTES | set(CALLED)


def constructor(tree: ast.AST) -> ast.AST:
    (init,) = [n for n in ast.walk(tree) if getattr(n, "name", "") == "__init__"]
    return init


def attributes_of_self(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Return the attributes of `self` that are read or set in a tree."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, context)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def test_a_request_cycle_has_the_known_state() -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)
    for name in ("keep_alive", "more_body", "response_complete", "response_started"):
        assert f"self.{name}" in source


def test_flow_control_has_the_known_methods() -> None:
    for name in ("pause_reading", "pause_writing", "resume_reading", "resume_writing"):
        assert names_only(getattr(FlowControl, name)) == "(self)"
    assert "self.write_paused" in inspect.getsource(FlowControl.__init__)


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("startup", "(self, sockets)"),
        ("on_tick", "(self, counter)"),
        ("capture_signals", "(self)"),
        ("run", "(self, sockets)"),
    ],
    ids=str,
)
def test_the_server_has_the_known_methods(name: str, signature: str) -> None:
    assert names_only(getattr(Server, name)) == signature


def test_the_server_ticks_ten_times_per_second() -> None:
    source = inspect.getsource(Server.main_loop)
    assert "asyncio.sleep(0.1)" in source
    assert "self.on_tick(" in source
    assert "default_headers" in inspect.getsource(Server.on_tick)
