"""Cuts GitHub's API description down to what buildbot-watch and its tests use.

github_openapi.py FULL.json SLICE.json

The slice holds the operations below with all components they lead to, still at
`#/components/...`. It is turned from OpenAPI 3.0 into plain JSON Schema where
the two differ (`nullable`), because a JSON Schema validator ignores `nullable`
and would refuse every null that GitHub sends.
"""

import json
import sys

ISSUES = "/repos/{owner}/{repo}/issues"
ISSUE = ISSUES + "/{issue_number}"
OPERATIONS = {
    ISSUES: ("get", "post"),
    ISSUE: ("get", "patch"),
    ISSUE + "/comments": ("get", "post"),
    ISSUES + "/comments": ("get",),
    ISSUES + "/comments/{comment_id}": ("get", "patch"),
    "/repos/{owner}/{repo}/labels": ("get",),
    "/repos/{owner}/{repo}": ("get",),
    "/user": ("get",),
    "/rate_limit": ("get",),
    "/search/issues": ("get",),
}


def references(node):
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def with_components(full: dict, paths: dict) -> dict:
    """The components that `paths` leads to, directly or through others."""
    components: dict = {}
    waiting = set(references(paths))
    while waiting:
        reference = waiting.pop()
        _, _, section, name = reference.split("/", 3)
        chosen = components.setdefault(section, {})
        if name not in chosen:
            chosen[name] = full["components"][section][name]
            waiting.update(references(chosen[name]))
    return components


def plain(node, names_are_free: bool = False):
    """The same without `nullable`.

    names_are_free: the keys are property names, not keywords of a schema.
    """
    if isinstance(node, list):
        return [plain(value) for value in node]
    if not isinstance(node, dict):
        return node
    schema = {
        # Examples are data; a property may itself be called `example`.
        key: value
        if key in ("example", "examples", "enum", "default") and not names_are_free
        else plain(value, names_are_free=key == "properties" and not names_are_free)
        for key, value in node.items()
    }
    if names_are_free or schema.get("nullable") not in (True, False):
        return schema
    return or_null(schema) if schema.pop("nullable") else schema


def or_null(schema: dict) -> dict:
    """The schema, but null is good too."""
    combined = {"$ref", "allOf", "anyOf", "oneOf", "not"} & schema.keys()
    if isinstance(schema.get("type"), str) and not combined:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
        return schema
    # Not every description says what type is nullable, and `allOf` with null
    # inside would still refuse it.
    return {"anyOf": [schema, {"type": "null"}]}


def main(full_path: str, slice_path: str) -> None:
    with open(full_path) as file:
        full = json.load(file)
    paths = {}
    for path, methods in OPERATIONS.items():
        described = full["paths"][path]
        paths[path] = {method: described[method] for method in methods}
        if "parameters" in described:
            paths[path]["parameters"] = described["parameters"]
    small = {
        "openapi": full["openapi"],
        "info": full["info"],
        "paths": plain(paths),
        "components": {
            section: {name: plain(value) for name, value in chosen.items()}
            for section, chosen in sorted(with_components(full, paths).items())
        },
    }
    with open(slice_path, "w") as file:
        json.dump(small, file, indent=1)


main(*sys.argv[1:])
