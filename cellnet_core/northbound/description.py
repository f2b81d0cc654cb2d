"""What the OpenAPI document says of every address alike: who may ask, versions, request ids, errors.

Works on the finished document; what one address takes and answers stands with its route.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cellnet_core.manager.errors import SERVICE_TYPE
from cellnet_core.model import proof
from cellnet_core.northbound.access.policies import AGENTS_OWN, FOR_EVERYBODY, Routes
from cellnet_core.northbound.envelope import error_document
from cellnet_core.northbound.versions import MAX_VERSION, MIN_VERSION, text

Document = dict[str, Any]
TOKEN, SIGNATURE = "token", "agent signature"
SCHEMES: Mapping[str, Document] = {
    TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": "Whoever bears the token is its user. None is asked for on the unix socket, whose "
        "user is trusted, and where the manager has no file of tokens.",
    },
    SIGNATURE: {
        "type": "http",
        "scheme": proof.SCHEME,
        "description": "Of an enrolled agent: over method, address, body, the manager's life and a count "
        "that is taken once. None is asked for where agents need not enrol.",
    },
}
ERRORS: Mapping[str, tuple[str, str, str]] = {
    "400": (
        "request.unknown_field",
        "Bad input",
        "cell: unknown 'colour'; known are name, asn, kind, id, nova_cell_uuid, prefixes, description",
    ),
    "401": ("access.token_missing", "Unauthorized", "show a token in the header X-Auth-Token"),
    "403": (
        "access.forbidden",
        "Forbidden",
        "nagios (reader) may not do this: the rule is cell_network:cells:delete",
    ),
    "404": (
        "cell.not_found",
        "Not found",
        "there is no cell 'nowhere': name it by id, name or Nova cell uuid (see /v1/cells)",
    ),
    "406": (
        "version.unsupported",
        "Not acceptable",
        f"version 1.99 is not supported; ask for {text(MIN_VERSION)} to {text(MAX_VERSION)}",
    ),
    "408": ("request.too_slow", "Too slow", "the body did not come within 30 s: send it at once"),
    "409": ("cell.name_in_use", "Conflict", "there is a cell main already: choose another name"),
    "410": ("event.gone", "Gone", "what came after event 7 is not kept any more: begin anew without it"),
    "412": (
        "revision.conflict",
        "Precondition failed",
        "cell main is at revision 1, If-Match says 7: read it again and repeat",
    ),
    "413": (
        "request.too_large",
        "Too large",
        "a body of 10000024 bytes is larger than any object at this address; send 1048576 at most",
    ),
    "415": (
        "request.media_type",
        "Unsupported media type",
        "Content-Type: 'text/plain' is not read here: send a JSON object as application/json",
    ),
    "503": (
        "store.unavailable",
        "Store unavailable",
        "the database is locked by another program; nothing was changed, try again",
    ),
}
"""An example of each: code, title, detail."""
BODY_REFUSALS = ("408", "413", "415")
HEADERS: Mapping[str, Document] = {
    "X-Openstack-Request-Id": {
        "description": "The id of this request: in events, the audit and the log.",
        "schema": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"},
    },
    "OpenStack-API-Version": {
        "description": "The version that this answer speaks.",
        "schema": {"type": "string", "example": f"{SERVICE_TYPE} {text(MAX_VERSION)}"},
    },
}
VERSION_WANTED: Document = {
    "name": "OpenStack-API-Version",
    "in": "header",
    "required": False,
    "description": f'"{SERVICE_TYPE} {text(MAX_VERSION)}" or "{SERVICE_TYPE} latest"; without it '
    f"{text(MIN_VERSION)} is spoken.",
    "schema": {"type": "string"},
    "example": f"{SERVICE_TYPE} latest",
}


def complete(document: Document) -> None:
    """Put it into the document."""
    components = document["components"]
    # Bad input is 400 here, never the framework's 422.
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = dict(SCHEMES)
    components["headers"] = dict(HEADERS)
    components["parameters"] = {VERSION_WANTED["name"]: VERSION_WANTED}
    rules = Routes()
    for method, path, operation in operations(document):
        found = rules.find(method, path, {})
        operation["security"] = _security(None if found is None else found[0])
        wanted = {"$ref": f"#/components/parameters/{VERSION_WANTED['name']}"}
        operation["parameters"] = [*operation.get("parameters", ()), wanted]
        _answers(operation)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Method, address, and what is said of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _security(rule: str | None) -> list[Document]:
    """One of these is enough; the empty one: nothing is asked for on the unix socket, see SCHEMES."""
    if rule in FOR_EVERYBODY:
        return []
    return [{SIGNATURE if rule in AGENTS_OWN else TOKEN: []}, {}]


def _answers(operation: Document) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    if "requestBody" in operation:
        answers.update({status: {"content": dict(answers["400"]["content"])} for status in BODY_REFUSALS})
    for status, answer in answers.items():
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
        if status in ERRORS:
            code, title, detail = ERRORS[status]
            answer["description"] = title
            body = error_document(
                "req-ee270ca6-cb93-4bdc-8feb-616de617eb5f", int(status), code, title, detail
            )
            if status == "406":
                body |= {"min_version": text(MIN_VERSION), "max_version": text(MAX_VERSION)}
            answer["content"] = {
                kind: {**content, "example": {"errors": [body]}}
                for kind, content in answer["content"].items()
            }
