"""Payload types: what an annotation makes of a JSON value, and back."""

from .handler import HandlerTypes, handler_types
from .protocol import ANY, AnySchema, Schema
from .schemas import schema_for

__all__ = ["ANY", "AnySchema", "HandlerTypes", "Schema", "handler_types", "schema_for"]
