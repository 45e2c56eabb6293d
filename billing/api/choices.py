"""A field with a fixed list of values, which names them where another was sent."""

from typing import Any, NoReturn

from rest_framework import serializers


class ChoiceField(serializers.ChoiceField):
    """One of a few values. Another one is refused with those that would do."""

    default_error_messages = {"invalid_choice": "“{input}” is not one of: {known}."}

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, known=", ".join(map(str, self.choices)), **kwargs)
