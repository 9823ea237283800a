"""The rules that the schema states for a field, in one shape for all types."""

from streak.v1 import validate_pb2


class FieldRules:
    """`uuid`, lengths in bytes (0: none) and the range (None: none) are those of the value, or of each item of a list."""

    def __init__(self, field):
        stated = field.GetOptions().Extensions[validate_pb2.field]
        value = stated.repeated.items if stated.WhichOneof("type") == "repeated" else stated
        rules = getattr(value, value.WhichOneof("type") or "string")
        self.required, self.is_ignored = stated.required, stated.ignore == validate_pb2.IGNORE_ALWAYS
        self.uuid = getattr(rules, "uuid", False)
        self.min_bytes = max(getattr(rules, name, 0) for name in ("min_bytes", "min_len", "len_bytes", "len"))
        self.max_bytes = max(getattr(rules, name, 0) for name in ("max_bytes", "max_len", "len_bytes", "len"))
        self.minimum, self.maximum = getattr(rules, "gte", None), getattr(rules, "lte", None)
