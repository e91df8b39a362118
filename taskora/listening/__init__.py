"""Listening: who wants to be told of what, and the reader that tells them."""

from taskora.listening.listening import Listening
from taskora.listening.subscribing import OnApp, OnTask, Unsubscribe

__all__ = ["Listening", "OnApp", "OnTask", "Unsubscribe"]
