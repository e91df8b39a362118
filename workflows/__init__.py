"""Compositions of tasks: signatures, chains, groups and chords, their graphs, and handles of running workflows."""

from .chain import chain
from .chord import chord
from .export import dot_of, graph_of, json_of, mermaid_of
from .group import group
from .handle import WorkflowHandle
from .items import chunk_items, map_items
from .signature import AnySignature, Bound, Signature, bind, unbound

__all__ = [
    "AnySignature",
    "Bound",
    "Signature",
    "WorkflowHandle",
    "bind",
    "chain",
    "chord",
    "chunk_items",
    "dot_of",
    "graph_of",
    "group",
    "json_of",
    "map_items",
    "mermaid_of",
    "unbound",
]
