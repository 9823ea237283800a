"""The content of an exported document."""

import json


def sections(document):
    """The comparable part of a JSON document: without change numbers and names of completions,
    which start anew."""
    parsed = json.loads(document)
    parsed = {name: parsed[name] for name in ("habits", "ledger", "history", "rejectedOperations", "notices")}

    def clean(value):
        if isinstance(value, dict):
            return {key: clean(part) for key, part in value.items() if key not in ("version", "completions")}
        return [clean(part) for part in value] if isinstance(value, list) else value

    return clean(parsed)
